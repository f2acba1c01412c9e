"""Configs that come with the package: their list, their text, and their place in a clone."""

import ast
import dataclasses
from pathlib import Path

import pytest
from helpers.scripts import EXPERIMENTS

from alexnet_jax.cli.configs import CONFIGS, config_names, load_config
from alexnet_jax.cli.program import main


def test_every_config_is_listed_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the first line of its file's docstring, and its own name."""
    main(["configs"])
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    files = {path.stem: path for path in CONFIGS.glob("*.py")}
    assert "digits" in files
    assert listed == {
        name: str(ast.get_docstring(ast.parse(path.read_text()))).splitlines()[0]
        for name, path in files.items()
    }
    assert list(listed) == config_names() == sorted(files)
    assert all(load_config(name).name == name for name in files)


def test_a_config_that_is_printed_starts_one_of_a_users_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["configs", "digits"])
    text = capsys.readouterr().out
    assert text == (CONFIGS / "digits.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace("steps=700", "steps=9"))
    expected = dataclasses.replace(load_config("digits"), steps=9)
    assert load_config(str(tmp_path / "mine.py")) == expected


def test_a_clone_shows_them_beside_the_scripts() -> None:
    shown, held = (
        {path.name: path.read_bytes() for path in folder.glob("*.py")}
        for folder in (EXPERIMENTS / "configs", CONFIGS)
    )
    assert shown == held
    assert load_config(str(EXPERIMENTS / "configs" / "digits.py")) == load_config("digits")
