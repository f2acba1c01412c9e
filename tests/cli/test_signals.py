"""A training that is told to stop saves its state, says so, and can be gone on with."""

import re
import signal
from pathlib import Path

import pytest
from helpers.scripts import Result, call, measurements, start, training, wait

pytestmark = pytest.mark.slow

STEPS = 300
CHANGES = ("evaluate_every=150", "checkpoint_every=150")


def arguments(workdir: Path) -> tuple[str, ...]:
    return training(workdir, STEPS, log_every=10, changes=CHANGES)


def interrupted(workdir: Path, number: signal.Signals) -> Result:
    """Starts a training and sends it a signal once it has logged two lines."""
    process = start("train", *arguments(workdir))
    assert process.stdout is not None
    # Four lines about the run, the check of its start, the time of the first step; two of steps.
    seen = [process.stdout.readline() for _ in range(8)][6:]
    process.send_signal(number)
    result = wait(process)
    assert all(line.startswith("step ") for line in seen), result.err
    return result


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the parameters of a run that nobody stops."""
    workdir = tmp_path_factory.mktemp("uninterrupted")
    result = call("train", *arguments(workdir))
    assert (result.status, result.err) == (0, "")
    return measurements(workdir)[-1]["params_sha256"]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, id="SIGHUP", marks=pytest.mark.exhaustive),
        # In two processes always: test_lost_processes.py.
        pytest.param(signal.SIGINT, 130, id="SIGINT", marks=pytest.mark.exhaustive),
    ],
)
def test_a_stopped_run_ends_as_one_that_was_not_stopped(
    uninterrupted: str, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    stopped = interrupted(tmp_path, number)
    assert stopped.status == status
    assert "done" not in stopped.out
    message = stopped.err.strip()
    assert "\n" not in message
    assert number.name in message
    assert str(tmp_path) in message
    match = re.search(rf"step (\d+) of {STEPS} is saved", message)
    assert match
    step = int(match[1])
    assert 10 <= step < STEPS
    assert (tmp_path / "checkpoints" / str(step)).is_dir()
    assert all("event" not in line for line in measurements(tmp_path))

    again = call("train", *arguments(tmp_path))
    assert (again.status, again.err) == (0, "")
    assert again.lines[0] == f"resumed at step {step}"
    measured = measurements(tmp_path)
    assert measured[-1] == {"event": "done", "step": STEPS, "params_sha256": uninterrupted}
    logged = [line["step"] for line in measured if line.get("split") == "train"]
    assert logged == [1, *range(10, STEPS + 1, 10)]
