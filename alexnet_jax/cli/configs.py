"""Configs that come with the package, by name, and those of users, by path."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import alexnet_jax
from alexnet_jax.errors import InputError, choices

if TYPE_CHECKING:
    from alexnet_jax.runs import TrainConfig

CONFIGS = Path(alexnet_jax.__file__).parent / "configs"


def config_names() -> list[str]:
    """List the names of the configs that come with the package."""
    return sorted(file.stem for file in CONFIGS.glob("*.py"))


def config_path(name: str) -> Path:
    """Return the file of a config, given by name or path.

    Raises:
      InputError: there is none.
    """
    path = Path(name)
    if not path.suffix:
        path = CONFIGS / f"{name}.py"
    if not path.is_file():
        advice = choices(name, config_names())
        raise InputError(f"unknown config {name!r}; {advice}, or give a path")
    if path.suffix != ".py":
        raise InputError(f"{path} is not a Python file with a CONFIG")
    return path


def config_title(name: str) -> str:
    """Return the first line of a config's docstring; the file is not run."""
    tree = ast.parse((CONFIGS / f"{name}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").split("\n")[0]


def load_config(name: str) -> TrainConfig:
    """Load the CONFIG of a file, given by name or path.

    Raises:
      InputError: there is no such file, it cannot be run, or it has no CONFIG.
    """
    from alexnet_jax.runs import TrainConfig

    path = config_path(name)
    try:
        config = runpy.run_path(str(path)).get("CONFIG")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (Exception, SystemExit) as error:  # the user's file may raise anything
        raise InputError(
            f"{path} is not a Python file that can be run: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, TrainConfig):
        raise InputError(f"{path} defines no CONFIG that is a TrainConfig")
    return config
