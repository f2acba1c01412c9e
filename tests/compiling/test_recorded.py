"""What is read from programs that were compiled for a v5e and an H100, against counts by hand."""

from collections import Counter, defaultdict
from functools import cache

import jax
import pytest
from helpers.recorded import BATCH, CONFIG, NET, PLACES, STORED, place, recorded

from alexnet_jax.compiling.program import Memory, Program
from alexnet_jax.compiling.report import KEYS, Report, make_report
from alexnet_jax.compiling.report_text import format_report
from alexnet_jax.compiling.targets import CHIPS, parse_target
from alexnet_jax.planning.communication import read_crossings
from alexnet_jax.planning.cost_model import operations
from alexnet_jax.planning.hlo_text import parse_module
from alexnet_jax.planning.traffic import layout, transfers

BOTH = pytest.mark.parametrize("chip", ["v5e", "h100"])
MEMORY = Memory(3000, 5000, 2000, 1500, 700)


@cache
def report(chip: str, name: str = "one_device") -> Report:
    program = Program(recorded(chip, name), MEMORY, None, None, 0)
    spread = place(name, jax.devices())
    return make_report(program, parse_target(chip), NET, CONFIG, spread, "train")


def sums(text: str, name: str) -> Counter[tuple[str, str, str]]:
    """Values that the devices send, in any dtype, by layer, direction and kind."""
    found: Counter[tuple[str, str, str]] = Counter()
    for one in read_crossings(text, NET, BATCH, place(name, jax.devices())):
        found[one.layer, one.direction, one.kind] += round(one.values_per_image * BATCH)
    return found


@BOTH
@pytest.mark.parametrize("name", ["data_towers", "hybrid"])
def test_what_crosses_is_what_the_layers_imply(chip: str, name: str) -> None:
    """Layer by layer, though CUDA joins the small gradients and starts sums asynchronously."""
    expected: Counter[tuple[str, str, str]] = Counter()
    for one in transfers(NET, layout(name, NET, PLACES[name]), BATCH):
        sent = one.groups * one.bytes_sent / one.itemsize
        expected[one.layer, one.direction, one.kind] += round(sent)
    assert sums(recorded(chip, name), name) == expected
    assert {"gradient", "forward", "backward"} == {direction for _, direction, _ in expected}


def test_a_collective_that_replaces_another_belongs_to_its_operand() -> None:
    """Where widths do not suit it, a TPU sums and slices for a scatter, without a name."""
    text = """
  %fusion.171 = f32[64,256] fusion(%x), kind=kOutput, calls=%none, \
metadata={op_name="jit(train_step)/shard_map/transpose(jvp(fc6))/dot_general"}
  %all-reduce.17 = f32[64,256] all-reduce(%fusion.171), replica_groups={{0,1}}, to_apply=%region.5
"""
    (found,) = read_crossings(text, NET, BATCH, place("hybrid", jax.devices()))
    assert (found.layer, found.direction, found.kind) == ("fc6", "backward", "all-reduce")


