"""Weights that were read from a file, with all that they need to be used."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet_jax.data import Statistics
from alexnet_jax.data.sources import CLASSES, class_names
from alexnet_jax.network import Architecture, presets
from alexnet_jax.runs import Description, TrainConfig
from alexnet_jax.weights.arrays import Params
from alexnet_jax.weights.published import Kind, Preprocessing, Published

Layers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Weights:
    """A network's parameters out of a file, in this project's form.

    Attributes:
      kind, file, sha256: where they are from.
      architecture, params: the network, and its canonical tree, float32 on the host. Networks that
        took BGR take RGB here: the input axis of conv1's kernel has been turned round.
      config: preset and preprocessing as the settings of a run. Its recipe is no one's.
      statistics: the mean image, [S, S, C], of stored pixels; no colour noise unless known.
      class_names: in the order of the logits.
      preprocessing: as published, with its source; None for a file of this project.
      published: accuracy, and whether this file is known to be the one it was measured on.
      origin: what a file of this project says of how it was made.
    """

    kind: Kind
    file: str
    sha256: str
    architecture: Architecture
    params: Params
    config: TrainConfig
    statistics: Statistics
    class_names: tuple[str, ...]
    preprocessing: Preprocessing | None = None
    published: Published | None = None
    is_published: bool = False
    origin: Mapping[str, Any] | None = None

    @property
    def stored_size(self) -> int:
        return int(self.statistics.mean.shape[0])

    def description(self) -> Description:
        """The network's, as a checkpoint of these weights carries it."""
        return Description(
            architecture=self.architecture,
            config=self.config,
            class_names=self.class_names,
            stored_size=self.stored_size,
            origin=self._origin(),
        )

    def _origin(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": self.kind, "file": self.file, "sha256": self.sha256}
        if self.preprocessing is not None:
            found["channel_order"] = self.preprocessing.channel_order
            found["preprocessing"] = self.preprocessing.source
        if self.published is not None:
            found["published"] = vars(self.published) | {"of_this_file": self.is_published}
        if self.origin is not None:
            found["before"] = dict(self.origin)
        return found


def architecture_of(config: TrainConfig, classes: int) -> Architecture:
    """The network that a config's preset, size and layers name."""
    return presets.architecture(
        config.preset,
        image_size=config.image_size or None,
        channels=3,
        classes=classes,
        layers=config.layers,
    )


def config_of(
    kind: Kind,
    preset: str,
    preprocessing: Preprocessing,
    *,
    layers: Layers | None = None,
    image_size: int = 0,
) -> TrainConfig:
    """Settings that say which network weights are of and how pictures become its input.

    A config has no word for "not trained here": `steps` is the least there is.
    """
    return TrainConfig(
        name=f"imported_{kind}",
        data="imagenet2012",
        steps=1,
        preset=preset,
        layers=layers or {},
        image_size=image_size,
        resize=preprocessing.resize,
        pixel_scale=preprocessing.pixel_scale,
        channel_std=preprocessing.channel_std,
        schedule="constant",
        colour_noise=0.0,
    )


def plain_statistics(mean: np.ndarray) -> Statistics:
    """Of a mean image [S, S, C]; nothing is known of the colours' spread."""
    channels = mean.shape[-1]
    return Statistics(
        mean=np.ascontiguousarray(mean, np.float32),
        eigenvectors=np.eye(channels, dtype=np.float32),
        deviations=np.zeros(channels, np.float32),
    )


def mean_image(preprocessing: Preprocessing) -> np.ndarray:
    """[S, S, C] float32, the mean pixel everywhere."""
    size = preprocessing.stored_size
    mean = np.asarray(preprocessing.mean, np.float32)
    return np.broadcast_to(mean, (size, size, len(mean)))


def known_names(classes: int) -> tuple[str, ...]:
    """ImageNet's synsets for a thousand classes, as its data set here has them, so that a training
    on it goes on with the classifier; numbers for others, or without tensorflow_datasets, which
    lists them."""
    if classes == CLASSES:
        with contextlib.suppress(ImportError):
            return class_names()
    return tuple(f"class {index}" for index in range(classes))


def for_rgb(params: Params, order: str) -> Params:
    """Parameters whose conv1 takes RGB, of parameters that take `order`; and the other way."""
    if order == "RGB":
        return params
    kernel = np.ascontiguousarray(params["conv1"]["kernel"][:, :, ::-1])
    return params | {"conv1": params["conv1"] | {"kernel": kernel}}
