"""Rows of weak and strong scaling, their text, and what they assume."""

import pytest

from alexnet_jax.display.tables import format_milliseconds, format_table
from alexnet_jax.errors import InputError
from alexnet_jax.network.presets import architecture
from alexnet_jax.planning.cost_model import Machine, predict
from alexnet_jax.planning.scaling import (
    LINKS,
    assumptions,
    format_scaling,
    gathered_bytes,
    predict_scaling,
)
from alexnet_jax.planning.traffic import layout

PAPER, MACHINE = architecture("paper"), Machine()
COUNTS = [1, 2, 4, 8]
SOURCES = {"flops": "from here", "memory": "from there", "bandwidth": "of the vendor"}


def test_weak() -> None:
    """The batch grows, and a device's rate is compared with that of one device alone."""
    rows, stopped = predict_scaling("weak", "data", PAPER, COUNTS, 32, MACHINE)
    assert stopped == ""
    assert [row.step.batch for row in rows] == [32, 64, 128, 256]
    assert rows[0].efficiency == (1, 1)
    for row in rows:
        alone = rows[0].images_per_second[0] * row.step.devices
        for bound in (0, 1):
            assert row.efficiency[bound] == pytest.approx(row.images_per_second[bound] / alone)
    assert rows[3].step == predict(PAPER, layout("data", PAPER, 8), 256, MACHINE)


def test_strong() -> None:
    rows, _ = predict_scaling("strong", "hybrid", PAPER, COUNTS, 64, MACHINE)
    assert [row.step.batch for row in rows] == [64] * 4
    assert rows[0].step.topology == "one_device"
    assert {row.topology for row in rows} == {"hybrid"}
    for row in rows:
        expected = rows[0].step.apart / row.step.devices / row.step.apart
        assert row.efficiency[0] == pytest.approx(expected)


def test_a_free_network_scales_without_loss() -> None:
    """All work is divided: an image's on as many devices takes as much less time."""
    free = Machine(memory=1e30, bandwidth=1e30, latency=1e-30)
    for topology in ("data", "data_towers", "hybrid"):
        for scaling in ("weak", "strong"):
            rows, _ = predict_scaling(scaling, topology, PAPER, COUNTS, 64, free)
            for row in rows:
                assert row.efficiency == pytest.approx((1, 1))


def test_a_table_ends_where_layers_no_longer_divide() -> None:
    net = architecture("small")
    rows, stopped = predict_scaling("weak", "hybrid", net, [1, 128, 256, 512, 1024], 2, MACHINE)
    assert [row.step.devices for row in rows] == [1, 128, 256]
    assert stopped == "hybrid divides dense layers over its 512 devices, but fc6 has 256 units"


def test_refused() -> None:
    with pytest.raises(InputError, match="two towers"):
        predict_scaling("weak", "data_towers", architecture("owt"), COUNTS, 8, MACHINE)
    with pytest.raises(InputError, match="batch of 12 does not divide over 8"):
        predict_scaling("strong", "data", PAPER, COUNTS, 12, MACHINE)


def test_gathered_bytes() -> None:
    plan = layout("hybrid", PAPER, 8)
    assert gathered_bytes(PAPER, plan, 16) == 16 * (9216 + 4096 + 4096 + 1000) * 4
    assert gathered_bytes(PAPER, plan, 16, 2) == 16 * (9216 + 4096 + 4096 + 1000) * 2
    assert gathered_bytes(PAPER, layout("data_towers", PAPER, 8), 16) == 0


def test_table() -> None:
    rows, _ = predict_scaling("weak", "data", PAPER, [1, 4096], 128, MACHINE)
    head, rule, one, many = format_scaling(rows).splitlines()
    assert head.split()[:2] == ["devices", "batch"]
    assert set(rule) == {"-"}
    assert one.split() == ["1", "128", "6.15", "0.00", "0.0", "0", *["20,823"] * 2, *["100.0%"] * 2]
    assert many.split()[:6] == ["4,096", "524,288", "6.15", "50.7", "487.6", "1"]
    assert many.split()[-1] == f"{rows[1].efficiency[1]:.1%}"


def test_json() -> None:
    row = predict_scaling("strong", "data", PAPER, [1, 2], 64, MACHINE)[0][1]
    value = row.to_json()
    assert (value["scaling"], value["topology"], value["devices"]) == ("strong", "data", 2)
    assert value["compute_seconds"] + value["exchange_seconds"] == row.step.apart
    assert value["images_per_second"] == [64 / row.step.apart, 64 / row.step.hidden]
    assert value["efficiency"] == list(row.efficiency)
    assert value["bytes_sent_per_device"] == row.step.sent


def test_assumptions_name_every_number_and_its_source() -> None:
    machine = Machine(flops=1.25e13, memory=3e12, bandwidth=7e9, latency=9e-6, algorithm="halving")
    text = assumptions(machine, "bfloat16", SOURCES)
    for part in (
        "1.25e+13",
        "3000 GB/s",
        "7 GB/s",
        "9 us",
        "log2 g",
        "bfloat16",
        *SOURCES.values(),
    ):
        assert part in text
    assert "g - 1 steps" in assumptions(Machine(), "float32", SOURCES)


def test_links() -> None:
    """Per direction: half of what vendors add up over both."""
    rates = {name: link.bandwidth / 1e9 for name, link in LINKS.items()}
    assert rates == {
        "ethernet100": 100 / 8,
        "ndr400": 400 / 8,
        "ici_v5e": 400 / 2,
        "nvlink4": 900 / 2,
        "ici_v5p": 1200 / 2,
    }
    assert all(link.source for link in LINKS.values())


def test_texts() -> None:
    assert [format_milliseconds(s) for s in (0.00123456, 0.0123456, 1.23456)] == [
        "1.23",
        "12.3",
        "1,235",
    ]
    assert format_table([("a", "bb"), ("ccc", "d")]) == "  a  bb\n-------\nccc   d"
