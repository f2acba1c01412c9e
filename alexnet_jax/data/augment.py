"""Views of stored images: crop, mirror, colour noise and normalization, on the device.

Stored images are uint8 and larger than the network's input by a border. A view is a crop of a
stored image, in the form that the network takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from alexnet_jax.data.crops import crop_each, lanes_of_images, mirror_each
from alexnet_jax.ops import compute_dtype

Scale = float | Sequence[float] | np.ndarray
Size = int | tuple[int, int]  # side of a square, or (height, width)


class Statistics(NamedTuple):
    """Statistics of the training split's pixels, in units of 0 to 255; float32.

    `deviations` are standard deviations along the eigenvectors of the colour covariance (columns
    of `eigenvectors`), largest first; the paper writes eigenvalues, its source used their square
    roots. The arrays lie on the host or on devices.
    """

    mean: jax.Array | np.ndarray  # [S, S, C] mean image
    eigenvectors: jax.Array | np.ndarray  # [C, C]
    deviations: jax.Array | np.ndarray  # [C]

    @classmethod
    def abstract(cls, stored_size: int, channels: int) -> Statistics:
        """Return the shapes and dtypes, as restoring from a checkpoint needs them."""
        shapes = ((stored_size, stored_size, channels), (channels, channels), (channels,))
        abstract: Statistics = jax.eval_shape(
            lambda: cls(*(jnp.zeros(shape, jnp.float32) for shape in shapes))
        )
        return abstract


def centre_crop(images: jax.Array, size: Size) -> jax.Array:
    """Return the central [..., h, w, C] of [..., H, W, C], of the height and width `size`.

    Of an odd border, the smaller part is above or at the left.

    Raises:
      ValueError: the crop does not fit into the images.
    """
    height, width = _sides(size)
    border = images.shape[-3] - height, images.shape[-2] - width
    if min(height, width) < 1 or min(border) < 0:
        raise ValueError(f"a crop of {size} does not fit into images of {images.shape}")
    top, left = border[0] // 2, border[1] // 2
    return images[..., top : top + height, left : left + width, :]


def centre_views(
    images: jax.Array,
    statistics: Statistics,
    *,
    size: Size,
    scale: Scale,
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """Return centre crops minus the centre of the mean image, times `scale`.

    Args:
      images: [B, S, S, C] uint8.
      size: side of the crop, or its (height, width), <= S.
      scale: factor on the result, or one for each channel; 1 keeps the paper's pixel units.

    Returns:
      [B, height, width, C] of `dtype`.
    """
    work = compute_dtype(dtype)  # bfloat16 would round the mean by up to a grey level
    crops = centre_crop(images, size).astype(work)
    views = (crops - _mean(statistics, size, work)[None]) * _factor(scale, 4, work)
    return views.astype(dtype)


def ten_views(
    images: jax.Array,
    statistics: Statistics,
    *,
    size: Size,
    scale: Scale,
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """Return the ten views of 2012: four corners and the centre, then the same five mirrored.

    The crops start, in the source's order, at (top, left) = (0, 0), (0, 2b), (b, b), (2b, 0),
    (2b, 2b) for a border b; crops that are not square have one for rows and one for columns. The
    centre of the mean image is subtracted after mirroring.

    Args:
      images: [B, S, S, C] uint8, S > size.

    Returns:
      [10, B, height, width, C] of `dtype`.

    Raises:
      ValueError: the images are not larger than the crop.

    Source: paper section 4.1; `convdata_jpeg.py` of the 2012 source.
    """
    height, width = _sides(size)
    down, right = images.shape[-3] - height, images.shape[-2] - width
    if min(down, right) < 1:
        raise ValueError(f"ten views need images larger than {size}, got {images.shape}")
    work = compute_dtype(dtype)
    corners = ((0, 0), (0, right), (down // 2, right // 2), (down, 0), (down, right))
    crops = [images[:, top : top + height, left : left + width] for top, left in corners]
    views = jnp.stack([*crops, *(crop[:, :, ::-1] for crop in crops)]).astype(work)
    views = (views - _mean(statistics, size, work)[None, None]) * _factor(scale, 5, work)
    return views.astype(dtype)


def training_views(
    keys: jax.Array,
    images: jax.Array,
    statistics: Statistics,
    *,
    size: Size,
    mirror: bool,
    colour_noise: float,
    scale: Scale,
    random_crop: bool = True,
    attenuate: bool = False,
    place_keys: jax.Array | None = None,
    dtype: DTypeLike = jnp.float32,
) -> jax.Array:
    """Return a random crop of each image, mirrored or not, with colour noise, minus the mean.

        view = scale (crop - mean + sum_c p_c z_c s_c),   z_c ~ N(0, colour_noise^2)

    with p_c, s_c the eigenvectors and standard deviations of the training pixels' colours; z_c is
    drawn once for a whole image. The offset is uniform over all (S - size + 1)^2 positions, and
    the *centre* of the mean image is subtracted wherever the crop lies, as in 2012. Each image's
    draws come from its own key, so that any split of the batch draws the same.

    Args:
      keys: [B] random keys.
      images: [B, S, S, C] uint8.
      size: side of the crop, or its (height, width), <= S.
      mirror: whether half of the crops are mirrored left to right.
      colour_noise: standard deviation of the draws; 0.1 in the paper, 0 for none.
      scale: factor on the result, or one for each channel; 1 keeps the paper's pixel units.
      random_crop: whether the crop's position is drawn; otherwise it is the centre.
      attenuate: whether to divide by 1 + colour_noise, as the 2012 source does in training.
      place_keys: [B] random keys for crop and mirror alone, where images share them; `keys` by
        default.

    Returns:
      [B, height, width, C] of `dtype`.

    Source: paper section 4.1; `convdata_jpeg.py` of the 2012 source.
    """
    work = compute_dtype(dtype)  # bfloat16 would round the mean by up to a grey level
    factor = np.asarray(scale) / (1 + colour_noise) if attenuate else scale
    split = jax.vmap(partial(jax.random.split, num=3))
    own = split(keys)
    place = own if place_keys is None else split(place_keys)
    mirrored = jax.vmap(_is_mirrored)(place[:, 1]) if mirror else None
    if random_crop:
        sides = _sides(size)
        corners = jax.vmap(partial(_corner, images.shape[1:3], sides))(place[:, 0])
        crops = crop_each(images, corners, mirrored, size=sides, dtype=work)
    else:
        crops = mirror_each(centre_crop(images, size), mirrored).astype(work)
    views = crops - _mean(statistics, size, work)[None]
    if colour_noise > 0:
        noise = jax.vmap(partial(_colour_noise, statistics, colour_noise, work))(own[:, 2])
        views = views + noise[:, None, None]
    return lanes_of_images((views * _factor(factor, 4, work)).astype(dtype))


def _corner(stored: tuple[int, ...], size: tuple[int, int], key: jax.Array) -> jax.Array:
    """Draw the top and left of a crop, [2] int32."""
    ends = np.array([stored[0] - size[0] + 1, stored[1] - size[1] + 1], np.int32)
    return jax.random.randint(key, (2,), 0, ends, jnp.int32)


def _is_mirrored(key: jax.Array) -> jax.Array:
    return jax.random.uniform(key, (), jnp.float32) < 0.5


def _colour_noise(
    statistics: Statistics, deviation: float, dtype: DTypeLike, key: jax.Array
) -> jax.Array:
    """Draw what is added to the channels of an image, [C]."""
    drawn = jax.random.normal(key, statistics.deviations.shape, jnp.float32)
    drawn = deviation * drawn.astype(dtype)
    along = drawn * statistics.deviations.astype(dtype)
    return jnp.asarray(statistics.eigenvectors, dtype) @ along


def _factor(scale: Scale, axes: int, dtype: DTypeLike) -> jax.Array:
    """Return `scale` shaped to multiply arrays with `axes` axes, channels last."""
    return jnp.asarray(scale, dtype).reshape((1,) * (axes - 1) + (-1,))


def _sides(size: Size) -> tuple[int, int]:
    """Return the height and width of a crop."""
    return (size, size) if isinstance(size, int) else size


def _mean(statistics: Statistics, size: Size, dtype: DTypeLike) -> jax.Array:
    mean = cast(jax.Array, statistics.mean)  # arrays of NumPy are cropped alike
    return centre_crop(mean, size).astype(dtype)
