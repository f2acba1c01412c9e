"""Two processes that run one script together."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from scripts import Result, start, wait

HEARTBEAT = 10  # seconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def pair(
    script: str, *arguments: object, devices: int = 2
) -> Iterator[list[subprocess.Popen[str]]]:
    """Both processes, each of so many devices; killed in the end if they still run."""
    port = free_port()
    several = ("--num-processes", 2, "--heartbeat", HEARTBEAT, "--coordinator", f"localhost:{port}")
    both = [
        start(script, *arguments, *several, "--process-id", number, devices=devices)
        for number in range(2)
    ]
    try:
        yield both
    finally:
        for process in both:
            process.kill()


def run_pair(script: str, *arguments: object, devices: int = 2) -> list[Result]:
    """How both ended."""
    with pair(script, *arguments, devices=devices) as both:
        return [wait(process) for process in both]


def said(text: str) -> list[str]:
    """Lines that are ours: without those of the transport and of joining."""
    ours = [line for line in text.splitlines() if not line.startswith("[Gloo]")]
    return [line for line in ours if "has joined" not in line and "no step for" not in line]


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until a path is there; fails if the process ends before."""
    deadline = time.monotonic() + 300
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
