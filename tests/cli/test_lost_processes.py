"""Two processes go on with a run, and one is stopped, or dies: both end, and the run goes on."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.pairs import HEARTBEAT, pair, run_pair, said, wait_for
from helpers.scripts import Result, Run, measurements, train, training, wait

STEPS = 60
SAVING = ("checkpoint_every=20", "evaluate_every=100")


def arguments(workdir: Path, steps: int, changes: tuple[str, ...] = SAVING) -> tuple[str, ...]:
    options = ("--topology", "hybrid")
    return training(workdir, steps, *options, log_every=20, changes=changes)


def stopped(
    workdir: Path, number: signal.Signals, which: int, *options: str
) -> tuple[list[Result], float]:
    """How two processes end after one is signalled, and seconds until both have."""
    with pair("train", *options) as both:
        wait_for(workdir / "checkpoints" / "20", both[which])
        os.kill(both[which].pid, number)
        began = time.monotonic()
        return [wait(process) for process in both], time.monotonic() - began


def test_a_run_goes_on_in_two_processes_until_a_signal_stops_both_at_the_same_step(
    finished: Run, tmp_path: Path
) -> None:
    """Three steps by one process, the others by two: the same loss as by one alone. Of the two,
    the one that was interrupted says so; jax passes it on to the other as a SIGTERM."""
    workdir = tmp_path / "run"
    assert train(workdir, 3).status == 0
    changes = ("checkpoint_every=20", "evaluate_every=6")
    results, _ = stopped(workdir, signal.SIGINT, 0, *arguments(workdir, 5000, changes))
    assert [result.status for result in results] == [130, 143], results
    assert "resumed at step 3" in results[0].out
    assert at_step_6(measurements(workdir)) == pytest.approx(at_step_6(finished.measured), rel=1e-4)
    last = [said(result.err)[-1] for result in results]
    assert all("is saved in" in line for line in last)
    steps = {line.split("step ")[1].split(" ")[0] for line in last}
    assert len(steps) == 1
    assert (workdir / "checkpoints" / steps.pop()).is_dir()


def at_step_6(lines: list[dict[str, Any]]) -> float:
    """The loss of the test images after six steps."""
    (loss,) = (line["loss"] for line in lines if (line["step"], line.get("split")) == (6, "test"))
    return float(loss)


@pytest.mark.exhaustive
def test_the_death_of_one_ends_the_other(tmp_path: Path) -> None:
    """In bounded time, after a word of ours; then the same commands end as if nothing had been."""
    (left, _), seconds = stopped(
        tmp_path / "run", signal.SIGKILL, 1, *arguments(tmp_path / "run", STEPS)
    )
    assert left.status not in (0, 2)
    assert seconds < 3 * HEARTBEAT
    assert "if one of them dies, the others end within 10 s" in left.err.splitlines()[0]
    # The transport fails, which we tell, or waits until jax ends the process in its own words.
    assert "another process" in left.err.partition("Terminating process")[0]
    undisturbed = tmp_path / "undisturbed"
    for workdir, first in ((tmp_path / "run", "resumed at step"), (undisturbed, "start: ")):
        both = run_pair("train", *arguments(workdir, STEPS))
        assert [result.status for result in both] == [0, 0], both
        assert said(both[0].out)[0].startswith(first), both[0].out
    hashes = [
        measurements(workdir)[-1]["params_sha256"] for workdir in (tmp_path / "run", undisturbed)
    ]
    assert hashes[0] == hashes[1]
