"""Pictures of runs, drawn once for all runs of the same form."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from alexnet_jax.runs import Line
from alexnet_jax.training import figures
from alexnet_jax.training.figures import can_draw
from alexnet_jax.training.figures import save_run as draw

Form = tuple[object, ...]
NAMES = ("learning_curve.png", "conv1_kernels.png")

_drawn: dict[Form, dict[str, bytes]] = {}


def _form(lines: Sequence[Line], kernel: np.ndarray, towers: int) -> Form:
    """All on which it depends how a picture is drawn, and not only what it shows."""
    losses = np.array([line["loss"] for line in lines if "loss" in line])
    splits = frozenset(line.get("split") for line in lines)
    finite = bool(np.isfinite(losses).all() and np.isfinite(kernel).all())
    return (kernel.shape, towers, splits, len(losses) > 1, finite)


def save_run(
    workdir: Path, title: str, lines: Sequence[Line], kernel: np.ndarray, towers: int, steps: int
) -> None:
    """The pictures of a run, or those of another one of the same form."""
    form = _form(lines, kernel, towers)
    if not can_draw() or form not in _drawn:
        draw(workdir, title, lines, kernel, towers, steps)
        if can_draw():
            _drawn[form] = {name: (workdir / name).read_bytes() for name in NAMES}
        return
    for name, content in _drawn[form].items():
        (workdir / name).write_bytes(content)


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """Lets all runs of a session, and the scripts called in it, share their pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "save_run", save_run)
        yield
