"""Examination of one picture by a network whose parts can be switched off."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.analysis import occlusion_map
from alexnet_jax.data import Limits, centre_crop, centre_views, read_stored
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained
from alexnet_jax.network import Architecture, Params, activations
from alexnet_jax.serving.switches import Switches, keep_towers, norms_of, without_norms

# A page is asked from outside of this process: less than `read_stored` allows by itself.
LIMITS = Limits(pixels=100_000_000, bytes=1_000_000_000)
# Centres of the covering square along the shorter side of the view.
_FINE, _COARSE = 16, 8
_SMALL = 64  # side of views up to which they are fine


class Pass(NamedTuple):
    """Result of one picture's way through the network.

    Attributes:
      probabilities: [classes] float32.
      layers: the layers' outputs by name, in the network's order, [H, W, maps] or [units] float32;
        without the classifier's.
    """

    probabilities: np.ndarray
    layers: dict[str, np.ndarray]


class Covered(NamedTuple):
    """Probabilities of a class while a square of the picture is covered.

    Attributes:
      label: index of the class.
      uncovered: its probability for the whole picture.
      values: [rows, columns] float32, for each centre of the square.
      side, stride: side of the square and distance of the centres, in pixels of the view.
    """

    label: int
    uncovered: float
    values: np.ndarray
    side: int
    stride: int


@dataclass(frozen=True, eq=False)
class Examiner:
    """A trained network, with its programs, each for one picture and compiled once.

    Raises:
      InputError: a network without a classifier.
    """

    trained: Trained

    def __post_init__(self) -> None:
        self.architecture.require_classes("the page")

    @property
    def architecture(self) -> Architecture:
        """The network as it was trained."""
        return self.trained.architecture

    def read(self, name: str, content: bytes) -> np.ndarray:
        """Read the bytes of a picture file as a stored image, [S, S, C] uint8, as `predict` does.

        Raises:
          InputError: no picture, by `name`; one that is damaged or too large to decode here.
        """
        if not content:
            raise InputError(f"{name}: an empty file, not a picture")
        config = self.trained.config
        return read_stored(
            name,
            file=io.BytesIO(content),
            size=self.trained.stored_size,
            channels=self.architecture.channels,
            resize=config.resize,
            ground=config.ground,
            limits=LIMITS,
        )

    def seen(self, stored: np.ndarray) -> np.ndarray:
        """Return the part of a stored image that the network sees, [H, W, C] uint8."""
        return np.asarray(centre_crop(jnp.asarray(stored), self.architecture.image_size))

    def examine(self, stored: np.ndarray, switches: Switches) -> Pass:
        """Compute the class probabilities and all layers' outputs for a stored image [S, S, C].

        Raises:
          InputError: a switch that the network does not have.
        """
        kept, norms = self._kept(switches), switches.norms
        outputs = self._pass(norms)(self.trained.params, kept, stored[None])
        layers = {
            name: np.asarray(outputs[name])[0]
            for name in self.architecture.outputs()
            if name != "logits"
        }
        return Pass(np.asarray(outputs["probabilities"])[0], layers)

    def cover(self, stored: np.ndarray, switches: Switches, label: int) -> Covered:
        """Compute a class's probability while each part of a stored image is covered.

        Raises:
          InputError: a switch or a class that the network does not have.
        """
        classes = self.architecture.require_classes("the page")
        if not 0 <= label < classes:
            raise InputError(f"a class is a number from 0 to {classes - 1}, got {label}")
        kept, network = self._kept(switches), self._network(switches.norms)
        shorter = min(network.input_shape[:2])
        centres = _FINE if shorter <= _SMALL else _COARSE
        side, stride = max(1, shorter // 4), -(-shorter // centres)
        params, views = self._prepared(self.trained.params, kept, stored[None])
        with ops.product_precision(self.trained.config.precision):
            values = occlusion_map(network, params, views[0], label, side=side, stride=stride)
        whole = self.examine(stored, switches).probabilities[label]
        return Covered(label, float(whole), values, side, stride)

    def programs(self) -> list[Callable[[], object]]:
        """Return calls that compile all programs when they are made, so that no request waits."""
        blank = np.zeros(self.trained.stored_shape, np.uint8)
        each = [Switches(), Switches(norms=False)] if norms_of(self.architecture) else [Switches()]
        return [
            functools.partial(call, blank, switches, *rest)
            for switches in each
            for call, *rest in ((self.examine,), (self.cover, 0))
        ]

    def _kept(self, switches: Switches) -> np.ndarray:
        """Return for each tower whether it is kept, [T] boolean."""
        towers = self.architecture.towers
        if switches.tower != "both" and towers != 2:
            raise InputError(f"{self.architecture.name} has no two towers to tell apart")
        if not switches.norms and not norms_of(self.architecture):
            raise InputError(f"{self.architecture.name} has no response normalization")
        return np.array([switches.tower in ("both", str(tower)) for tower in range(towers)])

    def _network(self, norms: bool) -> Architecture:
        return self.architecture if norms else without_norms(self.architecture)

    @functools.cached_property
    def _prepared(self) -> Callable[..., tuple[Params, jax.Array]]:
        """Function from parameters, kept towers and stored images to what `forward` takes."""
        trained, architecture = self.trained, self.architecture
        dtype, scale = jnp.dtype(trained.config.dtype), trained.config.scale
        statistics, size = trained.statistics, architecture.image_size

        @jax.jit
        def prepare(params: Params, kept: jax.Array, images: jax.Array) -> tuple[Params, jax.Array]:
            cast = jax.tree.map(lambda leaf: jnp.asarray(leaf).astype(dtype), params)
            views = centre_views(images, statistics, size=size, scale=scale, dtype=dtype)
            return keep_towers(architecture, cast, kept), views

        return prepare

    def _pass(self, norms: bool) -> Callable[..., dict[str, jax.Array]]:
        """Return the function from parameters, kept towers and images to outputs by layer."""
        if norms not in self._passes:
            network, precision = self._network(norms), self.trained.config.precision

            @jax.jit
            def run(params: Params, kept: jax.Array, images: jax.Array) -> dict[str, jax.Array]:
                ready, views = self._prepared(params, kept, images)
                with ops.product_precision(precision):
                    outputs = activations(network, ready, views)
                logits = outputs.pop("logits").astype(jnp.float32)
                wide = {name: value.astype(jnp.float32) for name, value in outputs.items()}
                return {"probabilities": ops.softmax(logits), **wide}

            self._passes[norms] = run
        return self._passes[norms]

    @functools.cached_property
    def _passes(self) -> dict[bool, Callable[..., dict[str, jax.Array]]]:
        return {}
