"""Krizhevsky's trainings on CIFAR-10, and those of the paper's figure 1, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Library = Literal["jax", "torch"]


@dataclass(frozen=True)
class Training:
    """Training of a network from several seeds.

    Attributes:
      name: name of the training and of the directory of its runs.
      config: config of `train` that it begins with.
      says: what is trained, in a few words.
      then: what was found in 2011 and 2012, with its data and views.
      changes: changes to the config, as texts by name of the setting, as `train --set` takes them.
      seeds: seeds of its runs.
      views: numbers of views of a test image with which its networks are tested.
      rates: learning rates to choose among, the likeliest first. A training with rates is a race:
        each run ends once its training error has fallen to 25 %, and `steps` is its limit. Empty:
        the config's rate, all steps.
      library: library that computes it.
      optional: whether it is trained only if it is asked for by name, since it takes long.
    """

    name: str
    config: str
    says: str
    then: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    views: tuple[int, ...] = (1,)
    rates: tuple[float, ...] = ()
    library: Library = "jax"
    optional: bool = False


# 50,000 images / 128 = 390.625 updates an epoch; numbers of updates are rounded up.
_QUARTER = {"steps": "13672", "drop_epochs": "30,32.5", "evaluate_every": "977"}  # 35 epochs
_SHORT = {"steps": "15625", "drop_epochs": "36,38", "evaluate_every": "1953"}  # 40 epochs
_RACE = {
    "steps": "31250",  # 80 epochs, if 25 % is not reached before
    "schedule": "constant",
    "drop_epochs": "",
    "weight_decay": "0",
    "layer_decays": "",
    "log_every": "10",
    "evaluate_every": "391",
    "checkpoint_every": "391",
    "keep_checkpoints": "1",
}
_TANH = {f"layers.{name}.activation": "tanh" for name in ("pool1", "conv2", "conv3")}
_RATES = (0.001, 0.0005, 0.002)
_PAPER_FIGURE = "paper, figure 1"

TRAININGS = {
    training.name: training
    for training in (
        Training("80sec", "cifar_80sec", "10 epochs, as logged", "26 %"),
        Training("80sec_torch", "cifar_80sec", "the same in PyTorch", "26 %", library="torch"),
        Training(
            "19pct_quarter", "cifar_19pct", "a quarter of the logged epochs", changes=_QUARTER
        ),
        Training(
            "18pct_quarter", "cifar_18pct", "a quarter of the logged epochs", changes=_QUARTER
        ),
        Training(
            "13pct_short",
            "cifar_13pct",
            "a thirteenth of the epochs, without normalization",
            changes=_SHORT,
            views=(1, 10),
        ),
        Training(
            "11pct_short",
            "cifar_11pct",
            "a thirteenth of the epochs, with normalization",
            changes=_SHORT,
            views=(1, 10),
        ),
        Training(
            "relu",
            "cifar_19pct",
            "to 25 % training error, ReLU, no regularization",
            _PAPER_FIGURE,
            _RACE,
            rates=_RATES,
        ),
        Training(
            "tanh",
            "cifar_19pct",
            "to 25 % training error, tanh, no regularization",
            _PAPER_FIGURE,
            _RACE | _TANH,
            rates=_RATES,
        ),
        Training("19pct", "cifar_19pct", "140 epochs, as logged", "19 %", seeds=(0,)),
        Training("18pct", "cifar_18pct", "140 epochs, as logged", "18 %", seeds=(0,)),
        Training(
            "13pct",
            "cifar_13pct",
            "520 epochs, as logged",
            "13 %, ten views",
            views=(1, 10),
            optional=True,
        ),
        Training(
            "11pct",
            "cifar_11pct",
            "520 epochs, as logged",
            "11 %, ten views",
            views=(1, 10),
            optional=True,
        ),
    )
}
