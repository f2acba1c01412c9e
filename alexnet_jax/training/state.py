"""The state of a run: what it is, and what it starts as."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture, init
from alexnet_jax.parallel import Topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training.optim import Plateau, lars, paper_sgd


class TrainState(NamedTuple):
    """All that a run needs to go on, besides its data and their position."""

    step: jax.Array  # shape=(), dtype=int32; updates made
    params: Any  # canonical tree, float32 (float64 for checking)
    opt_state: Any  # velocity of what is not frozen, and the learning rate it was last fed with
    key: jax.Array  # shape=(), random key of the run; never split, only folded
    plateau: Plateau
    average: Any  # of the parameters over the updates, where config.ema > 0; else None

    @property
    def tested(self) -> Any:
        """The weights to evaluate: their average where there is one."""
        return self.params if self.average is None else self.average


def trained(config: TrainConfig, params: Any) -> Any:
    """The layers of a tree {layer: ...} that the config does not freeze."""
    return {name: layer for name, layer in params.items() if name not in config.freeze}


def optimizer(architecture: Architecture, config: TrainConfig) -> optax.GradientTransformation:
    """The paper's SGD, or LARS, with a learning rate that the step sets, and the preset's bias
    rule; of that LARS takes only the rate, since there biases never decay."""
    if config.trust > 0:
        rule: Any = lars
        own: dict[str, Any] = {
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


def _parameter_dtype(config: TrainConfig) -> Any:
    return jnp.float64 if config.dtype == "float64" else jnp.float32


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
    places = topology.shardings(jax.eval_shape(make, key))
    return jax.jit(make, out_shardings=places)(key)


def abstract_state(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> TrainState:
    """Shapes, dtypes and places of `init_state`, without making it."""
    return topology.abstract(jax.eval_shape(lambda: init_state(architecture, config, topology)))


def as_trees(state: TrainState, statistics: Statistics, read: Any) -> dict[str, Any]:
    """What a checkpoint holds of a run, by name; `read` is how far its data have been read."""
    average = {} if state.average is None else {"average": state.average}
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


def from_trees(trees: dict[str, Any]) -> tuple[TrainState, Statistics, Any]:
    """The arguments of `as_trees`."""
    loop = trees["loop"]
    plateau, average = Plateau(**loop["plateau"]), trees.get("average")
    state = TrainState(loop["step"], trees["params"], trees["opt"], loop["key"], plateau, average)
    return state, Statistics(**trees["stats"]), loop["data"]
