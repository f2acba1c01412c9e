"""The state of a run: what it is, and what it starts as."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NotRequired, TypedDict

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture, Params, init
from alexnet_jax.parallel import Topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training.optim import Plateau, lars, paper_sgd

Rule = Callable[..., optax.GradientTransformation]
Position = dict[str, np.ndarray]  # of the data's stream


class TrainState(NamedTuple):
    """All that a run needs to go on, besides its data and their position."""

    step: jax.Array  # shape=(), dtype=int32; updates made
    params: Params  # canonical tree, float32 (float64 for checking)
    opt_state: optax.OptState  # velocity of what is not frozen; the rate it was last fed with
    key: jax.Array  # shape=(), random key of the run; never split, only folded
    plateau: Plateau
    average: Params | None  # of the parameters over the updates, where config.ema > 0; else None

    @property
    def tested(self) -> Params:
        """The weights to evaluate: their average where there is one."""
        return self.params if self.average is None else self.average


def trained(config: TrainConfig, params: Params) -> Params:
    """The layers of a tree {layer: ...} that the config does not freeze."""
    return {name: layer for name, layer in params.items() if name not in config.freeze}


def optimizer(architecture: Architecture, config: TrainConfig) -> optax.GradientTransformation:
    """The paper's SGD, or LARS, with a learning rate that the step sets, and the preset's bias
    rule; of that LARS takes only the rate, since there biases never decay."""
    if config.trust > 0:
        rule: Rule = lars
        own: dict[str, object] = {
            "trust": config.trust,
            "bias_scale": config.bias_learning_rate / config.learning_rate
            * architecture.biases.rate,
        }  # fmt: skip
    else:
        rule = paper_sgd
        own = {
            "bias_rate": architecture.biases.rate,
            "bias_decay": architecture.biases.decay,
            "layer_rates": config.layer_rates,
            "rate_inside": config.rate_inside,
        }
    constants = {"momentum": config.momentum, "weight_decay": config.weight_decay, **own}
    injected = optax.inject_hyperparams(
        rule, static_args=tuple(constants), hyperparam_dtype=_parameter_dtype(config)
    )
    return injected(learning_rate=config.learning_rate, **constants)


def _parameter_dtype(config: TrainConfig) -> jnp.dtype:
    return jnp.dtype(jnp.float64 if config.dtype == "float64" else jnp.float32)


def init_state(architecture: Architecture, config: TrainConfig, topology: Topology) -> TrainState:
    """The state before the first update, a function of the seed alone, born where it belongs."""

    def make(key: jax.Array) -> TrainState:
        init_key, run_key = jax.random.split(key)
        params = init(architecture, init_key, _parameter_dtype(config))
        opt_state = optimizer(architecture, config).init(trained(config, params))
        plateau = jax.tree.map(jnp.asarray, Plateau.start())
        average = jax.tree.map(jnp.copy, params) if config.ema > 0 else None
        return TrainState(jnp.zeros((), jnp.int32), params, opt_state, run_key, plateau, average)

    key = jax.random.key(config.seed)
    shapes: TrainState = jax.eval_shape(make, key)
    places = topology.shardings(shapes)
    state: TrainState = jax.jit(make, out_shardings=places)(key)
    return state


def abstract_state(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> TrainState:
    """Shapes, dtypes and places of `init_state`, without making it."""
    shapes: TrainState = jax.eval_shape(lambda: init_state(architecture, config, topology))
    return topology.abstract(shapes)


class SavedLoop(TypedDict):
    """Where the loop of a run stands."""

    step: jax.Array
    key: jax.Array
    plateau: dict[str, jax.Array]
    data: Position


class SavedTrees(TypedDict):
    """What a checkpoint holds of a run, by name."""

    average: NotRequired[Params]
    params: Params
    opt: optax.OptState
    loop: SavedLoop
    stats: dict[str, jax.Array]


def as_trees(state: TrainState, statistics: Statistics, read: Position) -> dict[str, object]:
    """What a checkpoint holds of a run, by name; `read` is how far its data have been read."""
    average: dict[str, object] = {} if state.average is None else {"average": state.average}
    return average | {
        "params": state.params,
        "opt": state.opt_state,
        "loop": {
            "step": state.step,
            "key": state.key,
            "plateau": state.plateau._asdict(),
            "data": read,
        },
        "stats": statistics._asdict(),
    }


def from_trees(trees: SavedTrees) -> tuple[TrainState, Statistics, Position]:
    """The arguments of `as_trees`."""
    loop = trees["loop"]
    plateau, average = Plateau(**loop["plateau"]), trees.get("average")
    state = TrainState(loop["step"], trees["params"], trees["opt"], loop["key"], plateau, average)
    return state, Statistics(**trees["stats"]), loop["data"]
