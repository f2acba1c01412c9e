"""The small network on a slice of v5e that is not there: every topology, as libtpu compiles it.

They need libtpu and run by `make test-compiled`, apart from the other tests.
"""

from collections import Counter
from typing import Any

import pytest

from alexnet_jax.compiling.devices import target_devices
from alexnet_jax.compiling.program import Mode, compile_programs
from alexnet_jax.compiling.report import Report, make_report
from alexnet_jax.compiling.targets import Target, parse_target
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.traffic import layout, transfers
from alexnet_jax.runs.config import TrainConfig

pytestmark = [pytest.mark.compiled, pytest.mark.optimized]

SMALL = {"preset": "small", "batch": 64}
STORED = {"small": 32, "paper": 256}


def reports(name: str, count: int, mode: Mode = "train", **more: Any) -> list[Report]:
    """The report of a program, and of the same without kernels of ours if it has any."""
    config = TrainConfig(name="compiled", data="", steps=1, topology=name, **(SMALL | more))
    net = architecture(config.preset)
    target: Target = parse_target("v5e").of_size(max(count, 4))
    place = topology(name, net, target_devices(target, count))
    programs = compile_programs(net, config, place, mode, STORED[config.preset])
    return [
        make_report(program, target, net, config, place, mode)
        for program in programs
        if program is not None
    ]


def assert_sound(report: Report) -> None:
    """Nothing serious, it fits, and what crosses is what the layers imply."""
    assert report.serious == ()
    assert report.fits
    assert report.cycles is not None
    assert report.seconds > 0
    net = architecture(report.preset)
    expected: Counter[tuple[str, str, str]] = Counter()
    if report.mode == "train":
        for one in transfers(net, layout(report.topology, net, report.devices), report.batch):
            sent = round(one.groups * one.bytes_sent / one.itemsize)
            expected[one.layer, one.direction, one.kind] += sent
        crossed: Counter[tuple[str, str, str]] = Counter()
        for c in report.collectives:
            kind, sent = c.kind, c.values_per_image * report.batch
            if (c.direction, kind) == ("backward", "all-reduce"):
                # Where a width does not suit it, it sums and slices, and sends twice as much.
                kind, sent = "reduce-scatter", sent / 2
            crossed[c.layer, c.direction, kind] += round(sent)
        assert crossed == expected


@pytest.mark.parametrize(
    ("name", "count"),
    [("one_device", 1), ("two_towers", 2), ("data", 4), ("data_towers", 4), ("hybrid", 4)],
)
def test_small(name: str, count: int) -> None:
    for report in reports(name, count):
        assert_sound(report)
        asynchronous = {one.kind for one in report.collectives if one.asynchronous}
        assert asynchronous <= {"collective-permute"}


def test_inference_of_small_in_bfloat16() -> None:
    for report in reports("one_device", 1, "infer", dtype="bfloat16"):
        assert_sound(report)
        assert {part for _, part in report.by_layer()} == {"forward"}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, count) for name in ("data", "data_towers", "hybrid") for count in (2, 4, 8)),
        ("two_towers", 2),
        ("data_towers", 256),
        ("hybrid", 256),
    ],
)
def test_paper(name: str, count: int) -> None:
    """The full size on 2, 4 and 8 chips, and on the largest slice."""
    shares = count // 2 if name.endswith("towers") else count
    for report in reports(name, count, preset="paper", batch=128 * shares, dtype="bfloat16"):
        assert_sound(report)
