"""File `sessions.jsonl` of a run: when, on what and with which versions it was trained."""

from __future__ import annotations

import contextlib
import datetime
import json
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from alexnet_jax.errors import InputError
from alexnet_jax.runtime import version_of
from alexnet_jax.version import __version__

SESSIONS = "sessions.jsonl"
_LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")


@dataclass(frozen=True, kw_only=True)
class Session:
    """One start of a training and what came of it.

    Attributes:
      started, ended: times in UTC, ISO 8601 to the second; `ended` is None while it runs, and
        stays so if the process is killed.
      first_step, last_step: updates made before and after it; `last_step` is None with `ended`.
      device: name of the processor or accelerator.
      devices: number of devices that trained.
      processes: number of processes that trained together.
      topology: name of the topology.
      versions: version of each library, of Python and of this package, by name.
    """

    started: str
    first_step: int
    device: str
    devices: int
    processes: int
    topology: str
    versions: Mapping[str, str]
    ended: str | None = None
    last_step: int | None = None


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and the libraries that compute, by name.

    A library that is on the path, but not installed, has none.
    """
    libraries = {name: version_of(name) for name in _LIBRARIES}
    known = {name: version for name, version in libraries.items() if version is not None}
    return {"alexnet_jax": __version__, "python": platform.python_version()} | known


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def recorded_session(
    workdir: Path, session: Session, step: Callable[[], int], *, writing: bool
) -> Iterator[None]:
    """Record that a training starts, and when the context ends, at which step it stopped.

    Args:
      step: returns the number of updates made.
      writing: True in only one of a run's processes.

    Raises:
      InputError: the file cannot be written at the start.
    """
    path = workdir / SESSIONS
    if writing:
        try:
            _append(path, {"event": "start", **_without_end(session)})
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        if writing:
            # Readers do without this line. It must not hide the error that ends the training, which
            # may have filled the disk, or taken the arrays that hold the step.
            with contextlib.suppress(OSError, RuntimeError):
                _append(path, {"event": "end", "ended": now(), "last_step": step()})


def _without_end(session: Session) -> dict[str, Any]:
    return {name: value for name, value in asdict(session).items() if value is not None}


def _append(path: Path, line: Mapping[str, object]) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read_sessions(workdir: Path) -> list[Session]:
    """Read the sessions of a run, the first first; none if it has recorded none.

    A last line that a crash has cut short is left out.

    Raises:
      InputError: another line is not one of this file.
    """
    path = workdir / SESSIONS
    if not path.exists():
        return []
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    sessions: list[Session] = []
    for number, text in enumerate(texts, 1):
        try:
            _take(sessions, json.loads(text))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            if number < len(texts):
                raise InputError(f"{path}: line {number} is not one of ours") from None
    return sessions


def _take(sessions: list[Session], line: Any) -> None:
    """Add a session that a line starts, or complete the last one; raise an error for others."""
    values = {name: value for name, value in line.items() if name != "event"}
    starts = line["event"] == "start"
    session = Session(**values) if starts else replace(sessions.pop(), **values)
    _require_types(session)
    sessions.append(session)


def _require_types(session: Session) -> None:
    """Raise TypeError unless a session read from a file has values of the right types."""
    texts = (session.started, session.device, session.topology, session.ended or "")
    counts = (session.first_step, session.devices, session.processes, session.last_step or 0)
    good = all(isinstance(text, str) for text in (*texts, *session.versions.values()))
    if not good or not all(type(count) is int for count in counts):
        raise TypeError(f"not a session: {session}")
