"""What a run has recorded, and the numbers that follow."""

import dataclasses
import json
from pathlib import Path

import pytest
from helpers.runs import CONFIG
from helpers.scripts import Run

from alexnet_jax.errors import InputError
from alexnet_jax.reporting.record import (
    Drop,
    Record,
    averaged,
    drops,
    images_per_second,
    labels,
    points,
    read_record,
    training_seconds,
)
from alexnet_jax.runs import Line, MetricsFile


def record(*lines: Line, schedule: str = "epochs", name: str = "a", seed: int = 0) -> Record:
    """A record of lines of measurements; the batch is 8."""
    config = dataclasses.replace(
        CONFIG, name=name, seed=seed, schedule=schedule,
        drop_epochs=(1.0,) if schedule == "epochs" else (),
    )  # type: ignore[arg-type]  # fmt: skip
    return Record(Path(f"runs/{name}"), config, "", lines, False, "", ())


def train(step: int, rate: float, speed: float = 16.0) -> Line:
    return {
        "step": step, "split": "train", "loss": 1.0, "top1": 0.5, "top5": 1.0,
        "learning_rate": rate, "images_per_second": speed,
    }  # fmt: skip


def test_a_finished_run_is_read(finished: Run) -> None:
    found = read_record(finished.workdir)
    assert (found.finished, found.step, found.notes) == (True, 6, ())
    assert found.params_sha256 == finished.measured[-1]["params_sha256"]
    assert [line["step"] for line in found.of("test")] == [3, 6]
    assert len(found.sessions) == 1


def test_files_that_cannot_be_read_are_said(finished: Run, tmp_path: Path) -> None:
    """And what can be read is there; a directory without a run is an error."""
    settings = (finished.workdir / "config.json").read_text()
    (tmp_path / "config.json").write_text(settings)
    for name in ("metrics.jsonl", "sessions.jsonl"):
        (tmp_path / name).write_text("no line\n{}\n")
    found = read_record(tmp_path)
    assert (found.lines, found.sessions, found.finished) == ((), (), False)
    assert [("metrics.jsonl" in note, "line 1" in note) for note in found.notes] == [
        (True, True), (False, True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="holds no training run"):
        read_record(tmp_path / "nowhere")


def test_a_running_training_has_not_finished(finished: Run, tmp_path: Path) -> None:
    """Its last line may be half written."""
    lines = (finished.workdir / "metrics.jsonl").read_text().splitlines()
    (tmp_path / "config.json").write_text((finished.workdir / "config.json").read_text())
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines[:3]) + '\n{"step": 4, "spl')
    found = read_record(tmp_path)
    assert (len(found.lines), found.finished, found.params_sha256) == (3, False, "")


def test_drops_of_the_rate() -> None:
    lines = (train(1, 0.1), train(4, 0.1), train(8, 0.01), train(12, 0.01), train(16, 0.001))
    expected = [Drop(4, 8, 0.1, 0.01), Drop(12, 16, 0.01, 0.001)]
    assert drops(record(*lines)) == expected
    assert drops(record(*lines, schedule="plateau")) == expected
    assert drops(record(*lines, schedule="quadratic")) == []
    assert drops(record(train(1, 0.01), train(4, 0.1), train(8, 0.08))) == []  # a warm-up


def test_time_and_speed() -> None:
    """8 images in each of 1, 3 and 4 steps at 4, 12 and 16 images per second: 2 seconds each."""
    lines = (train(1, 0.1, 4.0), train(4, 0.1, 12.0), train(8, 0.1, 16.0))
    assert training_seconds(record(*lines)) == pytest.approx(6.0)
    assert images_per_second(record(*lines)) == 14.0
    assert images_per_second(record(lines[0])) is None  # compilation is in it
    assert training_seconds(record()) == 0.0


def test_points_leave_out_what_is_no_number() -> None:
    broken = train(8, 0.1) | {"loss": float("nan")}
    found = record(train(4, 0.1), broken, {"step": 9, "split": "test", "loss": 2.0})  # type: ignore[arg-type]
    assert points(found, "train", "loss") == [(4, 1.0)]
    assert points(found, "test", "loss") == [(9, 2.0)]
    assert points(found, "test", "learning_rate") == []


def test_averages_keep_the_mean() -> None:
    values = [(step, float(step**2)) for step in range(1, 9)]
    assert averaged(values, 8) == values
    assert averaged(values, 4) == [(2, 2.5), (4, 12.5), (6, 30.5), (8, 56.5)]
    assert len(averaged(values, 3)) == 3
    assert averaged([], 3) == []


def test_equal_names_get_their_workdir() -> None:
    """And characters that steer a terminal are written out."""
    assert labels([record(), record(seed=1)]) == ["a, seed 0", "a, seed 1"]
    assert labels([record(name="a\n"), record()]) == ["a\\n, seed 0", "a, seed 0"]
    same = dataclasses.replace(record(), workdir=Path("elsewhere"))
    assert labels([record(), same]) == ["a, seed 0 (runs/a)", "a, seed 0 (elsewhere)"]


def test_the_file_of_measurements_is_not_written(finished: Run) -> None:
    before = (finished.workdir / "metrics.jsonl").read_bytes()
    read_record(finished.workdir)
    assert (finished.workdir / "metrics.jsonl").read_bytes() == before
    assert MetricsFile(finished.workdir / "metrics.jsonl", writing=False).finished
    assert json.loads(before.splitlines()[-1])["event"] == "done"
