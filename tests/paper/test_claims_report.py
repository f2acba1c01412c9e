"""Record, report and picture of the claims, and the page that is made from them."""

import json
import math
from pathlib import Path

import pytest
from helpers.pages import filled

from alexnet_jax.errors import InputError
from alexnet_jax.paper import CLAIMS, Record, forest_plot, format_report, read_record, write_json
from alexnet_jax.paper.figure import COLOURS
from alexnet_jax.paper.measures import Outcome
from alexnet_jax.paper.record import Row, outcome_row


def row(name: str, ours: tuple[float, ...], other: tuple[float, ...]) -> Row:
    return outcome_row(Outcome(CLAIMS[name], tuple(range(len(ours))), ours, other))


@pytest.fixture(scope="module")
def record() -> Record:
    """A claim of every kind of verdict and unit."""
    rows = [
        row("lrn", (20.0, 21.0, 22.0), (21.3, 22.4, 23.5)),
        row("crossings", (20.0, 20.0), (20.01, 19.99)),
        row("batch_size", (20.0, 20.0), (20.01, 19.99)),
        row("two_towers", (20.0, 20.0), (19.0, 22.0)),
        row("dropout", (0.2, 0.3), (0.1, 0.201)),
        row("relu", (100.0, 100.0), (200.0, 201.0)),
        row("initial_values", (100.0, 100.0), (200.0, math.inf)),
        row("ten_views", (20.0,), (21.0,)),
        row("ensemble", (), ()),
    ]
    data = {"name": "cifar10", "note": "a copy", "train": 50_000, "test": 10_000, "sha256": "0"}
    return {
        "format": 1,
        "scale": "cifar",
        "data": data,
        "machine": "m",
        "jax": "0.12",
        "cost": {"runs": 85, "images": 72_000_000, "seconds": 36_000, "images_per_second": 2000.0},
        "claims": rows,
    }


def test_the_table_has_a_line_for_each_claim(record: Record) -> None:
    """By hand: 1.3, 1.4 and 1.5 have s = .1 and the half-width 4.3027 .1 / sqrt(3); for -1 and 2
    the mean is .5 and s 2.1213, for which 72 seeds are the first whose half-width is at most .5."""
    lines = format_report(record).splitlines()
    assert [line for line in lines if line.startswith("| `")] == [
        "| `lrn` | +1.4 | 21 | 22.4 | +1.40 ± 0.25 points | shown | 3 |",
        "| `crossings` | +1.16 | 20 | 20 | +0.00 ± 0.13 points | smaller than 0.2 points | 2 |",
        "| `batch_size` | -0.07 | 20 | 20 | +0.00 ± 0.13 points | shown, within 0.2 points | 2 |",
        "| `two_towers` | +1.7 | 20 | 20.5 | +0.50 ± 19.06 points | undecided | 2 of about 72 |",
        "| `dropout` |  | 0.25 | 0.1505 | -0.10 ± 0.01 nats | the opposite | 2 |",
        "| `relu` | x6 | 100 | 200.5 | x2.00 (1.94 to 2.07) | shown | 2 |",
        "| `initial_values` |  | 100 | - | - | not reached in these runs | 2 |",
        "| `ten_views` | +1.5 | 20 | 21 | +1.00 points | one seed decides nothing | 1 |",
        "| `ensemble` | +2.6 | - | - | - | not run | 0 |",
    ]
    assert lines[0] == (
        "Scale `cifar`: cifar10, a copy; 50,000 training images, 10,000 test images. 85 runs on "
        "72,000,000 images took 10:00:00 of training alone, summed over the runs: 2,000 images/s "
        "each. Written on m, with jax 0.12."
    )


def test_records_are_read_as_they_were_written(record: Record, tmp_path: Path) -> None:
    """Lists of numbers are in one line; values that were not reached are null."""
    write_json(record, tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text()
    assert '"values": [200.0, null]' in text
    assert read_record(tmp_path / "r.json") == json.loads(json.dumps(record, allow_nan=False))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[]", "no record"),
        ("{", "no record"),
        ('{"format": 2, "claims": []}', "format 2, this version reads 1"),
        ('{"format": 1, "claims": [{"claim": "lrn"}]}', "a claim without compared"),
        ('{"format": 1, "claims": [3]}', "no record"),
    ],
)
def test_other_files_are_no_records(text: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=part):
        read_record(tmp_path / "r.json")


def test_the_picture_shows_intervals_means_and_published_values(record: Record) -> None:
    """Each unit has its axes; a claim that was not reached has its name and verdict only."""
    points, nats, ratios = forest_plot(record).axes
    for axes, names in (
        (points, ["lrn", "crossings", "batch_size", "two_towers", "ten_views", "ensemble"]),
        (nats, ["dropout"]),
        (ratios, ["relu", "initial_values"]),
    ):
        assert [label.get_text() for label in axes.get_yticklabels()] == names
        verdicts = {row["claim"]: row["verdict"] for row in record["claims"]}
        assert [text.get_text() for text in axes.texts] == [verdicts[name] for name in names]
    zero, line, mean, published, *_ = points.lines
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert list(line.get_xdata()) == pytest.approx([1.4 - half, 1.4 + half], abs=1e-5)
    assert (list(zero.get_xdata()), list(mean.get_xdata())) == ([0, 0], [1.4])
    assert (list(published.get_xdata()), list(published.get_ydata())) == ([1.4], [0])
    assert {line.get_color(), mean.get_color()} == {COLOURS["shown"]}
    assert (ratios.get_xscale(), nats.get_xscale()) == ("log", "linear")
    assert len(ratios.lines) == 4  # no difference, and the three of relu


def test_the_page_of_a_record(record: Record, tmp_path: Path) -> None:
    """It has the report and the picture."""
    write_json(record, tmp_path / "r.json")
    page = filled("claims", tmp_path / "r.json")
    assert f"\n{format_report(record)}\n" in page
    assert "images/claims.png" in page
