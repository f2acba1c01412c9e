"""Pictures of what a trained network sees, as matplotlib figures."""

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
    """Images with the bars of their five likeliest classes (paper, figure 4, left).

    Args:
      images: [B, S, S, C] uint8.
      probabilities: [B, classes].
      labels: of the images, named above them, their bars red; None where unknown.
    """
    columns = min(4, len(images))
    rows = -(-len(images) // columns)
    figure = blank_figure(2.3 * columns, 3.4 * rows, wspace=0.04)
    panels = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2, 1.2] * rows)
    for axes in panels.ravel():
        axes.set_axis_off()
    for place, (image, row) in enumerate(zip(images, probabilities, strict=True)):
        top, column = divmod(place, columns)
        label = None if labels is None else labels[place]
        shown, bars = panels[2 * top, column], panels[2 * top + 1, column]
        shown.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        if label is not None:
            shown.set_title(_short(class_names[label]), fontsize=9)
        _bars(bars, row, class_names, label)
    return figure


def _bars(axes: Any, row: np.ndarray, class_names: Sequence[str], label: int | None) -> None:
    order = row.argsort(kind="stable")[::-1][:5]
    colours = [RIGHT if index == label else "#c9d3dc" for index in order]
    places = np.arange(len(order))
    axes.barh(places, row[order], 0.8, color=colours)
    for place, index in zip(places, order, strict=True):
        axes.text(0.02, place, _short(class_names[index]), va="center", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(4.5, -0.5))


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def norm_picture(image: np.ndarray, before: np.ndarray, after: np.ndarray, norm: LRN) -> Figure:
    """What local response normalization does to one image's maps.

    Left the image; then the energy of the responses, summed over maps, before and after; right
    the maps' responses at the place of the largest energy, scaled by k^beta, which alone would
    leave small responses as they are.

    Args:
      image: [S, S, C] uint8.
      before, after: [H, W, M] the norm's input and output.
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
    """Each image beside its class's probability with a square covered, and guided gradients.

    Args:
      images: [B, H, W, C] uint8, what the network saw of them.
      covered: of each, [rows, columns] of `analysis.attribution.occlusion_map`.
      gradients: [B, H, W, C] of `analysis.attribution.class_gradients`.
      titles: of the images.
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
    """A row a map: the parts of images that it answers to most, the strongest first.

    Args:
      patches: of each map, [h, w, C] uint8 of any size.
      names: of the maps.
    """
    columns = max(map(len, patches))
    figure = blank_figure(0.95 * columns + 0.8, 0.95 * len(patches) + 0.5)
    panels = figure.subplots(len(patches), columns, squeeze=False)
    for row, own, name in zip(panels, patches, names, strict=True):
        for axes in row:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, patch in zip(row, own, strict=False):
            axes.imshow(patch.squeeze(), cmap="gray", vmin=0, vmax=255)
        row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    figure.suptitle(title, fontsize=10)
    return figure


def meeting_picture(shares: dict[str, np.ndarray], title: str) -> Figure:
    """Of each layer that reads both towers, the share of its input from its own and the other.

    Args:
      shares: of `analysis.tower_shares.tower_shares`.
    """
    figure = blank_figure(6.5, 0.62 * sum(e.shape[1] for e in shares.values()) + 1.3)
    axes = figure.subplots()
    names, place = [], 0
    for layer, energy in shares.items():
        for tower in range(energy.shape[1]):
            part = energy[:, tower] / energy[:, tower].sum()
            axes.barh(place, part[0], color=RIGHT, label="from tower 0" if not place else None)
            axes.barh(
                place, part[1], left=part[0], color=PLAIN, label=None if place else "from tower 1"
            )
            whole = energy.shape[1] == 1
            names.append(layer if whole else f"{layer}, tower {tower}")
            place += 1
    axes.set_yticks(range(place), names)
    axes.set(xlim=(0, 1), ylim=(place - 0.4, -0.6), xlabel="share of the energy of w * x")
    axes.axvline(0.5, color="white", linewidth=1)
    axes.legend(
        frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.16 + 0.4 / place)
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    return figure


def neighbour_sheet(
    rows: Sequence[Sequence[np.ndarray]], captions: Sequence[Sequence[str]], title: str
) -> Figure:
    """Pictures and those nearest to them: a row for each, itself in the first column (figure 4).

    Args:
      rows: [S, S, C] uint8 pictures, the query and its neighbours, equally many in every row.
      captions: a line under each picture, "" for none.
    """
    columns = len(rows[0])
    figure = blank_figure(columns * 1.25 + 0.5, len(rows) * 1.45 + 0.5)
    widths = [1.0, 0.25, *[1.0] * (columns - 1)]
    panels = figure.subplots(len(rows), columns + 1, squeeze=False, width_ratios=widths)
    for axes, pictures, said in zip(panels, rows, captions, strict=True):
        axes[1].set_axis_off()  # a gap between the query and the rest
        for axis, picture, caption in zip([axes[0], *axes[2:]], pictures, said, strict=True):
            axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(caption, fontsize=7)
    figure.suptitle(title, fontsize=11)
    return figure
