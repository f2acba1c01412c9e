"""Tensors of a `torch.save` file, in its zip or its older format, read without PyTorch."""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from alexnet_jax import pickles
from alexnet_jax.errors import InputError
from alexnet_jax.weights.arrays import Array
from alexnet_jax.weights.formats.torch_content import Classes, as_state_dict, short, tensors_of

_MOST_PICKLE = 16 << 20  # bytes of the part that names tensors; a network needs a few thousand
_OLD_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, Any] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


def read_torch(path: Path) -> dict[str, Array]:
    """Read the tensors of a file by their names in a state dict.

    The file holds a state dict, a checkpoint with one, or a module, as PyTorch or TorchScript save
    it. It is mapped into memory: a tensor is checked and copied when its values are read.

    Raises:
      InputError: the file is not of `torch.save`, is cut short or damaged, or asks for more than to
        be read; then the message has the command by which PyTorch makes a state dict of it.
    """
    with open(path, "rb") as file:
        if file.seek(0, io.SEEK_END) == 0:
            raise InputError(f"{path} is empty")
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if zipfile.is_zipfile(path):
        content = _read_zip(path, mapped)
    elif bytes(mapped[:2]) == b"PK":
        raise InputError(f"{path} is cut short: a zip file without its end")
    else:
        content = _read_old(path, mapped)
    return tensors_of(content)


@dataclass(frozen=True)
class _Storage:
    """Array of `count` values, of which tensors are views."""

    dtype: Any
    count: int
    data: Callable[[], memoryview]


def _read_zip(path: Path, mapped: memoryview) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise InputError(f"{path} is a damaged zip file ({error})") from error
    root = next((name[: -len("data.pkl")] for name in entries if name.endswith("/data.pkl")), None)
    if root is None:
        raise InputError(f"{path} is a zip file, but not one of torch.save (no data.pkl)")

    def data(name: str) -> memoryview:
        if root + name not in entries:
            raise InputError(f"{path} has no record {name}")
        return _record(path, mapped, entries[root + name])

    if root + "byteorder" in entries and bytes(data("byteorder")) != b"little":
        raise InputError(f"{path} was written on a big-endian machine")

    def storage(pid: Any) -> _Storage:
        dtype, key, count = _storage_id(pid)
        return _Storage(dtype, count, lambda: data(f"data/{key}"))

    if entries[root + "data.pkl"].file_size > _MOST_PICKLE:
        raise InputError(f"{path}: data.pkl is larger than {_MOST_PICKLE >> 20} MiB")
    return _load(path, io.BytesIO(data("data.pkl")), storage)


def _record(path: Path, mapped: memoryview, entry: zipfile.ZipInfo) -> memoryview:
    """Return a record's bytes as a view of the file; a compressed record is refused."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise InputError(f"{path}: record {entry.filename} is compressed; torch.save never does so")
    head = bytes(mapped[entry.header_offset : entry.header_offset + 30])
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise InputError(f"{path}: record {entry.filename} is not where the zip file says")
    names, extra = struct.unpack("<HH", head[26:30])
    start = entry.header_offset + 30 + names + extra
    record = mapped[start : start + entry.file_size]
    if len(record) < entry.file_size or zlib.crc32(record) != entry.CRC:
        raise InputError(f"{path}: record {entry.filename} is damaged (CRC-32)")
    return record


def _read_old(path: Path, mapped: memoryview) -> Any:
    """Read the format before PyTorch 1.6: four pickles, the storages' keys, and their values."""
    file = io.BytesIO(mapped[:_MOST_PICKLE])
    positions: dict[str, tuple[Any, int, int]] = {}  # key -> dtype, offset in the file, count
    sizes: dict[str, tuple[Any, int]] = {}  # key -> dtype, count

    def storage(pid: Any) -> _Storage:
        dtype, key, count = _storage_id(pid)
        sizes[key] = (dtype, count)
        return _Storage(dtype, count, lambda: _old_data(mapped, positions, key))

    try:
        magic = pickles.load(file, {})
    except InputError as error:
        raise InputError(f"not a file of torch.save ({error})") from error
    if magic != _OLD_MAGIC:
        raise InputError("not a file of torch.save (neither its zip nor its old format)")
    for _ in ("protocol version", "sizes of C types"):
        pickles.load(file, {})
    content = _load(path, file, storage)
    keys, start = pickles.load(file, {}), file.tell()
    if not isinstance(keys, list) or {str(key) for key in keys} != set(sizes):
        raise InputError("the file does not hold the tensors that it names")
    for key in map(str, keys):
        dtype, count = sizes[key]
        positions[key] = (dtype, start, count)
        start += 8 + dtype.itemsize * count
    if start != len(mapped):
        raise InputError(f"the file should have {start} bytes, found {len(mapped)}")
    return content


