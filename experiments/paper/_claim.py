"""Run the script of one claim."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _command import run_command


def run_claim(name: str) -> None:
    """Train a claim's variants, and report whether the runs confirm it."""
    run_command("claims", claim=name)


def run_claims() -> None:
    """Test every claim, or those of --only, and print one table."""
    run_command("claims")
