"""Description of a network, stored beside the arrays in checkpoints and exported files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alexnet_jax.display import in_words
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.runs.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Description:
    """Description of a network: with its arrays, all that evaluation and prediction need.

    Attributes:
      architecture: the network.
      config: settings of its run.
      class_names: names of the classes in the order of the logits, as the data set has them; ()
        without a classifier.
      stored_size: side of stored images, [stored_size, stored_size, channels], before the crop.
      origin: origin of weights that were imported or copied from another run, else None.
    """

    architecture: Architecture
    config: TrainConfig
    class_names: tuple[str, ...]
    stored_size: int
    origin: Mapping[str, object] | None = None

    @property
    def class_words(self) -> tuple[str, ...]:
        """Names of the classes for people: ImageNet's synsets in words, others as they are."""
        return in_words(self.class_names)

    def to_json(self) -> dict[str, object]:
        """Return the description as JSON values by name."""
        return {
            "architecture": self.architecture.to_json(),
            "class_names": list(self.class_names),
            "stored_size": self.stored_size,
            "pixel_scale": self.config.pixel_scale,
            "config": self.config.to_json(),
            "origin": self.origin,
        }

    @staticmethod
    def from_json(value: Any, source: str) -> Description:
        """Create a description from the result of `to_json`.

        Args:
          value: the JSON value; anyone may write such a file, so it is checked.
          source: name of the file in errors, such as "runs/digits: a checkpoint".

        Raises:
          InputError: the value does not describe a network.
        """
        try:
            net = Architecture.from_json(value["architecture"])
            classes = net.classes or 0  # none without a classifier
            config = TrainConfig.from_json(value["config"])
            names, size, origin = value["class_names"], value["stored_size"], value.get("origin")
            good = len(names) == classes and all(isinstance(name, str) for name in names)
            good = good and isinstance(size, int) and size >= net.longer_side
            good = good and isinstance(origin or {}, dict)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{source} lacks the network's {error}") from error
        if not good:
            raise InputError(
                f"{source} describes {classes} classes of images of at least "
                f"{net.longer_side} pixels, but has {str(names)[:80]} and {str(size)[:80]}"
            )
        return Description(
            architecture=net,
            config=config,
            class_names=tuple(names),
            stored_size=size,
            origin=origin,
        )
