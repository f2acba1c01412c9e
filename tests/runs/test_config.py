"""Settings of a run: what they refuse, and their way through JSON and from text."""

import copy
import dataclasses
import functools
import json
import pickle
import re
from typing import Any

import pytest

from alexnet_jax import InputError, architecture
from alexnet_jax.runs.config import MAY_DIFFER, TrainConfig
from alexnet_jax.runs.overrides import with_overrides

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
    "log_every": ("1", 1),
    "evaluate_every": ("2", 2),
    "checkpoint_every": ("3", 3),
    "keep_checkpoints": ("4", 4),
    "keep_epochs": ("1.5", 1.5),
    "flat_steps": ("100", 100),
}
BOUND = {"drop_epochs", "trust", "bias_learning_rate"}  # to other fields
FULL = dataclasses.replace(
    BASE,
    **{name: value for name, (_, value) in OTHERS.items()}
    | {"schedule": "epochs", "drop_epochs": (2.0, 3.5)},
    layers={"conv1": {"maps": 64, "std": 0.02}, "fc8": {"activation": "linear"}},
)
LARS = dataclasses.replace(
    FULL, trust=0.001, bias_learning_rate=0.02, layer_rates={}, rate_inside=True
)


def refusal(**values: Any) -> str:
    """The one line with which a change of BASE is refused."""
    with pytest.raises(InputError) as caught:
        dataclasses.replace(BASE, **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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
    [("schedule", "cosine"), ("dtype", "float16"), ("classifier", "old"), ("resize", "crop")],
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


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_is_set_from_text(name: str) -> None:
    text, value = OTHERS[name]
    found = with_overrides(BASE, {name: text})
    assert found == dataclasses.replace(BASE, **{name: value})
    assert isinstance(getattr(found, name), type(value))


@pytest.mark.parametrize(
    ("text", "value"), [("2,3.5", (2.0, 3.5)), ("4", (4.0,)), ("1,2,", (1.0, 2.0))]
)
def test_drop_epochs_from_text(text: str, value: tuple[float, ...]) -> None:
    found = with_overrides(BASE, {"schedule": "epochs", "drop_epochs": text})
    assert found.drop_epochs == value
    assert with_overrides(found, {"schedule": "plateau", "drop_epochs": ""}).drop_epochs == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("steps", "1e3", "steps must be a whole number, got '1e3'"),
        ("steps", "", "steps must be a whole number, got ''"),
        ("steps", "0", "steps must be at least 1, got 0"),
        ("learning_rate", "fast", "learning_rate must be a number, got 'fast'"),
        ("learning_rate", "nan", r"learning_rate must lie in \[0, inf\), got nan"),
        ("mirror", "1", "mirror must be true or false, got '1'"),
        ("drop_epochs", "1,b", "drop_epochs must be a number, got 'b'"),
        ("dtype", "half", "dtype must be one of float32, bfloat16, float64, got 'half'"),
        ("freeze", "fc7,fc7", r"freeze takes different names of layers, got \('fc7', 'fc7'\)"),
        ("layer_rates", "fc8", "layer_rates takes LAYER:RATE,LAYER:RATE, got 'fc8'"),
        ("layer_rates", "fc8:fast", "layer_rates must be a number, got 'fast'"),
        ("layer_rates", "fc8:0", r"layer_rates must lie in \(0, inf\), got 0.0 for fc8"),
        ("layer_rates", "fc8:nan", r"layer_rates must lie in \(0, inf\), got nan for fc8"),
        ("colour", "1", "unknown setting 'colour'; there are accumulate, batch, .*topology"),
        ("name", "x", "unknown setting 'name'"),
        ("layers", "{}", "unknown setting 'layers'"),
        ("layers.conv1", "1", "unknown setting 'layers.conv1'"),
        ("layers.conv1.maps.x", "1", r"unknown setting .*layers\.LAYER\.FIELD"),
    ],
)
def test_texts_that_are_no_values(name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}") as caught:
        with_overrides(BASE, {name: text})
    assert "\n" not in str(caught.value)


