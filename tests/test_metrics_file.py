"""metrics.jsonl: lines read back, rewound where a run goes on, and cut short by a crash."""

import json
from pathlib import Path

import pytest

from alexnet_jax.workdir import MetricsFile

LINES = [
    {"step": 1, "split": "train", "loss": 2.5},
    {"step": 2, "split": "test", "top1": 0.1},
    {"step": 4, "split": "train", "loss": 1e-30},
    {"step": 4, "split": "test", "top1": 1.0},
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
