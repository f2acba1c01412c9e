"""What orbax leaves behind is dropped; every other error is told."""

import logging
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import pytest
import tensorstore

from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.checkpoints.orbax_log import COUNTERS, counters_unread, filter_orbax

# Where nothing can be raised: a loop that has been closed is called, a coroutine fails when it is
# gathered up, and so does an object of ours. Then a bug of ours.
CODE = """
import asyncio, sys
from alexnet_jax.checkpoints.orbax_log import quiet_orbax
if sys.argv[1] == "quiet":
    quiet_orbax()

loop = asyncio.new_event_loop()
loop.close()

class Late:
    def __del__(self):
        loop.call_soon_threadsafe(print)

class Ours:
    def __del__(self):
        raise RuntimeError("of our own")

async def failing():
    try:
        await asyncio.sleep(0)
    finally:
        raise OSError("of a damaged file")

Late(), Ours()
left = failing()
left.send(None)
del left
raise RuntimeError("a bug of ours")
"""


def told(how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE, how], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_only_what_is_orbaxs_is_dropped() -> None:
    """The word of a closed loop is asyncio's and uvloop's."""
    ours, bug = "RuntimeError: of our own", "RuntimeError: a bug of ours"
    theirs = ("RuntimeError: Event loop is closed", "OSError: of a damaged file")
    loud = told("loud")
    assert all(loud.count(line) == 1 for line in (*theirs, ours, bug))
    quiet = told("quiet")
    assert [quiet.count(line) for line in (*theirs, ours, bug)] == [0, 0, 1, 1]
    assert quiet.count("Traceback") == 2


READING = """
import sys
from pathlib import Path
import jax.numpy as jnp
from alexnet_jax.checkpoints import Checkpoints
tree = {"params": {f"w{k}": jnp.arange(300.0) + k for k in range(4)}}
with Checkpoints(Path(sys.argv[1])) as checkpoints:
    for step in (1, 2):
        checkpoints.save(step, tree, about={})
for file in (Path(sys.argv[1]) / "2").rglob("*"):
    if file.is_file() and (file.name == sys.argv[2] or file.parent.name == sys.argv[2]):
        file.write_bytes(file.read_bytes()[:-20])
with Checkpoints(Path(sys.argv[1])) as checkpoints:
    print(checkpoints.load_newest(lambda about: tree, lambda text: print(text))[0])
"""


@pytest.mark.parametrize("part", ["d", pytest.param("_METADATA", marks=pytest.mark.exhaustive)])
def test_a_library_that_reads_a_damaged_checkpoint_is_told_once(part: str, tmp_path: Path) -> None:
    """By the one message that it asked for: nothing is on standard error, without a command's
    settings."""
    done = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", READING, str(tmp_path), part],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    message, step = done.stdout.splitlines()
    assert message.startswith("checkpoint 2 cannot be read (")
    assert step == "1"


def test_messages_of_others_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Of loggers that orbax uses, too."""
    filter_orbax()
    for name in ("absl", "asyncio"):
        logging.getLogger(name).error("of ours")
        record = logging.LogRecord(name, logging.ERROR, "/x/orbax/y.py", 1, "theirs", (), None)
        logging.getLogger(name).handle(record)
    assert caplog.messages == ["of ours"] * 2


def test_no_counters_are_read_around_a_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are never freed. Nobody else is kept from them."""
    asked = []
    spy = lambda *names, **_: asked.append(names) or []  # noqa: E731
    monkeypatch.setattr(tensorstore, COUNTERS, spy)
    with Checkpoints(tmp_path / "steps") as checkpoints:
        checkpoints.save(1, {"params": {"w": jnp.zeros(3)}}, about={})
        checkpoints.wait()
        assert asked == []
        checkpoints.load(1, {"params": {"w": jnp.zeros(3)}})
    assert getattr(tensorstore, COUNTERS) is spy
    assert asked, "orbax no longer reads them: counters_unread can go"
    with counters_unread(), counters_unread():
        assert getattr(tensorstore, COUNTERS)("/") == []
    assert getattr(tensorstore, COUNTERS) is spy
