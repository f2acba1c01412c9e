"""What crosses between devices, from the compiled step, against counts made by hand."""

import dataclasses
from collections import Counter
from typing import Any

import jax
import pytest
from helpers.compiled import new_text
from helpers.crossings import (
    BATCH,
    HALOS,
    KINDS,
    PAPER_HALOS,
    PAPER_READ,
    PARAMETERS,
    READ,
    Row,
    by_hand,
    gradients_by_hand,
    metrics_by_hand,
    towers_by_hand,
)
from helpers.narrow import PLAIN_VIEWS, short

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.communication import Crossing, crossings
from alexnet_jax.planning.communication_table import figure_values, format_communication
from alexnet_jax.runs.config import TrainConfig


def found(name: str, devices: int, net: Architecture, **settings: Any) -> list[Crossing]:
    config = TrainConfig(name="report", data="", steps=1, batch=BATCH, **settings)
    return crossings(net, config, topology(name, net, jax.devices()[:devices]))


def exact(crossed: list[Crossing]) -> Counter[Row]:
    """Every crossing of float32 arrays."""
    assert {crossing.dtype for crossing in crossed} == {"f32"}
    return Counter(
        (c.layer, c.direction, c.kind, round(c.values_per_image, 6), round(c.bytes_per_step, 6))
        for c in crossed
    )


def test_two_towers() -> None:
    """Four places where they meet, the logits and the halos of two normalizations: 5 all-gathers,
    4 reduce-scatters, 8 permutations, and no sum of anything."""
    crossed = found("two_towers", 2, architecture("small"))
    assert exact(crossed) == towers_by_hand(HALOS, READ, 5)
    assert Counter(crossing.kind for crossing in crossed) == {
        "all-gather": 5,
        "reduce-scatter": 4,
        "collective-permute": 8,
    }


def test_two_towers_that_normalize_apart_exchange_no_halos() -> None:
    within = {"lrn1": {"within_tower": True}, "lrn2": {"within_tower": True}}
    net = architecture("small", layers=within)
    assert exact(found("two_towers", 2, net, **PLAIN_VIEWS)) == towers_by_hand({}, READ, 5)
    assert {layer for layer, _ in figure_values(net)} == {*READ, "logits"}


def test_two_towers_that_pool_first_exchange_halos_of_what_is_pooled() -> None:
    net = architecture("small")
    order = sorted(range(len(net.layers)), key=lambda i: {1: 2, 2: 1, 4: 5, 5: 4}.get(i, i))
    net = dataclasses.replace(net, layers=tuple(net.layers[i] for i in order))
    assert [layer.name for layer in net.layers[:3]] == ["conv1", "pool1", "lrn1"]
    halos = {"lrn1": 2 * 11 * 11, "lrn2": 2 * 5 * 5}
    assert exact(found("two_towers", 2, net, **PLAIN_VIEWS)) == towers_by_hand(halos, READ, 5)


def test_a_batch_in_parts_is_refused() -> None:
    """Its loop stands once in the program, and would be counted once."""
    net = architecture("small")
    config = TrainConfig(name="report", data="", steps=1, batch=BATCH, accumulate=2)
    with pytest.raises(ValueError, match="those of accumulate=1, got 2"):
        crossings(net, config, topology("data", net, jax.devices()[:2]))


def test_two_towers_with_a_classifier_that_does_not_split() -> None:
    """Both compute all of it: its input crosses, its gradients and the logits do not."""
    net = architecture("small", classes=9)
    expected = towers_by_hand(HALOS, READ, 5)
    del expected["logits", "forward", "all-gather", 5, 5 * 2 * BATCH * 4]
    del expected["fc8", "backward", "reduce-scatter", 128, 128 * 2 * BATCH * 4]
    assert exact(found("two_towers", 2, net, **PLAIN_VIEWS)) == expected
    assert ("fc8", "backward") not in figure_values(net)


def test_data() -> None:
    """Every array's gradient is summed, and nothing else crosses."""
    expected = gradients_by_hand(list(PARAMETERS), 8) + metrics_by_hand(1, 8)
    assert exact(found("data", 8, architecture("small"))) == expected


