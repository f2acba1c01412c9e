"""Dense layers, dropout, softmax and cross entropy."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.vjp import value_and_vjp

from alexnet_jax import ops
from alexnet_jax.ops.cpu import dense as cpu_dense

HUGE = [[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]]


# --- dense ---------------------------------------------------------------------------------


def test_dense_by_hand() -> None:
    x, kernel = jnp.array([1.0, 2.0]), jnp.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    np.testing.assert_array_equal(ops.dense(x, kernel), [21.0, 42.0, 63.0])
    y = ops.dense(x, kernel, jnp.array([0.5, 0.0, -3.0]))
    np.testing.assert_array_equal(y, [21.5, 42.0, 60.0])


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_dense_without_bias(lead: tuple[int, ...]) -> None:
    with jax.enable_x64(True):
        x, kernel = jnp.asarray(draw(*lead, 5)), jnp.asarray(draw(5, 3, seed=1))
        y, dy, gradients = value_and_vjp(ops.dense, x, kernel)
        want, _, slopes = value_and_vjp(partial(jnp.einsum, "...i,io->...o"), x, kernel)
    assert_close(y, want, TOLERANCE["float64"][0])
    wants = reference.dense_vjp(x, kernel, dy)[:2]
    for got, slope, want in zip(gradients, slopes, wants, strict=True):
        assert_close(got, slope, TOLERANCE["float64"][1])
        assert_close(got, want, TOLERANCE["float64"][1])


@pytest.fixture
def all_in_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The forms of large products for small ones."""
    jax.clear_caches()
    monkeypatch.setattr(cpu_dense, "_LARGE", 0)
    yield
    jax.clear_caches()


def adds_parts(text: str) -> bool:
    """One after the other, or those of one product."""
    return "stablehlo.while" in text or "stablehlo.reduce" in text


@pytest.mark.parametrize(("dtype", "count"), [("float64", 1), ("float64", 5), ("float32", 48)])
@pytest.mark.usefixtures("all_in_parts")
def test_products_in_parts(dtype: str, count: int) -> None:
    """Of a few images, over 256 inputs."""
    with jax.enable_x64(True):
        x, kernel = jnp.asarray(draw(count, 256), dtype), jnp.asarray(draw(256, 10, seed=1), dtype)
        y, dy, gradients = value_and_vjp(ops.dense, x, kernel)
        assert adds_parts(jax.jit(ops.dense).lower(x, kernel).as_text())
    values, slopes = TOLERANCE[dtype]
    assert_close(y, reference.float64(x) @ reference.float64(kernel), values)
    for got, want in zip(gradients, reference.dense_vjp(x, kernel, dy)[:2], strict=True):
        assert got.dtype == dtype
        assert_close(got, want, slopes)


def test_which_products_are_in_parts() -> None:
    """Large ones of few images in 32 bits, on a CPU."""

    def in_parts(count: int, outputs: int, dtype: str, platform: str) -> bool:
        x = jax.ShapeDtypeStruct((count, 4096), dtype)
        kernel = jax.ShapeDtypeStruct((4096, outputs), dtype)
        lowered = jax.jit(ops.dense).trace(x, kernel).lower(lowering_platforms=(platform,))
        return adds_parts(lowered.as_text())

    assert in_parts(48, 4096, "float32", "cpu")
    assert not in_parts(49, 4096, "float32", "cpu")
    assert not in_parts(48, 1000, "float32", "cpu")
    assert not in_parts(48, 4096, "bfloat16", "cpu")
    assert not in_parts(48, 4096, "float32", "cuda")


