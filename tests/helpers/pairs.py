"""Two processes that run one script together, started, waited for and read."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from helpers.scripts import Result, start, wait

HEARTBEAT = 10  # seconds
# Two processes compile everything twice: not as well as they could, in 0.6 of the time.
QUICKLY = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}


def free_port(wanted: Iterable[int] = (0,)) -> int:
    """The first of the wanted ports that nobody listens on; 0 is any."""
    for port in wanted:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("localhost", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def slurm_variables() -> list[dict[str, str]]:
    """What Slurm sets for two tasks on this machine; jax takes the port from the job's number."""
    job = {
        "SLURM_JOB_ID": str(free_port(range(61440 + os.getpid() % 4000, 65536)) - 61440),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
    }
    return [job | {"SLURM_PROCID": str(k), "SLURM_LOCALID": str(k)} for k in range(2)]


@contextlib.contextmanager
def pair(
    script: str,
    *arguments: object,
    devices: int = 2,
    slurm: bool = False,
    more: Mapping[str, str] = MappingProxyType(QUICKLY),
    only_second: tuple[object, ...] = (),
) -> Iterator[list[subprocess.Popen[str]]]:
    """Both processes, each of so many devices; killed in the end if they still run.

    They are told of each other by options, or find what Slurm would tell them. The second one has
    the options `only_second`, too.
    """
    options = [*arguments, "--heartbeat", HEARTBEAT]
    if slurm:
        both = [
            start(
                script,
                *options,
                "--coordinator",
                "auto",
                devices=devices,
                more={**variables, **more},
            )
            for variables in slurm_variables()
        ]
    else:
        place = f"localhost:{free_port()}"
        options += ["--coordinator", place, "--num-processes", 2, "--process-id"]
        own: list[tuple[object, ...]] = [(0,), (1, *only_second)]
        both = [start(script, *options, *last, devices=devices, more=more) for last in own]
    try:
        yield both
    finally:
        for process in both:
            process.kill()


def run_pair(script: str, *arguments: object, **more: Any) -> list[Result]:
    """Runs a pair to its end: the results of both."""
    with pair(script, *arguments, **more) as both:
        return [wait(process) for process in both]


def said(text: str) -> list[str]:
    """Lines that are ours: without those of joining, and of the transport, which writes one line
    into another."""
    ours = [line for line in text.splitlines() if line and "peer ranks" not in line]
    return [line for line in ours if "has joined" not in line and "no step for" not in line]


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits until a path is there; fails if the process ends before."""
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
