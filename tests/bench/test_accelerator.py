"""The check of an accelerator: its processes, comparisons, references, probe, record and page."""

import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers import probe as computed
from helpers import reference
from helpers.reference import draw
from helpers.scripts import ROOT, call

from alexnet_jax.bench.accelerator import (
    ORDER,
    PARTS,
    check,
    drawn,
    format_page,
    guard,
    probe,
    references,
)
from alexnet_jax.bench.accelerator.check import incorrect
from alexnet_jax.bench.accelerator.child import serve
from alexnet_jax.bench.accelerator.compare import agreement, relative_error
from alexnet_jax.bench.accelerator.network import EXACT
from alexnet_jax.bench.accelerator.parts import share
from alexnet_jax.bench.accelerator.results import Result
from alexnet_jax.bench.accelerator.sizes import size
from alexnet_jax.bench.accelerator.step import network_values
from alexnet_jax.errors import InputError
from alexnet_jax.network.layers import LRN, MaxPool

FAULTY = (sys.executable, str(ROOT / "tests" / "helpers" / "faulty_part.py"))


def run_faulty(part: str, seconds: float) -> dict[str, Result]:
    results = guard.run_part(part, "small", seconds, lambda line: None, FAULTY)
    return {result.item: result for result in results}


def test_a_process_that_dies_takes_one_item_with_it() -> None:
    """The items behind it run in another process; a line that was cut off is no answer."""
    results = run_faulty("short", 60)
    assert {name: one.status for name, one in results.items()} == {
        "fine": "done", "die": "failed", "after": "done", "fail": "failed", "cut": "failed",
    }  # fmt: skip
    assert results["fine"].value == {"number": 1}
    assert results["die"].line == "its process ended with status 3: a last word"
    assert results["die"].traceback == "a last word"
    assert results["fail"].traceback == "lines\nstandard error:\na worker's word\n"
    assert results["cut"].wrong


def test_a_part_ends_with_its_time() -> None:
    """The item that hangs is stopped and those behind it are named; neither is a failure."""
    results = run_faulty("long", 2)
    assert {name: one.line for name, one in results.items()} == {
        "fine": "", "hang": "stopped: no time left", "late": "not run: no time left",
    }  # fmt: skip
    assert not any(one.wrong for one in results.values())
    assert results["hang"].seconds < 10


def test_a_part_that_names_no_items_has_failed() -> None:
    results = run_faulty("dumb", 60)
    assert results["dumb"].line == "its process ended with status 1: no items at all"


def test_what_items_raise() -> None:
    """InputError and full memory are no failures; after a failure the process ends."""

    def raise_(error: Exception) -> dict[str, Any]:
        raise error

    items = {
        "skipped": lambda: raise_(AssertionError()),
        "refused": lambda: raise_(InputError("there is one device")),
        "full": lambda: raise_(RuntimeError("RESOURCE_EXHAUSTED: out of memory")),
        "failed": lambda: raise_(ZeroDivisionError("one line\nanother")),
        "behind": dict,
    }
    answers = list(serve(items, ["skipped"]))
    assert answers[0] == {"items": list(items)}
    assert [one["begin"] for one in answers if "begin" in one] == ["refused", "full", "failed"]
    refused, full, failed = (Result(**one["result"]) for one in answers if "result" in one)
    assert (refused.status, refused.line) == ("refused", "there is one device")
    assert (full.status, full.line) == ("refused", "does not fit into the device's memory")
    assert (failed.status, failed.line) == ("failed", "ZeroDivisionError: one line")
    assert failed.traceback.endswith("ZeroDivisionError: one line\nanother\n")


def test_a_child_always_has_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, given in (("cuda", "cuda,cpu"), ("cpu", "cpu"), ("tpu,cpu", "tpu,cpu")):
        monkeypatch.setenv("JAX_PLATFORMS", asked)
        assert guard.child_environment()["JAX_PLATFORMS"] == given
    monkeypatch.setenv("JAX_PLATFORMS", "")  # jax's own choice has a CPU, too
    assert guard.child_environment()["JAX_PLATFORMS"] == ""


def test_shares_of_the_time() -> None:
    """By weight; what a part leaves goes to those behind it. The defaults are ten minutes."""
    assert share([1.0, 2.0, 1.0], 100) == 25
    assert share([2.0, 1.0], 90) == 60
    assert set(ORDER) == set(PARTS)
    assert sum(part.weight for part in PARTS.values()) == 600


