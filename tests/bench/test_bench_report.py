"""Records, tables and pictures of made-up comparisons."""

import json
from typing import Any

import pytest
from helpers.benches import outcome, plan

from alexnet_jax.bench import layer_table
from alexnet_jax.bench.layer_counts import Counts, counts, tail_counts
from alexnet_jax.bench.parts import parts
from alexnet_jax.bench.picture import comparison_picture
from alexnet_jax.bench.race import torch_variants
from alexnet_jax.bench.report import format_race, race_record
from alexnet_jax.network.presets import architecture


def test_promised_keys() -> None:
    """The peer's median time over ours, of the fastest peer; images/s; what was compared."""
    value = json.loads(json.dumps(race_record(plan(), [outcome("infer", 0.5), outcome("train")])))
    assert value["train_ratio"] == value["infer_ratio"] == 1.25
    assert (value["train_images_per_second"], value["infer_images_per_second"]) == (4.0, 8.0)
    promised = {name: value[name] for name in ("peer", "device", "batch", "dtype")}
    assert promised == {"peer": "torch 0", "device": "a CPU", "batch": 8, "dtype": "float32"}
    peers = value["train"]["peers"]
    assert {name: peer["ratio"] for name, peer in peers.items()} == {"eager": 1.5, "compile": 1.25}
    flops = 8 * 4.136e9 / 2
    assert value["train_flops_per_second"] == pytest.approx(flops, rel=1e-3)
    assert value["train_share_of_product"] == pytest.approx(flops / 1e11, rel=1e-3)
    assert value["train_peak_memory_bytes"] == 500_000_000
    assert value["train"]["failed"] == {"torch compile, last": "BackendError: no compiler"}
    assert value["allocator"] == "huge_pages"


def test_without_a_peer() -> None:
    value = race_record(plan(), [outcome("infer", peers=False), outcome("train", peers=False)])
    assert value["peer"] is value["train_ratio"] is value["infer_ratio"] is None
    assert value["train_images_per_second"] == 4.0


def test_table() -> None:
    lines = format_race(plan(), outcome("train")).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["2,000", "3,000", "2,500"]
    ours = lines[2].split()
    assert ours == ["2,000", "1,500-3,000", "4.0", "16.5", "17%", "500", "2.5", "ours"]
    assert [line.split()[7] for line in lines[3:5]] == ["1.50", "1.25"]
    assert lines[5] == ("matrix product in the same rounds: 100 GFLOP/s; our program holds 3 MB")
    # The one that took part is not named again.
    assert lines[6:] == [
        "slower in its heat: torch eager, last, 4,500 ms",
        "not working: torch compile, last: BackendError: no compiler",
    ]
    assert max(map(len, lines)) <= 120


def test_variants() -> None:
    """Both layouts and both normalizations, eager and compiled; CUDA's graphs on a GPU alone."""
    eager = torch_variants(False)
    assert list(eager) == ["eager"]
    assert len({variant.name for variant in eager["eager"]}) == 4
    assert len(torch_variants(True)["compile"]) == 4
    modes = [variant.compiled for variant in torch_variants(True, "gpu")["compile"]]
    assert sorted(set(modes)) == ["default", "reduce-overhead"]


def test_layer_counts() -> None:
    """conv1 of the paper by hand, for two images in float32; a pool and a dropout layer."""
    placed = {p.layer.name: p for p in architecture("paper").placed()}
    x, y, w = 2 * 227 * 227 * 3, 2 * 55 * 55 * 96, 11 * 11 * 3 * 96 + 96
    forward, backward = counts(placed["conv1"], 2, 4, first=True)
    assert forward == Counts(2 * 11 * 11 * 3 * y, 4 * (x + y + w))
    assert backward == Counts(2 * 11 * 11 * 3 * y, 4 * (x + 2 * y + 2 * w))
    _, later = counts(placed["conv1"], 2, 4, first=False)
    assert later == Counts(2 * backward.operations, backward.bytes + 4 * x)
    small = 2 * 27 * 27 * 96
    assert counts(placed["pool1"], 2, 2, first=False) == (
        Counts(0, 2 * (y + small)),
        Counts(0, 2 * (2 * y + 2 * small)),
    )
    tail = next(part for part in parts(architecture("paper")) if part.name == "lrn1+pool1")
    found = tail_counts(tail.placed, 2, 4)
    assert found == (Counts(0, 4 * (y + small)), Counts(0, 4 * (2 * y + small)))
    units = 2 * 4096  # values of 2 bytes, and masks of one
    dropout = Counts(0, 2 * 2 * units + units)
    assert counts(placed["dropout6"], 2, 2, first=False) == (dropout, dropout)
    # Behind no ReLU the output is not read again.
    _, last = counts(placed["fc8"], 1, 4, first=False)
    assert last.bytes == 4 * (2 * 4096 + 1000 + 2 * (4096 * 1000 + 1000))


