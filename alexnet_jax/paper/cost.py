"""Cost of runs: their time of training and their images, from `metrics.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from alexnet_jax.paper.claims import Claim
from alexnet_jax.paper.runs import Plan, read_lines, variants_of
from alexnet_jax.runs import Line


class Cost(TypedDict):
    """Cost of all runs of a report.

    `images` are those trained on, and `seconds` of training alone, summed over the runs. Runs that
    were made at the same time took less together.
    """

    runs: int
    images: int
    seconds: int
    images_per_second: float


def train_seconds(lines: Iterable[Line], batch: int) -> float:
    """Return the seconds of training, without evaluations, from lines of `metrics.jsonl`.

    Each line has the images per second since the line before it, of the same process. The time of
    a line is that of the updates since the line before, at this rate. The first update's includes
    its compilation. Updates that were made twice, before and after a stop, count once.
    """
    seconds, before = 0.0, 0
    for line in lines:
        if line.get("split") == "train" and line["images_per_second"] > 0:
            seconds += (line["step"] - before) * batch / line["images_per_second"]
            before = line["step"]
    return seconds


def cost_of(claims: Sequence[Claim], plan: Plan) -> Cost:
    """Sum the cost of the claims' runs, each counted once, unfinished ones as far as they are."""
    runs, images, seconds = 0, 0, 0.0
    for variant in variants_of(claims, plan.scale):
        for seed in plan.seeds:
            lines = read_lines(plan.directory(variant, seed))
            batch = plan.config(variant, seed).batch
            if lines:
                runs += 1
                images += lines[-1]["step"] * batch
                seconds += train_seconds(lines, batch)
    return {
        "runs": runs,
        "images": images,
        "seconds": round(seconds),
        "images_per_second": round(images / seconds, 1) if seconds else 0.0,
    }
