"""experiments/compile.py, and --target of communication.py and scaling.py, on recorded programs."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import pytest
from helpers.recorded import recorded
from helpers.scripts import Result, assert_refused, call

from alexnet_jax import compiling
from alexnet_jax.cli import targets
from alexnet_jax.compiling import devices, rates
from alexnet_jax.compiling import program as program_of
from alexnet_jax.compiling.program import Memory, Program
from alexnet_jax.compiling.report import KEYS
from alexnet_jax.compiling.targets import CHIPS, parse_target
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning import communication
from alexnet_jax.runs.config import TrainConfig

MEMORY = Memory(3_000_000_000, 9_000_000_000, 2_000_000_000, 2_000_000_000, 50_000_000)


def program(chip: str, name: str, kernels: int = 0) -> Program:
    return Program(recorded(chip, name), MEMORY, 2e9, 7e8, kernels)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments with which programs are compiled; they are recorded ones, for this CPU's."""
    seen: list[Any] = []

    def compiled(network: Any, config: Any, place: Any, mode: str, stored: int) -> Any:
        seen.append((network.name, config.batch, config.dtype, place.name, mode, stored))
        with_kernels = config.dtype == "bfloat16"
        one = program("v5e", place.name, 3 if with_kernels else 0)
        return one, program("v5e", place.name) if with_kernels else None

    monkeypatch.setattr(compiling, "compile_programs", compiled)
    monkeypatch.setattr(rates, "compile_programs", compiled)
    monkeypatch.setattr(
        compiling, "target_devices", lambda target, count=None: jax.devices()[: count or 4]
    )
    return seen


def run(tmp_path: Path, *options: object) -> tuple[Result, Any]:
    path = tmp_path / "report.json"
    sizes = ("--preset", "small", "--batch", 64)
    result = call("compile", "--target", "v5e", *sizes, *options, "--json", path)
    assert (result.status, result.err) == (0, "")
    return result, json.loads(path.read_text())


def test_report_and_files(tmp_path: Path, asked: list[Any]) -> None:
    text = tmp_path / "step.txt"
    result, value = run(tmp_path, "--topology", "data_towers", "--hlo", text)
    assert asked == [("small", 64, "float32", "data_towers", "train", 32)]
    assert result.lines[0] == (
        "small, data_towers over 4 devices of v5e:2x2: training step of 64 images in float32, "
        "compiled ahead of time, not measured"
    )
    assert text.read_text() == recorded("v5e", "data_towers")
    assert (value["target"], value["devices"], value["topology"]) == ("v5e:2x2", 4, "data_towers")
    assert (value["mode"], value["dtype"], value["plain"]) == ("train", "float32", None)
    assert (value["flops"], value["bytes_accessed"]) == (2e9, 7e8)
    assert value["fits"] is True
    assert "fits" in result.lines
    assert f"{value['images_per_second']:,.0f}" in result.out
    bf16 = [one for one in value["collectives"] if one["dtype"] == "bf16"]
    assert {one["layer"] for one in bf16} == {"conv3", "fc6", "fc7", "fc8"}


def test_inference_beside_plain_forms(tmp_path: Path, asked: list[Any]) -> None:
    result, value = run(tmp_path, "--infer", "--dtype", "bfloat16", "--stored", 28)
    assert asked == [("small", 64, "bfloat16", "one_device", "infer", 28)]
    assert value["kernels"] == 3
    assert value["plain"]["kernels"] == 0
    assert "3 kernels" in result.out
    assert "plain XLA" in result.out
    assert "inference of 64 images" in result.lines[0]


def test_what_does_not_fit(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "MEMORY", Memory(3 * 10**9, 15 * 10**9, 0, 0, 0))
    result, value = run(tmp_path)
    assert value["fits"] is False
    assert "does not fit" in result.lines


def test_what_a_compiler_refuses(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TPU's stops where memory is too small: an answer all the same."""
    message = "does not fit: a device needs 96.00 GiB and has 15.75 GiB; take a smaller batch"

    def stop(*arguments: object) -> None:
        raise compiling.DoesNotFit(message)

    monkeypatch.setattr(compiling, "compile_programs", stop)
    result, value = run(tmp_path)
    assert result.lines == [f"small on v5e:1x1: {message}"]
    assert set(value) == set(KEYS)
    assert (value["fits"], value["estimated_ms"], value["batch"]) == (False, None, 64)
    assert [one["detail"] for one in value["warnings"]] == [message]


def test_the_message_of_a_compiler_that_lacks_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "RESOURCE_EXHAUSTED: E1000: CompileTimeHbmOom: Ran out of memory on HBM, the total memory "
        "required for HLO temporaries (96.00G) exceeds available HBM (15.75G). HLO module: jit_f.\n"
        "See https://openxla.org/xla/errors/error_1000 for more details."
    )

    class Lowered:
        def __init__(self, message: str) -> None:
            self.message = message

        def compile(self) -> None:
            raise jax.errors.JaxRuntimeError(self.message)

    net = architecture("small")
    config = TrainConfig(name="compile", data="", steps=1)
    place = topology("one_device", net, jax.devices())
    for message, told in (
        (text, "does not fit: a device needs 96.00 GiB and has 15.75 GiB; take a smaller batch"),
        ("RESOURCE_EXHAUSTED: too much\nmore", "does not fit: RESOURCE_EXHAUSTED: too much"),
    ):
        lowered = Lowered(message)
        monkeypatch.setattr(program_of, "lower_step", lambda *arguments, one=lowered: one)
        with pytest.raises(compiling.DoesNotFit) as caught:
            program_of.compile_programs(net, config, place)
        assert str(caught.value) == told
    lowered.message = "INTERNAL: a mistake of the compiler's"
    with pytest.raises(jax.errors.JaxRuntimeError):
        program_of.compile_programs(net, config, place)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ("--target v5f", ["unknown target 'v5f'", "did you mean 'v5", "h100"]),
        ("--target v5e:2x", ["slice of v5e", "2x2", "'2x'"]),
        ("--target h100:2", ["h100 has no slices", "'h100:2'", "--devices"]),
        ("--target v5e --devices 2", ["one_device takes 1", "2"]),
        ("--target v5e --topology two_towers --devices 4", ["two_towers takes 2", "4"]),
        ("--target v5e --topology data --devices 300", ["300 devices", "v5e:16x16", "256"]),
        ("--target v5e --stored 100", ["--stored", "227", "100"]),
        ("--preset lenet", ["'lenet'", "paper"]),
        ("--dtype float64", ["dtype", "'float64'", "bfloat16"]),
        ("--batch 0", ["--batch", "0"]),
        ("--json missing/report.json", ["--json", "missing/report.json"]),
    ],
)
def test_refused(options: str, parts: list[str]) -> None:
    assert_refused(call("compile", *options.split()), *parts)


