"""Console output of a training run: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from alexnet_jax.display import format_duration


class Console(Protocol):
    """Receiver of a run's progress, metrics and messages. Steps count from 1."""

    def start(self, done: int, total: int) -> None:
        """Begin a run of `total` steps of which `done` are already made."""

    def advance(self, step: int) -> None:
        """Show that a step is made."""

    def train(self, step: int, metrics: dict[str, float]) -> None:
        """Show the metrics of a training step."""

    def test(self, step: int, metrics: dict[str, float]) -> None:
        """Show the metrics of an evaluation on the test split."""

    def note(self, text: str) -> None:
        """Show a message."""

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


class PlainConsole:
    """Console that prints one line per measurement, with the time that remains."""

    def start(self, done: int, total: int) -> None:
        self._first, self._total, self._began = done, total, time.perf_counter()

    def advance(self, step: int) -> None:
        pass

    def train(self, step: int, metrics: dict[str, float]) -> None:
        seconds_per_step = (time.perf_counter() - self._began) / max(step - self._first, 1)
        remaining = format_duration(seconds_per_step * (self._total - step))
        self.note(f"step {step:>7}/{self._total}  {_train_text(metrics)}  {remaining} left")

    def test(self, step: int, metrics: dict[str, float]) -> None:
        self.note(f"step {step:>7}/{self._total}  {_test_text(metrics)}")

    def note(self, text: str) -> None:
        print(text, flush=True)

    def stop(self) -> None:
        pass


class BarConsole:
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

    def train(self, step: int, metrics: dict[str, float]) -> None:
        self._progress.update(self._task, completed=step, description=_train_text(metrics))

    def test(self, step: int, metrics: dict[str, float]) -> None:
        self.note(f"step {step}  {_test_text(metrics)}")

    def note(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)

    def stop(self) -> None:
        self._progress.stop()


class Silence:
    """Discards all output."""

    def start(self, done: int, total: int) -> None:
        pass

    def advance(self, step: int) -> None:
        pass

    def train(self, step: int, metrics: dict[str, float]) -> None:
        pass

    def test(self, step: int, metrics: dict[str, float]) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


def make_console() -> Console:
    """Return a console with a bar if standard output is a terminal, else one of plain lines."""
    return BarConsole() if sys.stdout.isatty() else PlainConsole()
