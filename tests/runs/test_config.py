"""Settings of a run: what they refuse, and their way through JSON and from text."""

import dataclasses
import json
import re
from typing import Any

import pytest
from helpers.configs import BASE, BOUND, FULL, LARS, OTHERS, refusal

from alexnet_jax import InputError
from alexnet_jax.runs.config import MAY_DIFFER, TrainConfig


def test_the_samples_cover_every_field() -> None:
    fields = {field.name for field in dataclasses.fields(TrainConfig)}
    assert set(OTHERS) | {"name", "layers"} | BOUND == fields
    for name, (_, value) in OTHERS.items():
        assert getattr(BASE, name) != value


def test_defaults_are_the_papers() -> None:
    """Section 5: batch 128, rate .01, momentum .9, decay .0005; section 4.1: noise of .1."""
    found = (BASE.batch, BASE.learning_rate, BASE.momentum, BASE.weight_decay, BASE.colour_noise)
    assert found == (128, 0.01, 0.9, 0.0005, 0.1)
    assert (BASE.preset, BASE.schedule, BASE.mirror, BASE.dtype) == (
        "paper", "plateau", True, "float32",
    )  # fmt: skip


def test_the_highest_precision_is_not_for_bfloat16() -> None:
    message = "precision 'highest' is for float32 and float64, got dtype 'bfloat16'"
    assert refusal(precision="highest", dtype="bfloat16") == message


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize(
    "name",
    ["steps", "batch", "accumulate", "patience", "log_every", "evaluate_every", "checkpoint_every",
     "keep_checkpoints"],
)  # fmt: skip
def test_counts_start_at_one(name: str, value: int) -> None:
    assert refusal(**{name: value}) == f"{name} must be at least 1, got {value}"
    assert getattr(dataclasses.replace(BASE, **{name: 1}), name) == 1


@pytest.mark.parametrize(
    ("name", "highest"),
    [("learning_rate", None), ("momentum", 1.0), ("weight_decay", None), ("ema", 1.0),
     ("warmup_epochs", None), ("colour_noise", None), ("pixel_scale", None)],
)  # fmt: skip
def test_ranges_of_numbers(name: str, highest: float | None) -> None:
    for value in (-1e-9, float("nan"), float("inf"), *([highest] if highest else [])):
        message = refusal(**{name: value})
        assert message.startswith(f"{name} must lie in [0, ")
        assert message.endswith(f"got {value}")
    dataclasses.replace(BASE, **{name: 0.999})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", "cosine"),
        ("dtype", "float16"),
        ("precision", "high"),
        ("classifier", "old"),
        ("resize", "crop"),
    ],
)
def test_choices(name: str, value: str) -> None:
    message = refusal(**{name: value})
    assert message.startswith(f"{name} must be one of ")
    assert message.endswith(f"got {value!r}")


def test_parts_divide_the_batch() -> None:
    assert refusal(batch=12, accumulate=5) == "accumulate must divide the batch of 12, got 5"
    dataclasses.replace(BASE, batch=12, accumulate=4)


def test_image_size() -> None:
    assert refusal(image_size=-1) == "image_size must be > 0, or 0 for the preset's, got -1"


def test_seeds() -> None:
    for seed in (-1, 2**32):
        assert refusal(seed=seed) == f"seed must lie in [0, 2^32), got {seed}"
    for seed in (0, 2**32 - 1):
        assert dataclasses.replace(BASE, seed=seed).seed == seed


@pytest.mark.parametrize(
    "epochs", [(2.0, 1.0), (1.0, 1.0), (0.0, 1.0), (-1.0,), (float("nan"),), (float("inf"),)]
)
def test_drop_epochs_are_numbers_that_rise_from_above_zero(epochs: tuple[float, ...]) -> None:
    assert refusal(schedule="epochs", drop_epochs=epochs).startswith("drop_epochs ")


@pytest.mark.parametrize("std", [(0.0,), (0.5, -1.0), (float("nan"),), (float("inf"),)])
def test_channel_std_is_above_zero(std: tuple[float, ...]) -> None:
    assert refusal(channel_std=std) == f"channel_std must be above 0 and finite, got {std}"


def test_the_scale_of_pixels_is_one_number_or_one_a_channel() -> None:
    assert BASE.scale == BASE.pixel_scale
    assert dataclasses.replace(BASE, pixel_scale=0.5, channel_std=(2.0, 4.0)).scale == (0.25, 0.125)


