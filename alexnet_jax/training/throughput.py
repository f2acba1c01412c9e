"""How fast a training goes: its rate, and a profile of a few of its steps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import jax

from alexnet_jax.runtime import give_back_memory

_PROFILED_STEPS = 10


class Clock:
    """Images per second of training alone: evaluation and saving do not count."""

    def __init__(self, batch: int) -> None:
        self._batch, self._steps, self._waited = batch, 0, 0.0
        self._began = time.perf_counter()

    def count(self) -> None:
        self._steps += 1

    def elapsed(self) -> float:
        """Seconds since the start, or since the rate was asked for last."""
        return time.perf_counter() - self._began

    def first_step(self, metrics: object) -> str:
        """Says how long the first step took, once its metrics are there, and gives back what
        compiling it held."""
        jax.block_until_ready(metrics)
        took = self.elapsed()
        give_back_memory()
        return f"first step took {took:.1f} s, compilation included"

    def rate(self) -> float:
        """Since the last call; the first one in a process includes compilation."""
        now = time.perf_counter()
        rate = self._batch * self._steps / (now - self._began)
        self._began, self._steps, self._waited = now, 0, 0.0
        return rate

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what waits for input."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    def input_wait(self) -> float:
        """Share of the time since `rate` was asked last that went into waiting, in [0, 1]."""
        return self._waited / (time.perf_counter() - self._began)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        paused_at = time.perf_counter()
        yield
        self._began += time.perf_counter() - paused_at


class Trace:
    """A profile of ten steps, from the third of this process: the first two compile and warm up."""

    def __init__(self, directory: Path | None) -> None:
        self._directory, self._running = directory, False

    def at(self, count: int) -> None:
        if self._directory is not None and count == 3:
            jax.profiler.start_trace(self._directory)
            self._running = True
        if count == 3 + _PROFILED_STEPS:
            self.stop()

    def stop(self) -> None:
        if self._running:
            jax.profiler.stop_trace()
            self._running = False
