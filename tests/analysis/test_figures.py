"""Figures of a network: what their scales, labels and titles say."""

import numpy as np

from alexnet_jax.analysis.figures import (
    LEAST_DROP,
    attribution_picture,
    neighbour_sheet,
    norm_picture,
    patches_picture,
)
from alexnet_jax.network import LRN
from alexnet_jax.training.figures import conv1_kernels

PICTURE = np.zeros((6, 6, 1), np.uint8)


def test_drops_are_around_zero_and_a_small_one_looks_small() -> None:
    drops = [np.array([[0.4, -0.1]]), np.array([[1e-5, 0.0]])]
    images = np.stack([PICTURE, PICTURE])
    figure = attribution_picture(images, drops, images / 255, ["3", "7"])
    shown = [axes.images[0] for axes in figure.axes if axes.get_title().startswith("drop")]
    assert [image.get_clim() for image in shown] == [(-0.4, 0.4), (-LEAST_DROP, LEAST_DROP)]
    bars = [axes.get_ylabel() for axes in figure.axes if "probability" in axes.get_ylabel()]
    assert len(bars) == 2


def test_a_norm_is_seen_where_it_weakens_most_on_one_scale() -> None:
    before = np.ones((3, 4, 5))
    before[1, 2] = 40.0  # strong in all maps, so that the norm weakens it
    norm = LRN("lrn1", n=5, k=2.0, alpha=1e-4, beta=0.75)
    sums = np.stack([(before[..., max(0, i - 2) : i + 3] ** 2).sum(-1) for i in range(5)], -1)
    after = before / (2.0 + 1e-4 * sums) ** 0.75
    figure = norm_picture(PICTURE, before, after, norm)
    _, first, second, maps = figure.axes[:4]
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0.0, 40.0)
    assert maps.get_title() == "each map at row 1, column 2"
    shares = np.sqrt(((after * 2**0.75) ** 2).mean(-1)) / np.sqrt((before**2).mean(-1))
    assert second.get_xlabel() == f"at most {1 - shares.min():.1%} weaker"


def test_responses_stand_under_their_patches_on_one_scale() -> None:
    figure = patches_picture([[PICTURE] * 2] * 2, ["a", "b"], "t", [[4.0, 2.0], [1.0, -1.0]])
    assert [axes.get_xlabel() for axes in figure.axes] == ["4", "2", "1", "-1"]
    assert [axes.lines[0].get_xdata()[1] for axes in figure.axes] == [1.0, 0.5, 0.25, 0.0]


def test_the_query_is_labelled() -> None:
    figure = neighbour_sheet([[PICTURE] * 3] * 2, [["x", "y", "z"]] * 2, "t")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["query", "", "nearest first", "", *[""] * 4]


def test_small_kernels_are_numbers_and_large_ones_of_colours_pictures() -> None:
    small = np.linspace(-2, 1, 5 * 5 * 4).reshape(5, 5, 1, 4)
    first, second, bar = conv1_kernels(small, 2, "t").axes
    assert first.images[0].get_clim() == second.images[0].get_clim() == (-2.0, 2.0)
    assert bar.get_xlabel() == "weight (5 x 5 for each map)"
    sheet = np.asarray(second.images[0].get_array())
    np.testing.assert_array_equal(sheet[:, :5], small[:, :, 0, 2])
    large = np.random.default_rng(0).normal(size=(11, 11, 3, 4))
    (panel,) = conv1_kernels(large, 1, "t").axes
    drawn = np.asarray(panel.images[0].get_array())[:11, :11]
    kernel = large[..., 0]
    np.testing.assert_allclose(drawn, 0.5 + 0.5 * kernel / np.abs(kernel).max(), atol=1e-12)
