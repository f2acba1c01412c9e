"""Record of the claims' outcomes as JSON; tables and pictures are made from it alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from alexnet_jax.data import Dataset
from alexnet_jax.paper.claims import Claim
from alexnet_jax.paper.cost import Cost, cost_of
from alexnet_jax.paper.files import read_json
from alexnet_jax.paper.measures import Outcome, measure_claims
from alexnet_jax.paper.runs import Plan
from alexnet_jax.paper.scales import Scale
from alexnet_jax.paper.verdicts import Kind, differences, interval, seeds_needed, verdict

FORMAT = 1
NO_RESULT = "decides nothing"  # verdict at the quick scale


class Side(TypedDict):
    """Variant of a claim, and its measure for each seed, null if it was not reached."""

    name: str
    values: list[float | None]


class Row(TypedDict):
    """Outcome of a claim.

    `compared` is other - ours of each seed (for the unit "ratio" other / ours), `mean` its mean (of
    ratios the geometric one), `low` and `high` the 95 % interval; null if unknown. `seeds_needed`
    estimates how many seeds would decide an undecided claim.
    """

    claim: str
    says: str
    source: str
    found_then: str
    expected: float | None
    same: bool
    unit: str
    seeds: list[int]
    ours: Side
    other: Side
    compared: list[float | None]
    mean: float | None
    low: float | None
    high: float | None
    kind: Kind
    verdict: str
    seeds_needed: int | None
    note: str


class Record(TypedDict):
    """Outcomes of all claims. `machine` and `jax` are those with which it was written."""

    format: int
    scale: Scale
    data: dict[str, Any]
    machine: str
    jax: str
    cost: Cost
    claims: list[Row]


def make_record(
    claims: Sequence[Claim], plan: Plan, dataset: Dataset, note: str, machine: str
) -> Record:
    """Measure the claims' finished runs.

    Args:
      claims: the claims to report.
      plan: the runs.
      dataset: the data set of the plain runs.
      note: words about the data, such as whether it is a copy in another form; "" for none.
      machine: name of this machine.
    """
    import jax

    counts = {"train": len(dataset.train), "test": len(dataset.test)}
    data = {"name": dataset.name, "note": note, **counts, "sha256": dataset.fingerprint()}
    return {
        "format": FORMAT,
        "scale": plan.scale,
        "data": data,
        "machine": machine,
        "jax": jax.__version__,
        "cost": cost_of(claims, plan),
        "claims": [_row(outcome, plan.scale) for outcome in measure_claims(claims, plan)],
    }


def _row(outcome: Outcome, scale: Scale) -> Row:
    row = outcome_row(outcome)
    if scale == "quick":
        row["kind"], row["verdict"], row["seeds_needed"] = "none", NO_RESULT, None
    return row


def outcome_row(outcome: Outcome) -> Row:
    """Return a claim's outcome for JSON; values that were not reached are null."""
    claim, judged = outcome.claim, verdict(outcome)
    mean, low, high = _interval(outcome)
    return {
        "claim": claim.name,
        "says": claim.says,
        "source": claim.source,
        "found_then": claim.paper,
        "expected": claim.expected,
        "same": claim.same,
        "unit": "ratio" if claim.ratio else claim.unit,
        "seeds": list(outcome.seeds),
        "ours": {"name": claim.ours.label, "values": _known(outcome.ours)},
        "other": {"name": claim.other.label, "values": _known(outcome.other)},
        "compared": _known(outcome.compared),
        "mean": mean,
        "low": low,
        "high": high,
        "kind": judged.kind,
        "verdict": judged.words,
        "seeds_needed": seeds_needed(outcome),
        "note": claim.note,
    }


def _interval(outcome: Outcome) -> tuple[float | None, float | None, float | None]:
    """Return the mean of the compared values and the ends of its interval."""
    if not outcome.compared or None in _known((*outcome.ours, *outcome.other)):
        return None, None, None
    mean, half = interval(differences(outcome))
    ends = (mean, mean - half, mean + half)
    if outcome.claim.ratio:
        ends = (math.exp(mean), math.exp(mean - half), math.exp(min(mean + half, 700.0)))
    mean, low, high = (round(end, 6) for end in ends)
    return (mean, low, high) if math.isfinite(half) else (mean, None, None)


def _known(values: Sequence[float]) -> list[float | None]:
    return [round(value, 6) if math.isfinite(value) else None for value in values]


def read_record(file: Path) -> Record:
    """Read a record that `write_json` has written.

    Raises:
      InputError: the file does not exist or contains no such record.
    """
    record: Record = read_json(file, "the claims", FORMAT, _require_rows)
    return record


def _require_rows(record: Any) -> None:
    if not isinstance(record["claims"], list):
        raise ValueError("its claims are no list")
    for row in record["claims"]:
        if missing := sorted(Row.__required_keys__ - row.keys()):
            raise ValueError(f"a claim without {missing[0]}")
