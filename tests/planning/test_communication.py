"""What crosses between devices, from the compiled step, against counts made by hand."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import pytest
from helpers.compiled import new_text
from helpers.narrow import PLAIN_VIEWS, short
from helpers.scripts import Result, call, start, wait

from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.communication import Crossing, crossings
from alexnet_jax.planning.communication_table import figure_values, format_communication
from alexnet_jax.runs.config import TrainConfig

BATCH = 16
KINDS = {"forward": "all-gather", "backward": "reduce-scatter"}

# `small`: values that each tower sends for an image. lrn1 sees 24 x 24 maps and lrn2 11 x 11, of
# which two go over; conv3 reads 64 maps of 5 x 5, fc6 64 of 2 x 2, fc7 and fc8 256 units.
HALOS = {"lrn1": 24 * 24 * 2, "lrn2": 11 * 11 * 2}
READ = {"conv3": 5 * 5 * 32, "fc6": 2 * 2 * 32, "fc7": 128, "fc8": 128}
# Kernels and biases of whole layers.
PARAMETERS = {
    "conv1": (5 * 5 * 1 * 32, 32),
    "conv2": (5 * 5 * 16 * 64, 64),
    "conv3": (3 * 3 * 64 * 96, 96),
    "conv4": (3 * 3 * 48 * 96, 96),
    "conv5": (3 * 3 * 48 * 64, 64),
    "fc6": (256 * 256, 256),
    "fc7": (256 * 256, 256),
    "fc8": (256 * 10, 10),
}
Row = tuple[str, str, str, float, float]  # layer, direction, kind, values an image, bytes a step


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


def by_hand(devices: int, values: dict[str, float], kinds: dict[str, str]) -> Counter[Row]:
    """Layers whose `devices` each send so many values an image, both ways."""
    return Counter(
        (layer, direction, kind, sent, sent * devices * BATCH * 4)
        for layer, sent in values.items()
        for direction, kind in kinds.items()
    )


def towers_by_hand(halos: dict[str, int], read: dict[str, int], logits: int) -> Counter[Row]:
    one_way = by_hand(1, halos, dict.fromkeys(KINDS, "collective-permute"))
    return (
        one_way
        + one_way  # from tower 0 to 1 and back
        + by_hand(2, read, KINDS)
        + by_hand(2, {"logits": logits}, {"forward": "all-gather"})
    )


def gradients_by_hand(layers: list[str], members: int) -> Counter[Row]:
    """All-reduces of kernels and biases over groups of `members`; the groups hold all of them."""
    each = 2 * (members - 1) / members
    return Counter(
        (layer, "gradient", "all-reduce", each * size / BATCH, each * size * members * 4)
        for layer in layers
        for size in PARAMETERS[layer]
    )


def metrics_by_hand(groups: int, members: int) -> Counter[Row]:
    """Loss, top1 and top5: a number each."""
    each = 2 * (members - 1) / members * groups
    row = ("metrics", "forward", "all-reduce", round(each / BATCH, 6), each * members * 4)
    return Counter({row: 3})


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


# The paper's network by hand: what each tower sends for an image.
PAPER_READ = {"conv3": 13 * 13 * 128, "fc6": 6 * 6 * 128, "fc7": 2048, "fc8": 2048}
PAPER_HALOS = {"lrn1": 55 * 55 * 2, "lrn2": 27 * 27 * 2}
PAPER_BACKWARD = sum(PAPER_READ.values()) + sum(PAPER_HALOS.values())


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


def reported(tmp_path: Path, *options: object) -> tuple[Result, list[dict[str, Any]]]:
    path = tmp_path / "report.json"
    result = call("communication", *options, "--json", path)
    assert (result.status, result.err) == (0, "")
    return result, json.loads(path.read_text())


def numbers(line: str) -> list[str]:
    return [word for word in line.replace(",", "").split() if word[0].isdigit()]


@pytest.mark.slow
def test_paper_on_two_towers(tmp_path: Path) -> None:
    """The script's table and file for the paper's network, each number made by hand."""
    result, rows = reported(tmp_path, "--batch", 2, "--picture", tmp_path / "net.png")
    assert {tuple(row) for row in rows} == {
        ("layer", "direction", "kind", "values_per_image", "bytes_per_step")
    }
    counted = Counter(tuple(row.values()) for row in rows)
    hand = towers_by_hand(PAPER_HALOS, PAPER_READ, 500)
    assert counted == {(*row[:4], row[4] * 2 / BATCH): count for row, count in hand.items()}
    assert Counter(row["kind"] for row in rows) == {
        "all-gather": 5,
        "reduce-scatter": 4,
        "collective-permute": 8,
    }
    lines = {tuple(line.split()[:2]): line for line in result.lines if line}
    backward, forward = PAPER_BACKWARD, PAPER_BACKWARD + 500
    for direction, arrays, values in (
        ("forward", 9, forward),
        ("backward", 8, backward),
        ("all", 17, forward + backward),
    ):
        sums = [str(values), str(values * 2 * 2 * 4)]  # towers, images, bytes
        assert numbers(lines["total", direction]) == [str(arrays), *sums, *sums]
    assert numbers(lines["conv3", "forward"])[:3] == ["1", "21632", str(21632 * 16)]
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.exhaustive
def test_source2012_on_two_towers(tmp_path: Path) -> None:
    """Its normalizations keep to their towers."""
    _, rows = reported(tmp_path, "--preset", "source2012", "--batch", 2)
    assert Counter(row["kind"] for row in rows) == {"all-gather": 5, "reduce-scatter": 4}


def test_script(tmp_path: Path) -> None:
    """Options reach the program; layers are told apart with one image on a device, too, where no
    sum over images is made; metrics are no part of a direction's total."""
    options = ("--preset", "small", "--topology", "data", "--devices", 4, "--batch", 4)
    result, rows = reported(tmp_path, *options, "--classes", 7)
    assert result.lines[0].startswith("small, data over 4 devices (cpu): one training step of 4 ")
    assert Counter(row["layer"] for row in rows) == {**dict.fromkeys(PARAMETERS, 2), "metrics": 3}
    sizes = {row["bytes_per_step"] for row in rows if row["layer"] == "fc8"}
    assert sizes == {1.5 * size * 4 * 4 for size in (256 * 7, 7)}
    gradients = sum(row["bytes_per_step"] for row in rows if row["direction"] == "gradient")
    lines = {tuple(line.split()[:2]): line for line in result.lines if line}
    assert numbers(lines["total", "gradient"])[0] == "16"
    assert numbers(lines["total", "gradient"])[2] == str(gradients)
    assert numbers(lines["total", "forward"])[:3] == ["0", "0", "0"]


@pytest.mark.exhaustive
def test_any_number_of_devices(tmp_path: Path) -> None:
    """A CPU becomes as many devices as asked for, without a word in the environment."""
    options = ("--preset", "small", "--topology", "data", "--devices", 64, "--batch", 64)
    result = wait(start("communication", *options))
    assert (result.status, result.err) == (0, "")
    assert "data over 64 devices" in result.lines[0]
