"""Runs the scripts of experiments/, in this process or in one of their own."""

import contextlib
import functools
import io
import json
import logging
import os
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import jax
import pytest

from alexnet_jax import display
from alexnet_jax.display import progress

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"

# The digits' network with layers narrow enough to train six steps in a blink.
WIDTHS = {"conv1": 4, "conv2": 8, "conv3": 8, "conv4": 8, "conv5": 8, "fc6": 16, "fc7": 16}
NARROW = ("batch=16", *(f"layers.{name}.maps={maps}" for name, maps in WIDTHS.items()))
SPEED = {"images_per_second", "input_wait"}  # what differs from run to run
EVERY_3 = ("evaluate_every=3", "checkpoint_every=3")


@dataclass(frozen=True)
class Result:
    """How a script ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def call(script: str, *arguments: object) -> Result:
    """Runs `experiments/SCRIPT.py ARGUMENTS` in this process, as `python` would.

    What a script should have turned into an exit status is raised. Work that lasts for seconds says
    so only after ten minutes, so that standard error is the same on a slow machine.
    """
    path = EXPERIMENTS / f"{script}.py"
    argv = [str(path), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(sys, "path", [str(path.parent), *sys.path]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(display, "LONG", 600.0),
        mock.patch.object(progress, "LONG", 600.0),
        settings_restored(),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as stop:
            status = 0 if stop.code is None else stop.code
    assert isinstance(status, int), status
    return Result(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def settings_restored() -> Iterator[None]:
    """A script may silence libraries for the whole of its process; the tests go on."""
    loggers = [logging.getLogger(name) for name in ("absl", "asyncio")]
    levels = [logger.level for logger in loggers]
    hook = sys.unraisablehook
    try:
        with warnings.catch_warnings():
            yield
    finally:
        sys.unraisablehook = hook
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def training(
    workdir: Path,
    steps: int,
    *options: object,
    log_every: int = 2,
    changes: tuple[str, ...] = EVERY_3,
) -> tuple[str, ...]:
    """Arguments of `train` for the narrow network on the digits."""
    arguments = ("digits", "--workdir", workdir, "--steps", steps, "--log-every", log_every)
    return tuple(map(str, (*arguments, *options, "--set", *NARROW, *changes)))


def train(workdir: Path, steps: int, *options: object, **more: Any) -> Result:
    """Trains the narrow network on the digits, logging every 2 steps and saving every 3."""
    return call("train", *training(workdir, steps, *options, **more))


def start(
    script: str,
    *arguments: object,
    devices: int | None = None,
    platforms: str = "cpu",
    more: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[str]:
    """Starts a script in a process of its own, with this one's cache of compiled programs.

    It has this process's number of devices, or the number given, and `more` in its environment.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # The number of devices is part of what a compiled program is found by.
    same = {
        name.upper(): str(jax.config.values[name])
        for name in (
            "jax_num_cpu_devices",
            "jax_compilation_cache_dir",
            "jax_persistent_cache_min_compile_time_secs",
            "jax_persistent_cache_min_entry_size_bytes",
            "jax_disable_most_optimizations",
        )
    }
    if devices is not None:
        same["JAX_NUM_CPU_DEVICES"] = str(devices)
    return subprocess.Popen(
        [sys.executable, EXPERIMENTS / f"{script}.py", *map(str, arguments)],
        env=kept | same | dict(more) | {"PYTHONPATH": path, "JAX_PLATFORMS": platforms},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait(process: subprocess.Popen[str]) -> Result:
    """How a started script ends. One that does not end within minutes is killed and fails."""
    try:
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    return Result(process.returncode, out, err)


def measurements(workdir: Path) -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def contents(directory: Path) -> dict[str, bytes | None]:
    """Every file below a directory with its bytes, and every directory with None."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


def assert_refused(result: Result, *parts: object) -> None:
    """Exit status 2, nothing on standard output, and one line of error that holds the parts."""
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert result.err.endswith("\n")
    for part in parts:
        assert str(part) in result.err


@dataclass(frozen=True)
class Run:
    """A finished run of six steps. Tests that change its directory take a copy."""

    workdir: Path
    result: Result

    @property
    def measured(self) -> list[dict[str, Any]]:
        return measurements(self.workdir)


@functools.cache
def _finished(directory: Path) -> Run:
    workdir = directory / "finished"
    return Run(workdir, train(workdir, 6))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run for all tests of a session, whichever files they stand in."""
    run = _finished(tmp_path_factory.getbasetemp())
    assert (run.result.status, run.result.err) == (0, "")
    return run
