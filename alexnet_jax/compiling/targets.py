"""Accelerators to compile for: their published figures, and the slices of TPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alexnet_jax.errors import InputError, choices

Platform = Literal["tpu", "cuda"]


@dataclass(frozen=True)
class Chip:
    """Published figures of one device as JAX sees it.

    Attributes:
      name: name on the command line.
      platform: name of the platform in JAX.
      memory: bytes of its main memory: of a TPU, those that libtpu 0.0.50 gives to programs.
      bandwidth: bytes/s of that memory.
      bfloat16, float32: dense matrix products in operations/s, two for each multiply-add. On a TPU
        products of float32 arrays are by default one pass in bfloat16, on a GPU they are in TF32.
      clock: cycles/s of a TPU. Not published: `bfloat16` over the operations of its matrix units
        in a cycle.
      link: bytes/s that a device sends while it receives as many.
      source: where the figures stand.
      slices: slices of a TPU by ascending number of devices; any other may work, too.
    """

    name: str
    platform: Platform
    memory: float
    bandwidth: float
    bfloat16: float
    float32: float
    link: float
    source: str
    clock: float = 0.0
    slices: tuple[tuple[str, int], ...] = ()

    def rate(self, dtype: str) -> float:
        """Return the operations/s of products of arrays of a dtype."""
        return self.bfloat16 if dtype == "bfloat16" else self.float32


def _tpu(
    name: str,
    memory: float,
    bandwidth: float,
    rate: float,
    link: float,
    operations: int,
    slices: tuple[tuple[str, int], ...],
    source: str,
) -> Chip:
    """Return a TPU; `operations` are those of its matrix units in a cycle."""
    clock = rate / operations
    source = f"Google Cloud, {source}"
    return Chip(name, "tpu", memory, bandwidth, rate, rate, link, source, clock, slices)


_FLAT = (("1x1", 1), ("2x2", 4), ("2x4", 8), ("4x4", 16), ("4x8", 32), ("8x8", 64), ("8x16", 128),
         ("16x16", 256))  # fmt: skip
_CUBES = (("2x1x1", 2), ("2x2x1", 4), ("2x2x2", 8), ("2x2x4", 16), ("2x4x4", 32), ("4x4x4", 64))
_HALVES = (("1x1x1", 2), ("2x2x1", 8), ("2x2x2", 16), ("2x2x4", 32), ("2x4x4", 64), ("4x4x4", 128))
_GIB = 2**30
_UNIT = 2 * 128 * 128  # operations of a matrix unit in a cycle

CHIPS = {
    chip.name: chip
    for chip in (
        _tpu("v5e", 15.75 * _GIB, 819e9, 197e12, 200e9, 4 * _UNIT, _FLAT, "TPU v5e"),
        # The page counts two units of 256 x 256; the compiler plans with twice their operations.
        _tpu("v6e", 31.24 * _GIB, 1638e9, 918e12, 400e9, 16 * _UNIT, _FLAT, "TPU v6e"),
        _tpu("v5p", 95.73 * _GIB, 2765e9, 459e12, 600e9, 8 * _UNIT, _CUBES, "TPU v5p"),
        # Links: six of 50 GB/s, as the paper of TPU v4 has them (Jouppi and others, 2023).
        _tpu("v4", 30.75 * _GIB, 1200e9, 275e12, 300e9, 8 * _UNIT, _CUBES, "TPU v4"),
        # A chip is two devices, which share its links.
        _tpu("tpu7x", 94.74 * _GIB, 3690e9, 1153.5e12, 300e9, 16 * _UNIT, _HALVES, "TPU7x"),
        Chip("a100", "cuda", 85_100_068_864, 2039e9, 312e12, 156e12, 300e9,
             "NVIDIA, A100 80GB SXM data sheet"),
        Chip("h100", "cuda", 84_942_979_072, 3352e9, 989e12, 494e12, 450e9,
             "NVIDIA, H100 SXM data sheet"),
        Chip("h200", "cuda", 151_397_597_184, 4800e9, 989e12, 494e12, 450e9,
             "NVIDIA, H200 SXM data sheet"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Machine to compile for: a chip, and the slice of a TPU or the number of GPUs.

    Attributes:
      shape: such as "2x4"; "" to be chosen by the number of devices.
    """

    chip: Chip
    shape: str = ""

    @property
    def name(self) -> str:
        """Name on the command line, such as "v5e:2x4"."""
        return f"{self.chip.name}:{self.shape}" if self.shape else self.chip.name

    def of_size(self, devices: int) -> Target:
        """Return the target with the smallest slice that has so many devices, unless it has one.

        Raises:
          InputError: more devices than the largest slice has.
        """
        if self.shape or self.chip.platform != "tpu":
            return self
        for shape, size in self.chip.slices:
            if size >= devices:
                return Target(self.chip, shape)
        largest, size = self.chip.slices[-1]
        raise InputError(
            f"{devices} devices, but {self.chip.name}:{largest}, the largest slice of the list, "
            f"has {size}; name a larger one as --target {self.chip.name}:SHAPE"
        )


def parse_target(text: str) -> Target:
    """Return the target of a name such as v5e, v5e:2x4 or h100.

    Raises:
      InputError: an unknown chip; a shape that is none, or that of a GPU.
    """
    name, colon, shape = text.partition(":")
    chip = CHIPS.get(name.lower())
    if chip is None:
        raise InputError(f"unknown target {name!r}; {choices(name, CHIPS)}")
    if colon and chip.platform != "tpu":
        raise InputError(f"{chip.name} has no slices, got {text!r}; --devices N sets their number")
    if colon and not all(side.isdecimal() and int(side) for side in shape.split("x")):
        known = ", ".join(one for one, _ in chip.slices)
        raise InputError(f"a slice of {chip.name} is one of {known}, got {shape!r}")
    return Target(chip, shape)