def test_what_is_asynchronous() -> None:
    """On a TPU the halos alone; on a GPU the sums of gradients, too."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for chip in ("v5e", "h100"):
        kinds[chip] = {
            one.kind for one in report(chip, "data_towers").collectives if one.asynchronous
        }
    assert kinds["v5e"] == {"collective-permute"}
    assert {"all-reduce", "collective-permute"} <= kinds["h100"]


def test_gathers_of_a_tpu_are_bfloat16() -> None:
    dtypes = {(c.kind, c.dtype) for c in report("v5e", "data_towers").collectives}
    assert ("all-gather", "bf16") in dtypes
    assert {dtype for kind, dtype in dtypes if kind != "all-gather"} == {"f32"}


def test_cycles_are_those_of_the_text() -> None:
    """Each once, but those in the body of a loop as often as it runs."""
    text = recorded("v5e", "one_device")
    module = parse_module(text)
    loops = [one for body in module.computations.values() for one in body if one.kind == "while"]
    inside = {id(one): module.trips(loop) for loop in loops for one in module.of(loop.called[0])}
    by_hand = 0
    for body in module.computations.values():
        for one in body:
            if '"estimated_cycles":"' in one.attributes:
                cycles = int(one.attributes.split('"estimated_cycles":"')[1].split('"')[0])
                by_hand += cycles * (inside.get(id(one)) or 1)
    assert report("v5e").cycles == by_hand > 0
    assert report("h100").cycles is None
    unestimated = sum(cost.seconds for cost in report("v5e").found if cost.cycles is None)
    assert report("v5e").compute == pytest.approx(by_hand / CHIPS["v5e"].clock + unestimated)


def test_operations_of_a_gpu_are_those_of_the_network() -> None:
    """Of cuDNN's and Triton's products, forward and both gradients; none for the images."""
    assert report("h100").flops == pytest.approx(
        operations(NET, layout("one_device", NET, 1), BATCH), rel=0.05
    )


@BOTH
def test_every_layer_has_its_time(chip: str) -> None:
    times = report(chip).by_layer()
    names = {layer for layer, _ in times}
    assert {"conv1", "lrn1", "pool1", "conv2", "conv3", "fc6", "fc7", "fc8"} <= names
    assert {"views", "update", "rest"} <= names
    assert names <= {layer.name for layer in NET.layers} | {"logits", "views", "update", "rest"}
    assert sum(times.values()) == pytest.approx(report(chip).compute)
    assert ("update", "update") in times
    dearest = report(chip).dearest()
    assert len(dearest) == 10
    assert [one.seconds for one in dearest] == sorted(
        (one.seconds for one in dearest), reverse=True
    )


def test_a_gpu_has_no_loop_no_copy_and_no_call_of_the_host() -> None:
    for name in PLACES:
        assert report("h100", name).serious == ()


def test_products_of_float32_are_bfloat16_on_a_tpu() -> None:
    kinds = Counter(one.kind for one in report("v5e").warnings)
    assert kinds["bfloat16 product under float32"] > 3
    assert "bfloat16 product under float32" not in {one.kind for one in report("h100").warnings}


def test_memory_and_json() -> None:
    """The keys are promises; a device holds results only beside the arguments they replace."""
    value = report("v5e", "data_towers").to_json()
    assert set(KEYS) <= set(value)
    assert value["total_bytes"] == 3000 + 5000 + 2000 - 1500 + 700
    assert (value["target"], value["devices"], value["mode"]) == ("v5e", 4, "train")
    assert (value["topology"], value["preset"], value["batch"]) == ("data_towers", "small", BATCH)
    assert value["images_per_second"] == pytest.approx(1e3 * BATCH / value["estimated_ms"])
    assert value["fits"] is True


@BOTH
def test_exchange_takes_the_bytes_over_the_link(chip: str) -> None:
    """Of one sender; what is asynchronous hides behind the kernels."""
    one = report(chip, "data_towers")
    waited = [c for c in one.collectives if not c.asynchronous]
    assert 0 < len(waited) < len(one.collectives)
    by_hand = sum(c.bytes_per_step / (4 * c.sending) for c in waited)
    assert one.exchange == pytest.approx(by_hand / CHIPS[chip].link)
    assert one.seconds == pytest.approx(one.compute + one.exchange)


@BOTH
def test_text(chip: str) -> None:
    text = format_report(report(chip, "data_towers"))
    assert text.startswith(f"small, data_towers over 4 devices of {chip}: training step of 64 ")
    assert "compiled ahead of time, not measured" in text.splitlines()[0]
    assert max(map(len, text.splitlines())) <= 120
    for part in ("fits", "images/s", "reduce-scatter", "assumptions:", "conv3"):
        assert part in text


def test_text_beside_plain_forms() -> None:
    """With kernels of ours: both columns, and what each layer took before."""
    text = format_report(report("v5e"), report("v5e", "hybrid"))
    assert "plain XLA" in text
    assert "plain ms" in text


def test_stored_images_are_larger() -> None:
    """Else no crop is taken, and no loop can be found."""
    assert NET.image_size < STORED
