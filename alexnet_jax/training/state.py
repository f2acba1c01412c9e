"""State of a run: its fields, its initial value, and its form in checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NotRequired, TypedDict, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax.data import Statistics
from alexnet_jax.network import Architecture, Params, init
from alexnet_jax.parallel import Topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training.optim import lars, paper_sgd
from alexnet_jax.training.schedule import Plateau

Computed = TypeVar("Computed")
Rule = Callable[..., optax.GradientTransformation]
Position = dict[str, np.ndarray]  # of the stream of batches


class TrainState(NamedTuple):
    """State from which a run continues, apart from its data and their position."""

    step: jax.Array  # shape=(), dtype=int32; updates made
    params: Params  # canonical tree, float32 (float64 for checking)
    opt_state: optax.OptState  # velocity of the layers that are trained; last learning rate
    key: jax.Array  # shape=(), random key of the run; never split, only folded
    plateau: Plateau
    average: Params | None  # moving average of the parameters; None if config.ema = 0

    @property
    def tested(self) -> Params:
        """Weights to evaluate: the moving average if there is one."""
        return self.params if self.average is None else self.average


def trained(config: TrainConfig, params: Params) -> Params:
    """Return the layers of a tree {layer: ...} that the config does not freeze."""
    return {name: layer for name, layer in params.items() if name not in config.freeze}


def optimizer(architecture: Architecture, config: TrainConfig) -> optax.GradientTransformation:
    """Create the paper's SGD, or LARS if `config.trust` > 0; the step sets the learning rate.

    The preset's bias rule applies. LARS uses only its rate, since biases never decay there.
    """
    if config.trust > 0:
        rule: Rule = lars
        options: dict[str, object] = {
            "trust": config.trust,
            "bias_scale": config.bias_learning_rate / config.learning_rate
            * architecture.biases.rate,
        }  # fmt: skip
    else:
        rule = paper_sgd
        options = {
            "bias_rate": architecture.biases.rate,
            "bias_decay": architecture.biases.decay,
            "layer_rates": config.layer_rates,
            "layer_decays": config.layer_decays,
            "rate_inside": config.rate_inside,
        }
    constants = {"momentum": config.momentum, "weight_decay": config.weight_decay, **options}
    injected = optax.inject_hyperparams(
        rule, static_args=tuple(constants), hyperparam_dtype=_parameter_dtype(config)
    )
    return injected(learning_rate=config.learning_rate, **constants)


def _parameter_dtype(config: TrainConfig) -> jnp.dtype:
    return jnp.dtype(jnp.float64 if config.dtype == "float64" else jnp.float32)


def init_state(architecture: Architecture, config: TrainConfig, topology: Topology) -> TrainState:
    """Create the sharded state before the first update; its values depend on the seed only.

    A program of its own draws the parameters: it takes longest to compile, and is the same for all
    settings of an architecture.
    """

    def draw_params(seed: jax.Array) -> Params:
        key = jax.random.split(jax.random.key(seed))[0]
        return init(architecture, key, _parameter_dtype(config))

    def make_rest(seed: jax.Array, params: Params) -> TrainState:
        opt_state = optimizer(architecture, config).init(trained(config, params))
        plateau = jax.tree.map(jnp.asarray, Plateau.start())
        average = jax.tree.map(jnp.copy, params) if config.ema > 0 else None
        step = jnp.zeros((), jnp.int32)
        return TrainState(step, {}, opt_state, run_key(seed), plateau, average)

    seed = np.uint32(config.seed)  # made a key inside the programs, not by two of its own
    params = _compute_sharded(topology, draw_params, seed)
    return _compute_sharded(topology, make_rest, seed, params)._replace(params=params)


def run_key(seed: jax.Array | np.uint32) -> jax.Array:
    """Return the random key of a run: all draws but those of the first weights are folded of it."""
    return jax.random.split(jax.random.key(seed))[1]


def _compute_sharded(
    topology: Topology, function: Callable[..., Computed], *arguments: object
) -> Computed:
    """Compute a function's result with the shardings that the topology gives it."""
    shapes: Computed = jax.eval_shape(function, *arguments)
    result: Computed = jax.jit(function, out_shardings=topology.shardings(shapes))(*arguments)
    return result


def abstract_state(
    architecture: Architecture, config: TrainConfig, topology: Topology
) -> TrainState:
    """Return the shapes, dtypes and shardings of `init_state`'s result, without computing it."""
    shapes: TrainState = jax.eval_shape(lambda: init_state(architecture, config, topology))
    return topology.abstract(shapes)


class SavedLoop(TypedDict):
    """Progress of a run's loop, in a checkpoint."""

    step: jax.Array
    key: jax.Array
    plateau: dict[str, jax.Array]
    data: Position


class SavedTrees(TypedDict):
    """Trees that a checkpoint of a run contains, by name."""

    average: NotRequired[Params]
    params: Params
    opt: optax.OptState
    loop: SavedLoop
    stats: dict[str, jax.Array]


def as_trees(state: TrainState, statistics: Statistics, position: Position) -> dict[str, object]:
    """Return the trees of a checkpoint by name; `position` is that of the stream of batches."""
    average: dict[str, object] = {} if state.average is None else {"average": state.average}
    return average | {
        "params": state.params,
        "opt": state.opt_state,
        "loop": {
            "step": state.step,
            "key": state.key,
            "plateau": state.plateau._asdict(),
            "data": position,
        },
        "stats": statistics._asdict(),
    }


def from_trees(trees: SavedTrees) -> tuple[TrainState, Statistics, Position]:
    """Return the arguments of `as_trees` from its result."""
    loop = trees["loop"]
    plateau, average = Plateau(**loop["plateau"]), trees.get("average")
    state = TrainState(loop["step"], trees["params"], trees["opt"], loop["key"], plateau, average)
    return state, Statistics(**trees["stats"]), loop["data"]
