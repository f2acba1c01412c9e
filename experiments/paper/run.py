"""Test all claims of the paper: python experiments/paper/run.py --scale small

Prints one table. Variants shared by several claims are trained once. At the small scale, the runs
may not confirm a claim; the table says so. --only takes the names of scripts beside this one.
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
    """Split names at commas."""
    return tuple(text.split(","))


@dataclass(frozen=True)
class Options(claims_cli.Options):
    """Train every claim's variants from several seeds, and report which the runs confirm."""

    only: Annotated[tuple[str, ...] | None, option(listed, "NAME,NAME...", "all")] = None
    """Names of the claims to test."""


def claims() -> dict[str, Claim]:
    """Load the CLAIM of every script beside this one, by name."""
    paths = sorted(path for path in HERE.glob("*.py") if path.name != Path(__file__).name)
    return {path.stem: runpy.run_path(str(path))["CLAIM"] for path in paths}


def main(options: Options) -> None:
    known = claims()
    names = options.only or tuple(known)
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"unknown claim {unknown[0]!r}; there are {', '.join(known)}")
    claims_cli.run_claims(options, [known[name] for name in names])


if __name__ == "__main__":
    run(main, Options)
