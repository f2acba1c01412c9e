"""The plain layers: values and first derivatives of the others, and every mode and order."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference, reference_norms
from helpers.reference import TOLERANCE, assert_close, draw

from alexnet_jax import ops

LABELS = np.array([4, 0, 2], np.int32)
STEP = 1e-6  # of finite differences


class Layer(NamedTuple):
    """A layer of the module that has it, with its reference and the shapes of its arguments."""

    apply: Callable[..., jax.Array]  # of the module and the arguments
    value: Callable[..., np.ndarray]
    vjp: Callable[..., tuple[np.ndarray, ...]]  # of the arguments and dy
    shapes: tuple[tuple[int, ...], ...]
    own_rule: bool = True  # whether `ops` has a hand-written backward pass


def layer(name: str, *shapes: tuple[int, ...], own_rule: bool = True, **options: float) -> Layer:
    def apply(module: ModuleType, *arguments: jax.Array) -> jax.Array:
        y: jax.Array = getattr(module, name)(*arguments, **options)
        return y

    value, vjp = getattr(reference, name), getattr(reference, f"{name}_vjp")
    return Layer(apply, partial(value, **options), partial(vjp, **options), shapes, own_rule)


STRIDED = layer("conv2d", (2, 6, 5, 6), (3, 3, 3, 6), (6,), stride=2, padding=1)
DENSE = layer("dense", (4, 6), (6, 3), (3,))
NORM: dict[str, Any] = {"size": 3, "k": 1.0, "alpha": 0.5, "beta": 0.6}
LAYERS = {
    "conv2d": STRIDED._replace(vjp=lambda x, kernel, bias, dy: STRIDED.vjp(x, kernel, dy)),
    "dense": DENSE._replace(vjp=lambda x, kernel, bias, dy: DENSE.vjp(x, kernel, dy)),
    "lrn": layer("local_response_norm", (3, 6), n=4, k=1.0, alpha=0.5, beta=0.6),
    "map norm": Layer(
        lambda module, x: module.map_response_norm(x, **NORM),
        partial(reference_norms.map_norm, **NORM),
        lambda x, dy: (reference_norms.map_norm_vjp(x, dy, **NORM),),
        ((2, 5, 4, 3),),
    ),
    "max_pool": layer("max_pool", (6, 7, 2)),
    "softmax": layer("softmax", (3, 6), own_rule=False),
    "cross_entropy": Layer(
        lambda module, z: module.cross_entropy(z, jnp.asarray(LABELS)),
        lambda z: reference.cross_entropy(z, LABELS),
        lambda z, dloss: reference.cross_entropy_vjp(z, LABELS, dloss),
        ((3, 6),),
        own_rule=False,
    ),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def drawn(shapes: tuple[tuple[int, ...], ...], seed: int) -> tuple[np.ndarray, ...]:
    return tuple(draw(*shape, seed=seed + i) for i, shape in enumerate(shapes))


def dot(a: Any, b: Any) -> Any:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum((x * y).sum() for x, y in pairs)


@every_layer
def test_derivatives_of_both_orders_in_every_mode(layer: Layer) -> None:
    """In float64, with the hand-written passes and with finite differences of NumPy's formulas."""
    fast, plain = partial(layer.apply, ops), partial(layer.apply, ops.plain)
    arguments, v = drawn(layer.shapes, 0), drawn(layer.shapes, 20)
    dy = draw(*layer.value(*arguments).shape, seed=9)

    def pull(function: Any, *arguments: Any) -> Any:
        y, back = jax.vjp(function, *arguments)
        return y, back(dy)

    @jax.jit
    def everything(arguments: Any, v: Any) -> Any:
        (y, gradients), (tangent, second) = jax.jvp(partial(pull, plain), arguments, v)
        reverse = jax.grad(lambda a: jnp.sum(dy * jax.jvp(plain, a, v)[1]))(arguments)
        by_hand = jax.grad(lambda a: dot(pull(fast, *a)[1], v))(arguments)
        return (y, gradients), pull(fast, *arguments), tangent, (second, reverse, by_hand)

    with jax.enable_x64(True):
        (y, gradients), others, tangent, seconds = jax.device_get(everything(arguments, v))
    values, slopes = TOLERANCE["float64"]
    forth, back = (
        tuple(a + h * b for a, b in zip(arguments, v, strict=True)) for h in (STEP, -STEP)
    )
    assert_close(y, others[0], values)
    assert_close(y, layer.value(*arguments), values)
    assert_close(tangent, (layer.value(*forth) - layer.value(*back)) / (2 * STEP), 1e-7)
    assert_close(np.sum(dy * tangent), dot(gradients, v), slopes)
    bends = [
        (f - b) / (2 * STEP)
        for f, b in zip(layer.vjp(*forth, dy), layer.vjp(*back, dy), strict=True)
    ]
    for i, want in enumerate(layer.vjp(*arguments, dy)):
        assert_close(gradients[i], others[1][i], slopes)
        assert_close(gradients[i], want, slopes)
        for second in seconds:
            np.testing.assert_allclose(second[i], bends[i], rtol=0, atol=1e-7)
            np.testing.assert_allclose(second[i], seconds[0][i], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, layer in LAYERS.items() if layer.own_rule])
