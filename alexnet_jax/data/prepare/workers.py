"""Long work over many pictures: all cores, told as it goes, stopped in order."""

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
from alexnet_jax.runtime import Interrupted, Signals

Job = TypeVar("Job")
Result = TypeVar("Result")
_SECONDS = 0.5  # between looks at whether a signal came


def each_done(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int,
    initializer: Callable[..., None],
    initargs: tuple[Any, ...],
) -> Generator[Result, None, None]:
    """function(job) of each job as it is done, in `workers` processes; in this one if it is 1.

    The initializer runs first, in each process. Jobs in hand are finished after SIGINT or SIGTERM,
    unless SIGTERM went to the workers too.

    Raises:
      Interrupted: after such a signal. InputError: a process was killed. What a job raised.
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
            _stop_if(signals)  # which may have gone to all processes of a group
            raise InputError(
                "a worker process was killed, perhaps for want of memory; the same command goes "
                "on from here, with fewer --workers if need be"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _initialize(initializer: Callable[..., None], initargs: tuple[Any, ...]) -> None:
    # The terminal interrupts all processes of a group; the first of them says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave_with_parent() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave_with_parent, daemon=True).start()
    initializer(*initargs)


def _stop_if(signals: Signals) -> None:
    stopping = signals.stopping(0)
    if stopping is not None:
        raise Interrupted(
            f"stopped by {stopping.name}; what is done is kept, the same command goes on",
            128 + stopping,
        )
