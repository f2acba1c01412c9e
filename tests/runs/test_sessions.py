"""sessions.jsonl: each start of a training and its end."""

import dataclasses
import datetime
import json
from pathlib import Path

import jax
import pytest
from helpers.scripts import Run

from alexnet_jax.errors import InputError
from alexnet_jax.runs import Session, now, read_sessions, recorded_session, versions

FIRST = Session(
    started="2026-01-02T03:04:05+00:00", first_step=0, device="a processor", devices=2,
    processes=1, topology="two_towers", versions={"jax": "0.12"},
)  # fmt: skip
FILE = "sessions.jsonl"


def test_a_session_is_read_as_it_was(tmp_path: Path) -> None:
    """While it runs without an end, afterwards with the step that it reached, and so after an
    error, which passes through."""
    step = 3
    with recorded_session(tmp_path, FIRST, lambda: step, writing=True):
        assert read_sessions(tmp_path) == [FIRST]
        step = 5
    second = dataclasses.replace(FIRST, first_step=5)
    with (
        pytest.raises(ZeroDivisionError),
        recorded_session(tmp_path, second, lambda: step, writing=True),
    ):
        step = 1 // 0
    found = read_sessions(tmp_path)
    assert [(one.first_step, one.last_step) for one in found] == [(0, 5), (5, 5)]
    assert all(abs(age(str(one.ended))) < 60 for one in found)
    assert dataclasses.replace(found[0], ended=None, last_step=None) == FIRST


def test_a_step_that_is_lost_hides_no_error(tmp_path: Path) -> None:
    """As after an error of the device, which takes the arrays with it."""

    def gone() -> int:
        raise RuntimeError("Array has been deleted")

    with (
        pytest.raises(ZeroDivisionError),
        recorded_session(tmp_path, FIRST, gone, writing=True),
    ):
        raise ZeroDivisionError
    assert read_sessions(tmp_path) == [FIRST]


def age(time: str) -> float:
    """Seconds since a time."""
    since = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(time)
    return since.total_seconds()


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    with recorded_session(tmp_path, FIRST, lambda: 1, writing=False):
        pass
    assert list(tmp_path.iterdir()) == []
    assert read_sessions(tmp_path) == []


def test_a_killed_training_leaves_a_session_without_an_end(tmp_path: Path) -> None:
    """The next one begins a session of its own; a last line that was cut short is left out."""
    start = json.dumps({"event": "start"} | dataclasses.asdict(FIRST))
    (tmp_path / FILE).write_text(f"{start}\n{start}\n{start[:40]}")
    assert read_sessions(tmp_path) == [FIRST, FIRST]


@pytest.mark.parametrize(
    "line",
    [
        "[]", "7", "{}", '{"event": "start"}', '{"event": "end", "last_step": 3}',
        json.dumps({"event": "start"} | dataclasses.asdict(FIRST) | {"device": 7}),
        json.dumps({"event": "start"} | dataclasses.asdict(FIRST) | {"versions": {"jax": 12}}),
        json.dumps({"event": "start"} | dataclasses.asdict(FIRST) | {"first_step": "0"}),
        json.dumps({"event": "start"} | dataclasses.asdict(FIRST) | {"more": 1}),
    ],
)  # fmt: skip
def test_a_line_of_another_kind_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{line}\n{{}}\n")
    with pytest.raises(InputError, match=r"sessions\.jsonl: line 1 is not one of ours"):
        read_sessions(tmp_path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with (
        pytest.raises(InputError, match=r"sessions\.jsonl cannot be written"),
        recorded_session(tmp_path, FIRST, lambda: 1, writing=True),
    ):
        pass


def test_a_training_records_its_session(finished: Run) -> None:
    (session,) = read_sessions(finished.workdir)
    assert (session.first_step, session.last_step, session.devices) == (0, 6, 1)
    assert (session.processes, session.topology) == (1, "one_device")
    assert session.versions == versions()
    assert session.versions["jax"] == jax.__version__
    assert session.started <= str(session.ended) <= now()
