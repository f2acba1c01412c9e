"""The one jitted function that advances the state of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from alexnet_jax.augment import Statistics, training_views
from alexnet_jax.config import Architecture
from alexnet_jax.metrics import scores
from alexnet_jax.model import forward
from alexnet_jax.optim import learning_rate_at
from alexnet_jax.parallel import Topology
from alexnet_jax.recipe import TrainConfig
from alexnet_jax.state import TrainState, abstract_state, optimizer, trained

Draw = tuple[jax.Array, jax.Array]  # key of the run, step
StepFunction = Callable[
    [TrainState, dict[str, jax.Array], Statistics], tuple[TrainState, dict[str, jax.Array]]
]


def example_keys(key: jax.Array, step: jax.Array, indices: jax.Array) -> jax.Array:
    """[B] keys, one for each example of a step: functions of (run key, step, place in the batch).

    Folding, rather than splitting per device, makes the draws the same on any topology.
    """
    step_key = jax.random.fold_in(key, step)
    return jax.vmap(lambda index: jax.random.fold_in(step_key, index))(indices)


def make_train_step(
    architecture: Architecture, config: TrainConfig, topology: Topology, steps_per_epoch: float
) -> StepFunction:
    """The jitted update: (state, batch, statistics) -> (state, metrics). The state is donated.

    A batch is {"image": [B, S, S, C] uint8, "label": [B] int32, "index": [B] int32 place in the
    whole batch}. Metrics are means over the batch: loss, top1, top5 (with this step's dropout
    masks and views, before the update), and the learning rate.

    With `config.accumulate` > 1 the gradient is the mean over as many equal parts of the batch,
    one after the other, in the memory of one part: the same update, but for rounding, since every
    example's draws depend on its place in the whole batch.

    Layers in `config.freeze` come out as they went in: they have no gradient, no weight decay and
    no velocity, and nothing is computed backwards below the lowest layer that is trained.
    """
    gradients = make_gradients(architecture, config, topology)
    update = _make_update(architecture, config, steps_per_epoch)
    # Said, not left to the compiler: state goes out as it came in, and no copy is made between.
    places = topology.shardings(abstract_state(architecture, config, topology))
    if config.accumulate > 1:
        # Gradients like the parameters that are trained, metrics whole.
        sums = (trained(config, places.params), places.step)
        gradients = _in_parts(gradients, config.accumulate, sums)
    return jax.jit(
        lambda state, batch, statistics: update(state, *gradients(state, batch, statistics)),
        donate_argnums=0,
        out_shardings=(places, None),
    )


def _in_parts(gradients: Any, parts: int, places: Any) -> Any:
    """As `gradients`, their mean over equal parts of a batch, in a loop."""

    def part_of(batch: dict[str, jax.Array], part: jax.Array) -> dict[str, jax.Array]:
        # Every parts-th row, so that each device's share of a batch divides like the whole.
        def rows(leaf: jax.Array) -> jax.Array:
            split = leaf.reshape((leaf.shape[0] // parts, parts, *leaf.shape[1:]))
            return jax.lax.dynamic_index_in_dim(split, part, 1, keepdims=False)

        return jax.tree.map(rows, batch)

    def mean(state: TrainState, batch: dict[str, jax.Array], statistics: Statistics) -> Any:
        def of(part: jax.Array) -> Any:
            return gradients(state, part_of(batch, part), statistics)

        def add(sums: Any, part: jax.Array) -> tuple[Any, None]:
            sums = jax.tree.map(jnp.add, sums, of(part))
            return jax.lax.with_sharding_constraint(sums, places), None

        zeros = jax.tree.map(jnp.zeros_like, jax.eval_shape(of, jnp.int32(0)))
        sums, _ = jax.lax.scan(add, zeros, jnp.arange(parts, dtype=jnp.int32))
        return jax.tree.map(lambda leaf: leaf / parts, sums)

    return mean


def make_gradients(architecture: Architecture, config: TrainConfig, topology: Topology) -> Any:
    """(state, batch, statistics) -> (gradients, metrics), a function to be jitted.

    Gradients of the batch's mean loss, before weight decay, placed like the parameters that are
    not frozen, which they resemble in shape and dtype; metrics are means over the batch of loss,
    top1 and top5. The arguments are those of `make_train_step`.
    """
    compute = jnp.dtype(config.dtype)

    def loss_fn(
        moving: Any, frozen: Any, draw: Draw, batch: dict[str, jax.Array], statistics: Statistics
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        params = {**frozen, **moving}
        views = _views(architecture, config, topology, draw, batch, statistics)
        mask_keys = _folded(example_keys(*draw, batch["index"]), 1)
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), topology.differing(params))
        logits = forward(architecture, cast, views, topology.towers, keys=mask_keys)
        found = scores(logits, batch["label"])
        means = {name: topology.mean(jnp.mean(value)) for name, value in found.items()}
        return means["loss"], means

    def gradients(
        state: TrainState, batch: dict[str, jax.Array], statistics: Statistics
    ) -> tuple[Any, dict[str, jax.Array]]:
        moving = trained(config, state.params)
        frozen = {name: state.params[name] for name in config.freeze}
        where = topology.specs(moving)
        spread = topology.spread(
            jax.grad(loss_fn, has_aux=True),
            (where, topology.specs(frozen), jax.P(), topology.batch_specs(batch), jax.P()),
            (where, jax.P()),
        )
        return spread(moving, frozen, (state.key, state.step), batch, statistics)

    return gradients


def _views(
    architecture: Architecture,
    config: TrainConfig,
    topology: Topology,
    draw: Draw,
    batch: dict[str, jax.Array],
    statistics: Statistics,
) -> jax.Array:
    """What the network sees of this device's images in training."""
    rule, index = architecture.views, topology.own_rows(batch["index"])
    views = training_views(
        _folded(example_keys(*draw, index), 0),
        batch["image"],
        statistics,
        size=architecture.image_size,
        random_crop=config.random_crop,
        mirror=config.mirror,
        colour_noise=config.colour_noise,
        scale=config.scale,
        attenuate=rule.attenuate,
        place_keys=_folded(example_keys(*draw, index // rule.share * rule.share), 0),
        dtype=jnp.dtype(config.dtype),
    )
    return topology.seen_by_all(views)


def _folded(keys: jax.Array, number: int) -> jax.Array:
    return jax.vmap(jax.random.fold_in, (0, None))(keys, number)


def _make_update(architecture: Architecture, config: TrainConfig, steps_per_epoch: float) -> Any:
    """(state, gradients, metrics) -> (the next state, metrics with the learning rate)."""
    tx = optimizer(architecture, config)

    def update(
        state: TrainState, grads: Any, metrics: dict[str, jax.Array]
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        rate = learning_rate_at(config, state.step, state.plateau.drops, steps_per_epoch)
        moving = trained(config, state.params)
        updates, opt_state = tx.update(grads, _with_rate(state.opt_state, rate), moving)
        moving = optax.apply_updates(moving, updates)
        params, average = {**state.params, **moving}, state.average
        if config.ema > 0:
            old = trained(config, average)
            average = {**average, **moving_average(old, moving, config.ema, state.step)}
        state = TrainState(state.step + 1, params, opt_state, state.key, state.plateau, average)
        return state, metrics | {"learning_rate": rate}

    return update


def moving_average(average: Any, params: Any, decay: float, step: jax.Array) -> Any:
    """The average of the weights after one more update.

        avg <- avg + max(1 - decay, 1 / (step + 1)) (w - avg)

    The plain mean of all weights so far, until there are 1 / (1 - decay) of them; from then on it
    forgets exponentially. The initial weights have no part in it.

    Args:
      average, params: trees of the same shapes; params after the update.
      decay: in (0, 1).
      step: [] int32, updates made before this one.
    """
    weight = jnp.maximum(jnp.float32(1 - decay), 1 / (step + 1).astype(jnp.float32))
    return jax.tree.map(
        lambda old, new: old + weight.astype(old.dtype) * (new - old), average, params
    )


def _with_rate(opt_state: Any, rate: jax.Array) -> Any:
    old = opt_state.hyperparams["learning_rate"]
    return opt_state._replace(
        hyperparams={**opt_state.hyperparams, "learning_rate": rate.astype(old.dtype)}
    )
