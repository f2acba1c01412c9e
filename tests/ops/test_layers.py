"""What every layer must do: match its reference, keep dtypes, take any leading axes, transform."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference, reference_local
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.vjp import value_and_vjp
from jax.test_util import check_grads

from alexnet_jax import ops

MAPS = 6


class Layer(NamedTuple):
    """A layer of this many arguments; the first one takes leading axes."""

    apply: Callable[..., jax.Array]
    value: Callable[..., np.ndarray]
    vjp: Callable[..., tuple[np.ndarray, ...]]  # of the arguments and dy
    shapes: tuple[tuple[int, ...], ...]

    def arguments(self, dtype: str, lead: tuple[int, ...] = (), seed: int = 0) -> list[jax.Array]:
        first, *rest = self.shapes
        shapes = [(*lead, *first), *rest]
        return [jnp.asarray(draw(*s, seed=seed + i), dtype) for i, s in enumerate(shapes)]


def conv(kernel_maps: int, **geometry: int) -> Layer:
    def vjp(x, kernel, bias, dy):
        return reference.conv2d_vjp(x, kernel, dy, **geometry)

    shapes = ((6, 5, MAPS), (3, 3, kernel_maps, 6), (6,))
    apply, value = partial(ops.conv2d, **geometry), partial(reference.conv2d, **geometry)
    return Layer(apply, value, vjp, shapes)


def local(**geometry: int) -> Layer:
    def vjp(x, kernel, bias, dy):
        return reference_local.locally_connected_vjp(x, kernel, dy, **geometry)

    functions = (ops.locally_connected, reference_local.locally_connected)
    shapes = ((5, 4, 3), (3, 2, 3, 3, 3, 2), (3, 2, 2))
    return Layer(*(partial(f, **geometry) for f in functions), vjp, shapes)


def average_pool(*shape: int, **geometry: int) -> Layer:
    functions = (
        ops.average_pool, reference_local.average_pool, reference_local.average_pool_vjp
    )  # fmt: skip
    return Layer(*(partial(f, **geometry) for f in functions), (shape,))


def mask_of(x: jax.Array) -> np.ndarray:
    return np.arange(x.size).reshape(x.shape) % 3 > 0


def dropout(training: bool) -> Layer:
    def mask(x):
        return mask_of(x) if training else None

    return Layer(
        lambda x: ops.dropout(x, None if mask(x) is None else jnp.asarray(mask(x)), keep=0.25),
        lambda x: reference.dropout(x, mask(x), keep=0.25),
        lambda x, dy: reference.dropout_vjp(x, mask(x), dy, keep=0.25),
        ((4, MAPS),),
    )


def labels_of(z: jax.Array) -> np.ndarray:
    return np.arange(z.size // z.shape[-1], dtype=np.int32).reshape(z.shape[:-1]) % z.shape[-1]


def probabilities_of(z: jax.Array) -> np.ndarray:
    """Rows of halves, quarters and eighths, exact in every dtype."""
    rows = np.array([np.roll([0.5, 0.25, 0.125, 0.125, 0, 0], i) for i in range(MAPS)])
    return rows[labels_of(z)]


def cross_entropy(targets_of: Callable[[jax.Array], np.ndarray]) -> Layer:
    def apply(z):
        targets = targets_of(z)
        return ops.cross_entropy(
            z, jnp.asarray(targets, z.dtype if targets.ndim == z.ndim else None)
        )

    return Layer(
        apply,
        lambda z: reference.cross_entropy(z, targets_of(z)),
        lambda z, dloss: reference.cross_entropy_vjp(z, targets_of(z), dloss),
        ((MAPS,),),
    )


def plain(name: str, *shapes: tuple[int, ...], **options: float) -> Layer:
    functions = (getattr(ops, name), getattr(reference, name), getattr(reference, f"{name}_vjp"))
    return Layer(*(partial(f, **options) for f in functions), shapes)


LAYERS = {
    "conv2d": conv(MAPS, stride=2, padding=1),
    "conv2d two groups": conv(MAPS // 2, padding=1),
    "lrn": plain("local_response_norm", (3, MAPS)),
    "lrn strong": plain("local_response_norm", (3, MAPS), n=4, k=1.0, alpha=0.5, beta=0.6),
    "max_pool": plain("max_pool", (6, 7, 2)),
    "average_pool": average_pool(7, 6, 2),
    "average_pool beyond the maps": average_pool(6, 8, 2, overhang=True),
    "locally_connected": local(stride=2, padding=1),
    "dense": Layer(
        ops.dense,
        reference.dense,
        lambda x, kernel, bias, dy: reference.dense_vjp(x, kernel, dy),
        ((MAPS,), (MAPS, 3), (3,)),
    ),
    "dropout training": dropout(training=True),
    "dropout testing": dropout(training=False),
    "softmax": plain("softmax", (MAPS,)),
    "cross_entropy labels": cross_entropy(labels_of),
    "cross_entropy probabilities": cross_entropy(probabilities_of),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def output_dtype(layer: Layer, dtype: str) -> str:
    loss = layer in (LAYERS["cross_entropy labels"], LAYERS["cross_entropy probabilities"])
    return "float32" if loss and dtype == "bfloat16" else dtype


@every_layer
@pytest.mark.parametrize(
    ("dtype", "lead"),
    [
        ("float64", ()),
        ("float64", (2, 1, 3)),
        ("float32", (3,)),
        ("bfloat16", (3,)),
    ],
)
def test_value_and_vjp_match_the_reference(layer: Layer, dtype: str, lead: tuple[int, ...]) -> None:
    with jax.enable_x64(dtype == "float64"):
        arguments = layer.arguments(dtype, lead)
        y, dy, gradients = value_and_vjp(layer.apply, *arguments)
    values, slopes = TOLERANCE[dtype]
    assert y.dtype == output_dtype(layer, dtype)
    assert_close(y, layer.value(*arguments), values)
    for gradient, argument, want in zip(
        gradients, arguments, layer.vjp(*arguments, dy), strict=True
    ):
        assert gradient.dtype == argument.dtype
        assert_close(gradient, want, slopes)


@every_layer
def test_reference_gradients_are_slopes_of_the_reference(layer: Layer) -> None:
    """The references check themselves: <dy, f(x + h v) - f(x - h v)> / 2h = <vjp(dy), v>."""
    arguments = [draw(*shape, seed=i) for i, shape in enumerate(layer.shapes)]
    steps = [draw(*shape, seed=20 + i) for i, shape in enumerate(layer.shapes)]
    dy, h = draw(*layer.value(*arguments).shape, seed=9), 1e-6
    forth = layer.value(*(a + h * v for a, v in zip(arguments, steps, strict=True)))
    back = layer.value(*(a - h * v for a, v in zip(arguments, steps, strict=True)))
    slope = np.sum(dy * (forth - back)) / (2 * h)
    gradients = layer.vjp(*arguments, dy)
    assert_close(sum(np.sum(g * v) for g, v in zip(gradients, steps, strict=True)), slope, 1e-7)


@every_layer
def test_gradients_are_finite_differences(layer: Layer) -> None:
    """First order, and second where one argument alone can bend."""
    order = 1 if len(layer.shapes) > 1 else 2
    with jax.enable_x64(True):
        check_grads(
            jax.jit(layer.apply), layer.arguments("float64"), order=order, modes=("rev",), rtol=1e-5
        )


@every_layer
def test_jit_equals_eager(layer: Layer) -> None:
    arguments = layer.arguments("float32", (2,))
    compiled, dy, gradients = value_and_vjp(layer.apply, *arguments)
    y, pull = jax.vjp(layer.apply, *arguments)
    values, slopes = TOLERANCE["float32"]
    assert_close(compiled, y, values)
    for got, want in zip(gradients, pull(dy), strict=True):
        assert_close(got, want, slopes)


@pytest.mark.parametrize(
    ("layer", "shared"),
    [
        pytest.param(layer, shared, id=f"{name}{'' if shared else ', a kernel each'}")
        for name, layer in LAYERS.items()
        for shared in ([True, False] if len(layer.shapes) > 1 else [True])
    ],
)
def test_vmap_and_its_gradient_equal_the_loop(layer: Layer, shared: bool) -> None:
    """Over the first argument, and over all of them at once."""
    examples = [layer.arguments("float32", (2,), seed=s) for s in (0, 40, 80)]
    if shared:
        examples = [[first, *examples[0][1:]] for first, *_ in examples]
    stacked = [jnp.stack(column) for column in zip(*examples, strict=True)]
    axes = [0] + [None if shared else 0] * (len(layer.shapes) - 1)
    rows = [a if axis == 0 else a[0] for a, axis in zip(stacked, axes, strict=True)]
    y, dy, gradients = value_and_vjp(jax.vmap(layer.apply, in_axes=axes), *rows)
    values, slopes = TOLERANCE["float32"]
    loop = [jax.vjp(jax.jit(layer.apply), *example) for example in examples]
    assert_close(y, np.stack([value for value, _ in loop]), values)
    for i, got in enumerate(gradients):
        each = np.stack([back(row)[i] for (_, back), row in zip(loop, dy, strict=True)])
        assert_close(got, each if axes[i] == 0 else each.sum(axis=0), slopes)


@every_layer
def test_a_batch_may_be_empty(layer: Layer) -> None:
    arguments = layer.arguments("float32", (0,))
    y, _, gradients = value_and_vjp(layer.apply, *arguments)
    assert y.shape == layer.value(*layer.arguments("float32", (1,)))[:0].shape
    for gradient, argument in zip(gradients, arguments, strict=True):
        assert gradient.shape == argument.shape
        assert not np.any(gradient)


@pytest.mark.parametrize("name", ["lrn", "lrn strong", "softmax"])
def test_bfloat16_computes_in_float32(name: str) -> None:
    """One rounding at the end (2^-9 of the value; 2^-8 allows for a tie), none on the way."""
    layer = LAYERS[name]
    arguments = layer.arguments("bfloat16", (50,))
    y, dy, gradients = value_and_vjp(layer.apply, *arguments)
    wants = [layer.value(*arguments), *layer.vjp(*arguments, dy)]
    for got, want in zip([y, *gradients], wants, strict=True):
        np.testing.assert_allclose(reference.float64(got), want, rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("name", ["cross_entropy labels", "cross_entropy probabilities"])
def test_the_loss_of_bfloat16_logits_is_a_float32_loss(name: str) -> None:
    layer = LAYERS[name]
    (logits,) = layer.arguments("bfloat16", (50,))
    loss, weights, (gradient,) = value_and_vjp(layer.apply, logits)
    assert_close(loss, layer.value(logits), TOLERANCE["float32"][0])
    want = layer.vjp(logits, weights)[0]
    np.testing.assert_allclose(reference.float64(gradient), want, rtol=2**-8, atol=1e-6)
