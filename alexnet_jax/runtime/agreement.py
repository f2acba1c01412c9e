"""Comparison of what the processes of one run were started with."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from alexnet_jax.runtime.processes import allgather, elementwise_max, shared_error
from alexnet_jax.version import __version__

_PACKAGE = Path(__file__).parents[1]
_SHORT = 60  # characters of a value in a message


def require_same(settings: Mapping[str, object]) -> None:
    """Compare settings, JSON values by name, between all processes before they compute together.

    Processes that differ would train a mixture of networks, or wait for each other for ever. The
    versions of jax and the source text of this package are compared, too.

    Raises:
      InputError: in every process, naming a process and what differs there, or that the processes
        have different numbers of devices.
    """
    if jax.process_count() == 1:
        return
    _require_same_devices()
    about = {"jax": jax.__version__, "alexnet_jax": f"{__version__}, files {_package_sha256()}"}
    text = json.dumps(about | dict(settings), sort_keys=True, default=str)
    process = first_differing(text)
    if process is None:
        return
    ours, theirs = (json.loads(text) for text in _texts(text)[[0, process]])
    differences = "; ".join(
        f"{name}: {_short(ours.get(name))} in process 0, {_short(theirs.get(name))} in "
        f"process {process}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )
    raise shared_error(
        f"the processes were not started alike: {differences}; give all the same command"
    )


def first_differing(text: str) -> int | None:
    """Return the first process whose text is not that of process 0, None if all have the same."""
    if jax.process_count() == 1:
        return None
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    digests = allgather(np.frombuffer(digest, np.uint8))
    differing = np.flatnonzero((digests != digests[0]).any(axis=1))
    return int(differing[0]) if differing.size else None


def _require_same_devices() -> None:
    """Raise InputError unless every process has as many devices: gathering values needs that."""
    counts = Counter(device.process_index for device in jax.devices())
    process = next((k for k in sorted(counts) if counts[k] != counts[0]), None)
    if process is not None:
        raise shared_error(
            f"process 0 has {counts[0]} devices, process {process} has {counts[process]}; give "
            "every process as many"
        )


def _package_sha256(root: Path = _PACKAGE) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of the source files in a directory."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _texts(text: str) -> np.ndarray:
    """Return [P], the text of each process."""
    encoded = np.frombuffer(text.encode(), np.uint8)
    row = np.zeros(int(elementwise_max(np.array(len(encoded), np.int32))), np.uint8)
    row[: len(encoded)] = encoded
    return np.array([one.tobytes().rstrip(b"\0").decode() for one in allgather(row)])


def _short(value: object) -> str:
    """Return a value as text, or its beginning if that is long."""
    text = json.dumps(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
