"""The picture of efficiencies on paper."""

from alexnet_jax.display import style
from alexnet_jax.network.presets import architecture
from alexnet_jax.planning.cost_model import Machine
from alexnet_jax.planning.scaling import predict_scaling
from alexnet_jax.planning.scaling_figure import efficiency_picture

TITLES = {"weak": "left", "strong": "right"}


def test_picture() -> None:
    """A line a topology and bound in each panel, with the rows' own numbers, none cut off."""
    net, counts = architecture("paper"), [1, 2, 4, 8, 16]
    rows = [
        row
        for topology in ("data", "hybrid")
        for scaling in TITLES
        for row in predict_scaling(scaling, topology, net, counts, 64, Machine())[0]
    ]
    figure = efficiency_picture(rows, TITLES, "on paper")
    assert figure.get_suptitle() == "on paper"
    for axes, scaling in zip(figure.axes, TITLES, strict=True):
        assert axes.get_title() == TITLES[scaling]
        assert axes.get_xscale() == "log"
        chosen = [row for row in rows if row.scaling == scaling]
        lines = [list(line.get_ydata()) for line in axes.lines]
        assert lines == [
            [100 * row.efficiency[bound] for row in chosen if row.topology == topology]
            for topology in ("data", "hybrid")
            for bound in (0, 1)
        ]
        assert all(list(line.get_xdata()) == counts for line in axes.lines)
        assert axes.get_ylim()[1] > max(map(max, lines))
    # Two devices of hybrid share the update: more than 100 %.
    assert max(row.efficiency[1] for row in rows) > 1
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "data",
        "hybrid",
        "computing, then exchanging",
        "exchange hidden behind computing",
    ]
    drawn = {line.get_color() for axes in figure.axes for line in axes.lines}
    assert drawn == {style.TOPOLOGIES["data"], style.TOPOLOGIES["hybrid"]}
