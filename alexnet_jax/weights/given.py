"""Arguments of commands that take a network, by default one that comes along, and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alexnet_jax.data import STANDARD_INPUT, SUFFIXES
from alexnet_jax.errors import InputError
from alexnet_jax.weights.bundled import DEFAULT
from alexnet_jax.weights.kinds import kind_of


def network_and_pictures(given: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Split arguments into the network and the pictures.

        (runs/digits, a.png, b.png)  ->  runs/digits, (a.png, b.png)
        (a.png, b.png)               ->  tiny,        (a.png, b.png)

    The first one names the network unless it is a picture: standard input, a directory of pictures
    that is no workdir, a file that contains no weights, or anything with a picture's ending.
    """
    if not given or is_picture(given[0]):
        return DEFAULT, tuple(given)
    return given[0], tuple(given[1:])


def is_picture(text: str) -> bool:
    """Whether an argument stands for pictures, and not for a network."""
    path = Path(text)
    if text == STANDARD_INPUT or path.suffix.lower() in SUFFIXES:
        return True
    if path.is_dir():
        names = [entry.name for entry in path.iterdir()]
        workdir = "config.json" in names or "checkpoints" in names
        return not workdir and any(Path(name).suffix.lower() in SUFFIXES for name in names)
    return path.is_file() and not _contains_weights(path)


def _contains_weights(path: Path) -> bool:
    try:
        kind_of(path)
    except InputError:
        return False
    return True
