"""The state of a run and the one jitted function that advances it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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
        return TrainState(jnp.zeros((), jnp.int32), params, opt_state, run_key, plateau)

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
    """
    tx = optimizer(architecture, config)
    compute = jnp.dtype(config.dtype)

    def loss_fn(
        params: Any, batch: dict[str, jax.Array], keys: jax.Array, statistics: Statistics
    ) -> tuple[jax.Array, jax.Array]:
        views = training_views(
            jax.vmap(lambda key: jax.random.fold_in(key, 0))(keys),
            batch["image"],
            statistics,
            size=architecture.image_size,
            mirror=config.mirror,
            colour_noise=config.colour_noise,
            scale=config.pixel_scale,
            dtype=compute,
        )
        mask_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
        cast = jax.tree.map(lambda leaf: leaf.astype(compute), params)
        logits = forward(architecture, cast, views, topology.towers, keys=mask_keys)
        return jnp.mean(ops.cross_entropy(logits, batch["label"])), logits

    def train_step(
        state: TrainState, batch: dict[str, jax.Array], statistics: Statistics
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        keys = example_keys(state.key, state.step, batch["index"])
        (_, logits), grads = jax.value_and_grad(loss_fn, has_aux=True)(
            state.params, batch, keys, statistics
        )
        rate = learning_rate_at(config, state.step, state.plateau.drops, steps_per_epoch)
        opt_state = _with_rate(state.opt_state, rate)
        updates, opt_state = tx.update(grads, opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        metrics = {name: jnp.mean(value) for name, value in scores(logits, batch["label"]).items()}
        state = TrainState(state.step + 1, params, opt_state, state.key, state.plateau)
        return state, metrics | {"learning_rate": rate}

    return jax.jit(train_step, donate_argnums=0)


def _with_rate(opt_state: Any, rate: jax.Array) -> Any:
    old = opt_state.hyperparams["learning_rate"]
    return opt_state._replace(
        hyperparams={**opt_state.hyperparams, "learning_rate": rate.astype(old.dtype)}
    )
