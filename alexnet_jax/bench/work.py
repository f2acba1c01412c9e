"""Description of the timed work, as data that is sent to the process that runs it."""

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
    """One way of running the peer's network; all ways compute the same values.

    Attributes:
      layout: layout of its arrays in memory, "default" (images, maps, height, width) or
        "channels_last".
      lrn: "library", the torch.nn module, or "sums", shifted sums of squares.
      compiled: mode of torch.compile, or "" for eager execution.
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
    """Network, mode and batch that one process times.

    Attributes:
      side: "ours", this package, or "torch", the peer.
      mode: "infer", from float images to logits, or "train", a whole step. That of this package is
        the step of train.py: views of uint8 images, dropout, gradients, update, metrics.
      architecture: the network.
      batch: images of a step, over all devices.
      dtype: dtype of the network's arithmetic; weights are float32 in training.
      topology, steps_per_dispatch: topology and steps in a call of this package; unused by torch.
      variant: variant of the peer; unused by this package.
      threads: number of CPU cores that the process may use; 0 for all.
      platform: platform that the peer must use, by its name in jax.
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
    """Description of work that is compiled and warmed up.

    Attributes:
      device: name of the device.
      platform: "cpu", "gpu" or "tpu".
      devices: number of devices that compute.
      library: name and version of the library.
      compile_seconds: s from the Python function to a program that has not run yet; 0 for eager
        PyTorch.
      program_bytes: bytes of arguments, results and temporaries, as reported by the compiler; None
        if it reports none.
      step_seconds: approximate s of one step after warm-up.
    """

    device: str
    platform: str
    devices: int
    library: str
    compile_seconds: float
    program_bytes: int | None
    step_seconds: float


class Prepared(Protocol):
    """Work that is compiled and warmed up."""

    @property
    def about(self) -> About: ...

    def seconds(self, steps: int) -> float:
        """Return the mean time (s) of a step, over at least so many queued steps."""

    def products_per_second(self) -> float:
        """Measure operations/s of a matrix product, two for each multiply-add."""

    def peak_bytes(self) -> int | None:
        """Return the peak memory, of the process during `seconds` on a CPU, else of the device."""


def stored_size(architecture: Architecture) -> int:
    """Return the side of the images that training crops: 256 in the paper, 32 for digits."""
    side = architecture.longer_side
    return max(256, side) if side >= 200 else side + 4


def product_size(platform: str) -> int:
    """Return the side of the square matrices whose product is timed.

    It is large enough to be limited by arithmetic and small enough to take 0.1 s on two cores.
    """
    return 2048 if platform == "cpu" else 8192
