"""Krizhevsky's trainings on CIFAR-10, and those of the paper's figure 1."""

from __future__ import annotations

from alexnet_jax.data import logistic_regression, nearest_neighbour
from alexnet_jax.paper.trainings.table import Baseline, Difference, Ratio, Table, Training

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

_TRAININGS = (
    Training("80sec", "cifar_80sec", "10 epochs, as logged", "26 %"),
    Training("80sec_torch", "cifar_80sec", "the same in PyTorch", "26 %", library="torch"),
    Training("19pct_quarter", "cifar_19pct", "a quarter of the logged epochs", changes=_QUARTER),
    Training("18pct_quarter", "cifar_18pct", "a quarter of the logged epochs", changes=_QUARTER),
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
_SECTION_3_3 = "13 % and 11 % then"

CIFAR10 = Table(
    name="cifar10",
    title="CIFAR-10",
    measures=("error", "error_ten_views"),
    trainings=_TRAININGS,
    baselines=(
        Baseline("nearest", "nearest neighbour, pixels", nearest_neighbour),
        Baseline(
            "logistic",
            "logistic regression, standardized pixels",
            lambda dataset: logistic_regression(dataset).accuracy,
        ),
    ),
    differences=(
        Difference("13pct_short", "11pct_short", "error_ten_views", f"ten views; {_SECTION_3_3}"),
        Difference("13pct_short", "11pct_short", "error", "centre view"),
        Difference("13pct", "11pct", "error_ten_views", f"ten views; {_SECTION_3_3}"),
        Difference("19pct_quarter", "18pct_quarter", "error", "19 % and 18 % then"),
        Difference("80sec_torch", "80sec", "error", "the same recipe"),
    ),
    ratios=(Ratio("tanh", "relu", ("tanh", "ReLU"), "six times then"),),
)
