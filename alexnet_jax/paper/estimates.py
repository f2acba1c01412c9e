"""What the reproduction will take: disk from counts, time and energy from rates."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.data.prepare import BESIDE_A_RECORD
from alexnet_jax.display import aligned, duration
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, presets, rows
from alexnet_jax.paper.reproduction import VIEWS, Reproduction, Step
from alexnet_jax.planning import Machine, layout, predict

STORED_BYTES = 256 * 256 * 3
KEPT = 2  # checkpoints besides the configured latest: the best, and the one being written


@dataclass(frozen=True)
class Rates:
    """How fast a machine is, and what it draws.

    Attributes:
      label: what it is.
      prepare: pictures/s from archives to records. pack: images/s from records to packed.
      train: images/s. evaluate: views/s.
      watts: of the machine while it works.
      sources: where the numbers come from, a line each.
    """

    label: str
    prepare: float
    pack: float
    train: float
    evaluate: float
    watts: float
    sources: tuple[str, ...]

    def seconds(self, kind: str, amount: float) -> float:
        """s for a step of that kind that goes through so many pictures, images or views."""
        return amount / float(getattr(self, kind))


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
    """One GPU, by counts of operations over an assumed rate, as experiments/scaling.py has it."""
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
    """A machine whose training rate was measured; views take the share that counts give them."""
    counted = rows(network)
    forward = sum(row.macs for row in counted)
    both = 3 * forward - counted[0].macs
    return Rates(
        "your machine, as given",
        prepare=MEASURED.prepare,
        pack=MEASURED.pack,
        train=images_per_second,
        evaluate=images_per_second * both / forward,
        watts=watts,
        sources=(
            f"given: {images_per_second:g} images/s trained, {watts:g} W; views by the share of "
            "operations; preparing and packing at the rates measured on two cores of a shared "
            "Intel Xeon",
        ),
    )


def amounts(asked: Reproduction, plan: Sequence[Step], train: int, test: int) -> list[int]:
    """What each step goes through: pictures, images, training images, views."""
    config = asked.config(0)
    of_all = {"prepare": train + test, "pack": train + test, "train": config.steps * config.batch}
    return [of_all.get(step.kind, len(step.members) * test * VIEWS) for step in plan]


def network_of(asked: Reproduction) -> Architecture:
    """The network that is trained; InputError for changes of layers that do not fit."""
    config = asked.config(0)
    init = None if config.init == "preset" else config.init
    size = config.image_size or None
    return presets.architecture(config.preset, init=init, image_size=size, layers=config.layers)


def disk(asked: Reproduction, train: int, test: int) -> dict[str, int]:
    """Bytes of what the plan writes: records, packed, checkpoints.

    A checkpoint is the weights and their velocity in float32.
    """
    state = 2 * 4 * sum(row.parameters for row in rows(network_of(asked)))
    images, kept = train + test, KEPT + asked.config(0).keep_checkpoints
    return {
        "records": images * (STORED_BYTES + BESIDE_A_RECORD),
        "packed": images * STORED_BYTES,
        "checkpoints": asked.networks * kept * state,
    }


def require_room(asked: Reproduction, plan: Sequence[Step], needed: dict[str, int]) -> None:
    """Raises InputError where a disk has no room for what is still to be made."""
    pending = {step.kind for step in plan if not step.done()}
    wanted: dict[int, tuple[Path, int]] = {}
    for kind, name, place in (
        ("prepare", "records", asked.data_dir),
        ("pack", "packed", asked.data_dir),
        ("train", "checkpoints", asked.workdir),
    ):
        if kind in pending:
            there = _nearest(place)
            device = there.stat().st_dev
            before = wanted.get(device, (place, 0))
            wanted[device] = (before[0], before[1] + needed[name])
    for place, bytes_ in wanted.values():
        free = shutil.disk_usage(_nearest(place)).free
        if bytes_ > free:
            raise InputError(
                f"the plan writes {bytes_ / 1e9:,.1f} GB to the disk of {place}, which has "
                f"{free / 1e9:,.1f} GB free"
            )


def _nearest(path: Path) -> Path:
    """The path, or what there is of it."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def timetable(plan: Sequence[Step], through: Sequence[int], machines: Sequence[Rates]) -> str:
    """A line a step and a column a machine: time and energy, those already done left out."""
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
    return aligned(lines, left=1, rules=())


def _cell(seconds: float, watts: float) -> str:
    days, joules = seconds / 86_400, seconds * watts
    time = f"{days:,.1f} days" if days >= 2 else duration(seconds)
    return f"{time} {joules / 3.6e6:8.2f} kWh"