def timings() -> list[dict[str, Any]]:
    """Of two layers, one in a second form, and of the update, as a worker answers."""

    def of(operations: float, size: float) -> dict[str, float]:
        return {"operations": operations, "bytes": size}

    return [
        {"name": "conv1", "forward": 0.2, "forward_counts": of(1e9, 1e6)}
        | {"backward": 0.4, "backward_counts": of(2e9, 1e6), "alternative": False},
        {"name": "conv1 otherwise", "forward": 0.2, "forward_counts": of(1e9, 1e6)}
        | {"backward": 0.1, "backward_counts": of(2e9, 1e6), "alternative": True},
        {"name": "lrn1+pool1", "forward": 0.1, "forward_counts": of(0, 5e8)}
        | {"backward": 0.2, "backward_counts": of(0, 5e8), "alternative": False},
        {"name": "update", "forward": 0.1, "forward_counts": of(0, 1e9)}
        | {"backward": None, "backward_counts": of(0, 0), "alternative": False},
    ]


def test_layer_table() -> None:
    """Bounds by whichever of products and memory takes longer; alternatives are in no sum."""
    rows = layer_table.rows(timings(), product=1e10, bandwidth=1e10)
    assert [row.forward.bound for row in rows] == [0.1, 0.1, 0.05, 0.1]
    assert rows[0].to_json()["backward"] == {
        "seconds": 0.4,
        "operations": 2e9,
        "bytes": 1e6,
        "bound_seconds": 0.2,
    }
    lines = layer_table.table(rows, architecture("paper")).splitlines()
    assert lines[2].split() == (
        ["conv1", "200", "100", "2.0", "1.0", "1.0", "400", "200", "2.0", "2.0", "1.0", "60%"]
    )
    assert lines[5].split() == ["update", "100", "100", "1.0", "1,000.0", "10%"]
    assert lines[6:] == [
        "sum 1,000 ms, of the bounds 500 ms",
        "normalization and pooling: 30.0% of the sum",
    ]
    assert max(map(len, lines)) <= 120


def test_kernel_table() -> None:
    kernels = [{"name": f"kernel{n}", "seconds": 1 / 2**n, "calls": 2.0} for n in range(1, 31)]
    lines = layer_table.kernel_table(kernels).splitlines()
    assert lines[2].split() == ["500", "50.0%", "2", "kernel1"]
    assert lines[-1] == "and 5 shorter ones"


def test_picture() -> None:
    """A bar for each side and batch, as high as its rate; a panel of layers where there is one."""
    first = race_record(plan(), [outcome("infer", 0.5), outcome("train")])
    second = race_record(plan(16), [outcome("infer", 0.5), outcome("train")])
    rows = layer_table.rows(timings(), 1e10, 1e10)
    figure = comparison_picture([first | {"layers": [row.to_json() for row in rows]}, second])
    train, infer, layers = figure.axes
    assert (train.get_title(), infer.get_title()) == ("training", "inference")
    heights = sorted(bar.get_height() for bar in train.patches)
    assert heights == pytest.approx([8 / 3, 8 / 2.5, 4, 16 / 3, 16 / 2.5, 8])
    names = [text.get_text() for text in train.get_legend().get_texts()]
    assert names == ["ours", "torch 0 eager", "torch 0 compile"]
    above = [text.get_text().split("\n") for text in train.texts]
    assert [words[1:] for words in above if len(words) > 1] == [["1.50 x"]] * 2 + [["1.25 x"]] * 2
    assert [bar.get_height() for bar in layers.patches] == pytest.approx([200, 100, 100, 400, 200])
    assert len(comparison_picture([second]).axes) == 2
