"""A trained network loaded from a workdir, with the preprocessing that belongs to it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.checkpoints import Checkpoints
from alexnet_jax.data import Block, Statistics, blocks
from alexnet_jax.errors import InputError
from alexnet_jax.inference.activations import map_blocks
from alexnet_jax.inference.evaluate import Logits, make_logits
from alexnet_jax.inference.preprocess import Preprocess, parameter_dtype
from alexnet_jax.network import Params
from alexnet_jax.ops import compute_dtype
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import Description, Precision

_MAX_BATCH = 32


@dataclass(frozen=True, kw_only=True)
class Trained(Description):
    """Trained network: its description and its arrays, on the devices of a topology."""

    step: int
    params: Params
    statistics: Statistics
    topology: Topology

    def read(self, paths: Sequence[str | Path]) -> np.ndarray:
        """Read picture files as stored images of the network, [B, S, S, C] uint8."""
        return self.preprocess.stored(list(paths))

    @property
    def preprocess(self) -> Preprocess:
        """Function from pictures to the network's input, [B, H, W, C]."""
        return Preprocess.of(self.architecture, self.config, self.statistics)

    def require_fits(self, data: str, channels: int, classes: int, workdir: str) -> None:
        """Raise InputError if a data set's classes or channels differ from the network's."""
        net = self.architecture
        net.require_classes(f"{data}'s classes")
        if (channels, classes) != (net.channels, net.classes):
            raise InputError(
                f"{workdir}: the network takes {net.channels} channels and has {net.classes} "
                f"classes, but {data} has {channels} channels and {classes} classes"
            )

    def logits(self, views: int = 1) -> Logits:
        """Return the function of `make_logits` for this network, in the dtype of its training.

        Raises:
          InputError: `views` is neither 1 nor 10; ten views of images no larger than the crop.
        """
        if views == 10 and self.stored_size <= self.architecture.longer_side:
            raise InputError(
                f"ten views need stored images larger than the crop of "
                f"{self.architecture.longer_side}, but they have {self.stored_size}"
            )
        if views not in self._logits:
            self._logits[views] = make_logits(
                self.architecture,
                self.topology,
                pixel_scale=self.config.scale,
                dtype=self.config.dtype,
                precision=self.config.precision,
                views=views,
            )
        return self._logits[views]

    @functools.cached_property
    def _logits(self) -> dict[int, Logits]:
        """Functions that `logits` has made, by views, so that each is compiled once."""
        return {}

    @property
    def stored_shape(self) -> tuple[int, int, int]:
        """Shape of a stored image, (S, S, C)."""
        return (self.stored_size, self.stored_size, self.architecture.channels)

    def batch(self, count: int) -> int:
        """Return the batch size for `count` images: up to 32, rounded up to divide evenly."""
        return self.topology.divisible(min(count, _MAX_BATCH))

    def classified(
        self, images: Iterable[Block], views: int = 1
    ) -> Iterator[tuple[Block, np.ndarray]]:
        """Yield each block of stored images with its class probabilities, [B, classes]."""
        logits_of = self.logits(views)

        def probabilities(stored: np.ndarray) -> jax.Array:
            return _softmax(logits_of(self.params, stored, self.statistics))

        return map_blocks(probabilities, images)

    def probabilities(self, images: np.ndarray, views: int = 1) -> np.ndarray:
        """Return the class probabilities of stored images: [B, S, S, C] uint8 -> [B, classes].

        About 32 images are computed at a time and the last batch is filled up, so that the memory
        needed does not depend on B.
        """
        count = len(images)
        batch = self.batch(count)
        stream = blocks(
            lambda numbers: list(images[numbers.start : numbers.stop]),
            count,
            images.shape[1:],
            batch,
            at_a_time=batch,
        )
        return np.concatenate([rows for _, rows in self.classified(stream, views)])[:count]


