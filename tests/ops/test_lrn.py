"""Local response normalisation: windows of every length, the full and the documented derivative."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import reference
from helpers.reference import TOLERANCE, assert_close, draw
from helpers.vjp import value_and_vjp
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from alexnet_jax import ops

STRONG = {"k": 1.5, "alpha": 0.3, "beta": 0.6}  # cross terms as large as the own term
SHARP = {"k": 0.5, "alpha": 2.0, "beta": 1.0}
WINDOWS = [(maps, n) for maps in (1, 2, 7) for n in range(1, maps + 4)]
every_window = pytest.mark.parametrize(("maps", "n"), WINDOWS)


def lrn(**constants: float) -> Callable[[jax.Array], jax.Array]:
    return partial(ops.local_response_norm, **constants)


def literal(x: jax.Array, *, n: int, k: float, alpha: float, beta: float) -> jax.Array:
    """The formula one map at a time, for JAX to differentiate."""
    maps = x.shape[-1]
    columns = []
    for i in range(maps):
        window = x[..., max(0, i - n // 2) : min(maps - 1, i + (n - 1) // 2) + 1]
        columns.append(x[..., i] / (k + alpha * jnp.sum(window**2, axis=-1)) ** beta)
    return jnp.stack(columns, axis=-1)


@pytest.mark.parametrize(
    ("n", "want"),
    [
        (1, [1 / 2, 2 / 5, 3 / 10]),
        (2, [1 / 2, 2 / 6, 3 / 14]),  # W(i) = {i - 1, i}
        (3, [1 / 6, 2 / 15, 3 / 14]),
        (4, [1 / 6, 2 / 15, 3 / 15]),  # W(i) = {i - 2, ..., i + 1}
        (5, [1 / 15, 2 / 15, 3 / 15]),
    ],
)
def test_by_hand(n: int, want: list[float]) -> None:
    y = ops.local_response_norm(jnp.array([1.0, 2.0, 3.0]), n=n, k=1.0, alpha=1.0, beta=1.0)
    assert_close(y, want, TOLERANCE["float32"][0])


def test_default_constants_are_the_papers() -> None:
    """n = 5, k = 2, alpha = 1e-4 (not divided by n), beta = 0.75, where alpha counts."""
    x = jnp.full((9,), 100.0)
    assert_close(ops.local_response_norm(x)[4], 100.0 / (2 + 1e-4 * 5 * 1e4) ** 0.75, 1e-6)
    assert_close(ops.local_response_norm(x)[0], 100.0 / (2 + 1e-4 * 3 * 1e4) ** 0.75, 1e-6)


@every_window
def test_matches_the_reference_and_automatic_differentiation(maps: int, n: int) -> None:
    constants = {"n": n, **(SHARP if n % 4 < 2 else STRONG)}
    with jax.enable_x64(True):
        x = jnp.asarray(draw(2, 3, maps))
        y, dy, (dx,) = value_and_vjp(lrn(**constants), x)
        plain, _, (slope,) = value_and_vjp(partial(literal, **constants), x)
    values, slopes = TOLERANCE["float64"]
    for want in (reference.local_response_norm(x, **constants), plain):
        assert_close(y, want, values)
    for want in (*reference.local_response_norm_vjp(x, dy, **constants), slope):
        assert_close(dx, want, slopes)


@every_window
def test_jacobian_and_its_documented_diagonal(maps: int, n: int) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(draw(maps, seed=4))
        jacobian = jax.jit(jax.jacrev(lrn(n=n, **STRONG)))(x)
    tolerance = TOLERANCE["float64"][1]
    assert_close(jacobian, reference.local_response_norm_jacobian(x, n=n, **STRONG), tolerance)
    own_map = reference.local_response_norm_own_map(x, n=n, **STRONG)
    assert_close(np.diagonal(jacobian), own_map, tolerance)
    outside = [
        [j not in reference.lrn_window(i, n, maps) for j in range(maps)] for i in range(maps)
    ]
    assert not np.any(np.asarray(jacobian)[np.array(outside)])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_vjp_needs_more_than_the_diagonal(n: int) -> None:
    """The VJP is the whole Jacobian's; the documented diagonal alone is far from it."""
    with jax.enable_x64(True):
        x = jnp.asarray(draw(7, seed=5))
        _, dy, (dx,) = value_and_vjp(lrn(n=n, **STRONG), x)
    jacobian = reference.local_response_norm_jacobian(x, n=n, **STRONG)
    assert_close(dx, reference.float64(dy) @ jacobian, TOLERANCE["float64"][1])
    diagonal = reference.float64(dy) * reference.local_response_norm_own_map(x, n=n, **STRONG)
    assert np.max(np.abs(reference.float64(dx) - diagonal)) > 0.05 * np.max(np.abs(diagonal))


