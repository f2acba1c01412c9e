"""What crosses, by formula, against the compiled training step and against counts made by hand."""

from collections import Counter
from typing import Any

import jax
import pytest
from helpers.compiled import compiled_step
from helpers.narrow import PLAIN_VIEWS, short

from alexnet_jax.errors import InputError
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import list_topologies, topology
from alexnet_jax.planning.communication import read_crossings
from alexnet_jax.planning.cost_model import Machine, predict
from alexnet_jax.planning.hlo import collectives
from alexnet_jax.planning.traffic import layout, transfers
from alexnet_jax.runs.config import TrainConfig

BATCH = 16


def assert_as_compiled(
    name: str, devices: int, net: Architecture, batch: int = BATCH, **views: Any
) -> None:
    """Every array, its kind and bytes, and the number of collectives, as the program has them."""
    config = TrainConfig(name="report", data="", steps=1, batch=batch, **views)
    place = topology(name, net, jax.devices()[:devices])
    text = compiled_step(net, config, place)
    compiled = Counter(
        (c.layer, c.direction, c.kind, round(c.bytes_per_step, 6))
        for c in read_crossings(text, net, batch, place)
    )
    plan = layout(name, net, devices)
    counted = Counter(
        (t.layer, t.direction, t.kind, round(t.bytes_per_step, 6))
        for t in transfers(net, plan, batch)
    )
    assert counted == compiled
    # Sums over groups of one device, which stand in the program too, are none.
    calls = [line for line in text.splitlines() if collectives(line, devices)]
    assert predict(net, plan, batch, Machine()).calls == len(calls) > 0


@pytest.mark.parametrize(
    ("name", "devices"), [("two_towers", 2), ("data", 8), ("data_towers", 8), ("hybrid", 4)]
)
def test_small_as_compiled(name: str, devices: int) -> None:
    assert_as_compiled(name, devices, architecture("small"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("data", 2),
        ("data", 4),
        ("data_towers", 2),
        ("data_towers", 4),
        ("hybrid", 2),
        ("hybrid", 8),
    ],
)
def test_other_numbers_of_devices_as_compiled(name: str, devices: int) -> None:
    assert_as_compiled(name, devices, short(), **PLAIN_VIEWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data_towers", "hybrid"])
def test_a_classifier_that_does_not_split_as_compiled(name: str) -> None:
    """Every tower's devices sum all of its gradient; in hybrid nobody does."""
    assert_as_compiled(name, 4, short(classes=9), **PLAIN_VIEWS)


@pytest.mark.slow
def test_towers_that_normalize_apart_as_compiled() -> None:
    within = {"lrn1": {"within_tower": True}, "lrn2": {"within_tower": True}}
    assert_as_compiled("two_towers", 2, architecture("small", layers=within), **PLAIN_VIEWS)


def eighth(preset: str) -> Architecture:
    """A preset with an eighth of the maps and units, but for its classes: sooner compiled."""
    maps = {placed.layer.name: placed.kernel[-1] for placed in architecture(preset).placed()
            if placed.kernel is not None and placed.layer.name != "fc8"}  # fmt: skip
    return architecture(preset, layers={name: {"maps": n // 8} for name, n in maps.items()})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "devices", "batch"), [("two_towers", 2, 2), ("data", 2, 8)])
def test_paper_as_compiled(name: str, devices: int, batch: int) -> None:
    assert_as_compiled(name, devices, architecture("paper"), batch=batch)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "devices"), [("data_towers", 4), ("hybrid", 8)])
def test_narrow_paper_as_compiled(name: str, devices: int) -> None:
    assert_as_compiled(name, devices, eighth("paper"), batch=8, **PLAIN_VIEWS)


@pytest.mark.slow
def test_one_tower_as_compiled() -> None:
    """Dropout stands before the dense layers there."""
    assert_as_compiled("hybrid", 2, eighth("owt"), batch=4, **PLAIN_VIEWS)


def sent(name: str, devices: int, batch: int, itemsize: int = 4) -> dict[str, float]:
    """Bytes from all devices in a step of the paper's network, by direction."""
    net, found = architecture("paper"), Counter[str]()
    for t in transfers(net, layout(name, net, devices), batch, itemsize):
        if t.layer != "metrics":
            found[t.direction] += t.bytes_per_step  # type: ignore[assignment]
    return dict(found)


PARAMETERS = 60_965_224
CONVOLUTIONS = 34_944 + 307_456 + 885_120 + 663_936 + 442_624
# Of each tower for an image: conv3, fc6, fc7, fc8 and the neighbours of two normalizations.
READ = 13 * 13 * 128 + 6 * 6 * 128 + 2048 + 2048 + (55 * 55 + 27 * 27) * 2


def test_by_hand_on_4096_devices() -> None:
    count, batch = 4096, 8192
    assert sent("data", count, batch) == {"gradient": 2 * (count - 1) * PARAMETERS * 4}
    towers = sent("data_towers", count, batch)
    # Two groups of 2,048, in each of which half of the parameters is summed.
    assert towers["gradient"] == 2 * 2 * (count // 2 - 1) * PARAMETERS / 2 * 4
    assert towers["backward"] == 2 * batch * READ * 4
    assert towers["forward"] == 2 * batch * (READ + 500) * 4
    hybrid = sent("hybrid", count, batch)
    assert hybrid["gradient"] == 2 * (count - 1) * CONVOLUTIONS * 4
    # All images on all devices; 1,000 classes do not divide by 4,096.
    assert hybrid["forward"] == (count - 1) * batch * (9216 + 4096 + 4096) * 4
    assert hybrid["backward"] == (count - 1) * batch * (9216 + 4096) * 4


def test_bfloat16_halves_what_activations_send_and_not_the_gradients() -> None:
    whole, half = (sent("data_towers", 8, 64, itemsize) for itemsize in (4, 2))
    assert half["forward"] == whole["forward"] / 2
    assert half["gradient"] == whole["gradient"]


@pytest.mark.parametrize("name", ["two_towers", "data", "data_towers", "hybrid"])
def test_layout_as_topology(name: str) -> None:
    net = architecture("small", classes=9)
    place = topology(name, net, jax.devices()[:8])
    plan = layout(name, net, 8)
    assert plan.devices == place.mesh.size
    assert plan.shares == place.shares
    assert plan.split == place.split
    assert plan.gathered == place.gathered


def test_one_device_sends_nothing() -> None:
    net = architecture("small")
    for name in set(list_topologies()) - {"two_towers", "data_towers"}:
        assert transfers(net, layout(name, net, 1), 3) == []


@pytest.mark.parametrize(
    ("name", "preset", "devices", "words"),
    [
        ("ring", "paper", 2, "'ring'.*hybrid"),
        ("data", "paper", 0, "at least 1, got 0"),
        ("data_towers", "paper", 3, "even number of devices, found 3"),
        ("data_towers", "owt", 4, "two towers, but owt has 1"),
        ("hybrid", "small", 512, "512 devices, but fc6 has 256"),
    ],
)
def test_refused(name: str, preset: str, devices: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        layout(name, architecture(preset), devices)


def test_a_batch_that_does_not_divide() -> None:
    net = architecture("small")
    with pytest.raises(InputError, match="batch of 6 does not divide over 4 devices"):
        transfers(net, layout("data_towers", net, 8), 6)
