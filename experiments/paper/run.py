"""All claims of the paper in one table: python experiments/paper/run.py --scale small

Variants that several claims look at are trained once. At the small scale a claim may not show:
the table says so. --only takes names of the scripts beside this one.
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli import claims as claims_cli
from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import option
from alexnet_jax.errors import InputError
from alexnet_jax.paper import Claim

HERE = Path(__file__).parent


def listed(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(text.split(","))


@dataclass(frozen=True)
class Options(claims_cli.Options):
    """Train every claim's variants from several seeds, and say which claims the runs show."""

    only: Annotated[tuple[str, ...] | None, option(listed, "NAME,NAME...", "all")] = None
    """Some of the claims."""


def claims() -> dict[str, Claim]:
    """The CLAIM of every script beside this one, by name."""
    paths = sorted(path for path in HERE.glob("*.py") if path.name != Path(__file__).name)
    return {path.stem: runpy.run_path(str(path))["CLAIM"] for path in paths}


def main(options: Options) -> None:
    there = claims()
    names = options.only or tuple(there)
    if unknown := [name for name in names if name not in there]:
        raise InputError(f"unknown claim {unknown[0]!r}; there are {', '.join(there)}")
    claims_cli.run_claims(options, [there[name] for name in names])


if __name__ == "__main__":
    run(main, Options)
