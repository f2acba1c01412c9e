"""Configs are values: equal ones are equal keys, and none can change."""

import copy
import dataclasses
import functools
import pickle
from typing import Any

import pytest
from helpers.configs import BASE, FULL

from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.overrides import with_overrides


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
