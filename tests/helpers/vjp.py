"""A layer's value and gradients, as one call."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from helpers.reference import draw


def value_and_vjp(
    layer: Callable[..., jax.Array], *arguments: jax.Array
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]:
    """y, a random dy and the gradients of the arguments, compiled as one program."""

    def both(dy, *arguments):
        y, pull = jax.vjp(layer, *arguments)
        return y, pull(dy)

    shape = jax.eval_shape(layer, *arguments)
    dy = jnp.asarray(draw(*shape.shape, seed=9), shape.dtype)
    y, gradients = jax.jit(both)(dy, *arguments)
    return y, dy, gradients
