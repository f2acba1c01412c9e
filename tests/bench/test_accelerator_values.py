"""What the check of an accelerator compares: formulas, crops, drawn values, the stored probe."""

import json

import jax
import numpy as np
import pytest
from helpers import probe as computed
from helpers import reference
from helpers.reference import draw

from alexnet_jax.bench.accelerator import (
    drawn,
    probe,
    references,
)
from alexnet_jax.bench.accelerator.compare import agreement, relative_error
from alexnet_jax.bench.accelerator.network import EXACT
from alexnet_jax.bench.accelerator.sizes import size
from alexnet_jax.bench.accelerator.step import network_values
from alexnet_jax.errors import InputError
from alexnet_jax.network.layers import LRN, MaxPool


def test_agreement() -> None:
    """The largest error in relation to its own tolerance; NaN agrees with nothing."""
    want = {"loss": np.array(2.0), "gradient/a": np.array([3.0, 4.0])}
    got = {"loss": np.array(2.02), "gradient/a": np.array([3.0, 4.5])}
    found = agreement(got, want, {"loss": 0.001, "gradient": 0.2})
    assert found["errors"] == pytest.approx({"loss": 0.01, "gradient/a": 0.1})
    assert (found["agrees"], found["worst"], found["tolerance"]) == (False, "loss", 0.001)
    assert agreement(got, want, {"loss": 0.1, "gradient": 0.2})["agrees"]
    broken = agreement({**got, "loss": np.array(np.nan)}, want, {"loss": 0.1, "gradient": 0.2})
    assert (broken["agrees"], broken["error"]) == (False, None)
    json.dumps(broken, allow_nan=False)
    assert agreement(want, want, {"loss": 0.0, "gradient": 0.0})["agrees"]
    assert not agreement(got, want, {"loss": 0.0, "gradient": 0.0})["agrees"]
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    with pytest.raises(ValueError, match="shapes differ"):
        relative_error(np.zeros(2), np.zeros(1))


def test_references() -> None:
    """The formulas of the check are those of the tests' own reference, with ties in the pool."""
    x, dy = 30 * draw(2, 7, 9, 6), draw(2, 7, 9, 6, seed=1)
    for n in (5, 4):
        y, dx = references.local_response_norm(x, dy, n=n, k=1.0, alpha=1e-2, beta=0.6)
        rule = {"n": n, "k": 1.0, "alpha": 1e-2, "beta": 0.6}
        reference.assert_close(y, reference.local_response_norm(x, **rule), 1e-12)
        reference.assert_close(dx, reference.local_response_norm_vjp(x, dy, **rule)[0], 1e-12)
    x = np.floor(x / 30)
    dy = dy[:, :3, :4]
    y, dx = references.max_pool(x, dy)
    np.testing.assert_array_equal(y, reference.max_pool(x))
    reference.assert_close(dx, reference.max_pool_vjp(x, dy)[0], 1e-12)
    y, dx = references.rectified(x, dy, (LRN("lrn1"), MaxPool("pool1")))
    rectified = np.maximum(x, 0)
    normalized = reference.local_response_norm(rectified)
    np.testing.assert_allclose(y, reference.max_pool(normalized), 1e-12)
    (pulled,) = reference.max_pool_vjp(normalized, dy)
    (pulled,) = reference.local_response_norm_vjp(rectified, pulled)
    reference.assert_close(dx, pulled * (x > 0), 1e-12)


def crops(top: int, left: int, side: int = 4) -> np.ndarray:
    """One crop of an image whose channels are row, column and 0."""
    rows, columns = np.mgrid[top : top + side, left : left + side]
    return np.stack([rows, columns, np.zeros_like(rows)], -1)[None].astype(float)


def test_geometry_of_crops() -> None:
    """Crops within the image pass, mirrored or not; a view that is none does not."""
    view = crops(2, 1)
    assert references.crop_geometry(view, 6)
    assert references.crop_geometry(view[:, :, ::-1], 6)
    assert not references.crop_geometry(view, 5)  # row 5 is beyond the image
    assert not references.crop_geometry(view[:, ::-1], 6)  # upside down
    assert not references.crop_geometry(view + np.array([0, 0, 1]), 6)  # of another image
    shifted = view.copy()
    shifted[0, 1] = crops(3, 2)[0, 0]
    assert not references.crop_geometry(shifted, 6)


DRAWN = [4028148.0, 5844271.0, 5257656.0, -6006897.0]


def test_drawn_values_are_the_same_everywhere() -> None:
    """Bits of Philox as NumPy 2 has them on Python 3.11 and 3.13, in units of 2^-23."""
    values = drawn.uniform((2, 2), 3, 1)
    assert values.dtype == np.float32
    assert (values.ravel() * 2**23).tolist() == DRAWN
    net = size("small").architecture
    assert drawn.images(net, 2).std() > 40
    assert set(drawn.labels(net, 64)) == {0, 1, 2, 3}
    batch, _ = drawn.batch(net, 2)
    assert batch["image"].dtype == np.uint8


def test_probe() -> None:
    """The stored values are those of the reference, and the network has them in float32."""
    stored = probe.load("small")
    wanted = computed.chosen("small")
    assert wanted.keys() == stored.keys()
    for name, entry in wanted.items():
        assert entry["at"] == stored[name]["at"]
        np.testing.assert_allclose(entry["values"], stored[name]["values"], 1e-9, 1e-15)
    device = jax.devices("cpu")[0]
    values = network_values(size("small").architecture, probe.IMAGES, device, "highest")
    found = agreement(probe.at_probe(values, stored), probe.stored(stored), EXACT)
    assert found["agrees"], found
    assert len(found["errors"]) == 2 * (2 + 16)
    smaller = {**values, "gradient/conv2/kernel": values["gradient/conv2/kernel"] * 0.97}
    found = agreement(probe.at_probe(smaller, stored), probe.stored(stored), EXACT)
    assert not found["agrees"]
    assert found["worst"].startswith("gradient/conv2/kernel")


@pytest.mark.exhaustive
def test_full_probe() -> None:
    """About a minute and 3 GB."""
    stored = probe.load("full")
    for name, entry in computed.chosen("full").items():
        assert entry["at"] == stored[name]["at"]
        np.testing.assert_allclose(entry["values"], stored[name]["values"], 1e-7, 1e-15)
        assert entry["norm"] == pytest.approx(stored[name]["norm"], rel=1e-9)


def test_probe_of_another_size() -> None:
    with pytest.raises(InputError, match="no probe is stored for large; there are small, full"):
        probe.load("large")
    assert probe.FILE.stat().st_size < 32_000
