"""Weights of a safetensors file of this project, checked like a file of unknown origin."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.checkpoints import file_digest
from alexnet_jax.data import Statistics
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture
from alexnet_jax.runs import Dtype, TrainConfig, is_measurement
from alexnet_jax.weights.arrays import Array, of_network, params_of
from alexnet_jax.weights.formats.safetensors import STATISTICS, names_of
from alexnet_jax.weights.published import Published
from alexnet_jax.weights.weights import Weights

_ORIGIN = (
    "kind", "file", "sha256", "channel_order", "preprocessing", "start_from", "created", "weights",
    "new",
)  # fmt: skip
# Of an entry, those that it has in any case: of a created network, of a run, or of a file.
_REQUIRED = {"created": {"created"}, "start_from": {"sha256"}, "kind": {"kind", "file", "sha256"}}


def own_weights(path: Path, arrays: dict[str, Array], about: Mapping[str, Any]) -> Weights:
    """The weights of `read_safetensors`'s arrays and description.

    Raises:
      InputError: statistics, settings or names that do not fit the network, or numbers that are
        not finite.
    """
    architecture = Architecture.from_json(about["architecture"])
    stored: Any = about.get("stored_size")
    channels = architecture.channels
    shapes = ((stored, stored, channels), (channels, channels), (channels,))
    statistics = []
    for name, shape in zip(STATISTICS, shapes, strict=True):
        array = arrays.pop(f"stats/{name}", None)
        if array is None or array.shape != shape or array.dtype != "float32":
            found = "none" if array is None else f"{array.dtype} {array.shape}"
            raise InputError(f"array stats/{name} should be float32 {shape}, found {found}")
        statistics.append(array.read())
        if not np.isfinite(statistics[-1]).all():
            raise InputError(f"array stats/{name} holds values that are not finite")
    if stored < architecture.longer_side:
        raise InputError(
            f"stored images of {stored} pixels are smaller than {architecture.name} takes, "
            f"{architecture.longer_side}"
        )
    config = TrainConfig.from_json(_mapping(about.get("config"), "settings"))
    if len(config.channel_std) not in (0, channels):
        raise InputError(
            f"channel_std has {len(config.channel_std)} values for {channels} channels"
        )
    # What the file holds is what was evaluated: an average, where one was kept, in float32.
    dtype: Dtype = "float32" if config.dtype == "float64" else config.dtype
    names, origin = about.get("class_names"), about.get("origin")
    classes = architecture.classes or 0  # none without a classifier
    if not isinstance(names, list) or len(names) != classes:
        raise InputError(f"{path} does not name its {classes} classes")
    return Weights(
        kind="safetensors",
        file=path.name,
        sha256=file_digest(path),
        architecture=architecture,
        params=of_network(params_of(architecture, arrays, names_of(architecture), "HWIO")),
        config=dataclasses.replace(config, ema=0.0, dtype=dtype),
        statistics=Statistics(*statistics),
        class_ids=tuple(map(str, names)),
        **_measured(about),
        origin=None if origin is None else _origin(_mapping(origin, "origin")),
    )


def _measured(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the updates made and the measurement of the test split, of files that state them."""
    step, line = about.get("step", 0), about.get("measured")
    if type(step) is not int or step < 0:
        raise InputError(f"its description has the step {str(step)[:80]}")
    if line is not None and not (is_measurement(line) and line.get("split") == "test"):
        raise InputError("its description of the accuracy cannot be read")
    return {"step": step, "measured": () if line is None else (line,)}


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"its description has no {name}")
    return value


def _origin(stored: dict[str, Any]) -> dict[str, Any]:
    """Return the origin of the weights with the entries that a model card reads."""
    try:
        origin: dict[str, Any] = {key: str(stored[key]) for key in _ORIGIN if key in stored}
        first = next((name for name in _REQUIRED if name in origin), "kind")
        if not _REQUIRED[first] <= set(origin):
            raise KeyError(f"{first} without {', '.join(_REQUIRED[first])}")
        if "published" in stored and first == "kind":
            entry = stored["published"]
            published = Published(float(entry["top1"]), float(entry["top5"]), str(entry["source"]))
            origin["published"] = vars(published) | {"of_this_file": bool(entry["of_this_file"])}
        if "before" in stored:
            origin["before"] = _origin(_mapping(stored["before"], "origin"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError("its description of where it is from cannot be read") from error
    return origin
