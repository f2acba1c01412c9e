"""The training in PyTorch: its rates and batches, and its updates, which are those of ours."""

import dataclasses
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alexnet_jax.bench import train_torch
from alexnet_jax.bench.torch_training import initialize, parameters_of, rate_at, shuffled, update
from alexnet_jax.data.dataset import Dataset, Split
from alexnet_jax.errors import InputError
from alexnet_jax.network.forward import forward
from alexnet_jax.network.presets import architecture
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.optim import paper_sgd

CONFIG = TrainConfig(
    name="small", data="drawn", steps=4, batch=8, learning_rate=0.01, weight_decay=0.04,
    layer_decays={"fc4": 0.5}, schedule="epochs", drop_epochs=(1.5,), mirror=False,
    colour_noise=0.0, preset="cifar_80sec", log_every=2, evaluate_every=4,
)  # fmt: skip
NET = architecture(
    "cifar_80sec", image_size=12, classes=10,
    layers={"conv1": {"maps": 4, "std": 0.02}, "conv2": {"maps": 4}, "conv3": {"maps": 4}},
)  # fmt: skip


def drawn(count: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 12, 12, 3), np.uint8)
    return Split(images, random.integers(0, 10, count).astype(np.int32))


DATA = Dataset("drawn", drawn(16, 1), drawn(5, 2), tuple("abcdefghij"))


def test_rates_drop_at_epochs() -> None:
    """After 1.5 epochs of two updates, before the fourth."""
    assert [rate_at(CONFIG, made, 16) for made in range(4)] == pytest.approx([0.01] * 3 + [0.001])


def test_every_row_comes_once_an_epoch() -> None:
    """Also where a batch holds the end of one epoch and the start of the next."""
    batches = list(islice(shuffled(10, 4, 3), 5))
    rows = np.concatenate(batches)
    assert {len(rows) for rows in batches} == {4}
    assert sorted(rows[:10]) == sorted(rows[10:]) == list(range(10))
    assert list(rows[:10]) != list(rows[10:])
    assert list(np.concatenate(list(islice(shuffled(10, 4, 4), 5)))) != list(rows)


def test_updates_are_ours() -> None:
    """Three updates of the same network by `paper_sgd` and by PyTorch, with a drop: decay by
    layer, biases at twice the rate and without decay, the rate inside the velocity."""
    torch = pytest.importorskip("torch")
    from alexnet_jax.bench.torch_net import TorchNet

    random = np.random.default_rng(0)
    views = random.normal(0, 50, (8, 12, 12, 3)).astype(np.float32)
    labels = random.integers(0, 10, 8)
    net = TorchNet(NET)
    shapes = {p.layer.name: (p.kernel, p.bias) for p in NET.placed() if p.kernel is not None}
    params: Any = {
        name: {"kernel": random.normal(0, 0.05, kernel).astype(np.float32),
               "bias": random.normal(0, 0.1, bias).astype(np.float32)}
        for name, (kernel, bias) in shapes.items()
    }  # fmt: skip
    net.load(params)
    trained = parameters_of(net, CONFIG)

    def loss(params: Any) -> jax.Array:
        log_p = jax.nn.log_softmax(forward(NET, params, jnp.asarray(views)))
        return -log_p[jnp.arange(8), labels].mean()

    gradient = jax.jit(jax.grad(loss))
    rates = (0.01, 0.01, 0.001)
    sgd = paper_sgd(
        lambda count: jnp.asarray(rates)[count], weight_decay=0.04, bias_rate=2.0,
        bias_decay=False, layer_decays={"fc4": 0.5},
    )  # fmt: skip
    state = sgd.init(params)
    images = torch.from_numpy(views.transpose(0, 3, 1, 2).copy())
    for rate in rates:
        net.zero_grad()
        torch.nn.functional.cross_entropy(net(images), torch.from_numpy(labels)).backward()
        update(trained, rate, 0.9)
        updates, state = sgd.update(gradient(params), state, params)
        params = jax.tree.map(jnp.add, params, updates)
    want = TorchNet(NET)
    want.load(params)
    theirs = net.state_dict()
    for name, ours in want.state_dict().items():
        assert float((ours - theirs[name]).abs().max()) < 2e-5 * float(ours.abs().max())


def test_a_training_in_pytorch() -> None:
    """Its lines are those of `metrics.jsonl`; the same seed gives the same."""
    pytest.importorskip("torch")
    logs: list[list[Any]] = [[], []]
    for log in logs:
        train_torch(NET, CONFIG, DATA, log.append)
    speeds = [
        line.pop("images_per_second") for log in logs for line in log if "learning_rate" in line
    ]
    assert all(speed > 0 for speed in speeds)
    assert logs[0] == logs[1]
    assert [(line["step"], line["split"]) for line in logs[0]] == [
        (1, "train"), (2, "train"), (4, "train"), (4, "test"),
    ]  # fmt: skip
    assert logs[0][2]["learning_rate"] == pytest.approx(0.001)
    assert all(0 <= line["top1"] <= line["top5"] <= 1 < line["loss"] < 4 for line in logs[0])


def test_initial_values() -> None:
    pytest.importorskip("torch")
    from alexnet_jax.bench.torch_net import TorchNet

    net = TorchNet(NET)
    initialize(net)
    found: Any = dict(net.layers.named_children())
    for name, std in {"conv1": 0.02, "conv2": 0.01, "fc4": 0.1}.items():
        weight = found[name].weight.detach()
        assert float(weight.std()) == pytest.approx(std, rel=4 / weight.numel() ** 0.5)
        assert float(found[name].bias.detach().abs().max()) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mirror": True}, "images as stored"),
        ({"schedule": "constant", "drop_epochs": ()}, 'the schedule "epochs"'),
        ({"rate_inside": False}, "the paper's update"),
        ({"layer_rates": {"fc4": 2.0}}, "no warm-up, layer_rates"),
    ],
)
def test_other_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    pytest.importorskip("torch")
    with pytest.raises(InputError, match=words):
        train_torch(NET, dataclasses.replace(CONFIG, **changes), DATA, print)
