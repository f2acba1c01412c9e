"""Figures of a trained network's predictions, attributions, maps and neighbours, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_jax.display import blank_figure
from alexnet_jax.network import LRN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIGHT, PLAIN = "#b5341b", "#5b7083"


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
      labels: classes of the images, named above them and with red bars; None where unknown.
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
            shown.set_title(_shortened(class_names[label]), fontsize=9)
        _bars(bars, row, class_names, label)
    return figure


def _bars(axes: Any, row: np.ndarray, class_names: Sequence[str], label: int | None) -> None:
    order = row.argsort(kind="stable")[::-1][:5]
    colours = [RIGHT if index == label else "#c9d3dc" for index in order]
    heights = np.arange(len(order))
    axes.barh(heights, row[order], 0.8, color=colours)
    for height, index in zip(heights, order, strict=True):
        axes.text(0.02, height, _shortened(class_names[index]), va="center", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(4.5, -0.5))


def _shortened(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def norm_picture(image: np.ndarray, before: np.ndarray, after: np.ndarray, norm: LRN) -> Figure:
    """Draw the effect of local response normalization on the maps of one image.

    Panels from left to right: the image; the energy of the responses, summed over maps, before and
    after; and the responses of all maps at the position of the largest energy. There the responses
    after the norm are multiplied by k^beta, so that small responses are nearly unchanged.

    Args:
      image: [S, S, C] uint8.
      before, after: [H, W, M], input and output of the norm.
      norm: the layer, for its constants.
    """
    figure = blank_figure(12, 3.2, wspace=0.04)
    panels = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.7])
    panels[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
    panels[0].set_title("image", fontsize=10)
    energies = [np.square(x.astype(np.float64)).sum(-1) for x in (before, after)]
    for axes, energy, when in zip(panels[1:3], energies, ("before", "after"), strict=True):
        axes.imshow(np.sqrt(energy), cmap="magma", vmin=0)
        axes.set_title(f"energy of all maps {when}", fontsize=10)
    for axes in panels[:3]:
        axes.set(xticks=[], yticks=[])
    row, column = np.unravel_index(energies[0].argmax(), energies[0].shape)
    maps = np.arange(before.shape[-1])
    panels[3].bar(maps, before[row, column], 1, color="#c9d3dc", label="before")
    scaled = after[row, column] * norm.k**norm.beta
    panels[3].bar(maps, scaled, 0.5, color=RIGHT, label="after, times $k^\\beta$")
    panels[3].set_title(f"all maps at row {row}, column {column}", fontsize=10)
    panels[3].set_xlabel("map", fontsize=9)
    panels[3].legend(frameon=False, fontsize=8)
    panels[3].spines[["top", "right"]].set_visible(False)
    constants = f"n={norm.n}, k={norm.k:g}, $\\alpha$={norm.alpha:g}, $\\beta$={norm.beta:g}"
    figure.suptitle(f"{norm.name}: {constants}")
    return figure


def attribution_picture(
    images: np.ndarray,
    covered: Sequence[np.ndarray],
    gradients: np.ndarray,
    titles: Sequence[str],
) -> Figure:
    """Draw each image beside its occlusion map and its guided gradient.

    Args:
      images: [B, H, W, C] uint8, cropped as the network saw them.
      covered: [rows, columns] of `attribution.occlusion_map` for each image.
      gradients: [B, H, W, C] of `attribution.class_gradients`.
      titles: titles of the images.
    """
    count = len(images)
    figure = blank_figure(7.4, 2.5 * count, wspace=0.04)
    panels = figure.subplots(count, 3, squeeze=False)
    for row, image, heat, gradient, title in zip(
        panels, images, covered, gradients, titles, strict=True
    ):
        row[0].imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        row[0].set_title(title, fontsize=9)
        shown = row[1].imshow(heat, cmap="viridis", vmin=0, vmax=max(heat.max(), 1e-6))
        row[1].set_title("probability where covered", fontsize=9)
        figure.colorbar(shown, ax=row[1], fraction=0.046)
        largest = np.abs(gradient).max()
        scaled = 0.5 + 0.5 * gradient / (largest if largest > 0 else 1)
        row[2].imshow(scaled.squeeze(), cmap="gray", vmin=0, vmax=1)
        row[2].set_title("guided gradient", fontsize=9)
        for axes in row:
            axes.set(xticks=[], yticks=[])
    return figure


def patches_picture(
    patches: Sequence[Sequence[np.ndarray]], names: Sequence[str], title: str
) -> Figure:
    """Draw a row for each map: the patches of images that it responds to most, strongest first.

    Args:
      patches: for each map, arrays [h, w, C] uint8 of any size.
      names: names of the maps.
    """
    columns = max(map(len, patches))
    figure = blank_figure(0.95 * columns + 0.8, 0.95 * len(patches) + 0.5)
    panels = figure.subplots(len(patches), columns, squeeze=False)
    for row, images, name in zip(panels, patches, names, strict=True):
        for axes in row:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, patch in zip(row, images, strict=False):
            axes.imshow(patch.squeeze(), cmap="gray", vmin=0, vmax=255)
        row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    figure.suptitle(title, fontsize=10)
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
            axes.barh(bar, part[0], color=RIGHT, label=labels[0])
            axes.barh(bar, part[1], left=part[0], color=PLAIN, label=labels[1])
            whole = energy.shape[1] == 1
            names.append(layer if whole else f"{layer}, tower {tower}")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xlabel="share of the energy of w * x")
    axes.axvline(0.5, color="white", linewidth=1)
    axes.legend(
        frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.16 + 0.4 / len(names))
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
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
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(caption, fontsize=7)
    figure.suptitle(title, fontsize=11)
    return figure
