"""Dtype of a module's computation, as Flax's own modules choose it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.forward import check_images
from alexnet_jax.network.steps import Params


def converted(
    architecture: Architecture, params: Params, images: jax.Array, dtype: DTypeLike | None
) -> tuple[Params, jax.Array]:
    """Return parameters and images in one dtype, for `forward`.

    Args:
      dtype: None stands for the dtype to which parameters and images promote, float32 for bfloat16
        images and float32 parameters.

    Raises:
      TypeError: images that are not floating. ValueError: images of another shape.
    """
    check_images(architecture, images)
    arrays: tuple[Params, jax.Array] = jax.tree.map(jnp.asarray, (params, images))
    if dtype is None:
        with jax.numpy_dtype_promotion("standard"):  # also where the user has set "strict"
            dtype = jnp.result_type(*(x.dtype for x in jax.tree.leaves(arrays)))
    of_dtype: tuple[Params, jax.Array] = jax.tree.map(lambda x: x.astype(dtype), arrays)
    return of_dtype
