"""A network's description, as checkpoints and exported files carry it beside the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.runs.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Description:
    """A network without its arrays: enough, with them, to evaluate and to predict.

    Attributes:
      architecture, config: the network, and the settings of its run.
      class_names: in the order of the logits.
      stored_size: images are [stored_size, stored_size, channels] before the crop.
      origin: of weights that were not, or not only, trained in this run.
    """

    architecture: Architecture
    config: TrainConfig
    class_names: tuple[str, ...]
    stored_size: int
    origin: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
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
        """The description that `to_json` wrote.

        Args:
          source: names the file in errors, as "runs/digits: a checkpoint".

        Raises:
          InputError: it describes no network: anyone may write such a file.
        """
        try:
            net = Architecture.from_json(value["architecture"])
            config = TrainConfig.from_json(value["config"])
            names, size, origin = value["class_names"], value["stored_size"], value.get("origin")
            good = len(names) == net.classes and all(isinstance(name, str) for name in names)
            good = good and isinstance(size, int) and size >= net.image_size
            good = good and isinstance(origin or {}, dict)
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{source} lacks the network's {error}") from error
        if not good:
            raise InputError(
                f"{source} describes {net.classes} classes of images of at least "
                f"{net.image_size} pixels, but has {str(names)[:80]} and {str(size)[:80]}"
            )
        return Description(
            architecture=net,
            config=config,
            class_names=tuple(names),
            stored_size=size,
            origin=origin,
        )