def test_agreement() -> None:
    """The largest error in relation to its own tolerance; NaN agrees with nothing."""
    want = {"loss": np.array(2.0), "gradient/a": np.array([3.0, 4.0])}
    got = {"loss": np.array(2.02), "gradient/a": np.array([3.0, 4.5])}
    found = agreement(got, want, {"loss": 0.001, "gradient": 0.2})
    assert found["errors"] == pytest.approx({"loss": 0.01, "gradient/a": 0.1})
    assert (found["agrees"], found["worst"], found["tolerance"]) == (False, "loss", 0.001)
    assert agreement(got, want, {"loss": 0.1, "gradient": 0.2})["agrees"]
    broken = agreement({**got, "loss": np.array(np.nan)}, want, {"loss": 0.1, "gradient": 0.2})
    assert (broken["agrees"], broken["error"]) == (False, None)
    json.dumps(broken, allow_nan=False)
    assert agreement(want, want, {"loss": 0.0, "gradient": 0.0})["agrees"]
    assert not agreement(got, want, {"loss": 0.0, "gradient": 0.0})["agrees"]
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    with pytest.raises(ValueError, match="shapes differ"):
        relative_error(np.zeros(2), np.zeros(1))


def test_references() -> None:
    """The formulas of the check are those of the tests' own reference, with ties in the pool."""
    x, dy = 30 * draw(2, 7, 9, 6), draw(2, 7, 9, 6, seed=1)
    for n in (5, 4):
        y, dx = references.local_response_norm(x, dy, n=n, k=1.0, alpha=1e-2, beta=0.6)
        rule = {"n": n, "k": 1.0, "alpha": 1e-2, "beta": 0.6}
        reference.assert_close(y, reference.local_response_norm(x, **rule), 1e-12)
        reference.assert_close(dx, reference.local_response_norm_vjp(x, dy, **rule)[0], 1e-12)
    x = np.floor(x / 30)
    dy = dy[:, :3, :4]
    y, dx = references.max_pool(x, dy)
    np.testing.assert_array_equal(y, reference.max_pool(x))
    reference.assert_close(dx, reference.max_pool_vjp(x, dy)[0], 1e-12)
    y, dx = references.rectified(x, dy, (LRN("lrn1"), MaxPool("pool1")))
    rectified = np.maximum(x, 0)
    normalized = reference.local_response_norm(rectified)
    np.testing.assert_allclose(y, reference.max_pool(normalized), 1e-12)
    (pulled,) = reference.max_pool_vjp(normalized, dy)
    (pulled,) = reference.local_response_norm_vjp(rectified, pulled)
    reference.assert_close(dx, pulled * (x > 0), 1e-12)


def crops(top: int, left: int, side: int = 4) -> np.ndarray:
    """One crop of an image whose channels are row, column and 0."""
    rows, columns = np.mgrid[top : top + side, left : left + side]
    return np.stack([rows, columns, np.zeros_like(rows)], -1)[None].astype(float)


def test_geometry_of_crops() -> None:
    """Crops within the image pass, mirrored or not; a view that is none does not."""
    view = crops(2, 1)
    assert references.crop_geometry(view, 6)
    assert references.crop_geometry(view[:, :, ::-1], 6)
    assert not references.crop_geometry(view, 5)  # row 5 is beyond the image
    assert not references.crop_geometry(view[:, ::-1], 6)  # upside down
    assert not references.crop_geometry(view + np.array([0, 0, 1]), 6)  # of another image
    shifted = view.copy()
    shifted[0, 1] = crops(3, 2)[0, 0]
    assert not references.crop_geometry(shifted, 6)


DRAWN = [4028148.0, 5844271.0, 5257656.0, -6006897.0]


def test_drawn_values_are_the_same_everywhere() -> None:
    """Bits of Philox as NumPy 2 has them on Python 3.11 and 3.13, in units of 2^-23."""
    values = drawn.uniform((2, 2), 3, 1)
    assert values.dtype == np.float32
    assert (values.ravel() * 2**23).tolist() == DRAWN
    net = size("small").architecture
    assert drawn.images(net, 2).std() > 40
    assert set(drawn.labels(net, 64)) == {0, 1, 2, 3}
    batch, _ = drawn.batch(net, 2)
    assert batch["image"].dtype == np.uint8


def test_probe() -> None:
    """The stored values are those of the reference, and the network has them in float32."""
    stored = probe.load("small")
    wanted = computed.chosen("small")
    assert wanted.keys() == stored.keys()
    for name, entry in wanted.items():
        assert entry["at"] == stored[name]["at"]
        np.testing.assert_allclose(entry["values"], stored[name]["values"], 1e-9, 1e-15)
    device = jax.devices("cpu")[0]
    values = network_values(size("small").architecture, probe.IMAGES, device, "highest")
    found = agreement(probe.at_probe(values, stored), probe.stored(stored), EXACT)
    assert found["agrees"], found
    assert len(found["errors"]) == 2 * (2 + 16)
    smaller = {**values, "gradient/conv2/kernel": values["gradient/conv2/kernel"] * 0.97}
    found = agreement(probe.at_probe(smaller, stored), probe.stored(stored), EXACT)
    assert not found["agrees"]
    assert found["worst"].startswith("gradient/conv2/kernel")


