"""The layers in float64 NumPy, forward and backward, written straight from their sums.

The tests compare the package with these. Nothing here uses JAX or differentiates automatically:
every backward pass is spelled out. Channels come last and any leading axes are allowed; the
images of a batch are folded into one axis `b` while a layer works. A `*_vjp` function takes
the arguments of its layer and the gradient `dy` of the output, and returns the gradients of
the differentiable arguments.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray

# (values, gradients): the largest difference allowed, relative to the largest wanted value.
TOLERANCE = {"float64": (1e-12, 1e-12), "float32": (1e-6, 1e-5), "bfloat16": (1e-2, 2e-2)}


def assert_close(got: Any, want: Any, tolerance: float) -> None:
    """max |got - want| <= tolerance max |want|, with equal shapes and NaNs in the same places."""
    got, want = float64(got), float64(want)
    assert got.shape == want.shape, (got.shape, want.shape)
    scale = np.max(np.abs(want), initial=0.0, where=np.isfinite(want))
    np.testing.assert_allclose(got, want, rtol=0.0, atol=tolerance * scale)


def float64(x: Any) -> Array:
    """Any array, JAX's bfloat16 too, as float64."""
    return np.asarray(x).astype(np.float64)


def draw(*shape: int, seed: int = 0) -> Array:
    """Standard normal numbers, the same for the same shape and seed."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def output_size(size: int, window: int, stride: int, padding: int = 0) -> int:
    """floor((W - K + 2P) / S) + 1."""
    return (size - window + 2 * padding) // stride + 1


def _fold(x: Any, rank: int) -> Array:
    """[..., *rest] -> [b, *rest], where `rest` has `rank` axes."""
    x = float64(x)
    return x.reshape(-1, *x.shape[x.ndim - rank :])


# --- convolution ---------------------------------------------------------------------------


def _groups(channels: int, kernel: Array) -> Iterator[tuple[slice, slice]]:
    """For every group, its slice of the input maps and its slice of the output maps."""
    maps_in, maps_out = kernel.shape[2:]
    groups = channels // maps_in
    share = maps_out // groups
    for g in range(groups):
        yield slice(g * maps_in, (g + 1) * maps_in), slice(g * share, (g + 1) * share)


def conv2d(x: Any, kernel: Any, bias: Any = None, *, stride: int = 1, padding: int = 0) -> Array:
    """y[i, j, l] = b[l] + sum_{p, q, c} W[p, q, c, l] x[S i + p - P, S j + q - P, c]."""
    lead, kernel = np.shape(x)[:-3], float64(kernel)
    border = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    images = np.pad(_fold(x, 3), border)
    kh, kw = kernel.shape[:2]
    rows, columns = (output_size(images.shape[a], kernel.shape[a - 1], stride) for a in (1, 2))
    y = np.zeros((len(images), rows, columns, kernel.shape[3]))
    for i, j in np.ndindex(rows, columns):
        window = images[:, stride * i : stride * i + kh, stride * j : stride * j + kw]
        for read, write in _groups(images.shape[3], kernel):
            y[:, i, j, write] = np.einsum("bpqc,pqcl->bl", window[..., read], kernel[..., write])
    if bias is not None:
        y += float64(bias)
    return y.reshape(*lead, *y.shape[1:])


def conv2d_vjp(
    x: Any, kernel: Any, dy: Any, *, stride: int = 1, padding: int = 0
) -> tuple[Array, Array, Array]:
    """Gradients of input, kernel and bias.

    dx[u, v, c]    = sum_{l, i, j, p, q} dy[i, j, l] W[p, q, c, l] where S i + p - P = u
                     and S j + q - P = v
    dW[p, q, c, l] = sum_{b, i, j} dy[b, i, j, l] x[b, S i + p - P, S j + q - P, c]
    db[l]          = sum_{b, i, j} dy[b, i, j, l]
    """
    images, dy, kernel = _fold(x, 3), _fold(dy, 3), float64(kernel)
    dx, dkernel = np.zeros(images.shape), np.zeros(kernel.shape)
    height, width, channels = images.shape[1:]
    for i, j, p, q in np.ndindex(*dy.shape[1:3], *kernel.shape[:2]):
        u, v = stride * i + p - padding, stride * j + q - padding
        if not (0 <= u < height and 0 <= v < width):
            continue
        for read, write in _groups(channels, kernel):
            delta = dy[:, i, j, write]
            dx[:, u, v, read] += delta @ kernel[p, q, :, write].T
            dkernel[p, q, :, write] += images[:, u, v, read].T @ delta
    return dx.reshape(np.shape(x)), dkernel, dy.sum(axis=(0, 1, 2))


# --- local response normalisation ----------------------------------------------------------


def lrn_window(i: int, n: int, maps: int) -> range:
    """W(i): the maps i - n//2 ... i + (n - 1)//2 that exist."""
    return range(max(0, i - n // 2), min(maps - 1, i + (n - 1) // 2) + 1)


def _lrn_scale(a: Array, n: int, k: float, alpha: float) -> Array:
    """D[i] = k + alpha sum_{j in W(i)} a[j]^2."""
    scale = np.full(a.shape, float(k))
    for i in range(a.shape[-1]):
        for j in lrn_window(i, n, a.shape[-1]):
            scale[..., i] += alpha * a[..., j] ** 2
    return scale


def local_response_norm(
    x: Any, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> Array:
    """b[i] = a[i] D[i]^-beta."""
    a = float64(x)
    return a * _lrn_scale(a, n, k, alpha) ** -beta


def local_response_norm_vjp(
    x: Any, dy: Any, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> tuple[Array]:
    """dx[j] = dy[j] D[j]^-beta - 2 alpha beta a[j] sum_{i: j in W(i)} dy[i] a[i] D[i]^(-beta-1)."""
    a, dy = float64(x), float64(dy)
    scale = _lrn_scale(a, n, k, alpha)
    dx = dy * scale**-beta
    for i in range(a.shape[-1]):
        for j in lrn_window(i, n, a.shape[-1]):
            pull = dy[..., i] * a[..., i] * scale[..., i] ** (-beta - 1)
            dx[..., j] -= 2 * alpha * beta * a[..., j] * pull
    return (dx,)


def local_response_norm_jacobian(
    x: Any, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> Array:
    """[..., i, j]: [i = j] D[i]^-beta - [j in W(i)] 2 alpha beta a[i] a[j] D[i]^(-beta-1)."""
    a = float64(x)
    scale, maps = _lrn_scale(a, n, k, alpha), a.shape[-1]
    jacobian = np.zeros((*a.shape, maps))
    for i in range(maps):
        jacobian[..., i, i] = scale[..., i] ** -beta
        for j in lrn_window(i, n, maps):
            cross = a[..., i] * a[..., j] * scale[..., i] ** (-beta - 1)
            jacobian[..., i, j] -= 2 * alpha * beta * cross
    return jacobian


def local_response_norm_own_map(
    x: Any, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75
) -> Array:
    """The documented derivative, db[i]/da[i] alone: D^-beta - alpha beta a D^(-beta-1) 2 a."""
    a = float64(x)
    scale = _lrn_scale(a, n, k, alpha)
    return scale**-beta - alpha * beta * a * scale ** (-beta - 1) * 2 * a


# --- max pooling ---------------------------------------------------------------------------


def max_pool(x: Any, *, size: int = 3, stride: int = 2) -> Array:
    """y[i, j] = max_{p, q} x[S i + p, S j + q]; a NaN in the window is its maximum."""
    lead, images = np.shape(x)[:-3], _fold(x, 3)
    rows, columns = (output_size(n, size, stride) for n in images.shape[1:3])
    y = np.zeros((len(images), rows, columns, images.shape[3]))
    for i, j in np.ndindex(rows, columns):
        window = images[:, stride * i : stride * i + size, stride * j : stride * j + size]
        y[:, i, j] = window.max(axis=(1, 2))
    return y.reshape(*lead, *y.shape[1:])


def max_pool_vjp(x: Any, dy: Any, *, size: int = 3, stride: int = 2) -> tuple[Array]:
    """dx[u, v] = sum of dy[i, j] over the windows that hold (u, v) and where x[u, v] = y[i, j]."""
    y, dy = _fold(max_pool(x, size=size, stride=stride), 3), _fold(dy, 3)
    images = _fold(x, 3)
    dx = np.zeros(images.shape)
    for i, j, p, q in np.ndindex(*y.shape[1:3], size, size):
        u, v = stride * i + p, stride * j + q
        dx[:, u, v] += np.where(images[:, u, v] == y[:, i, j], dy[:, i, j], 0.0)
    return (dx.reshape(np.shape(x)),)


# --- dense layers, dropout and the loss ----------------------------------------------------


def dense(x: Any, kernel: Any, bias: Any = None) -> Array:
    """y[o] = b[o] + sum_i x[i] W[i, o]."""
    y = float64(x) @ float64(kernel)
    return y if bias is None else y + float64(bias)


def dense_vjp(x: Any, kernel: Any, dy: Any) -> tuple[Array, Array, Array]:
    """dx[i] = sum_o dy[o] W[i, o]; dW[i, o] = sum_b x[b, i] dy[b, o]; db[o] = sum_b dy[b, o]."""
    dx = float64(dy) @ float64(kernel).T
    return dx, _fold(x, 1).T @ _fold(dy, 1), _fold(dy, 1).sum(axis=0)


def dropout(x: Any, mask: Any, *, keep: float = 0.5) -> Array:
    """Training: x times the mask. Testing (no mask): x times the probability of keeping."""
    return float64(x) * (keep if mask is None else float64(mask))


def dropout_vjp(x: Any, mask: Any, dy: Any, *, keep: float = 0.5) -> tuple[Array]:
    """dx = dy times the same mask, or times the probability of keeping."""
    return (dropout(dy, mask, keep=keep),)


def softmax(z: Any) -> Array:
    """y[k] = exp(z[k]) / sum_j exp(z[j]), with the largest z taken from all."""
    z = float64(z)
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_vjp(z: Any, dy: Any) -> tuple[Array]:
    """dz[k] = y[k] (dy[k] - sum_j dy[j] y[j])."""
    y, dy = softmax(z), float64(dy)
    return (y * (dy - (dy * y).sum(axis=-1, keepdims=True)),)


def _probabilities(logits: Any, targets: Any) -> Array:
    """Integer labels as one-hot rows; probabilities as they are."""
    if np.issubdtype(np.asarray(targets).dtype, np.integer):
        return np.eye(np.shape(logits)[-1])[np.asarray(targets)]
    return float64(targets)


def cross_entropy(logits: Any, targets: Any) -> Array:
    """-sum_k t[k] log softmax(z)[k]."""
    z = float64(logits)
    z = z - z.max(axis=-1, keepdims=True)
    log_softmax = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -(_probabilities(logits, targets) * log_softmax).sum(axis=-1)


def cross_entropy_vjp(logits: Any, targets: Any, dloss: Any) -> tuple[Array]:
    """dz = dloss (softmax(z) - t)."""
    return (float64(dloss)[..., None] * (softmax(logits) - _probabilities(logits, targets)),)
