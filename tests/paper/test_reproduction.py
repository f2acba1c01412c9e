"""The reproduction of table 2 from ImageNet's archives, in small: steps, stops, the table."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from helpers.scripts import (
    NARROW,
    Result,
    assert_refused,
    call,
    contents,
    measurements,
    start,
    wait,
)

from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.paper import reproduction
from alexnet_jax.paper.reproduction import Step, carry_out

SIZES = (
    *NARROW, "image_size=67", "init=small", "batch=8", "steps=12", "learning_rate=0.02",
    "pixel_scale=0.015625", "evaluate_every=12", "log_every=1",
)  # fmt: skip


def arguments(directory: Path, *more: object) -> tuple[object, ...]:
    places = ("--archives", directory / "archives", "--data-dir", directory / "data")
    taken = ("--subset", "--max-bad-fraction", 0.05, "--workers", 1, "--networks", 2)
    return (*places, "--workdir", directory / "runs", *taken, *more, "--set", *SIZES)


class Commands:
    """Runs the plan's commands in this process; `stop_at` is the place of one that is stopped."""

    def __init__(self) -> None:
        self.run: list[str] = []
        self.stop_at: int | None = None

    def __call__(self, command: list[str]) -> int:
        assert command[:3] == [sys.executable, "-m", "alexnet_jax"]
        self.run.append(" ".join(command[3:6]))
        if len(self.run) == self.stop_at:
            return 130
        result = call(*command[3:])
        assert result.err == ""
        return result.status


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    found = Commands()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reproduction, "in_a_process", found)
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> tuple[Path, Result]:
    """The directory, and the last of two calls; the first was stopped in its fourth command."""
    directory = tmp_path_factory.mktemp("reproduction")
    call("prepare", "miniature", "--archives", directory / "archives", "--train", 9)
    commands.stop_at = 4
    stopped = call("reproduce", *arguments(directory))
    assert stopped.status == 130
    assert stopped.err == "stopped there; the same command resumes it\n"
    runs = directory / "runs"
    assert commands.run == [
        "prepare imagenet --archives",
        "prepare pack imagenet2012",
        "train imagenet_source2012 --data-dir",
        f"evaluate {runs}/network_0 --views",
    ]
    commands.run, commands.stop_at = [], None
    result = call("reproduce", *arguments(directory))
    assert (result.status, result.err) == (0, "")
    assert commands.run == [
        f"evaluate {runs}/network_0 --views",
        "train imagenet_source2012 --data-dir",
        f"evaluate {runs}/network_1 --views",
        f"evaluate {runs}/network_0 {runs}/network_1",
    ]
    return directory, result


@pytest.mark.slow
def test_what_is_done_is_recognised(made: tuple[Path, Result], commands: Commands) -> None:
    directory, result = made
    assert sum("there already" in line for line in result.lines) == 3
    commands.run, before = [], contents(directory)
    again = call("reproduce", *arguments(directory))
    assert commands.run == []
    assert sum("there already" in line for line in again.lines) == 7
    assert again.lines[7:] == result.lines[result.lines.index("") :]
    assert contents(directory) == before


@pytest.mark.slow
def test_the_table_holds_the_networks_own_errors(made: tuple[Path, Result]) -> None:
    """Of ten views of each network and of both, from their probabilities."""
    directory, result = made
    test = load_prepared("imagenet2012", directory / "data").test
    images = np.asarray(test.images[np.arange(len(test))])
    each = [
        load_trained(directory / "runs" / f"network_{seed}").probabilities(images, 10)
        for seed in (0, 1)
    ]
    wrong = {
        k: [
            100
            * float(
                np.mean([label not in row for label, row in zip(test.labels, best, strict=True)])
            )
            for best in (np.argsort(-p, 1)[:, :k] for p in (*each, (each[0] + each[1]) / 2))
        ]
        for k in (1, 5)
    }
    assert wrong[1][:2] != wrong[5][:2]
    cells = {k: f"{np.mean(w[:2]):.2f} ({min(w[:2]):.2f} to {max(w[:2]):.2f})"
             for k, w in wrong.items()}  # fmt: skip
    one = next(line for line in result.lines if line.startswith("1 CNN "))
    assert one.split() == ["1", "CNN", "40.7", *cells[1].split(), "18.2", *cells[5].split(), "-"]
    two = next(line for line in result.lines if line.startswith("2 networks"))
    assert two.split()[3::2] == [f"{wrong[k][2]:.2f}" for k in (1, 5)]
    assert result.lines[-1] == "On 12 images, not ILSVRC-2012: no comparison."


@pytest.mark.slow
def test_a_network_made_anew_is_evaluated_anew(made: tuple[Path, Result]) -> None:
    """A training that goes on takes what was measured of the network, and of all, with it."""
    directory, _ = made
    asked = reproduction.Reproduction(Path("a"), directory / "data", directory / "runs", 2)
    plan = reproduction.steps(asked)
    assert [str(path.name) for path in plan[2].outdates] == [
        "ten_views_0.json",
        "ten_views_0_1.json",
    ]
    file = directory / "stale"
    file.touch()
    state: list[str] = []
    step = Step("train", "t", "train", (), lambda: bool(state), (0,), (file,))

    def execute(script: str, _: Any) -> int:
        assert not file.exists()
        state.append(script)
        return 0

    assert carry_out([step], execute, print) == 0
    assert carry_out([step], execute, print) == 0
    assert state == ["train"]


@pytest.mark.slow
def test_runs_of_other_settings_are_refused_first(made: tuple[Path, Result]) -> None:
    directory, _ = made
    other = call("reproduce", *arguments(directory), "momentum=0.5")
    assert_refused(other, f"{directory}/runs/network_0", "momentum: 0.9, now 0.5")


@pytest.mark.exhaustive
def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    """As a user has it: processes, and SIGTERM to the first of them while a network trains."""
    call("prepare", "miniature", "--archives", tmp_path / "archives", "--train", 9)
    asked = (*arguments(tmp_path), "steps=3000", "evaluate_every=3000", "checkpoint_every=3000")
    running = start("reproduce", *asked)
    metrics = tmp_path / "runs" / "network_0" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text().count("\n") > 20):
        assert running.poll() is None, wait(running)
        sleep(0.05)
    running.send_signal(signal.SIGTERM)
    stopped = wait(running)
    assert stopped.status == 143
    assert "the same command resumes" in stopped.err
    step = measurements(metrics.parent)[-1]["step"]
    assert 20 <= step < 3000
    again = wait(start("reproduce", *asked))
    assert again.status == 0, again.err
    assert "prepare: there already" in again.lines[0]
    assert any(line.startswith("resumed at step") for line in again.lines)
    assert json.loads((tmp_path / "runs" / "ten_views_0_1.json").read_text())["steps"] == [3000] * 2
