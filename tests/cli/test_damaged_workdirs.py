"""Training goes on, and evaluation and prediction still serve, beside what has been damaged."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.saved import WHAT_ORBAX_LEAVES
from helpers.scripts import (
    Run,
    assert_refused,
    call,
    contents,
    measurements,
    start,
    train,
    wait,
)
from PIL import Image

pytestmark = [pytest.mark.filterwarnings(*WHAT_ORBAX_LEAVES), pytest.mark.usefixtures("gathered")]


@pytest.fixture
def copied(finished: Run, tmp_path: Path) -> Path:
    """A copy of the finished run's directory."""
    return Path(shutil.copytree(finished.workdir, tmp_path / "run"))


def flip_bytes(directory: Path) -> None:
    """Changes every 50th byte of the files that hold the arrays of a step."""
    files = [path for path in directory.rglob("d/*") if path.is_file()]
    assert files
    for path in files:
        content = bytearray(path.read_bytes())
        for place in range(0, len(content), 50):
            content[place] ^= 0xFF
        path.write_bytes(content)


def unfinished(workdir: Path) -> None:
    """Takes the last line away, as if the run had been killed before it could write it."""
    file = workdir / "metrics.jsonl"
    *lines, last = file.read_text().splitlines(keepends=True)
    assert "done" in last
    file.write_text("".join(lines))


def evaluated(finished: Run, workdir: Path, step: int) -> list[str]:
    """What evaluate prints of a step in a copy of the run's directory."""
    _, *rest = call("evaluate", finished.workdir, "--checkpoint", step).lines
    return [f"{workdir}, step {step}", *rest]


@pytest.mark.parametrize(
    "part",
    [
        "params",
        "loop",
        pytest.param("opt", marks=pytest.mark.exhaustive),
        pytest.param("stats", marks=pytest.mark.exhaustive),
    ],
)
def test_a_run_falls_back_to_the_checkpoint_before(finished: Run, copied: Path, part: str) -> None:
    """It says so, comes to the same end, and its last checkpoint is good again."""
    flip_bytes(copied / "checkpoints" / "6" / part)
    unfinished(copied)
    result = train(copied, 6)
    assert result.status == 0
    assert re.search(r"checkpoint 6 .*trying the one before", result.lines[0])
    assert result.lines[1] == "resumed at step 3"
    assert measurements(copied)[-1] == finished.measured[-1]
    assert call("evaluate", copied).lines == evaluated(finished, copied, 6)


def test_a_longer_run_makes_the_damaged_step_again(finished: Run, copied: Path) -> None:
    flip_bytes(copied / "checkpoints" / "6" / "params")
    result = train(copied, 9)
    assert result.status == 0
    assert "resumed at step 3" in result.out
    again = call("evaluate", copied, "--checkpoint", 6)
    assert again.lines == evaluated(finished, copied, 6)


def test_damage_of_a_finished_run_is_noticed(copied: Path) -> None:
    """Its last checkpoint is what it is for."""
    flip_bytes(copied / "checkpoints" / "6" / "params")
    result = train(copied, 6)
    assert "checkpoint 6 " in result.out + result.err


def test_evaluate_falls_back_and_says_so(finished: Run, copied: Path) -> None:
    flip_bytes(copied / "checkpoints" / "6" / "params")
    before = contents(copied)
    result = call("evaluate", copied)
    assert result.status == 0
    assert re.search(r"checkpoint 6 .*trying the one before", result.out + result.err)
    assert result.lines[-3:] == evaluated(finished, copied, 3)
    assert contents(copied) == before


def test_json_of_a_prediction_stays_json(copied: Path, tmp_path: Path) -> None:
    """The remark that a checkpoint is damaged does not stand in it."""
    flip_bytes(copied / "checkpoints" / "6" / "params")
    Image.new("L", (8, 8), 99).save(tmp_path / "grey.png")
    result = call("predict", copied, tmp_path / "grey.png", "--json")
    assert result.status == 0
    assert "checkpoint 6 " in result.err
    assert len(json.loads(result.out)) == 1


def test_no_checkpoint_is_left(copied: Path) -> None:
    for step in (3, 6):
        flip_bytes(copied / "checkpoints" / str(step) / "params")
    result = call("evaluate", copied)
    assert result.status == 2
    assert str(copied) in result.err.splitlines()[-1]


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_in_one_line(finished: Run, copied: Path) -> None:
    """And nothing of the library's own."""
    flip_bytes(copied / "checkpoints" / "6" / "params")
    asked, latest = start("evaluate", copied, "--checkpoint", 6), start("evaluate", copied)
    refused, result = wait(asked), wait(latest)
    assert_refused(refused, "error: checkpoint 6 ")
    assert result.status == 0
    assert result.lines[-3:] == evaluated(finished, copied, 3)
    assert result.err.startswith("checkpoint 6 ")
    assert result.err.count("\n") == 1


def test_damaged_metadata_of_a_step_leave_the_others(finished: Run, copied: Path) -> None:
    """Where its description, and with it the measure of the best, cannot be read."""
    file = copied / "checkpoints" / "6" / "_CHECKPOINT_METADATA"
    file.write_bytes(file.read_bytes()[:100])
    for chosen in (3, "best"):
        result = call("evaluate", copied, "--checkpoint", chosen)
        assert (result.status, result.lines) == (0, evaluated(finished, copied, 3))


def test_settings_that_are_lost_are_not_made_up(copied: Path) -> None:
    """Without config.json nobody knows whether the checkpoints are of this run."""
    (copied / "config.json").unlink()
    result = train(copied, 9, "--seed", 7)
    assert_refused(result, copied)


def edited(change: Callable[[dict[str, Any]], Any]) -> Callable[[str], bytes]:
    """A damage of config.json that leaves it JSON."""

    def damage(text: str) -> bytes:
        value = json.loads(text)
        change(value)
        return json.dumps(value).encode()

    return damage


BAD_SETTINGS: dict[str, Callable[[str], bytes]] = {
    "empty": lambda text: b"",
    "half": lambda text: text[: len(text) // 2].encode(),
    "binary": lambda text: bytes(range(128, 256)),
    "no object": lambda text: b"[1, 2]",
    "format 2": edited(lambda value: value.update(format=2)),
    "no format": edited(lambda value: value.pop("format")),
    "no config": edited(lambda value: value.pop("config")),
    "config is a number": edited(lambda value: value.update(config=3)),
    "hash is a number": edited(lambda value: value.update(data_sha256=3)),
    "batch is text": edited(lambda value: value["config"].update(batch="16")),
    "steps is null": edited(lambda value: value["config"].update(steps=None)),
    "rate is a list": edited(lambda value: value["config"].update(learning_rate=[0.1])),
    "epochs is a number": edited(lambda value: value["config"].update(drop_epochs=5)),
    "epochs are text": edited(lambda value: value["config"].update(drop_epochs=["a", "b"])),
    "steps are missing": edited(lambda value: value["config"].pop("steps")),
    "one too many": edited(lambda value: value["config"].update(colour="red")),
}


@pytest.mark.parametrize("damage", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_damaged_settings(copied: Path, damage: Callable[[str], bytes]) -> None:
    file = copied / "config.json"
    file.write_bytes(damage(file.read_text()))
    before = contents(copied)
    assert_refused(train(copied, 9), file)
    assert contents(copied) == before
