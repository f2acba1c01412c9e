"""Versions of the packages that are installed, and the extras that are complete."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

import alexnet_jax
from alexnet_jax.runtime import version_of
from alexnet_jax.version import __version__

_CORE = ("jax", "jaxlib", "flax", "optax", "numpy")
_PREFIXES = ("ALEXNET_JAX_", "JAX_", "XLA_", "LIBTPU_", "CUDA_VISIBLE")
# A requirement in a package's metadata: orbax-checkpoint<1,>=0.12; extra == "train"
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?[^;]*;.*extra == ['\"]([\w-]+)['\"]")


def describe_installation() -> dict[str, str]:
    """Return, as texts by title, the package, its libraries, its extras and settings."""
    return {
        "alexnet_jax": f"{__version__} in {Path(alexnet_jax.__file__).parent}",
        "Python": f"{platform.python_version()}, {platform.platform()}",
        "packages": ", ".join(f"{name} {version_of(name) or 'missing'}" for name in _CORE),
        "extras": _extras(),
        "environment": _settings(),
    }


def missing_by_extra(package: str) -> dict[str, list[str]]:
    """Return, by extra of an installed package, the requirements that are not installed.

    A requirement with an extra of its own, such as jax[tpu], needs what that extra needs.

    Raises:
      PackageNotFoundError: the package is not installed.
    """
    missing: dict[str, list[str]] = {}
    for name, extras, extra in _requirements(package):
        if name == package:  # an extra that consists of others
            continue
        lacking = missing.setdefault(extra, [])
        if version_of(name) is None:
            lacking.append(name)
            continue
        nested = [other for other, _, of in _requirements(name) if of in extras]
        lacking += [other for other in nested if version_of(other) is None]
    return missing


def _requirements(package: str) -> list[tuple[str, tuple[str, ...], str]]:
    """Return (name, its extras, extra) of what the extras of an installed package require."""
    texts = importlib.metadata.requires(package) or []
    matches = filter(None, map(_REQUIREMENT.match, texts))
    return [(match[1], tuple((match[2] or "").split(",")), match[3]) for match in matches]


def _extras() -> str:
    try:
        missing = missing_by_extra("alexnet_jax")
    except importlib.metadata.PackageNotFoundError:
        return "unknown: the package is on the path, but not installed"
    complete = [name for name, lacking in missing.items() if not lacking]
    incomplete = [
        f"{name} (no {', '.join(lacking)})" for name, lacking in missing.items() if lacking
    ]
    parts = {"complete": complete, "incomplete": incomplete}
    return "; ".join(f"{title}: {', '.join(names)}" for title, names in parts.items() if names)


def _settings() -> str:
    found = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    return ", ".join(f"{name}={value}" for name, value in sorted(found.items())) or "nothing set"
