"""Progress of long work, with its rate and the time that remains."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from alexnet_jax.display.quiet import is_quiet

LONG = 3.0  # s of work about which a command says something
_LINE, _TERMINAL = 10.0, 0.5  # s between two lines, and between two changes of a terminal's line


def format_duration(seconds: float) -> str:
    """Format seconds as 1:02:03, or as 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Line:
    """Line about work in progress: on a terminal one that changes, elsewhere a new one each time.

    Nothing is printed inside of `quiet`.
    """

    def __init__(self, file: TextIO) -> None:
        self._file, self._terminal, self._quiet = file, file.isatty(), is_quiet()
        self.every = _TERMINAL if self._terminal else _LINE
        self.shown = False

    def show(self, text: str) -> None:
        if self._quiet:
            return
        self.shown = True
        if self._terminal:
            print(f"\r{text}\x1b[K", end="", file=self._file, flush=True)
        else:
            print(text, file=self._file, flush=True)

    def end(self) -> None:
        """End the line of a terminal, so that what follows has one of its own."""
        if self._terminal and self.shown:
            print(file=self._file, flush=True)


class Progress:
    """Progress report every 10 seconds, or every half second on a terminal, where one line changes.

    Printed on standard output, or to another `file`; not inside of `quiet`.

    Args:
      what: the work, at the beginning of each line.
      total: number of units of the whole work.
      done: units that were done before.
      unit: word for them.
      file: stream to print to.
      after: seconds from the beginning in which nothing is printed; work that ends within them is
        passed over in silence.
    """

    def __init__(
        self,
        what: str,
        total: int,
        done: int = 0,
        unit: str = "images",
        file: TextIO | None = None,
        after: float = 0.0,
    ) -> None:
        self._what, self._total, self._first, self._done = what, total, done, done
        self._unit, self._after = unit, after
        self._line = _Line(sys.stdout if file is None else file)
        self._began = self._reported = time.perf_counter()

    def advance(self, count: int) -> None:
        """Count `count` more units as done."""
        self._done += count
        now = time.perf_counter()
        if now - self._reported >= self._line.every and now - self._began >= self._after:
            self._reported = now
            rate = (self._done - self._first) / (now - self._began)
            remaining = format_duration((self._total - self._done) / rate)
            self._line.show(
                f"{self._what}: {self._done:,} of {self._total:,} {self._unit}  "
                f"{_rate(rate)} {self._unit}/s  {remaining} left"
            )

    def finish(self) -> None:
        """Print the time and rate of the complete work."""
        count, seconds = self._done - self._first, time.perf_counter() - self._began
        if seconds >= self._after or self._line.shown:
            rate = f", {_rate(count / seconds)} {self._unit}/s" if count else ""
            self._line.show(
                f"{self._what}: {count:,} {self._unit} in {format_duration(seconds)}{rate}"
            )
        self._line.end()


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 1 else f"{rate:.2g}"


@contextlib.contextmanager
def waiting(what: str, file: TextIO | None = None) -> Iterator[None]:
    """Print how long the work inside this context has lasted, if it takes more than 3 seconds.

    For work that counts no units, such as the compilation of a program. The time is printed every
    10 seconds, or every half second on a terminal, where one line changes; not inside of `quiet`.

    Args:
      what: the work, at the beginning of each line.
      file: stream to print to; by default standard error.
    """
    line = _Line(sys.stderr if file is None else file)
    began, ended = time.perf_counter(), threading.Event()

    def show(end: str) -> None:
        line.show(f"{what}: {format_duration(time.perf_counter() - began)}{end}")

    def watch() -> None:
        pause = LONG
        while not ended.wait(pause):
            show(" so far")
            pause = line.every

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if line.shown:
            show("")
        line.end()
