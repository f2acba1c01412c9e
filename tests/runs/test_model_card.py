"""What a model card says of where weights are from, and how they were trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest import mock

import numpy as np
from helpers.torch_bytes import torch_zip
from helpers.weight_files import OWT, source_arrays, torch_names, widths

from alexnet_jax import weights
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.network.presets import architecture
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.description import Description
from alexnet_jax.runs.model_card import CARD, model_card
from alexnet_jax.weights.export import export
from alexnet_jax.weights.published import TORCHVISION_MEASURED
from alexnet_jax.weights.to_workdir import save_workdir

LINE = {"step": 9, "split": "test", "top1": 0.5, "top5": 0.75, "loss": 1.25}


HEADINGS = {r"# run\n# x, step 9"} | {
    f"## {title}" for title in ("Network", "Origin", "Data and recipe", "Accuracy", "Preprocessing",
                                "Classes", "Hashes (SHA-256)")
}  # fmt: skip


def card(
    config: TrainConfig,
    origin: dict[str, str] | None = None,
    class_names: tuple[str, ...] = ("a", "b"),
) -> str:
    net = architecture("small", classes=2)
    about = Description(
        architecture=net, config=config, class_names=class_names, stored_size=32, origin=origin
    )
    mean = np.full((32, 32, 1), 7, np.float32)
    lines = [LINE, LINE | {"split": "train", "top1": 1.0}]
    return model_card(about, step=9, mean=mean, measured=lines, hashes={"parameters": "ab"})


def test_a_recipe_tells_what_is_not_as_usual() -> None:
    plain = TrainConfig(name="run", data="digits", steps=9)
    text = card(plain)
    for part in ("| learning_rate | 0.01 |", "Top-1 50.00%, top-5 75.00%, loss 1.2500: the weights "
                 "after step 9", "mean pixel (7.0000)", "- parameters: `ab`"):  # fmt: skip
        assert part in text
    for part in ("freeze", "layer_rates", "trust", "## Origin"):
        assert part not in text
    fine = dataclasses.replace(
        plain, start_from="runs/low", freeze=("conv1",), layer_rates={"fc8": 10.0}, ema=0.9
    )
    text = card(fine, origin={"start_from": "runs/low", "sha256": "cd" * 32})
    for part in ("| freeze | ('conv1',) |", "| layer_rates | {'fc8': 10.0} |",
                 f"began with the weights of `runs/low`, parameters `{'cd' * 32}`",
                 "Trained on the data set `digits`", "the weights' moving average"):  # fmt: skip
        assert part in text


def test_names_of_others_add_no_lines() -> None:
    """Control characters and newlines in names of classes and files are written as escapes."""
    plain = TrainConfig(name="run\n# x", data="my\ndata", steps=9, start_checkpoint="2\n| a")
    origin = {"kind": "caffe", "file": "a\x1b[2J\n## Hashes", "sha256": "b", "preprocessing": "c"}
    for text in (card(plain, origin), card(plain, None, ("a\n## x", "\x9b2J\u202eb"))):
        assert all(character.isprintable() for character in text.replace("\n", ""))
        assert {line for line in text.splitlines() if line.startswith("#")} <= HEADINGS
    assert r"2: a\n## x, \x9b2J\u202eb" in text


def test_colours_that_were_turned_round_are_told() -> None:
    plain = TrainConfig(name="run", data="digits", steps=9)
    origin = {"kind": "caffe", "file": "a", "sha256": "b", "preprocessing": "its readme"}
    for order, told in (("BGR", True), ("RGB", False)):
        text = card(plain, origin=origin | {"channel_order": order})
        assert ("takes blue, green, red; the input axis of conv1's kernel" in text) == told
        assert "Source of the preprocessing: its readme." in text


def test_measurements_after_the_step_are_not_its_own() -> None:
    config = TrainConfig(name="run", data="digits", steps=9)
    with mock.patch.dict(LINE, step=10):
        assert "Not measured." in card(config)


def test_weights_of_others_are_never_called_trained_here(tmp_path: Path) -> None:
    """Not after they went out and came in again as a file of this project either."""
    arrays = source_arrays("owt")
    arrays["fc8.weight"] = np.zeros((1000, OWT["fc7"]), np.float32)
    arrays["fc8.bias"] = np.zeros(1000, np.float32)
    path = torch_zip(tmp_path / "alexnet.pth", torch_names(arrays))
    first = weights.load("torchvision", path, layers=widths(OWT))
    save_workdir(first, tmp_path / "first")
    (out, own) = export(load_trained(tmp_path / "first"), "safetensors", tmp_path / "a.safetensors")
    save_workdir(weights.load("safetensors", out), tmp_path / "second")
    cards = [tmp_path / "first" / CARD, own, tmp_path / "second" / CARD]
    texts = [path.read_text(encoding="utf-8") for path in cards]
    for text in texts:
        for part in (f"kind torchvision, `alexnet.pth`, SHA-256 `{first.sha256}`", "top-1 56.522 %",
                     "from the file that was measured is not known", "Not measured here",
                     "n01440764"):  # fmt: skip
            assert part in text
        assert "Trained on" not in text
    assert "kind safetensors, `a.safetensors`" in texts[2]
    known = dataclasses.replace(first, is_published=True)
    assert known.published == TORCHVISION_MEASURED
    (_, again) = export(known.on(), "safetensors", tmp_path / "b.safetensors")
    assert "`alexnet.pth` is that file" in again.read_text(encoding="utf-8")
