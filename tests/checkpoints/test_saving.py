"""Checkpoints are written while the training goes on, and hold the step that they are of."""

import dataclasses
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.compiled import init_state, make_train_step
from helpers.runs import CONFIG
from helpers.saved import assert_identical, plain
from helpers.spread import CONFIG as SMALL
from helpers.spread import STATISTICS, batch, network, spread_over

from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.checkpoints.writer import Writer
from alexnet_jax.errors import InputError, SaveFailed
from alexnet_jax.runs.metrics_file import MetricsFile
from alexnet_jax.runtime.signals import Interrupted
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.loop import fit
from alexnet_jax.training.state import as_trees

RUN = dataclasses.replace(CONFIG, steps=12, evaluate_every=100, checkpoint_every=4)


def delayed(monkeypatch: pytest.MonkeyPatch, before: Callable[[int], None]) -> None:
    """Calls before(step) in the thread that writes, before it reads the first array."""
    write = Checkpoints._write

    def later(self: Checkpoints, step: int, *rest: Any) -> None:
        before(step)
        write(self, step, *rest)

    monkeypatch.setattr(Checkpoints, "_write", later)


@pytest.mark.parametrize(("name", "devices"), [("one_device", 1), ("two_towers", 2)])
def test_the_state_that_is_written_is_that_of_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, devices: int
) -> None:
    """The training is three steps on, its memory given away, before the first byte is read."""
    going = threading.Event()
    delayed(monkeypatch, lambda step: going.wait(60) or pytest.fail("nobody went on"))
    net = network()
    place = spread_over(name, devices, net)
    state, statistics = init_state(net, SMALL, place), place.place(STATISTICS)
    advance = make_train_step(net, SMALL, place, steps_per_epoch=100.0)
    state, _ = advance(state, place.place_batch(batch(0)), statistics)
    trees = as_trees(state, statistics, place.place({"position": np.int32(16)}))
    want = jax.tree.map(lambda leaf: plain(leaf).copy(), trees)
    template = place.abstract(trees)
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(1, trees, about={})
        for number in (1, 2, 3):
            state, _ = advance(state, place.place_batch(batch(number)), statistics)
        jax.block_until_ready(state)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(trees["params"]))
        assert not (tmp_path / "c" / "1").exists()
        going.set()
        got = checkpoints.load(1, template)
    assert_identical(jax.tree.map(plain, got), want)
    assert int(got["loop"]["step"]) == 1
    assert any((plain(a) != b).any() for a, b in zip(
        jax.tree.leaves(state.params), jax.tree.leaves(want["params"]), strict=True
    ))  # fmt: skip


def test_a_run_is_done_when_its_last_checkpoint_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes to write."""
    delayed(monkeypatch, lambda step: time.sleep(0.3))
    append, there = MetricsFile.append, []

    def looking(self: MetricsFile, line: dict[str, Any]) -> None:
        if "event" in line:
            there.append((tmp_path / "checkpoints" / "12").is_dir())
        append(self, line)

    monkeypatch.setattr(MetricsFile, "append", looking)
    fit(RUN, tmp_path, PlainConsole())
    assert there == [True]


def test_the_lines_of_a_checkpoint_are_on_disk_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a machine that loses its power would go on after lines that are gone."""
    events: list[Any] = []
    save = Checkpoints.save

    def saving(self: Checkpoints, step: int, *rest: Any, **more: Any) -> None:
        events.append(step)
        save(self, step, *rest, **more)

    monkeypatch.setattr(Checkpoints, "save", saving)
    monkeypatch.setattr(MetricsFile, "sync", lambda self: events.append("lines"))
    fit(RUN, tmp_path, PlainConsole())
    assert events == ["lines", 4, "lines", 8, "lines", 12]


class Noting(PlainConsole):
    """Notes the steps; `at` one of them, does something."""

    def __init__(self, at: int, what: Callable[[], None]) -> None:
        self.steps: list[int] = []
        self._at, self._what = at, what

    def advance(self, step: int) -> None:
        self.steps.append(step)
        if step == self._at:
            self._what()


def failing(at: int) -> tuple[Callable[[int], None], threading.Event]:
    tried = threading.Event()

    def fail(step: int) -> None:
        if step == at:
            tried.set()
            raise SaveFailed(f"step {step} could not be saved (disk full)")

    return fail, tried


def test_a_save_that_fails_stops_the_run_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when the next is due."""
    fail, tried = failing(8)
    delayed(monkeypatch, fail)
    console = Noting(9, lambda: time.sleep(0.2) if tried.wait(60) else None)
    with pytest.raises(SaveFailed, match=r"^step 8 could not be saved \(disk full\)$"):
        fit(dataclasses.replace(RUN, steps=500, checkpoint_every=8), tmp_path, console)
    assert console.steps[-1] in (8, 9)


def test_a_stopped_run_says_saved_only_of_what_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Noting(6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    delayed(monkeypatch, lambda step: time.sleep(0.3))
    with pytest.raises(Interrupted, match="step 6 of 12 is saved"):
        fit(RUN, tmp_path, stop)
    assert (tmp_path / "checkpoints" / "6").is_dir()
    half = tmp_path / "checkpoints" / "9.orbax-checkpoint-tmp"  # as a killed run leaves it
    shutil.copytree(tmp_path / "checkpoints" / "6", half)
    delayed(monkeypatch, failing(7)[0])
    with pytest.raises(SaveFailed, match=r"^step 7 could not be saved"):
        fit(RUN, tmp_path, Noting(7, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert not half.exists()


def test_what_ends_a_run_is_told_beside_a_save_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delayed(monkeypatch, failing(1)[0])

    def end() -> None:
        with Checkpoints(tmp_path / "c") as checkpoints:
            checkpoints.save(1, {"params": {"x": jax.numpy.ones(3)}}, about={})
            raise InputError("the rate is wrong")

    with pytest.raises(SaveFailed, match=r"^the rate is wrong; step 1 could not be") as caught:
        end()
    assert isinstance(caught.value.__cause__, InputError)


def test_a_writer_does_one_thing_at_a_time_and_tells_what_it_raised() -> None:
    writer, done, go = Writer(), [], threading.Event()

    def slow() -> None:
        go.wait(60)
        done.append("slow")
        raise OSError("first")

    writer.wait()  # for nothing
    writer.start(slow)
    writer.raise_if_failed()
    assert done == []
    go.set()
    with pytest.raises(OSError, match="first"):
        writer.start(lambda: done.append("never"))
    writer.start(lambda: done.append("second"))
    writer.wait()
    writer.raise_if_failed()
    writer.close()
    assert done == ["slow", "second"]
