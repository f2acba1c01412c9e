"""Precision of matrix products and convolutions of float32 arrays on accelerators."""

from __future__ import annotations

import contextlib

import jax


def product_precision(name: str) -> contextlib.AbstractContextManager[None]:
    """Trace a function with the products of a precision, "default" or "highest".

    "default" leaves the setting of JAX alone. JAX's own default rounds the factors of float32
    products to bfloat16 (8 bits) on a TPU and to TensorFloat-32 (11 bits) on newer GPUs, and sums
    in float32; on a CPU it is exact to rounding in float32. "highest" is that everywhere: on a TPU
    each product is computed as six of bfloat16 parts. Products of other dtypes do not change.
    """
    if name == "default":
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[None] = jax.default_matmul_precision(name)
    return context