def test_a_batch_that_does_not_divide(asked: list[Any]) -> None:
    options = ("--target", "v5e", "--topology", "data", "--batch", 30, "--preset", "small")
    assert_refused(call("compile", *options), "batch of 30", "4 devices", "32")
    assert asked == []


@pytest.mark.parametrize(
    ("target", "package", "extra"),
    [("v5e", "libtpu", "tpu"), ("h100", "jax_cuda13_plugin", "cuda")],
)
def test_without_the_package_of_a_platform(
    monkeypatch: pytest.MonkeyPatch, target: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    result = call("compile", "--target", target)
    assert_refused(result)
    assert result.err == f"error: {package} is not installed: pip install 'alexnet_jax[{extra}]'\n"


def test_a_slice_that_libtpu_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message, in a line, with the slices that there are."""
    from jax.experimental import topologies

    def refuse(**options: Any) -> None:
        raise RuntimeError(f"INVALID_ARGUMENT: no {options['topology_name']} here\nStack trace:")

    monkeypatch.setattr(topologies, "get_topology_desc", refuse)
    monkeypatch.setattr(devices, "_LIBTPU", {})
    monkeypatch.setitem(sys.modules, "libtpu", ModuleType("libtpu"))
    result = call("compile", "--target", "v5e:3x3")
    assert_refused(result, "libtpu has no v5e:3x3 (no v5e:3x3 here)", "1x1, 2x2")


def test_communication_of_a_target(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = recorded("h100", "data_towers")
    monkeypatch.setattr(communication, "compiled_step", lambda *arguments: text)
    options = ("--target", "h100", "--topology", "data_towers", "--devices", 4)
    path = tmp_path / "sent.json"
    result = call("communication", *options, "--preset", "small", "--batch", 64, "--json", path)
    assert (result.status, result.err) == (0, "")
    assert "over 4 devices (h100)" in result.lines[0]
    total = sum(row["bytes_per_step"] for row in json.loads(path.read_text()))
    assert total == 4_925_056  # as on a CPU, where nothing is joined


def test_scaling_of_a_target(tmp_path: Path, asked: list[Any]) -> None:
    """One device takes as long as the compiled step; the links are the chip's."""
    path = tmp_path / "plan.json"
    options = ("--target", "v5e", "--preset", "small", "--batch", 64, "--devices", 2)
    result = call("scaling", *options, "--global-batch", 64, "--json", path)
    assert (result.status, result.err) == (0, "")
    value = json.loads(path.read_text())
    _, report = run(tmp_path)
    assert asked[0] == asked[1] == ("small", 64, "float32", "one_device", "train", 32)
    alone = next(row for row in value["rows"] if row["devices"] == 1)
    assert 1e3 * alone["compute_seconds"] == pytest.approx(report["estimated_ms"])
    assert value["machine"]["bandwidth"] == CHIPS["v5e"].link
    assert value["sources"]["flops"] == "a step of 64 images compiled for v5e:1x1, not measured"
    assert_refused(call("scaling", "--target", "v5e", "--measure"), "--target", "--measure")


def test_devices_of_a_target(monkeypatch: pytest.MonkeyPatch, asked: list[Any]) -> None:
    """The smallest slice that has them; all of a slice that is named; two GPUs."""
    cases = [
        ("v5e", "one_device", None, "v5e:1x1", 1),
        ("v5e", "data", None, "v5e:2x2", 4),
        ("v5e", "data", 8, "v5e:2x4", 8),
        ("tpu7x", "two_towers", None, "tpu7x:1x1x1", 2),
        ("h100", "data", None, "h100", 2),
        ("h200", "hybrid", 8, "h200", 8),
    ]
    for name, spread, count, expected, size in cases:
        target, found = targets.devices_of(name, spread, count)
        assert (target.name, len(found)) == (expected, size)
    assert parse_target("V5E:2x4").name == "v5e:2x4"
