"""Arrays of a .npy file that contains a pickled dictionary: layer -> its kernel and bias."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax import pickles
from alexnet_jax.errors import InputError
from alexnet_jax.pickles import PickledArray, array_names
from alexnet_jax.weights.arrays import Array

PRESETS = ("caffe_alexnet", "caffenet")
_CODES = ("f2", "f4", "f8", "i4", "i8")


def read_npy(path: Path) -> dict[str, Array]:
    """Read the arrays by name, of a list "conv1/0", of a dictionary "conv1/weights".

    Lists are of caffe-tensorflow's first version, dictionaries of its last.

    Raises:
      InputError: the file has another format, is cut short or damaged, or its pickle names
        anything but arrays.
    """
    try:
        plain = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # numpy parses the header as Python; if damaged, it raises anything
        if "allow_pickle=False" not in str(error) and "Python objects" not in str(error):
            raise InputError(f"{path} is not a .npy file ({error})") from error
    else:
        content = plain.shape if isinstance(plain, np.ndarray) else "an archive of arrays"
        raise InputError(f"{path} holds {content}; expected a dictionary of layers")
    return _arrays(path, _pickled(path))


def _pickled(path: Path) -> Any:
    with open(path, "rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            readers = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }
            shape, _, dtype = readers[version](file)
        except Exception as error:  # as above
            raise InputError(f"{path} is not a .npy file ({error})") from error
        if shape != () or dtype != np.dtype(object):
            raise InputError(f"{path} holds {dtype} {shape}; expected a dictionary of layers")
        # Strings of Python 2, which wrote these weights, are bytes in latin-1.
        return pickles.load(file, array_names(), encoding="latin1")


def _arrays(path: Path, pickled: Any) -> dict[str, Array]:
    layers = pickled.content[0] if isinstance(pickled, PickledArray) and pickled.content else None
    if not isinstance(layers, dict):
        raise InputError(f"{path} holds no dictionary of layers")
    arrays = {}
    for layer, parts in layers.items():
        named = parts if isinstance(parts, dict) else None
        if isinstance(parts, list | tuple):
            named = dict(enumerate(parts))
        if named is None or not all(isinstance(part, PickledArray) for part in named.values()):
            raise InputError(f"{path}: {layer!r} is not a list or dictionary of arrays")
        for key, part in named.items():
            shape, dtype = part.layout(f"{layer}/{key}", _CODES, "floating point")
            arrays[f"{layer}/{key}"] = Array(shape, dtype.name, partial(part.read, shape, dtype))
    return arrays


def preset_of(path: Path, preset: str | None) -> str:
    """Return the preset of a file, which holds the same arrays for each of `PRESETS`.

    The file's name tells it if it contains "caffenet" or "alexnet". Otherwise a warning says which
    one is taken.

    Raises:
      InputError: there is no such preset of these files.
    """
    if preset is not None:
        if preset not in PRESETS:
            raise InputError(f"a .npy file is {' or '.join(PRESETS)}, got the preset {preset!r}")
        return preset
    name = path.name.lower()
    if "caffenet" in name:
        return "caffenet"
    if "alexnet" not in name:
        warnings.warn(
            f"{path} does not say whether it is caffe_alexnet or caffenet, whose arrays have the "
            "same shapes; it is taken for caffe_alexnet, which a preset can change",
            stacklevel=4,  # the caller of `load`
        )
    return "caffe_alexnet"
