"""One process at a time writes to a directory; its end, however it comes, lets the next one in."""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers.pictures import source
from helpers.scripts import assert_refused, contents, train

from alexnet_jax.data.prepare import packing, preparation
from alexnet_jax.errors import InputError
from alexnet_jax.runtime.locks import LOCK, hold, open_locked

HOLDING = """
import sys, time
from pathlib import Path
from alexnet_jax.runtime.locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


def test_one_holds_a_directory_and_its_end_frees_it(tmp_path: Path) -> None:
    """The message names who holds it; nothing of the lock remains."""
    with hold(tmp_path):
        holder = f"process {os.getpid()} on {socket.gethostname()}, since "
        with pytest.raises(InputError, match=f"{tmp_path} is in use by {re.escape(holder)}"):
            hold(tmp_path).__enter__()
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]
    assert not list(tmp_path.iterdir())
    with pytest.raises(ZeroDivisionError), hold(tmp_path):
        raise ZeroDivisionError
    with hold(tmp_path):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"in use by process {child.pid} on "):
            hold(tmp_path).__enter__()
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.communicate()
    assert f"process {child.pid}" in (tmp_path / LOCK).read_text()
    with hold(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / LOCK).read_text()
        assert str(child.pid) not in (tmp_path / LOCK).read_text()


def test_who_waits_opens_the_file_anew(tmp_path: Path) -> None:
    """The one before has renamed the file; writing to it then would change what it has made."""
    path, waiting, opened = tmp_path / "file", threading.Event(), list[int]()

    def second() -> None:
        with open_locked(path, wait=waiting.set) as file:
            opened.append(os.fstat(file.fileno()).st_ino)

    thread = threading.Thread(target=second)
    with open_locked(path) as file:
        thread.start()
        assert waiting.wait(30)
        first = os.fstat(file.fileno()).st_ino
        path.rename(tmp_path / "made")
    thread.join(30)
    assert opened == [path.stat().st_ino]
    assert opened != [first]


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with hold(tmp_path), hold(tmp_path):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"note: files in {tmp_path} cannot be locked; see to it that no other process "
                     "writes there"] * 2  # fmt: skip


@pytest.mark.parametrize("fresh", [(), ("--fresh",)], ids=["resumed", "fresh"])
def test_a_second_training_changes_nothing(fresh: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / name).write_text("of the first")
    with hold(tmp_path):
        before = contents(tmp_path)
        assert_refused(train(tmp_path, 6, *fresh), f"{tmp_path} is in use by process {os.getpid()}")
        assert contents(tmp_path) == before


def test_a_second_preparation_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "drawn").mkdir()
    with hold(tmp_path / "drawn"), pytest.raises(InputError, match="drawn is in use by process"):
        preparation.prepare(source(4, 2), tmp_path, workers=1)
    assert not list((tmp_path / "drawn").iterdir())
    preparation.prepare(source(4, 2), tmp_path, workers=1)
    with hold(tmp_path / "drawn"), pytest.raises(InputError, match="drawn is in use by process"):
        packing.pack("drawn", tmp_path, workers=1)
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["1.0.0"]


def test_an_import_is_kept_out_of_a_workdir_that_another_fills(tmp_path: Path) -> None:
    from alexnet_jax.weights.to_workdir import require_empty_workdir, save_workdir

    with hold(tmp_path):
        require_empty_workdir(tmp_path)  # a lock is no content
        with pytest.raises(InputError, match="in use by process"):
            save_workdir(None, tmp_path)  # type: ignore[arg-type]
