"""The page: one HTML file with all that runs have recorded and their networks have learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet_jax.network import Architecture
from alexnet_jax.network import rows as layer_rows
from alexnet_jax.reporting import answered, crossing, curves, inside, overview
from alexnet_jax.reporting.charts import SIGNS
from alexnet_jax.reporting.settings import settings
from alexnet_jax.reporting.subject import Subject
from alexnet_jax.runs import now
from alexnet_jax.version import __version__

_TEMPLATES = Path(__file__).with_name("templates")


def page(subjects: Sequence[Subject], *, pictures: bool = True) -> str:
    """Write the page about some runs.

    It needs no other file and no network, and holds no script.

    Args:
      subjects: the runs, as `gather` returns them.
      pictures: whether images of the data sets, and maps that show them, are in the page.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = overview.percent
    style = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
    template = environment.get_template("page.html")
    return template.render(_content(subjects, pictures), style=style)


def _content(subjects: Sequence[Subject], pictures: bool) -> dict[str, Any]:
    """Return all that the template shows, by name."""
    return {
        "title": _title(subjects),
        "several": len(subjects) > 1,
        "runs": [_run(subject, pictures) for subject in subjects],
        "results": overview.results(subjects),
        "over_seeds": overview.over_seeds(subjects),
        "curves": curves.curve_charts(subjects),
        "drops": curves.drop_rows(subjects),
        "settings": settings([one.record.config for one in subjects]),
        "networks": _networks(subjects),
        "starts": overview.starts(subjects),
        "norm_charts": inside.norm_charts(subjects),
        "by_class": answered.by_class(subjects),
        "most_classes": answered.MOST_CLASSES,
        "pictures": pictures,
        "version": __version__,
        "written": now().replace("T", " ").removesuffix("+00:00"),
    }


def _title(subjects: Sequence[Subject]) -> str:
    if len(subjects) == 1:
        return subjects[0].label
    names = dict.fromkeys(one.label.partition(", seed")[0] for one in subjects)
    return f"{', '.join(names)}: {len(subjects)} runs"


def _networks(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Return the layers of each network, once for all runs that have it."""
    labels: dict[Architecture, list[str]] = {}
    for one in subjects:
        if one.trained is not None:
            labels.setdefault(one.trained.architecture, []).append(one.label)
    return [
        {"labels": "; ".join(members), "name": network.name, "rows": layer_rows(network)}
        for network, members in labels.items()
    ]


def _run(subject: Subject, pictures: bool) -> dict[str, Any]:
    """Return what the template shows of one run."""
    trained, dataset = subject.trained, subject.dataset
    split = None if dataset is None else dataset.test
    return {
        "number": subject.number,
        "label": subject.label,
        "sign": SIGNS[subject.number],
        "workdir": str(subject.record.workdir),
        "data": subject.record.config.data,
        "notes": subject.notes,
        "finished": subject.record.finished,
        "sha256": subject.record.params_sha256,
        "data_sha256": subject.record.data_sha256,
        "recorded": bool(subject.record.sessions),
        "tests": subject.record.of("test"),
        "network": None if trained is None else trained.architecture,
        "step": None if trained is None else trained.step,
        "origin": trained is not None and subject.initial is None,
        "kernels": inside.kernels(subject),
        "norms": inside.norms(subject),
        "passage": inside.passage(subject) if pictures else None,
        "exchanges": [] if trained is None else crossing.exchanges(trained, split),
        "examined": subject.examination,
        "matrix": answered.matrix(subject),
        "pairs": answered.pairs(subject),
        "mistakes": answered.mistakes(subject) if pictures else [],
    }
