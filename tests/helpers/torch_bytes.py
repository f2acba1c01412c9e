"""torch.save's zip format, written record by record, so that it can be written wrongly."""

from __future__ import annotations

import collections
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

Named = dict[str, np.ndarray]


class Tensor:
    """Pickled as a tensor of floats is: a call of PyTorch's by name."""

    def __init__(self, key: str, array: np.ndarray, **changed: Any) -> None:
        strides = tuple(step // array.itemsize for step in np.ascontiguousarray(array).strides)
        self.said = {"offset": 0, "shape": array.shape, "strides": strides, "count": array.size}
        self.said |= changed
        self.key = key

    def __reduce__(self) -> Any:
        said, torch = self.said, sys.modules["torch"]
        storage = Storage(("storage", torch.FloatStorage, self.key, "cpu", said["count"]))
        arguments = (storage, said["offset"], said["shape"], said["strides"], False,
                     collections.OrderedDict())  # fmt: skip
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class Storage:
    def __init__(self, pid: Any) -> None:
        self.pid = pid


class Pickler(pickle._Pickler):  # type: ignore[misc]
    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, Storage) else None


def _stand_in(module: str, name: str, kind: Any) -> Any:
    kind.__module__, kind.__qualname__, kind.__name__ = module, name, name
    return kind


def pickled(value: Any) -> bytes:
    """A pickle, protocol 2, that names PyTorch's functions, whether or not it is installed."""
    import io

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = _stand_in("torch", "FloatStorage", type("FloatStorage", (), {}))
    utils._rebuild_tensor_v2 = _stand_in("torch._utils", "_rebuild_tensor_v2", lambda: None)
    torch._utils = utils
    out = io.BytesIO()
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        Pickler(out, protocol=2).dump(value)
    return out.getvalue()


def torch_zip(
    path: Path,
    arrays: Named,
    *,
    content: Any = None,
    compression: int = zipfile.ZIP_STORED,
    change: Callable[[dict[str, bytes]], None] = lambda records: None,
) -> Path:
    """A file as torch.save writes it, of float32 arrays; `change` alters its records."""
    if content is None:
        content = collections.OrderedDict(
            (name, Tensor(str(number), array)) for number, (name, array) in
            enumerate(arrays.items())
        )  # fmt: skip
    records = {"data.pkl": content if isinstance(content, bytes) else pickled(content)}
    records["byteorder"] = b"little"
    for number, array in enumerate(arrays.values()):
        records[f"data/{number}"] = np.ascontiguousarray(array, np.float32).tobytes()
    records["version"] = b"3\n"
    change(records)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(f"archive/{name}", data)
    return path


def torch_old(path: Path, arrays: Named, **changed: Any) -> Path:
    """The format before PyTorch 1.6; `changed` are other `keys`, `counts` by key, or bytes that
    come `after` the numbers."""
    named = [(name, Tensor(str(n), array)) for n, (name, array) in enumerate(arrays.items())]
    keys = changed.get("keys", [tensor.key for _, tensor in named])
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    parts = [pickle.dumps(value, protocol=2) for value in head]
    parts += [pickled(collections.OrderedDict(named)), pickle.dumps(keys, protocol=2)]
    for number, array in enumerate(arrays.values()):
        count = changed.get("counts", {}).get(str(number), array.size)
        parts += [struct.pack("<q", count), np.ascontiguousarray(array, np.float32).tobytes()]
    path.write_bytes(b"".join([*parts, changed.get("after", b"")]))
    return path
