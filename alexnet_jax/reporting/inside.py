"""Views into the networks: first kernels, norms by layer, one picture through the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alexnet_jax.errors import printable
from alexnet_jax.reporting.charts import layer_chart
from alexnet_jax.reporting.curves import Chart
from alexnet_jax.reporting.overview import percent
from alexnet_jax.reporting.pixels import data_uri, kernel_tiles, map_tiles, sheet
from alexnet_jax.reporting.subject import Subject
from alexnet_jax.reporting.through import Answer, answers
from alexnet_jax.reporting.weights_changed import LayerNorms, layer_norms, weighted_layers

_KERNEL_COLUMNS, _MAP_COLUMNS = 8, 8
_MOST_PROBABLE = 5


@dataclass(frozen=True)
class Picture:
    """Picture of the page: a data URI, its size in pixels, and texts beside and in place of it."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str

    @classmethod
    def of(cls, pixels: np.ndarray, alt: str, caption: str) -> Picture:
        """Create the picture of pixels [H, W, C] uint8."""
        return cls(data_uri(pixels), pixels.shape[1], pixels.shape[0], alt, caption)


@dataclass(frozen=True)
class Titled:
    """Titled group of pictures."""

    title: str
    pictures: tuple[Picture, ...]


def kernels(subject: Subject) -> list[Titled]:
    """Draw the first layer's kernels, a group for each tower: at the start, now, and the change.

    Empty if the run has no network, or its first layer with weights has no kernels to look at.
    """
    if subject.trained is None:
        return []
    name = weighted_layers(subject.trained)[0]
    kernel = np.asarray(subject.trained.params[name]["kernel"], np.float64)
    if kernel.ndim != 4:
        return []
    towers, now = subject.trained.architecture.towers, f"at step {subject.trained.step:,}"
    states = {now: kernel}
    if subject.initial is not None:
        began = np.asarray(subject.initial[name]["kernel"], np.float64)
        states = {"at the start": began, now: kernel, "the change": kernel - began}
    groups = []
    for tower, maps in enumerate(np.array_split(np.arange(kernel.shape[3]), towers)):
        whose = f"tower {tower}" if towers > 1 else "all"
        pictures = tuple(
            _kernels(values[..., maps], f"{name}, {whose}, {when}", subject.label, when)
            for when, values in states.items()
        )
        groups.append(Titled(f"Tower {tower}" if towers > 1 else f"{name}", pictures))
    return groups


def _kernels(kernel: np.ndarray, what: str, label: str, when: str) -> Picture:
    side, _, _, count = kernel.shape
    rms = float(np.sqrt(np.square(kernel).mean()))
    alt = f"{count} kernels of {side} by {side} pixels: {what}; {label}"
    pixels = sheet(kernel_tiles(kernel), _KERNEL_COLUMNS)
    return Picture.of(pixels, alt, f"{when[0].upper()}{when[1:]}, root mean square {rms:.3g}")


def norms(subject: Subject) -> list[LayerNorms]:
    """Return the norms of a run's layers, none without a network."""
    if subject.trained is None:
        return []
    return layer_norms(subject.trained, subject.initial)


def norm_charts(subjects: Sequence[Subject]) -> list[Chart]:
    """Draw the size of the weights by layer, and their change relative to the start."""
    found = {one.number: rows for one in subjects if (rows := norms(one))}
    layers = list(dict.fromkeys(row.layer for rows in found.values() for row in rows))
    if not layers:
        return []
    sizes = [(run, _sizes(rows)) for run, rows in found.items()]
    changes = [(run, _changes(rows)) for run, rows in found.items()]
    text = "Root mean square of the weights by layer, on a logarithmic axis"
    charts = [
        Chart("Size of the weights", layer_chart(
            "sizes", f"{text}. {_spoken(subjects, sizes)}", layers=layers, rows=sizes,
            unit="root mean square of a layer's weights",
        ))
    ]  # fmt: skip
    changes = [(run, values) for run, values in changes if values]
    if changes:
        text = "Norm of the change of the weights as a share of their norm at the start, by layer"
        charts.append(Chart("Change of the weights", layer_chart(
            "changes", f"{text}. {_spoken(subjects, changes)}", layers=layers, rows=changes,
            unit="norm of the change / norm at the start",
        )))  # fmt: skip
    return charts


def _sizes(rows: Sequence[LayerNorms]) -> dict[str, tuple[float, ...]]:
    """Return the values of the chart: at the start, where that is known, and now.

    Weights that are all 0 have no place on its axis.
    """
    if any(row.initial is None for row in rows):
        return {row.layer: (row.rms(row.kernel),) for row in rows if row.kernel}
    pairs = {row.layer: (row.rms(row.initial or 0.0), row.rms(row.kernel)) for row in rows}
    return {layer: pair for layer, pair in pairs.items() if all(pair)}


def _changes(rows: Sequence[LayerNorms]) -> dict[str, tuple[float, ...]]:
    return {row.layer: (row.change / row.initial,) for row in rows if row.change and row.initial}


def _spoken(
    subjects: Sequence[Subject], rows: Sequence[tuple[int, Mapping[str, tuple[float, ...]]]]
) -> str:
    """Say the last value of each layer, run by run."""
    parts = []
    for run, values in rows:
        each = ", ".join(f"{layer} {numbers[-1]:.3g}" for layer, numbers in values.items())
        parts.append(f"{subjects[run].label}: {each}")
    return "; ".join(parts)


@dataclass(frozen=True)
class Passage:
    """One picture of the test split on its way through a network.

    Attributes:
      image: the picture.
      layers: what each layer answers.
      probable: the most probable classes, (name, probability).
    """

    image: Picture
    layers: tuple[Picture, ...]
    probable: tuple[tuple[str, float], ...]


def passage(subject: Subject) -> Passage | None:
    """Show the first test image that the run classifies right, or else the first one.

    None without a network and its data.
    """
    if subject.trained is None or subject.dataset is None or subject.examination is None:
        return None
    found = subject.examination
    right = np.flatnonzero(found.answers == found.labels)
    row = int(right[0]) if len(right) else 0
    stored, words = subject.dataset.test.images[row], subject.trained.class_words
    name = printable(words[found.labels[row]])
    alt = f"Test image {row:,} as it is stored, of the class {name}"
    probabilities = subject.trained.probabilities(stored[None])[0]
    order = np.argsort(-probabilities, kind="stable")[:_MOST_PROBABLE]
    return Passage(
        image=Picture.of(stored, alt, f"Test image {row:,}: {name}"),
        layers=tuple(_maps(answers(subject.trained, stored), subject)),
        probable=tuple((printable(words[k]), float(probabilities[k])) for k in order),
    )


def _maps(found: Sequence[Answer], subject: Subject) -> Iterator[Picture]:
    for one in found:
        shape = " by ".join(map(str, one.shape))
        what = "all units" if not one.numbers else f"maps {', '.join(map(str, one.numbers))}"
        silent = f"; {percent(one.silent, 0)} of the values are 0" if one.silent else ""
        alt = f"Answer of {one.layer} to the picture: {what}; {subject.label}"
        pixels = sheet(map_tiles(one.maps), _MAP_COLUMNS)
        yield Picture.of(pixels, alt, f"{one.layer}, {shape}{silent}")
