"""Files of data sets that come with scikit-learn."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def scikit_learn_file(name: str) -> Path:
    """Return the path of one of scikit-learn's files, such as "data/digits.csv.gz".

    scikit-learn itself is not imported: that would take about half of the time in which a small
    training starts.

    Raises:
      ModuleNotFoundError: scikit-learn is not installed.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    return Path(spec.origin).parent / "datasets" / name
