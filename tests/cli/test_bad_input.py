"""A command line that cannot be used is one line on standard error, status 2, and no directory."""

from pathlib import Path
from typing import Any

import pytest
from helpers.bad_lines import COMMANDS, CONFIGS, OPTIONS, SETTINGS
from helpers.scripts import NARROW, assert_refused, call, contents


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a file and a directory that is no run's."""
    (tmp_path / "run").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_refused_in(place: Path, script: str, *arguments: Any, parts: list[str]) -> None:
    before = contents(place)
    result = call(script, *arguments)
    assert_refused(result, *parts)
    assert "Traceback" not in result.err
    assert contents(place) == before


@pytest.mark.parametrize(("options", "parts"), OPTIONS, ids=[line for line, _ in OPTIONS])
def test_options_of_train(place: Path, options: str, parts: list[str]) -> None:
    """Should one be accepted, a step of a narrow network shows it."""
    arguments = (*options.split(), "--set", "steps=1", *NARROW)
    assert_refused_in(place, "train", "digits", *arguments, parts=parts)


@pytest.mark.parametrize(("setting", "parts"), SETTINGS, ids=[text for text, _ in SETTINGS])
def test_settings_of_train(place: Path, setting: str, parts: list[str]) -> None:
    arguments = ("--steps", 1, "--set", *NARROW, setting)
    assert_refused_in(place, "train", "digits", *arguments, parts=parts)


@pytest.mark.parametrize(("text", "parts"), CONFIGS.values(), ids=CONFIGS)
def test_configs_of_train(place: Path, text: bytes, parts: list[str]) -> None:
    (place / "my.py").write_bytes(text)
    assert_refused_in(place, "train", "my.py", parts=parts)


@pytest.mark.parametrize(("command", "parts"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_commands(place: Path, command: str, parts: list[str]) -> None:
    assert_refused_in(place, *command.split(), parts=parts)


@pytest.mark.parametrize("columns", ["40", "200"])
def test_what_is_wrong_is_shown_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """However narrow the terminal and however long the word."""
    monkeypatch.setenv("COLUMNS", columns)
    option = "--an-option-that-is-longer-than-any-terminal-is-wide-" + "x" * 100
    assert_refused_in(place, "train", "digits", option, parts=[option])
    assert_refused_in(place, "train", "digits", "--stepz", "6", parts=["--stepz", "--steps"])
