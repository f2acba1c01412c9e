"""The two ends of a process that is timed, and what it does when it is asked."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import pytest
from helpers.benches import TINY, TRAIN

from alexnet_jax import InputError
from alexnet_jax.bench import layer_table, worker
from alexnet_jax.bench.ours import Ours
from alexnet_jax.bench.peak import StepsPeak
from alexnet_jax.bench.process import HUGE_PAGES, CannotRun, Process, process_environment
from alexnet_jax.bench.work import Variant, Work
from alexnet_jax.runtime import machine


def asked(work: Work, *questions: dict[str, Any]) -> list[Any]:
    """A worker's answers in this process: about the work, then to each question."""
    answers = io.StringIO()
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    worker.serve(work, io.StringIO(lines), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_work_survives_json() -> None:
    work = replace(TRAIN, variant=Variant("channels_last", "sums", "default"), threads=1)
    assert Work.from_json(json.loads(json.dumps(work.to_json()))) == work


def test_training_step() -> None:
    """The step that is timed advances the state by one for each, warm-up included."""
    ours = Ours(TRAIN)
    assert ours.seconds(3) > 0
    assert int(ours._state.step) == 2 + 3
    assert (ours.about.devices, ours.about.platform) == (1, "cpu")
    assert ours.about.library == f"jax {jax.__version__}"
    assert min(ours.about.compile_seconds, ours.about.step_seconds) > 0
    parameters = sum(leaf.size for leaf in jax.tree.leaves(ours._state.params))
    program = ours.about.program_bytes
    assert program is not None
    assert program > 2 * 4 * parameters  # and the velocity


def test_several_steps_in_a_dispatch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are those of a step, and at least as many are made as were asked for."""
    ours = Ours(replace(TRAIN, steps_per_dispatch=3))
    ours.seconds(4)
    assert int(ours._state.step) == 2 * 3 + 2 * 3
    monkeypatch.setattr(ours, "_call", lambda calls: 6.0 * calls)  # s of a dispatch
    assert ours.seconds(4) == 2.0


def test_over_several_devices() -> None:
    ours = Ours(replace(TRAIN, mode="infer", topology="data", batch=8))
    assert ours.about.devices == 8
    assert ours.seconds(1) > 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"topology": "two_towers"}, "two_towers needs a network of two towers"),
        ({"topology": "data", "batch": 3}, "a batch of 3 does not divide over 8 devices"),
        ({"topology": "data", "batch": 8, "steps_per_dispatch": 2}, "several steps a dispatch"),
    ],
)
def test_work_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Ours(replace(TRAIN, **changes))


def test_layers_and_questions() -> None:
    """Every piece of the table, the views before and the update after; rates and memory."""
    does = [{"do": "seconds", "steps": 1}, {"do": "product"}, {"do": "peak"}, {"do": "layers"}]
    first, *found = asked(TRAIN, *does)
    assert first["platform"] == "cpu"
    seconds, product, peak, layers = (answer["value"] for answer in found)
    assert min(seconds, product, peak) > 0
    names = ["conv1", "lrn1+pool1", *(layer.name for layer in TINY.layers[3:])]
    assert [one["name"] for one in layers] == ["views", *names, "update"]
    rows = layer_table.rows(layers, product, 1e10)
    assert all(one.seconds > 0 for row in rows for one in row.passes)
    assert [row.name for row in rows if row.backward is None] == ["views", "update"]
    with pytest.raises(ValueError, match="unknown question"):
        asked(TRAIN, {"do": "nothing"})


def test_forms_that_a_step_does_not_take() -> None:
    """Normalization alone."""
    from alexnet_jax.bench.by_layer import time_layers

    rows = list(time_layers(TRAIN, others=True))
    assert [row.name for row in rows[1:4]] == ["conv1", "lrn1+pool1", "lrn1"]
    assert [row.alternative for row in rows[1:4]] == [False, False, True]


def test_kernels_of_a_profile() -> None:
    """The program's operations, without what waits and what holds others."""
    from alexnet_jax.bench.kernels import kernels_by_time

    a = jax.numpy.ones((64, 64))
    product = jax.jit(lambda a: jax.numpy.sin(a @ a))
    found = kernels_by_time(lambda steps: [product(a).block_until_ready() for _ in range(steps)])
    assert any("sin" in kernel["name"] for kernel in found)
    assert not any("::" in kernel["name"] or "end:" in kernel["name"] for kernel in found)
    assert [k["seconds"] for k in found] == sorted((k["seconds"] for k in found), reverse=True)


def test_memory() -> None:
    """What is held shows in the peak, which can be forgotten."""
    machine.reset_peak_bytes()
    before = machine.peak_bytes()
    held = bytearray(100_000_000)
    held[:: 1 << 12] = b"1" * len(held[:: 1 << 12])
    after = machine.peak_bytes()
    assert before is not None
    assert after is not None
    assert 90e6 < after - before < 200e6
    with pytest.raises(InputError, match="threads must lie in 1 to"):
        machine.limit_cores(10_000)


def test_memory_between_steps_does_not_count() -> None:
    """Such as that of a matrix product; of several blocks the largest counts."""

    def hold(count: int) -> None:
        held = bytearray(count)
        held[:: 1 << 12] = b"1" * len(held[:: 1 << 12])

    peak = StepsPeak()
    with peak.watched():
        hold(50_000_000)
    first = peak.bytes
    hold(150_000_000)
    with peak.watched():
        pass
    assert first is not None
    assert peak.bytes == first
    with peak.watched():
        hold(150_000_000)
    assert peak.bytes is not None
    assert peak.bytes > first + 50e6


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same allocator for all; nothing out of a cache, unless that was asked for."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    monkeypatch.delenv("JAX_ENABLE_COMPILATION_CACHE", raising=False)
    assert "GLIBC_TUNABLES" not in process_environment("default")
    assert process_environment("huge_pages")["GLIBC_TUNABLES"] == HUGE_PAGES
    assert process_environment("default")["JAX_ENABLE_COMPILATION_CACHE"] == "0"
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "1")
    assert process_environment("default")["JAX_ENABLE_COMPILATION_CACHE"] == "1"


def stand_in(tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets another program answer in the worker's place."""
    program = tmp_path / "answer"
    program.write_text(
        f"#!{sys.executable}\nimport os, signal, sys\nsys.stdin.readline()\n{body}\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ('print(\'{"refused": "too large"}\')', InputError, "too large"),
        ('print(\'{"failed": "no compiler"}\')', CannotRun, "no compiler"),
        ("os.kill(os.getpid(), signal.SIGKILL)", InputError, "fewer than 4 images"),
        ("sys.stderr.write('why'); sys.exit(3)", RuntimeError, "ended with status 3"),
    ],
)
def test_processes_that_end(
    body: str,
    error: type[Exception],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in(tmp_path, body, monkeypatch)
    with pytest.raises(error, match=words):
        Process(TRAIN, {})
    assert capsys.readouterr().err == ("why" if error is RuntimeError else "")


def test_memory_that_does_not_suffice() -> None:
    """Known by what either library says; other errors are not mistaken for it."""
    for text in ("RESOURCE_EXHAUSTED: Out of memory", "DefaultCPUAllocator: can't allocate memory"):
        assert worker.out_of_memory(RuntimeError(text))
    assert worker.out_of_memory(MemoryError())
    assert not worker.out_of_memory(RuntimeError("shapes do not fit"))
