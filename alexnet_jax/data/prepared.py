"""Data sets that were prepared beforehand, in a directory chosen by the user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from alexnet_jax.data.dataset import Dataset, Images, Split
from alexnet_jax.data.file_stamps import Stamps
from alexnet_jax.data.manifest import DESCRIPTION, SPLITS, Manifest
from alexnet_jax.data.mapped import PACKED, differing, packed_split
from alexnet_jax.data.records import VERSION, RecordImages
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError

_AT_A_TIME = 256  # images
_NAMED = 10


def list_prepared(data_dir: Path) -> list[str]:
    """Return the names of the complete data sets in a directory."""
    paths = data_dir.glob(f"*/*/{DESCRIPTION}") if data_dir.is_dir() else ()
    return sorted({path.parent.parent.name for path in paths if path.parent.name in FORMS})


def load_prepared(name: str, data_dir: Path) -> Dataset:
    """Open a prepared data set: its packed form if there is one, else its records.

    Pixels are read as they are needed, never all at once. The fingerprint is computed from the
    labels and checksums in the manifest, so it is the same for both forms.

    Raises:
      InputError: the data set does not exist or is damaged.
    """
    directory = next((data_dir / name / form for form in FORMS
                      if (data_dir / name / form / DESCRIPTION).exists()), None)  # fmt: skip
    if directory is None:
        names = ", ".join(list_prepared(data_dir)) or "none"
        raise InputError(
            f"{data_dir} holds no prepared data set {name!r}; there are: {names} "
            "(alexnet-jax prepare or experiments/prepare.py makes them)"
        )
    return _open(name, directory)


def load_forms(name: str, data_dir: Path) -> dict[str, Dataset]:
    """Open a prepared data set in each form that exists: "packed", "records".

    Raises:
      InputError: the data set does not exist or is damaged.
    """
    words = {PACKED: "packed", VERSION: "records"}
    existing = [form for form in FORMS if (data_dir / name / form / DESCRIPTION).exists()]
    if not existing:
        load_prepared(name, data_dir)  # raises the error that names the data sets there
    return {words[form]: _open(name, data_dir / name / form) for form in existing}


def _open(name: str, directory: Path) -> Dataset:
    """Open the form of a data set that is in a directory."""
    stamps = Stamps.of(directory)
    manifest = Manifest.load(directory)
    train, test = (FORMS[directory.name](directory, manifest, split) for split in SPLITS)
    return Dataset(
        name=name,
        train=train,
        test=test,
        class_names=manifest.class_names,
        statistics=manifest.statistics,
        sha256=manifest.sha256(),
        stamps=stamps,
        ground=manifest.ground,
    )


def _record_split(directory: Path, manifest: Manifest, split: str) -> Split:
    images = RecordImages(directory, split, manifest.shape)
    if len(images) != manifest.count(split):
        raise InputError(
            f"{directory} holds {len(images)} {split} records, expected {manifest.count(split)}"
        )
    return Split(images, manifest.labels[split], crc32=manifest.crc32.get(split))


# Form -> function that opens a split; the faster form first.
FORMS: dict[str, Callable[[Path, Manifest, str], Split]] = {
    PACKED: packed_split,
    VERSION: _record_split,
}


def verify(name: str, data_dir: Path, note: Callable[[str], None] = print) -> None:
    """Compare every image of a data set, in each form that exists, with its checksum.

    Raises:
      InputError: the data set does not exist, or images differ; the message names the first ten.
    """
    directories = [data_dir / name / form for form in FORMS]
    existing = [directory for directory in directories if (directory / DESCRIPTION).exists()]
    if not existing:
        load_prepared(name, data_dir)  # raises the error that names the data sets there
    for directory in existing:
        manifest, wrong = Manifest.load(directory), []
        progress = Progress(f"{directory}", sum(manifest.count(split) for split in SPLITS))
        for split in SPLITS:
            images = FORMS[directory.name](directory, manifest, split).images
            for start in range(0, len(images), _AT_A_TIME):
                rows = slice(start, min(start + _AT_A_TIME, len(images)))
                numbers = start + _wrong(images, rows, manifest.crc32[split])
                wrong += [f"{split} {number}" for number in numbers.tolist()]
                progress.advance(rows.stop - rows.start)
        progress.finish()
        if wrong:
            more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
            raise InputError(
                f"{directory}: {len(wrong)} images differ from their checksums: "
                f"{', '.join(wrong[:_NAMED])}{more}; make it again"
            )
        note(f"{directory}: every image as it was written")
        note(manifest.summary())


def _wrong(images: Images, rows: slice, crc32: np.ndarray) -> np.ndarray:
    """Return the positions in `rows` of images that differ from their checksum or do not decode."""
    try:
        return differing(images[rows], crc32[rows])
    except Exception:  # readers of records raise many kinds; reading one by one shows the rows
        if rows.stop - rows.start == 1:
            return np.array([0])
    each = [_wrong(images, slice(row, row + 1), crc32) for row in range(rows.start, rows.stop)]
    return np.flatnonzero([len(positions) for positions in each])
