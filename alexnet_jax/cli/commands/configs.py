"""List the configs that come with the package, or print one to start your own from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.configs import config_names, config_path, config_title
from alexnet_jax.cli.options import Positional, option


@dataclass(frozen=True)
class Options:
    """List the configs that train takes; with NAME, print that file: configs digits > my.py"""

    name: Positional[Annotated[str | None, option(str, "NAME", "list all")]] = None
    """Name of a config to print."""


def main(options: Options) -> None:
    if options.name is not None:
        print(config_path(options.name).read_text(encoding="utf-8"), end="")
        return
    names = config_names()
    width = max(map(len, names))
    for name in names:
        print(f"{name:{width}}  {config_title(name)}")


command = partial(run, main, Options)
