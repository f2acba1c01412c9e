"""Pictures of the trainings on CIFAR-10, drawn from made-up records."""

from typing import Any

from alexnet_jax.display import style
from alexnet_jax.paper.trainings import figure1, learning_curves
from alexnet_jax.paper.trainings.tables import CIFAR10


def training(name: str, library: str, curves: list[list[tuple[float, float]]]) -> Any:
    runs = [{"test_curve": curve} for curve in curves]
    return {"name": name, "library": library, "runs": runs, "rates": []}


def race(name: str, crossed: float) -> Any:
    run = {"seed": 0, "rate": 0.001, "crossed": crossed, "train_curve": [(1, 60), (crossed, 25)]}
    return {"name": name, "library": "jax", "seeds": [0], "rates": [0.001], "runs": [run]}


def record(*trainings: Any) -> Any:
    return {"data": {"name": "cifar10", "note": "a copy"}, "trainings": list(trainings)}


def test_the_legend_counts_runs_and_says_what_is_dashed() -> None:
    """A line a run, a colour a training, and dashes with PyTorch's name beside them."""
    down, flat = [(1.0, 50.0), (2.0, 40.0)], [(1.0, 45.0), (2.0, 45.0)]
    trainings = (
        training("80sec", "jax", [down, flat]),
        training("80sec_torch", "torch", [flat]),
        training("not begun", "jax", []),
    )
    (axes,) = learning_curves(CIFAR10, record(*trainings)).axes
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "80sec, 2 runs",
        "80sec_torch, PyTorch, 1 run",
    ]
    assert [(line.get_linestyle(), line.get_color()) for line in axes.lines] == [
        ("-", style.SERIES[0]),
        ("-", style.SERIES[0]),
        ("--", style.SERIES[1]),
    ]
    assert list(axes.lines[0].get_ydata()) == [50.0, 40.0]  # type: ignore[arg-type]


def test_figure_1_says_what_each_line_is() -> None:
    """The fast units solid, the slow dashed, as rates of error, and the limit dotted."""
    (axes,) = figure1(CIFAR10, record(race("relu", 3.0), race("tanh", 9.0))).axes
    legend = axes.get_legend()
    assert legend is not None
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["relu, rate 0.001", "tanh, rate 0.001", "25 % wrong"]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--", ":"]
    assert list(axes.lines[1].get_ydata()) == [0.6, 0.25]  # type: ignore[arg-type]
