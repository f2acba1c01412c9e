"""Runs as a page shows them: what they recorded, their networks, and their answers to the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alexnet_jax import data
from alexnet_jax.data import Dataset
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained, load_trained
from alexnet_jax.network import Params
from alexnet_jax.reporting.examination import Examination, examine
from alexnet_jax.reporting.record import Record, labels, read_record
from alexnet_jax.reporting.weights_changed import initial_params

Load = Callable[[str, str], Dataset]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One run of a page. What is missing is None, and a sentence of `notes` says why.

    Attributes:
      number: number of the run in the page, from 0, which decides its colour.
      label: name of the run.
      record: what it recorded.
      trained: its network at a checkpoint.
      initial: the weights that it began with, if they follow from its seed.
      dataset: its data set, if it is on this machine and fits the network.
      examination: the network's answers to the test split.
      notes: sentences about what is missing.
    """

    number: int
    label: str
    record: Record
    trained: Trained | None = None
    initial: Params | None = None
    dataset: Dataset | None = None
    examination: Examination | None = None
    notes: tuple[str, ...] = ()


def gather(
    workdirs: Sequence[Path], *, checkpoint: str = "latest", data_dir: str | None = None
) -> list[Subject]:
    """Read runs, load their networks and data sets, and classify their test splits.

    Args:
      checkpoint: "latest", "best" or a step, as `load_trained` takes it.
      data_dir: directory of the prepared data sets; by default that of each training.

    Raises:
      InputError: a directory holds no run.
    """
    records = [read_record(workdir) for workdir in workdirs]
    load = cache(data.load)
    return [
        _subject(number, label, record, checkpoint, data_dir, load)
        for number, (label, record) in enumerate(zip(labels(records), records, strict=True))
    ]


def _subject(
    number: int, label: str, record: Record, checkpoint: str, data_dir: str | None, load: Load
) -> Subject:
    notes = list(record.notes)
    trained = initial = dataset = examination = None
    try:
        trained = load_trained(record.workdir, checkpoint=checkpoint, warn=notes.append)
        initial = initial_params(trained)
    except InputError as error:
        notes.append(f"The network cannot be shown: {error}.")
    if trained is not None:
        try:
            dataset = _fitting(trained, record, data_dir, load, notes)
        except InputError as error:
            notes.append(f"Answers to the data set cannot be shown: {error}.")
    if trained is not None and dataset is not None:
        progress = Progress(label, len(dataset.test))
        examination = examine(trained, dataset.test, progress.advance)
        progress.finish()
    return Subject(
        number=number,
        label=label,
        record=record,
        trained=trained,
        initial=initial,
        dataset=dataset,
        examination=examination,
        notes=tuple(notes),
    )


def _fitting(
    trained: Trained, record: Record, data_dir: str | None, load: Load, notes: list[str]
) -> Dataset:
    """Return the data set of a run; add a note if it has changed since the training.

    Raises:
      InputError: it is not there, has no test images, or does not fit the network.
    """
    dataset = load(record.config.data, data_dir or record.config.data_dir)
    where = str(record.workdir)
    trained.require_fits(dataset.name, dataset.channels, len(dataset.class_names), where)
    if dataset.stored_size != trained.stored_size:
        raise InputError(
            f"{where}: the network was trained on images stored with {trained.stored_size} pixels "
            f"a side, but {dataset.name} stores {dataset.stored_size}"
        )
    if len(dataset.test) == 0:
        raise InputError(f"{dataset.name} has no test images")
    if dataset.fingerprint() != record.data_sha256:
        notes.append(
            f"The data set {dataset.name} on this machine is not the one of the training: its "
            "images, labels or their order differ."
        )
    return dataset
