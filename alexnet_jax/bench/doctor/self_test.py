"""Checks of values in ten seconds: gradients, a training step by topology, a product's rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops
from alexnet_jax.bench.accelerator.compare import agreement, relative_error
from alexnet_jax.bench.accelerator.step import step_values
from alexnet_jax.bench.layer_times import product_rate
from alexnet_jax.bench.work import product_size
from alexnet_jax.network import Architecture, Dense, presets
from alexnet_jax.parallel import topology

_GRADIENT, _STEP = 1e-5, {"loss": 1e-4, "logits": 1e-4, "gradient": 1e-2}
_NAMES = ("two_towers", "data", "data_towers", "hybrid")
_IMAGES = 4
Found = tuple[bool | None, str]
Test = Callable[[], Found]


def self_tests() -> dict[str, Test]:
    """Return the tests by title: functions that compute (passed, what was found).

    A test without a wanted value passes if it ends; None stands for one that cannot be run here.
    """
    on_one = cache(partial(_step_on, "one_device"))
    steps = {f"step, {name}": partial(_step, name, on_one) for name in _NAMES}
    return {
        "LRN's gradient": _lrn_gradient,
        "step, one_device": lambda: _finite(on_one()),
        **steps,
        "matrix product": _product,
    }


def _lrn_gradient() -> tuple[bool, str]:
    """Compare the hand-written gradient of LRN with that of autodiff."""
    random = np.random.default_rng(0)
    x, dy = (jnp.asarray(random.normal(0, 9, (2, 7, 7, 96)), jnp.float32) for _ in range(2))

    def gradient(normalize: Callable[[jax.Array], jax.Array]) -> jax.Array:
        return jax.jit(jax.grad(lambda x: jnp.sum(normalize(x) * dy)))(x)

    with jax.default_matmul_precision("highest"):
        ours = gradient(ops.local_response_norm)
        by_autodiff = gradient(ops.plain.local_response_norm)
    error = relative_error(ours, by_autodiff)
    return error <= _GRADIENT, f"relative error {error:.1e} against autodiff"


def _network() -> Architecture:
    """Return a narrow two-tower network in which every kind of layer of the paper's occurs."""
    maps = {"conv1": {"maps": 8}, "conv2": {"maps": 8}}
    return presets.architecture(
        "small", image_size=19, layers=maps, until="pool2", head=[Dense("fc3", 4, "linear")]
    )


def _step_on(name: str) -> tuple[int, dict[str, np.ndarray]]:
    network = _network()
    place = topology(name, network)
    return place.mesh.size, step_values(network, _IMAGES, place, precision="highest")


def _finite(found: tuple[int, dict[str, np.ndarray]]) -> tuple[bool, str]:
    finite = all(np.isfinite(value).all() for value in found[1].values())
    return finite, "finite loss, logits and gradients" if finite else "values that are not finite"


def _step(name: str, on_one: Callable[[], tuple[int, dict[str, np.ndarray]]]) -> Found:
    """Compare loss, logits and gradients of a step with those on one device."""
    if len(jax.devices()) == 1:
        return None, "needs two devices, there is one"
    devices, values = _step_on(name)
    found = agreement(values, on_one()[1], _STEP)
    return bool(found["agrees"]), (
        f"{devices} devices, as on one: {found['worst']} differs by {found['error']:.1e}"
    )


def _product() -> tuple[bool, str]:
    """Measure the rate of a large float32 matrix product."""
    side = product_size(jax.devices()[0].platform)
    rate = product_rate(side, "float32")
    return True, f"{rate / 1e9:,.0f} GFLOP/s, float32, {side} x {side}"
