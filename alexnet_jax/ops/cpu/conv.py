"""Choice of the form of a convolution and its gradients that is fastest on a CPU.

Measured on two cores of an Intel Xeon, float32, 32 images, with an allocator that keeps its memory:
ms of XLA's form / of the form chosen here, unless the row names two others.

                                                           jax 0.10    jax 0.12
    conv1 forward, one more row and column of zeros        108 / 63     29 / 25
    conv1 kernel gradient, products over windows             - / 80    122 / 108
      one product for two images / for each (later)         86 / 82     98 / 84
    conv2, one tower, forward, Fourier                      27 / 28     36 / 28
      both gradients                                        86 / 58    106 / 42
    conv3 forward, Winograd                                 51 / 38     48 / 26
    conv3 kernel gradient, Winograd                         74 / 41    135 / 63
      both gradients: separate / from one transform        122 / 99     76 / 66

In bfloat16, computed in float32: a training step       1774 / 1569 1582 / 1200
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
from jax import lax

from alexnet_jax.ops import xla_conv
from alexnet_jax.ops.check import compute_dtype
from alexnet_jax.ops.cpu import cells, circular
from alexnet_jax.ops.cpu.fourier import fourier, fourier_gradients
from alexnet_jax.ops.cpu.microbatch import IMAGES
from alexnet_jax.ops.cpu.space_to_depth import folded_kernel_gradient
from alexnet_jax.ops.cpu.winograd import winograd, winograd_gradients
from alexnet_jax.ops.cpu.xla_gradients import input_gradient, kernel_gradient

# With fewer multiply-adds per image XLA's form is used: other forms gain little and take longer to
# compile. conv5 of one tower has 37 million.
_LARGE = 20_000_000


def convolution_at_once(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array | None:
    """Convolve all groups, if that is faster than `convolution` of each one; else None."""
    if not circular.fits(x, kernel, stride, padding):
        return None
    wide = compute_dtype(x.dtype)
    y = circular.circular(x.astype(wide), kernel.astype(wide), padding=padding)
    return y.astype(x.dtype)


def gradients_at_once(
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    *,
    need_dx: bool,
    need_dkernel: bool,
) -> xla_conv.Gradients | None:
    """Compute the needed gradients of `convolution_at_once`; None where that is None."""
    if not circular.fits(x, kernel, stride, padding):
        return None
    wide = (
        array.astype(compute_dtype(x.dtype)) for array in lax.optimization_barrier((x, dy, kernel))
    )
    dx, dkernel = circular.circular_gradients(*wide, padding=padding)
    # XLA does not compute a gradient that is dropped here.
    needed = (
        dx.astype(x.dtype) if need_dx else None,
        dkernel.astype(x.dtype) if need_dkernel else None,
    )
    both: xla_conv.Gradients = lax.optimization_barrier(needed)
    return both


def convolution(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Convolve one group like `xla_conv.convolution`."""
    forms = _tiled_forms(x, kernel, stride, padding)
    if forms is not None:
        convolve, _ = forms
        if not (isinstance(x.shape[0], int) and x.shape[0] <= IMAGES):
            # Without the barrier XLA would transform the kernel at the start of the program and
            # keep the result in memory. A group of `streamed` has no barrier, so that XLA can move
            # the transform out of the loop over groups.
            x, kernel = lax.optimization_barrier((x, kernel))
        wide = compute_dtype(x.dtype)
        return convolve(x.astype(wide), kernel.astype(wide), padding=padding).astype(x.dtype)
    # XLA has a faster form for uneven padding: add a row and a column that no window reads, if the
    # last window does not reach them.
    unread = (
        (n + 2 * padding - k) % stride for n, k in zip(x.shape[1:3], kernel.shape, strict=False)
    )
    beyond = 1 if max(unread) + 1 < stride else 0
    return xla_conv.convolution(x, kernel, stride, padding, beyond=beyond)


def gradients(
    x: jax.Array,
    dy: jax.Array,
    kernel: jax.Array,
    stride: int,
    padding: int,
    *,
    need_dx: bool,
    need_dkernel: bool,
) -> xla_conv.Gradients:
    """Compute the needed gradients like `xla_conv.gradients`."""
    forms = _tiled_forms(x, kernel, stride, padding)
    if forms is not None:
        _, differentiate = forms
        wide = (array.astype(compute_dtype(x.dtype)) for array in (x, dy, kernel))
        # XLA does not compute a gradient that is dropped here.
        both = [gradient.astype(x.dtype) for gradient in differentiate(*wide, padding=padding)]
        return both[0] if need_dx else None, both[1] if need_dkernel else None
    dx = input_gradient(x, dy, kernel, stride, padding) if need_dx else None
    if not need_dkernel:
        return dx, None
    if cells.fits(x, dy, stride):
        return dx, cells.kernel_gradient(x, dy, padding)
    if stride > 1:
        folded = folded_kernel_gradient(x, dy, shape=kernel.shape, stride=stride, padding=padding)
        return dx, folded
    return dx, kernel_gradient(x, dy, padding)


def _tiled_forms(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> tuple[Callable[..., jax.Array], Callable[..., tuple[jax.Array, jax.Array]]] | None:
    """Return the forms of a convolution and its gradients with fewer multiplications, if they fit.

    They need images, and float32 or float64: in the 16-bit formats their sums would lose too much
    precision.
    """
    if isinstance(x.shape[0], int) and x.shape[0] == 0:
        return None
    rows, columns = kernel.shape[:2]
    fits = rows == columns and padding < rows and stride == 1
    if not fits or not _is_large(x, kernel, padding):
        return None
    if rows == 3:
        return winograd, winograd_gradients
    if rows == 5:
        return fourier, fourier_gradients
    return None


def _is_large(x: jax.Array, kernel: jax.Array, padding: int) -> bool:
    """Whether a convolution with stride 1 takes many multiply-adds per image."""
    outputs = (n + 2 * padding - k + 1 for n, k in zip(x.shape[1:3], kernel.shape, strict=False))
    return math.prod(outputs) * math.prod(kernel.shape) >= _LARGE
