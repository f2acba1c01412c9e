"""The training step: views of the images, loss, gradients and update."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import optax

from alexnet_jax.data import Statistics, training_views
from alexnet_jax.inference import scores
from alexnet_jax.network import Architecture, Params, forward
from alexnet_jax.ops import product_precision
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training.accumulation import (
    Batch,
    GradientFunction,
    Metrics,
    Sums,
    mean_over_parts,
    parts_in_caches,
)
from alexnet_jax.training.optim import moving_average, with_rate
from alexnet_jax.training.schedule import learning_rate_at
from alexnet_jax.training.state import TrainState, abstract_state, optimizer, trained

Draw = tuple[jax.Array, jax.Array]  # key of the run, step
StepFunction = Callable[[TrainState, Batch, Statistics], tuple[TrainState, Metrics]]


def make_train_step(
    architecture: Architecture, config: TrainConfig, topology: Topology, steps_per_epoch: float
) -> StepFunction:
    """Return the jitted update: (state, batch, statistics) -> (state, metrics).

    The state is donated. A batch is {"image": [B, S, S, C] uint8, "label": [B] int32,
    "index": [B] int32 position in the whole batch}. Metrics are the learning rate and means over
    the batch of loss, top1 and top5, computed before the update with this step's dropout masks and
    views.

    With `config.accumulate` > 1 the gradient is the mean over that many equal parts of the batch,
    computed one at a time in the memory of one part. The update is the same up to rounding, since
    an example's random draws depend on its position in the whole batch.

    Layers in `config.freeze` are returned unchanged: they have no gradient, no weight decay and no
    velocity, and the backward pass ends at the lowest layer that is trained.
    """
    gradients_of = make_batch_gradients(architecture, config, topology)
    transform = optimizer(architecture, config)
    # Explicit, so that the new state has the shardings of the old one and can take its memory.
    shardings = topology.shardings(abstract_state(architecture, config, topology))

    def train_step(
        state: TrainState, batch: Batch, statistics: Statistics
    ) -> tuple[TrainState, Metrics]:
        # Views and loss of the batch, and the loss's gradients (`loss`, below).
        gradients, metrics = gradients_of(state, batch, statistics)
        # The update: v <- momentum v - decay rate w - rate g, w <- w + v.
        rate = learning_rate_at(config, state.step, state.plateau.drops, steps_per_epoch)
        weights = trained(config, state.params)
        updates, opt_state = transform.update(gradients, with_rate(state.opt_state, rate), weights)
        # optax has one type for all trees.
        weights = cast(Params, optax.apply_updates(weights, updates))
        params, average = {**state.params, **weights}, state.average
        if config.ema > 0:
            assert average is not None
            before = trained(config, average)
            average = {**average, **moving_average(before, weights, config.ema, state.step)}
        state = TrainState(state.step + 1, params, opt_state, state.key, state.plateau, average)
        return state, metrics | {"learning_rate": rate}

    return jax.jit(train_step, donate_argnums=0, out_shardings=(shardings, None))


def make_batch_gradients(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> GradientFunction:
    """Return `make_gradients`, of a batch that is computed in `config.accumulate` parts.

    A single CPU computes each of these in parts as well if that is faster.
    """
    gradients = make_gradients(architecture, config, topology)
    parts = config.accumulate
    if topology.mesh.size == 1 and topology.mesh.devices.flat[0].platform == "cpu":
        parts *= parts_in_caches(architecture, config.batch // config.accumulate)
    if parts == 1:
        return gradients
    # Gradients are sharded like the trained parameters; metrics are replicated, like `step`.
    shardings = topology.shardings(abstract_state(architecture, config, topology))
    sums = (trained(config, shardings.params), shardings.step)
    return mean_over_parts(gradients, parts, sums)


def make_gradients(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> GradientFunction:
    """Return the function (state, batch, statistics) -> (gradients, metrics), to be jitted.

    Gradients are those of the batch's mean loss, before weight decay; they have the shapes, dtypes
    and shardings of the parameters that are not frozen. Metrics are means over the batch of loss,
    top1 and top5. The arguments are those of `make_train_step`.

    Raises:
      InputError: a network without a classifier.
    """
    architecture.require_classes("a training")

    def gradients(state: TrainState, batch: Batch, statistics: Statistics) -> Sums:
        weights = trained(config, state.params)
        frozen = {name: state.params[name] for name in config.freeze}
        weight_specs = topology.specs(weights)
        on_every_device = topology.shard_map(
            jax.grad(partial(loss, architecture, config, topology), has_aux=True),
            (weight_specs, topology.specs(frozen), jax.P(), topology.batch_specs(batch), jax.P()),
            (weight_specs, jax.P()),
        )
        draw = (state.key, state.step)
        with product_precision(config.precision):
            sums: Sums = on_every_device(weights, frozen, draw, batch, statistics)
        return sums

    return gradients


def loss(
    architecture: Architecture,
    config: TrainConfig,
    topology: Topology,
    weights: Params,
    frozen: Params,
    draw: Draw,
    batch: Batch,
    statistics: Statistics,
) -> tuple[jax.Array, Metrics]:
    """Compute the mean loss and all metrics of a batch; each device computes its own images."""
    view_keys, mask_keys = _fold_each(example_keys(*draw, batch["index"]), 0, 1)
    views = _views(architecture, config, topology, view_keys, draw, batch, statistics)
    dtype = jnp.dtype(config.dtype)
    params = topology.mark_varying({**frozen, **weights})
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    logits = forward(architecture, params, views, topology.towers, keys=mask_keys)
    by_image = scores(logits, batch["label"])
    means = {name: topology.mean(jnp.mean(value)) for name, value in by_image.items()}
    return means["loss"], means


def views_of_step(
    architecture: Architecture,
    config: TrainConfig,
    draw: Draw,
    batch: Batch,
    statistics: Statistics,
) -> jax.Array:
    """Compute on one device the views that a training step takes of some images of its batch.

    Args:
      draw: key of the run, and number of updates made before the step.
      batch: the images, with their "index" in the whole batch.

    Returns:
      [B, H, W, C] of `config.dtype`.
    """
    (keys,) = _fold_each(example_keys(*draw, batch["index"]), 0)
    one_device = topology("one_device", architecture, jax.local_devices()[:1])
    return _views(architecture, config, one_device, keys, draw, batch, statistics)


def _views(
    architecture: Architecture,
    config: TrainConfig,
    topology: Topology,
    keys: jax.Array,
    draw: Draw,
    batch: Batch,
    statistics: Statistics,
) -> jax.Array:
    """Compute the views of this device's images: random crops, mirror images and colour noise."""
    rule, place_keys = architecture.views, None
    if rule.share > 1:
        first = topology.own_rows(batch["index"]) // rule.share * rule.share
        (place_keys,) = _fold_each(example_keys(*draw, first), 0)
    views = training_views(
        topology.own_rows(keys),
        batch["image"],
        statistics,
        size=architecture.image_size,
        random_crop=config.random_crop,
        mirror=config.mirror,
        colour_noise=config.colour_noise,
        scale=config.scale,
        attenuate=rule.attenuate,
        place_keys=place_keys,
        dtype=jnp.dtype(config.dtype),
    )
    return topology.share_between_towers(views)


def example_keys(key: jax.Array, step: jax.Array, indices: jax.Array) -> jax.Array:
    """Return [B] random keys, one per example: functions of (run key, step, position in the batch).

    The keys are folded, not split per device, so the draws are the same on every topology.
    """
    step_key = jax.random.fold_in(key, step)
    return jax.vmap(lambda index: jax.random.fold_in(step_key, index))(indices)


def _fold_each(keys: jax.Array, *numbers: int) -> jax.Array:
    """Fold each of N numbers into each of the keys [B]: [N, B], in one computation."""
    fold = jax.vmap(jax.vmap(jax.random.fold_in, (0, None)), (None, 0))
    folded: jax.Array = fold(keys, jnp.array(numbers))
    return folded
