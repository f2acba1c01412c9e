"""Charts as SVG inside a page."""

import re
from xml.etree import ElementTree

import pytest

from alexnet_jax.reporting.charts import Series, curve_chart, layer_chart
from alexnet_jax.reporting.svg import RUN_COLOURS, chart_style, inline

TEST = Series(0, [(10, 2.0), (20, 1.0), (30, 0.5)], ["a", "b <i>", "c"])
TRAIN = Series(1, [(5, 2.5), (30, 0.1)])


def chart(**changes: object) -> ElementTree.Element:
    given = {"series": [TEST, TRAIN], "drops": {20: "÷10"}, "unit": "nats"} | changes
    return ElementTree.fromstring(curve_chart("loss", 'loss "over" steps', **given))  # type: ignore[arg-type]


def test_a_chart_is_one_picture_with_a_description() -> None:
    root = chart()
    assert (root.tag, root.attrib["role"]) == ("svg", "img")
    assert root.attrib["aria-label"] == 'loss "over" steps'
    assert set(root.attrib) == {"viewBox", "role", "aria-label", "class"}


def test_points_have_their_texts() -> None:
    titles = [title.text for title in chart().iter("title")]
    assert titles == ["a", "b <i>", "c"]
    short = Series(0, TEST.values, ["a", "b"])
    with pytest.raises(ValueError, match="points0 has 3 markers and 2 texts"):
        chart(series=[short])


def test_colours_and_fonts_are_the_pages() -> None:
    """Every colour is a variable of the style sheet, and no font is named; nothing applies to the
    page around the chart."""
    text = ElementTree.tostring(chart(), encoding="unicode")
    assert not re.findall(r"#[0-9a-f]{6}", text)
    assert {"--ink", "--muted", "--rule", "--run-0", "--run-1"} == set(
        re.findall(r"--[\w-]+", text)
    )
    assert "font-family" not in text
    assert "<style" not in text
    assert "metadata" not in text


def test_ids_are_of_this_chart_and_all_are_used() -> None:
    text = ElementTree.tostring(chart(), encoding="unicode")
    ids = re.findall(r' id="([^"]+)"', text)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert set(ids) == used
    assert len(ids) == len(set(ids))
    assert all(one.startswith("loss-") for one in ids)
    assert "xlink" not in text


def test_drops_are_marked() -> None:
    def texts(root: ElementTree.Element) -> list[str | None]:
        return [one.text for one in root.iter("text") if "÷" in (one.text or "")]

    assert texts(chart()) == ["÷10"]
    assert texts(chart(drops={20: "÷10", 21: "÷10", 29: "÷2"})) == ["÷10", "÷2"]  # no overlap
    dashed = [one for one in chart(drops={20: "", 21: ""}).iter() if "dash" in one.get("style", "")]
    assert len(dashed) == 2


def test_an_empty_series_and_a_logarithmic_axis() -> None:
    root = chart(series=[Series(0, []), Series(1, [(1, 0.1), (5, 0.001)])], logarithmic=True)
    labels = [one.text for one in root.iter("text")]
    assert {"0.1", "0.01", "0.001"} <= set(labels)


def test_values_by_layer() -> None:
    """Two values of a layer are a hollow and a filled marker; layers that a run lacks are left
    out."""
    text = layer_chart(
        "sizes", "sizes", layers=["conv1", "fc2"], unit="rms",
        rows=[(0, {"conv1": (0.1, 0.2), "fc2": (0.3, 0.01)}), (2, {"fc2": (0.5, 0.6)})],
    )  # fmt: skip
    root = ElementTree.fromstring(text)
    titles = [title.text for title in root.iter("title")]
    assert titles == [
        "conv1: 0.1 at the start", "fc2: 0.3 at the start", "conv1: 0.2", "fc2: 0.01",
        "fc2: 0.5 at the start", "fc2: 0.6",
    ]  # fmt: skip
    assert {"conv1", "fc2"} <= {one.text for one in root.iter("text")}


def test_charts_are_the_same_each_time() -> None:
    assert curve_chart("a", "", series=[TEST], drops={}, unit="") == curve_chart(
        "a", "", series=[TEST], drops={}, unit=""
    )


def test_colours_of_runs_differ() -> None:
    assert len(set(RUN_COLOURS)) == 6
    with chart_style():
        from alexnet_jax.display import blank_figure

        figure = blank_figure(2, 2)
        for colour in RUN_COLOURS:
            figure.subplots().plot([0, 1], color=colour)
    text = inline(figure, "all", "all")
    assert {f"--run-{n}" for n in range(6)} <= set(re.findall(r"--[\w-]+", text))
