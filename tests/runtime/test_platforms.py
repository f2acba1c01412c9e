"""Platforms that JAX_PLATFORMS asks for and that are not there: one line."""

import os
import subprocess
import sys

import jax
import pytest
from helpers.scripts import ROOT, assert_refused, call, start, wait

from alexnet_jax.runtime import require_platforms

ASK = """
import jax
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import require_platforms
try:
    with require_platforms():
        jax.devices()
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("cuda", ""),  # what jax says depends on whether its plugin is installed
        ("nonsense", "Backend 'nonsense' is not in the list of known backends: "),
        ("cpu,nonsense", "Backend 'nonsense' is not in the list of known backends: "),
    ],
)
def test_what_is_not_there_is_named_with_what_is(asked: str, reason: str) -> None:
    environment = os.environ | {"JAX_PLATFORMS": asked, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"JAX_PLATFORMS={asked} cannot be used: {reason}")
    assert done.stdout.endswith("; jax finds cpu here\n")


def test_a_command_ends_with_the_line() -> None:
    process = start("communication", "--preset", "small", platforms="nonsense")
    assert_refused(wait(process), "JAX_PLATFORMS=nonsense cannot be used")


def test_so_does_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose processes compute, and not itself."""
    monkeypatch.setenv("JAX_PLATFORMS", "nonsense")
    result = call("benchmark", "--preset", "small", "--batch", 1)
    assert result.status == 2
    assert result.err.startswith("error: JAX_PLATFORMS=nonsense cannot be used")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("error", [AssertionError("ours"), RuntimeError("Unable to do so")])
@pytest.mark.parametrize("asked", [None, "cpu"])
def test_other_errors_are_raised(error: Exception, asked: str | None) -> None:
    before = jax.config.jax_platforms
    jax.config.update("jax_platforms", asked)
    try:
        with pytest.raises(type(error), match=str(error)), require_platforms():
            raise error
    finally:
        jax.config.update("jax_platforms", before)
