"""Control of `child`: a part runs apart from this process, and ends when its time does.

A device that hangs, a process that dies and a program that does not end take one item with them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from alexnet_jax.bench.accelerator.results import Result
from alexnet_jax.bench.process import process_environment

CHILD = (sys.executable, "-m", "alexnet_jax.bench.accelerator.child")
_LINES = 30  # of standard error, kept for an item whose process died
Say = Callable[[str], None]


def run_part(
    part: str, size: str, seconds: float, say: Say, command: Sequence[str] = CHILD
) -> list[Result]:
    """Run the items of a part within `seconds`, and return a result for each.

    A process ends after an item that failed; if it dies, the item that it had begun has failed.
    Another one then runs the items that are left.

    Args:
      say: called with the name of every item as it begins.
      command: how to start a process that answers as `child` does.
    """
    run = _Run(part, size, time.monotonic() + seconds, say)
    while not run.over and (not run.names or run.left):
        run.attempt(command)
        if not run.names:  # it ended before it could name its items
            run.names = [part]
    for name in run.left:
        run.results[name] = Result(name, "no time", line="not run: no time left")
    return [run.results[name] for name in run.names]


class _Run:
    """Run of a part by one or several processes.

    Attributes:
      names: all items of the part, as soon as they are known.
      results: results by item.
      over: whether the time was over before the end.
    """

    def __init__(self, part: str, size: str, end: float, say: Say) -> None:
        self._part, self._size, self._end, self._say = part, size, end, say
        self.names: list[str] = []
        self.results: dict[str, Result] = {}
        self.over = False
        self._begun: str | None = None

    @property
    def left(self) -> list[str]:
        """Items without a result."""
        return [name for name in self.names if name not in self.results]

    def attempt(self, command: Sequence[str]) -> None:
        """Run the items that are left until their process ends or the time does."""
        before, began = len(self.results), time.monotonic()
        with tempfile.TemporaryFile("w+") as stderr:
            with _child(command, stderr) as process:
                timer = threading.Timer(max(0.0, self._end - began), self._stop, (process,))
                timer.start()
                try:
                    self._read(process)
                finally:
                    timer.cancel()
            stderr.seek(0)
            text = "\n".join(stderr.read().splitlines()[-_LINES:])
        if self._begun is None and len(self.results) > before:
            self._add_to_traceback(text)
            return
        lost, took = self._begun or next(iter(self.left), self._part), time.monotonic() - began
        self._begun = None
        if self.over:
            result = Result(lost, "no time", took, line="stopped: no time left")
        else:
            line = f"its process ended with status {process.returncode}: {_last_line(text)}"
            result = Result(lost, "failed", took, line=line, traceback=text)
        self.results[lost] = result

    def _add_to_traceback(self, text: str) -> None:
        """Add standard error, where other processes tell of themselves, to an item that failed."""
        last = list(self.results.values())[-1]
        if last.status == "failed" and text:
            traceback = f"{last.traceback}\nstandard error:\n{text}\n"
            self.results[last.item] = replace(last, traceback=traceback)

    def _stop(self, process: subprocess.Popen[str]) -> None:
        self.over = True
        _kill(process)

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Send the request and read the answers until the process ends."""
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"part": self._part, "size": self._size, "skip": list(self.results)}
        with contextlib.suppress(BrokenPipeError):  # it may have ended already
            print(json.dumps(request), file=process.stdin, flush=True)
        for line in process.stdout:
            if not line.endswith("\n"):  # the process was killed while it wrote
                break
            answer: dict[str, Any] = json.loads(line)
            if "items" in answer:
                self.names = answer["items"]
            elif "begin" in answer:
                self._begun = answer["begin"]
                self._say(f"{self._part}: {self._begun}")
            else:
                self._begun, result = None, Result(**answer["result"])
                self.results[result.item] = result
        process.wait()


@contextlib.contextmanager
def _child(command: Sequence[str], stderr: Any) -> Iterator[subprocess.Popen[str]]:
    """Start the process, in a group with all that it starts; end the group with the context."""
    process = subprocess.Popen(
        list(command),
        env=child_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _kill(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def child_environment() -> dict[str, str]:
    """Return the environment of a child: that of the benchmark, and always with a CPU device.

    Where JAX_PLATFORMS names an accelerator alone, jax would not find the CPU that it is compared
    with.
    """
    variables = process_environment("default")
    platforms = variables.get("JAX_PLATFORMS", "")
    if platforms and "cpu" not in platforms.split(","):
        variables["JAX_PLATFORMS"] = f"{platforms},cpu"
    return variables


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")[:200]
