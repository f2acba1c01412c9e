"""The table of Tiny ImageNet: its settings, its report, and the colour of its kernels."""

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.pages import DOCS
from helpers.trainings import record_of, run_record

from alexnet_jax.cli.configs import load_config
from alexnet_jax.network import Architecture, Conv, presets
from alexnet_jax.paper import write_json
from alexnet_jax.paper.trainings import (
    Plan,
    format_report,
    kernel_colour,
    kernel_colours,
    read_record,
)
from alexnet_jax.paper.trainings.kernel_colour import Colour, format_colour, measure_colour
from alexnet_jax.paper.trainings.record import Record, RunRecord
from alexnet_jax.paper.trainings.tables import TINY_IMAGENET
from alexnet_jax.paper.trainings.tables.tiny_imagenet import one_tower
from alexnet_jax.runs.config import TrainConfig

PLAN = Plan(Path("nowhere"), load_config)
TRAININGS = {one.name: one for one in TINY_IMAGENET.trainings}


def config_of(name: str) -> TrainConfig:
    return PLAN.config(PLAN.first(TRAININGS[name]))


def network(name: str) -> Architecture:
    config = config_of(name)
    return presets.architecture(config.preset, layers=config.layers)  # type: ignore[arg-type]


def test_trainings_differ_from_short_in_their_layers_alone() -> None:
    """And `short` from the config in the number of updates, which its schedule depends on."""
    config, short = load_config("tiny_imagenet"), config_of("short")
    assert config_of("tiny") == config
    assert short == dataclasses.replace(config, steps=short.steps)
    assert short.schedule == "quadratic"
    for name in TINY_IMAGENET.ablations:
        other = config_of(name)
        assert dataclasses.replace(other, layers=short.layers) == short
        assert network(name) != network("short")


def test_what_is_left_out() -> None:
    """Fields of the layers that are not as in `short`."""
    changed = {
        name: {
            (ours.name, field): value
            for ours, other in zip(network("short").layers, network(name).layers, strict=True)
            for field, value in vars(other).items()
            if value != vars(ours)[field]
        }
        for name in ("within_towers", "no_dropout", "no_normalization")
    }
    assert changed == {
        "within_towers": {("lrn1", "within_tower"): True, ("lrn2", "within_tower"): True},
        "no_dropout": {("dropout6", "keep"): 1.0, ("dropout7", "keep"): 1.0},
        # (1 + 0 sum)^-beta = 1
        "no_normalization": {
            (name, field): value
            for name in ("lrn1", "lrn2")
            for field, value in (("k", 1.0), ("alpha", 0.0))
        },
    }


def parameters(net: Architecture) -> int:
    return sum(placed.parameters for placed in net.placed())


@pytest.mark.parametrize("preset", ["tiny", "paper", "small"])
def test_one_tower_has_as_many_parameters(preset: Any) -> None:
    """At most, and at least 97 %; about as many operations. Every convolution reads all maps, and
    the last has as many of its own as before."""
    layers: dict[str, dict[str, int]] = {}
    for setting, value in one_tower(preset).items():
        _, layer, field = setting.split(".")
        layers.setdefault(layer, {})[field] = int(value)
    two, one = (presets.architecture(preset, layers=of) for of in ({}, layers))
    assert 0.97 < parameters(one) / parameters(two) <= 1
    assert 0.9 < sum(p.macs for p in one.placed()) / sum(p.macs for p in two.placed()) < 1.05
    convolutions = [placed for placed in one.placed() if isinstance(placed.layer, Conv)]
    assert all(placed.kernel[2] == placed.input[-1] for placed in convolutions if placed.kernel)
    assert (
        convolutions[-1].output == next(p for p in two.placed() if p.layer.name == "conv5").output
    )
    if preset == "tiny":
        assert one.layers == network("one_tower").layers


