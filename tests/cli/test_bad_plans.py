"""What communication.py and scaling.py refuse: one line, status 2, and no file."""

from pathlib import Path

import pytest
from helpers.scripts import assert_refused, call

COMMUNICATION: list[tuple[str, list[str]]] = [
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
SCALING: list[tuple[str, list[str]]] = [
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
REFUSED = [("communication", *one) for one in COMMUNICATION]
REFUSED += [("scaling", *one) for one in SCALING]


@pytest.mark.parametrize(
    ("script", "options", "parts"), REFUSED, ids=[" ".join(one[:2]) for one in REFUSED]
)
def test_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, options: str, parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(call(script, *options.split()), *parts)
    assert not list(tmp_path.iterdir())
