"""Training, evaluation and prediction by two processes of two devices each."""

import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.pairs import HEARTBEAT, QUICKLY, run_pair, said
from helpers.scripts import (
    Run,
    assert_refused,
    call,
    measurements,
    training,
)

from alexnet_jax.inference.trained import load_trained

# Fifty on every topology, in one process: parallel/test_trajectories.py.
STEPS = 25
FLOAT64 = QUICKLY | {"JAX_ENABLE_X64": "1"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Measurements of steps by one process on one device, in float64."""
    workdir = tmp_path_factory.mktemp("alone") / "run"
    with jax.enable_x64(True):
        result = call("train", *in_float64(workdir, "one_device"))
    assert (result.status, result.err) == (0, "")
    return measurements(workdir)


def in_float64(workdir: Path, topology: str) -> tuple[str, ...]:
    return training(
        workdir, STEPS, "--topology", topology, "--dtype", "float64", log_every=1,
        changes=("mirror=true", "colour_noise=0.1", "evaluate_every=50", "checkpoint_every=50"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("topology", "devices"),
    [
        ("data_towers", 2),
        pytest.param("data", 2, marks=pytest.mark.exhaustive),
        pytest.param("hybrid", 2, marks=pytest.mark.exhaustive),
        pytest.param("two_towers", 1, marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.slow
def test_two_processes_train_what_one_trains(
    topology: str, devices: int, alone: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Every loss in float64, and that of the test images after the last step, to 1e-10; the
    first process writes and speaks, once."""
    results = run_pair(
        "train", *in_float64(tmp_path / "run", topology), devices=devices, more=FLOAT64
    )
    assert [result.status for result in results] == [0, 0], results
    assert said(results[0].out)[-1].startswith("done: ")
    assert [said(results[1].out), said(results[0].err), said(results[1].err)] == [[], [], []]
    lines = measurements(tmp_path / "run")
    assert len(lines) == len(alone) == STEPS + 2
    for line, want in zip(lines[:-1], alone[:-1], strict=True):
        assert (line["step"], line["split"]) == (want["step"], want["split"])
        assert line["loss"] == pytest.approx(want["loss"], rel=1e-10)
    assert (tmp_path / "run" / "conv1_kernels.png").stat().st_size > 1000


@pytest.mark.slow
def test_two_processes_evaluate_what_one_trained(finished: Run) -> None:
    """They say what one process says, once."""
    alone = call("evaluate", finished.workdir, "--views", 10)
    arguments = ("evaluate", finished.workdir, "--views", 10, "--topology", "data_towers")
    two = run_pair(*arguments)
    assert [result.status for result in two] == [0, 0], two
    assert (said(two[0].out), said(two[1].out)) == (alone.out.splitlines(), [])


def test_pictures_are_classified_by_two_tasks_of_slurm(finished: Run, tmp_path: Path) -> None:
    from PIL import Image

    picture = tmp_path / "seven.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(picture)
    arguments = ("predict", finished.workdir, picture, "--json")
    two = run_pair(*arguments, "--topology", "data", slurm=True)
    assert [result.status for result in two] == [0, 0], two
    assert said(two[1].out) == []
    found, want = json.loads("\n".join(said(two[0].out))), json.loads(call(*arguments).out)
    for one, other in zip(found[0]["predictions"], want[0]["predictions"], strict=True):
        assert one["index"] == other["index"]
        assert one["probability"] == pytest.approx(other["probability"], rel=1e-4)


@pytest.mark.exhaustive
def test_two_processes_start_from_another_run(finished: Run, tmp_path: Path) -> None:
    """And train as one does: a new classifier, a frozen layer, a rate of its own. Then both
    classify a directory, one of whose pictures is damaged."""
    from PIL import Image

    def arguments(workdir: Path, *more: object) -> tuple[str, ...]:
        changes = ("evaluate_every=3", "checkpoint_every=3", "freeze=conv1", "layer_rates=fc8:2.0")
        start_from = ("--data", "digits_7to9", "--start-from", finished.workdir)
        return training(workdir, 3, *start_from, *more, log_every=1, changes=changes)

    results = run_pair("train", *arguments(tmp_path / "two", "--topology", "hybrid"))
    assert [result.status for result in results] == [0, 0], results
    assert f"weights of {finished.workdir}, step 6; fc8 is new, for 3 classes" in results[0].out
    assert [said(results[1].out), said(results[0].err), said(results[1].err)] == [[], [], []]
    assert call("train", *arguments(tmp_path / "one")).status == 0
    for line, want in zip(measurements(tmp_path / "two")[:3], measurements(tmp_path / "one")[:3],
                          strict=True):  # fmt: skip
        assert line["loss"] == pytest.approx(want["loss"], rel=1e-4)
    digests = [json.loads((tmp_path / name / "config.json").read_text())["start_sha256"]
               for name in ("one", "two")]  # fmt: skip
    assert digests == [finished.measured[-1]["params_sha256"]] * 2
    conv1 = [load_trained(path).params["conv1"]["kernel"] for path in
             (tmp_path / "two", finished.workdir)]  # fmt: skip
    np.testing.assert_array_equal(*conv1)
    (tmp_path / "pictures").mkdir()
    for name, value in (("a", 9), ("b", 200)):
        picture = Image.fromarray(np.full((8, 8), value, np.uint8))
        picture.save(tmp_path / "pictures" / f"{name}.png")
    (tmp_path / "pictures" / "bad.png").write_bytes(b"no picture")
    predicted = ("predict", tmp_path / "two", tmp_path / "pictures", "--json")
    two = run_pair(*predicted, "--topology", "data")
    assert [result.status for result in two] == [1, 1], two
    assert (len(said(two[0].err)), said(two[1].err), said(two[1].out)) == (1, [], [])
    assert "bad.png" in two[0].err
    found, want = json.loads("\n".join(said(two[0].out))), json.loads(call(*predicted).out)
    assert [entry["image"] for entry in found] == [entry["image"] for entry in want]
    assert {place["class"] for place in found[0]["predictions"]} == {"7", "8", "9"}


@pytest.mark.parametrize(
    ("topology", "changes", "parts"),
    [
        ("data", ("batch=18",), ["batch of 18", "4 devices", "nearest that does is 16"]),
        ("two_towers", (), ["two_towers takes 2 devices", "leaves process 1 without any"]),
    ],
)
def test_a_mistake_is_told_by_one_process(
    topology: str, changes: tuple[str, ...], parts: list[str], tmp_path: Path
) -> None:
    arguments = training(tmp_path / "run", 6, "--topology", topology, changes=changes)
    results = run_pair("train", *arguments)
    assert [result.status for result in results] == [2, 2], results
    first, second = (said(result.err) for result in results)
    assert (len(first), len(second)) == (1, 0)
    for part in ["error: ", *parts]:
        assert part in first[0]
    assert not (tmp_path / "run").exists()


def test_different_commands_are_refused_by_both(tmp_path: Path) -> None:
    """Where each would else wait for the other for ever, and train a mixture of both until then."""
    began = time.monotonic()
    results = run_pair(
        "train", *training(tmp_path / "run", 6, "--topology", "data"),
        only_second=("--steps", 8, "--seed", 1),
    )  # fmt: skip
    assert time.monotonic() - began < 60  # a busy machine starts processes slowly
    assert [result.status for result in results] == [2, 2], results
    assert said(results[1].err) == []
    assert said(results[0].err) == [
        "error: the processes were not started alike: seed: 0 in process 0, 1 in process 1; "
        "steps: 6 in process 0, 8 in process 1; give all the same command"
    ]
    assert not (tmp_path / "run").exists()


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    several = ("--coordinator", "localhost:1", "--num-processes", "two")
    assert_refused(
        call("train", "digits", "--workdir", tmp_path / "run", *several), "whole number", "'two'"
    )
    result = call("evaluate", tmp_path, "--coordinator", "here", "--heartbeat", HEARTBEAT)
    assert_refused(result, "HOST:PORT", "'here'")
    assert_refused(call("predict", tmp_path, "x.png", "--process-id", 1), "--coordinator HOST:PORT")
