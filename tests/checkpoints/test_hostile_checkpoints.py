"""Descriptions of checkpoints that anyone may write: a network to be used, or one line."""

import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest
from helpers.hostile import CONFIG, FEW, VALUES, read_or_refused
from hypothesis import example, given

from alexnet_jax import InputError
from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.inference.trained import _templates, load_trained
from alexnet_jax.network.presets import architecture
from alexnet_jax.runs.description import Description

NET = architecture("small", image_size=28, channels=1)
ABOUT: dict[str, Any] = {
    "architecture": NET.to_json(),
    "class_names": [str(k) for k in range(10)],
    "stored_size": 32,
    "pixel_scale": 1.0,
    "config": CONFIG.to_json(),
}


def used(about: Any) -> Any:
    """The templates of what is to be loaded; None where the description is refused."""

    return read_or_refused(lambda: _templates(Description.from_json(about, "runs/t")))


def test_a_description_of_ours_is_used() -> None:
    assert used(ABOUT)["params"]["conv1"]["kernel"].shape[2] == 1
    said = Description.from_json(ABOUT, "runs/t").to_json()
    assert json.dumps(said) == json.dumps(ABOUT | {"origin": None})


@pytest.mark.parametrize("key", ABOUT)
def test_what_is_missing_is_refused(key: str) -> None:
    rest = {name: value for name, value in ABOUT.items() if name != key}
    assert (used(rest) is None) == (key != "pixel_scale")  # which the config holds, too


@pytest.mark.parametrize("key", [*ABOUT, "origin"])
@FEW
@given(value=VALUES)
@example(value=[1] * 10)
@example(value="0123456789")
@example(value=True)
def test_any_value_in_a_description(key: str, value: Any) -> None:
    used(ABOUT | {key: value})
    used(value)


@pytest.mark.parametrize("key", [*ABOUT["architecture"], "more"])
@FEW
@given(value=VALUES)
def test_any_value_in_a_network(key: str, value: Any) -> None:
    used(ABOUT | {"architecture": ABOUT["architecture"] | {key: value}})


@pytest.mark.parametrize("place", range(0, len(ABOUT["architecture"]["layers"]), 3))
@FEW
@given(value=VALUES)
@example(value=2**31 - 2)
@example(value=10**400)
def test_any_value_in_a_layer(place: int, value: Any) -> None:
    layers = ABOUT["architecture"]["layers"]
    for key in [*layers[place], "more"]:
        other = [*layers[:place], layers[place] | {key: value}, *layers[place + 1 :]]
        used(ABOUT | {"architecture": ABOUT["architecture"] | {"layers": other}})


@pytest.mark.parametrize("checkpoint", ["latest", "1"])
def test_a_checkpoint_that_describes_nothing(tmp_path: Path, checkpoint: str) -> None:
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoints.save(1, {"params": {"x": jnp.ones(3)}}, about={"stored_size": 3})
    with pytest.raises(InputError, match="a checkpoint lacks the network's 'architecture'"):
        load_trained(tmp_path, checkpoint=checkpoint, warn=pytest.fail)
