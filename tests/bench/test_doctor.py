"""The doctor: what is installed, the machine, and tests that see a broken installation."""

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from helpers.scripts import call

from alexnet_jax import ops
from alexnet_jax.bench import doctor
from alexnet_jax.bench.doctor import installation, machine, self_test


def test_extras_lack_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what an extra of a requirement needs; extras made of others are not listed."""
    required = {
        "alexnet_jax": ["jax>=0.10", 'numpy>=2; extra == "one"', 'nowhere<2,>=1; extra == "one"',
                        'jax[tpu]>=0.10; extra == "two"', 'optax; extra == "three"',
                        'alexnet_jax[one,two]; extra == "all"'],
        "jax": ["numpy", 'libnowhere==0.1.*; extra == "tpu"', 'other; extra == "cuda"'],
    }  # fmt: skip
    monkeypatch.setattr(importlib.metadata, "requires", required.get)
    found = installation.missing_by_extra("alexnet_jax")
    assert found == {"one": ["nowhere"], "two": ["libnowhere"], "three": []}
    text = doctor.describe_installation()["extras"]
    assert text == "complete: three; incomplete: one (no nowhere), two (no libnowhere)"


def test_a_package_on_the_path_alone_has_no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(package: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "requires", unknown)
    assert doctor.describe_installation()["extras"].startswith("unknown: the package is on the")


def test_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALEXNET_JAX_CACHE", "/somewhere")
    assert "ALEXNET_JAX_CACHE=/somewhere" in doctor.describe_installation()["environment"]


def test_the_disks_rate_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = doctor.disk_rate(tmp_path, images=4)
    assert text.startswith(f"{tmp_path}: ")
    assert "packed images/s" in text
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    assert doctor.disk_rate(tmp_path, images=4) == f"{tmp_path}: not measured, 0.0 GB are free"


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    test = doctor.self_tests()["LRN's gradient"]
    passed, text = test()
    assert passed, text

    @jax.custom_vjp
    def broken(x: jax.Array) -> jax.Array:
        return ops.plain.local_response_norm(x)

    broken.defvjp(lambda x: (broken(x), x), lambda x, dy: (dy,))
    monkeypatch.setattr(ops, "local_response_norm", broken)
    assert not test()[0]


def test_a_step_that_differs_is_found() -> None:
    """Two towers agree with one device; a gradient that is doubled, or no number, does not."""
    devices, values = self_test._step_on("one_device")
    assert (devices, self_test._finite((1, values))[0]) == (1, True)
    passed, text = self_test._step("two_towers", lambda: (1, values))
    assert passed, text
    assert text.startswith("2 devices, as on one: ")
    wrong = values | {"gradient/conv1/kernel": 2 * values["gradient/conv1/kernel"]}
    assert not self_test._step("two_towers", lambda: (1, wrong))[0]
    lost = values | {"loss": np.float32("nan")}
    assert not self_test._finite((1, lost))[0]


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Results of the self-tests, in place of running them."""
    tests: dict[str, Any] = {"one": lambda: (True, "fine")}
    monkeypatch.setattr(doctor, "self_tests", lambda: tests)
    monkeypatch.setattr(machine.disk_rate, "__defaults__", (2,))  # images
    return tests


def test_the_command_prints_a_screen(results: dict[str, Any], tmp_path: Path) -> None:
    result = call("doctor", "--disk", tmp_path)
    assert (result.status, result.err) == (0, "")
    assert max(map(len, result.lines)) <= 130
    assert len(result.lines) < 40
    titles = ("alexnet_jax", "Python", "packages", "extras", "devices", "memory", "cache", "disk")
    assert {line.split()[0] for line in result.lines} >= {*titles, "one"}
    results["alone"] = lambda: (None, "needs two devices, there is one")
    result = call("doctor", "--disk", tmp_path)
    assert (result.status, result.lines[-1].split()[1:3]) == (0, ["not", "run"])
    results["two"] = lambda: (False, "wrong")
    result = call("doctor", "--disk", tmp_path)
    assert result.status == 1
    assert result.lines[-1] == "failed: two"
