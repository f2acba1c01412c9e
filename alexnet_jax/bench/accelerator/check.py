"""All parts, one after the other within a given time, and their record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from alexnet_jax.bench.accelerator.guard import run_part
from alexnet_jax.bench.accelerator.parts import PARTS, share
from alexnet_jax.bench.accelerator.results import Result

Record = dict[str, Any]
FORMAT = 1
_MARGIN = 3.0  # s of the whole, for the end of the last process and for writing


def check_machine(
    parts: Sequence[str], size: str, seconds: float, say: Callable[[str], None]
) -> Iterator[Record]:
    """Run parts within `seconds` in all; yield the record after each part.

    A part that needs less than its share leaves the rest to those behind it.

    Args:
      parts: names in `PARTS`, in the order in which they run.
      size: "full" or "small".
      say: called with a line as each item begins.

    Yields:
      {"format", "size", "started" (UTC), "seconds", "parts": {part: {"seconds", "items": [a
      `Result` as JSON, ...]}}}.
    """
    began = time.monotonic()
    record: Record = {
        "format": FORMAT,
        "size": size,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": 0.0,
        "parts": {},
    }
    weights = [PARTS[part].weight for part in parts]
    for index, part in enumerate(parts):
        part_began = time.monotonic()
        left = max(0.0, seconds - _MARGIN - (part_began - began))
        results = run_part(part, size, share(weights[index:], left), say)
        record["parts"][part] = {
            "seconds": time.monotonic() - part_began,
            "items": [result.to_json() for result in results],
        }
        record["seconds"] = time.monotonic() - began
        yield record


def results(record: Record, part: str) -> list[Result]:
    """Return the results of a part in a record; none if it has not run."""
    return [Result(**item) for item in record["parts"].get(part, {"items": []})["items"]]


def wrong(record: Record) -> list[tuple[str, Result]]:
    """Return what failed and what does not agree, each with its part."""
    return [
        (part, result)
        for part in record["parts"]
        for result in results(record, part)
        if result.wrong
    ]


def incorrect(record: Record) -> bool:
    """Whether a comparison of values failed or does not agree."""
    return any(PARTS[part].correctness for part, _ in wrong(record))
