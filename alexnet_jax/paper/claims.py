"""Claims as data: two variants of a network, a measure, and the result that was published."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from alexnet_jax.errors import InputError
from alexnet_jax.paper.scales import QUICK_STEPS, SCALES, Scale
from alexnet_jax.runs import TrainConfig, with_overrides

Measure = Literal["error", "ten_views", "ensemble", "gap", "updates", "start"]

UNITS: dict[Measure, str] = {
    "error": "% wrong",
    "ten_views": "% wrong",
    "ensemble": "% wrong",
    "gap": "nats",
    "updates": "updates",
    "start": "updates",
}


@dataclass(frozen=True)
class Variant:
    """Network and its training, as changes to the plain run of a scale.

    Changes are texts by name of the setting, as `train --set` takes them.

    Attributes:
      name: name of the variant and of its runs.
      changes: changes at every scale.
      cifar, full: further changes at that scale only.
      quick: changes at the quick scale, which also has those of `cifar` but for the steps.
      measure: quantity that is measured of the finished run:
        "error", the top-1 error of the test split with centre crops, in %;
        "ten_views", the same with ten views;
        "ensemble", the same with the outputs of the runs of up to five seeds averaged;
        "gap", the test loss minus the training loss, both in test mode, in nats;
        "updates", the number of updates until the error of the training batches falls to 25 %;
        "start", the number until their loss falls to nine tenths of its value at chance.
      first: variant that is trained before this one and whose weights it starts from.
    """

    name: str
    changes: dict[str, str] = field(default_factory=dict)
    cifar: dict[str, str] = field(default_factory=dict)
    full: dict[str, str] = field(default_factory=dict)
    quick: dict[str, str] = field(default_factory=dict)
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
        base = SCALES[scale]
        few = {"steps": str(QUICK_STEPS)} if scale == "quick" else {}
        config = with_overrides(base, {**self.at(scale), **few, **more, "seed": str(seed)})
        return dataclasses.replace(config, name=f"{base.name}_{self.run(scale)}")

    def at(self, scale: Scale) -> dict[str, str]:
        """Return all changes at a scale."""
        match scale:
            case "quick":
                return self.changes | self.cifar | self.quick
            case "cifar":
                return self.changes | self.cifar
            case "full":
                return self.changes | self.full

    def run(self, scale: Scale) -> str:
        """Return the name of the runs at a scale, which is "plain" if nothing is changed there."""
        return self.name if self.at(scale) else "plain"


PLAIN = Variant("plain")


@dataclass(frozen=True)
class Claim:
    """Claim that a network is better than another one, by some amount, or that the two are equal.

    Attributes:
      name: name of its module in `paper/catalogue` and of its script.
      says: the claim, in one line.
      paper: the published amount and its data, in words.
      source: source of the claim.
      ours: the paper's variant.
      other: the variant that it is compared with.
      expected: published value of other - ours (or other / ours); None if no number was published.
      ratio: whether the two measures are divided instead of subtracted.
      same: whether the claim is that there is no difference.
      note: differences between the paper's experiment and the one at the scale `cifar`.

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
    same: bool = False
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
