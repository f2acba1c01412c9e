"""Pickles as Python 2 wrote them."""

import io
import pickle
import struct
from typing import Any


class Python2(pickle._Pickler):  # type: ignore[misc]
    """Writes bytes and texts as Python 2 wrote its one kind of string."""

    dispatch = pickle._Pickler.dispatch.copy()  # type: ignore[attr-defined]

    def save_string(self, value: Any) -> None:
        data = value if isinstance(value, bytes) else value.encode()
        short = b"U" + struct.pack("<B", len(data)) if len(data) < 256 else None
        self.write((short or b"T" + struct.pack("<i", len(data))) + data)
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = save_string


def python2(value: Any) -> bytes:
    """The pickle of a value in protocol 2, with the names of NumPy's modules of then."""
    data = io.BytesIO()
    Python2(data, protocol=2).dump(value)
    return data.getvalue().replace(b"numpy._core", b"numpy.core")