@pytest.mark.parametrize(("argument", "products"), [(0, 2), (1, 2), ((0, 1), 3)])
def test_no_product_without_use(argument: int | tuple[int, ...], products: int) -> None:
    """A gradient that nobody asks for is not made, as of a layer that is frozen."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.square(ops.dense(x, kernel)))

    gradient = jax.jit(jax.grad(loss, argument))
    text = gradient.lower(jnp.ones((2, 3)), jnp.ones((3, 4))).as_text()
    assert text.count("stablehlo.dot_general") == products


# --- dropout -------------------------------------------------------------------------------

MASK = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("keep", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["bool", "int32", "float32"])
def test_dropout_masks_without_rescaling(kind: str, keep: float) -> None:
    """What is kept is kept as it is, whatever `keep`; the gradient passes the same mask."""
    x, mask = jnp.asarray(draw(2, 3), "float32"), jnp.asarray(MASK, kind)
    y, dy, (dx,) = value_and_vjp(lambda x: ops.dropout(x, mask, keep=keep), x)
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(y, np.where(MASK, x, 0.0))
    np.testing.assert_array_equal(dx, np.where(MASK, dy, 0.0))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_dropout_scales_in_testing(dtype: str) -> None:
    x = jnp.asarray(draw(2, 3), dtype)
    for keep in (0.25, 1.0):  # powers of two: exact
        y, dy, (dx,) = value_and_vjp(partial(ops.dropout, mask=None, keep=keep), x)
        assert y.dtype == dx.dtype == dtype
        np.testing.assert_array_equal(reference.float64(y), keep * reference.float64(x))
        np.testing.assert_array_equal(reference.float64(dx), keep * reference.float64(dy))
    np.testing.assert_array_equal(ops.dropout(x, None), ops.dropout(x, None, keep=0.5))


def test_testing_is_the_mean_of_training() -> None:
    """Over all masks of two values, each kept with probability 1/2."""
    x = jnp.array([3.0, -8.0])
    masks = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    outputs = jax.jit(jax.vmap(lambda mask: ops.dropout(x, mask)))(masks)
    np.testing.assert_array_equal(jnp.mean(outputs, axis=0), ops.dropout(x, None))


# --- softmax -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_softmax_of_huge_logits(dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        z = jnp.asarray(HUGE, dtype)
        y, dy, (dz,) = value_and_vjp(ops.softmax, z)
    third = [1 / 3] * 3
    assert_close(y, [[1, 0, 0], third, [0.5, 0.5, 0]], TOLERANCE[dtype][0])
    assert_close(dz, reference.softmax_vjp(z, dy)[0], TOLERANCE[dtype][1])


def test_softmax_matches_automatic_differentiation_of_the_formula() -> None:
    def formula(z):
        return jnp.exp(z) / jnp.sum(jnp.exp(z), axis=-1, keepdims=True)

    with jax.enable_x64(True):
        z = jnp.asarray(draw(2, 3, 5))
        y, _, (dz,) = value_and_vjp(ops.softmax, z)
        want, _, (slope,) = value_and_vjp(formula, z)
    assert_close(y, want, TOLERANCE["float64"][0])
    assert_close(dz, slope, TOLERANCE["float64"][1])
    assert_close(reference.float64(y).sum(axis=-1), np.ones((2, 3)), TOLERANCE["float64"][0])


# --- cross entropy -------------------------------------------------------------------------


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[labels]


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_one_hot_targets_equal_labels(lead: tuple[int, ...]) -> None:
    labels = np.random.default_rng(0).integers(0, 5, lead).astype(np.int32)
    with jax.enable_x64(True):
        logits, targets = jnp.asarray(draw(*lead, 5)), jnp.asarray(one_hot(labels, 5))
        soft, _, (soft_slope,) = value_and_vjp(partial(ops.cross_entropy, targets=targets), logits)
        hard, _, (hard_slope,) = value_and_vjp(partial(ops.cross_entropy, targets=labels), logits)
    assert soft.shape == hard.shape == lead
    assert_close(soft, hard, TOLERANCE["float64"][0])
    assert_close(soft_slope, hard_slope, TOLERANCE["float64"][1])


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_gradient_of_the_sum_is_softmax_minus_target(kind: str) -> None:
    """And equal to the gradient of the plain formula."""
    labels = np.array([4, 0, 2], np.int32)
    rows = one_hot(labels, 5) if kind == "labels" else reference.softmax(draw(3, 5, seed=1))

    def loss(z):
        return jnp.sum(ops.cross_entropy(z, jnp.asarray(labels if kind == "labels" else rows)))

    def formula(z):
        return -jnp.sum(rows * jnp.log(jnp.exp(z) / jnp.sum(jnp.exp(z), -1, keepdims=True)))

    with jax.enable_x64(True):
        logits = jnp.asarray(draw(3, 5))
        gradient, slope = (jax.jit(jax.grad(f))(logits) for f in (loss, formula))
    assert_close(gradient, reference.softmax(logits) - rows, TOLERANCE["float64"][1])
    assert_close(gradient, slope, TOLERANCE["float64"][1])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_cross_entropy_of_huge_logits(dtype: str) -> None:
    """Finite where a plain logarithm of the softmax is not."""
    logits, labels = jnp.asarray(HUGE, dtype), jnp.array([1, 0, 2])
    loss, dloss, (gradient,) = value_and_vjp(lambda z: ops.cross_entropy(z, labels), logits)
    assert loss.dtype == jnp.float32
    assert_close(loss, reference.cross_entropy(logits, labels), TOLERANCE["float32"][0])
    want = reference.cross_entropy_vjp(logits, labels, dloss)[0]
    assert_close(gradient, want, TOLERANCE[dtype][1])


def test_equal_logits_cost_the_logarithm_of_the_classes() -> None:
    loss = ops.cross_entropy(jnp.full((2, 1000), 7.0), jnp.array([0, 999]))
    assert_close(loss, [np.log(1000)] * 2, TOLERANCE["float32"][0])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32"])
def test_labels_of_any_integer_dtype(kind: str) -> None:
    logits = jnp.asarray(draw(3, 5), "float32")
    loss = ops.cross_entropy(logits, jnp.array([0, 4, 2], kind))
    assert_close(loss, reference.cross_entropy(logits, [0, 4, 2]), TOLERANCE["float32"][0])


@pytest.mark.parametrize("label", [5, -1, -5, 1000, -(2**31)])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_a_label_out_of_range_is_nan(label: int, compiled: bool) -> None:
    """Not the loss of some other class; the other examples keep theirs."""
    logits, labels = jnp.asarray(draw(3, 5), "float32"), jnp.array([1, label, 4], "int32")
    loss = (jax.jit(ops.cross_entropy) if compiled else ops.cross_entropy)(logits, labels)
    assert np.isnan(loss[1])
    want = reference.cross_entropy(logits, [1, 0, 4])
    assert_close(loss[::2], want[::2], TOLERANCE["float32"][0])


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "uint32"])
def test_labels_of_narrow_types_out_of_range_are_nan(kind: str) -> None:
    """Also where the type cannot hold the number of classes, or where all its values are labels."""
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    for classes in (5, 300):
        logits = jnp.asarray(draw(3, classes), "float32")
        labels = np.array([max(least, -1), most, 4], kind)
        outside = (labels.astype(np.int64) < 0) | (labels.astype(np.int64) >= classes)
        loss = ops.cross_entropy(logits, jnp.asarray(labels))
        assert np.isnan(loss).tolist() == outside.tolist()
        right = np.where(outside, 0, labels.astype(np.int64))
        want = reference.cross_entropy(logits, right)
        assert_close(loss[~outside], want[~outside], TOLERANCE["float32"][0])


def test_an_impossible_class_of_probability_0_costs_nothing() -> None:
    """A logit of -inf: the loss and its gradient are those without the class."""
    logits, targets = jnp.array([[-jnp.inf, 0.0, 1.0]]), jnp.array([[0.0, 0.25, 0.75]])
    loss, gradient = jax.value_and_grad(lambda z: ops.cross_entropy(z, targets)[0])(logits)
    without = jax.value_and_grad(lambda z: ops.cross_entropy(z, targets[:, 1:])[0])(logits[:, 1:])
    assert_close(loss, without[0], 1e-6)
    assert gradient[0, 0] == 0
    assert_close(gradient[:, 1:], without[1], 1e-6)
    certain = jnp.array([[1.0, 0.0, 0.0]])
    assert ops.cross_entropy(logits, certain)[0] == jnp.inf