def test_the_page_lists_the_trainings() -> None:
    """With their epochs and seeds; 10 of the 100,000 / 128 updates are 7,820."""
    page = (DOCS / "tiny_imagenet.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+) \| (\d+) \|$", page.split("## Results")[0], re.M)
    assert rows == [
        (name, str(config_of(name).steps // 782), str(len(one.seeds)))
        for name, one in TRAININGS.items()
    ]
    assert all(config_of(name).steps % 782 == 0 for name in TRAININGS)
    assert all(one.views == (1, 10) for one in TINY_IMAGENET.trainings)


def runs_of(errors: tuple[float, ...], seeds: int) -> list[RunRecord]:
    """Runs whose four errors are those of the first seed plus the seed's number."""
    names = ("error", "error_ten_views", "top5_error", "top5_error_ten_views")
    return [
        run_record(seed=seed, **{name: e + seed for name, e in zip(names, errors, strict=True)})
        for seed in range(seeds)
    ]


def indexed(training: str, seed: int, part: str, index: list[list[float]], p: float) -> Any:
    difference = float(np.mean(index[0]) - np.mean(index[1]))
    values = {"index": index, "difference": difference, "chance": 0.05, "p": p}
    return {"training": training, "seed": seed, "part": part, **values}


COLOUR: Colour = {
    "draws": 20_000,
    "runs": [
        indexed("short", 0, "added", [[0.1, 0.3], [0.5, 0.7]], 0.0004),
        indexed("short", 0, "kernels", [[0.6, 0.6], [0.6, 0.6]], 1.0),
        indexed("short", 1, "added", [[0.5, 0.7], [0.2, 0.2]], 0.2),
        indexed("within_towers", 0, "added", [[0.4, 0.4], [0.5, 0.5]], 0.3),
        indexed("within_towers", 1, "added", [[0.4, 0.4], [0.3, 0.3]], 0.4),
    ],
    "trainings": [
        {"training": "short", "part": "added", "index": 0.4, "p": 0.00123},
        {"training": "within_towers", "part": "added", "index": 0.4, "p": 0.5},
        {"training": "short", "part": "kernels", "index": 0.6, "p": 1.0},
    ],
}


@pytest.fixture(scope="module")
def record() -> Record:
    made = record_of(
        TINY_IMAGENET,
        {
            "short": runs_of((60.0, 58.0, 35.0, 33.0), 3),
            "no_dropout": runs_of((61.0, 60.0, 35.5, 33.0), 3),
            "one_tower": [run_record(seed=1, error=62.5)],
        },
    )
    return made | {"sections": {"colour": COLOUR}}


def test_the_report_by_hand(record: Record) -> None:
    """Each error has a row, and a column of differences; the spread of equal differences is 0."""
    text = format_report(TINY_IMAGENET, record)
    lines = text.splitlines()
    assert (
        "| training |  | epochs | time of a run | images/s | error by seed, % | mean, % |" in lines
    )
    first = lines.index("| `short` | 10 epochs, centre view | 10 | 1:00 | 100 "
                        "| 60.00, 61.00, 62.00 | 61.00 |")  # fmt: skip
    assert lines[first + 1 : first + 4] == [
        "|  | ten views |  |  |  | 58.00, 59.00, 60.00 | 59.00 |",
        "|  | centre view, top-5 |  |  |  | 35.00, 36.00, 37.00 | 36.00 |",
        "|  | ten views, top-5 |  |  |  | 33.00, 34.00, 35.00 | 34.00 |",
    ]
    first = lines.index(
        "| `short` minus | centre view | ten views "
        "| centre view, top-5 | ten views, top-5 | seeds |"
    )
    assert lines[first + 2 : first + 5] == [
        "| `no_dropout` | -1.00 ± 0.00 | -2.00 ± 0.00 | -0.50 ± 0.00 | +0.00 ± 0.00 | 3 |",
        "| `one_tower` | -1.50 | - | - | - | 1 |",
        "",
    ]
    assert "units" not in text
    assert "`alexnet-jax tiny_imagenet --only tiny --data-dir data`" in text


def test_the_colour_by_hand(record: Record) -> None:
    """|differences| .4 and .4 against .1 and .1; the differences of these are .3 and .3."""
    assert format_colour(COLOUR, ("short", "within_towers")) in format_report(TINY_IMAGENET, record)
    lines = format_colour(COLOUR, ("short", "within_towers")).splitlines()
    added = "what training added"
    assert lines[2:5] == [
        f"| `short` | {added} | 0.400 | 0.400, 0.400 | 0.400 | 0.050 | 0.0012 | 1 of 2 |",
        f"| `within_towers` | {added} | 0.400 | 0.100, 0.100 | 0.100 | 0.050 | 0.5 | 0 of 2 |",
        "| `short` | kernels | 0.600 | 0.000 | 0.000 | 0.050 | 1 | 0 of 1 |",
    ]
    assert [line for line in lines if line.startswith("- ")] == [
        f"- Difference of the towers, {added}, `short` minus `within_towers`: "
        "+0.300 ± 0.000 (2 seeds)"
    ]
    alone: Colour = {**COLOUR, "runs": COLOUR["runs"][:3], "trainings": COLOUR["trainings"][:1]}
    assert "minus" not in format_colour(alone, ("short", "within_towers"))
    assert format_colour({**COLOUR, "runs": []}, ("short", "within_towers")) == ""


def test_kernels_of_finished_runs_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of the first half are tower 0's. To equal channels, training has added nothing in the
    first two maps but more of the same, in the others opponents of the same energy."""
    before, after = np.ones((2, 2, 3, 4), np.float32), np.ones((2, 2, 3, 4), np.float32)
    after[..., :2] += 1
    opponents = np.sqrt(3 / 2) * np.float32([1, -1, 0])
    after[..., 2:] += opponents[:, None]
    loaded = SimpleNamespace(params={"conv1": {"kernel": after}})
    for name in ("architecture", "config", "topology"):
        setattr(loaded, name, name)
    initial = SimpleNamespace(params={"conv1": {"kernel": before}})
    monkeypatch.setattr(kernel_colour, "load_trained", lambda directory: loaded)
    monkeypatch.setattr(kernel_colour, "init_state", lambda *network: initial)
    found = measure_colour(("short", "tiny"), {"short": {3: Path("a"), 4: Path("b")}, "tiny": {}})
    assert [(run["training"], run["seed"], run["part"]) for run in found["runs"]] == [
        ("short", seed, part) for seed in (3, 4) for part in ("added", "kernels")
    ]
    indices = {run["part"]: run["index"] for run in found["runs"]}
    assert indices == {"added": [[0, 0], [1, 1]], "kernels": [[0, 0], [0.5, 0.5]]}
    assert found["runs"][0]["difference"] == -1
    assert found["runs"][0]["p"] == pytest.approx(2 / 6, abs=0.02)  # of all divisions
    added, kernels = found["trainings"]
    assert (added["training"], added["part"], added["index"]) == ("short", "added", 0.5)
    assert (kernels["training"], kernels["part"], kernels["index"]) == ("short", "kernels", 0.25)
    assert added["p"] == pytest.approx(1 / 9, abs=0.02)
    json.dumps(found)


def test_the_picture_shows_every_kernel(record: Record) -> None:
    """Of each run two sorted towers with their means, the lower one first."""
    above, below = kernel_colours(TINY_IMAGENET, record).axes
    points = [[line.get_ydata() for line in axes.lines if line.get_marker() == "."]
              for axes in (above, below)]  # fmt: skip
    assert [list(values) for values in points[0][:4]] == [
        [0.1, 0.3], [0.5, 0.7], [0.2, 0.2], [0.5, 0.7],
    ]  # fmt: skip
    assert [len(lines) for lines in points] == [8, 2]
    labels = [label.get_text() for label in above.get_xticklabels()]
    assert labels[:2] == ["seed 0\np 0.0004", "seed 1\np 0.2"]
    assert [text.get_text() for text in above.texts] == ["short", "within_towers"]
    assert kernel_colours(TINY_IMAGENET, record_of(TINY_IMAGENET, {})).axes


def test_a_record_is_read_as_it_was_written(record: Record, tmp_path: Path) -> None:
    write_json(record, tmp_path / "r.json")
    assert read_record(TINY_IMAGENET, tmp_path / "r.json") == json.loads(json.dumps(record))
