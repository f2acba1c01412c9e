"""Model cards: a network's layers, origin, accuracy and preprocessing, as Markdown."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from alexnet_jax.display import in_words
from alexnet_jax.errors import printable
from alexnet_jax.network import Architecture, summary
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.description import Description
from alexnet_jax.version import __version__

CARD = "MODEL_CARD.md"
_RECIPE = (
    "steps", "batch", "accumulate", "seed", "dtype", "learning_rate", "momentum", "weight_decay",
    "ema", "schedule", "drop_epochs", "patience", "init", "mirror", "colour_noise",
)  # fmt: skip
# Listed in the card only if they differ from the default.
_SPECIAL = (
    "trust", "bias_learning_rate", "warmup_epochs", "random_crop", "start_checkpoint", "classifier",
    "freeze", "layer_rates", "layer_decays", "layers", "image_size", "precision",
)  # fmt: skip
_RESIZES = {
    "short": "The short side is resized to {size} pixels ({filter}) and the centre square kept",
    "warp": "Pictures are resized to {size}x{size} pixels whatever their sides ({filter})",
}


def model_card(
    description: Description,
    *,
    step: int,
    mean: np.ndarray,
    measured: Sequence[Mapping[str, Any]],
    hashes: Mapping[str, str],
    notes: Sequence[str] = (),
) -> str:
    """Write the model card of a network, as Markdown.

    Args:
      description: description of the network, as in its checkpoints.
      step: number of updates made.
      mean: [S, S, C] mean image of the stored pixels.
      measured: lines of `metrics.jsonl`; the last one of the test split up to `step` is cited.
      hashes: name of the hashed object -> SHA-256.
      notes: sentences about the file that the card accompanies.
    """
    architecture, config = description.architecture, description.config
    config = dataclasses.replace(config, name=printable(config.name), data=printable(config.data))
    class_names = tuple(map(printable, description.class_names))
    origins = [
        {key: printable(value) if isinstance(value, str) else value for key, value in one.items()}
        for one in _origin_chain(description.origin)
    ]
    foreign = any("preprocessing" in origin or "created" in origin for origin in origins)
    parts = {
        "Network": _network(architecture),
        "This file": "\n".join(notes),
        "Origin": "\n\n".join(map(_origin_text, origins)),
        "Data and recipe": "" if foreign else _recipe(config, class_names),
        "Accuracy": _accuracy(origins, measured, step, config),
        "Preprocessing": preprocessing_text(architecture, config, mean),
        "Classes": _classes(class_names),
        "Hashes (SHA-256)": "\n".join(f"- {name}: `{value}`" for name, value in hashes.items()),
    }
    text = "\n\n".join(f"## {title}\n\n{part}" for title, part in parts.items() if part)
    return f"# {config.name}, step {step:,}\n\n{text}\n\nWritten by alexnet_jax {__version__}.\n"


def preprocessing_text(architecture: Architecture, config: TrainConfig, mean: np.ndarray) -> str:
    """Describe how a picture becomes the network's input, with every number."""
    height, width, channels = architecture.input_shape
    side, stored = f"{height}x{width}", mean.shape[0]
    how, _, name = config.resize.partition("_")
    resized = _RESIZES[how].format(size=stored, filter=name)
    count = "1 channel" if channels == 1 else f"{channels} channels"
    colours = "RGB" if channels == 3 else count
    pixel = ", ".join(f"{value:.4f}" for value in mean.mean((0, 1), np.float64))
    constant = bool((mean == mean[:1, :1]).all())
    mean_text = (
        f"the mean pixel ({pixel})"
        if constant
        else (f"the centre {side} of a mean image of {stored}x{stored} (on average {pixel})")
    )
    scale = config.scale if isinstance(config.scale, tuple) else (config.scale,)
    factor = ", ".join(f"{value:.8g}" for value in scale)
    return (
        f"{resized}. Of that the centre {side} is taken, {colours}, channels last, values "
        f"from 0 to 255, transparency on {config.ground}; {mean_text} is subtracted and the result "
        f"multiplied by {factor}."
    )


