"""Weights read from a file, with everything needed to use them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alexnet_jax.data import Statistics
from alexnet_jax.data.sources import CLASSES, class_names
from alexnet_jax.inference import Model
from alexnet_jax.network import Architecture, preset_name, presets
from alexnet_jax.runs import Description, TrainConfig
from alexnet_jax.weights.arrays import Params
from alexnet_jax.weights.published import Kind, Preprocessing, Published

Layers = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Weights(Model):
    """A network read from a file of weights.

    It is a `Model` with parameters in float32 on the host, at step 0 unless the file says more.
    Networks that took BGR take RGB here: the input axis of conv1's kernel is reversed.

    Attributes:
      kind, file, sha256: kind, name and digest of the file.
      preprocessing: the published preprocessing with its source; None for a file of this project.
      published: the published accuracy.
      is_published: whether this file is known to be the one that accuracy was measured on.
      origin: description, in a file of this project, of how its weights were made.
    """

    kind: Kind
    file: str
    sha256: str
    preprocessing: Preprocessing | None = None
    published: Published | None = None
    is_published: bool = False

    def description(self) -> Description:
        """Return the description that a checkpoint of these weights carries."""
        origin: dict[str, object] = {"kind": self.kind, "file": self.file, "sha256": self.sha256}
        if self.preprocessing is not None:
            origin["channel_order"] = self.preprocessing.channel_order
            origin["preprocessing"] = self.preprocessing.source
        if self.published is not None:
            origin["published"] = vars(self.published) | {"of_this_file": self.is_published}
        if self.origin is not None:
            origin["before"] = dict(self.origin)
        return dataclasses.replace(super().description(), origin=origin)


def architecture_of(config: TrainConfig, classes: int) -> Architecture:
    """Return the network that a config's preset, size and layers describe."""
    return presets.architecture(
        preset_name(config.preset),
        image_size=config.image_size or None,
        channels=3,
        classes=classes,
        layers=config.layers,
    )


def config_of(
    name: str,
    preset: str,
    preprocessing: Preprocessing,
    *,
    layers: Layers | None = None,
    image_size: int = 0,
) -> TrainConfig:
    """Return the settings that describe a network and how pictures become its input.

    A config cannot express that the weights were not trained here; `steps` has its minimum.
    """
    return TrainConfig(
        name=name,
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
    """Return statistics with a mean image, [S, S, C], and zero deviations: no colour noise."""
    channels = mean.shape[-1]
    return Statistics(
        mean=np.ascontiguousarray(mean, np.float32),
        eigenvectors=np.eye(channels, dtype=np.float32),
        deviations=np.zeros(channels, np.float32),
    )


def mean_image(preprocessing: Preprocessing) -> np.ndarray:
    """Return an image that is the mean pixel everywhere, [S, S, C] float32."""
    size = preprocessing.stored_size
    mean = np.asarray(preprocessing.mean, np.float32)
    return np.broadcast_to(mean, (size, size, len(mean)))


def known_names(classes: int) -> tuple[str, ...]:
    """Return ImageNet's synsets for a thousand classes, otherwise numbered names.

    The synsets are the class names of the data set in this project, so that a training on it can
    continue with the classifier.
    """
    if classes == CLASSES:
        return class_names()
    return tuple(f"class {index}" for index in range(classes))


def for_rgb(params: Params, order: str) -> Params:
    """Convert parameters between RGB and `order`, "RGB" or "BGR", at the input of conv1.

    The conversion is its own inverse.
    """
    if order == "RGB":
        return params
    kernel = np.ascontiguousarray(params["conv1"]["kernel"][:, :, ::-1])
    return params | {"conv1": params["conv1"] | {"kernel": kernel}}
