"""Crops of a batch in the forms for all platforms, and how views lie on a TPU."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alexnet_jax.data.crops import _by_products, _by_slices, crop_each, lanes_of_images

STORED, SIZE = (11, 9), (6, 5)


def batch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images that hold every value of uint8, a crop at every place, every second one mirrored."""
    places = [
        (i, j) for i in range(STORED[0] - SIZE[0] + 1) for j in range(STORED[1] - SIZE[1] + 1)
    ]
    corners = np.array(places, np.int32)
    values = np.arange(len(places) * 11 * 9 * 3) * 37
    images = (values % 256).astype(np.uint8).reshape(len(places), *STORED, 3)
    return images, corners, np.arange(len(places)) % 2 == 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_all_forms_give_the_same_bits(dtype: str) -> None:
    """Those of NumPy's slices; with nothing mirrored, too."""
    images, corners, mirrored = batch()
    assert len(np.unique(images)) == 256

    def crops(*arrays: jax.Array) -> list[jax.Array]:
        pairs = [
            (form, flips) for form in (_by_slices, _by_products) for flips in (arrays[2], None)
        ]
        return [form(*arrays[:2], flips, size=SIZE, dtype=dtype) for form, flips in pairs]

    plain = np.stack(
        [image[i : i + 6, j : j + 5] for image, (i, j) in zip(images, corners, strict=True)]
    )
    flipped = np.where(mirrored[:, None, None, None], plain[:, :, ::-1], plain)
    found = jax.jit(crops)(images, corners, mirrored)
    for got, want in zip(found, (flipped, plain) * 2, strict=True):
        assert got.dtype == dtype
        np.testing.assert_array_equal(np.asarray(got.astype(jnp.float32)), want)


def lowered(platform: str, dtype: str) -> str:
    """The program of crops of images of a dtype, for a platform."""
    images, corners, mirrored = batch()
    traced = jax.jit(lambda *arrays: crop_each(*arrays, size=SIZE, dtype="float32")).trace(
        jax.ShapeDtypeStruct(images.shape, dtype), corners, mirrored
    )
    return traced.lower(lowering_platforms=(platform,)).as_text()


def test_each_platform_has_its_form() -> None:
    """On a TPU two products in bfloat16, and nothing that it computes image by image."""
    text = lowered("tpu", "uint8")
    assert text.count("stablehlo.dot_general") == 2
    assert not re.findall("gather|dynamic_slice|while", text)
    for platform, dtype in (("cpu", "uint8"), ("cuda", "uint8"), ("tpu", "float32")):
        text = lowered(platform, dtype)
        assert "gather" in text
        assert "dot_general" not in text


def test_only_a_tpu_is_told_how_views_lie() -> None:
    """And only of as many views as fill its vectors. The values stay."""
    for platform, count, orders in (("tpu", 256, 2), ("tpu", 100, 0), ("cuda", 256, 0)):
        views = jax.ShapeDtypeStruct((count, 3, 3, 3), "float32")
        text = jax.jit(lanes_of_images).trace(views).lower(lowering_platforms=(platform,)).as_text()
        assert text.count("@LayoutConstraint") == orders
    views = np.arange(128 * 12, dtype=np.float32).reshape(128, 2, 2, 3)
    np.testing.assert_array_equal(lanes_of_images(jnp.asarray(views)), views)


def test_crops_of_devices_that_have_their_own_images() -> None:
    """Inside `shard_map`, on a TPU, as well."""
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    images, corners, mirrored = (
        jax.ShapeDtypeStruct((256, *shape), dtype)
        for shape, dtype in (((*STORED, 3), "uint8"), ((2,), "int32"), ((), "bool"))
    )

    def views(*arrays: jax.Array) -> jax.Array:
        return lanes_of_images(crop_each(*arrays, size=SIZE, dtype="float32"))

    rows = jax.P("data")
    apart = jax.shard_map(views, mesh=mesh, in_specs=(rows,) * 3, out_specs=rows)
    traced = jax.jit(apart).trace(images, corners, mirrored)
    text = traced.lower(lowering_platforms=("tpu",)).as_text()
    assert (text.count("stablehlo.dot_general"), text.count("@LayoutConstraint")) == (2, 2)
