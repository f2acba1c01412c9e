"""Arrays of a .npy file that contains a pickled dictionary: layer -> its kernel and bias."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.weights.arrays import Array
from alexnet_jax.weights.formats import pickles

PRESETS = ("caffe_alexnet", "caffenet")


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
        return pickles.load(file, _stand_ins(), encoding="latin1")


def _arrays(path: Path, pickled: Any) -> dict[str, Array]:
    layers = pickled.content[0] if isinstance(pickled, _Pickled) and pickled.content else None
    if not isinstance(layers, dict):
        raise InputError(f"{path} holds no dictionary of layers")
    arrays = {}
    for layer, parts in layers.items():
        named = parts if isinstance(parts, dict) else None
        if isinstance(parts, list | tuple):
            named = dict(enumerate(parts))
        if named is None or not all(isinstance(part, _Pickled) for part in named.values()):
            raise InputError(f"{path}: {layer!r} is not a list or dictionary of arrays")
        for key, part in named.items():
            arrays[f"{layer}/{key}"] = part.array(f"{layer}/{key}")
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


class _Pickled:
    """State of an array in a pickle; nothing in it is trusted before `array` checks it."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    @property
    def content(self) -> Any:
        return self.state[4] if isinstance(self.state, tuple) and len(self.state) == 5 else None

    def array(self, name: str) -> Array:
        match self.state:
            case (int(), tuple() as shape, _Kind() as kind, fortran, bytes() | str() as raw):
                dtype = kind.dtype(name)
                sides = all(type(side) is int and side >= 0 for side in shape)
                if sides and math.prod(shape) * dtype.itemsize == len(raw):
                    return Array(shape, dtype.name, lambda: _read(raw, dtype, shape, fortran))
        raise InputError(f"array {name} is not whole")


class _Kind:
    """State of a dtype in a pickle: its code and its byte order."""

    order = "<"

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self.order = state[1]

    def dtype(self, name: str) -> np.dtype[Any]:
        order = "" if self.order == "|" else self.order
        if self.code not in ("f2", "f4", "f8", "i4", "i8") or order not in ("", "<", ">", "="):
            raise InputError(f"array {name} should be floating point, found {str(self.code)[:20]}")
        return np.dtype(order + self.code)


def _read(raw: bytes | str, dtype: np.dtype[Any], shape: Any, fortran: Any) -> np.ndarray:
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _stand_ins() -> dict[tuple[str, str], Any]:
    # The classes are created for every file, because a pickle may set attributes on them.
    class Pickled(_Pickled):
        pass

    class Kind(_Kind):
        pass

    def reconstruct(*_: Any) -> Pickled:
        return Pickled()

    def encode(text: str, encoding: str = "latin1") -> bytes:
        if encoding != "latin1":
            raise InputError(f"the pickle holds bytes as text in {encoding!r}")
        return text.encode("latin1")

    names: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): "ndarray",
        ("numpy", "dtype"): Kind,
        ("_codecs", "encode"): encode,
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        names[module, "_reconstruct"] = reconstruct
    return names
