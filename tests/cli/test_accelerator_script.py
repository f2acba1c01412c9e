"""experiments/accelerator.py in processes of its own, on a machine that has little."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.scripts import EXPERIMENTS, ROOT, assert_refused, call

from alexnet_jax.bench.accelerator import ORDER
from alexnet_jax.cli.commands.accelerator import Options, parse

# What an image with a GPU often lacks.
LACKING = (
    "grain", "tyro", "tensorflow_datasets", "array_record", "orbax", "sklearn", "skimage", "PIL",
    "matplotlib", "torch", "chex", "safetensors", "onnx", "requests",
)  # fmt: skip


def bare(tmp_path: Path, *arguments: object, devices: int = 1) -> subprocess.CompletedProcess[str]:
    """The small check where importing any of `LACKING` fails, in every process that it starts."""
    block = f"import sys\nfor name in {LACKING!r}:\n    sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(block)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environ |= {
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiles quickly
    }
    script = EXPERIMENTS / "accelerator.py"
    return subprocess.run(
        [sys.executable, script, "--small", "--out", tmp_path / "out", *map(str, arguments)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


def statuses(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The status of every item, by part."""
    record = json.loads((tmp_path / "out" / "accelerator.json").read_text())
    return {
        part: {item["item"]: item["status"] for item in value["items"]}
        for part, value in record["parts"].items()
    }


def test_devices_and_what_is_not_there(tmp_path: Path) -> None:
    """One device, no torch: what cannot be done is no failure, and the page says so in lines."""
    done = bare(tmp_path, "--parts", "devices", "topologies", "peer")
    assert (done.returncode, done.stderr) == (0, "")
    found = statuses(tmp_path)
    assert list(found) == ["devices", "topologies", "peer"]
    assert set(found["topologies"].values()) == {"refused"}
    assert found["devices"]["product, bfloat16"] == found["devices"]["memory"] == "done"
    page = (tmp_path / "out" / "accelerator.md").read_text()
    assert page in done.stdout
    assert "- two_towers: there is one device\n" in page
    assert "- peer: torch is not installed\n" in page
    assert "Nothing failed, and all values that were compared agree." in page
    assert done.stdout.splitlines()[-1].split()[:2] == ["tar", "czf"]


@pytest.mark.exhaustive
def test_every_part_on_a_bare_machine(tmp_path: Path) -> None:
    """All parts with nothing but jax, flax, optax and numpy, on four devices: values agree."""
    done = bare(tmp_path, "--minutes", 15, devices=4)
    assert (done.returncode, done.stderr) == (0, "")
    found = statuses(tmp_path)
    assert list(found) == list(ORDER)
    found["devices"].pop("driver")  # of NVIDIA
    for part, items in found.items():
        for name, status in items.items():
            assert status == ("refused" if part == "peer" else "done"), f"{part}: {name}"


def test_options(tmp_path: Path) -> None:
    """Parts run in their own order, whatever order they are given in; the default is all."""
    options = parse(["--parts", "speed", "network", "--minutes", "1.5"], "accelerator.py")
    assert options == Options(Path("runs/accelerator"), 1.5, ("network", "speed"), False)
    assert parse([], "accelerator.py").parts == ORDER


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--parts", "sped"), "--parts must be one of all, devices, "),
        (("--minutes", "0"), "--minutes must be "),
        (("--quick",), "unrecognized arguments: --quick"),
    ],
)
def test_refused(words: tuple[str, ...], message: str) -> None:
    assert_refused(call("accelerator", *words), message)
