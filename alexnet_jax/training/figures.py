"""Figures of a run, drawn with matplotlib."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from alexnet_jax.display import blank_figure, style
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
    for split, colour in (("train", style.GREY), ("test", style.RED)):
        points = [line for line in lines if line.get("split") == split]
        steps = [line["step"] for line in points]
        line: Style = {"color": colour, "label": split, "linewidth": 1.2}
        if split == "test":
            line = {"color": colour, "label": split, "marker": "o", "markersize": 4}
        axes[0].plot(steps, [one["loss"] for one in points], **line)
        axes[1].plot(steps, [100 * (1 - one["top1"]) for one in points], **line)
    axes[0].set(title="loss", xlabel="step", ylabel="cross-entropy (nats)", ylim=(0, None))
    axes[1].set(title="top-1 error", xlabel="step", ylabel="% wrong", ylim=(0, None))
    for axis in axes:
        style.open_frame(axis, grid=True)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.legend(frameon=False)
    figure.suptitle(title, fontsize=style.HEADING)
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

    Large kernels of colours are drawn as pictures, each scaled separately, with zero as grey: they
    show a kernel's pattern but not its magnitude. Others are drawn as the numbers that they are,
    of their first channel, on one scale of colours with white for zero.

    Args:
      kernel: [K, K, C, M].
      towers: number of towers; divides M.
      title: title of the figure.
    """
    side, _, _, maps = kernel.shape
    each = maps // towers
    columns = min(each, 16 if each > 32 else 8)
    rows = -(-each // columns)
    patterns = shows_patterns(kernel)
    figure = blank_figure(
        (columns * 0.55 + 0.4) * towers, rows * 0.55 + (0.8 if patterns else 1.15), wspace=0.08
    )
    panels = np.atleast_1d(figure.subplots(1, towers))
    largest = max(float(np.abs(kernel[:, :, 0]).max()), 1e-9)
    for tower, axis in enumerate(panels):
        own = kernel[..., tower * each : (tower + 1) * each]
        if patterns:
            axis.imshow(kernel_sheet(own, columns), vmin=0, vmax=1, interpolation="nearest")
        else:
            shown = axis.imshow(
                _number_sheet(own[:, :, 0], columns),
                cmap=style.DIVERGING,
                vmin=-largest,
                vmax=largest,
                interpolation="nearest",
            )
        style.no_ticks(axis)
        axis.spines[:].set_visible(False)
        if towers > 1:
            axis.set_title(f"tower {tower}", fontsize=style.TITLE)
    if not patterns:
        bar = figure.colorbar(shown, ax=panels.tolist(), location="bottom", shrink=0.4, aspect=40)
        bar.set_label(f"weight ({side} x {side} for each map)", fontsize=style.NOTE)
        bar.ax.tick_params(labelsize=style.NOTE)
    figure.suptitle(title, fontsize=style.HEADING)
    return figure


def _number_sheet(kernels: np.ndarray, columns: int) -> np.ndarray:
    """Lay out [K, K, M] in rows of `columns`; no number, drawn blank, between the kernels."""
    side, _, maps = kernels.shape
    rows = -(-maps // columns)
    sheet = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1), np.nan)
    for position in range(maps):
        top, left = (side + 1) * np.array(divmod(position, columns))
        sheet[top : top + side, left : left + side] = kernels[..., position]
    return sheet


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