def test_in_float32(name: str) -> None:
    """Values, gradients and tangents within the bounds of the other layers."""
    layer = LAYERS[name]
    plain = partial(layer.apply, ops.plain)
    arguments, v = drawn(layer.shapes, 0), drawn(layer.shapes, 20)
    dy = draw(*layer.value(*arguments).shape, seed=9)
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), (arguments, v, dy))

    @jax.jit
    def both(arguments: Any, v: Any, dy: Any) -> Any:
        _, back = jax.vjp(plain, *arguments)
        return jax.jvp(plain, arguments, v), back(dy)

    (y, tangent), gradients = both(*single)
    values, slopes = TOLERANCE["float32"]
    forth, back = (
        tuple(a + h * b for a, b in zip(arguments, v, strict=True)) for h in (STEP, -STEP)
    )
    assert_close(y, layer.value(*arguments), values)
    assert_close(tangent, (layer.value(*forth) - layer.value(*back)) / (2 * STEP), slopes)
    for gradient, want in zip(gradients, layer.vjp(*arguments, dy), strict=True):
        assert_close(gradient, want, slopes)


@every_layer
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shapes_dtypes_and_what_jax_refuses(layer: Layer, dtype: str) -> None:
    """Those of the other layers, whose hand-written passes have no forward mode."""
    arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape in layer.shapes]

    def tangent(module: ModuleType, *arguments: Any) -> Any:
        return jax.jvp(partial(layer.apply, module), arguments, arguments)[1]

    y = jax.eval_shape(partial(layer.apply, ops), *arguments)
    assert jax.eval_shape(partial(layer.apply, ops.plain), *arguments) == y
    assert jax.jit(partial(tangent, ops.plain)).lower(*arguments).out_info == y
    if layer.own_rule:
        with pytest.raises(TypeError, match=r"forward-mode.*custom_vjp"):
            jax.jit(partial(tangent, ops)).lower(*arguments)


def test_names_are_those_of_ops() -> None:
    """All that are layers; those without a rule of their own are the same functions."""
    others = {"Norm", "Tail", "compute_dtype", "kernels", "may_use_kernels", "on_platform", "plain"}
    others |= {"FEW_IMAGES", "may_use_rows", "pool_tail", "product_precision"}
    others |= {"rematerialized", "streamed"}
    assert set(ops.plain.__all__) == set(ops.__all__) - others
    for name in ("dropout", "softmax", "cross_entropy"):
        assert getattr(ops.plain, name) is getattr(ops, name)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda module: module.conv2d(jnp.ones((4, 4, 3)), jnp.ones((3, 3, 2, 4))),
        lambda module: module.dense(jnp.ones((2, 3)), jnp.ones((4, 2))),
        lambda module: module.local_response_norm(jnp.ones(3), n=0),
        lambda module: module.map_response_norm(jnp.ones((3, 3, 1)), size=2),
        lambda module: module.max_pool(jnp.ones((3, 3, 1)), size=4),
    ],
)
def test_arguments_are_refused_alike(wrong: Callable[[ModuleType], jax.Array]) -> None:
    messages = []
    for module in (ops, ops.plain):
        with pytest.raises(ValueError) as caught:
            wrong(module)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_ties_of_the_pool() -> None:
    """Every tied maximum passes the whole tangent, NaN none and infinity like a number; values are
    the same to the bit. A function of the pool has the second derivatives of that rule: half of
    the pool's squares bend by J^T J, if J sums the tied inputs of a window."""
    x = np.random.default_rng(0).integers(-1, 2, (2, 7, 8, 3)).astype(np.float64)
    x[0, 0, 0, 0], x[0, 5, 5, 1], x[1, :3, :3] = np.inf, np.nan, -np.inf
    v = draw(*x.shape, seed=1)
    y = reference.max_pool(x)
    sums = np.zeros(y.shape)
    for i, j, p, q in np.ndindex(*y.shape[1:3], 3, 3):
        sums[:, i, j] += np.where(
            x[:, 2 * i + p, 2 * j + q] == y[:, i, j], v[:, 2 * i + p, 2 * j + q], 0
        )

    def loss(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.plain.max_pool(x))) / 2

    @jax.jit
    def both(x: jax.Array, v: jax.Array) -> Any:
        slope = jax.grad(loss)
        bends = (
            jax.jvp(slope, (x,), (v,))[1],
            jax.grad(lambda x: jnp.sum(slope(x) * v))(x),
            jax.grad(lambda x: jax.jvp(loss, (x,), (v,))[1])(x),
        )
        return jax.jvp(ops.plain.max_pool, (x,), (v,)), ops.max_pool(x), bends

    with jax.enable_x64(True):
        (value, tangent), other, bends = both(x, v)
    np.testing.assert_array_equal(value, y)
    np.testing.assert_array_equal(value, other)
    assert_close(tangent, sums, 1e-15)
    for bend in bends:
        assert_close(bend, reference.max_pool_vjp(x, sums)[0], 1e-14)
