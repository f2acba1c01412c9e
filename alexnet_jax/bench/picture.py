"""Bar charts of the comparison with peers, and of the layers with their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alexnet_jax.display import blank_figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OURS, _PEERS = style.BLUE, (style.OCHRE, style.GREY)
_TITLES = {"train": "training", "infer": "inference"}


def comparison_picture(records: Sequence[dict[str, Any]]) -> Figure:
    """Draw a panel for training, one for inference, and one for each record with layers.

    Args:
      records: records of one network and several batches, from `report.race_record`.
    """
    layered = [record for record in records if "layers" in record]
    figure = blank_figure(11, 3.9 + 4.3 * len(layered))
    heights = [3.6, *(4.3 for _ in layered)]
    upper, *lower = figure.subfigures(1 + len(layered), 1, height_ratios=heights, squeeze=False)[
        :, 0
    ]
    first = records[0]
    title = f"{first['preset']} in {first['dtype']} on {first['device']}"
    figure.suptitle(title, fontsize=style.HEADING)
    for axes, mode in zip(upper.subplots(1, 2), _TITLES, strict=True):
        _rates(axes, records, mode)
    for part, record in zip(lower, layered, strict=True):
        _layers(part.subplots(), record)
    return figure


def _rates(axes: Axes, records: Sequence[dict[str, Any]], mode: str) -> None:
    """Draw images/s at every batch size, for this package and the best peer of each group.

    Above a bar stand its rate, and of a peer its time as a multiple of ours.
    """
    sides = ["ours", *dict.fromkeys(group for r in records for group in r[mode]["peers"])]
    width = 0.8 / len(sides)
    for bar, (side, colour) in enumerate(zip(sides, (_OURS, *_PEERS), strict=False)):
        label = side if side == "ours" else f"{records[0]['peer']} {side}"
        for at, record in enumerate(records):
            times = record[mode]["ours"] if side == "ours" else record[mode]["peers"].get(side)
            if times is None:
                continue
            rate, (slow, fast) = (
                record["batch"] / times["median_seconds"],
                (record["batch"] / seconds for seconds in reversed(times["quartiles_seconds"])),
            )
            x = at + (bar - (len(sides) - 1) / 2) * width
            axes.bar(x, rate, 0.94 * width, color=colour, label=label if at == 0 else None)
            axes.errorbar(x, rate, [[rate - slow], [fast - rate]], color=style.INK, capsize=3, lw=1)
            number = f"{rate:,.{0 if rate >= 100 else 1}f}"
            seconds = times["median_seconds"] / record[mode]["ours"]["median_seconds"]
            axes.annotate(
                number if side == "ours" else f"{number}\n{seconds:.2f} x",
                (x, fast),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=style.NOTE,
            )
    axes.set_xticks(range(len(records)), [f"batch {record['batch']}" for record in records])
    axes.set(title=_TITLES[mode], ylabel="images/s", xlim=(-0.7, len(records) - 0.3))
    axes.margins(y=0.15)
    style.open_frame(axes)
    axes.legend(
        title="x: time as a multiple of ours" if len(sides) > 1 else None,
        title_fontsize=style.LABEL,
        ncols=len(sides),
        frameon=False,
        fontsize=style.LABEL,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
    )


def _layers(axes: Axes, record: dict[str, Any]) -> None:
    """Draw each layer's time, forward and backward, and a line at its bound."""
    rows = [row for row in record["layers"] if not row["alternative"]]
    for shift, name, colour in ((-0.2, "forward", style.PALE), (0.2, "backward", _OURS)):
        present = [(at, row[name]) for at, row in enumerate(rows) if row[name] is not None]
        xs = [at + shift for at, _ in present]
        axes.bar(xs, [1e3 * one["seconds"] for _, one in present], 0.38, color=colour, label=name)
        axes.hlines(
            [1e3 * one["bound_seconds"] for _, one in present],
            [x - 0.19 for x in xs],
            [x + 0.19 for x in xs],
            color=style.INK,
            lw=2,
            label="bound by the roofline" if name == "forward" else "_",
        )
    names = [row["name"] for row in rows]
    axes.set_xticks(range(len(rows)), names, rotation=35, ha="right", fontsize=style.LABEL)
    axes.set(
        title=f"layers alone, batch {record['batch']}", ylabel="ms", xlim=(-0.7, len(rows) - 0.3)
    )
    style.open_frame(axes)
    axes.legend(frameon=False, fontsize=style.LABEL)
