"""Features on disk: an .npy array with a file of names beside it, or one .parquet table."""

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
_KEY = b"alexnet_jax"  # of the description in a table's schema
_GROUP_BYTES = 2**25  # of a table, written at a time


@dataclass(frozen=True)
class Origin:
    """Where features come from.

    Attributes:
      layer: whose output they are.
      workdir, step, params_sha256: of the network.
      shape: (S, S, C) of the stored images.
      pictures: where they are, as `Collection.about`.
      class_names: in label order.
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
        """Raises KeyError or TypeError where it is not one."""
        fields = {name: value[name] for name in cls.__dataclass_fields__}
        return cls(**fields | {name: tuple(fields[name]) for name in ("shape", "class_names")})


@dataclass(frozen=True)
class Rows:
    """Beside features, row by row: names, splits ("" where there are none), labels (-1)."""

    names: list[str]
    splits: list[str]
    labels: np.ndarray

    def class_of(self, row: int, class_names: Sequence[str]) -> str:
        """ "" where there is none."""
        label = int(self.labels[row])
        return class_names[label] if label >= 0 else ""


@dataclass(frozen=True)
class FeatureFile:
    """Features [N, F] float32, mapped where they lie in an .npy file, with all about them."""

    values: np.ndarray
    rows: Rows
    origin: Origin


class Writer(Protocol):
    """Takes rows as they come; what is written is there when all is."""

    def add(self, values: np.ndarray, rows: Rows) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


@contextlib.contextmanager
def writing(path: Path, width: int, origin: Origin) -> Iterator[Writer]:
    """A writer of features [.., width] to a file that appears, whole, at the end of the context.

    Raises:
      InputError: another ending than .npy or .parquet; .parquet without pyarrow.
    """
    aside = path.with_name(path.name + ".tmp")
    check_format(path)
    kind = _Npy if path.suffix == ".npy" else _Parquet
    try:
        with open(aside, "wb") as file:
            writer: Writer = kind(file, path, width, origin)
            try:
                yield writer
                writer.finish()
            finally:
                writer.close()
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def check_format(path: Path) -> None:
    """Raises InputError for a file that cannot be one of features."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"features go to {' or '.join(SUFFIXES)} files, got {str(path)!r}")
    if path.suffix == ".parquet":
        _pyarrow()


def names_beside(path: Path) -> Path:
    """The file of names that belongs to an .npy file."""
    return path.with_name(path.name + ".json")


class _Npy:
    """Rows after one another; their number is put in the header in the end."""

    def __init__(self, file: IO[bytes], path: Path, width: int, origin: Origin) -> None:
        self._file, self._path, self._width, self._origin = file, path, width, origin
        self._rows: list[Rows] = []
        self._header(0)

    def _header(self, count: int) -> None:
        # numpy leaves room in the header for any number of rows.
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, self._width)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def add(self, values: np.ndarray, rows: Rows) -> None:
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())
        self._rows.append(rows)

    def finish(self) -> None:
        rows = _joined(self._rows)
        self._file.seek(0)
        self._header(len(rows.names))
        found = {"names": rows.names, "splits": rows.splits, "labels": rows.labels.tolist()}
        self._path.unlink(missing_ok=True)  # never beside the names of others
        write_atomically(names_beside(self._path), json.dumps(self._origin.to_json() | found))

    def close(self) -> None:
        pass


class _Parquet:
    """A table of name, split, label, class and features, with the origin in its schema."""

    def __init__(self, file: IO[bytes], path: Path, width: int, origin: Origin) -> None:
        self._pa, parquet = _pyarrow()
        pa, self._origin, self._waiting = self._pa, origin, list[tuple[np.ndarray, Rows]]()
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
        self._waiting.append((np.asarray(values, np.float32), rows))
        if sum(waiting.nbytes for waiting, _ in self._waiting) >= _GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        pa = self._pa
        if not self._waiting:
            return
        rows = _joined([part for _, part in self._waiting])
        values = np.concatenate([part for part, _ in self._waiting])
        numbers = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        named = self._origin.class_names
        classes = [rows.class_of(row, named) or None for row in range(len(values))]
        labels = pa.array(rows.labels, pa.int32(), mask=rows.labels < 0)
        columns = [rows.names, rows.splits, labels, classes, numbers]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._waiting.clear()

    def finish(self) -> None:
        self._write()

    def close(self) -> None:
        self._writer.close()  # writes the end of the table, while there is a file to write to


def _joined(parts: list[Rows]) -> Rows:
    return Rows(
        [name for part in parts for name in part.names],
        [split for part in parts for split in part.splits],
        np.concatenate([part.labels for part in parts]) if parts else np.zeros(0, np.int32),
    )


def read_features(path: Path) -> FeatureFile:
    """What `writing` wrote; a table is read into memory, an array mapped.

    Raises:
      InputError: no such file, not one of ours, an array without its names or with others'.
    """
    check_format(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; experiments/features.py extract makes it")
    try:
        found = _read_npy(path) if path.suffix == ".npy" else _read_parquet(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not hold features: {error}") from error
    if found.values.ndim != 2 or len(found.values) != len(found.rows.names):
        raise InputError(
            f"{path} holds {found.values.shape}, but there are {len(found.rows.names)} names"
        )
    return found


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