def _old_data(
    mapped: memoryview, positions: dict[str, tuple[Any, int, int]], key: str
) -> memoryview:
    dtype, start, count = positions[key]
    if struct.unpack("<q", mapped[start : start + 8])[0] != count:
        raise InputError(f"storage {key} has another count of numbers than its tensor says")
    return mapped[start + 8 : start + 8 + dtype.itemsize * count]


def _load(path: Path, file: io.BytesIO, storage: Callable[[Any], _Storage]) -> Any:
    """Load the pickle that names the tensors."""

    def persistent(pid: Any) -> Any:
        match pid:
            case ("module", type() as stand_in, *_):  # and its source, in the old format
                return stand_in
        return storage(pid)

    try:
        return pickles.load(file, _stand_ins(), persistent=persistent, unknown=Classes().find)
    except pickles.Foreign as error:
        advice = as_state_dict(path.name, file.getvalue())
        raise InputError(f"{error}; nothing was executed. The file is {advice}") from error


def _storage_id(pid: Any) -> tuple[Any, str, int]:
    """Return (dtype, key, count) of ("storage", dtype, key, location, count)."""
    match pid:
        case ("storage", np.dtype() as dtype, str() as key, str(), int() as count, *_):
            if 0 <= count < 1 << 48:
                return dtype, key, count
    raise InputError(f"the pickle refers to {short(pid)}, which is no storage of a tensor")


def _stand_ins() -> dict[tuple[str, str], Any]:
    class Ordered(dict[Any, Any]):
        """Stand-in for OrderedDict that ignores attributes.

        The attribute `_metadata` is not needed, and one called `get` would hide the method.
        """

        def __setstate__(self, state: Any) -> None:
            pass

    def tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> Array:
        return _view(storage, offset, shape, strides)

    def parameter(data: Array, *_: Any) -> Array:
        return data

    dtypes = {("torch", name): dtype for name, dtype in _DTYPES.items()}
    return dtypes | {
        ("collections", "OrderedDict"): Ordered,
        ("torch._utils", "_rebuild_tensor"): tensor,  # of PyTorch 0.1
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): parameter,
    }


def _view(storage: _Storage, offset: Any, shape: Any, strides: Any) -> Array:
    whole = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(type(n) is int and 0 <= n < 1 << 48 for n in whole):
        raise InputError(
            f"a tensor of shape {short(shape)} with strides {short(strides)} cannot be"
        )
    last = offset + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    if 0 not in shape and last >= storage.count:
        raise InputError(f"a tensor of shape {shape} reaches beyond its {storage.count} numbers")
    if math.prod(shape) > storage.count:
        raise InputError(f"a tensor of shape {shape} repeats its {storage.count} numbers")

    def read() -> np.ndarray:
        data = storage.data()
        if len(data) != storage.count * storage.dtype.itemsize:
            raise InputError(f"a tensor of shape {shape} has {len(data)} bytes in the file")
        flat = np.frombuffer(data, storage.dtype)[offset:]
        steps = tuple(step * storage.dtype.itemsize for step in strides)
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)

    return Array(tuple(shape), storage.dtype.name, read)
