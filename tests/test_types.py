"""Annotations of the public names. `tests/typing/uses.py` has what type checkers make of them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from helpers.annotations import imports, mentions_of_any

import alexnet_jax
from alexnet_jax import data, inference, network, nnx, ops, parallel, training, weights
from alexnet_jax.errors import InputError

PACKAGES = (alexnet_jax, ops, ops.plain, network, nnx)
OTHERS = (
    data.load,
    data.Dataset,
    data.Images,
    data.Split,
    data.Statistics,
    inference.Model,
    inference.Prediction,
    inference.Preprocess,
    parallel.Topology,
    parallel.topology,
    training.make_train_step,
    weights.Weights,
    weights.fetch,
    weights.load,
)


def public() -> Iterator[Callable[..., object]]:
    """The functions and classes that users meet first."""
    for package in PACKAGES:
        for name in getattr(package, "__all__", ["AlexNet"]):
            value = getattr(package, name)
            if isinstance(inspect.unwrap(value), types.FunctionType | type):
                yield value
    yield from OTHERS


def test_public_signatures_are_without_any() -> None:
    """Parameters, results and fields have types, through all aliases, `**changes` included."""
    named = list(public())
    assert {alexnet_jax.create, alexnet_jax.load, ops.conv2d, network.AlexNet} <= set(named)
    assert [text for value in named for text in mentions_of_any(value)] == []


def test_type_checkers_know_every_name() -> None:
    """All that is imported when first used is also imported under TYPE_CHECKING, as itself."""
    imported = {name for name, _ in imports(alexnet_jax)}
    assert imported >= set(alexnet_jax.__all__)
    for name, original in imports(alexnet_jax):
        if name in alexnet_jax.__all__:
            assert getattr(alexnet_jax, name) is original, name


Hidden = dict[str, Any]
Text = "dict[str, typing.Any]"


def in_an_alias(x: int, **others: Hidden) -> None: ...


class InAText:
    field: Text

    def _private(self) -> Any: ...


class WhileChecking:
    if TYPE_CHECKING:

        def __init__(self, x: typing.Any) -> None: ...


@pytest.mark.parametrize("value", [in_an_alias, InAText, WhileChecking], ids=lambda v: v.__name__)
def test_every_mention_is_found(value: Callable[..., object]) -> None:
    """In aliases, texts and branches; private functions may take what they like."""
    assert len(mentions_of_any(value)) == 1


def test_names_of_presets() -> None:
    """`PresetName` names every preset, plain and with a sixth convolution, and nothing else."""
    plain = network.list_presets()
    names = typing.get_args(alexnet_jax.PresetName)
    five = [name for name in plain if not name.startswith("cifar")]
    assert names == (*plain, *(f"{name}+conv6" for name in five))
    assert [network.preset_name(name) for name in names] == list(names)
    built = [alexnet_jax.architecture(name) for name in names]
    counts = [sum("conv" in layer.name for layer in net.layers) for net in built]
    assert counts == [5] * 8 + [3] * 3 + [2] * 2 + [6] * 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("papr", r"unknown preset 'papr'; did you mean 'paper'\? there are paper, "),
        ("owl+conv6", r"unknown preset 'owl\+conv6'; did you mean 'owt'"),
        ("owt+conv6+conv6", r"unknown preset 'owt\+conv6\+conv6'; there are paper"),
        ("", "unknown preset ''; there are paper"),
        (7, "unknown preset 7; there are paper"),
    ],
)
def test_a_text_that_is_no_name(text: str, told: str) -> None:
    """The message has the nearest name."""
    for refused in (network.preset_name, alexnet_jax.architecture):
        with pytest.raises(InputError, match=rf"^{told}"):
            refused(text)
