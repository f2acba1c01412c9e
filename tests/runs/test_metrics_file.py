"""metrics.jsonl: lines read back, rewound where a run goes on, and cut short by a crash."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from alexnet_jax import InputError
from alexnet_jax.runs.metrics_file import MetricsFile

LINES = [
    {"step": 1, "split": "train", "loss": 2.5, "top1": 0.0, "top5": 0.5},
    {"step": 2, "split": "test", "loss": 2.4, "top1": 0.1, "top5": 0.4},
    {"step": 4, "split": "train", "loss": 1e-30, "top1": 1, "top5": 1},
    {"step": 4, "split": "test", "loss": 2.0, "top1": 1.0, "top5": 1.0},
]
DONE = {"event": "done", "step": 4, "params_sha256": "ff"}


@pytest.fixture
def metrics(tmp_path: Path) -> MetricsFile:
    """A finished run's file."""
    found = MetricsFile(tmp_path / "metrics.jsonl")
    for line in [*LINES, DONE]:
        found.append(line)
    return found


def test_lines_are_read_as_they_were_appended(metrics: MetricsFile, tmp_path: Path) -> None:
    assert metrics.read() == [*LINES, DONE]
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == [*LINES, DONE]
    assert text.endswith("}\n")
    assert metrics.finished
    assert MetricsFile(tmp_path / "metrics.jsonl").read() == [*LINES, DONE]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    assert (metrics.read(), metrics.finished) == ([], False)
    metrics.rewind(0)
    assert metrics.read() == []
    metrics.append(LINES[0])
    assert metrics.read() == LINES[:1]


@pytest.mark.parametrize(("step", "count"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (9, 4)])
def test_rewinding_drops_later_lines_and_the_end(
    metrics: MetricsFile, tmp_path: Path, step: int, count: int
) -> None:
    """A run that is given more steps is no longer finished, wherever it goes on."""
    metrics.rewind(step)
    assert metrics.read() == LINES[:count]
    assert not metrics.finished
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]
    metrics.append(DONE)
    assert metrics.read() == [*LINES[:count], DONE]
    assert metrics.finished


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_last_line_cut_short_is_left_out(metrics: MetricsFile, tmp_path: Path, cut: int) -> None:
    """What a crash left of the last line is dropped, and a rewind removes it from the file."""
    file = tmp_path / "metrics.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 1 - cut])
    assert metrics.read() == LINES
    assert not metrics.finished
    metrics.rewind(4)
    metrics.append(DONE)
    assert file.read_bytes() == whole


def test_zeros_after_a_crash_are_left_out(metrics: MetricsFile, tmp_path: Path) -> None:
    with open(tmp_path / "metrics.jsonl", "ab") as file:
        file.write(b"\0" * 20)
    assert metrics.read() == [*LINES, DONE]


@pytest.mark.parametrize(
    "change",
    [{"step": True}, {"step": 1.0}, {"step": None}, {"loss": "2.5"}, {"top1": None},
     {"top5": [1]}, {"loss": {}}, {"top1": False}],
)  # fmt: skip
def test_a_line_that_cannot_be_drawn_is_named(
    metrics: MetricsFile, tmp_path: Path, change: dict[str, Any]
) -> None:
    """Before a training goes on beside it, not when its curve is drawn at the end."""
    texts = (tmp_path / "metrics.jsonl").read_text().splitlines()
    texts[1] = json.dumps(LINES[1] | change)
    (tmp_path / "metrics.jsonl").write_text("\n".join(texts) + "\n")
    for read in (metrics.read, lambda: metrics.rewind(4)):
        with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is not one of ours"):
            read()


def test_lines_are_on_disk_when_they_are_synced(
    metrics: MetricsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append((os.fstat(file).st_ino, os.fstat(file).st_size))
    )
    metrics.sync()
    found = (tmp_path / "metrics.jsonl").stat()
    assert synced == [(found.st_ino, found.st_size)]
    MetricsFile(tmp_path / "metrics.jsonl", writing=False).sync()
    MetricsFile(tmp_path / "missing.jsonl").sync()
    assert len(synced) == 1
    assert not (tmp_path / "missing.jsonl").exists()
