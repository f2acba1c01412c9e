"""Chips, their names and slices, and the descriptions by which XLA knows a GPU."""

import re

import pytest

from alexnet_jax.compiling.gpus import describe
from alexnet_jax.compiling.targets import CHIPS, Chip, parse_target
from alexnet_jax.errors import InputError

TPUS = [chip for chip in CHIPS.values() if chip.platform == "tpu"]
GPUS = [chip for chip in CHIPS.values() if chip.platform == "cuda"]


@pytest.mark.parametrize("chip", TPUS, ids=[chip.name for chip in TPUS])
def test_slices_have_the_product_of_their_sides(chip: Chip) -> None:
    """Of a tpu7x twice that, since a chip is two devices; ascending."""
    sizes = [size for _, size in chip.slices]
    assert sizes == sorted(sizes)
    for shape, size in chip.slices:
        chips = 1
        for side in shape.split("x"):
            chips *= int(side)
        assert size == chips * (2 if chip.name == "tpu7x" else 1)
        assert parse_target(f"{chip.name}:{shape}").of_size(1).shape == shape


def test_clocks_lie_where_those_of_chips_do() -> None:
    """v4's is published, 1.05 GHz (Jouppi and others, 2023); the others follow from the rates."""
    assert CHIPS["v4"].clock == pytest.approx(1.05e9, rel=0.01)
    for chip in TPUS:
        assert 1e9 < chip.clock < 2.5e9
    for chip in GPUS:
        assert chip.clock == 0


def test_rates_and_memory_have_their_units() -> None:
    for chip in CHIPS.values():
        assert 1e14 <= chip.rate("float32") <= chip.rate("bfloat16") < 2e15
        assert 5e11 < chip.bandwidth < 1e13
        assert 1e10 < chip.memory < 3e11
        assert 1e11 <= chip.link < chip.bandwidth
        assert chip.source


@pytest.mark.parametrize("chip", GPUS, ids=[chip.name for chip in GPUS])
def test_descriptions_of_gpus(chip: Chip) -> None:
    """One value for each field, names in quotes, in the text form of protocol buffers."""
    text = describe(chip)
    assert text.count("{") == text.count("}") == 4
    for line in text.strip().splitlines():
        assert re.fullmatch(r'\s*(\w+: ("[^"]+"|[\d.]+)|\w+ \{.*|\})', line), line
    assert f"device_memory_size: {chip.memory:.0f}\n" in text
    assert f"memory_bandwidth: {chip.bandwidth:.0f}\n" in text
    assert f'device_description_str: "NVIDIA {chip.name.upper()}' in text


def test_unknown_and_wrong_names() -> None:
    for text, parts in (
        ("v5", ["unknown target 'v5'", "did you mean 'v5"]),
        ("", ["unknown target ''", "v5e, v6e"]),
        ("a100:4", ["a100 has no slices"]),
        ("v6e:", ["a slice of v6e", "''"]),
        ("v6e:0x2", ["a slice of v6e", "'0x2'"]),
    ):
        with pytest.raises(InputError) as caught:
            parse_target(text)
        assert all(part in str(caught.value) for part in parts)
