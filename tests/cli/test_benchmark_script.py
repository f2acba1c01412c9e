"""experiments/benchmark.py: what it writes, on a machine that has little, and what it refuses."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from helpers.benches import TRAIN, about
from helpers.scripts import EXPERIMENTS, ROOT, assert_refused, call

from alexnet_jax.bench.process import CannotRun
from alexnet_jax.bench.race import Plan, torch_variants
from alexnet_jax.bench.work import Work
from alexnet_jax.cli import benchmark
from alexnet_jax.errors import InputError

race = importlib.import_module("alexnet_jax.bench.race")

# What a bare image with a GPU often lacks. flax itself imports rich.
LACKING = (
    "grain",
    "tyro",
    "tensorflow_datasets",
    "array_record",
    "orbax",
    "sklearn",
    "skimage",
    "PIL",
    "matplotlib",
    "torch",
)


def bare(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The script where importing any of `LACKING` fails, and so in all processes it starts."""
    block = f"import sys\nfor name in {LACKING!r}:\n    sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(block)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    environ |= {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "JAX_PLATFORMS": "cpu"}
    environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # compiles quickly
    return subprocess.run(
        [sys.executable, EXPERIMENTS / "benchmark.py", *map(str, arguments)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.slow
def test_small_preset_on_a_bare_machine(tmp_path: Path) -> None:
    """Both modes are compiled, timed and told, with nothing but jax, flax, optax and numpy."""
    path = tmp_path / "speed.json"
    sizes = ("--preset", "small", "--batch", 2, "--repeats", 2, "--threads", 1)
    result = bare(tmp_path, *sizes, "--json", path)
    assert (result.returncode, result.stderr) == (0, "")
    value = json.loads(path.read_text())
    conditions = ("preset", "batch", "dtype", "topology", "devices", "threads", "allocator")
    assert [value[name] for name in conditions] == [
        *("small", 2, "float32", "one_device", 1, 1, "default")
    ]
    assert value["peer"] is value["train_ratio"] is value["infer_ratio"] is None
    for mode in ("train", "infer"):
        assert len(value[mode]["ours"]["samples_seconds"]) == 2
        assert value[f"{mode}_images_per_second"] > 0
        assert value[mode]["ours"]["compile_seconds"] > 0  # nothing came out of a cache
        assert value[f"{mode}_peak_memory_bytes"] > value[mode]["ours"]["program_bytes"]
    lines = result.stdout.splitlines()
    titles = [line for line in lines if line.startswith("small, ")]
    assert [title.split(", ")[1] for title in titles] == ["inference", "training"]
    assert sum(line.split()[-1:] == ["ours"] and line[-4:] == "ours" for line in lines) >= 2


def test_refusals_on_a_bare_machine(tmp_path: Path) -> None:
    """What is missing is one line, before anything is computed."""
    for arguments, words in (
        (("--peer", "torch"), "--peer torch needs PyTorch, which is not installed"),
        (("--picture", tmp_path / "speed.png"), "--picture needs matplotlib"),
    ):
        result = bare(tmp_path, *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"error: {words}")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--preset", "lenet"), "unknown preset 'lenet'; there are paper, "),
        (("--batch", "0"), "--batch must be at least 1, got 0"),
        (("--batch", "8", "many"), "--batch must be a whole number, got 'many'"),
        (("--dtype", "float64"), "--dtype must be one of float32, bfloat16, got 'float64'"),
        (("--peer", "caffe"), "--peer must be one of none, torch, got 'caffe'"),
        (("--compile",), "give --peer torch"),
        (("--allocator", "small"), "--allocator must be one of default, huge_pages"),
        (("--repeats", "0"), "--repeats must be at least 1"),
        (("--threads", "100000"), "--threads must lie in 1 to"),
        (("--steps-per-dispatch", "0"), "--steps-per-dispatch must be at least 1"),
        (
            ("--json", "nowhere/at/all.json"),
            "--json must be a file that can be written, got 'nowhere/at/all.json'",
        ),
        (("--picture", "speed.txt"), "--picture must end in .png, .svg, .pdf"),
        (("--quick",), "unrecognized arguments: --quick"),
        (("--batch",), "argument --batch: expected at least one argument"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], words: str) -> None:
    assert_refused(call("benchmark", *arguments), words)


def test_several_batches_are_a_list_of_works() -> None:
    found = benchmark.parse(["--preset", "small", "--batch", "4", "8", "--topology", "data"], "")
    assert [(work.batch, work.topology) for work in found.works] == [(4, "data"), (8, "data")]
    assert (found.peer, found.repeats, found.json) == (False, 8, None)


class Fake:
    """A process that takes as long as its variant's name says, or does not start."""

    running: ClassVar[set[str]] = set()
    most: ClassVar[int] = 0
    times: ClassVar[dict[str, float]] = {}

    def __init__(self, work: Work, environ: dict[str, str]) -> None:
        if work.name not in self.times:
            raise CannotRun("no compiler")
        if self.times[work.name] < 0:
            raise InputError("too large")
        self.work, self.about = work, about("torch 0" if work.side == "torch" else "jax 0")
        Fake.running.add(work.name)
        Fake.most = max(Fake.most, len(Fake.running))

    def seconds(self, steps: int) -> float:
        return self.times[self.work.name]

    def ask(self, do: str) -> float:
        return {"product": 2e9 if self.work.side == "torch" else 1e9, "peak": 7e6}[do]

    def close(self) -> None:
        Fake.running.discard(self.work.name)

    def __enter__(self) -> "Fake":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    Fake.running, Fake.most, Fake.times = set(), 0, {"ours": 2.0}
    monkeypatch.setattr(race, "Process", Fake)
    yield Fake.times
    assert not Fake.running  # whatever happened, no process is left


def plan(**changes: Any) -> Plan:
    return replace(Plan(TRAIN, torch_variants(True), rounds=3), **changes)


def test_the_best_variant_of_each_group_takes_part(fakes: dict[str, float]) -> None:
    eager, compiled = torch_variants(True).values()
    for variant, seconds in zip((*eager, *compiled[:2]), (5, 3, 6, 4, 1, 9), strict=True):
        fakes[f"torch {variant.name}"] = seconds
    said: list[str] = []
    found = race.race(plan(), "train", said.append)
    assert {group: peer.times.median for group, peer in found.peers.items()} == (
        {"eager": 3, "compile": 1}
    )
    assert found.peers["eager"].name == f"torch {eager[1].name}"
    assert found.best is found.peers["compile"]
    assert list(found.failed.values()) == ["no compiler"] * 2
    assert len(found.heats) == 6
    assert found.products_per_second == pytest.approx(2e9)
    assert found.ours.times.samples == (2.0, 2.0, 2.0)
    # Ours, a winner and at most two in a heat hold memory at a time.
    assert Fake.most == 4
    assert len(said) == 2 + 8


def test_no_variant_that_runs(fakes: dict[str, float]) -> None:
    with pytest.raises(InputError, match="no variant of the peer runs here: no compiler"):
        race.race(plan(), "infer", lambda text: None)


def test_a_variant_that_does_not_fit(fakes: dict[str, float]) -> None:
    """Ends the comparison, and every process of it."""
    eager = torch_variants(False)["eager"]
    fakes[f"torch {eager[0].name}"] = 1.0
    fakes[f"torch {eager[1].name}"] = -1.0
    with pytest.raises(InputError, match="too large"):
        race.race(plan(), "infer", lambda text: None)
