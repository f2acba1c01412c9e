"""PyTorch's network is the same network: its logits, its gradients, and its failures."""

import io
import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from benches import TINY, TRAIN

from alexnet_jax import architecture, forward, init
from alexnet_jax.bench import worker
from alexnet_jax.bench.work import Variant
from alexnet_jax.config import Architecture

torch = pytest.importorskip("torch")
NARROW = {"conv1": 8, "conv2": 8, "conv3": 12, "conv4": 12, "conv5": 8, "fc6": 16, "fc7": 16}


def narrow(preset: str) -> Architecture:
    layers: dict[str, dict[str, object]] = {name: {"maps": maps} for name, maps in NARROW.items()}
    size = 32 if preset == "small" else 69
    return architecture(preset, image_size=size, classes=5, init="small", layers=layers)


@pytest.mark.parametrize("lrn", ["library", "sums"])
@pytest.mark.parametrize(
    "preset", ["paper", "source2012", "caffe_alexnet", "caffenet", "one_gpu", "owt", "small"]
)
def test_same_logits(preset: str, lrn: str) -> None:
    """Given our parameters, in test mode: groups, both normalizations, windows that hang over,
    dropout of either kind and the order in which fc6 reads its input."""
    from alexnet_jax.bench.torch_net import TorchNet

    net = narrow(preset)
    params = jax.jit(lambda key: init(net, key))(jax.random.key(1))
    shift = jax.random.split(jax.random.key(2), 100)
    leaves, tree = jax.tree.flatten(params)
    leaves = [
        leaf + 0.1 * jax.random.normal(key, leaf.shape)
        for leaf, key in zip(leaves, shift, strict=False)
    ]  # biases, too
    params = jax.tree.unflatten(tree, leaves)
    images = 30 * jax.random.normal(
        jax.random.key(3), (2, net.image_size, net.image_size, net.channels)
    )
    wanted = jax.jit(lambda params, images: forward(net, params, images))(params, images)
    torch.set_num_threads(1)
    peer = TorchNet(net, lrn).eval()
    peer.load(params)
    with torch.inference_mode():
        found = peer(torch.from_numpy(np.asarray(images).transpose(0, 3, 1, 2).copy())).numpy()
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-4 * np.abs(wanted).max())


def test_same_gradients() -> None:
    """Of the loss, without dropout: the peer's training step computes what ours does."""
    from alexnet_jax.bench.torch_net import TorchNet
    from alexnet_jax.ops import cross_entropy

    net = replace(TINY, layers=tuple(x for x in TINY.layers if x.name != "dropout2"))
    params = jax.jit(lambda key: init(net, key))(jax.random.key(1))
    params = jax.tree.map(
        lambda leaf: leaf + 0.3 * jnp.cos(jnp.arange(1.0, 1.0 + leaf.size)).reshape(leaf.shape),
        params,
    )
    images = jax.random.normal(jax.random.key(3), (3, 8, 8, 1))
    labels = np.array([0, 3, 1])

    def loss(params: object) -> jax.Array:
        return cross_entropy(forward(net, params, images), jnp.asarray(labels)).mean()  # type: ignore[arg-type]

    wanted = jax.jit(jax.grad(loss))(params)
    peer = TorchNet(net).train()
    peer.load(params)
    logits = peer(torch.from_numpy(np.asarray(images).transpose(0, 3, 1, 2).copy()))
    torch.nn.CrossEntropyLoss()(logits, torch.from_numpy(labels)).backward()
    got = peer.layers.get_submodule("conv1").weight.grad.numpy().transpose(2, 3, 1, 0)
    assert np.abs(wanted["conv1"]["kernel"]).max() > 1e-3
    np.testing.assert_allclose(got, wanted["conv1"]["kernel"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_peer_runs(mode: str, dtype: str) -> None:
    from alexnet_jax.bench.peer import Torch

    variant = Variant("channels_last", "sums")
    peer = Torch(replace(TRAIN, side="torch", mode=mode, dtype=dtype, variant=variant, threads=1))
    assert peer.seconds(2) > 0
    assert peer.about.library == f"torch {torch.__version__}"
    assert peer.about.compile_seconds == 0


def test_compile_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line is the answer; the same error without torch.compile is one."""
    from alexnet_jax.bench import peer

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
