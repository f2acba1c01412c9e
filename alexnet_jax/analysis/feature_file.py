"""Files of features: an .npy array with a JSON file of names beside it, or a .parquet table."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.runs import write_atomically

FORMAT = 1
SUFFIXES = (".npy", ".parquet")
_KEY = b"alexnet_jax"  # key of the description in a table's schema
_GROUP_BYTES = 2**25  # of features in a row group of a table


@dataclass(frozen=True)
class Origin:
    """Network, layer and pictures that features were computed from.

    Attributes:
      layer: layer whose output the features are.
      workdir, step, params_sha256: workdir, training step and checksum of the network.
      shape: (S, S, C) of the stored images.
      pictures: location of the pictures, as in `Collection.about`.
      class_names: names of the classes, in label order.
    """

    layer: str
    workdir: str
    step: int
    params_sha256: str
    shape: tuple[int, int, int]
    pictures: dict[str, str]
    class_names: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Origin:
        """Read an origin from JSON; raise KeyError or TypeError if it does not describe one."""
        fields = {name: value[name] for name in cls.__dataclass_fields__}
        return cls(**fields | {name: tuple(fields[name]) for name in ("shape", "class_names")})


@dataclass(frozen=True)
class Rows:
    """Names, splits ("" where there are none) and labels (-1 for none) of rows of features."""

    names: list[str]
    splits: list[str]
    labels: np.ndarray

    def class_of(self, row: int, class_names: Sequence[str]) -> str:
        """Return the name of a row's class, or "" for a row without a label."""
        label = int(self.labels[row])
        return class_names[label] if label >= 0 else ""


@dataclass(frozen=True)
class FeatureFile:
    """Features [N, F] float32 with their rows and origin; memory-mapped from an .npy file."""

    values: np.ndarray
    rows: Rows
    origin: Origin


class Writer(Protocol):
    """Writer that takes rows of features one block after another; `finish` completes the file."""

    def add(self, values: np.ndarray, rows: Rows) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


@contextlib.contextmanager
def writing(path: Path, width: int, origin: Origin) -> Iterator[Writer]:
    """Open a writer of features [N, width] to a file that appears, complete, when the context ends.

    Raises:
      InputError: a suffix other than .npy or .parquet; .parquet without pyarrow.
    """
    temporary = path.with_name(path.name + ".tmp")
    check_format(path)
    kind = _Npy if path.suffix == ".npy" else _Parquet
    try:
        with open(temporary, "wb") as file:
            writer: Writer = kind(file, path, width, origin)
            try:
                yield writer
                writer.finish()
            finally:
                writer.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_format(path: Path) -> None:
    """Raise InputError unless a path ends in .npy or, where pyarrow is installed, in .parquet."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"features go to {' or '.join(SUFFIXES)} files, got {str(path)!r}")
    if path.suffix == ".parquet":
        _pyarrow()


def names_beside(path: Path) -> Path:
    """Return the path of the JSON file of names that belongs to an .npy file."""
    return path.with_name(path.name + ".json")


class _Npy:
    """Writer of an .npy array and its file of names; `finish` corrects the count in the header."""

    def __init__(self, file: IO[bytes], path: Path, width: int, origin: Origin) -> None:
        self._file, self._path, self._width, self._origin = file, path, width, origin
        self._rows: list[Rows] = []
        self._write_header(0)

    def _write_header(self, count: int) -> None:
        # numpy pads the header, so that it keeps its length for any number of rows.
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, self._width)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def add(self, values: np.ndarray, rows: Rows) -> None:
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())
        self._rows.append(rows)

    def finish(self) -> None:
        rows = _concatenated(self._rows)
        self._file.seek(0)
        self._write_header(len(rows.names))
        described = {"names": rows.names, "splits": rows.splits, "labels": rows.labels.tolist()}
        self._path.unlink(missing_ok=True)  # an older array must not lie beside the new names
        write_atomically(names_beside(self._path), json.dumps(self._origin.to_json() | described))

    def close(self) -> None:
        pass


class _Parquet:
    """Writer of a table of name, split, label, class and features; its schema holds the origin."""

    def __init__(self, file: IO[bytes], path: Path, width: int, origin: Origin) -> None:
        self._pa, parquet = _pyarrow()
        pa, self._origin, self._pending = self._pa, origin, list[tuple[np.ndarray, Rows]]()
        self._schema = pa.schema(
            [
                ("name", pa.string()),
                ("split", pa.string()),
                ("label", pa.int32()),
                ("class", pa.string()),
                ("features", pa.list_(pa.float32(), width)),
            ],
            {_KEY: json.dumps(origin.to_json())},
        )
        self._writer = parquet.ParquetWriter(file, self._schema)

    def add(self, values: np.ndarray, rows: Rows) -> None:
        self._pending.append((np.asarray(values, np.float32), rows))
        if sum(values.nbytes for values, _ in self._pending) >= _GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        pa = self._pa
        if not self._pending:
            return
        rows = _concatenated([rows for _, rows in self._pending])
        values = np.concatenate([values for values, _ in self._pending])
        features = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        class_names = self._origin.class_names
        classes = [rows.class_of(row, class_names) or None for row in range(len(values))]
        labels = pa.array(rows.labels, pa.int32(), mask=rows.labels < 0)
        columns = [rows.names, rows.splits, labels, classes, features]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._pending.clear()

    def finish(self) -> None:
        self._write()

    def close(self) -> None:
        self._writer.close()  # writes the table's footer, before the file is closed


def _concatenated(parts: list[Rows]) -> Rows:
    return Rows(
        [name for part in parts for name in part.names],
        [split for part in parts for split in part.splits],
        np.concatenate([part.labels for part in parts]) if parts else np.zeros(0, np.int32),
    )


def read_features(path: Path) -> FeatureFile:
    """Read a file of features: a table into memory, an .npy array memory-mapped.

    Raises:
      InputError: a missing file; one that `writing` did not write; an array without its file of
        names, or with another number of rows than names.
    """
    check_format(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; features extract makes it")
    try:
        features = _read_npy(path) if path.suffix == ".npy" else _read_parquet(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not hold features: {error}") from error
    count = len(features.rows.names)
    if features.values.ndim != 2 or len(features.values) != count:
        raise InputError(f"{path} holds {features.values.shape}, but there are {count} names")
    return features


def _read_npy(path: Path) -> FeatureFile:
    about = json.loads(names_beside(path).read_text(encoding="utf-8"))
    rows = Rows(about["names"], about["splits"], np.array(about["labels"], np.int32))
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    return FeatureFile(values, rows, Origin.from_json(about))


def _read_parquet(path: Path) -> FeatureFile:
    _, parquet = _pyarrow()
    table = parquet.read_table(path)
    origin = Origin.from_json(json.loads((table.schema.metadata or {})[_KEY]))
    labels = table["label"].fill_null(-1).to_numpy().astype(np.int32)
    rows = Rows(table["name"].to_pylist(), table["split"].to_pylist(), labels)
    features = table["features"].combine_chunks()
    values = features.flatten().to_numpy(zero_copy_only=False)
    return FeatureFile(values.reshape(len(features), -1), rows, origin)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            ".parquet files need pyarrow: pip install 'alexnet_jax[parquet]'; .npy files do not"
        ) from None
    return pyarrow, parquet
