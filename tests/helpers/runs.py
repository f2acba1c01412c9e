"""A training of a narrow network: config, batches, a console that stops it, NumPy's gradients."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data.augment import Statistics, training_views
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.step import example_keys
from helpers import reference
from helpers.masks import drawn_masks
from helpers.reference_net import alexnet
from helpers.scripts import SPEED

NARROW: dict[str, dict[str, Any]] = {
    "conv1": {"maps": 4},
    "conv2": {"maps": 8},
    "conv3": {"maps": 8},
    "conv4": {"maps": 8},
    "conv5": {"maps": 8},
    "fc6": {"maps": 16},
    "fc7": {"maps": 16},
}
CONVOLUTIONS = tuple(f"conv{number}" for number in range(1, 6))

CONFIG = TrainConfig(
    name="tiny",
    data="digits",
    preset="small",
    layers=NARROW,
    steps=9,
    batch=8,
    learning_rate=0.05,
    schedule="plateau",
    patience=1,
    mirror=False,
    colour_noise=0.0,
    pixel_scale=1 / 128,
    log_every=4,
    evaluate_every=3,
    checkpoint_every=2,
)


# Of the whole network, on two pictures.
FULL = TrainConfig(name="full", data="", steps=3, batch=2)


def make_batch(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "image": random.integers(0, 256, (8, 32, 32, 1)).astype(np.uint8),
        "label": random.integers(0, 10, 8).astype(np.int32),
        "index": np.arange(8, dtype=np.int32),
    }


STATISTICS = Statistics(
    np.full((32, 32, 1), 100, np.float32), np.ones((1, 1), np.float32), np.ones(1, np.float32)
)


def lines_of(workdir: Path) -> list[dict[str, Any]]:
    text = (workdir / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


class Stop(Exception):
    """Ends a run from inside, as a crash would."""


class StoppingConsole(PlainConsole):
    """Crashes when a step is reached."""

    def __init__(self, at: int) -> None:
        self._at = at

    def advance(self, step: int) -> None:
        if step == self._at:
            raise Stop


@jax.jit
def drawn_for(key: jax.Array, step: jax.Array, batch: Any) -> tuple[jax.Array, jax.Array]:
    """The views of a step, in float64, and the keys of its masks."""
    keys = example_keys(key, step, batch["index"])
    fold = jax.vmap(jax.random.fold_in, (0, None))
    views = training_views(
        fold(keys, 0), batch["image"], STATISTICS, size=28, mirror=False, colour_noise=0.0,
        scale=1 / 128, dtype=jnp.float64,
    )  # fmt: skip
    return views, fold(keys, 1)


def numpy_gradients(net: Architecture, params: Any, key: Any, step: int, batch: Any) -> Any:
    """Gradients of the mean loss by the hand-written backward pass, on the step's own draws."""
    views, keys = drawn_for(key, jnp.int32(step), batch)
    masks = drawn_masks(net, params, views, keys)
    found = alexnet(params, views, stride=1, masks=masks)
    logits = found.activations["logits"]
    weights = np.full(8, 1 / 8)
    found.backward(reference.cross_entropy_vjp(logits, batch["label"], weights)[0])
    return found.gradients, reference.cross_entropy(logits, batch["label"]).mean()


def without_times(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in SPEED} for line in lines]
