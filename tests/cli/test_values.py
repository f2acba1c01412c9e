"""Numbers and files of options: what is taken, and what is refused by the option's name."""

from pathlib import Path

import pytest

from alexnet_jax.cli.benchmark import parse
from alexnet_jax.cli.values import number, positive_number, whole_number, writable
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cores

PICTURES = (".png", ".svg")


def test_numbers() -> None:
    assert whole_number("--seeds", "-3") == -3
    assert number("--watts", "-2.5e1") == -25.0
    assert positive_number("--seconds", "0.5") == 0.5


@pytest.mark.parametrize("text", ["1.5", "", "many", "1e3"])
def test_no_whole_number(text: str) -> None:
    with pytest.raises(InputError, match=f"^--seeds must be a whole number, got {text!r}$"):
        whole_number("--seeds", text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "", "much"])
def test_no_finite_number(text: str) -> None:
    with pytest.raises(InputError, match=f"^--watts must be a finite number, got {text!r}$"):
        number("--watts", text)


@pytest.mark.parametrize("text", ["0", "-0.0", "-1", "nan", "inf", "", "long"])
def test_no_number_above_zero(text: str) -> None:
    with pytest.raises(InputError, match=f"^--seconds must be a number > 0, got {text!r}$"):
        positive_number("--seconds", text)


def test_files_that_can_be_written(tmp_path: Path) -> None:
    there = tmp_path / "there.svg"
    there.touch()
    assert writable("--json", "none", ()) is None
    assert writable("--json", str(tmp_path / "new"), ()) == tmp_path / "new"
    assert writable("--picture", str(there), PICTURES) == there


@pytest.mark.parametrize("name", ["a.txt", "a", "a.png.gz"])
def test_endings_that_are_not_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^--picture must end in .png, .svg, got "):
        writable("--picture", str(tmp_path / name), PICTURES)


@pytest.mark.parametrize("name", ["", "missing/a.png"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^--picture: cannot write "):
        writable("--picture", str(tmp_path / name), PICTURES)


def test_threads_are_those_there_are() -> None:
    parsed = [parse(["--threads", text], "").works[0].threads for text in ("all", "1")]
    assert parsed == [0, 1]
    for count in (0, cores() + 1):
        with pytest.raises(
            InputError, match=rf"^--threads must lie in 1 to {cores()}, got {count}$"
        ):
            parse(["--threads", str(count)], "")
