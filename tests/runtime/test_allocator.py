"""The C library's allocator, told to keep what is freed."""

import ctypes
import subprocess
import sys
from typing import Any

import pytest
from helpers.scripts import ROOT

from alexnet_jax import TrainConfig, architecture, training
from alexnet_jax.cli.commands import train
from alexnet_jax.training import memory
from alexnet_jax.training.job import Job

RUN: dict[str, Any] = {"name": "a", "data": "digits", "steps": 1}
# Page faults while a block of 40 MB is written and freed ten times.
CODE = """
import ctypes, resource, sys
from alexnet_jax.runtime.allocator import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    block = libc.malloc(40_000_000)
    ctypes.memset(block, 1, 40_000_000)
    libc.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Page faults that CODE counts."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc has it")
def test_a_block_is_cleared_once() -> None:
    """Ten times without the call, and hardly more than once with it."""
    assert faults("keep") < 0.2 * faults()


def test_memory_of_small_steps_alone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the networks for CIFAR-10, of `small` and `tiny`; not of `paper` at any size."""
    kept: list[str] = []
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: kept.append("kept"))
    for name in ("small", "tiny", "cifar_80sec", "cifar_19pct", "cifar_18pct", "cifar_13pct"):
        assert memory.keep_memory_of_small_steps(architecture(name), 128)
    assert memory.keep_memory_of_small_steps(architecture("cifar_11pct"), 128)
    assert memory.keep_memory_of_small_runs(TrainConfig(**RUN, preset="small"))
    assert memory.keep_memory_of_small_steps(architecture("small"), 512)  # in four parts
    prime = {**RUN, "preset": "small", "batch": 2 * 509}
    assert memory.keep_memory_of_small_runs(TrainConfig(**prime, accumulate=509))
    assert len(kept) == 10
    assert not memory.keep_memory_of_small_runs(TrainConfig(**RUN))
    assert not memory.keep_memory_of_small_steps(architecture("paper"), 1)
    assert not memory.keep_memory_of_small_steps(architecture("small"), 509)
    assert not memory.keep_memory_of_small_runs(TrainConfig(**prime))
    assert len(kept) == 10


def test_commands_keep_memory_and_the_library_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[TrainConfig] = []
    monkeypatch.setattr(training, "keep_memory_of_small_runs", kept.append)
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: pytest.fail("by the library"))
    config = TrainConfig(**RUN, preset="small", batch=16)
    Job.make(config)
    assert not kept
    monkeypatch.setattr(training, "fit", lambda *_, **__: None)
    train.main(train.Options("digits", steps=3))
    assert [config.steps for config in kept] == [3]
