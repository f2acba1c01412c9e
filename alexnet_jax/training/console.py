"""Console output of a training run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Protocol

from alexnet_jax.display import LONG, Progress, format_duration, is_quiet

Advance = Callable[[int], None]


class Console(Protocol):
    """Receiver of a run's progress, metrics and messages. Steps count from 1."""

    def start(self, done: int, total: int) -> None:
        """Begin a run of `total` steps of which `done` are already made."""

    def advance(self, step: int) -> None:
        """Show that a step is made."""

    def progress(self, what: str, total: int) -> Advance:
        """Begin work on `total` images amid the steps; the result is called with those done."""

    def train(self, step: int, metrics: dict[str, float]) -> None:
        """Show the metrics of a training step."""

    def test(self, step: int, metrics: dict[str, float]) -> None:
        """Show the metrics of an evaluation on the test split."""

    def note(self, text: str) -> None:
        """Show a message about the work."""

    def warn(self, text: str) -> None:
        """Show a message about something that should be mended."""

    def result(self, text: str) -> None:
        """Show how the run ended."""

    def stop(self) -> None:
        """End the output of steps; messages may follow."""


def _train_text(metrics: dict[str, float]) -> str:
    return (
        f"loss {metrics['loss']:.4f}  top1 {metrics['top1']:6.1%}  "
        f"{metrics['images_per_second']:,.0f} images/s{_wait_text(metrics['input_wait'])}"
    )


def _wait_text(share: float) -> str:
    """Return a remark if more than a tenth of the time was spent waiting for input, else ""."""
    return f" ({share:.0%} waiting for input)" if share > 0.1 else ""


def _test_text(metrics: dict[str, float]) -> str:
    return (
        f"test loss {metrics['loss']:.4f}  top1 {metrics['top1']:.2%}  top5 {metrics['top5']:.2%}"
    )


class Silence:
    """Discards all output."""

    def start(self, done: int, total: int) -> None:
        pass

    def advance(self, step: int) -> None:
        pass

    def progress(self, what: str, total: int) -> Advance:
        return lambda count: None

    def train(self, step: int, metrics: dict[str, float]) -> None:
        pass

    def test(self, step: int, metrics: dict[str, float]) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        pass

    def result(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


class ResultConsole(Silence):
    """Console that prints the last test and how the run ended; warnings go to standard error."""

    _last = ""

    def test(self, step: int, metrics: dict[str, float]) -> None:
        self._last = f"step {step}  {_test_text(metrics)}"

    def warn(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def result(self, text: str) -> None:
        if self._last:
            print(self._last)
        print(text, flush=True)


class PlainConsole(Silence):
    """Console that prints one line per measurement, with the time that remains."""

    def start(self, done: int, total: int) -> None:
        self._first, self._total, self._began = done, total, time.perf_counter()

    def progress(self, what: str, total: int) -> Advance:
        return Progress(what, total, after=LONG).advance

    def train(self, step: int, metrics: dict[str, float]) -> None:
        seconds_per_step = (time.perf_counter() - self._began) / max(step - self._first, 1)
        remaining = format_duration(seconds_per_step * (self._total - step))
        self.note(f"step {step:>7}/{self._total}  {_train_text(metrics)}  {remaining} left")

    def test(self, step: int, metrics: dict[str, float]) -> None:
        self.note(f"step {step:>7}/{self._total}  {_test_text(metrics)}")

    def note(self, text: str) -> None:
        print(text, flush=True)

    warn = result = note


class BarConsole(Silence):
    """Console with a bar at the bottom of the terminal, and test results above it."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )

    def start(self, done: int, total: int) -> None:
        self._task = self._progress.add_task("compiling", total=total, completed=done)
        self._progress.start()

    def advance(self, step: int) -> None:
        self._progress.update(self._task, completed=step)

    def progress(self, what: str, total: int) -> Advance:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self._progress.update(self._task, description=f"{what} {done:,} of {total:,} images")

        return advance

    def train(self, step: int, metrics: dict[str, float]) -> None:
        self._progress.update(self._task, completed=step, description=_train_text(metrics))

    def test(self, step: int, metrics: dict[str, float]) -> None:
        self.note(f"step {step}  {_test_text(metrics)}")

    def note(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)

    warn = result = note

    def stop(self) -> None:
        self._progress.stop()


def make_console() -> Console:
    """Return a console with a bar if standard output is a terminal, else one of plain lines.

    Inside of `display.quiet` it prints results alone.
    """
    if is_quiet():
        return ResultConsole()
    return BarConsole() if sys.stdout.isatty() else PlainConsole()
