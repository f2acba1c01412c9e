"""Stand-ins for NumPy's arrays in a pickle, of any NumPy and of Python 2 and 3."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from alexnet_jax.errors import InputError

_MOST_SIDES = 32  # of an array of NumPy 1


class PickledArray:
    """State of an array in a pickle; nothing in it is trusted before `layout` checks it."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    @property
    def content(self) -> Any:
        """Values of the array, bytes or text in latin-1; a list of objects if of any kind."""
        return self.state[4] if isinstance(self.state, tuple) and len(self.state) == 5 else None

    def layout(
        self, name: str, codes: tuple[str, ...], wanted: str
    ) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and dtype.

        Args:
          name: name of the array in messages.
          codes: dtypes that are taken, such as "f4" or "u1".
          wanted: these in words.

        Raises:
          InputError: another dtype, or the values are not as many bytes as the shape says.
        """
        match self.state:
            case (int(), tuple() as shape, _Kind() as kind, _, bytes() | str() as raw):
                dtype = kind.dtype(name, codes, wanted)
                sides = all(type(side) is int and 0 <= side < 2**63 for side in shape)
                if (
                    sides
                    and len(shape) <= _MOST_SIDES
                    and math.prod(shape) * dtype.itemsize == len(raw)
                ):
                    return shape, dtype
        raise InputError(f"array {name} is not whole")

    def read(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Return the values, of the shape and dtype that `layout` found."""
        raw, fortran = self.content, self.state[3]
        data = raw.encode("latin1") if isinstance(raw, str) else raw
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


class _Kind:
    """State of a dtype in a pickle: its code and its byte order."""

    order = "<"

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self.order = state[1]

    def dtype(self, name: str, codes: tuple[str, ...], wanted: str) -> np.dtype[Any]:
        order = "" if self.order == "|" else self.order
        if self.code not in codes or order not in ("", "<", ">", "="):
            raise InputError(f"array {name} should be {wanted}, found {str(self.code)[:20]}")
        return np.dtype(order + self.code)


def array_names() -> dict[tuple[str, str], Any]:
    """Return the stand-ins of all names in a pickle of arrays, for one call of `load`.

    Strings of Python 2 are read with the encoding "latin1".
    """

    # The classes are created for every file, because a pickle may set attributes on them.
    class Pickled(PickledArray):
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
