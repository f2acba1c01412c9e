"""Preparation of records from pictures: on all cores, in a shuffled order, resumed if stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.data.manifest import DESCRIPTION, SPLITS, Manifest, check_name
from alexnet_jax.data.plain import Ground
from alexnet_jax.data.prepare.shards import (
    RECORD_OVERHEAD_BYTES,
    Shard,
    bad_pictures,
    set_worker_source,
    shards,
    write_shard,
)
from alexnet_jax.data.prepare.workers import each_done
from alexnet_jax.data.records import VERSION, write_metadata
from alexnet_jax.data.sources.source import Source
from alexnet_jax.data.statistics import Sums
from alexnet_jax.display import Progress
from alexnet_jax.errors import InputError, printable
from alexnet_jax.runtime import hold, text_path

BAD_FILES = "bad_files.txt"


def prepare(
    source: Source,
    data_dir: Path,
    *,
    workers: int,
    max_bad_fraction: float = 0.001,
    note: Callable[[str], None] = print,
) -> Path:
    """Write the records and the manifest of a source's pictures.

    A preparation that was stopped is resumed; if it is complete, nothing is done. Pictures that
    cannot be read are left out and listed in bad_files.txt.

    Args:
      source: the pictures, their labels and the settings.
      data_dir: directory in which NAME/1.0.0/ is created, in the layout of `tensorflow_datasets`.
      workers: number of processes.
      max_bad_fraction: largest share of a split's pictures that may be unreadable.
      note: prints a message.

    Returns:
      The directory of the records.

    Raises:
      InputError: the directory has another preparation or is in use by one, too many pictures
        are unreadable, the disk lacks room, or its name is no text in UTF-8.
    """
    check_name(source.name)
    text_path(data_dir, "records")
    plan, directory = source.plan(), data_dir / source.name / VERSION
    if not _is_finished(source, directory, plan, note):
        directory.parent.mkdir(parents=True, exist_ok=True)
        with hold(directory.parent):
            if not _is_finished(source, directory, plan, note):  # by another process, meanwhile
                _prepare(source, directory, plan, workers, max_bad_fraction, note)
    return directory


def _is_finished(source: Source, directory: Path, plan: str, note: Callable[[str], None]) -> bool:
    """Whether the records are complete, with a note; raise InputError if of another plan."""
    if not (directory / DESCRIPTION).exists():
        return False
    manifest = Manifest.load(directory)
    if manifest.plan != plan:
        raise InputError(
            f"{directory} holds a data set prepared {_other(source, manifest.plan)}; remove it, or "
            "give another --name or --data-dir"
        )
    note(f"{directory} is finished; nothing to do")
    note(manifest.summary())
    return True


def _prepare(
    source: Source,
    directory: Path,
    plan: str,
    workers: int,
    max_bad_fraction: float,
    note: Callable[[str], None],
) -> None:
    work = directory.with_name(f"{VERSION}.unfinished")
    _open_work(work, source, plan)
    every = shards(source)
    todo = [shard for shard in every if not (work / shard.part).exists()]
    _require_room(source, work, sum(len(shard.rows) for shard in todo))
    if len(todo) < len(every):
        note(f"resumed: {len(every) - len(todo)} of {len(every)} files of records are there")
    _write(source, work, every, todo, workers, max_bad_fraction)
    manifest = _gather(source, work, every, plan)
    manifest.save(work)
    for shard in every:
        (work / shard.part).unlink()
    (work / "plan.json").unlink()
    work.rename(directory)
    note(manifest.summary())
    if any(manifest.left_out.values()):
        note(f"pictures left out are listed in {directory / BAD_FILES}")


def _other(source: Source, plan: str) -> str:
    """Say in what another plan differs from that of a source."""
    grounds: dict[Ground, Ground] = {"white": "black", "black": "white"}
    if source.ground is not None:
        other = dataclasses.replace(source, ground=grounds[source.ground])
        if other.plan() == plan:
            return (
                f"with transparency laid on {other.ground}, not on {source.ground}; take it as it "
                f"is with --ground {other.ground}"
            )
    return "from other pictures or with other settings"


def _open_work(work: Path, source: Source, plan: str) -> None:
    file = work / "plan.json"
    if file.exists():
        if (before := json.loads(file.read_text())) != plan:
            raise InputError(
                f"{work} holds an unfinished preparation {_other(source, before)}; remove it to "
                "start over"
            )
        return
    work.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(plan))


def _require_room(source: Source, work: Path, count: int) -> None:
    needed = count * (source.size**2 * source.channels + RECORD_OVERHEAD_BYTES)
    free = shutil.disk_usage(work).free
    if needed > free:
        raise InputError(
            f"{work.parent} needs {needed / 1e9:,.1f} GB for {count:,} images, but has "
            f"{free / 1e9:,.1f} GB free"
        )


def _write(
    source: Source,
    work: Path,
    every: list[Shard],
    todo: list[Shard],
    workers: int,
    max_bad_fraction: float,
) -> None:
    """Write the files of records in `todo`, those of `every` that do not exist yet."""
    bad: dict[str, list[str]] = {split: [] for split in SPLITS}
    for shard in every:
        if (work / shard.part).exists():
            bad[shard.split] += bad_pictures(work / shard.part)
    total = sum(len(shard.rows) for shard in every)
    remaining = sum(len(shard.rows) for shard in todo)
    progress = Progress(source.name, total, total - remaining)
    _require_few_bad(source, work, bad, max_bad_fraction)
    done = each_done(
        write_shard, todo, workers=workers, initializer=set_worker_source, initargs=(source, work)
    )
    try:
        for shard, errors in done:
            bad[shard.split] += errors
            progress.advance(len(shard.rows))
            _require_few_bad(source, work, bad, max_bad_fraction)
    finally:
        done.close()
    progress.finish()


def _require_few_bad(
    source: Source, work: Path, bad: dict[str, list[str]], max_bad_fraction: float
) -> None:
    """List the bad pictures in bad_files.txt; raise InputError if a split has too many."""
    lines = [f"{split}: {printable(line)}" for split in SPLITS for line in sorted(bad[split])]
    if lines:
        (work / BAD_FILES).write_text("\n".join(lines) + "\n", errors="backslashreplace")
    for split, errors in bad.items():
        count = len(source.splits[split].labels)
        if len(errors) > max_bad_fraction * count:
            raise InputError(
                f"{len(errors)} of {count:,} {split} pictures cannot be read, more than "
                f"--max-bad-fraction {max_bad_fraction:g}; listed in {work / BAD_FILES}, "
                f"the first: {sorted(errors)[0]}"
            )


def _gather(source: Source, work: Path, every: list[Shard], plan: str) -> Manifest:
    """Combine the results of all shards into a manifest, and write TFDS's metadata."""
    shape = (source.size, source.size, source.channels)
    sums = Sums(shape)
    each: dict[str, dict[str, list[Any]]] = {
        split: {"labels": [], "crc32": [], "bad": []} for split in SPLITS
    }
    for shard in every:
        with np.load(work / shard.part) as part:
            for name, values in each[shard.split].items():
                values.append(part[name])
            if shard.split == "train":
                sums.merge(len(part["labels"]), part["image"], part["products"])
    lengths = {split: [len(labels) for labels in each[split]["labels"]] for split in SPLITS}
    for split in SPLITS:
        if not sum(lengths[split]):
            raise InputError(f"{source.name}: no {split} picture can be read")
    write_metadata(work, source.name, shape, source.class_names, lengths)
    return Manifest(
        name=source.name,
        stored_size=source.size,
        channels=source.channels,
        class_names=source.class_names,
        labels={split: np.concatenate(each[split]["labels"]) for split in SPLITS},
        crc32={split: np.concatenate(each[split]["crc32"]) for split in SPLITS},
        statistics=sums.statistics(),
        plan=plan,
        left_out={split: sum(map(len, each[split]["bad"])) for split in SPLITS},
        ground=source.ground,
    )
