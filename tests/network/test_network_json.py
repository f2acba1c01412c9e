"""Descriptions of networks: their way through JSON, and what is refused."""

import dataclasses
import json
from typing import Any

import pytest

from alexnet_jax import Architecture, InputError, architecture, list_presets
from alexnet_jax.network.architecture import BiasRule
from alexnet_jax.network.layers import Dense


def networks() -> list[Architecture]:
    """Every preset, and one in which nothing has its default."""
    found = [architecture(name) for name in list_presets()]
    layers = {"conv1": {"std": 0.5, "bias": 0.25}, "lrn2": {"n": 3}, "dropout6": {"keep": 0.75}}
    odd = architecture("small", image_size=30, channels=3, classes=7, layers=layers)
    return [*found, dataclasses.replace(odd, name="odd", biases=BiasRule(2.0, False))]


@pytest.mark.parametrize("network", networks(), ids=lambda network: network.name)
def test_a_network_survives_json(network: Architecture) -> None:
    value = json.loads(json.dumps(network.to_json()))
    back = Architecture.from_json(value)
    assert back == network
    assert hash(back) == hash(network)
    assert [type(layer) for layer in back.layers] == [type(layer) for layer in network.layers]
    value["layers"][0]["maps"] += 2
    assert Architecture.from_json(value) != network


@pytest.mark.parametrize("preset", list_presets())
def test_units_of_dense_layers_were_called_maps(preset: str) -> None:
    """In descriptions of earlier versions; of two words for one width, none is right."""
    network = architecture(preset)
    value = json.loads(json.dumps(network.to_json()))
    dense = sum(isinstance(layer, Dense) for layer in network.layers)
    assert [layer["kind"] for layer in value["layers"] if "units" in layer] == ["Dense"] * dense
    for layer in value["layers"]:
        if "units" in layer:
            layer["maps"] = layer.pop("units")
    assert Architecture.from_json(value) == network
    value["layers"][-1]["units"] = 1000
    with pytest.raises(InputError, match=r"fc\d: units and maps are one field, got 1000 and \d+"):
        Architecture.from_json(value)


@pytest.mark.parametrize(
    "change",
    [{"layers": [{"kind": "Magic", "name": "m"}]}, {"layers": [{"name": "conv1"}]},
     {"layers": ["conv1"]}, {"layers": None}, {"biases": None}, {"colour": 1}, {"classes": 9},
     {"image_size": 28.0}],
)  # fmt: skip
def test_what_is_no_network_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Architecture.from_json(architecture("small").to_json() | change)
    with pytest.raises(InputError, match="not a description of a network"):
        Architecture.from_json({})