def test_an_even_window_looks_back_and_its_gradient_forward() -> None:
    """n = 2: map 1 hears map 0, and map 0 does not hear map 1."""
    jacobian = jax.jit(jax.jacrev(lrn(n=2, **STRONG)))(jnp.ones(3))
    heard = np.asarray(jacobian) != 0
    np.testing.assert_array_equal(heard, [[1, 0, 0], [1, 1, 0], [0, 1, 1]])


@pytest.mark.parametrize(("n", "constants"), [(4, SHARP), (5, STRONG)])
def test_gradients_are_finite_differences(n: int, constants: dict[str, float]) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(draw(2, 7, seed=7))
        layer = jax.jit(lrn(n=n, **constants))
        check_grads(layer, (x,), order=2, modes=("rev",), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_lower_precision(dtype: str) -> None:
    """Positive and large activations, so that the normaliser spans orders of magnitude."""
    values, slopes = TOLERANCE[dtype]
    x = jnp.asarray(np.exp(3 * draw(8, 16, seed=8)), dtype)
    y, dy, (dx,) = value_and_vjp(ops.local_response_norm, x)
    assert y.dtype == dx.dtype == dtype
    assert_close(y, reference.local_response_norm(x), values)
    assert_close(dx, *reference.local_response_norm_vjp(x, dy), slopes)


def test_silence_is_scaled_by_k_alone() -> None:
    """At zero activations the output is zero and the gradient k^-beta."""
    y, dy, (dx,) = value_and_vjp(ops.local_response_norm, jnp.zeros((2, 5)))
    np.testing.assert_array_equal(y, np.zeros((2, 5)))
    assert_close(dx, reference.float64(dy) * 2**-0.75, TOLERANCE["float32"][1])


def test_places_do_not_mix() -> None:
    """Only the maps of one place meet: the gradient of one output place is zero elsewhere."""
    x = jnp.asarray(draw(2, 3, 4, 6), "float32")
    one = jax.jit(jax.grad(lambda x: jnp.sum(ops.local_response_norm(x, **STRONG)[1, 2, 0])))
    gradient = np.array(one(x))
    assert np.all(gradient[1, 2, 0])
    gradient[1, 2, 0] = 0.0
    assert not np.any(gradient)


@settings(derandomize=True, database=None, deadline=None, max_examples=10)
@given(
    lead=st.lists(st.integers(1, 3), max_size=3),
    maps=st.integers(1, 8),
    n=st.integers(1, 12),
    k=st.floats(0.5, 3.0),
    alpha=st.floats(0.0, 2.0),
    beta=st.floats(0.1, 2.0),
)
def test_any_shape_window_and_constants(lead, maps, n, k, alpha, beta) -> None:
    constants = {"n": n, "k": k, "alpha": alpha, "beta": beta}
    with jax.enable_x64(True):
        x = jnp.asarray(draw(*lead, maps))
        y, dy, (dx,) = value_and_vjp(lrn(**constants), x)
    values, slopes = TOLERANCE["float64"]
    assert_close(y, reference.local_response_norm(x, **constants), values)
    assert_close(dx, *reference.local_response_norm_vjp(x, dy, **constants), slopes)
