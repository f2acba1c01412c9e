"""The networks for CIFAR-10 against networks built by hand, and every number of their source."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.narrow import narrow
from helpers.random_params import random_params
from helpers.reference import assert_close, cross_entropy_vjp, draw
from helpers.reference_cifar import NETWORKS

import alexnet_jax
from alexnet_jax import ops
from alexnet_jax.cli.configs import load_config
from alexnet_jax.network.layers import BiasRule, Weighted
from alexnet_jax.network.summary import rows

BATCH = 3
EVERY = sorted(NETWORKS)


@pytest.mark.parametrize("preset", EVERY)
def test_network_matches_numpy(preset: str) -> None:
    """Activations of every layer, and every gradient, in float64."""
    net = narrow(preset)
    labels = np.array([0, 3, 2], np.int32)

    def loss(params: Any, images: jax.Array) -> jax.Array:
        return jnp.sum(ops.cross_entropy(alexnet_jax.forward(net, params, images), labels))

    @jax.jit
    def compute(params: Any, images: jax.Array) -> Any:
        found = alexnet_jax.activations(net, params, images)
        return found, jax.grad(loss, (0, 1))(params, images)

    with jax.enable_x64(True):
        params = random_params(net, jnp.float64)
        images = jnp.asarray(10 * draw(BATCH, *net.input_shape), jnp.float64)
        found, (gradients, dimages) = compute(params, images)
    wanted = NETWORKS[preset](params, images)
    assert {*found} == {*wanted.activations}
    for name, value in found.items():
        assert_close(value, wanted.activations[name], 1e-12)
    dlogits = cross_entropy_vjp(wanted.activations["logits"], labels, np.ones(BATCH))[0]
    assert_close(dimages, wanted.backward(dlogits), 1e-11)
    assert gradients.keys() == wanted.gradients.keys()
    for name, leaves in wanted.gradients.items():
        for leaf, value in leaves.items():
            assert_close(gradients[name][leaf], value, 1e-11)


@pytest.mark.parametrize(
    ("preset", "maps", "stds", "macs"),
    [
        ("cifar_80sec", [32, 32, 64, 64, 10], [1e-4, 0.01, 0.01, 0.1, 0.1], 12.35),
        ("cifar_19pct", [32, 32, 64, 10], [1e-4, 0.01, 0.01, 0.01], 12.30),
        ("cifar_18pct", [32, 32, 64, 10], [1e-4, 0.01, 0.01, 0.01], 12.30),
        ("cifar_13pct", [64, 64, 32, 32, 10], [1e-4, 0.01, 0.04, 0.04, 0.01], 18.52),
        ("cifar_11pct", [64, 64, 64, 32, 10], [1e-4, 0.01, 0.04, 0.04, 0.01], 19.51),
    ],
)
def test_table(preset: str, maps: list[int], stds: list[float], macs: float) -> None:
    """Widths, initial values and millions of multiply-adds; the rule for biases."""
    net = alexnet_jax.architecture(preset)
    placed = [p for p in net.placed() if isinstance(p.layer, Weighted)]
    assert [p.output[-1] for p in placed] == maps
    assert [p.layer.std for p in placed if isinstance(p.layer, Weighted)] == stds
    assert all(p.layer.bias == 0 for p in placed if isinstance(p.layer, Weighted))
    assert round(sum(row.macs for row in rows(net)) / 1e6, 2) == macs
    assert net.biases == BiasRule(rate=2.0, decay=False)
    assert net.input_shape == ((24, 24, 3) if preset in EVERY[:2] else (32, 32, 3))
    last = [p.output for p in net.placed() if len(p.output) == 3][-1]
    assert last[:2] == ((6, 6) if preset in EVERY[:2] else (4, 4))


@pytest.mark.parametrize(
    ("name", "epochs", "drops", "decays"),
    [
        ("cifar_80sec", 10, [8], {"conv1": 0.004, "fc4": 0.03, "fc5": 0.03}),
        ("cifar_19pct", 140, [120, 130], {"conv3": 0.004, "fc4": 1.0}),
        ("cifar_18pct", 140, [120, 130], {"conv3": 0.004, "fc4": 1.0}),
        ("cifar_13pct", 520, [500, 510], {"conv2": 0.0, "local3": 0.004, "local4": 0.004,
                                          "fc5": 0.004}),
        ("cifar_11pct", 520, [500, 510], {"conv2": 0.0, "local3": 0.004, "local4": 0.004,
                                          "fc5": 0.01}),
    ],
)  # fmt: skip
def test_config(name: str, epochs: int, drops: list[int], decays: dict[str, float]) -> None:
    """Schedule, decay of each layer, and views."""
    config = load_config(name)
    assert config.preset == config.name == name
    assert (config.batch, config.learning_rate, config.momentum) == (128, 0.001, 0.9)
    assert (config.pixel_scale, config.colour_noise) == (1.0, 0.0)
    assert config.mirror == (name in EVERY[:2])
    assert config.steps == -(-epochs * 50_000 // 128)
    assert list(config.drop_epochs) == drops
    for layer, decay in decays.items():
        assert config.layer_decays.get(layer, config.weight_decay) == decay
