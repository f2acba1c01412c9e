"""Settings of runs: a plain one, one with every field changed, one with LARS; and refusals."""

import dataclasses
from typing import Any

import pytest

from alexnet_jax import InputError
from alexnet_jax.runs.config import TrainConfig

BASE = TrainConfig(name="base", data="digits", steps=100)


# A value unlike the default for every field, as text and as itself; "layers" has its own tests.
OTHERS: dict[str, tuple[str, Any]] = {
    "data": ("faces", "faces"),
    "data_dir": ("elsewhere", "elsewhere"),
    "steps": ("250", 250),
    "preset": ("small", "small"),
    "init": ("source2012", "source2012"),
    "image_size": ("224", 224),
    "start_from": ("runs/a", "runs/a"),
    "start_checkpoint": ("best", "best"),
    "classifier": ("new", "new"),
    "freeze": ("conv1,conv2", ("conv1", "conv2")),
    "layer_rates": ("fc8:10,fc7:.1", {"fc8": 10.0, "fc7": 0.1}),
    "layer_decays": ("fc8:.01,fc7:0", {"fc8": 0.01, "fc7": 0.0}),
    "batch": ("64", 64),
    "accumulate": ("4", 4),
    "seed": ("7", 7),
    "dtype": ("bfloat16", "bfloat16"),
    "topology": ("two_towers", "two_towers"),
    "learning_rate": ("2e-2", 0.02),
    "momentum": ("0.5", 0.5),
    "rate_inside": ("false", False),
    "weight_decay": ("0", 0.0),
    "ema": ("0.99", 0.99),
    "warmup_epochs": ("2.5", 2.5),
    "schedule": ("constant", "constant"),
    "patience": ("5", 5),
    "mirror": ("False", False),
    "random_crop": ("false", False),
    "colour_noise": (".25", 0.25),
    "pixel_scale": ("0.0078125", 1 / 128),
    "channel_std": ("0.5,0.25", (0.5, 0.25)),
    "resize": ("warp_bilinear", "warp_bilinear"),
    "ground": ("black", "black"),
    "log_every": ("1", 1),
    "evaluate_every": ("2", 2),
    "checkpoint_every": ("3", 3),
    "record": ("tensorboard", ("tensorboard",)),
    "keep_checkpoints": ("4", 4),
    "keep_epochs": ("1.5", 1.5),
    "flat_steps": ("100", 100),
}


BOUND = {"drop_epochs", "trust", "bias_learning_rate", "precision"}  # to other fields


FULL = dataclasses.replace(
    BASE,
    **{name: value for name, (_, value) in OTHERS.items()}
    | {"schedule": "epochs", "drop_epochs": (2.0, 3.5)},
    layers={"conv1": {"maps": 64, "std": 0.02}, "fc8": {"activation": "linear"}},
)


LARS = dataclasses.replace(
    FULL,
    trust=0.001,
    bias_learning_rate=0.02,
    layer_rates={},
    layer_decays={},
    rate_inside=True,
    dtype="float32",
    precision="highest",
)


def refusal(**values: Any) -> str:
    """The one line with which a change of BASE is refused."""
    with pytest.raises(InputError) as caught:
        dataclasses.replace(BASE, **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)
