"""Weights that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

_DIRECTORY = Path(__file__).parent / "bundled"
BUNDLED: dict[str, Path] = {"tiny": _DIRECTORY / "tiny.safetensors"}
"""Files of this project with a model card beside each, FILE.md."""
DEFAULT = "tiny"
"""Network of the commands that are not told one."""
