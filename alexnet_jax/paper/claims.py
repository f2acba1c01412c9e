"""A claim as frozen data: two variants of a network, what is measured, and what was found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from alexnet_jax.errors import InputError
from alexnet_jax.runs import TrainConfig, changed

Scale = Literal["small", "full"]
Measure = Literal["error", "ten_views", "ensemble", "gap", "updates"]

SMALL = TrainConfig(
    name="paper_small",
    data="thumbnails",
    preset="small",
    image_size=32,
    steps=600,
    batch=64,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(8.0,),
    pixel_scale=1 / 64,  # inputs of about -2 to 2, which initial values by fan-in expect
    log_every=10,
    evaluate_every=600,
    checkpoint_every=600,
    keep_checkpoints=1,
)

EPOCH = 1_281_167 / 128  # updates
FULL = TrainConfig(
    name="paper_full",
    data="imagenet2012",
    preset="source2012",
    steps=round(91 * EPOCH),
    batch=128,
    learning_rate=0.01,
    schedule="epochs",
    drop_epochs=(25.0, 51.0, 79.0),
    log_every=100,
    evaluate_every=round(EPOCH),
    checkpoint_every=2000,
)

UNITS: dict[Measure, str] = {
    "error": "% wrong",
    "ten_views": "% wrong",
    "ensemble": "% wrong",
    "gap": "nats",
    "updates": "updates",
}


@dataclass(frozen=True)
class Variant:
    """A network and its training, as changes to the scale's plain run.

    Changes are text by name, as `train.py --set` takes them: `changes` at every scale, `small`
    and `full` at one. What is measured of the finished run:

    - "error": top-1 error of the test split, centre crop, in %.
    - "ten_views": the same with ten views.
    - "ensemble": the same of the runs of all seeds together, their outputs averaged.
    - "gap": test loss minus training loss, both in test mode, in nats.
    - "updates": updates until the error of the training batches has come down to 25 %.

    `first` is trained before it, and its weights are those that this one starts from.
    """

    name: str
    changes: dict[str, str] = field(default_factory=dict)
    small: dict[str, str] = field(default_factory=dict)
    full: dict[str, str] = field(default_factory=dict)
    measure: Measure = "error"
    first: Variant | None = None

    @property
    def label(self) -> str:
        """What to call it beside another: two ways of testing the same runs differ in that."""
        return self.measure if self.measure in ("ten_views", "ensemble") else self.name

    def config(self, scale: Scale, more: dict[str, str], seed: int) -> TrainConfig:
        """The run of a seed; `more` are the user's own changes, which come last.

        Raises:
          InputError: changes that name nothing or do not fit.
        """
        base = SMALL if scale == "small" else FULL
        config = changed(base, {**self.at(scale), **more, "seed": str(seed)})
        return dataclasses.replace(config, name=f"{base.name}_{self.run(scale)}")

    def at(self, scale: Scale) -> dict[str, str]:
        """All changes at a scale."""
        return self.changes | (self.small if scale == "small" else self.full)

    def run(self, scale: Scale) -> str:
        """Name of its runs at a scale: the plain ones where nothing is changed there."""
        return self.name if self.at(scale) else "plain"


PLAIN = Variant("plain")


@dataclass(frozen=True)
class Claim:
    """That the network is better than another one, by some amount.

    Attributes:
      name: of its script.
      says: the claim, in a line.
      paper: the amount that was found, and on what, in words.
      source: where.
      ours: the paper's variant. other: what it is compared with.
      expected: what was found for other - ours (ratio: other / ours); None where no number was.
      ratio: whether the two are divided rather than subtracted.
      note: what differs at the small scale.
    """

    name: str
    says: str
    paper: str
    source: str
    ours: Variant
    other: Variant
    expected: float | None
    ratio: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if UNITS[self.ours.measure] != UNITS[self.other.measure]:
            raise InputError(f"{self.name}: the two variants are measured in different units")

    @property
    def unit(self) -> str:
        return UNITS[self.ours.measure]

    def compared(self, ours: float, other: float) -> float:
        return other / ours if self.ratio else other - ours
