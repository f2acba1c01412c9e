"""Data sets that were prepared beforehand, in a directory of the user's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_jax.data.dataset import Dataset, Images, Split
from alexnet_jax.data.file_stamps import Stamps
from alexnet_jax.data.manifest import DESCRIPTION, SPLITS, Beside
from alexnet_jax.data.mapped import packed_split
from alexnet_jax.data.prepare.packing import PACKED, differing
from alexnet_jax.data.records import VERSION, RecordImages
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError

_AT_A_TIME = 256  # images
_NAMED = 10


def list_prepared(data_dir: Path) -> list[str]:
    """Names of the data sets there, finished ones."""
    found = data_dir.glob(f"*/*/{DESCRIPTION}") if data_dir.is_dir() else ()
    return sorted({path.parent.parent.name for path in found if path.parent.name in FORMS})


def load_prepared(name: str, data_dir: Path) -> Dataset:
    """A prepared data set: its packed form where there is one, else its records.

    Pixels are read as they are needed, never all at once; the checksums beside them make the
    fingerprint, the same for both forms.

    Raises:
      InputError: no such data set, or a damaged one.
    """
    directory = next((data_dir / name / form for form in FORMS
                      if (data_dir / name / form / DESCRIPTION).exists()), None)  # fmt: skip
    if directory is None:
        there = ", ".join(list_prepared(data_dir)) or "none"
        raise InputError(
            f"{data_dir} holds no prepared data set {name!r}; there are: {there} "
            "(experiments/prepare.py makes them)"
        )
    return _in_form(name, directory)


def forms(name: str, data_dir: Path) -> dict[str, Dataset]:
    """A prepared data set in each of the forms that are there: "packed", "records".

    Raises:
      InputError: no such data set, or a damaged one.
    """
    words = {PACKED: "packed", VERSION: "records"}
    found = {
        words[form]: _in_form(name, data_dir / name / form)
        for form in FORMS
        if (data_dir / name / form / DESCRIPTION).exists()
    }
    return found or {"records": load_prepared(name, data_dir)}  # says what is missing


def _in_form(name: str, directory: Path) -> Dataset:
    stamps = Stamps.of(directory)
    beside = Beside.load(directory)
    train, test = (FORMS[directory.name](directory, beside, split) for split in SPLITS)
    return Dataset(
        name=name,
        train=train,
        test=test,
        class_names=beside.class_names,
        statistics=beside.statistics,
        sha256=beside.sha256(),
        stamps=stamps,
    )


def _record_split(directory: Path, beside: Beside, split: str) -> Split:
    images = RecordImages(directory, split, beside.shape)
    if len(images) != beside.count(split):
        raise InputError(
            f"{directory} holds {len(images)} {split} records, expected {beside.count(split)}"
        )
    return Split(images, beside.labels[split], crc32=beside.crc32.get(split))


# The faster one first.
FORMS: dict[str, Callable[[Path, Beside, str], Split]] = {
    PACKED: packed_split,
    VERSION: _record_split,
}


def verify(name: str, data_dir: Path, note: Callable[[str], None] = print) -> None:
    """Reads every image of a data set, in each form that is there, against its checksum.

    Raises:
      InputError: no such data set; images that differ, which it names.
    """
    directories = [data_dir / name / form for form in FORMS]
    there = [directory for directory in directories if (directory / DESCRIPTION).exists()]
    if not there:
        load_prepared(name, data_dir)  # says what is missing
    for directory in there:
        beside, wrong = Beside.load(directory), []
        progress = Progress(f"{directory}", sum(beside.count(split) for split in SPLITS))
        for split in SPLITS:
            found = FORMS[directory.name](directory, beside, split)
            for start in range(0, len(found), _AT_A_TIME):
                rows = slice(start, min(start + _AT_A_TIME, len(found)))
                places = start + _wrong(found.images, rows, beside.crc32[split])
                wrong += [f"{split} {place}" for place in places.tolist()]
                progress.advance(rows.stop - rows.start)
        progress.finish()
        if wrong:
            more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
            raise InputError(
                f"{directory}: {len(wrong)} images differ from their checksums: "
                f"{', '.join(wrong[:_NAMED])}{more}; make it again"
            )
        note(f"{directory}: every image as it was written")
        note(beside.summary())


def _wrong(images: Images, rows: slice, crc32: np.ndarray) -> np.ndarray:
    """Places in a range of rows of the images that differ from their checksums or do not decode."""
    try:
        return differing(images[rows], crc32[rows])
    except Exception:  # readers of records raise many kinds; one by one shows which are meant
        if rows.stop - rows.start == 1:
            return np.array([0])
    each = [_wrong(images, slice(row, row + 1), crc32) for row in range(rows.start, rows.stop)]
    return np.flatnonzero([len(found) for found in each])
