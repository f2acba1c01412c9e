"""Stored float64 values of the network, from the reference in NumPy that the tests hold.

python -m helpers.probe         (in tests/) computes and stores them again
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError

FILE = Path(__file__).with_name("probe.json")
IMAGES = 2
_CHOSEN = 16  # values of each array


def choose(values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Choose what is stored of each array: its norm, and the places of values that are not 0.

    The places are spread over those values; the largest one is among them.
    """
    chosen = {}
    for name, array in values.items():
        flat = np.asarray(array, np.float64).ravel()
        places = np.flatnonzero(flat)
        spread = places[np.linspace(0, len(places) - 1, _CHOSEN - 1).astype(int)]
        at = sorted({int(place) for place in (*spread, np.argmax(np.abs(flat)))})
        chosen[name] = {"at": at, "values": flat[at].tolist(), "norm": float(np.linalg.norm(flat))}
    return chosen


def load(size: str) -> dict[str, Any]:
    """Load the probe of a size."""
    stored: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    if size not in stored:
        raise InputError(f"no probe is stored for {size}; there are {', '.join(stored)}")
    probe: dict[str, Any] = stored[size]
    return probe


def stored(probe: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the stored values and norms by name, as `at_probe` has them of a computation."""
    return {
        f"{name}{kind}": np.asarray(entry[key])
        for name, entry in probe.items()
        for kind, key in (("", "values"), ("/norm", "norm"))
    }


def at_probe(values: Mapping[str, np.ndarray], probe: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the values at the places of a probe, and the norms of the arrays."""
    found = {}
    for name, entry in probe.items():
        flat = np.asarray(values[name], np.float64).ravel()
        found[name] = flat[entry["at"]]
        found[f"{name}/norm"] = np.linalg.norm(flat)
    return found
