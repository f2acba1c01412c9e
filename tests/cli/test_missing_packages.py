"""A package that is not installed is one line that names the extra, status 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.scripts import EXPERIMENTS, ROOT, Result, Run, assert_refused, call, training

from alexnet_jax.cli import values
from alexnet_jax.data import registry


def without(package: str, script: str, *arguments: object) -> Result:
    """Runs a script in a process of its own, in which a package cannot be imported."""
    path = EXPERIMENTS / f"{script}.py"
    code = (
        "import runpy, sys\n"
        f"sys.modules[{package!r}] = None\n"
        f"sys.argv = {[str(path), *map(str, arguments)]!r}\n"
        f"sys.path.insert(0, {str(path.parent)!r})\n"
        f"runpy.run_path({str(path)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    return Result(done.returncode, done.stdout, done.stderr)


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if a package, and what has been imported of it, were not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)


def assert_told(result: Result, package: str, extra: str) -> None:
    assert_refused(result)
    assert result.err == (
        f"error: {package} is not installed: pip install 'alexnet_jax[{extra}]'\n"
    )


@pytest.mark.parametrize("script", ["train", "summary"])
def test_scripts_without_tyro(script: str) -> None:
    """Even `--help` needs it."""
    assert_told(without("tyro", script, "--help"), "tyro", "train")


def test_the_benchmark_needs_no_tyro() -> None:
    result = without("tyro", "benchmark", "--help")
    assert (result.status, result.err) == (0, "")


@pytest.mark.parametrize(
    ("package", "extra"), [("orbax", "train"), ("PIL", "train"), ("sklearn", "data")]
)
def test_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    hide(monkeypatch, package)
    registry._bundled.cache_clear()  # other tests may have loaded the digits already
    assert_told(call("train", *training(tmp_path / "run", 1)), package, extra)


def test_predicting(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "PIL")
    picture = ROOT / "docs" / "images" / "digit_3.png"
    assert_told(call("predict", finished.workdir, picture), "PIL", "train")


def test_drawing(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "matplotlib")
    result = call("look", finished.workdir, "--out", tmp_path)
    assert_told(result, "matplotlib", "plots")


def test_a_package_that_no_extra_brings_is_a_mistake_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError), values.mistakes_in_a_line():
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")
