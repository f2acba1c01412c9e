"""The other end of `worker`: a process that does one kind of work when it is told to."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alexnet_jax.bench.work import About, Work
from alexnet_jax.errors import InputError

# The C library asks the system for huge pages, of which a step needs 500 times fewer: page faults
# cost a step of the paper's network as much as a layer. The same for every side.
HUGE_PAGES = "glibc.malloc.hugetlb=1"
ALLOCATORS = {"default": None, "huge_pages": HUGE_PAGES}


class CannotRun(Exception):
    """A variant of the peer that does not work here; says why."""


def environment(allocator: str) -> dict[str, str]:
    """What every side's process starts with.

    Nothing compiled is taken from a cache, so that the time of compiling is one; memory of a GPU
    is taken as it is needed, since two processes share it.
    """
    found = dict(os.environ)
    package = Path(__file__).resolve().parents[2]
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(package), found.get("PYTHONPATH")]))
    found.setdefault("JAX_ENABLE_COMPILATION_CACHE", "0")
    found.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    found.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    tunables = ALLOCATORS[allocator]
    if tunables is not None:
        found["GLIBC_TUNABLES"] = tunables
    return found


class Process:
    """A worker, ready. A context manager: leaving it ends the process.

    Raises:
      InputError: work that cannot be done as asked, or does not fit into memory.
      CannotRun: torch.compile does not work here.
      RuntimeError: the process failed otherwise; its own traceback is on standard error.
    """

    def __init__(self, work: Work, environ: Mapping[str, str]) -> None:
        self.work = work
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "alexnet_jax.bench.worker"],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        try:
            self.about = About(**self._exchange(work.to_json()))
        except BaseException:
            self.close()
            raise

    def seconds(self, steps: int) -> float:
        """s of a step, over at least so many."""
        return float(self.ask("seconds", steps=steps))

    def ask(self, do: str, **more: Any) -> Any:
        return self._exchange({"do": do, **more})["value"]

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        line = ""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        try:
            print(json.dumps(message), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._ended()
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise InputError(answer["refused"])
        if "failed" in answer:
            raise CannotRun(answer["failed"])
        return answer

    def _ended(self) -> None:
        """Tells of a process that ended without an answer."""
        status = self._process.wait()
        if status == -9:
            raise InputError(
                f"{self.work.name}: its process was killed, as systems do when memory is short; "
                f"try fewer than {self.work.batch} images"
            )
        self._said.seek(0)
        print(self._said.read(), file=sys.stderr, end="")
        raise RuntimeError(f"{self.work.name}: its process ended with status {status}")

    def close(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it may have ended already
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
