"""Control of a `worker`: a separate process that runs one kind of work on request."""

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

# With this tunable the C library requests huge pages, of which a step needs 500 times fewer: page
# faults cost a step of the paper's network as much time as a layer. It applies to every side.
HUGE_PAGES = "glibc.malloc.hugetlb=1"
ALLOCATORS = {"default": None, "huge_pages": HUGE_PAGES}


class CannotRun(Exception):
    """Reason why a variant of the peer does not work on this machine."""


def process_environment(allocator: str) -> dict[str, str]:
    """Return the environment variables of every side's process.

    Caches of compiled programs are off, so that the measured compile time is that of compiling.
    GPU memory is allocated as needed, since two processes share it.
    """
    variables = dict(os.environ)
    path = str(Path(__file__).resolve().parents[2])
    if variables.get("PYTHONPATH"):
        path += os.pathsep + variables["PYTHONPATH"]
    variables["PYTHONPATH"] = path
    variables.setdefault("JAX_ENABLE_COMPILATION_CACHE", "0")
    variables.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    variables.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    tunables = ALLOCATORS[allocator]
    if tunables is not None:
        variables["GLIBC_TUNABLES"] = tunables
    return variables


class Process:
    """Worker process whose work is compiled and ready; leaving its context ends the process.

    Raises:
      InputError: work that is not possible here, or that does not fit into memory.
      CannotRun: torch.compile does not work here.
      RuntimeError: any other failure of the process; its traceback is printed to standard error.
    """

    def __init__(self, work: Work, environ: Mapping[str, str]) -> None:
        self.work = work
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", "alexnet_jax.bench.worker"],
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        try:
            self.about = About(**self._exchange(work.to_json()))
        except BaseException:
            self.close()
            raise

    def seconds(self, steps: int) -> float:
        """Return the mean time (s) of a step, over at least so many steps."""
        return float(self.ask("seconds", steps=steps))

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send a request to the process and return its value."""
        return self._exchange({"do": do, **arguments})["value"]

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
            self._raise_ended()
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise InputError(answer["refused"])
        if "failed" in answer:
            raise CannotRun(answer["failed"])
        return answer

    def _raise_ended(self) -> None:
        """Raise the error of a process that ended without an answer."""
        status = self._process.wait()
        if status == -9:
            raise InputError(
                f"{self.work.name}: its process was killed, as systems do when memory is short; "
                f"try fewer than {self.work.batch} images"
            )
        self._stderr.seek(0)
        print(self._stderr.read(), file=sys.stderr, end="")
        raise RuntimeError(f"{self.work.name}: its process ended with status {status}")

    def close(self) -> None:
        """End the process, by force if it takes more than 10 s."""
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
        self._stderr.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
