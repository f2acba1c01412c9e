"""Weights of safetensors files: those of this project, and others with PyTorch's names."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.weights.arrays import Array

OURS = "alexnet_jax"  # the metadata's key of the description of a network
STATISTICS = ("mean", "eigenvectors", "deviations")
_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}


def read_safetensors(path: Path) -> tuple[dict[str, Array], dict[str, Any] | None]:
    """Read the arrays by name, and the description of the network in a file of this project.

    Raises:
      InputError: the file is not a safetensors file, is cut short, or has a description that is not
        valid.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            arrays = {
                name: Array(
                    tuple(part.get_shape()),
                    _DTYPES.get(part.get_dtype(), part.get_dtype()),
                    partial(_read, path, name),
                )
                for name, part in slices.items()
            }
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file, or is cut short ({error})") from error
    if OURS not in metadata:
        return arrays, None
    try:
        about = json.loads(metadata[OURS])
        Architecture.from_json(about["architecture"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{path}: its description of a network cannot be read") from error
    return arrays, about


def _read(path: Path, name: str) -> np.ndarray:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return file.get_tensor(name)


def names_of(architecture: Architecture) -> dict[str, tuple[str, str]]:
    """Return the names of each layer's kernel and bias in a file of this project."""
    return {
        placed.layer.name: (f"{placed.layer.name}/kernel", f"{placed.layer.name}/bias")
        for placed in architecture.placed()
        if placed.kernel is not None
    }
