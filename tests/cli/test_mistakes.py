"""What a command makes of an exception: a line on standard error, and the promised status."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from alexnet_jax.cli.command import run
from alexnet_jax.cli.values import mistakes_in_a_line
from alexnet_jax.errors import InputError
from alexnet_jax.runtime.signals import Interrupted


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


def ended(function: Callable[[], object]) -> object:
    """The status that the function ends a command with."""
    with pytest.raises(SystemExit) as stopped, mistakes_in_a_line():
        function()
    return stopped.value.code


def test_a_file_that_cannot_be_opened_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing"
    assert ended(missing.read_bytes) == 2
    assert capsys.readouterr().err == f"error: No such file or directory ({missing})\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("one\n  two"), "error: one two\n"),
        (OSError("no name, no number"), "error: no name, no number\n"),
        (
            ModuleNotFoundError("gone", name="pyarrow.lib"),
            "error: pyarrow is not installed: pip install 'alexnet_jax[parquet]'\n",
        ),
    ],
    ids=["input", "system", "package"],
)
def test_a_mistake_is_one_line(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(raising(error)) == 2
    assert capsys.readouterr().err == line


def test_an_interrupt_ends_with_130() -> None:
    assert ended(raising(KeyboardInterrupt())) == 130


@pytest.mark.parametrize("error", [ValueError("ours"), ModuleNotFoundError("x", name="no_such")])
def test_what_is_no_users_mistake_is_raised(error: Exception) -> None:
    with pytest.raises(type(error)), mistakes_in_a_line():
        raising(error)()


@dataclass(frozen=True)
class Nothing:
    """Options of a command that takes none."""


def test_a_stopped_run_ends_with_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.setattr("alexnet_jax.checkpoints.quiet_orbax", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        run(raising(Interrupted("stopped by SIGTERM", 143)), Nothing)
    assert stopped.value.code == 143
    assert capsys.readouterr().err == "\nstopped by SIGTERM\n"
