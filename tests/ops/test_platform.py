"""The choice between the forms of a layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding

from alexnet_jax import ops
from alexnet_jax.ops.platform import may_use_kernels, on_platform


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
