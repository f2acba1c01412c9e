"""experiments/scaling.py: its tables, file, picture, and what it measures."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.scripts import Result, call

COUNTS = [1 << power for power in range(13)]


def reported(tmp_path: Path, *options: object) -> tuple[Result, dict[str, Any]]:
    path = tmp_path / "plan.json"
    result = call("scaling", *options, "--json", path)
    assert (result.status, result.err) == (0, "")
    return result, json.loads(path.read_text())


def rows_of(value: dict[str, Any], topology: str, scaling: str) -> list[dict[str, Any]]:
    return [r for r in value["rows"] if (r["topology"], r["scaling"]) == (topology, scaling)]


def test_paper(tmp_path: Path) -> None:
    """1 to 4,096 devices, weak and strong, three topologies, called what they are."""
    result, value = reported(tmp_path, "--picture", tmp_path / "plan.png")
    assert result.lines[0] == value_title("paper", "float32")
    assert value["what"] == "a simulation on paper, not a measurement"
    for topology in ("data", "data_towers", "hybrid"):
        for scaling, batch in (("weak", 128), ("strong", None)):
            rows = rows_of(value, topology, scaling)
            assert [row["devices"] for row in rows] == COUNTS
            batches = [batch * count if batch else 4096 for count in COUNTS]
            assert [row["batch"] for row in rows] == batches
        heads = [line for line in result.lines if line.startswith(f"{topology}, ")]
        assert [head.split()[1] for head in heads] == ["weak", "strong"]
    assert value["machine"]["bandwidth"] == 50e9
    assert "NVIDIA" in value["sources"]["bandwidth"]
    assert value["measured"] == []
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
    assert max(map(len, result.lines)) <= 120


def value_title(preset: str, dtype: str) -> str:
    return f"{preset}, training in {dtype}: a simulation on paper, not a measurement"


def test_options_reach_the_model(tmp_path: Path) -> None:
    options = ("--flops-per-second", "2e12", "--memory", 300, "--bandwidth", 25, "--latency", 2)
    sizes = ("--batch", 4, "--global-batch", 48, "--devices", 12, "--algorithm", "halving")
    result, value = reported(tmp_path, *options, *sizes, "--dtype", "bfloat16", "--preset", "owt")
    assert value["machine"] == {
        "flops": 2e12,
        "memory": 300e9,
        "bandwidth": 25e9,
        "latency": 2e-6,
        "algorithm": "halving",
    }
    assert value["sources"]["bandwidth"] == "assumed"
    assert result.lines[0] == value_title("owt", "bfloat16")
    # Of one tower: two topologies. 4,096 units do not divide by 12.
    assert {row["topology"] for row in value["rows"]} == {"data", "hybrid"}
    assert [row["devices"] for row in rows_of(value, "data", "weak")] == [1, 2, 4, 8, 12]
    assert [row["devices"] for row in rows_of(value, "hybrid", "strong")] == [1, 2, 4, 8]
    assert sum(line.startswith("no more: hybrid") for line in result.lines) == 2
    gathered = rows_of(value, "hybrid", "strong")[-1]["bytes_sent_per_device"]
    # In bfloat16: into fc6 to fc8 forward, as many back, the logits; gradients in float32.
    values = 48 * (2 * (9216 + 4096 + 4096) + 1000)
    convolutions = 61_100_840 - (37_752_832 + 16_781_312 + 4_097_000)
    assert gathered == pytest.approx(7 / 8 * (2 * values + 2 * 4 * convolutions))


@pytest.mark.exhaustive
def test_measured(tmp_path: Path) -> None:
    """The rates of this machine, and two of its devices beside their model."""
    sizes = ("--preset", "small", "--batch", 4, "--global-batch", 16, "--devices", 2)
    result, value = reported(tmp_path, "--measure", *sizes)
    assert [line for line in result.lines if line.startswith("measuring ")] == [
        "measuring one device",
        "measuring data over 2 devices, batch 8",
        "measuring data_towers over 2 devices, batch 8",
        "measuring hybrid over 2 devices, batch 8",
    ]
    assert [one["topology"] for one in value["measured"]] == ["data", "data_towers", "hybrid"]
    assert all(one["measured"] > 0 for one in value["measured"])
    assert value["sources"]["flops"] == "measured here: cpu, batch 4"
    assert value["machine"]["flops"] != 1e14
    assert "share its cores" in result.out
    alone = rows_of(value, "data", "weak")[0]
    rate = value["machine"]["flops"]
    assert alone["compute_seconds"] > 4 * 39_892_992 / rate  # and the update
