"""Training and inference beside PyTorch, eager and compiled, where torch is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from typing import Any

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.process import CannotRun, Process, process_environment
from alexnet_jax.bench.times import interleaved, ratio, steps_of_sample
from alexnet_jax.bench.work import Mode, Variant, Work
from alexnet_jax.errors import InputError

# The most promising first; `benchmark --peer torch --compile` tries all of them in heats.
VARIANTS = (
    Variant("channels_last", "sums"),
    Variant("channels_last", "sums", "default"),
    Variant("default", "library"),
    Variant("channels_last", "sums", "reduce-overhead"),
)


def items(size: Size) -> Items:
    """Return the variants in both modes. This process itself does not use the device.

    Raises:
      InputError: torch is not installed; jax computes on a TPU.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError("torch is not installed")
    if _platform() == "tpu":
        raise InputError("torch is compared on CPUs and GPUs, but jax computes on a TPU")
    environ = process_environment("default")
    train = size.speed_works()[0]

    @cache  # one process of ours for all variants of a mode
    def ours(mode: Mode) -> Process:
        return Process(replace(train, mode=mode), environ)

    def beside(mode: Mode, variant: Variant) -> dict[str, Any]:
        return _beside(ours(mode), variant, environ, size.samples)

    modes: tuple[Mode, ...] = ("train", "infer")
    return {
        f"{mode}, {variant.name}": partial(beside, mode, variant)
        for variant in VARIANTS
        for mode in modes
    }


def _platform() -> str:
    """Return the platform of jax in another process: one process alone can hold a TPU."""
    code = "import jax; print(jax.devices()[0].platform)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def _beside(
    ours: Process, variant: Variant, environ: dict[str, str], rounds: int
) -> dict[str, Any]:
    """Time a variant and ours in turns.

    Raises:
      InputError: the variant does not run on this machine.
    """
    work: Work = replace(ours.work, side="torch", variant=variant, platform=ours.about.platform)
    try:
        with Process(work, environ) as torch:
            sides = {"ours": ours, "torch": torch}
            steps = {side: steps_of_sample(one.about.step_seconds) for side, one in sides.items()}
            times = interleaved(sides, steps, rounds)
            about = torch.about
    except CannotRun as error:
        raise InputError(str(error)) from None
    return {
        "mode": work.mode,
        "dtype": work.dtype,
        "batch": work.batch,
        "library": about.library,
        "ratio": ratio(times["torch"], times["ours"]),
        "images_per_second": {side: work.batch / one.median for side, one in times.items()},
        "compile_seconds": about.compile_seconds,
        "seconds": {side: one.to_json() for side, one in times.items()},
    }