def test_layers_from_text_join_those_there_are() -> None:
    """Numbers, words and truth values; the config that is changed stays as it was."""
    texts = {
        "layers.conv1.maps": "48",
        "layers.lrn1.k": "1.5",
        "layers.fc6.activation": "linear",
        "layers.lrn1.alpha": "1e-5",
        "layers.lrn1.within_tower": "true",
    }
    found = with_overrides(FULL, texts)
    assert found.layers == {
        "conv1": {"maps": 48, "std": 0.02},
        "fc8": {"activation": "linear"},
        "lrn1": {"k": 1.5, "alpha": 1e-5, "within_tower": True},
        "fc6": {"activation": "linear"},
    }
    assert type(found.layers["conv1"]["maps"]) is int
    assert FULL.layers == {"conv1": {"maps": 64, "std": 0.02}, "fc8": {"activation": "linear"}}
    architecture("paper", layers=found.layers)


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


def test_a_config_from_before_layers_could_be_frozen() -> None:
    new = ("start_from", "start_checkpoint", "classifier", "freeze", "layer_rates")
    value = {name: v for name, v in BASE.to_json().items() if name not in new}
    assert TrainConfig.from_json(value) == BASE


@pytest.mark.parametrize("missing", ["name", "data", "steps", "drop_epochs"])
def test_a_config_needs_its_values(missing: str) -> None:
    value = {name: v for name, v in BASE.to_json().items() if name != missing}
    with pytest.raises(InputError, match=f"not the settings of a run.*{missing}"):
        TrainConfig.from_json(value)


def test_differences_name_what_makes_another_run() -> None:
    """Where a run computes and finds its data, how long, and how often it reports may change;
    nothing else."""
    assert {
        "steps", "data_dir", "topology", "log_every", "evaluate_every", "checkpoint_every",
        "keep_checkpoints", "keep_epochs", "flat_steps", "start_from", "start_checkpoint",
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


def test_equal_configs_are_equal_keys() -> None:
    """In a dictionary, in a cache, and after copies and pickles."""
    other = with_overrides(FULL, {"layers.conv1.maps": "64"})
    assert other == FULL
    assert other is not FULL
    assert hash(other) == hash(FULL)
    assert {FULL: "full", BASE: "base"}[other] == "full"
    for same in (copy.deepcopy(FULL), pickle.loads(pickle.dumps(FULL))):
        assert same == FULL
        assert hash(same) == hash(FULL)

    calls: list[TrainConfig] = []
    cached = functools.cache(calls.append)
    for config in (FULL, other, BASE):
        cached(config)
    assert calls == [FULL, BASE]
    assert hash(dataclasses.replace(BASE, layers={"conv1": {"maps": 8}})) != hash(BASE)


def test_a_config_cannot_change() -> None:
    """Neither by what it was made of, nor by what it holds or has written."""
    layers: dict[str, dict[str, Any]] = {"conv1": {"maps": 64}}
    rates, freeze = {"fc8": 2.0}, ["conv1"]
    values: dict[str, Any] = {"layers": layers, "layer_rates": rates, "freeze": freeze}
    config = dataclasses.replace(BASE, **values)
    before = config.to_json()
    layers["conv1"]["maps"] = 8
    layers["conv2"] = {}
    rates["fc8"] = 3.0
    freeze.append("conv2")
    assert config.to_json() == before
    config.to_json()["layers"]["conv1"]["maps"] = 8
    for held in (config.layers, config.layers["conv1"], config.layer_rates):
        for change in (
            lambda held: held.update(fc8=1.0),
            lambda held: held.setdefault("fc8", 1.0),
            lambda held: held.pop("fc8"),
            lambda held: held.clear(),
            lambda held: held.__setitem__("fc8", 1.0),
            lambda held: held.__delitem__("fc8"),
            lambda held: held.__ior__({"fc8": 1.0}),
        ):
            with pytest.raises(TypeError, match="cannot be changed"):
                change(held)
    assert config.to_json() == before


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
