"""The choice between the forms of a layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding

from alexnet_jax import ops
from alexnet_jax.ops.platform import may_use_kernels, on_cpu_or_other, on_platform


def times(factor: float):
    return lambda x: x * factor


@pytest.mark.parametrize(
    ("platform", "factor"), [("cpu", 2.0), ("tpu", 3.0), ("cuda", 5.0), ("rocm", 7.0)]
)
def test_each_platform_has_its_form(platform: str, factor: float) -> None:
    """Programs lowered for a platform hold its form and no other; ROCm has none of its own."""
    forms = {"cpu": times(2.0), "tpu": times(3.0), "cuda": times(5.0), "default": times(7.0)}
    traced = jax.jit(lambda x: on_platform(x, **forms)).trace(jax.ShapeDtypeStruct((3,), "float32"))
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    found = [name for name in (2.0, 3.0, 5.0, 7.0) if f"dense<{name:.6e}>" in text]
    assert found == [factor]


def test_forms_that_are_not_given_are_the_default() -> None:
    forms = {"cpu": times(2.0), "default": times(7.0)}
    traced = jax.jit(lambda x: on_platform(x, **forms)).trace(jax.ShapeDtypeStruct((3,), "float32"))
    for platform in ("tpu", "cuda"):
        assert "dense<7.0" in traced.lower(lowering_platforms=(platform,)).as_text()
    assert on_platform(jnp.ones(()), **forms) == 2.0


@pytest.mark.parametrize(
    ("platform", "factor"), [("cpu", 2.0), ("tpu", 3.0), ("cuda", 5.0), ("rocm", 7.0)]
)
def test_layers_inside_a_form_choose_among_those_that_it_can_meet(
    platform: str, factor: float
) -> None:
    """The right one is lowered, and those of other platforms are not traced. A choice that is
    traced afterwards has all of them again."""
    made: list[float] = []

    def noted(factor: float):
        return lambda x: (made.append(factor), x * factor)[1]

    forms = {"cpu": noted(2.0), "tpu": noted(3.0), "cuda": noted(5.0), "default": noted(7.0)}
    layer = lambda x: on_platform(x, **forms)  # noqa: E731
    run = jax.jit(lambda x: on_cpu_or_other(x, cpu=lambda x: layer(x) + 1, default=layer))
    traced = run.trace(jax.ShapeDtypeStruct((3,), "float32"))
    assert sorted(made) == [2.0, 3.0, 5.0, 7.0]
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    assert [name for name in (2.0, 3.0, 5.0, 7.0) if f"dense<{name:.6e}>" in text] == [factor]
    jax.jit(layer).trace(jax.ShapeDtypeStruct((3,), "float32"))
    assert sorted(made) == sorted([2.0, 3.0, 5.0, 7.0] * 2)


def test_kernels_are_for_tpus_unless_asked_for() -> None:
    """A jitted function is traced again when the context changes; contexts nest."""

    @jax.jit
    def asked(x: jax.Array) -> jax.Array:
        return x + float(may_use_kernels(x))

    answers = [asked(0.0)]
    with ops.kernels(True):
        answers.append(asked(0.0))
        with ops.kernels(False):
            answers.append(asked(0.0))
    assert answers == [0.0, 1.0, 0.0]
    assert jax.default_backend() == "cpu"


def test_no_kernels_where_the_compiler_divides_arrays() -> None:
    """On explicit or automatic axes; inside `shard_map` each device has its own arrays."""
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x = jax.device_put(np.ones(4, np.float32), NamedSharding(mesh, jax.P("data")))
    answers = []

    def ask(x: jax.Array) -> jax.Array:
        answers.append(may_use_kernels(x))
        return x

    with ops.kernels(True):
        jax.eval_shape(ask, x)
        jax.eval_shape(
            jax.shard_map(ask, mesh=mesh, in_specs=jax.P("data"), out_specs=jax.P("data")), x
        )
    assert answers == [False, True]
