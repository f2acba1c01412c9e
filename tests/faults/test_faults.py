"""A few of each of the faults that tests/faults/run.py makes in full."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.saved import WHAT_ORBAX_LEAVES
from helpers.scripts import Run, train

from faults import commands, corruptions, disk, kills, load, pictures
from faults.rows import Row, table


@pytest.mark.exhaustive
def test_kills(tmp_path: Path) -> None:
    row = kills.kill_at_random(tmp_path, 4, steps=60)
    assert row.count == 4
    assert "2 SIGKILL, 1 SIGTERM, 1 SIGINT" in row.fault


@pytest.mark.filterwarnings(*WHAT_ORBAX_LEAVES)
@pytest.mark.usefixtures("gathered")
def test_corruptions(finished: Run, tmp_path: Path) -> None:
    row = corruptions.corrupt_at_random(
        finished.workdir, tmp_path, 3, lambda workdir: train(workdir, 6), seed=1
    )
    assert row.count == 3


@pytest.mark.exhaustive
@pytest.mark.parametrize("fault", [disk.fill, disk.forbid])
def test_disk(tmp_path: Path, fault: Callable[[Path], Row]) -> None:
    try:
        assert fault(tmp_path).count == 1
    except disk.NoMount as error:
        pytest.skip(str(error))


def test_commands(tmp_path: Path) -> None:
    assert len(commands.every()) > 130
    assert commands.refuse(tmp_path / "place", 10).count == 10


def test_pictures(finished: Run, tmp_path: Path) -> None:
    assert pictures.spoil(tmp_path / "place", finished.workdir, 16).count == 16


@pytest.mark.exhaustive
def test_a_long_training(tmp_path: Path) -> None:
    assert "one trace" in load.train_long(tmp_path, 1000, settled=300).outcome


@pytest.mark.exhaustive
def test_predictions_meanwhile(tmp_path: Path) -> None:
    assert load.predict_meanwhile(tmp_path, 4, processes=2).count == 4


def test_growth_is_of_what_came_after() -> None:
    files = [3, 9, 60, 7, 8, 8, 8, 70, 9]
    memory = [100, 150, 200, 205, 210, 190, 200, 200, 200]
    held = [[50 * k + 50, *both] for k, both in enumerate(zip(memory, files, strict=True))]
    grown, more = load.growth(held, 100)
    assert grown == pytest.approx(0.05)
    assert more == 9 - 7


def test_a_table_has_a_line_for_each_fault() -> None:
    lines = table([(Row("a", 3, "well"), 1.6), (Row("b", 1, "too"), 0)]).splitlines()
    assert lines[2:] == ["| a | 3 | well | 2 |", "| b | 1 | too | 0 |"]
