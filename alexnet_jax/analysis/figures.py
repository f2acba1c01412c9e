"""Figures of a trained network's predictions, attributions, maps and neighbours, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.display import blank_figure, style
from alexnet_jax.network import LRN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LEAST_DROP = 0.05  # of a probability, at the end of a scale of colours: less looks like nothing


def top_five_picture(
    images: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    labels: Sequence[int] | None = None,
) -> Figure:
    """Draw images with bars of their five most probable classes (paper, figure 4, left).

    Args:
      images: [B, S, S, C] uint8.
      probabilities: [B, classes].
      labels: classes of the images, named above them and set in bold; None where unknown.
    """
    columns = min(4, len(images))
    rows = -(-len(images) // columns)
    figure = blank_figure(2.3 * columns, 3.4 * rows, wspace=0.04)
    panels = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2, 1.2] * rows)
    for axes in panels.ravel():
        axes.set_axis_off()
    for number, (image, row) in enumerate(zip(images, probabilities, strict=True)):
        top, column = divmod(number, columns)
        label = None if labels is None else labels[number]
        shown, bars = panels[2 * top, column], panels[2 * top + 1, column]
        shown.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        if label is not None:
            shown.set_title(_shortened(class_names[label]), fontsize=style.TITLE)
        _bars(bars, row, class_names, label)
    return figure


def _bars(axes: Any, row: np.ndarray, class_names: Sequence[str], label: int | None) -> None:
    """Draw pale bars with names on them, in dark text, and probabilities at the right."""
    order = row.argsort(kind="stable")[::-1][:5]
    heights = np.arange(len(order))
    colours = [style.ROSE if index == label else style.PALE for index in order]
    axes.barh(heights, row[order], 0.86, color=colours)
    for height, index in zip(heights, order, strict=True):
        words = {"va": "center", "fontsize": style.LABEL, "color": "black"}
        words["weight"] = "bold" if index == label else "normal"
        axes.text(0.02, height, _shortened(class_names[index]), **words)
        axes.text(1, height, f"{row[index]:.0%}", ha="right", **words)
    axes.set(xlim=(0, 1), ylim=(4.5, -0.5))


def _shortened(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def norm_picture(image: np.ndarray, before: np.ndarray, after: np.ndarray, norm: LRN) -> Figure:
    """Draw the effect of local response normalization on the maps of one image.

    Panels from left to right: the image; the root mean square of all maps at each position, before
    and after, with one scale; and the responses of all maps at the position that the norm weakens
    most. Responses after the norm are multiplied by k^beta, so that small ones, which it leaves
    alone, look the same before and after.

    Args:
      image: [S, S, C] uint8.
      before, after: [H, W, M], input and output of the norm.
      norm: the layer, for its constants.
    """
    figure = blank_figure(12, 3.2, wspace=0.04)
    panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.7])
    panels[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    panels[0].set_title("image", fontsize=style.TITLE)
    scaled = after.astype(np.float64) * norm.k**norm.beta
    sizes = [np.sqrt(np.square(x.astype(np.float64)).mean(-1)) for x in (before, scaled)]
    largest = max(sizes[0].max(), 1e-9)
    for axes, size, when in zip(panels[1:3], sizes, ("before", "after"), strict=True):
        shown = axes.imshow(size, cmap=style.HEAT, vmin=0, vmax=largest)
        axes.set_title(f"all maps {when}", fontsize=style.TITLE)
    weaker = 1 - (sizes[1] / np.maximum(sizes[0], 1e-30)).min()
    panels[2].set_xlabel(f"at most {weaker:.1%} weaker", fontsize=style.LABEL)
    bar = figure.colorbar(shown, ax=panels[1:3].tolist(), fraction=0.046)
    bar.set_label("root mean square", fontsize=style.NOTE)
    bar.ax.tick_params(labelsize=style.NOTE)
    for axes in panels[:3]:
        style.no_ticks(axes)
    row, column = np.unravel_index((sizes[0] - sizes[1]).argmax(), sizes[0].shape)
    maps = np.arange(before.shape[-1])
    panels[3].bar(maps, before[row, column], 1, color=style.PALE, label="before")
    panels[3].bar(maps, scaled[row, column], 0.5, color=style.RED, label="after, times $k^\\beta$")
    panels[3].set_title(f"each map at row {row}, column {column}", fontsize=style.TITLE)
    panels[3].set_xlabel("map", fontsize=style.LABEL)
    panels[3].legend(frameon=False, fontsize=style.NOTE)
    style.open_frame(panels[3])
    constants = f"n={norm.n}, k={norm.k:g}, $\\alpha$={norm.alpha:g}, $\\beta$={norm.beta:g}"
    figure.suptitle(f"{norm.name}: {constants}", fontsize=style.HEADING)
    return figure


def attribution_picture(
    images: np.ndarray,
    drops: Sequence[np.ndarray],
    gradients: np.ndarray,
    titles: Sequence[str],
) -> Figure:
    """Draw each image beside the drops of its occlusion map and its guided gradient.

    Args:
      images: [B, H, W, C] uint8, cropped as the network saw them.
      drops: [rows, columns] for each image: the probability of its class minus
        `attribution.occlusion_map`; negative where covering helps.
      gradients: [B, H, W, C] of `attribution.class_gradients`.
      titles: titles of the images.
    """
    count = len(images)
    figure = blank_figure(8.4, 2.6 * count + 0.4, wspace=0.04)
    panels = figure.subplots(count, 3, squeeze=False, width_ratios=[1, 1.25, 1])
    for row, image, drop, gradient, title in zip(
        panels, images, drops, gradients, titles, strict=True
    ):
        row[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        row[0].set_title(title, fontsize=style.LABEL)
        largest = max(float(np.abs(drop).max()), LEAST_DROP)
        shown = row[1].imshow(drop, cmap=style.DIVERGING, vmin=-largest, vmax=largest)
        row[1].set_title("drop when covered there", fontsize=style.LABEL)
        bar = figure.colorbar(shown, ax=row[1], fraction=0.046)
        bar.set_label("drop of the probability", fontsize=style.NOTE)
        bar.ax.tick_params(labelsize=style.NOTE)
        steepest = np.abs(gradient).max()
        scaled = 0.5 + 0.5 * gradient / (steepest if steepest > 0 else 1)
        row[2].imshow(scaled.squeeze(), cmap="gray", vmin=0, vmax=1)
        row[2].set_title("guided gradient", fontsize=style.LABEL)
        for axes in row:
            style.no_ticks(axes)
    figure.suptitle("what of the picture the answer depends on", fontsize=style.HEADING)
    return figure


def patches_picture(
    patches: Sequence[Sequence[np.ndarray]],
    names: Sequence[str],
    title: str,
    values: Sequence[Sequence[float]] | None = None,
) -> Figure:
    """Draw a row for each map: the patches of images that it responds to most, strongest first.

    Args:
      patches: for each map, arrays [h, w, C] uint8 of any size.
      names: names of the maps.
      values: the response to each patch, written under it and drawn as a bar; full width is the
        largest response of all; None for none.
    """
    columns = max(map(len, patches))
    height = 0.95 if values is None else 1.15
    figure = blank_figure(0.95 * columns + 0.8, height * len(patches) + 0.5)
    panels = figure.subplots(len(patches), columns, squeeze=False)
    for row, images, name in zip(panels, patches, names, strict=True):
        for axes in row:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, patch in zip(row, images, strict=False):
            axes.imshow(patch.squeeze(), cmap="gray", vmin=0, vmax=255)
        row[0].set_ylabel(name, fontsize=style.NOTE, rotation=0, ha="right", va="center")
    if values is not None:
        largest = max(max(each) for each in values)
        for row, each in zip(panels, values, strict=True):
            for axes, value in zip(row, each, strict=False):
                axes.set_xlabel(f"{value:.3g}", fontsize=style.NOTE, labelpad=4)
                width = max(value, 0) / largest if largest > 0 else 0
                axes.plot(
                    [0, width],
                    [-0.03, -0.03],
                    color=style.BLUE,
                    lw=2.5,
                    clip_on=False,
                    solid_capstyle="butt",
                    transform=axes.transAxes,
                )
        words = f"below each part its response; a bar across a part is {largest:.3g}"
        figure.supxlabel(words, fontsize=style.LABEL)
    figure.suptitle(title, fontsize=style.TITLE)
    return figure


def tower_shares_picture(shares: dict[str, np.ndarray], title: str) -> Figure:
    """Draw, for each layer that reads both towers, the share of its input from each of them.

    Args:
      shares: energies [2, 2] or [2, 1] by name of the layer, from `tower_shares`.
    """
    figure = blank_figure(6.5, 0.62 * sum(e.shape[1] for e in shares.values()) + 1.3)
    axes = figure.subplots()
    names: list[str] = []
    for layer, energy in shares.items():
        for tower in range(energy.shape[1]):
            part = energy[:, tower] / energy[:, tower].sum()
            bar = len(names)
            labels = ("from tower 0", "from tower 1") if bar == 0 else (None, None)
            axes.barh(bar, part[0], color=style.TOWERS[0], label=labels[0])
            axes.barh(bar, part[1], left=part[0], color=style.TOWERS[1], label=labels[1])
            whole = energy.shape[1] == 1
            names.append(layer if whole else f"{layer}, tower {tower}")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xlabel="share of the energy of w * x")
    axes.axvline(0.5, color="white", linewidth=1)
    style.legend_below(figure, *axes.get_legend_handles_labels())
    style.open_frame(axes)
    figure.suptitle(title, fontsize=style.HEADING)
    return figure


def neighbour_sheet(
    rows: Sequence[Sequence[np.ndarray]], captions: Sequence[Sequence[str]], title: str
) -> Figure:
    """Draw a row for each query: the query first, then its nearest neighbours (paper, figure 4).

    Args:
      rows: [S, S, C] uint8 pictures, the query and its neighbours; as many in every row.
      captions: text under each picture, "" for none.
    """
    columns = len(rows[0])
    figure = blank_figure(columns * 1.25 + 0.5, len(rows) * 1.45 + 0.5)
    widths = [1.0, 0.25, *[1.0] * (columns - 1)]
    panels = figure.subplots(len(rows), columns + 1, squeeze=False, width_ratios=widths)
    for axes, pictures, texts in zip(panels, rows, captions, strict=True):
        axes[1].set_axis_off()  # a gap between the query and the rest
        for axis, picture, caption in zip([axes[0], *axes[2:]], pictures, texts, strict=True):
            axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
            style.no_ticks(axis)
            axis.set_xlabel(caption, fontsize=style.NOTE)
        for side in axes[0].spines.values():
            side.set(color=style.RED, linewidth=2)
    panels[0, 0].set_title("query", fontsize=style.LABEL, color=style.RED)
    if columns > 1:
        panels[0, 2].set_title("nearest first", fontsize=style.LABEL)
    figure.suptitle(title, fontsize=style.HEADING)
    return figure
