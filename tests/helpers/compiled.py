"""Programs of trainings and evaluations, made once for all tests that ask for the same."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import jax
import pytest

from alexnet_jax.inference import trained
from alexnet_jax.inference.evaluate import make_counter as new_counter
from alexnet_jax.inference.evaluate import make_logits as new_logits
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.parallel.topologies import Topology
from alexnet_jax.parallel.topologies import topology as one_device
from alexnet_jax.planning import communication
from alexnet_jax.planning.communication import compiled_step as new_text
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training import loop, run, warm_start
from alexnet_jax.training.state import TrainState
from alexnet_jax.training.state import init_state as new_state
from alexnet_jax.training.step import StepFunction
from alexnet_jax.training.step import make_train_step as new_train_step

Made = TypeVar("Made")

# Settings of a run that neither its update nor its first state depends on.
OUTSIDE = {
    "name", "data", "data_dir", "start_from", "start_checkpoint", "classifier", "topology",
    "patience", "resize", "ground", "log_every", "evaluate_every", "checkpoint_every",
    "keep_checkpoints", "keep_epochs", "flat_steps", "record",
}  # fmt: skip


def _key(argument: object) -> object:
    """The argument, or of a config the text of what its programs depend on."""
    if not isinstance(argument, TrainConfig):
        return argument
    inside = {k: v for k, v in argument.to_json().items() if k not in OUTSIDE}
    if argument.schedule != "quadratic":
        del inside["steps"]
    return json.dumps(inside, sort_keys=True)


def remembered(make: Callable[..., Made]) -> Callable[..., Made]:
    """A pure function that is called once for equal arguments and settings of jax."""
    made: dict[object, Made] = {}

    def recall(*arguments: Any, **more: Any) -> Made:
        settings = (
            jax.config.jax_enable_x64,
            jax.config.values["jax_disable_most_optimizations"],
        )
        named = tuple((name, _key(value)) for name, value in sorted(more.items()))
        key = (settings, *map(_key, arguments), named)
        if key not in made:
            made[key] = make(*arguments, **more)
        return made[key]

    return recall


_train_step = remembered(new_train_step)
make_logits = remembered(new_logits)
make_counter = remembered(new_counter)
compiled_step = remembered(new_text)
_first_state = remembered(new_state)


def make_train_step(
    architecture: Architecture, config: TrainConfig, topology: Topology, steps_per_epoch: float
) -> StepFunction:
    """The update, which no seed makes another, and the size of an epoch where the rate heeds it."""
    config = dataclasses.replace(config, seed=0)
    if config.schedule in ("constant", "plateau") and config.warmup_epochs == 0:
        steps_per_epoch = 1.0
    return _train_step(architecture, config, topology, steps_per_epoch)


def init_state(architecture: Architecture, config: TrainConfig, topology: Topology) -> TrainState:
    """A copy of the first state, since an update takes the memory of the one it is given.

    It is drawn on one device and placed, which is the same: parallel/test_topologies.py.
    """
    first = _first_state(architecture, config, one_device("one_device", architecture))
    return jax.device_put(first, topology.shardings(first), may_alias=False)


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Lets all runs of a session, and the scripts called in it, share their programs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_train_step", make_train_step)
        patch.setattr(warm_start, "init_state", init_state)
        patch.setattr(run, "make_counter", make_counter)
        patch.setattr(communication, "compiled_step", compiled_step)
        for module in (run, trained):
            patch.setattr(module, "make_logits", make_logits)
        yield
