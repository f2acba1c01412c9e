"""Gradients of a convolution by XLA, in a form that is also fast in a loop.

JAX's transposes of a convolution are convolutions with permuted dimensions. XLA for CPUs rearranges
them for its convolution library, but not in a loop (`lax.scan`), where it computes them element by
element. Here they are forward convolutions of transposed arrays, which it takes as they are.

Measured on two cores of an Intel Xeon, float32, 64 images, layers of `small`: ms of JAX's transpose
/ of the form here, outside a loop and for each iteration of a loop of four.

                                         jax 0.10                  jax 0.12
                                    outside      in a loop     outside     in a loop
    conv1 input gradient           3.2 / 3.1     12.5 / 3.2   6.0 / 3.1     24.8 / 3.1
    conv1 kernel gradient          1.1 / 1.4     44.0 / 1.2   1.5 / 0.7     71.9 / 1.1
    conv2, one tower, input        1.3 / 1.2     39.9 / 1.2   2.4 / 1.3     80.2 / 1.3
    conv2, one tower, kernel       1.2 / 1.3    119.4 / 1.4   1.6 / 1.4    183.5 / 1.4
    conv3 input gradient           1.4 / 1.4      4.5 / 1.5   1.1 / 1.2      8.8 / 1.4
    conv3 kernel gradient          1.3 / 1.5     81.7 / 1.5   1.4 / 1.3    106.8 / 1.8
"""

from __future__ import annotations

import jax
from jax import lax

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def input_gradient(
    x: jax.Array, dy: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> jax.Array:
    """Compute the gradient with respect to x like `xla_conv.input_gradient`.

    It is the convolution of dy, with stride - 1 zeros between its values, with the kernel turned by
    180 degrees and its maps exchanged.
    """
    # Zeros around dy, so that the result has as many rows and columns as x.
    pads = [
        (k - 1 - padding, n + padding - 1 - (m - 1) * stride)
        for n, m, k in zip(x.shape[1:3], dy.shape[1:3], kernel.shape[:2], strict=True)
    ]
    dx: jax.Array = lax.conv_general_dilated(
        dy,
        kernel[::-1, ::-1].transpose(0, 1, 3, 2),
        window_strides=(1, 1),
        padding=pads,
        lhs_dilation=(stride, stride),
        dimension_numbers=_DIMENSIONS,
    )
    return dx


def kernel_gradient(x: jax.Array, dy: jax.Array, padding: int) -> jax.Array:
    """Compute the gradient with respect to the kernel, for stride 1, like `xla_conv` does.

    It is the convolution of x with dy, in which the images take the place of the input maps.
    """
    dkernel: jax.Array = lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        dy.transpose(1, 2, 0, 3),
        window_strides=(1, 1),
        padding=((padding, padding), (padding, padding)),
        dimension_numbers=_DIMENSIONS,
    )
    return dkernel.transpose(1, 2, 0, 3)
