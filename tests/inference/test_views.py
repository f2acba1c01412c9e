"""Ten views and ensembles: which crops in which order, and what is averaged."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.random_params import random_params
from helpers.reference import assert_close, draw, softmax

from alexnet_jax import InputError
from alexnet_jax.data.augment import Statistics, ten_views
from alexnet_jax.inference.evaluate import ensemble, make_logits, mean_of_softmax
from alexnet_jax.inference.trained import Trained
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.runs.config import TrainConfig

WIDTHS = {"conv1": 4, "conv2": 8, "conv3": 8, "conv4": 8, "conv5": 8, "fc6": 16, "fc7": 16}
NET = architecture("small", layers={name: {"maps": maps} for name, maps in WIDTHS.items()})


def stored(count: int, size: int, channels: int = 1) -> np.ndarray:
    random = np.random.default_rng(count)
    return random.integers(0, 256, (count, size, size, channels)).astype(np.uint8)


def statistics(size: int, channels: int = 1) -> Statistics:
    mean = np.random.default_rng(9).uniform(0, 255, (size, size, channels)).astype(np.float32)
    return Statistics(mean, np.eye(channels, dtype=np.float32), np.ones(channels, np.float32))


@pytest.mark.parametrize(("size", "stored_size"), [(4, 8), (4, 7), (5, 6), ((3, 5), 8)])
def test_views_are_the_ten_of_2012_in_order(size: int | tuple[int, int], stored_size: int) -> None:
    """Corners and centre by (top, left), then mirrored; the mean's centre is not mirrored."""
    images, stats = stored(2, stored_size, 3), statistics(stored_size, 3)
    found = np.asarray(ten_views(jnp.asarray(images), stats, size=size, scale=0.5))
    height, width = (size, size) if isinstance(size, int) else size
    down, right = stored_size - height, stored_size - width
    b, c = down // 2, right // 2
    mean = stats.mean[b : b + height, c : c + width]
    wanted = []
    for top, left in [(0, 0), (0, right), (b, c), (down, 0), (down, right)]:
        wanted.append(images[:, top : top + height, left : left + width].astype(np.float64))
    wanted += [crop[:, :, ::-1] for crop in wanted]
    assert found.shape == (10, 2, height, width, 3)
    assert_close(found, np.stack([0.5 * (crop - mean) for crop in wanted]), 1e-6)


def test_views_need_room() -> None:
    with pytest.raises(ValueError, match="larger than 8"):
        ten_views(jnp.asarray(stored(1, 8)), statistics(8), size=8, scale=1.0)


def test_mean_of_softmax() -> None:
    """The arithmetic mean of probabilities, given as logits, also where they are extreme."""
    z = 5 * draw(4, 3, 6)
    z[0, 0] = [1e4, 0, 0, 0, 0, -1e4]
    found = np.asarray(softmax(mean_of_softmax(jnp.asarray(z, jnp.float32))))
    np.testing.assert_allclose(found, softmax(z).mean(0), atol=1e-6)


def params_of(seed: int) -> Any:
    return random_params(NET, seed=seed)


def test_ten_view_logits_average_the_views() -> None:
    """Against the network run on each view by itself."""
    images, stats, params = stored(3, 32), statistics(32), params_of(0)
    place = topology("one_device", NET)
    found = make_logits(NET, place, pixel_scale=1 / 128, views=10)(params, images, stats)
    one = make_logits(NET, place, pixel_scale=1 / 128)
    flat = Statistics(np.zeros((28, 28, 1), np.float32), stats.eigenvectors, stats.deviations)
    views = []
    for top, left in [(0, 0), (0, 4), (2, 2), (4, 0), (4, 4)]:
        crop = images[:, top : top + 28, left : left + 28]
        views += [crop, crop[:, :, ::-1]]
    # Without a mean to subtract, a view is an image of the crop's own size.
    none = stats._replace(mean=np.zeros_like(stats.mean))
    bare = make_logits(NET, place, pixel_scale=1 / 128, views=10)(params, images, none)
    wanted = np.mean([softmax(one(params, view, flat)) for view in views], 0)
    np.testing.assert_allclose(softmax(bare), wanted, atol=1e-6)
    assert not np.allclose(softmax(found), wanted, atol=1e-3)


def test_ensemble_averages_its_members() -> None:
    images, stats = stored(5, 32), statistics(32)
    one = make_logits(NET, topology("one_device", NET), pixel_scale=1 / 128)
    members = [params_of(seed) for seed in (1, 2, 3)]
    found = ensemble([one] * 3)(members, images, [stats] * 3)
    wanted = np.mean([softmax(one(params, images, stats)) for params in members], 0)
    np.testing.assert_allclose(softmax(found), wanted, atol=1e-6)
    alone = ensemble([one])(members[:1], images, [stats])
    np.testing.assert_array_equal(alone, one(members[0], images, stats))


def trained(params: Any, stored_size: int) -> Trained:
    return Trained(
        step=1,
        architecture=NET,
        params=params,
        statistics=statistics(stored_size),
        class_names=tuple("0123456789"),
        stored_size=stored_size,
        config=TrainConfig(name="t", data="digits", steps=1, pixel_scale=1 / 128),
        topology=topology("one_device", NET),
    )


@pytest.mark.parametrize("count", [1, 32, 70])
def test_any_number_of_pictures_is_classified(count: int) -> None:
    """A full batch at a time, the last one filled up: each picture once, in order."""
    images, network = stored(count, 32), trained(params_of(4), 32)
    logits = network.logits()(network.params, images, network.statistics)
    found = network.probabilities(images)
    assert found.shape == (count, 10)
    np.testing.assert_allclose(found, softmax(logits), atol=1e-6)


def test_refused() -> None:
    with pytest.raises(InputError, match="larger than the crop of 28, but they have 28"):
        trained(None, 28).logits(10)
    with pytest.raises(InputError, match="views must be 1 or 10, got 3"):
        trained(None, 32).logits(3)
