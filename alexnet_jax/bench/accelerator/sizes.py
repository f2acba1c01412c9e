"""Sizes of the check: full on an accelerator, or a narrow network to try the command on a CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alexnet_jax.bench.work import Work
from alexnet_jax.network import Architecture, presets


@dataclass(frozen=True)
class Size:
    """Networks and batches of all parts.

    Attributes:
      name: "full" or "small".
      architecture: the network.
      images: images of the steps whose values are compared.
      batches: batches whose speed is measured, the most important ones first.
      chunk: steps in a dispatch, beside single ones.
      large: values on a side of the matrices and in the vector whose rates are measured; None for
        those of the benchmark.
      samples: repetitions of every timing.
    """

    name: str
    architecture: Architecture
    images: int
    batches: tuple[int, ...]
    chunk: int = 16
    large: int | None = None
    samples: int = 5

    def speed_works(self) -> tuple[Work, ...]:
        """Return what is timed on one device, the most important works first.

        The time may end before all are done. Steps of a chunk are measured with the two most
        important batches: with larger ones a step takes far longer than its dispatch.
        """
        first, *others = self.batches
        train = Work("ours", "train", self.architecture, first, "bfloat16")
        infer = replace(train, mode="infer")
        second = others[0] if others else first
        works = [
            train,
            infer,
            replace(train, batch=second),
            replace(train, dtype="float32"),
            *(replace(train, batch=batch) for batch in others[1:2]),
            replace(train, batch=second, steps_per_dispatch=self.chunk),
            replace(infer, batch=second),
            replace(train, batch=second, dtype="float32"),
            replace(infer, dtype="float32"),
            replace(train, steps_per_dispatch=self.chunk),
        ]
        for dtype in ("bfloat16", "float32"):
            for batch in others:
                works += [replace(work, batch=batch, dtype=dtype) for work in (train, infer)]
        return tuple(dict.fromkeys(works))


def _small() -> Architecture:
    maps = {"conv1": 8, "conv2": 12, "conv3": 8, "conv4": 12, "conv5": 8, "fc6": 16, "fc7": 8}
    layers: dict[str, dict[str, object]] = {name: {"maps": count} for name, count in maps.items()}
    return presets.architecture("paper", image_size=67, classes=4, layers=layers)


def size(name: str) -> Size:
    """Return the size of a name, "full" or "small"."""
    if name == "small":
        return Size("small", _small(), 2, (4,), chunk=2, large=128, samples=1)
    return Size("full", presets.architecture("paper"), 16, (1024, 128, 4096, 512, 2048, 256))
