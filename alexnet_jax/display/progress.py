"""Progress of long work, with its rate and the time that remains."""

from __future__ import annotations

import sys
import time
from typing import TextIO


def format_duration(seconds: float) -> str:
    """Format seconds as 1:02:03, or as 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Progress report every 10 seconds, or every half second on a terminal, where one line changes.

    Printed on standard output, or to another `file`.
    """

    def __init__(
        self,
        what: str,
        total: int,
        done: int = 0,
        unit: str = "images",
        file: TextIO | None = None,
    ) -> None:
        self._what, self._total, self._first, self._done = what, total, done, done
        self._unit, self._file = unit, sys.stdout if file is None else file
        self._terminal = self._file.isatty()
        self._every = 0.5 if self._terminal else 10.0
        self._began = self._reported = time.perf_counter()

    def advance(self, count: int) -> None:
        """Count `count` more units as done."""
        self._done += count
        now = time.perf_counter()
        if now - self._reported >= self._every:
            self._reported = now
            rate = (self._done - self._first) / (now - self._began)
            remaining = format_duration((self._total - self._done) / rate)
            self._print(
                f"{self._what}: {self._done:,} of {self._total:,} {self._unit}  "
                f"{rate:,.0f} {self._unit}/s  {remaining} left"
            )

    def finish(self) -> None:
        """Print the time and rate of the complete work."""
        count, seconds = self._done - self._first, time.perf_counter() - self._began
        rate = f", {count / seconds:,.0f} {self._unit}/s" if count else ""
        self._print(f"{self._what}: {count:,} {self._unit} in {format_duration(seconds)}{rate}")
        if self._terminal:
            print(file=self._file, flush=True)

    def _print(self, text: str) -> None:
        if self._terminal:
            print(f"\r{text}\x1b[K", end="", file=self._file, flush=True)
        else:
            print(text, file=self._file, flush=True)
