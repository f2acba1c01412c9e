"""Training in PyTorch by the settings of a run: errors of a second implementation to compare with.

Nothing is shared with `alexnet_jax.training` but the settings, the data as NumPy arrays and the
clock. torch is imported inside the functions, so that this module can be imported without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alexnet_jax.data import Dataset, Split, statistics_of
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, Dropout, Weighted
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import Clock

if TYPE_CHECKING:
    from alexnet_jax.bench.torch_net import TorchNet

Log = Callable[[Mapping[str, object]], None]
_TESTED_AT_A_TIME = 1000


class Trained(NamedTuple):
    """Parameter with its velocity, its rate relative to the run's, and its weight decay."""

    parameter: Any
    velocity: Any
    rate: float
    decay: float


def train_torch(
    architecture: Architecture, config: TrainConfig, dataset: Dataset, log: Log
) -> None:
    """Train a network in PyTorch from the beginning, by the config's update, rates and cadence.

    Args:
      architecture: the network, without dropout.
      config: settings of the run; those of images whole and as they are, with rates by epochs.
      dataset: data set whose images have the network's size.
      log: called with each line of metrics, in the form of `metrics.jsonl`.

    Raises:
      InputError: a setting that this training does not have.
    """
    import torch
    from torch.nn import functional as F

    from alexnet_jax.bench.torch_net import TorchNet

    _require_plain(architecture, config, dataset)
    torch.manual_seed(config.seed)
    net = TorchNet(architecture)
    initialize(net)
    trained, mean = parameters_of(net, config), statistics_of(dataset)[0]
    order = shuffled(len(dataset.train), config.batch, config.seed)
    clock = Clock(config.batch)
    for step in range(1, config.steps + 1):
        images, labels = _tensors(dataset.train, next(order), mean)
        logits = net(images)
        loss = F.cross_entropy(logits, labels)
        net.zero_grad()
        loss.backward()
        rate = rate_at(config, step - 1, len(dataset.train))
        update(trained, rate, config.momentum)
        clock.count()
        if step == 1 or step % config.log_every == 0 or step == config.steps:
            line = {"learning_rate": rate, **_sums(logits.detach(), labels, 1 / len(labels))}
            speed = {"images_per_second": round(clock.rate(), 2)}
            log({"step": step, "split": "train", **line, **speed})
        if step % config.evaluate_every == 0 or step == config.steps:
            with clock.paused():
                log({"step": step, "split": "test", **test(net, dataset.test, mean)})


def _require_plain(architecture: Architecture, config: TrainConfig, dataset: Dataset) -> None:
    size = dataset.stored_size
    checks = {
        "images as stored": architecture.image_size == size and not config.mirror,
        "no colour noise": config.colour_noise == 0,
        "pixels minus the mean image": config.scale == 1,
        "no dropout": not any(isinstance(layer, Dropout) for layer in architecture.layers),
        'the schedule "epochs"': config.schedule == "epochs",
        "the paper's update": config.rate_inside and config.trust == 0 and config.ema == 0,
        "float32": config.dtype == "float32",
        "no warm-up, layer_rates, freeze or start_from": not (
            config.warmup_epochs or config.layer_rates or config.freeze or config.start_from
        ),
    }
    for words, holds in checks.items():
        if not holds:
            raise InputError(f"the training in PyTorch has {words}; {config.name} has not")


def initialize(net: TorchNet) -> None:
    """Draw weights from N(0, std^2), and set biases to their constants.

    `std` None: sqrt(2 / fan-in), as in `network.layers`.
    """
    import torch

    with torch.no_grad():
        for placed in net.architecture.placed():
            layer = placed.layer
            if isinstance(layer, Weighted):
                std = math.sqrt(2 / placed.fan_in) if layer.std is None else layer.std
                module: Any = net.layers.get_submodule(layer.name)
                module.weight.normal_(0, std)
                module.bias.fill_(layer.bias)


def parameters_of(net: TorchNet, config: TrainConfig) -> list[Trained]:
    """List the parameters with velocities of 0, and the rates and decays of their layers."""
    import torch

    trained, biases = list[Trained](), net.architecture.biases
    for placed in net.architecture.placed():
        name = placed.layer.name
        if isinstance(placed.layer, Weighted):
            module: Any = net.layers.get_submodule(name)
            decay = config.layer_decays.get(name, config.weight_decay)
            for parameter, rate, own in (
                (module.weight, 1.0, decay),
                (module.bias, biases.rate, decay if biases.decay else 0.0),
            ):
                trained.append(Trained(parameter, torch.zeros_like(parameter), rate, own))
    return trained


def update(trained: list[Trained], rate: float, momentum: float) -> None:
    """Update all parameters by the paper's two lines, with the rate inside the velocity.

    v <- momentum v - decay rate w - rate g ;  w <- w + v
    """
    import torch

    with torch.no_grad():
        for parameter, velocity, own, decay in trained:
            velocity.mul_(momentum).sub_(own * rate * (parameter.grad + decay * parameter))
            parameter.add_(velocity)


def rate_at(config: TrainConfig, made: int, images: int) -> float:
    """Return the rate of the update after `made` updates: a tenth from each of `drop_epochs`."""
    epoch = made * config.batch / images
    drops = sum(epoch >= drop - 1e-9 for drop in config.drop_epochs)
    return float(config.learning_rate * 0.1**drops)


def shuffled(count: int, batch: int, seed: int) -> Iterator[np.ndarray]:
    """Yield rows of batches, [B]: random permutations of all rows, one after the other."""
    random, rows = np.random.default_rng(seed), np.empty(0, np.int64)
    while True:
        while len(rows) < batch:
            rows = np.concatenate([rows, random.permutation(count)])
        yield rows[:batch]
        rows = rows[batch:]


def test(net: TorchNet, split: Split, mean: np.ndarray) -> dict[str, float]:
    """Return the mean loss, top1 and top5 of a split."""
    import torch

    totals = {"loss": 0.0, "top1": 0.0, "top5": 0.0}
    with torch.inference_mode():
        for start in range(0, len(split), _TESTED_AT_A_TIME):
            rows = np.arange(start, min(start + _TESTED_AT_A_TIME, len(split)))
            images, labels = _tensors(split, rows, mean)
            for name, value in _sums(net(images), labels, 1 / len(split)).items():
                totals[name] += value
    return totals


def _tensors(split: Split, rows: np.ndarray, mean: np.ndarray) -> tuple[Any, Any]:
    """Return images minus the mean image, [B, C, S, S] float32, and labels, [B] int64."""
    import torch

    images = split.images[rows].astype(np.float32) - mean
    return (
        torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        torch.from_numpy(split.labels[rows].astype(np.int64)),
    )


def _sums(logits: Any, labels: Any, weight: float) -> dict[str, float]:
    """Return the sums of loss, top1 and top5 over a batch, times `weight`."""
    from torch.nn import functional as F

    hits = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
    return {
        "loss": weight * float(F.cross_entropy(logits, labels, reduction="sum")),
        "top1": weight * float(hits[:, :1].sum()),
        "top5": weight * float(hits.sum()),
    }
