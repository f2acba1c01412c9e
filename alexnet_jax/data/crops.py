"""Crops of the images of a batch, each at its own place and mirrored or not."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jax.typing import DTypeLike

from alexnet_jax.ops import on_platform

# Images in a row of a TPU's vector registers: with fewer, `lanes_of_images` would pad them.
_LANES = 128


def crop_each(
    images: jax.Array,
    corners: jax.Array,
    mirrored: jax.Array | None,
    *,
    size: tuple[int, int],
    dtype: DTypeLike,
) -> jax.Array:
    """Cut one crop out of each image, in the form that is fastest on the platform.

        crop_b[i, j] = image_b[top_b + i, left_b + j],    j counted from the right if mirrored

    All forms give the same bits. Estimates of XLA's compiler for a TPU v5e, in ms for 128 and
    1,024 images of 256 x 256 and crops of 227 x 227:

                                                       128      1,024
        slices (a loop whose body copies all images)   26.3     1,921
        products with 0/1 matrices                      0.2       2.6

    Args:
      images: [B, H, W, C] uint8.
      corners: [B, 2] int32, (top, left) of each crop, which lies inside its image.
      mirrored: [B] boolean, or None if no crop is mirrored.
      size: (height, width) of the crops.

    Returns:
      [B, height, width, C] of `dtype`, which holds 0 to 255 exactly.
    """
    # Products hold the values of other types only to 8 bits.
    products = partial(_by_products, size=size, dtype=dtype) if images.dtype == jnp.uint8 else None
    slices = partial(_by_slices, size=size, dtype=dtype)
    return on_platform(images, corners, mirrored, cpu=slices, default=slices, tpu=products)


def _by_slices(
    images: jax.Array,
    corners: jax.Array,
    mirrored: jax.Array | None,
    *,
    size: tuple[int, int],
    dtype: DTypeLike,
) -> jax.Array:
    """Crop by a slice of each image: a gather on CPUs and GPUs."""

    def crop(image: jax.Array, corner: jax.Array) -> jax.Array:
        start = (corner[0], corner[1], jnp.int32(0))
        return lax.dynamic_slice(image, start, (*size, image.shape[2])).astype(dtype)

    return mirror_each(jax.vmap(crop)(images, corners), mirrored)


def _by_products(
    images: jax.Array,
    corners: jax.Array,
    mirrored: jax.Array | None,
    *,
    size: tuple[int, int],
    dtype: DTypeLike,
) -> jax.Array:
    """Crop by two products of each image with matrices of one 1 in a row.

    The first selects rows, the second selects columns and mirrors. A sum has one term that is not
    0, an integer from 0 to 255, which bfloat16 holds: the result is exact.
    """
    height, width = size
    columns = jnp.broadcast_to(_numbers(width)[None], (images.shape[0], width))
    if mirrored is not None:
        columns = jnp.where(mirrored[:, None], width - 1 - columns, columns)
    of_rows = _one_hot(corners[:, :1] + _numbers(height)[None], images.shape[1])
    of_columns = _one_hot(corners[:, 1:] + columns, images.shape[2])
    multiply = partial(
        jnp.einsum, precision=lax.Precision.DEFAULT, preferred_element_type=jnp.bfloat16
    )
    rows = multiply("bhy,byxc->bhxc", of_rows, images.astype(jnp.bfloat16))
    return multiply("bwx,bhxc->bhwc", of_columns, rows).astype(dtype)


def _numbers(count: int) -> jax.Array:
    return jnp.arange(count, dtype=jnp.int32)


def _one_hot(places: jax.Array, count: int) -> jax.Array:
    """Return [B, N, count] bfloat16 with 1 at each of the places [B, N]."""
    return (places[..., None] == _numbers(count)[None, None]).astype(jnp.bfloat16)


def mirror_each(images: jax.Array, mirrored: jax.Array | None) -> jax.Array:
    """Mirror left to right those of [B, H, W, C] images for which [B] `mirrored` is true."""
    if mirrored is None:
        return images
    return jnp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def lanes_of_images(views: jax.Array) -> jax.Array:
    """Lay the views [B, H, W, C] of a batch out as a TPU's convolution of few channels reads them.

    Its vectors run over images. XLA chooses the same order for the convolution, but another one of
    the other axes, in which the copy and the convolution take longer: at 1,024 bfloat16 views of
    227 x 227, forward and backward, 17.7 million estimated cycles against 14.6 on a v5e. The values
    do not change, and other platforms are left alone.
    """
    if views.shape[0] % _LANES:
        return views

    def lay_out(views: jax.Array) -> jax.Array:
        # The first order is that of the products, so that the mean is subtracted with them.
        for order in ((0, 3, 1, 2), (1, 3, 2, 0)):
            constrained = with_layout_constraint(views, Layout(major_to_minor=order))
            views = lax.optimization_barrier(constrained)
        return views

    return on_platform(views, cpu=_unchanged, default=_unchanged, tpu=lay_out)


def _unchanged(views: jax.Array) -> jax.Array:
    return views
