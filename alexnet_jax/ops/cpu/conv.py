"""The forms of a convolution and its gradients that are fastest on a CPU: the one place of choice.

Measured on two cores of an Intel Xeon, float32, 32 images, with an allocator that keeps its memory:
ms of the library's form / of this one.

                                                           jax 0.10    jax 0.12
    conv1 forward, a row and a column of zeros more        108 / 63     29 / 25
    conv1 kernel gradient, products over windows             - / 80    122 / 108
      a product for each image, for one of two (later)      86 / 82     98 / 84
    conv2, half, forward, Fourier's form                    27 / 28     36 / 28
      both gradients                                        86 / 58    106 / 42
    conv3 forward, Winograd's form                          51 / 38     48 / 26
    conv3 kernel gradient, Winograd's form                  74 / 41    135 / 63
      both gradients, beside these two apart               122 / 99     76 / 66

In bfloat16, computed in float32: a training step       1774 / 1569 1582 / 1200
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
from jax import lax

from alexnet_jax.ops import xla_conv
from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.cpu.fourier import fourier, fourier_gradients
from alexnet_jax.ops.cpu.microbatch import IMAGES
from alexnet_jax.ops.cpu.space_to_depth import folded_kernel_gradient
from alexnet_jax.ops.cpu.winograd import winograd, winograd_gradients

# Below so many multiply-adds an image the library's form is kept: little to win, more to compile.
# A half of conv5 has 37 million.
_LARGE = 20_000_000


def convolution(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """As `xla_conv.convolution`."""
    if forms := _in_tiles(x, kernel, stride, padding):
        if not (isinstance(x.shape[0], int) and x.shape[0] <= IMAGES):
            # The kernel is not transformed before x is there: it would be held from the start.
            # But for a group of `streamed`, out of whose loop XLA takes what is made of the kernel.
            x, kernel = lax.optimization_barrier((x, kernel))
        wide = compute_dtype(x.dtype)
        return forms[0](x.astype(wide), kernel.astype(wide), padding=padding).astype(x.dtype)
    # With uneven padding the library takes another, faster way. No window reads these zeros.
    over = (
        (n + 2 * padding - k) % stride for n, k in zip(x.shape[1:3], kernel.shape, strict=False)
    )
    return xla_conv.convolution(x, kernel, stride, padding, beyond=int(max(over) + 1 < stride))


def gradients(
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    *,
    of_x: bool,
    of_kernel: bool,
) -> xla_conv.Gradients:
    """As `xla_conv.gradients`."""
    if forms := _in_tiles(x, kernel, stride, padding):
        wide = (array.astype(compute_dtype(x.dtype)) for array in (x, dy, kernel))
        # What is not asked for is not computed: nothing reads it.
        both = [gradient.astype(x.dtype) for gradient in forms[1](*wide, padding=padding)]
        return both[0] if of_x else None, both[1] if of_kernel else None
    dx = xla_conv.input_gradient(x, dy, kernel, stride, padding) if of_x else None
    if not of_kernel:
        return dx, None
    if stride > 1:
        folded = folded_kernel_gradient(x, dy, shape=kernel.shape, stride=stride, padding=padding)
        return dx, folded
    return dx, xla_conv.kernel_gradient(x, dy, kernel, stride, padding)


def _in_tiles(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> tuple[Callable[..., jax.Array], Callable[..., tuple[jax.Array, jax.Array]]] | None:
    """The forms of a convolution and its gradients that take fewer multiplications, where they
    serve. Their sums would lose too much in the 16-bit formats, and are made in float32."""
    rows, columns = kernel.shape[:2]
    fits = rows == columns and padding < rows and stride == 1
    if not fits or not _large(x, kernel, padding):
        return None
    return {3: (winograd, winograd_gradients), 5: (fourier, fourier_gradients)}.get(rows)


def _large(x: jax.Array, kernel: jax.Array, padding: int) -> bool:
    """By the multiply-adds of an image, with stride 1."""
    outputs = (n + 2 * padding - k + 1 for n, k in zip(x.shape[1:3], kernel.shape, strict=False))
    return math.prod(outputs) * math.prod(kernel.shape) >= _LARGE
