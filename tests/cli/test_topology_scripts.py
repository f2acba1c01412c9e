"""Scripts under every topology: one run goes on under any other, and all of them agree."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.scripts import assert_refused, call, measurements, train
from PIL import Image

from alexnet_jax.data import load

OTHERS = ("two_towers", "data", "data_towers", "hybrid")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps on one device."""
    workdir = tmp_path_factory.mktemp("runs") / "one_device"
    assert train(workdir, 3, log_every=1).status == 0
    return workdir


@pytest.fixture(scope="module")
def gone_on(begun: Path) -> dict[str, Path]:
    """The same run gone on to step 6, under every topology."""
    found = {}
    for name in OTHERS:
        found[name] = begun.with_name(name)
        shutil.copytree(begun, found[name])
        result = train(found[name], 6, "--topology", name, log_every=1)
        assert (result.status, result.err) == (0, ""), name
        assert result.lines[0] == "resumed at step 3"
    found["one_device"] = begun
    assert train(begun, 6, log_every=1).status == 0
    return found


def at(workdir: Path, step: int, split: str) -> dict[str, Any]:
    lines = [line for line in measurements(workdir) if line.get("split") == split]
    return next(line for line in lines if line["step"] == step)


def test_a_run_goes_on_under_any_topology(gone_on: dict[str, Path]) -> None:
    """From the same state, the same loss to rounding; trajectories may part after that, as every
    float32 run's do, but not in three steps."""
    for name in OTHERS:
        for step, tolerance in ((4, 1e-5), (5, 1e-4), (6, 1e-3)):
            want = at(gone_on["one_device"], step, "train")
            assert at(gone_on[name], step, "train")["loss"] == pytest.approx(
                want["loss"], rel=tolerance
            )
        assert measurements(gone_on[name])[-1]["event"] == "done"


def test_evaluation_under_any_topology(gone_on: dict[str, Path]) -> None:
    """A checkpoint of two_towers says the same everywhere, as its training did."""
    workdir = gone_on["two_towers"]
    want = at(workdir, 6, "test")
    for name in ("one_device", *OTHERS):
        result = call("evaluate", workdir, "--topology", name, "--batch", 30)
        assert (result.status, result.err) == (0, "")
        loss = float(result.lines[-1].split()[-1])
        assert loss == pytest.approx(want["loss"], abs=1e-4)
        assert f"top1 {want['top1']:.2%}" in result.out


def test_prediction_under_any_topology(gone_on: dict[str, Path], tmp_path: Path) -> None:
    """Five pictures, which no number of devices here divides."""
    paths = [tmp_path / f"{place}.png" for place in range(5)]
    for path, image in zip(paths, load("digits").test.images, strict=False):
        Image.fromarray(image[..., 0]).save(path)
    said = {}
    for name in ("one_device", *OTHERS):
        result = call("predict", gone_on["hybrid"], *paths, "--json", "--topology", name)
        assert (result.status, result.err) == (0, "")
        said[name] = json.loads(result.out)
    for name in OTHERS:
        for one, other in zip(said["one_device"], said[name], strict=True):
            assert one["image"] == other["image"]
            for want, found in zip(one["predictions"], other["predictions"], strict=True):
                assert want["index"] == found["index"]
                assert want["probability"] == pytest.approx(found["probability"], rel=1e-4)


@pytest.mark.parametrize(
    ("topology", "change", "parts"),
    [
        ("data", "batch=20", ["20", "8 devices", "nearest that does is 16"]),
        ("data_towers", "batch=6", ["6", "4 devices", "nearest that does is 8"]),
        ("hybrid", "layers.fc6.maps=20", ["hybrid", "8 devices", "fc6", "20"]),
        ("towers", "batch=16", ["--topology must be one of", "two_towers", "'towers'"]),
    ],
)
def test_what_cannot_be_spread(
    topology: str, change: str, parts: list[str], tmp_path: Path
) -> None:
    result = train(tmp_path / "run", 3, "--topology", topology, changes=(change,))
    assert_refused(result, *parts)
    assert not (tmp_path / "run").exists()


def test_evaluation_refuses_a_topology_that_is_not(gone_on: dict[str, Path]) -> None:
    for script, more in (("evaluate", ()), ("predict", ("x.png",))):
        result = call(script, gone_on["data"], *more, "--topology", "ring")
        assert_refused(result, "--topology must be one of one_device, two_towers, ", "'ring'")
