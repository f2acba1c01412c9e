"""Report of the claims as Markdown, from their record alone."""

from __future__ import annotations

from collections.abc import Sequence

from alexnet_jax.display import format_duration, format_markdown
from alexnet_jax.paper.record import Record, Row

CHECK = "A check that everything runs, on a few updates; it decides nothing."
LEGEND = (
    "Differences are other - ours, or other / ours, between runs of the same seed, with their 95 % "
    'interval (Student\'s t). "Smaller than" is said where the interval holds no difference and '
    'lies within one point, .1 nats or a factor of 1.1 of it; "within" where the claim is that '
    "there is no difference and the interval lies there. Of an undecided claim, the seeds that "
    "would be enough are estimated from the spread between those that were run."
)
HEADS = ("claim", "then", "ours", "other", "difference (95 %)", "verdict", "seeds")


def format_report(record: Record) -> str:
    """Format the data and cost, a table with a line for each claim, and the claims in words."""
    rows = record["claims"]
    parts = [_made_of(record), format_markdown(HEADS, map(_cells, rows), left=1), LEGEND]
    if record["scale"] == "quick":
        parts = [CHECK, *parts[:2]]
    parts.append("\n".join(_in_words(row, with_note=record["scale"] != "full") for row in rows))
    return "\n\n".join(parts)


def _made_of(record: Record) -> str:
    data, cost = record["data"], record["cost"]
    note = f", {data['note']}" if data["note"] else ""
    return (
        f"Scale `{record['scale']}`: {data['name']}{note}; {data['train']:,} training images, "
        f"{data['test']:,} test images. {cost['runs']} runs on {cost['images']:,} images took "
        f"{format_duration(cost['seconds'])} of training alone, summed over the runs: "
        f"{cost['images_per_second']:,.0f} images/s each. Written on {record['machine']}, with jax "
        f"{record['jax']}."
    )


def _cells(row: Row) -> tuple[str, ...]:
    then = ""
    if row["expected"] is not None:
        then = f"x{row['expected']:g}" if row["unit"] == "ratio" else f"{row['expected']:+g}"
    seeds = str(len(row["seeds"]))
    if row["verdict"] == "undecided":
        needed = row["seeds_needed"]
        seeds += f" of about {needed:,}" if needed is not None else " of more than 10,000"
    sides = (_mean(row["ours"]["values"]), _mean(row["other"]["values"]))
    return (f"`{row['claim']}`", then, *sides, difference(row), row["verdict"], seeds)


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    complete = known and len(known) == len(values)
    return f"{sum(known) / len(known):.4g}" if complete else "-"


def difference(row: Row) -> str:
    """Format the mean and interval of the compared values; a single value has no interval."""
    mean, low, high = row["mean"], row["low"], row["high"]
    if mean is None:
        return "-"
    if row["unit"] == "ratio":
        return f"x{mean:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")
    unit = "points" if row["unit"] == "% wrong" else row["unit"]
    spread = "" if high is None else f" ± {high - mean:.2f}"
    return f"{mean:+.2f}{spread} {unit}"


def _in_words(row: Row, *, with_note: bool) -> str:
    """Return a list item: the claim, the published result, and what is different here, if any."""
    here = f" Here: {row['note']}." if with_note and row["note"] else ""
    return f"- `{row['claim']}`: {row['says']}. Then: {row['found_then']} ({row['source']}).{here}"
