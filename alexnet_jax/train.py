"""The state of a run and the one jitted function that advances it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax import ops
from alexnet_jax.augment import Statistics, training_views
from alexnet_jax.config import Architecture
from alexnet_jax.metrics import scores
from alexnet_jax.model import forward, init
from alexnet_jax.optim import Plateau, learning_rate_at, paper_sgd
from alexnet_jax.parallel import Topology
from alexnet_jax.recipe import TrainConfig


class TrainState(NamedTuple):
    """All that a run needs to go on, besides its data and their position."""

    step: jax.Array  # shape=(), dtype=int32; updates made
    params: Any  # canonical tree, float32 (float64 for checking)
    opt_state: Any  # the velocity and the learning rate it was last fed with
    key: jax.Array  # shape=(), random key of the run; never split, only folded
    plateau: Plateau
    average: Any  # of the parameters over the updates, where config.ema > 0; else None

    @property
    def tested(self) -> Any:
        """The weights to evaluate: their average where there is one."""
        return self.params if self.average is None else self.average


StepFunction = Callable[
    [TrainState, dict[str, jax.Array], Statistics], tuple[TrainState, dict[str, jax.Array]]
]


def optimizer(architecture: Architecture, config: TrainConfig) -> optax.GradientTransformation:
    """The paper's SGD with a learning rate that the step sets, and the preset's bias rule."""
    constants = ("momentum", "weight_decay", "bias_rate", "bias_decay")
    injected = optax.inject_hyperparams(
        paper_sgd, static_args=constants, hyperparam_dtype=_parameter_dtype(config)
    )
    return injected(
        learning_rate=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
        bias_rate=architecture.biases.rate,
        bias_decay=architecture.biases.decay,
    )


def _parameter_dtype(config: TrainConfig) -> Any:
    return jnp.float64 if config.dtype == "float64" else jnp.float32


def init_state(architecture: Architecture, config: TrainConfig, topology: Topology) -> TrainState:
    """The state before the first update, a function of the seed alone. Runs under jit."""

    @jax.jit
    def make(key: jax.Array) -> TrainState:
        init_key, run_key = jax.random.split(key)
        params = init(architecture, init_key, _parameter_dtype(config))
        opt_state = optimizer(architecture, config).init(params)
        plateau = jax.tree.map(jnp.asarray, Plateau.start())
        average = jax.tree.map(jnp.copy, params) if config.ema > 0 else None
        return TrainState(jnp.zeros((), jnp.int32), params, opt_state, run_key, plateau, average)

    return topology.place(make(jax.random.key(config.seed)))


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
    """
    gradients = _make_gradients(architecture, config, topology)
    update = _make_update(architecture, config, steps_per_epoch)
    if config.accumulate == 1:
        return jax.jit(
            lambda state, batch, statistics: update(state, *gradients(state, batch, statistics)),
            donate_argnums=0,
        )
    return _accumulating(gradients, update, config.accumulate)


def _accumulating(gradients: Any, update: Any, parts: int) -> StepFunction:
    """A step of several programs: XLA runs convolutions inside a loop ten times slower on a CPU."""

    def part_of(batch: dict[str, jax.Array], part: jax.Array) -> dict[str, jax.Array]:
        # Every parts-th row, so that each device's share of a batch divides like the whole.
        def rows(leaf: jax.Array) -> jax.Array:
            split = leaf.reshape((leaf.shape[0] // parts, parts, *leaf.shape[1:]))
            return jax.lax.dynamic_index_in_dim(split, part, 1, keepdims=False)

        return jax.tree.map(rows, batch)

    @jax.jit
    def zeros(*args: Any) -> Any:
        shapes = jax.eval_shape(gradients, *args)
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    @partial(jax.jit, donate_argnums=0)
    def add(sums: Any, state: TrainState, batch: Any, statistics: Any, part: jax.Array) -> Any:
        return jax.tree.map(jnp.add, sums, gradients(state, part_of(batch, part), statistics))

    @partial(jax.jit, donate_argnums=0)
    def finish(state: TrainState, sums: Any) -> tuple[TrainState, dict[str, jax.Array]]:
        return update(state, *jax.tree.map(lambda leaf: leaf / parts, sums))

    def train_step(
        state: TrainState, batch: dict[str, jax.Array], statistics: Statistics
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        sums = zeros(state, batch, statistics)
        for part in range(parts):
            sums = add(sums, state, batch, statistics, np.int32(part))
        return finish(state, sums)

    return train_step


def _make_gradients(architecture: Architecture, config: TrainConfig, topology: Topology) -> Any:
    """(state, batch, statistics) -> (gradients of the mean loss, mean loss and accuracies)."""
    compute, rule = jnp.dtype(config.dtype), architecture.views

    def loss_fn(
        params: Any, batch: dict[str, jax.Array], state: TrainState, statistics: Statistics
    ) -> tuple[jax.Array, jax.Array]:
        keys, index = example_keys(state.key, state.step, batch["index"]), batch["index"]
        leaders = keys
        if rule.share > 1:
            leaders = example_keys(state.key, state.step, index // rule.share * rule.share)
        fold = jax.vmap(jax.random.fold_in, (0, None))
        views = training_views(
            fold(keys, 0),
            batch["image"],
            statistics,
            size=architecture.image_size,
            mirror=config.mirror,
            colour_noise=config.colour_noise,
            scale=config.pixel_scale,
            attenuate=rule.attenuate,
            place_keys=fold(leaders, 0),
            dtype=compute,
        )
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        logits = forward(architecture, cast, views, topology.towers, keys=fold(keys, 1))
        return jnp.mean(ops.cross_entropy(logits, batch["label"])), logits

    def gradients(
        state: TrainState, batch: dict[str, jax.Array], statistics: Statistics
    ) -> tuple[Any, dict[str, jax.Array]]:
        grads, logits = jax.grad(loss_fn, has_aux=True)(state.params, batch, state, statistics)
        found = scores(logits, batch["label"])
        return grads, {name: jnp.mean(value) for name, value in found.items()}

    return gradients


def _make_update(architecture: Architecture, config: TrainConfig, steps_per_epoch: float) -> Any:
    """(state, gradients, metrics) -> (the next state, metrics with the learning rate)."""
    tx = optimizer(architecture, config)

    def update(
        state: TrainState, grads: Any, metrics: dict[str, jax.Array]
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        rate = learning_rate_at(config, state.step, state.plateau.drops, steps_per_epoch)
        updates, opt_state = tx.update(grads, _with_rate(state.opt_state, rate), state.params)
        params = optax.apply_updates(state.params, updates)
        average = state.average
        if config.ema > 0:
            average = moving_average(average, params, config.ema, state.step)
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
