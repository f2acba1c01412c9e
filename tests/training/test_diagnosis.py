"""The search for the first value that is no number names the true place, whatever the form of the
convolutions: Fourier's and Winograd's spread a bad value over more outputs than read it."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.runs import CONFIG, STATISTICS, make_batch

from alexnet_jax.data import Statistics
from alexnet_jax.ops.cpu import circular, conv
from alexnet_jax.training.diagnosis import find_first_nonfinite
from alexnet_jax.training.job import Job
from alexnet_jax.training.state import TrainState, init_state
from alexnet_jax.training.step import StepFunction, make_train_step

# conv1 and conv2 have kernels of 5 x 5, conv3 to conv5 of 3 x 3.
TILED = dataclasses.replace(CONFIG, pixel_scale=2.0)


class Diagnosed(NamedTuple):
    """A job, its update, and its first state, whose leaves are copied before use."""

    job: Job
    advance: StepFunction
    state: TrainState

    def first(
        self, layer: str = "conv1", factor: float = 1.0, statistics: Statistics = STATISTICS
    ) -> str:
        """The first bad value within three steps from parameters of which one kernel is scaled."""
        state = jax.tree.map(jnp.copy, self.state)
        kernel = state.params[layer]["kernel"] * jnp.float32(factor)
        assert bool(jnp.isfinite(kernel).all())
        params = {**state.params, layer: {**state.params[layer], "kernel": kernel}}
        state, batches = state._replace(params=params), map(make_batch, itertools.count())
        before: Callable[[int], None] = lambda step: None  # noqa: E731
        return find_first_nonfinite(self.job, state, batches, statistics, self.advance, 3, before)


TILES = ("fourier", "fourier_gradients", "winograd", "winograd_gradients")
MAPS = ("circular", "circular_gradients")


@pytest.fixture(scope="module", params=["tiles", "whole maps"])
def tiled(request: pytest.FixtureRequest) -> Iterator[Diagnosed]:
    """The narrow network, whose convolutions take the forms of large ones, or of small maps."""
    taken: list[str] = []

    def noted(name: str, forms: Any) -> Any:
        def form(x: jax.Array, *rest: jax.Array, padding: int) -> Any:
            taken.append(name)
            return forms(x, *rest, padding=padding)

        return form

    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tiles":
            patch.setattr(conv, "_LARGE", 0)
            module, names = conv, TILES
        else:
            for name in ("_SAVED", "_FEWEST_IMAGES", "_FEWEST_MAPS"):
                patch.setattr(circular, name, 0)
            patch.setattr(circular, "_BATCHED", True)
            module, names = circular, MAPS
        for name in names:
            patch.setattr(module, name, noted(name, getattr(module, name)))
        job = Job.make(TILED)
        advance = make_train_step(job.architecture, TILED, job.topology, 1.0)
        yield Diagnosed(job, advance, init_state(job.architecture, TILED, job.topology))
    assert set(taken) == set(names)


def test_steps_that_go_well(tiled: Diagnosed) -> None:
    """The same steps without the faults of the other tests."""
    assert tiled.first().startswith("nothing: steps up to 3")


@pytest.mark.parametrize(
    "layer",
    [
        "conv2",
        "conv3",
        *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("conv1", "conv5", "fc6")),
    ],
)
def test_the_layer_that_overflows_is_named(tiled: Diagnosed, layer: str) -> None:
    """Its weights are finite, and so is all that it reads."""
    assert tiled.first(layer, 1e38) == f"the output of {layer} in the forward pass of step 1"


def test_an_input_that_overflows_is_named(tiled: Diagnosed) -> None:
    """At one pixel, of which conv1 makes a whole tile of bad outputs."""
    mean = np.array(STATISTICS.mean)
    mean[16, 16] = 3e38
    bright = STATISTICS._replace(mean=mean)
    assert tiled.first(statistics=bright) == "the network's input in the forward pass of step 1"


def test_statistics_that_are_no_numbers_are_named(tiled: Diagnosed) -> None:
    mean = np.array(STATISTICS.mean)
    mean[16, 16] = np.nan
    broken = STATISTICS._replace(mean=mean)
    found = tiled.first(statistics=broken)
    assert found == "mean of the data's statistics in the forward pass of step 1"
