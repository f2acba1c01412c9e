"""Comparison of computed with wanted values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def relative_error(got: Any, want: Any) -> float:
    """Return |got - want| / |want| in the Euclidean norm, in float64; inf for what is no number."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape:
        raise ValueError(f"shapes differ: {got.shape} and {want.shape}")
    size, distance = float(np.linalg.norm(want)), float(np.linalg.norm(got - want))
    if not np.isfinite(distance):
        return float("inf")
    return distance / size if size else float(distance > 0)


def agreement(
    got: Mapping[str, Any], want: Mapping[str, Any], tolerances: Mapping[str, float]
) -> dict[str, Any]:
    """Compare values by name.

    Args:
      got, want: arrays by name, the same names.
      tolerances: largest relative errors, by the first part of the name, before "/".

    Returns:
      "agrees"; "errors" by name, None where a value is no number; "worst", the name with the
      largest error in relation to its tolerance, with its "error" and "tolerance".
    """
    errors = {name: relative_error(got[name], value) for name, value in want.items()}
    shares = {name: _share(error, tolerances[name.split("/")[0]]) for name, error in errors.items()}
    worst = max(shares, key=lambda name: shares[name])
    finite = {name: error if np.isfinite(error) else None for name, error in errors.items()}
    return {
        "agrees": all(share <= 1 for share in shares.values()),
        "worst": worst,
        "error": finite[worst],
        "tolerance": tolerances[worst.split("/")[0]],
        "errors": finite,
    }


def _share(error: float, tolerance: float) -> float:
    """Return the error over its tolerance; where that is 0, 0 for no error and inf for any."""
    if tolerance:
        return error / tolerance
    return float("inf") if error else 0.0
