"""Settings changed by text, as on a command line."""

import dataclasses

import pytest
from helpers.configs import BASE, FULL, OTHERS

from alexnet_jax import InputError, architecture
from alexnet_jax.runs.overrides import with_overrides


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
        ("layer_rates", "fc8", "layer_rates takes LAYER:NUMBER,LAYER:NUMBER, got 'fc8'"),
        ("layer_rates", "fc8:fast", "layer_rates must be a number, got 'fast'"),
        ("layer_decays", "fc8", "layer_decays takes LAYER:NUMBER,LAYER:NUMBER, got 'fc8'"),
        ("layer_decays", "fc8:-1", r"layer_decays must lie in \[0, inf\), got -1.0 for fc8"),
        ("layer_rates", "fc8:0", r"layer_rates must lie in \(0, inf\), got 0.0 for fc8"),
        ("layer_rates", "fc8:nan", r"layer_rates must lie in \(0, inf\), got nan for fc8"),
        (
            "colour",
            "1",
            "unknown setting 'colour'; did you mean 'colour_noise'. there are ",
        ),
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


@pytest.mark.parametrize(
    ("name", "meant"),
    [("lr", "learning_rate"), ("wd", "weight_decay"), ("batch_size", "batch"), ("LR", "")],
)
def test_the_setting_that_is_meant_is_suggested(name: str, meant: str) -> None:
    """By the initials of its words, or as the most similar one."""
    with pytest.raises(InputError) as caught:
        with_overrides(BASE, {name: "1"})
    question = f"did you mean {meant!r}? " if meant else ""
    assert str(caught.value).startswith(f"unknown setting {name!r}; {question}there are accumulate")


def test_the_width_of_a_dense_layer_has_two_words() -> None:
    """The later one counts, whichever word the config has."""
    for old, new in (("maps", "units"), ("units", "maps")):
        config = dataclasses.replace(BASE, layers={"fc6": {old: 64, "std": 0.02}})
        found = with_overrides(config, {f"layers.fc6.{new}": "32"})
        assert found.layers == {"fc6": {new: 32, "std": 0.02}}
        same = with_overrides(config, {f"layers.fc6.{new}": "64"})
        assert config.differences(same) == []
        assert "64" in config.differences(found)[0]
        wanted = {"fc6": {"units": 32, "std": 0.02}}
        assert architecture("small", layers=found.layers) == architecture("small", layers=wanted)


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
