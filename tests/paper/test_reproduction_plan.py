"""The reproduction before it begins: mistakes, room, a dry run; and how its commands end."""

import os
import signal
import sys
import threading
from pathlib import Path
from time import sleep

import pytest
from helpers.scripts import (
    assert_refused,
    call,
)

from alexnet_jax.errors import InputError
from alexnet_jax.paper.reproduction import Step, carry_out, in_a_process


def test_a_command_that_leaves_nothing_is_told() -> None:
    step = Step("pack", "pack", "prepare", ("pack",), lambda: False)
    with pytest.raises(InputError, match="pack ended well, but left nothing"):
        carry_out([step], lambda *_: 0, print)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), ("has no file ILSVRC2012_img_train.tar",)),
        (("--networks", "0"), ("--networks must be at least 1",)),
        (("--networks", "few"), ("--networks must be a whole number",)),
        (("--set", "steps"), ("--set takes KEY=VALUE, got 'steps'",)),
        (("--set", "stpes=3"), ("unknown setting 'stpes'",)),
        (("--set", "seed=3"), ("--set seed: the plan sets that itself",)),
        (("--set", "layers.conv9.maps=3"), ("has no layer conv9",)),
        (("--max-bad-fraction", "2"), ("--max-bad-fraction must lie in [0, 1]",)),
        (("--dry-run", "--images-per-second", "fast"), ("--images-per-second must be a number",)),
        (("--dry-run", "--images-per-second", "9", "--watts", "0"), ("--watts must be a number",)),
    ],
)
def test_mistakes(options: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    places = ("--data-dir", tmp_path / "data", "--workdir", tmp_path / "runs")
    result = call("reproduce", "--archives", tmp_path, *places, *options)
    assert_refused(result, *parts)
    assert not list(tmp_path.iterdir())


def test_too_little_room_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both forms of 1,331,167 images, 196,608 bytes each and 256 more in records, and two
    networks' four checkpoints of twice 60,965,224 float32."""
    for name in ("train", "val"):
        (tmp_path / f"ILSVRC2012_img_{name}.tar").touch()
    usage = type("usage", (), {"free": 0})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    places = ("--data-dir", tmp_path / "data", "--workdir", tmp_path / "runs")
    result = call("reproduce", "--archives", tmp_path, *places, "--networks", 2)
    total = 1_331_167 * (2 * 196_608 + 256) + 2 * 4 * 2 * 4 * 60_965_224
    assert_refused(result, f"writes {total / 1e9:,.1f} GB", "0.0 GB free")
    assert not (tmp_path / "data").exists()


def test_a_dry_run_says_what_it_takes(tmp_path: Path) -> None:
    """At 1,000 images/s and 500 W: 116,586,240 images in 116,586.24 s, 16.19 kWh."""
    given = ("--images-per-second", 1000, "--watts", 500)
    result = call("reproduce", "--archives", tmp_path, "--networks", 1, "--dry-run", *given)
    assert (result.status, result.err) == (0, "")
    train = "  python experiments/train.py imagenet_source2012 --data-dir data"
    assert f"{train} --workdir runs/reproduction/network_0 --seed 0" in result.lines
    row = next(line for line in result.lines if line.startswith("train network 0"))
    assert row.split()[3:] == ["116,586,240", "images", "32:23:06", "16.19", "kWh"]
    assert "261.7 GB  packed" in result.out
    assert "given: 1000 images/s trained, 500 W" in result.out
    cases = call("reproduce", "--archives", tmp_path, "--networks", 1, "--dry-run").out
    assert "two CPU cores, measured" in cases
    assert "one GPU, assumed" in cases
    assert not list(tmp_path.iterdir())


CHILD = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_a_signal_goes_to_the_command(tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    def kill() -> None:
        while not ready.exists():
            sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=kill).start()
    assert in_a_process([sys.executable, "-c", CHILD, str(ready)]) == 7
    assert signal.getsignal(signal.SIGTERM) == before


def test_exit_statuses_of_commands() -> None:
    assert in_a_process([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    dies = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert in_a_process([sys.executable, "-c", dies]) == 128 + signal.SIGKILL
