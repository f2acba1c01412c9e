"""Output that is closed, full, or read by nobody; the first second of a command, interrupted."""

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.scripts import ROOT, Run, measurements, settings_restored, training

from alexnet_jax.cli import program
from alexnet_jax.cli.streams import standard_streams

FULL = Path("/dev/full")  # a device on which every write finds no room
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
WAITING = """
import signal
import time
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs without
from alexnet_jax.cli.ending import end_at_interrupt
with end_at_interrupt():
    print("ready", flush=True)
    time.sleep(300)
"""


class Failing(io.StringIO):
    """A stream of which every write fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number, self.writes = number, 0

    def write(self, text: str) -> int:
        self.writes += 1
        raise OSError(self._number, os.strerror(self._number))


def ended(command: str, *arguments: str) -> tuple[int, str]:
    """Exit status and standard error of a shell command about the installed program."""
    done = subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_a_reader_that_closes_early_is_no_error() -> None:
    status, err = ended('"$1" -m alexnet_jax --help | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}')
    assert (status, err) == (0, "")


@needs_full
def test_a_full_output_is_an_error_in_a_line() -> None:
    assert ended('"$1" -m alexnet_jax --help >/dev/full') == (
        2,
        f"error: standard output cannot be written ({os.strerror(errno.ENOSPC)})\n",
    )


@pytest.mark.parametrize(("closed", "line"), [("<&- >&-", True), ("<&- >&- 2>&-", False)])
def test_closed_streams_take_no_file_in(closed: str, line: bool) -> None:
    """Else the first file that is opened gets the number of standard output, and all is printed
    into it."""
    status, err = ended(f'"$1" -m alexnet_jax unknown {closed}')
    assert (status, err.count("\n")) == (2, int(line))
    code = (
        "import os, sys\n"
        "from alexnet_jax.cli.streams import standard_streams\n"
        "with standard_streams(optional=False):\n"
        "    print('to nobody', flush=True); print('to nobody', file=sys.stderr, flush=True)\n"
        "    sys.exit(os.open(os.devnull, os.O_RDONLY) + (sys.stdin.read() == ''))"
    )
    assert ended(f'"$1" -c "$2" {closed}', code)[0] == 4


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(errno.EPIPE, 0, ""), (errno.ENOSPC, 2, "error: standard output cannot be written (")],
)
def test_output_that_is_all_there_is(
    number: int, status: int, said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    stream = Failing(number)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as stop, standard_streams(optional=False):
        print("text")
    assert stop.value.code == status
    assert stream.writes == 1
    assert sys.stdout is stream
    err = capsys.readouterr().err
    assert err.startswith(said)
    assert err.count("\n") == bool(said)


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC, errno.EIO])
def test_output_beside_files_is_done_without(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(number))
    with standard_streams(optional=True):
        for _ in range(3):
            print("text", flush=True)
    assert capsys.readouterr().err == (
        f"note: standard output cannot be written ({os.strerror(number)}); going on without it\n"
    )


def test_a_failed_command_keeps_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where what it printed before cannot be written in the end."""

    class Buffered(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "full")

    def fail() -> None:
        print("text")
        print("error: one line", file=sys.stderr)
        raise SystemExit(7)

    monkeypatch.setattr(sys, "stdout", Buffered())
    with pytest.raises(SystemExit) as stop, standard_streams(optional=False):
        fail()
    assert stop.value.code == 7
    assert capsys.readouterr().err == "error: one line\n"


@needs_full
def test_a_training_goes_on_without_its_output(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """To the same end as one whose output is read."""
    with FULL.open("w") as stream, settings_restored():
        monkeypatch.setattr(sys, "stdout", stream)
        program.run_command("train", training(tmp_path / "run", 6))
    err = capsys.readouterr().err
    assert err.startswith("note: standard output cannot be written")
    assert err.count("\n") == 1
    assert measurements(tmp_path / "run")[-1] == finished.measured[-1]


def test_an_interrupt_among_imports_is_one_line() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "\ninterrupted\n")


def test_text_that_cannot_be_encoded_is_escaped() -> None:
    """A file's name may be any bytes, and a locale may lack letters of a class's name."""
    code = (
        "from alexnet_jax.cli.streams import standard_streams\n"
        "with standard_streams(optional=False):\n"
        "    print('caf\\u00e9', '\\udcc3')"
    )
    for encoding, printed in (
        ("ascii", b"caf\\xe9 \\udcc3\n"),
        ("utf-8", b"caf\xc3\xa9 \\udcc3\n"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=60,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, printed), done.stderr