@pytest.mark.exhaustive
def test_full_probe() -> None:
    """About a minute and 3 GB."""
    stored = probe.load("full")
    for name, entry in computed.chosen("full").items():
        assert entry["at"] == stored[name]["at"]
        np.testing.assert_allclose(entry["values"], stored[name]["values"], 1e-7, 1e-15)
        assert entry["norm"] == pytest.approx(stored[name]["norm"], rel=1e-9)


def test_probe_of_another_size() -> None:
    with pytest.raises(InputError, match="no probe is stored for large; there are small, full"):
        probe.load("large")
    assert probe.FILE.stat().st_size < 32_000


def test_items() -> None:
    """Every part names its items without computing; the full ones have all that is asked for."""
    for part, about in PARTS.items():
        if part == "peer":
            continue  # looks for torch and asks another process for its platform
        assert about.items(size("small")), part
    batches = {work.batch for work in size("full").speed_works()}
    assert {128, 4096} <= batches
    names = set(PARTS["speed"].items(size("full")))
    for name in (
        "training, bfloat16, batch 1024", "kernels of training, bfloat16, batch 1024",
        "training, float32, batch 4096", "inference, float32, batch 128",
        "training, bfloat16, batch 1024, 16 steps a dispatch",
        "training, bfloat16, batch 8192, data", "training, bfloat16, batch 4096, data_towers",
    ):  # fmt: skip
        assert name in names
    assert {"lrn1, float32", "pool5, bfloat16", "crops, float32"} <= set(
        PARTS["operations"].items(size("full"))
    )


def test_one_operation_of_each_kind_on_this_device() -> None:
    """Normalization, a pool, both behind a convolution, and crops of the narrow network agree."""
    items = PARTS["operations"].items(size("small"))
    for name in ("lrn1, bfloat16", "pool5, float32", "relu+lrn2+pool2, float32", "crops, float32"):
        assert items[name]()["agrees"], name


def record(*results: Result, part: str = "network") -> check.Record:
    items = [result.to_json() for result in results]
    return {
        "format": 1,
        "size": "full",
        "started": "2026-01-02T03:04:05Z",
        "seconds": 61.0,
        "parts": {part: {"seconds": 60.0, "items": items}},
    }


AGREES = {"agrees": True, "worst": "loss", "error": 1e-7, "tolerance": 1e-5, "errors": {}}
DIFFERS = {**AGREES, "agrees": False, "worst": "gradient/conv1/kernel", "error": 0.5}


def test_what_counts_as_wrong() -> None:
    """Differences and failures of a comparison; not what could not be done or had no time."""
    fine = Result("a", "done", 1, AGREES), Result("b", "refused", line="no"), Result("c", "no time")
    assert not incorrect(record(*fine))
    assert incorrect(record(Result("a", "done", 1, DIFFERS)))
    assert incorrect(record(Result("a", "failed", line="b")))
    assert not incorrect(record(Result("a", "failed", line="b"), part="speed"))


def test_page_of_values() -> None:
    """What failed comes first, each in one line; tracebacks are not on the page."""
    text = format_page(
        record(
            Result("a", "done", 2, AGREES),
            Result("b", "done", 3, DIFFERS),
            Result("c", "failed", 1, line="ValueError: x | y", traceback="Traceback of c"),
            Result("d", "no time", line="not run: no time left"),
        )
    )
    lines = text.splitlines()
    assert lines[2] == "2026-01-02T03:04:05Z, 61 s; no versions"
    assert lines[4:8] == [
        "**What failed:**",
        "",
        "- network, b: gradient/conv1/kernel has an error of 0.5; 1e-05 is allowed",
        "- network, c: ValueError: x | y",
    ]
    assert "| a | yes | loss | 1e-07 | 1e-05 | 2 |" in lines
    assert "| b | **no** | gradient/conv1/kernel | 0.5 | 1e-05 | 3 |" in lines
    assert lines[9] == "For what had no time: `--parts network --minutes 30`."
    assert lines[-1] == "- d: not run: no time left"
    assert "Traceback" not in text


def times(median: float) -> dict[str, Any]:
    return {"median_seconds": median, "quartiles_seconds": [median / 2, 2 * median]}


