"""Numbers and files of options: which texts are read, and how the others are refused."""

from pathlib import Path

import pytest

from alexnet_jax.cli.benchmark import parse
from alexnet_jax.cli.values import count, fraction, number, one_of, positive, whole, writable
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cores

PICTURES = (".png", ".svg")


def test_numbers() -> None:
    assert whole("-3") == -3
    assert count("1") == 1
    assert number("-2.5e1") == -25.0
    assert positive("0.5") == 0.5
    assert (fraction("0"), fraction("1")) == (0.0, 1.0)


@pytest.mark.parametrize("text", ["1.5", "", "many", "1e3"])
def test_no_whole_number(text: str) -> None:
    with pytest.raises(InputError, match=f"^must be a whole number, got {text!r}$"):
        whole(text)


def test_whole_numbers_out_of_range() -> None:
    with pytest.raises(InputError, match=r"^must be at least 1, got 0$"):
        count("0")
    for text in ("0", "4"):
        with pytest.raises(InputError, match=f"^must lie in 1 to 3, got {text}$"):
            whole(text, 1, 3)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "", "much"])
def test_no_finite_number(text: str) -> None:
    with pytest.raises(InputError, match=f"^must be a finite number, got {text!r}$"):
        number(text)


@pytest.mark.parametrize("text", ["0", "-0.0", "-1", "nan", "inf", "", "long"])
def test_no_number_above_zero(text: str) -> None:
    with pytest.raises(InputError, match=f"^must be a number > 0, got {text!r}$"):
        positive(text)


@pytest.mark.parametrize("text", ["-0.1", "1.01"])
def test_no_fraction(text: str) -> None:
    with pytest.raises(InputError, match=r"^must lie in \[0, 1\], got "):
        fraction(text)


def test_choices_are_read_as_what_they_are() -> None:
    assert one_of("10", (1, 10)) == 10
    with pytest.raises(InputError, match=r"^must be one of 1, 10, got '2'$"):
        one_of("2", (1, 10))


def test_files_that_can_be_written(tmp_path: Path) -> None:
    existing = tmp_path / "existing.svg"
    existing.touch()
    assert writable(str(tmp_path / "new")) == tmp_path / "new"
    assert writable(str(existing), PICTURES) == existing


@pytest.mark.parametrize("name", ["a.txt", "a", "a.png.gz"])
def test_endings_that_are_not_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^must end in .png, .svg, got "):
        writable(str(tmp_path / name), PICTURES)


@pytest.mark.parametrize("name", ["", "missing/a.png"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^must be a file that can be written, got "):
        writable(str(tmp_path / name), PICTURES)


def test_threads_are_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = [parse(["--threads", text], "").works[0].threads for text in ("all", "1")]
    assert parsed == [0, 1]
    for threads in (0, cores() + 1):
        with pytest.raises(SystemExit) as stop:
            parse(["--threads", str(threads)], "")
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert error == f"error: --threads must lie in 1 to {cores()}, got {threads}\n"
