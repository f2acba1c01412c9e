"""Long work in several processes: results as they are ready, and an orderly stop on a signal."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from alexnet_jax.errors import InputError
from alexnet_jax.runtime import Interrupted, Signals, hangup

Job = TypeVar("Job")
Result = TypeVar("Result")
_SECONDS = 0.5  # between two checks for a signal


def each_done(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int,
    initializer: Callable[..., None],
    initargs: tuple[Any, ...],
) -> Generator[Result, None, None]:
    """Yield function(job) for each job as it is ready, in any order.

    After SIGINT, SIGTERM or SIGHUP, jobs in progress are finished, unless SIGTERM went to the
    workers too.

    Args:
      function: computes a job's result.
      jobs: the jobs.
      workers: number of processes; with 1, this process does the work.
      initializer: called first in each process.
      initargs: arguments of `initializer`.

    Raises:
      Interrupted: a signal arrived.
      InputError: a process was killed.
      Exception: whatever a job raised.
    """
    with Signals() as signals:
        if workers == 1:
            initializer(*initargs)
            for job in jobs:
                yield function(job)
                _stop_if(signals)
            return
        pool = futures.ProcessPoolExecutor(
            min(workers, max(1, len(jobs))),
            multiprocessing.get_context("spawn"),  # a fork would copy other threads' locks
            _initialize,
            (initializer, initargs),
        )
        try:
            pending = {pool.submit(function, job) for job in jobs}
            while pending:
                done, pending = futures.wait(pending, _SECONDS, futures.FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                _stop_if(signals)
        except BrokenProcessPool:
            _stop_if(signals)  # a signal to the whole process group kills the workers, too
            raise InputError(
                "a worker process was killed, perhaps for want of memory; the same command resumes "
                "here, with fewer --workers if need be"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _initialize(initializer: Callable[..., None], initargs: tuple[Any, ...]) -> None:
    # Ctrl-C and the end of a terminal reach all processes of the group; only the parent process
    # decides when to stop.
    for number in (signal.SIGINT, *hangup()):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()
    initializer(*initargs)


def _stop_if(signals: Signals) -> None:
    """Raise Interrupted if a signal has arrived."""
    stopping = signals.stopping(0)
    if stopping is not None:
        raise Interrupted(
            f"stopped by {stopping.name}; what is done is kept, the same command resumes",
            128 + stopping,
        )
