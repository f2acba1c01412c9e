"""Speed of a training: its rate, and a profile of a few steps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import jax

from alexnet_jax.runtime import release_free_memory

_PROFILED_STEPS = 10


class Clock:
    """Clock that measures images per second of training, without evaluation and saving."""

    def __init__(self, batch: int) -> None:
        self._batch, self._steps, self._waited = batch, 0, 0.0
        self._began = time.perf_counter()

    def count(self) -> None:
        """Count one training step."""
        self._steps += 1

    def elapsed(self) -> float:
        """Return the seconds since the last call of `rate`, or since the start."""
        return time.perf_counter() - self._began

    def first_step(self, metrics: object) -> str:
        """Wait for the first step's metrics, and return a message with its time in seconds.

        Releases the memory that compiling the step left.
        """
        jax.block_until_ready(metrics)
        seconds = self.elapsed()
        release_free_memory()
        return f"first step took {seconds:.1f} s, most of it to compile; the others are faster"

    def rate(self) -> float:
        """Return the images per second since the last call; the first rate includes compilation."""
        now = time.perf_counter()
        rate = self._batch * self._steps / (now - self._began)
        self._began, self._steps, self._waited = now, 0, 0.0
        return rate

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time inside this context as waiting for input."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    def input_wait(self) -> float:
        """Return the share of time spent waiting since the last call of `rate`, in [0, 1]."""
        return self._waited / (time.perf_counter() - self._began)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time inside this context out of the rate."""
        paused_at = time.perf_counter()
        yield
        self._began += time.perf_counter() - paused_at


class Trace:
    """Profile of ten steps, from the third of this process; the first two compile and warm up."""

    def __init__(self, directory: Path | None) -> None:
        self._directory, self._running = directory, False

    def at(self, count: int) -> None:
        """Start or stop the profile before step `count` of this process, counted from 1."""
        if self._directory is not None and count == 3:
            jax.profiler.start_trace(self._directory)
            self._running = True
        if count == 3 + _PROFILED_STEPS:
            self.stop()

    def stop(self) -> None:
        if self._running:
            jax.profiler.stop_trace()
            self._running = False
