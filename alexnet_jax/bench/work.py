"""What is timed, as data that goes to the process that does it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from alexnet_jax.network import Architecture

Mode = Literal["infer", "train"]
Side = Literal["ours", "torch"]
MODES: tuple[Mode, ...] = ("infer", "train")
DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Variant:
    """One way of running the peer's network: all give the same numbers.

    Attributes:
      layout: of its arrays in memory: "default" (images, maps, height, width) or "channels_last".
      lrn: "library", the torch.nn module, or "sums", shifted sums of squares.
      compiled: "", or the mode of torch.compile.
    """

    layout: str = "default"
    lrn: str = "library"
    compiled: str = ""

    @property
    def name(self) -> str:
        kind = "eager"
        if self.compiled:
            kind = "compile" + (f" ({self.compiled})" if self.compiled != "default" else "")
        return f"{kind}, {self.layout.replace('_', ' ')}, LRN by {self.lrn}"


@dataclass(frozen=True)
class Work:
    """A network, a mode and a size, for one process.

    Attributes:
      mode: "infer", float images to logits; "train", the whole step, which for ours is the one
        that train.py runs: views of uint8 images, dropout, gradients, update, scores.
      batch: images of a step, over all devices.
      dtype: what the network computes in; weights in training are float32.
      topology, steps_per_dispatch: of ours alone.
      variant: of the peer alone.
      threads: CPU cores that the process may use; 0 for all there are.
      platform: that the peer has to run on, as jax calls it.
    """

    side: Side
    mode: Mode
    architecture: Architecture
    batch: int
    dtype: str = "float32"
    topology: str = "one_device"
    steps_per_dispatch: int = 1
    variant: Variant = Variant()
    threads: int = 0
    platform: str = "cpu"

    @property
    def name(self) -> str:
        return "ours" if self.side == "ours" else f"torch {self.variant.name}"

    def to_json(self) -> dict[str, Any]:
        fields = vars(self) | {"variant": dataclasses.asdict(self.variant)}
        return fields | {"architecture": self.architecture.to_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Work:
        architecture = Architecture.from_json(value["architecture"])
        variant = Variant(**value["variant"])
        return cls(**{**value, "architecture": architecture, "variant": variant})


@dataclass(frozen=True)
class About:
    """What a process says once its work is compiled and warm.

    Attributes:
      device: in words.
      platform: "cpu", "gpu" or "tpu".
      devices: how many compute.
      library: name and version.
      compile_seconds: from the Python function to a program that has not run yet; for eager
        PyTorch 0.
      program_bytes: of arguments, results and temporaries, by the compiler's account; None where
        there is none.
      step_seconds: of one warm step, roughly.
    """

    device: str
    platform: str
    devices: int
    library: str
    compile_seconds: float
    program_bytes: int | None
    step_seconds: float


class Prepared(Protocol):
    """Work that is compiled and warm."""

    @property
    def about(self) -> About: ...

    def seconds(self, steps: int) -> float:
        """s of a step, over at least so many that are queued one after the other."""

    def products_per_second(self) -> float:
        """Operations/s of a matrix product, two for each multiply-add."""

    def peak_bytes(self) -> int | None:
        """The most memory held since it was warm: of the process on a CPU, else of the device."""


def stored_size(architecture: Architecture) -> int:
    """Side of the images that training takes its crops from: 256 in the paper; the digits' 32."""
    side = architecture.image_size
    return max(256, side) if side >= 200 else side + 4


def product_size(platform: str) -> int:
    """Side of the square matrices whose product is timed: large enough to be limited by arithmetic,
    small enough to take 0.1 s on two cores."""
    return 2048 if platform == "cpu" else 8192
