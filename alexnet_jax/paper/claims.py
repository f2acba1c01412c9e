"""Claims as data: two variants of a network, a measure, and the result that was published."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from alexnet_jax.errors import InputError
from alexnet_jax.runs import TrainConfig, with_overrides

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
    pixel_scale=1 / 64,  # inputs of about -2 to 2, as initial values by fan-in assume
    log_every=10,
    evaluate_every=600,
    checkpoint_every=600,
    keep_checkpoints=1,
)

EPOCH = 1_281_167 / 128  # updates in an epoch
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
    """Network and its training, as changes to the plain run of a scale.

    Changes are texts by name of the setting, as `train --set` takes them.

    Attributes:
      name: name of the variant and of its runs.
      changes: changes at every scale.
      small, full: further changes at that scale only.
      measure: quantity that is measured of the finished run:
        "error", the top-1 error of the test split with centre crops, in %;
        "ten_views", the same with ten views;
        "ensemble", the same with the outputs of the runs of all seeds averaged;
        "gap", the test loss minus the training loss, both in test mode, in nats;
        "updates", the number of updates until the error of the training batches falls to 25 %.
      first: variant that is trained before this one and whose weights it starts from.
    """

    name: str
    changes: dict[str, str] = field(default_factory=dict)
    small: dict[str, str] = field(default_factory=dict)
    full: dict[str, str] = field(default_factory=dict)
    measure: Measure = "error"
    first: Variant | None = None

    @property
    def label(self) -> str:
        """Return the name in reports: the measure for ten views and ensembles, else the name."""
        return self.measure if self.measure in ("ten_views", "ensemble") else self.name

    def config(self, scale: Scale, more: dict[str, str], seed: int) -> TrainConfig:
        """Return the settings of the run of a seed; the user's changes `more` are applied last.

        Raises:
          InputError: changes of unknown settings or with invalid values.
        """
        base = SMALL if scale == "small" else FULL
        config = with_overrides(base, {**self.at(scale), **more, "seed": str(seed)})
        return dataclasses.replace(config, name=f"{base.name}_{self.run(scale)}")

    def at(self, scale: Scale) -> dict[str, str]:
        """Return all changes at a scale."""
        return self.changes | (self.small if scale == "small" else self.full)

    def run(self, scale: Scale) -> str:
        """Return the name of the runs at a scale, which is "plain" if nothing is changed there."""
        return self.name if self.at(scale) else "plain"


PLAIN = Variant("plain")


@dataclass(frozen=True)
class Claim:
    """Claim that a network is better than another one, by some amount.

    Attributes:
      name: name of its module in `paper/catalogue` and of its script.
      says: the claim, in one line.
      paper: the published amount and its data, in words.
      source: source of the claim.
      ours: the paper's variant.
      other: the variant that it is compared with.
      expected: published value of other - ours (or other / ours); None if no number was published.
      ratio: whether the two measures are divided instead of subtracted.
      note: differences at the small scale.

    Raises:
      InputError: variants with measures of different units.
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
        """Return the unit of both measures."""
        return UNITS[self.ours.measure]

    def compared(self, ours: float, other: float) -> float:
        """Return other - ours, or other / ours for a ratio."""
        return other / ours if self.ratio else other - ours