@jax.jit
def _softmax(logits: jax.Array) -> jax.Array:
    """Return probabilities of logits, in one program; they are at least float32."""
    return ops.softmax(logits.astype(compute_dtype(logits.dtype)))


def top_classes(probabilities: np.ndarray, count: int) -> list[int]:
    """Return the indices of the `count` largest of [classes] probabilities, the largest first."""
    return [int(index) for index in probabilities.argsort(kind="stable")[::-1][:count]]


def to_standard_error(text: str) -> None:
    """Print a message on standard error."""
    print(text, file=sys.stderr)


def load_trained(
    workdir: str | Path,
    *,
    checkpoint: str = "latest",
    topology_name: str = "one_device",
    precision: Precision | None = None,
    warn: Callable[[str], None] = to_standard_error,
) -> Trained:
    """Load the network of a workdir at a checkpoint.

    Args:
      workdir: directory of a training run.
      checkpoint: "latest" (the newest that verifies), "best" (on the test split) or a step.
      precision: that of `TrainConfig`; by default the training's.
      warn: called with a message for each damaged checkpoint that is skipped, or is not compared
        with the best; prints to standard error by default.

    Raises:
      InputError: the directory or the checkpoint does not exist, or the checkpoint is damaged.
    """
    directory = Path(workdir) / "checkpoints"
    if not directory.is_dir():
        fault = "holds no checkpoints" if Path(workdir).is_dir() else "is not a directory"
        raise InputError(f"{workdir} {fault}; give the workdir of a training run")

    def described(about: Any) -> tuple[Description, Topology]:
        description = Description.from_json(about, f"{workdir}: a checkpoint")
        if precision is not None:
            config = replace(description.config, precision=precision)
            description = replace(description, config=config)
        return description, topology(topology_name, description.architecture)

    def templates(about: Any) -> dict[str, Any]:
        description, place = described(about)
        return place.abstract(_templates(description))

    with Checkpoints(directory) as checkpoints:
        if checkpoint == "latest":
            newest = checkpoints.load_newest(templates, warn)
            if newest is None:
                raise InputError(f"{workdir} holds no checkpoint that can be read")
            step, trees, about = newest
        else:
            step = _step_of(checkpoints, checkpoint, workdir, warn)
            about = checkpoints.about(step)
            trees = checkpoints.load(step, templates(about))
    description, place = described(about)
    return Trained(
        **vars(description),
        step=step,
        params=trees[_weights_key(description)],
        statistics=Statistics(**trees["stats"]),
        topology=place,
    )


def _step_of(
    checkpoints: Checkpoints, checkpoint: str, workdir: str | Path, warn: Callable[[str], None]
) -> int:
    steps = checkpoints.steps
    step = checkpoints.best_step(warn) if checkpoint == "best" else None
    if checkpoint.isdecimal() and int(checkpoint) in steps:
        step = int(checkpoint)
    if step is None:
        listed = ", ".join(map(str, steps)) or "none"
        raise InputError(
            f"{workdir} has no checkpoint {checkpoint!r}; there are best, latest and steps {listed}"
        )
    return step


def _templates(description: Description) -> dict[str, Any]:
    architecture = description.architecture
    dtype = jnp.dtype(parameter_dtype(description.config))
    if dtype == jnp.float64 and not jax.config.read("jax_enable_x64"):
        raise InputError("a network trained in float64 needs JAX_ENABLE_X64=1 in the environment")
    params = {
        placed.layer.name: {
            "kernel": jax.ShapeDtypeStruct(placed.kernel, dtype),
            "bias": jax.ShapeDtypeStruct(placed.bias, dtype),
        }
        for placed in architecture.placed()
        if placed.kernel is not None and placed.bias is not None
    }
    stats = Statistics.abstract(description.stored_size, architecture.channels)
    return {_weights_key(description): params, "stats": stats._asdict()}


def _weights_key(description: Description) -> str:
    """Return the name of the tree to use: the average of the weights where one was kept."""
    return "average" if description.config.ema > 0 else "params"