def _network(architecture: Architecture) -> str:
    lines = map(printable, summary(architecture).split("\n"))
    return "```text\n" + "\n".join(lines) + "\n```"


def _origin_chain(origin: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the origin of weights, the origin of the weights in that source, and so on."""
    while origin:
        yield origin
        origin = origin.get("before")


def _origin_text(origin: Mapping[str, Any]) -> str:
    if "created" in origin:
        return _created_text(origin)
    if "start_from" in origin:
        return (
            f"The training began with the weights of `{origin['start_from']}`, parameters "
            f"`{origin['sha256']}`."
        )
    lines = [
        f"Imported from a file of the kind {origin['kind']}, `{origin['file']}`, SHA-256 "
        f"`{origin['sha256']}`."
    ]
    if origin.get("channel_order") == "BGR":
        lines.append(
            "That file's network takes blue, green, red; the input axis of conv1's kernel has been "
            "turned round, so that this one takes red, green, blue."
        )
    if "preprocessing" in origin:
        lines.append(
            "It was not trained by this project, and its recipe is not known here. Source of the "
            f"preprocessing: {origin['preprocessing']}."
        )
    return "\n\n".join(lines)


def _created_text(origin: Mapping[str, Any]) -> str:
    preset = f"the preset `{origin['created']}`"
    if "weights" not in origin:
        return (
            f"Initial values of {preset}, not trained. Source of the preprocessing: "
            f"{origin['preprocessing']}."
        )
    new = f", but initial values of {origin['new']}" if "new" in origin else ""
    return f"Created by {preset} with the weights of `{origin['weights']}`{new}; not trained since."


def _recipe(config: TrainConfig, class_names: Sequence[str]) -> str:
    default = TrainConfig(name=config.name, data=config.data, steps=config.steps)
    names = [*_RECIPE, *(n for n in _SPECIAL if getattr(config, n) != getattr(default, n))]
    rows = [f"| {name} | {printable(str(getattr(config, name)))} |" for name in names]
    classes = f" of {len(class_names)} classes" if class_names else ""
    data = f"Trained on the data set `{config.data}`{classes} by this recipe:"
    return f"{data}\n\n| setting | value |\n|---|---|\n" + "\n".join(rows)


def _accuracy(
    origins: Sequence[Mapping[str, Any]],
    measured: Sequence[Mapping[str, Any]],
    step: int,
    config: TrainConfig,
) -> str:
    same = itertools.takewhile(lambda origin: "created" not in origin, origins)
    imported = next((origin for origin in same if "published" in origin), None)
    if imported is not None:
        published = imported["published"]
        own = (
            f"`{imported['file']}` is that file"
            if published["of_this_file"]
            else "whether they are from the file that was measured is not known"
        )
        return (
            f"Published for these weights: top-1 {published['top1']:g} %, top-5 "
            f"{published['top5']:g} % on ImageNet 2012's validation pictures, centre crop "
            f"({published['source']}); {own}. Not measured here."
        )
    last = last_test(measured, step)
    if last is None:
        return "Not measured."
    weights = "the weights' moving average" if config.ema > 0 else "the weights"
    return (
        f"Top-1 {last['top1']:.2%}, top-5 {last['top5']:.2%}, loss {last['loss']:.4f}: {weights} "
        f"after step {last['step']:,}, over every image of the test split of `{config.data}`, the "
        "centre crop of each."
    )


def last_test(measured: Sequence[Mapping[str, Any]], step: int) -> Mapping[str, Any] | None:
    """Return the last measurement of the test split up to `step`, or None if there is none."""
    tests = [line for line in measured if line.get("split") == "test" and line["step"] <= step]
    return tests[-1] if tests else None


def _classes(names: Sequence[str]) -> str:
    if not names:
        return ""  # a network without a classifier
    shown = [
        name if word == name else f"{word} ({name})"
        for name, word in zip(names[:20], in_words(names[:20]), strict=True)
    ]
    return f"{len(names)}: {', '.join(shown)}" + (", ..." if len(names) > 20 else "")
