"""Describe this installation and machine, and test them, on one screen for a bug report.

Without an accelerator the CPU poses as four devices, so that every topology is tested. The exit
status is 1 if a test fails.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import option
from alexnet_jax.cli.values import directory


@dataclass(frozen=True)
class Options:
    """Print versions, devices, memory and the disk's rate, and test the installation."""

    disk: Annotated[Path, option(directory, "DIR")] = Path()
    """Directory on the disk whose rate is measured, with a temporary file of 201 MB."""


def main(options: Options) -> None:
    import jax

    if jax.config.jax_num_cpu_devices < 1:  # not set
        jax.config.update("jax_num_cpu_devices", 4)
    from alexnet_jax.bench.doctor import (
        describe_installation,
        describe_machine,
        disk_rate,
        format_screen,
        self_tests,
    )
    from alexnet_jax.runtime import enable_compile_cache

    enable_compile_cache()
    found = describe_installation() | describe_machine() | {"disk": disk_rate(options.disk)}
    print(format_screen(found), flush=True)
    tests, failed = self_tests(), []
    width = max(map(len, tests))
    for title, test in tests.items():
        began = time.perf_counter()
        passed, text = test()
        if passed is False:
            failed.append(title)
        state = {True: "ok", False: "FAILED", None: "not run"}[passed]
        seconds = time.perf_counter() - began
        print(f"{title:{width}}  {state:7}  {seconds:4.1f} s  {text}", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}")
        raise SystemExit(1)


command = partial(run, main, Options)
