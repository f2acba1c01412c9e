"""What experiments/communication.py refuses: one line, status 2, and no file."""

from pathlib import Path

import pytest
from scripts import assert_refused, call

REFUSED: list[tuple[str, list[str]]] = [
    ("--topology ring", ["topology", "'ring'", "two_towers"]),
    ("--topology data_towers --devices 3", ["data_towers", "3"]),
    ("--topology two_towers --devices 1", ["two_towers", "1"]),
    ("--topology data --devices 3 --batch 16", ["batch", "16", "3 devices", "15"]),
    ("--topology hybrid --devices 5", ["hybrid", "fc6", "5"]),
    ("--topology data_towers --preset owt", ["owt", "two towers"]),
    ("--preset lenet", ["'lenet'", "paper"]),
    ("--devices 0", ["--devices", "0"]),
    ("--devices 9", ["--devices", "9", "8"]),
    ("--devices 2000", ["--devices", "2000"]),
    ("--devices two", ["--devices", "'two'"]),
    ("--batch 0", ["batch", "0"]),
    ("--batch many", ["--batch", "'many'"]),
    ("--classes 0", ["classes", "0"]),
    ("--classes some", ["--classes", "'some'"]),
    ("--dtype float64", ["dtype", "'float64'", "bfloat16"]),
    ("--json missing/report.json", ["--json", "missing/report.json"]),
    ("--json .", ["--json", "'.'"]),
    ("--picture missing/net.png", ["--picture", "missing/net.png"]),
    ("--picture net.txt", ["--picture", ".png", "net.txt"]),
    ("--topology one_device --picture net.png", ["--picture", "one_device"]),
    ("--frobnicate", ["--frobnicate"]),
    ("extra", ["extra"]),
]


@pytest.mark.parametrize(("options", "parts"), REFUSED, ids=[line for line, _ in REFUSED])
def test_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(call("communication", *options.split()), *parts)
    assert not list(tmp_path.iterdir())
