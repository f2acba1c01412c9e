"""A long training in a process of its own: python long_run.py WORKDIR STEPS; prints what it held.

JSON: {"traces": of the training step, "held": [[step, resident bytes, open files], ...]}, a place
every fifty steps.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import runpy
import sys
from pathlib import Path
from typing import Any

from alexnet_jax.runs.overrides import with_overrides
from alexnet_jax.runtime.compile_cache import enable_compile_cache
from alexnet_jax.training import loop as fit_module
from alexnet_jax.training.console import Silence

EVERY = 50
ROOT = Path(__file__).parents[2]


class Watching(Silence):
    """Notes what the process holds."""

    def __init__(self) -> None:
        self.held: list[tuple[int, int, int]] = []

    def advance(self, step: int) -> None:
        if step % EVERY == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            files = len(os.listdir("/proc/self/fd"))
            self.held.append((step, pages * resource.getpagesize(), files))


def main(workdir: Path, steps: int) -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    from helpers.scripts import NARROW

    config = runpy.run_path(str(ROOT / "experiments" / "configs" / "digits.py"))["CONFIG"]
    config = with_overrides(config, dict(change.split("=") for change in NARROW))
    config = dataclasses.replace(
        config, steps=steps, checkpoint_every=EVERY, evaluate_every=5 * EVERY, log_every=EVERY
    )
    made: list[Any] = []
    make = fit_module.make_train_step

    def counted(*arguments: Any) -> Any:
        made.append(make(*arguments))
        return made[-1]

    fit_module.make_train_step = counted
    console = Watching()
    enable_compile_cache()
    fit_module.fit(config, workdir, console)
    print(json.dumps({"traces": [step._cache_size() for step in made], "held": console.held}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
