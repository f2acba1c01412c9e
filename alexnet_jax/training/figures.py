"""Figures of a run, drawn with matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from alexnet_jax.display import blank_figure
from alexnet_jax.runs import Line

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


NO_PICTURES = (
    "matplotlib is not installed: no pictures will be drawn; "
    "pip install 'alexnet_jax[plots]' brings them"
)


def can_draw() -> bool:
    """Whether matplotlib is installed; does not import it."""
    return importlib.util.find_spec("matplotlib") is not None


class Style(TypedDict, total=False):
    """Arguments of matplotlib's `plot`."""

    color: str
    label: str
    marker: str
    markersize: float
    linewidth: float


def learning_curve(lines: Sequence[Line], title: str) -> Figure:
    """Draw loss and top-1 error over steps, for training batches and for the test split.

    Args:
      lines: lines of `metrics.jsonl`.
      title: title of the figure.
    """
    figure = blank_figure(9, 4)
    axes = figure.subplots(1, 2)
    for split, colour in (("train", "#9aa5b1"), ("test", "#b5341b")):
        points = [line for line in lines if line.get("split") == split]
        steps = [line["step"] for line in points]
        style: Style = {"color": colour, "label": split, "linewidth": 1.2}
        if split == "test":
            style = {"color": colour, "label": split, "marker": "o", "markersize": 4}
        axes[0].plot(steps, [line["loss"] for line in points], **style)
        axes[1].plot(steps, [100 * (1 - line["top1"]) for line in points], **style)
    axes[0].set(title="loss", xlabel="step", ylabel="cross-entropy (nats)", ylim=(0, None))
    axes[1].set(title="top-1 error", xlabel="step", ylabel="% wrong", ylim=(0, None))
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    figure.suptitle(title)
    return figure


def shows_patterns(kernel: np.ndarray) -> bool:
    """Whether kernels [K, K, C, M] are of colours and large enough to show an edge or a blob."""
    side, _, channels, _ = kernel.shape
    return bool(side >= 7 and channels == 3)


def kernel_sheet(kernel: np.ndarray, columns: int) -> np.ndarray:
    """Lay out kernels as one picture, `columns` in a row, each scaled separately, zero as grey.

    Args:
      kernel: [K, K, C, M].

    Returns:
      [H, W, C] in [0, 1], white between the kernels.
    """
    side, _, channels, maps = kernel.shape
    largest = np.abs(kernel).max((0, 1, 2), keepdims=True)
    pictures = 0.5 + 0.5 * kernel / np.where(largest > 0, largest, 1)
    rows = -(-maps // columns)
    sheet = np.ones((rows * (side + 1) - 1, columns * (side + 1) - 1, channels))
    for position in range(maps):
        top, left = (side + 1) * np.array(divmod(position, columns))
        sheet[top : top + side, left : left + side] = pictures[..., position]
    return sheet


def conv1_kernels(kernel: np.ndarray, towers: int, title: str) -> Figure:
    """Draw the first layer's kernels, each tower's in its own panel (paper, figure 3).

    Each kernel is scaled separately, with zero as grey, so the pictures show a kernel's pattern but
    not its magnitude.

    Args:
      kernel: [K, K, C, M], drawn in colour if C = 3, else its first channel in grey.
      towers: number of towers; divides M.
      title: title of the figure.
    """
    side, _, channels, maps = kernel.shape
    shown = kernel if channels == 3 else kernel[:, :, :1]
    largest = np.abs(shown).max((0, 1, 2), keepdims=True)
    pictures = 0.5 + 0.5 * shown / np.where(largest > 0, largest, 1)
    each = maps // towers
    columns = min(each, 16 if each > 32 else 8)
    rows = -(-each // columns)
    figure = blank_figure((columns * 0.55 + 0.4) * towers, rows * 0.55 + 0.9, wspace=0.08)
    panels = np.atleast_1d(figure.subplots(1, towers))
    for tower, axis in enumerate(panels):
        sheet = np.ones((rows * (side + 1) - 1, columns * (side + 1) - 1, shown.shape[2]))
        for position in range(each):
            top, left = (side + 1) * np.array(divmod(position, columns))
            sheet[top : top + side, left : left + side] = pictures[..., tower * each + position]
        axis.imshow(sheet.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        if towers > 1:
            axis.set_title(f"tower {tower}", fontsize=10)
    figure.suptitle(title, fontsize=11)
    return figure


def save_run(
    workdir: Path,
    title: str,
    lines: Sequence[Line],
    kernel: np.ndarray,
    towers: int,
    steps: int,
) -> None:
    """Save a run's learning_curve.png and conv1_kernels.png, if matplotlib is installed."""
    if not can_draw():
        return
    learning_curve(lines, title).savefig(workdir / "learning_curve.png", dpi=120)
    heading = f"{title}: conv1 kernels after {steps:,} steps"
    conv1_kernels(kernel, towers, heading).savefig(workdir / "conv1_kernels.png", dpi=150)
