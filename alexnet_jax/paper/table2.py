"""Table 2 of the paper beside the measurements of the reproduction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexnet_jax.data.sources import VALIDATION_PICTURES
from alexnet_jax.display import format_table
from alexnet_jax.paper.reproduction import Reproduction, measurement


@dataclass(frozen=True)
class Published:
    """Row of table 2: error rates in % on ILSVRC-2012, None where the paper gives none."""

    name: str
    networks: int
    top1: float | None
    top5: float | None
    top5_test: float | None
    pretrained: bool = False


# Paper, section 6, table 2.
PUBLISHED = (
    Published("SIFT + FVs", 0, None, None, 26.2),
    Published("1 CNN", 1, 40.7, 18.2, None),
    Published("5 CNNs", 5, 38.1, 16.4, 16.4),
    Published("1 CNN*", 1, 39.0, 16.6, None, pretrained=True),
    Published("7 CNNs*", 7, 36.7, 15.4, 15.3, pretrained=True),
)

NOTES = (
    "Errors in %, ten views. The paper's five were nets 131, 137, 145, 135 and 145 trained on all "
    "data; here one net, 145, from several seeds. * pre-trained on all of ImageNet, Fall 2011: no "
    "part of this plan. Labels of the test set of 2012 were never published."
)


def format_table2(asked: Reproduction) -> str:
    """Format the table with the errors of one network (mean and range over seeds) and of all.

    Raises:
      InputError: a file that does not contain an evaluation.
    """
    alone = [found for seed in asked.seeds if (found := measurement(asked.measured(seed)))]
    together = measurement(asked.measured(*asked.seeds)) if asked.networks > 1 else None
    heads = ("", "top-1, paper", "here", "top-5, paper", "here", "top-5 test, paper")
    lines = [heads]
    for row in PUBLISHED:
        ours = ["-", "-"]
        if row.networks == 1 and not row.pretrained and alone:
            ours = [_range([100 * (1 - one[name]) for one in alone]) for name in ("top1", "top5")]
        if row.networks == 5 and asked.networks == 5 and together:
            ours = [f"{100 * (1 - together[name]):.2f}" for name in ("top1", "top5")]
        cells = (_published(row.top1), ours[0], _published(row.top5), ours[1])
        lines.append((row.name, *cells, _published(row.top5_test)))
    if asked.networks not in (1, 5) and together:
        ours = [f"{100 * (1 - together[name]):.2f}" for name in ("top1", "top5")]
        lines.append((f"{asked.networks} networks", "-", ours[0], "-", ours[1], "-"))
    text = format_table(lines, left=1, rules=())
    counts = {found["images"] for found in alone}
    few = [count for count in counts if count != VALIDATION_PICTURES]
    warning = f"\nOn {few[0]:,} images, not ILSVRC-2012: no comparison." if few else ""
    return f"{text}\n\n{NOTES}{warning}"


def _published(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _range(values: Sequence[float]) -> str:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.2f}"
    return f"{mean:.2f} ({min(values):.2f} to {max(values):.2f})"
