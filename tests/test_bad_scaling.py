"""What experiments/scaling.py refuses: one line, status 2, and no file."""

from pathlib import Path

import pytest
from scripts import assert_refused, call

REFUSED: list[tuple[str, list[str]]] = [
    ("--topology ring", ["topology", "'ring'", "data_towers"]),
    ("--topology data_towers --preset owt", ["owt", "two towers"]),
    ("--preset lenet", ["'lenet'", "paper"]),
    ("--batch 0", ["--batch", "0"]),
    ("--batch many", ["--batch", "'many'"]),
    ("--global-batch -4", ["--global-batch", "-4"]),
    ("--global-batch 100", ["batch of 100", "8 devices", "96"]),
    ("--devices 1", ["--devices", "1"]),
    ("--devices few", ["--devices", "'few'"]),
    ("--dtype float64", ["dtype", "'float64'", "bfloat16"]),
    ("--flops-per-second 0", ["--flops-per-second", "'0'"]),
    ("--flops-per-second fast", ["--flops-per-second", "'fast'"]),
    ("--memory -1", ["--memory", "'-1'"]),
    ("--bandwidth 0", ["--bandwidth", "'0'", "nvlink4"]),
    ("--bandwidth string", ["--bandwidth", "'string'", "ethernet100"]),
    ("--latency nan", ["--latency", "'nan'"]),
    ("--latency inf", ["--latency", "'inf'"]),
    ("--algorithm tree", ["algorithm", "'tree'", "halving"]),
    ("--measure --flops-per-second 1e12", ["--measure", "--flops-per-second"]),
    ("--json missing/report.json", ["--json", "missing/report.json"]),
    ("--picture plan.txt", ["--picture", ".png", "plan.txt"]),
    ("extra", ["extra"]),
]


@pytest.mark.parametrize(("options", "parts"), REFUSED, ids=[line for line, _ in REFUSED])
def test_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(call("scaling", *options.split()), *parts)
    assert not list(tmp_path.iterdir())