def test_drop_epochs_belong_to_their_schedule() -> None:
    for values in (
        {"schedule": "epochs"},
        {"schedule": "plateau", "drop_epochs": (1.0,)},
        {"schedule": "constant", "drop_epochs": (1.0,)},
    ):
        assert "'epochs' needs drop_epochs, and only it takes them" in refusal(**values)


@pytest.mark.parametrize("config", [BASE, FULL, LARS], ids=["base", "full", "lars"])
def test_a_config_survives_json(config: TrainConfig) -> None:
    back = TrainConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert back == config
    assert [type(value) for value in vars(back).values()] == [
        type(value) for value in vars(config).values()
    ]


@pytest.mark.parametrize(
    "change",
    [{"colour": 1}, {"steps": "many"}, {"steps": None}, {"steps": 0}, {"drop_epochs": 3},
     {"momentum": [0.9]}, {"freeze": 1}, {"freeze": [1]}, {"layer_rates": ["fc8"]},
     {"layer_rates": {"fc8": "1"}}, {"layer_rates": {"fc8": True}}],
)  # fmt: skip
def test_what_is_no_config_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        TrainConfig.from_json(BASE.to_json() | change)


def test_a_frozen_layer_has_no_rate() -> None:
    message = refusal(freeze=("fc8", "fc7"), layer_rates={"fc7": 2.0})
    assert message == "fc7 is frozen, and cannot have a rate in layer_rates"
    message = refusal(freeze=("fc8", "fc7"), layer_decays={"fc7": 0.0})
    assert message == "fc7 is frozen, and cannot have a decay in layer_decays"


def test_a_config_from_before_layers_could_be_frozen() -> None:
    new = ("start_from", "start_checkpoint", "classifier", "freeze", "layer_rates", "layer_decays")
    value = {name: v for name, v in BASE.to_json().items() if name not in new}
    assert TrainConfig.from_json(value) == BASE


@pytest.mark.parametrize("missing", ["name", "data", "steps", "drop_epochs"])
def test_a_config_needs_its_values(missing: str) -> None:
    value = {name: v for name, v in BASE.to_json().items() if name != missing}
    with pytest.raises(InputError, match=f"not the settings of a run.*{missing}"):
        TrainConfig.from_json(value)


def test_the_ground_of_earlier_versions() -> None:
    """Prepared data were on black; those that come with libraries have no transparency."""
    for data_dir, ground in (("prepared", "black"), ("", "white")):
        value = dataclasses.replace(BASE, data_dir=data_dir).to_json()
        assert TrainConfig.from_json(value).ground == "white"
        del value["ground"]
        assert TrainConfig.from_json(value).ground == ground


def test_differences_name_what_makes_another_run() -> None:
    """Where a run computes and finds its data, how long, and how often it reports may change, and
    the ground of transparent pictures, which its data decide; nothing else."""
    assert {
        "steps", "data_dir", "topology", "log_every", "evaluate_every", "checkpoint_every",
        "keep_checkpoints", "keep_epochs", "flat_steps", "start_from", "start_checkpoint",
        "ground", "record",
    } == MAY_DIFFER  # fmt: skip
    assert FULL.differences(FULL) == []
    for name, (_, value) in OTHERS.items():
        other = dataclasses.replace(BASE, **{name: value})
        want = [] if name in MAY_DIFFER else [f"{name}: {getattr(BASE, name)!r}, now {value!r}"]
        assert BASE.differences(other) == want
    assert BASE.differences(dataclasses.replace(BASE, layers={"conv1": {"maps": 8}})) == [
        "layers: {}, now {'conv1': {'maps': 8}}"
    ]
    every = set(OTHERS) - MAY_DIFFER | BOUND | {"layers"}
    found = BASE.differences(FULL) + BASE.differences(LARS)
    assert {text.split(":")[0] for text in found} == every


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("freeze", "conv1", "freeze must be a list, got 'conv1'"),
        ("freeze", (["conv1"],), r"freeze must be str, got \('conv1',\)"),
        ("channel_std", ("wide",), "channel_std must be float, got 'wide'"),
        ("drop_epochs", 3, "drop_epochs must be a list, got 3"),
        ("momentum", True, "momentum must be float, got True"),
        ("mirror", 1, "mirror must be bool, got 1"),
        ("layers", {"conv1": 3}, r"layers must hold fields by layer, got \{'conv1': 3\}"),
    ],
)
def test_values_of_another_type(name: str, value: Any, message: str) -> None:
    assert re.fullmatch(message, refusal(**{name: value}))
