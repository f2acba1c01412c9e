"""Locks on files, which the system releases when a process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from alexnet_jax.errors import InUse

LOCK = ".lock"
_TEXT_BYTES = 200


@contextlib.contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Keep every other process that calls this out of a directory, until the context ends.

    The lock is one of the system's, on the file `.lock`, which says who holds it. A killed process
    leaves the file, without the lock, and nobody is kept out by it. Linux passes the lock on to an
    NFS server, so that it holds on all machines that mount the directory, unless it is mounted with
    `nolock` or `local_lock`. On a file system without locks nobody is kept out, and a line on
    standard error says so.

    Raises:
      InUse: another process holds the directory; the message names it.
    """
    path = directory / LOCK
    with open_locked(path) as file:
        file.truncate(0)
        file.write(_describe_holder().encode())
        file.flush()
        os.fsync(file.fileno())  # for processes on other machines
        try:
            yield
        finally:
            if _is_at(file, path):  # else somebody has removed it, or the directory
                path.unlink()


def _describe_holder() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"


@contextlib.contextmanager
def open_locked(path: Path, wait: Callable[[], None] | None = None) -> Iterator[IO[bytes]]:
    """Open a file for appending, locked against other processes that call this.

    Whoever holds the lock may rename or delete the file; the next to get it then opens it anew.

    Args:
      path: the file; created if it does not exist.
      wait: called before waiting for another process's lock; by default, its lock is an error.

    Raises:
      InUse: another process has locked the file, and `wait` is not given.
    """
    while True:
        with open(path, "a+b") as file:
            _lock(file, wait)
            if _is_at(file, path):
                yield file
                return


def _lock(file: IO[bytes], wait: Callable[[], None] | None) -> None:
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if wait is None:
            raise InUse(_held(file)) from None
        wait()
        fcntl.flock(file, fcntl.LOCK_EX)
    except (OSError, ModuleNotFoundError):  # the file system, or all of the system, has no locks
        print(
            f"note: files in {Path(file.name).parent} cannot be locked; see to it that no other "
            "process writes there",
            file=sys.stderr,
        )


def _held(file: IO[bytes]) -> str:
    file.seek(0)
    text = file.read(_TEXT_BYTES).decode(errors="replace")
    holder = "".join(letter for letter in text if letter.isprintable()) or "another process"
    return f"{Path(file.name).parent} is in use by {holder}; wait until it ends, or stop it"


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
