"""Estimates for the reproduction: disk space from counts, time and energy from rates."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.data.prepare import RECORD_OVERHEAD_BYTES
from alexnet_jax.display import format_duration, format_table
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, preset_name, presets, rows
from alexnet_jax.paper.reproduction import VIEWS, Reproduction, Step
from alexnet_jax.planning import Machine, layout, predict

STORED_BYTES = 256 * 256 * 3
KEPT = 2  # checkpoints besides the latest ones of the config: the best, and the one being written


@dataclass(frozen=True)
class Rates:
    """Rates and power of a machine.

    Attributes:
      label: name of the machine.
      prepare: pictures/s from archives to records.
      pack: images/s from records to packed images.
      train: images/s of training.
      evaluate: views/s of evaluation.
      watts: power of the machine under load.
      sources: sources of the numbers, a line each.
    """

    label: str
    prepare: float
    pack: float
    train: float
    evaluate: float
    watts: float
    sources: tuple[str, ...]

    def seconds(self, kind: str, amount: float) -> float:
        """Return the time (s) of a step of this kind for a number of pictures, images or views."""
        rates = {
            "prepare": self.prepare,
            "pack": self.pack,
            "train": self.train,
            "evaluate": self.evaluate,
        }
        return amount / rates[kind]


MEASURED = Rates(
    "two CPU cores, measured",
    prepare=311,
    pack=755,
    train=39,
    evaluate=131,
    watts=30,
    sources=(
        "measured, on two cores of a shared Intel Xeon in float32: 311 pictures/s prepared (2,720 "
        "JPEG files of 461 x 374 pixels on average), 755 images/s packed, 39 images/s trained and "
        "131 views/s evaluated (source2012, batches of 128, jax 0.12, medians of 5 and 7)",
        "assumed: 30 W for the two cores and their share of the machine",
    ),
)


def on_paper(network: Architecture, batch: int) -> Rates:
    """Return rates of one GPU from operations and assumed speed, as experiments/scaling.py does."""
    machine, cores = Machine(), 16
    step = predict(network, layout("one_device", network, 1), batch, machine)
    forward = 2 * sum(row.macs for row in rows(network))
    return Rates(
        "one GPU, assumed",
        prepare=MEASURED.prepare / 2 * cores,
        pack=MEASURED.pack,
        train=batch / step.apart,
        evaluate=machine.flops / forward,
        watts=1000,
        sources=(
            f"assumed: {machine.flops:.0e} counted operations/s, {machine.memory / 1e12:g} TB/s of "
            f"memory, {cores} CPU cores that prepare at the measured rate of each, packing as "
            "measured, input that keeps up, 1,000 W for the GPU (700 W is the limit of an H100's "
            "board) and its share of the machine. Nothing of it is measured",
        ),
    )


def as_given(images_per_second: float, watts: float, network: Architecture) -> Rates:
    """Return the rates of a machine from its training rate; counts give that of views."""
    counted = rows(network)
    forward = sum(row.macs for row in counted)
    training = 3 * forward - counted[0].macs  # without the gradient of the images
    return Rates(
        "your machine, as given",
        prepare=MEASURED.prepare,
        pack=MEASURED.pack,
        train=images_per_second,
        evaluate=images_per_second * training / forward,
        watts=watts,
        sources=(
            f"given: {images_per_second:g} images/s trained, {watts:g} W; views by the share of "
            "operations; preparing and packing at the rates measured on two cores of a shared "
            "Intel Xeon",
        ),
    )


def step_amounts(
    reproduction: Reproduction, plan: Sequence[Step], train: int, test: int
) -> list[int]:
    """Return the amount of work of each step, in pictures, images, training images or views.

    Args:
      train, test: numbers of images of the two splits.
    """
    config = reproduction.config(0)
    of_all = {"prepare": train + test, "pack": train + test, "train": config.steps * config.batch}
    return [of_all.get(step.kind, len(step.members) * test * VIEWS) for step in plan]


def network_of(reproduction: Reproduction) -> Architecture:
    """Return the network that is trained; raise InputError if its changed layers do not fit."""
    config = reproduction.config(0)
    return presets.architecture(
        preset_name(config.preset),
        init=None if config.init == "preset" else preset_name(config.init),
        image_size=config.image_size or None,
        layers=config.layers,
    )


def disk_bytes(reproduction: Reproduction, train: int, test: int) -> dict[str, int]:
    """Return the bytes that the plan writes: records, packed images and checkpoints.

    A checkpoint consists of the weights and their velocity in float32.
    """
    state = 2 * 4 * sum(row.parameters for row in rows(network_of(reproduction)))
    images, kept = train + test, KEPT + reproduction.config(0).keep_checkpoints
    return {
        "records": images * (STORED_BYTES + RECORD_OVERHEAD_BYTES),
        "packed": images * STORED_BYTES,
        "checkpoints": reproduction.networks * kept * state,
    }


def require_room(reproduction: Reproduction, plan: Sequence[Step], needed: dict[str, int]) -> None:
    """Raise InputError if a disk has too little free space for the steps that are not done."""
    pending = {step.kind for step in plan if not step.done()}
    required: dict[int, tuple[Path, int]] = {}
    for kind, name, path in (
        ("prepare", "records", reproduction.data_dir),
        ("pack", "packed", reproduction.data_dir),
        ("train", "checkpoints", reproduction.workdir),
    ):
        if kind in pending:
            device = _existing(path).stat().st_dev
            first, bytes_ = required.get(device, (path, 0))
            required[device] = (first, bytes_ + needed[name])
    for path, bytes_ in required.values():
        free = shutil.disk_usage(_existing(path)).free
        if bytes_ > free:
            raise InputError(
                f"the plan writes {bytes_ / 1e9:,.1f} GB to the disk of {path}, which has "
                f"{free / 1e9:,.1f} GB free"
            )


def _existing(path: Path) -> Path:
    """Return the path or, if it does not exist, its nearest existing parent."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def format_timetable(
    plan: Sequence[Step], through: Sequence[int], machines: Sequence[Rates]
) -> str:
    """Format time and energy of each step on each machine; steps that are done count as 0."""
    lines = [["step", "goes through", *(rates.label for rates in machines)]]
    totals = [0.0] * len(machines)
    for step, amount in zip(plan, through, strict=True):
        unit = {"evaluate": "views"}.get(step.kind, "images")
        line = [step.title, f"{amount:,} {unit}"]
        for column, rates in enumerate(machines):
            seconds = 0.0 if step.done() else rates.seconds(step.kind, amount)
            totals[column] += seconds
            line.append(_cell(seconds, rates.watts) if seconds else "done")
        lines.append(line)
    lines.append(
        ["all", "", *(_cell(t, rates.watts) for t, rates in zip(totals, machines, strict=True))]
    )
    return format_table(lines, left=1, rules=())


def _cell(seconds: float, watts: float) -> str:
    days, joules = seconds / 86_400, seconds * watts
    time = f"{days:,.1f} days" if days >= 2 else format_duration(seconds)
    return f"{time} {joules / 3.6e6:8.2f} kWh"
