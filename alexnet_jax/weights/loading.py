"""Networks with their weights in one line, from a workdir, a file, or a name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alexnet_jax.errors import InputError, choices
from alexnet_jax.inference import Model, load_checkpoint
from alexnet_jax.network import list_presets
from alexnet_jax.weights.bundled import BUNDLED
from alexnet_jax.weights.download import fetch
from alexnet_jax.weights.kinds import kind_of
from alexnet_jax.weights.load import Mean, load
from alexnet_jax.weights.published_files import PUBLISHED_FILES
from alexnet_jax.weights.weights import Layers

Source = str | os.PathLike[str]


def load_model(
    source: Source,
    *,
    checkpoint: str = "latest",
    mean: Mean = None,
    class_names: Sequence[str] | None = None,
    layers: Layers | None = None,
    preset: str | None = None,
) -> Model:
    """Load a network with its weights: `alexnet_jax.load`.

        model = alexnet_jax.load("tiny")                       # comes with the package
        model = alexnet_jax.load("runs/digits")
        model = alexnet_jax.load("alexnet-owt-7be5be79.pth")
        model = alexnet_jax.load("torchvision")                # the same file, downloaded
        model(["cat.jpg"])[0][0].name

    Args:
      source: the workdir of a training; a file of weights, whose kind is told from its first bytes
        or its ending: of PyTorch (.pth), .caffemodel, .onnx, .npy or .safetensors; "tiny", which
        comes with the package; or a name of `weights.PUBLISHED_FILES`, which `weights.fetch`
        downloads. What exists under the name in
        the working directory goes first.
      checkpoint: of a workdir: "latest", "best" or a step.
      mean, class_names, layers, preset: of a file, as `alexnet_jax.weights.load` takes them.

    Raises:
      InputError: there is no such file, directory or name; a directory is no workdir; the kind of a
        file cannot be told, or it cannot be read as its kind; a download failed; an option of files
        for a workdir, or of workdirs for a file.
    """
    path = located(source)
    options = {"mean": mean, "class_names": class_names, "layers": layers, "preset": preset}
    if path.is_dir():
        if given := [name for name, value in options.items() if value is not None]:
            raise InputError(f"{path} is a workdir, which knows its own {given[0]}")
        return load_checkpoint(path, checkpoint)
    if checkpoint != "latest":
        raise InputError(f"{path} is a file of weights and has no checkpoint {checkpoint!r}")
    return load(
        kind_of(path), path, mean=mean, class_names=class_names, layers=layers, preset=preset
    )


def located(source: Source) -> Path:
    """Return the path of a workdir or a file of weights; published ones are downloaded by name.

    Raises:
      InputError: nothing exists under this path or name; a download failed.
    """
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        raise InputError(f"load takes a workdir, a file of weights or a name, got {source!r:.80}")
    if os.path.exists(source):
        return Path(source)
    name = os.fspath(source)
    if name in BUNDLED:
        return BUNDLED[name]
    if name in PUBLISHED_FILES:
        return fetch(name)
    hint = f"; create({name!r}) makes a network of this preset" if name in list_presets() else ""
    raise InputError(
        f"{name}: no such workdir or file of weights; by name, "
        f"{choices(name, [*BUNDLED, *PUBLISHED_FILES])}{hint}"
    )
