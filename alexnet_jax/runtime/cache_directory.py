"""The directory for what is kept between processes: compiled programs and downloaded weights."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return `$ALEXNET_JAX_CACHE`, else `$XDG_CACHE_HOME/alexnet_jax`, else `~/.cache/alexnet_jax`.

    It need not exist.
    """
    if own := os.environ.get("ALEXNET_JAX_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "alexnet_jax"