def test_data_towers() -> None:
    """As many values an image as two towers send, and each tower's gradients over the pairs."""
    expected = (
        towers_by_hand(HALOS, READ, 5)
        + gradients_by_hand(list(PARAMETERS), 4)
        + metrics_by_hand(2, 4)
    )
    assert exact(found("data_towers", 8, architecture("small"))) == expected


def test_hybrid() -> None:
    """Gradients of convolutions are summed; into the dense layers goes what the others lack, of
    256 values three quarters; 10 logits do not divide by 4 and are computed by all."""
    inputs = dict.fromkeys(["fc6", "fc7", "fc8"], 256 * 3 / 4)
    expected = by_hand(4, inputs, KINDS)
    del expected["fc8", "backward", "reduce-scatter", 192, 192 * 4 * BATCH * 4]
    expected += gradients_by_hand([name for name in PARAMETERS if "conv" in name], 4)
    assert exact(found("hybrid", 4, architecture("small"))) == expected
    # Over two devices the logits do divide.
    inputs = dict.fromkeys(["fc6", "fc7", "fc8"], 256 / 2)
    expected = by_hand(2, inputs, KINDS) + by_hand(2, {"logits": 5}, {"forward": "all-gather"})
    expected += gradients_by_hand([name for name in PARAMETERS if "conv" in name], 2)
    assert exact(found("hybrid", 2, architecture("small"), **PLAIN_VIEWS)) == expected


def text_of_short() -> str:
    """The step on two towers, made anew, where other tests take a text that is there."""
    net = short()
    config = TrainConfig(name="report", data="", steps=1, batch=BATCH, **PLAIN_VIEWS)
    return new_text(net, config, topology("two_towers", net, jax.devices()[:2]))


@pytest.mark.slow
def test_one_device() -> None:
    net = short()
    config = TrainConfig(name="report", data="", steps=1, batch=BATCH)
    assert found("one_device", 1, net, **PLAIN_VIEWS) == []
    assert format_communication([], net, config) == "nothing crosses between devices"


@pytest.mark.exhaustive
def test_bfloat16() -> None:
    """The values are the same, in two bytes, or in four where a CPU carries them so."""
    net = architecture("small")
    half, whole = (found("two_towers", 2, net, dtype=dtype) for dtype in ("bfloat16", "float32"))
    assert [(c.layer, c.values_per_image) for c in half] == [
        (c.layer, c.values_per_image) for c in whole
    ]
    for crossing, other in zip(half, whole, strict=True):
        size = {"f32": 4, "bf16": 2}[crossing.dtype]
        assert crossing.bytes_per_step == other.bytes_per_step * size / 4


def test_nothing_is_left_behind() -> None:
    """No array is made, and jax finds and describes compiled programs as before."""
    before = {id(array) for array in jax.live_arrays()}
    limit = jax.config.jax_traceback_in_locations_limit  # type: ignore[attr-defined]
    text_of_short()
    made = [array for array in jax.live_arrays() if id(array) not in before]
    assert all(array.size <= 4 for array in made)
    assert not jax.config.jax_compilation_cache_include_metadata_in_key  # type: ignore[attr-defined]
    assert jax.config.jax_traceback_in_locations_limit == limit != 0  # type: ignore[attr-defined]


def test_the_program_does_not_depend_on_who_asks_for_it() -> None:
    """So that a cache of compiled programs holds it once."""

    def another() -> str:
        return text_of_short()

    assert text_of_short() == another()


def test_figure_by_hand() -> None:
    figure = figure_values(architecture("paper"))
    both = PAPER_READ | PAPER_HALOS
    assert figure == {(n, way): v for n, v in both.items() for way in KINDS} | {
        ("logits", "forward"): 500
    }
    assert {layer for layer, _ in figure_values(architecture("source2012"))} == {
        *PAPER_READ,
        "logits",
    }
    assert figure_values(architecture("owt")) == {}
