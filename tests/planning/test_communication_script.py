"""The command `communication`: its table and file against counts made by hand."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.crossings import (
    BATCH,
    PAPER_BACKWARD,
    PAPER_HALOS,
    PAPER_READ,
    PARAMETERS,
    towers_by_hand,
)
from helpers.scripts import Result, call, start, wait


def reported(tmp_path: Path, *options: object) -> tuple[Result, list[dict[str, Any]]]:
    path = tmp_path / "report.json"
    result = call("communication", *options, "--json", path)
    assert (result.status, result.err) == (0, "")
    return result, json.loads(path.read_text())


def numbers(line: str) -> list[str]:
    return [word for word in line.replace(",", "").split() if word[0].isdigit()]


@pytest.mark.slow
def test_paper_on_two_towers(tmp_path: Path) -> None:
    """The script's table and file for the paper's network, each number made by hand."""
    result, rows = reported(tmp_path, "--batch", 2, "--picture", tmp_path / "net.png")
    assert {tuple(row) for row in rows} == {
        ("layer", "direction", "kind", "values_per_image", "bytes_per_step")
    }
    counted = Counter(tuple(row.values()) for row in rows)
    hand = towers_by_hand(PAPER_HALOS, PAPER_READ, 500)
    assert counted == {(*row[:4], row[4] * 2 / BATCH): count for row, count in hand.items()}
    assert Counter(row["kind"] for row in rows) == {
        "all-gather": 5,
        "reduce-scatter": 4,
        "collective-permute": 8,
    }
    lines = {tuple(line.split()[:2]): line for line in result.lines if line}
    backward, forward = PAPER_BACKWARD, PAPER_BACKWARD + 500
    for direction, arrays, values in (
        ("forward", 9, forward),
        ("backward", 8, backward),
        ("all", 17, forward + backward),
    ):
        sums = [str(values), str(values * 2 * 2 * 4)]  # towers, images, bytes
        assert numbers(lines["total", direction]) == [str(arrays), *sums, *sums]
    assert numbers(lines["conv3", "forward"])[:3] == ["1", "21632", str(21632 * 16)]
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.exhaustive
def test_source2012_on_two_towers(tmp_path: Path) -> None:
    """Its normalizations keep to their towers."""
    _, rows = reported(tmp_path, "--preset", "source2012", "--batch", 2)
    assert Counter(row["kind"] for row in rows) == {"all-gather": 5, "reduce-scatter": 4}


def test_script(tmp_path: Path) -> None:
    """Options reach the program; layers are told apart with one image on a device, too, where no
    sum over images is made; metrics are no part of a direction's total."""
    options = ("--preset", "small", "--topology", "data", "--devices", 4, "--batch", 4)
    result, rows = reported(tmp_path, *options, "--classes", 7)
    assert result.lines[0].startswith("small, data over 4 devices (cpu): one training step of 4 ")
    assert Counter(row["layer"] for row in rows) == {**dict.fromkeys(PARAMETERS, 2), "metrics": 3}
    sizes = {row["bytes_per_step"] for row in rows if row["layer"] == "fc8"}
    assert sizes == {1.5 * size * 4 * 4 for size in (256 * 7, 7)}
    gradients = sum(row["bytes_per_step"] for row in rows if row["direction"] == "gradient")
    lines = {tuple(line.split()[:2]): line for line in result.lines if line}
    assert numbers(lines["total", "gradient"])[0] == "16"
    assert numbers(lines["total", "gradient"])[2] == str(gradients)
    assert numbers(lines["total", "forward"])[:3] == ["0", "0", "0"]


@pytest.mark.exhaustive
def test_any_number_of_devices(tmp_path: Path) -> None:
    """A CPU becomes as many devices as asked for, without a word in the environment."""
    options = ("--preset", "small", "--topology", "data", "--devices", 64, "--batch", 64)
    result = wait(start("communication", *options))
    assert (result.status, result.err) == (0, "")
    assert "data over 64 devices" in result.lines[0]
