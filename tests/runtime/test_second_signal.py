"""The second signal ends a process at once, whatever it does; GPUs that repeat themselves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from alexnet_jax import InputError
from alexnet_jax.runtime.determinism import make_deterministic
from alexnet_jax.runtime.signals import Signals, cleaned_up_at_sigterm

# One call into C that takes minutes: Python runs no handler before it returns.
BUSY = """
import hashlib
from alexnet_jax.runtime.signals import Signals
with Signals() as signals:
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 200_000_000)
"""


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ((signal.SIGTERM, signal.SIGTERM), 143),
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM, signal.SIGINT), 130),
    ],
)
def test_the_second_signal_ends_it_at_once(numbers: tuple[int, ...], status: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(numbers[0])
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(numbers[1])
        assert process.wait(30) == status
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_noted_and_things_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number), signal.set_wakeup_fd(-1)
    with Signals() as signals:
        assert signals.stopping(1) is None
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 30
        while signals.stopping(1) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert signals.stopping(1) is number
    assert (signal.getsignal(number), signal.set_wakeup_fd(-1)) == before


@pytest.mark.parametrize("handling", [Signals, cleaned_up_at_sigterm])
def test_a_process_under_nohup_takes_no_notice_of_its_terminal(
    handling: Callable[[], AbstractContextManager[object]],
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handling():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_temporary_files_are_removed_when_the_terminal_is_closed() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(SystemExit) as stop, cleaned_up_at_sigterm():
        signal.raise_signal(signal.SIGHUP)
    assert stop.value.code == 129
    assert signal.getsignal(signal.SIGHUP) == before


def test_other_signals_do_not_count() -> None:
    """Those that Python handles, too, as a resized window's."""
    code = """
import os, signal, time
from alexnet_jax.runtime.signals import Signals
signal.signal(signal.SIGUSR1, lambda *_: None)
with Signals() as signals:
    for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGTERM, signal.SIGUSR1):
        os.kill(os.getpid(), number)
    time.sleep(1)
print(signals.stopping(1).name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "SIGTERM\n"), done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "--xla_gpu_deterministic_ops=true"),
        ("", "--xla_gpu_deterministic_ops=true"),
        ("--xla_a=1  --xla_b", "--xla_a=1 --xla_b --xla_gpu_deterministic_ops=true"),
        ("--xla_gpu_deterministic_ops", "--xla_gpu_deterministic_ops"),
        ("--xla_gpu_deterministic_ops=true --x", "--xla_gpu_deterministic_ops=true --x"),
        ("--xla_gpu_deterministic_ops=1", "--xla_gpu_deterministic_ops=1"),
    ],
)
def test_deterministic_adds_to_the_flags(before: str | None, after: str) -> None:
    environment = {} if before is None else {"XLA_FLAGS": before}
    make_deterministic(environment)
    assert environment == {"XLA_FLAGS": after}


@pytest.mark.parametrize("value", ["false", "0"])
def test_deterministic_against_the_flags(value: str) -> None:
    environment = {"XLA_FLAGS": f"--xla_gpu_deterministic_ops={value}"}
    with pytest.raises(InputError, match=f"holds --xla_gpu_deterministic_ops={value}"):
        make_deterministic(environment)


def test_xla_takes_the_flag_on_a_cpu() -> None:
    """An unknown one would end the process."""
    environment = dict(os.environ) | {"JAX_PLATFORMS": "cpu"}
    make_deterministic(environment)
    code = "import jax; print(jax.devices()[0].platform)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "cpu\n", done.stderr
