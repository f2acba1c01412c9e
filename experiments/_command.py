"""Run the command of a script, or say in one line that this Python lacks the package.

The scripts and the installed command `alexnet-jax` run the same functions.
"""

from __future__ import annotations

import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]


def run_command(name: str, **fixed: str) -> None:
    """Run a command of the package on the words after the script's name."""
    try:
        from alexnet_jax.cli import program
    except ModuleNotFoundError as error:
        print(
            f"error: {error.name} is not installed for {sys.executable}: in {CLONE}, "
            "pip install '.[train,data,plots]', or make train and then .venv/bin/python",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    program.run_command(name, sys.argv[1:], **fixed)
