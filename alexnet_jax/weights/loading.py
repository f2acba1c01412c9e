"""Networks with their weights in one line, from a workdir or a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alexnet_jax.errors import InputError
from alexnet_jax.inference import Model, load_checkpoint
from alexnet_jax.network import list_presets
from alexnet_jax.weights.kinds import kind_of
from alexnet_jax.weights.load import Mean, load
from alexnet_jax.weights.published import KINDS
from alexnet_jax.weights.weights import Layers

Source = str | os.PathLike[str]


def load_model(
    source: Source,
    *,
    checkpoint: str = "latest",
    mean: Mean = None,
    class_names: Sequence[str] | None = None,
    layers: Layers | None = None,
) -> Model:
    """Load a network with its weights: `alexnet_jax.load`.

        model = alexnet_jax.load("runs/digits")
        model = alexnet_jax.load("alexnet-owt-7be5be79.pth")
        model(["cat.jpg"])[0][0].name

    Args:
      source: the workdir of a training, or a file of weights, whose kind is told from its first
        bytes or its ending: .pth of PyTorch, .caffemodel, .onnx, .npy or .safetensors.
      checkpoint: of a workdir: "latest", "best" or a step.
      mean, class_names, layers: of a file, as `alexnet_jax.weights.load` takes them.

    Raises:
      InputError: there is no such file or directory; a directory is no workdir; the kind of a file
        cannot be told, or it cannot be read as its kind; an option of files for a workdir, or of
        workdirs for a file.
    """
    path = located(source)
    options = {"mean": mean, "class_names": class_names, "layers": layers}
    if path.is_dir():
        if given := [name for name, value in options.items() if value is not None]:
            raise InputError(f"{path} is a workdir, which knows its own {given[0]}")
        return load_checkpoint(path, checkpoint)
    if checkpoint != "latest":
        raise InputError(f"{path} is a file of weights and has no checkpoint {checkpoint!r}")
    return load(kind_of(path), path, mean=mean, class_names=class_names, layers=layers)


def located(source: Source) -> Path:
    """Return the path of a workdir or a file: the one place that turns a name into a path."""
    if not isinstance(source, str | os.PathLike) or not os.fspath(source):
        raise InputError(f"load takes a workdir or a file of weights, got {source!r:.80}")
    if os.path.exists(source):
        return Path(source)
    hint = ""
    if str(source) in list_presets():
        hint = f"; create({str(source)!r}) makes a network of this preset"
    raise InputError(
        f"{source}: no such file or directory; load takes the workdir of a training, or a file of "
        f"weights of the kinds {', '.join(KINDS)}{hint}"
    )
