"""The record of an accelerator's check: what is wrong in it, its page, the command for both."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.scripts import call

from alexnet_jax.bench.accelerator import (
    check,
    format_page,
)
from alexnet_jax.bench.accelerator.check import incorrect
from alexnet_jax.bench.accelerator.results import Result


def record(*results: Result, part: str = "network") -> check.Record:
    items = [result.to_json() for result in results]
    return {
        "format": 1,
        "size": "full",
        "started": "2026-01-02T03:04:05Z",
        "seconds": 61.0,
        "parts": {part: {"seconds": 60.0, "items": items}},
    }


AGREES = {"agrees": True, "worst": "loss", "error": 1e-7, "tolerance": 1e-5, "errors": {}}
DIFFERS = {**AGREES, "agrees": False, "worst": "gradient/conv1/kernel", "error": 0.5}


def test_what_counts_as_wrong() -> None:
    """Differences and failures of a comparison; not what could not be done or had no time."""
    fine = Result("a", "done", 1, AGREES), Result("b", "refused", line="no"), Result("c", "no time")
    assert not incorrect(record(*fine))
    assert incorrect(record(Result("a", "done", 1, DIFFERS)))
    assert incorrect(record(Result("a", "failed", line="b")))
    assert not incorrect(record(Result("a", "failed", line="b"), part="speed"))


def test_page_of_values() -> None:
    """What failed comes first, each in one line; tracebacks are not on the page."""
    text = format_page(
        record(
            Result("a", "done", 2, AGREES),
            Result("b", "done", 3, DIFFERS),
            Result("c", "failed", 1, line="ValueError: x | y", traceback="Traceback of c"),
            Result("d", "no time", line="not run: no time left"),
        )
    )
    lines = text.splitlines()
    assert lines[2] == "2026-01-02T03:04:05Z, 61 s; no versions"
    assert lines[4:8] == [
        "**What failed:**",
        "",
        "- network, b: gradient/conv1/kernel has an error of 0.5; 1e-05 is allowed",
        "- network, c: ValueError: x | y",
    ]
    assert "| a | yes | loss | 1e-07 | 1e-05 | 2 |" in lines
    assert "| b | **no** | gradient/conv1/kernel | 0.5 | 1e-05 | 3 |" in lines
    assert lines[9] == "For what had no time: `--parts network --minutes 30`."
    assert lines[-1] == "- d: not run: no time left"
    assert "Traceback" not in text


def times(median: float) -> dict[str, Any]:
    return {"median_seconds": median, "quartiles_seconds": [median / 2, 2 * median]}


def test_page_of_speed() -> None:
    speed = {
        **times(0.02), "images_per_second": 51_200.0, "share_of_product": 0.25,
        "program_bytes": 5_000_000_000, "compile_seconds": 12.34,
    }  # fmt: skip
    kernels = {
        "kernels": [{"name": "fusion|1", "seconds": 0.015, "calls": 1.0}],
        "count": 30,
        "total_seconds": 0.02,
    }
    text = format_page(
        record(
            Result("training", "done", 9, speed),
            Result("kernels", "done", 9, kernels),
            part="speed",
        )
    )
    assert "| training | 20.0 | 10.0-40.0 | 51,200 | 25% | 5,000 | 12.3 |" in text
    assert "| `fusion\\|1` | 15.0 | 75.0% | 1 |" in text
    assert "| all 30 | 20.0 | 100% |  |" in text
    peer = {
        "batch": 1024, "dtype": "bfloat16", "ratio": 1.5, "compile_seconds": 30.0,
        "images_per_second": {"ours": 3000.0, "torch": 2000.0},
    }  # fmt: skip
    text = format_page(record(Result("train, eager", "done", 9, peer), part="peer"))
    assert "| train, eager | 1024 | bfloat16 | 3,000 | 2,000 | 1.50 | 30.0 |" in text


def test_command_writes_after_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are there, and the status is 1 if a comparison does not agree."""
    answers = {
        "devices": [Result("devices", "done", 1, {"device": "a GPU", "count": 2})],
        "network": [Result("a step", "done", 1, DIFFERS)],
    }
    asked: list[tuple[str, str]] = []

    def run_part(part: str, size: str, seconds: float, say: object) -> list[Result]:
        asked.append((part, size))
        if part == "network":
            assert "a GPU" in (tmp_path / "accelerator.md").read_text()
        assert 0 < seconds <= 120
        return answers[part]

    monkeypatch.setattr(check, "run_part", run_part)
    words = ("--small", "--minutes", "2", "--out", tmp_path, "--parts", "network", "devices")
    assert call("accelerator", *words).status == 1
    assert asked == [("devices", "small"), ("network", "small")]
    written = json.loads((tmp_path / "accelerator.json").read_text())
    assert written["parts"]["network"]["items"][0]["value"] == DIFFERS
    page_text = (tmp_path / "accelerator.md").read_text()
    assert page_text.startswith("# alexnet_jax on 2 x a GPU\n")
    answers["network"] = [Result("a step", "done", 1, AGREES)]
    assert call("accelerator", *words).status == 0


def test_an_interrupted_check_says_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_part(part: str, *_: object) -> list[Result]:
        if part == "network":
            raise KeyboardInterrupt
        return [Result("devices", "done")]

    monkeypatch.setattr(check, "run_part", run_part)
    found = call("accelerator", "--out", tmp_path, "--parts", "network", "devices")
    page = tmp_path / "accelerator.md"
    assert (found.status, found.err) == (130, f"\ninterrupted; devices: see {page}\n")
    assert page.exists()
