"""Runs the scripts of experiments/, in this process or in one of their own.

A training step compiles for several seconds; all runs share one cache of compiled programs, so
that only the first pays. The cache is on while a script runs and at no other time.
"""

import atexit
import contextlib
import functools
import io
import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import jax
from jax.experimental.compilation_cache import compilation_cache

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"

# The digits' network with layers narrow enough to train six steps in a blink.
WIDTHS = {"conv1": 4, "conv2": 8, "conv3": 8, "conv4": 8, "conv5": 8, "fc6": 16, "fc7": 16}
NARROW = ("batch=16", *(f"layers.{name}.maps={maps}" for name, maps in WIDTHS.items()))
EVERY = 3
TINY = (
    "--log-every",
    "2",
    "--set",
    *NARROW,
    f"evaluate_every={EVERY}",
    f"checkpoint_every={EVERY}",
)


@dataclass(frozen=True)
class Result:
    """How a script ended and what it wrote."""

    status: int
    out: str
    err: str


def call(script: str, *arguments: object) -> Result:
    """Runs `experiments/SCRIPT.py ARGUMENTS` in this process, as `python` would.

    What a script should have turned into an exit status is raised.
    """
    path = EXPERIMENTS / f"{script}.py"
    argv = [str(path), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    status: object = 0
    with (
        mock.patch.object(sys, "argv", argv),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _compiled_programs_kept(),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as stop:
            status = 0 if stop.code is None else stop.code
    assert isinstance(status, int), status
    return Result(status, out.getvalue(), err.getvalue())


def train(workdir: Path, steps: int, *options: object) -> Result:
    """Trains the narrow network on the digits, logging every 2 steps and saving every 3."""
    return call("train", "digits", "--workdir", workdir, "--steps", steps, *options, *TINY)


def environment(**more: str) -> dict[str, str]:
    """For a script in a process of its own: the package on the path, the cache, one CPU device."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    cache = {name.upper(): str(value) for name, value in _cache_settings().items()}
    return kept | cache | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"} | more


@functools.cache
def _cache_settings() -> dict[str, object]:
    directory = tempfile.mkdtemp(prefix="compiled-")
    atexit.register(shutil.rmtree, directory)
    return {
        "jax_compilation_cache_dir": directory,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


@contextlib.contextmanager
def _compiled_programs_kept() -> Iterator[None]:
    before = {name: getattr(jax.config, name) for name in _cache_settings()}
    try:
        for name, value in _cache_settings().items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
