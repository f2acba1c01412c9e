"""The check of an accelerator: its parts, their processes and time, and what their items are."""

import sys
from typing import Any

import pytest
from helpers.scripts import ROOT

from alexnet_jax.bench.accelerator import (
    ORDER,
    PARTS,
    guard,
)
from alexnet_jax.bench.accelerator.child import serve
from alexnet_jax.bench.accelerator.parts import share
from alexnet_jax.bench.accelerator.results import Result
from alexnet_jax.bench.accelerator.sizes import size
from alexnet_jax.errors import InputError

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
