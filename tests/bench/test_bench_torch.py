"""PyTorch's network is the same network: its logits, its gradients, and its failures."""

import io
import json
import math
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.benches import TINY, TRAIN

from alexnet_jax import architecture, forward, init
from alexnet_jax.bench import worker
from alexnet_jax.bench.work import Variant
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.ops.loss import cross_entropy

torch = pytest.importorskip("torch")

from alexnet_jax.bench import peer  # noqa: E402  only where torch is
from alexnet_jax.bench.torch_net import TorchNet  # noqa: E402

NARROW = {"conv1": 8, "conv2": 8, "conv3": 12, "conv4": 12, "conv5": 8, "fc6": 16, "fc7": 16}


def narrow(preset: str) -> Architecture:
    if preset.startswith("cifar"):
        return architecture(preset, image_size=18, classes=5)
    layers: dict[str, dict[str, object]] = {name: {"maps": maps} for name, maps in NARROW.items()}
    size = 32 if preset == "small" else 69
    return architecture(preset, image_size=size, classes=5, layers=layers)


def drawn(net: Architecture, spread: float) -> Any:
    """Parameters of a network, biases too, of a standard deviation of `spread` / sqrt(fan-in)."""
    random = np.random.default_rng(1)

    def draw(leaf: Any) -> np.ndarray:
        fan_in = max(1, math.prod(leaf.shape[-4:-1]))
        return random.normal(0, spread / fan_in**0.5, leaf.shape).astype(np.float32)

    return jax.tree.map(draw, jax.eval_shape(lambda key: init(net, key), jax.random.key(0)))


def channels_first(images: np.ndarray) -> Any:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy())


@pytest.mark.parametrize(
    "preset",
    [
        "paper", "source2012", "caffe_alexnet", "caffenet", "one_gpu", "owt", "small",
        "cifar_80sec", "cifar_18pct", "cifar_11pct",
    ],
)  # fmt: skip
def test_same_logits(preset: str) -> None:
    """Given our parameters, in test mode: groups, both normalizations in both forms, windows that
    hang over, dropout of either kind and the order in which fc6 reads its input."""
    net = narrow(preset)
    params = drawn(net, 1.5)
    shape = (2, net.image_size, net.image_size, net.channels)
    images = np.random.default_rng(2).normal(0, 30, shape).astype(np.float32)
    wanted = np.asarray(
        jax.jit(lambda params, images: forward(net, params, images))(params, images)
    )
    torch.set_num_threads(1)
    largest = np.abs(wanted).max()
    assert largest > 0.1
    for lrn in ("library", "sums"):
        same = TorchNet(net, lrn).eval()
        same.load(params)
        with torch.inference_mode():
            found = same(channels_first(images)).numpy()
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-4 * largest)


def test_same_gradients() -> None:
    """Of the loss, without dropout: the peer's training step computes what ours does."""
    net = replace(TINY, layers=tuple(x for x in TINY.layers if x.name != "dropout2"))
    params = drawn(net, 1.0)
    params["fc2"]["bias"] += 5  # no unit is dead
    images = np.random.default_rng(2).normal(0, 1, (3, 8, 8, 1)).astype(np.float32)
    labels = np.array([0, 3, 1])

    def loss(params: Any) -> jax.Array:
        return cross_entropy(forward(net, params, jnp.asarray(images)), jnp.asarray(labels)).mean()

    wanted = jax.jit(jax.grad(loss))(params)["conv1"]["kernel"]
    same = TorchNet(net).train()
    same.load(params)
    torch.nn.CrossEntropyLoss()(same(channels_first(images)), torch.from_numpy(labels)).backward()
    got = same.layers.get_submodule("conv1").weight.grad.numpy().transpose(2, 3, 1, 0)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_peer_runs(mode: str, dtype: str) -> None:
    variant = Variant("channels_last", "sums")
    ready = peer.Torch(
        replace(TRAIN, side="torch", mode=mode, dtype=dtype, variant=variant, threads=1)
    )
    assert ready.seconds(2) > 0
    assert ready.about.library == f"torch {torch.__version__}"
    assert ready.about.compile_seconds == 0


def test_compile_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line is the answer; the same error without torch.compile is one."""

    def broken(*_: object, **__: object) -> None:
        raise OSError("\nno C++ compiler\nand a page more")

    monkeypatch.setattr(peer.torch, "compile", broken)
    work = replace(TRAIN, side="torch", variant=Variant(compiled="default"))
    answers = io.StringIO()
    worker.serve(work, io.StringIO(), answers)
    assert json.loads(answers.getvalue()) == {"failed": "OSError: no C++ compiler"}
    monkeypatch.setattr(peer, "_training", broken)
    with pytest.raises(OSError, match="compiler"):
        worker.serve(replace(work, variant=Variant()), io.StringIO(), answers)
