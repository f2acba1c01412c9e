"""What orbax leaves behind is dropped; every other error is told."""

import subprocess
import sys

# What a thread of C's calls where a loop has been closed, a coroutine that fails when it is
# gathered up, and a bug of ours.
CODE = """
import asyncio, sys
from alexnet_jax.quiet import quiet_orbax
if sys.argv[1] == "quiet":
    quiet_orbax()

loop = asyncio.new_event_loop()
loop.close()
try:
    loop.call_soon_threadsafe(print)
except RuntimeError:
    sys.excepthook(*sys.exc_info())

async def failing():
    try:
        await asyncio.sleep(0)
    finally:
        raise OSError("of a damaged file")

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
    """The loop's word is that of asyncio and of uvloop."""
    loud = told("loud")
    assert "Event loop is closed" in loud
    assert "of a damaged file" in loud
    quiet = told("quiet")
    assert quiet.startswith("Traceback")
    assert quiet.count("Traceback") == 1
    assert quiet.endswith("RuntimeError: a bug of ours\n")
