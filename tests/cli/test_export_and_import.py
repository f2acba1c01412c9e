"""A finished run: its card, and out and in again through the scripts."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.scripts import Run, assert_refused, call

import alexnet_jax


def test_a_finished_run_is_exported_and_comes_back(finished: Run, tmp_path: Path) -> None:
    out = tmp_path / "digits.safetensors"
    result = call("export", finished.workdir, "--to", "safetensors", "--out", out)
    assert (result.status, result.err) == (0, "")
    assert [line.split(",")[0] for line in result.lines] == [str(out), f"{out}.md"]
    card = Path(f"{out}.md").read_text(encoding="utf-8")
    last = [line for line in finished.measured if line.get("split") == "test"][-1]
    assert f"Top-1 {last['top1']:.2%}, top-5 {last['top5']:.2%}" in card
    assert finished.measured[-1]["params_sha256"] in card
    again = tmp_path / "again"
    assert call("import_weights", "safetensors", out, "--workdir", again).status == 0
    one, *others = (call("evaluate", net).lines for net in (finished.workdir, again, out))
    assert [one[1:]] * 2 == [other[1:] for other in others]
    assert others[1][0] == f"{out}, step {last['step']}"
    loaded = alexnet_jax.load(out)
    assert loaded.step == last["step"]
    assert loaded.measured == (last,)
    assert f"Top-1 {last['top1']:.2%}" in loaded.card


def test_half_the_bytes(finished: Run, tmp_path: Path) -> None:
    """float16 is every parameter's nearest; the network comes back in float32, and other kinds of
    file are refused."""
    full, half = (tmp_path / name for name in ("full.safetensors", "half.safetensors"))
    for out, dtype in ((full, "float32"), (half, "float16")):
        call("export", finished.workdir, "--to", "safetensors", "--out", out, "--dtype", dtype)
    assert half.stat().st_size < 0.52 * full.stat().st_size + 20_000
    one, two = (alexnet_jax.load(path).params for path in (full, half))
    for layer, parts in one.items():
        for part, value in parts.items():
            nearest = np.asarray(value).astype(np.float16).astype(np.float32)
            np.testing.assert_array_equal(two[layer][part], nearest)
            assert two[layer][part].dtype == np.float32
    assert "Parameters are rounded to float16." in Path(f"{half}.md").read_text(encoding="utf-8")
    onnx = ("--to", "onnx", "--out", tmp_path / "net.onnx", "--dtype", "float16")
    assert_refused(call("export", finished.workdir, *onnx), "onnx takes float32")
    assert not list(tmp_path.glob("net.onnx*"))


def test_a_finished_run_has_a_card(finished: Run) -> None:
    card = (finished.workdir / "MODEL_CARD.md").read_text(encoding="utf-8")
    last = [line for line in finished.measured if line.get("split") == "test"][-1]
    for part in ("# digits, step 6", "`digits` of 10 classes", "| batch | 16 |",
                 f"Top-1 {last['top1']:.2%}", finished.measured[-1]["params_sha256"]):  # fmt: skip
        assert part in card


def test_a_stopped_export_leaves_nothing(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM while the file is written: status 143, and what was there before."""
    stopped: list[bool] = []

    def written(arrays: Any, path: Path, **_: Any) -> None:
        stopped.append(path.exists())
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("safetensors.numpy.save_file", written)
    handler = signal.signal(signal.SIGTERM, lambda *_: None)  # else a fault here ends the tests
    out = tmp_path / "digits.safetensors"
    out.write_text("an earlier one")
    try:
        result = call("export", finished.workdir, "--to", "safetensors", "--out", out)
        assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, None)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert (result.status, result.err, stopped) == (143, "", [True])
    assert [file.name for file in tmp_path.iterdir()] == ["digits.safetensors"]
    assert out.read_text() == "an earlier one"


def test_mistakes_of_the_script(finished: Run, tmp_path: Path) -> None:
    assert_refused(call("export", finished.workdir, "--to", "onnx", "--out", tmp_path), "--out")
    assert_refused(
        call("export", tmp_path, "--to", "onnx", "--out", tmp_path / "a.onnx"), "no checkpoints"
    )
    assert_refused(
        call("export", finished.workdir, "--to", "torchvision", "--out", tmp_path / "a.pth"),
        "owt",
    )
    assert not list(tmp_path.iterdir())