def test_page_of_speed() -> None:
    speed = {
        **times(0.02), "images_per_second": 51_200.0, "share_of_product": 0.25,
        "program_bytes": 5_000_000_000, "compile_seconds": 12.34,
    }  # fmt: skip
    kernels = {
        "kernels": [{"name": "fusion|1", "seconds": 0.015, "calls": 1.0}],
        "count": 30,
        "total_seconds": 0.02,
    }
    text = format_page(
        record(
            Result("training", "done", 9, speed),
            Result("kernels", "done", 9, kernels),
            part="speed",
        )
    )
    assert "| training | 20.0 | 10.0-40.0 | 51,200 | 25% | 5,000 | 12.3 |" in text
    assert "| `fusion\\|1` | 15.0 | 75.0% | 1 |" in text
    assert "| all 30 | 20.0 | 100% |  |" in text
    peer = {
        "batch": 1024, "dtype": "bfloat16", "ratio": 1.5, "compile_seconds": 30.0,
        "images_per_second": {"ours": 3000.0, "torch": 2000.0},
    }  # fmt: skip
    text = format_page(record(Result("train, eager", "done", 9, peer), part="peer"))
    assert "| train, eager | 1024 | bfloat16 | 3,000 | 2,000 | 1.50 | 30.0 |" in text


def test_kernels_of_devices() -> None:
    """A GPU's streams and a TPU's operations count, without the host's threads beside them."""
    from alexnet_jax.bench.kernels import longest_first

    def plane(name: str, line: str, *events: tuple[str, int]) -> str:
        metadata = "".join(
            f'event_metadata {{ key: {i} value {{ id: {i} name: "{event}" }} }}'
            for i, (event, _) in enumerate(events, 1)
        )
        timed = "".join(
            f"events {{ metadata_id: {i} offset_ps: 0 duration_ps: {10**6 * us} }}"
            for i, (_, us) in enumerate(events, 1)
        )
        return f'planes {{ name: "{name}" lines {{ name: "{line}" {timed} }} {metadata} }}'

    host = plane("/host:CPU", "tf_XLAEigen", ("dot", 900))
    gpu = plane("/device:GPU:0", "Stream #1(Compute)", ("short", 2), ("long", 6))
    modules = plane("/device:GPU:0", "XLA Modules", ("jit_step", 8))
    tpu = plane("/device:TPU:0", "XLA Ops", ("fusion.1", 4))
    steps = plane("/device:TPU:0", "Steps", ("0", 4))

    def of(*planes: str) -> list[tuple[str, float]]:
        text = "".join(planes)
        profile = jax.profiler.ProfileData.from_text_proto(text)
        return [(one["name"], one["seconds"]) for one in longest_first(profile.planes, 2)]

    assert of(host, gpu, modules) == [("long", pytest.approx(3e-6)), ("short", pytest.approx(1e-6))]
    assert of(host, tpu, steps) == [("fusion.1", pytest.approx(2e-6))]
    assert of(host) == [("dot", pytest.approx(450e-6))]


def test_command_writes_after_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are there, and the status is 1 if a comparison does not agree."""
    answers = {
        "devices": [Result("devices", "done", 1, {"device": "a GPU", "count": 2})],
        "network": [Result("a step", "done", 1, DIFFERS)],
    }
    asked: list[tuple[str, str]] = []

    def run_part(part: str, size: str, seconds: float, say: object) -> list[Result]:
        asked.append((part, size))
        if part == "network":
            assert "a GPU" in (tmp_path / "accelerator.md").read_text()
        assert 0 < seconds <= 120
        return answers[part]

    monkeypatch.setattr(check, "run_part", run_part)
    words = ("--small", "--minutes", "2", "--out", tmp_path, "--parts", "network", "devices")
    assert call("accelerator", *words).status == 1
    assert asked == [("devices", "small"), ("network", "small")]
    written = json.loads((tmp_path / "accelerator.json").read_text())
    assert written["parts"]["network"]["items"][0]["value"] == DIFFERS
    page_text = (tmp_path / "accelerator.md").read_text()
    assert page_text.startswith("# alexnet_jax on 2 x a GPU\n")
    answers["network"] = [Result("a step", "done", 1, AGREES)]
    assert call("accelerator", *words).status == 0


def test_an_interrupted_check_says_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_part(part: str, *_: object) -> list[Result]:
        if part == "network":
            raise KeyboardInterrupt
        return [Result("devices", "done")]

    monkeypatch.setattr(check, "run_part", run_part)
    found = call("accelerator", "--out", tmp_path, "--parts", "network", "devices")
    page = tmp_path / "accelerator.md"
    assert (found.status, found.err) == (130, f"\ninterrupted; devices: see {page}\n")
    assert page.exists()
