"""Joining several processes into one run, and a warning when one of them may be lost.

jax.distributed does the work: it sends heartbeats, detects clusters and ends processes.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import sys
import threading
import time
from types import TracebackType

import jax

from alexnet_jax.errors import InputError


def join(coordinator: str, process_id: int | None, count: int | None, heartbeat: int) -> None:
    """Make this process one of several, before anything is computed.

    Args:
      coordinator: HOST:PORT of process 0; "auto" where jax can detect Slurm, Open MPI, Kubernetes
        or a TPU pod and take all it needs from there; "none" for a single process. A cluster is
        detected only with "auto": otherwise a shell inside a job would wait for processes that
        nobody started.
      process_id: index in [0, count), required with HOST:PORT.
      count: number of processes, required with HOST:PORT.
      heartbeat: seconds of silence after which a process counts as dead and the others end; at the
        start, processes wait for each other three times as long.

    Raises:
      InputError: the values do not fit together; no cluster is detected; peers do not join.
    """
    if heartbeat < 1:
        raise InputError(f"--heartbeat must be at least 1 second, got {heartbeat}")
    if coordinator in ("none", "auto"):
        if process_id is not None or count is not None:
            raise InputError(
                f"--process-id and --num-processes go with --coordinator HOST:PORT, got "
                f"{coordinator}"
            )
        if coordinator == "none":
            return
        _initialize(heartbeat)
        return
    address = re.fullmatch(r"([^\s:]+|\[[^\s\]]+\]):(\d{1,5})", coordinator)
    if address is None or not 1 <= int(address[2]) <= 65535:
        raise InputError(f"--coordinator must be HOST:PORT, auto or none, got {coordinator!r}")
    if process_id is None or count is None:
        raise InputError("--coordinator HOST:PORT needs --process-id and --num-processes")
    if not 0 <= process_id < count:
        raise InputError(
            f"--process-id must lie in [0, {count}), from 0 to the number of processes, got "
            f"{process_id}"
        )
    host = address[1].strip("[]")
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise InputError(f"--coordinator names no host that is known: {host!r}") from error
    _initialize(heartbeat, coordinator, count, process_id, _bind_address(host, int(address[2])))


def _bind_address(host: str, port: int) -> str | None:
    """Return the one address that process 0 listens on, or None for all of its machine's.

    A name that has several addresses here, or none of this machine's (behind a router), leaves
    open which of them the others will use; a name other than localhost whose address is a loopback
    one is usually this machine's own, which the others know by another address.
    JAX_COORDINATOR_BIND_ADDRESS decides otherwise.
    """
    if "JAX_COORDINATOR_BIND_ADDRESS" in os.environ:
        return None
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = {str(address[4][0]): address[0] for address in found}
    named = host not in (*addresses, "localhost")
    if named and (len(addresses) > 1 or ipaddress.ip_address(min(addresses)).is_loopback):
        return None
    for address, family in addresses.items():
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((address, 0))
            return f"[{address}]:{port}" if family == socket.AF_INET6 else f"{address}:{port}"
    return None


def _initialize(
    heartbeat: int,
    coordinator: str | None = None,
    count: int | None = None,
    process_id: int | None = None,
    bind_address: str | None = None,
) -> None:
    reminder = threading.Timer(
        heartbeat,
        _print_error,
        [
            f"still waiting for all processes{f' at {coordinator}' if coordinator else ''}; "
            f"ends after {2 * heartbeat} s more"
        ],
    )
    reminder.daemon = True
    reminder.start()
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            process_id,
            initialization_timeout=3 * heartbeat,
            heartbeat_timeout_seconds=heartbeat,
            shutdown_timeout_seconds=heartbeat,
            coordinator_bind_address=bind_address,
        )
    except ValueError as error:
        if coordinator is not None:
            raise
        raise InputError(
            "--coordinator auto found no Slurm, Open MPI, Kubernetes or TPU pod to ask; give "
            "HOST:PORT with --process-id and --num-processes"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the processes did not find each other: {reason}") from error
    finally:
        reminder.cancel()
    _print_error(
        f"process {jax.process_index()} of {jax.process_count()} has joined; if one of them dies, "
        f"the others end within {heartbeat} s"
    )


def _print_error(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Watch:
    """Watchdog that reports that a peer may have died, before jax ends this process.

    A dead peer shows only as a computation that does not end, until its heartbeat is missed; then
    jax aborts this process with a long message of its own. Use as a context manager.
    """

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat, self._ended = heartbeat, threading.Event()
        self.alive()

    def alive(self) -> None:
        """Record progress; half a heartbeat without it puts a line on standard error."""
        self._last = time.monotonic()

    def __enter__(self) -> Watch:
        if jax.process_count() > 1:
            threading.Thread(target=self._report_silence, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()

    def _report_silence(self) -> None:
        reported = 0.0  # the sign of progress after which silence was reported
        while not self._ended.wait(self._heartbeat / 8):
            last = self._last
            if last != reported and time.monotonic() - last > self._heartbeat / 2:
                reported = last
                _print_error(
                    f"process {jax.process_index()}: no step for {self._heartbeat / 2:.0f} s; if "
                    f"another process has died, this one ends within {self._heartbeat:.0f} s, and "
                    "the same commands resume from the last checkpoint"
                )
