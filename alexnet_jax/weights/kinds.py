"""Kinds of weight files, told from their first bytes and their endings."""

from __future__ import annotations

from pathlib import Path

from alexnet_jax.errors import InputError
from alexnet_jax.weights.published import KINDS, Kind

# A .caffemodel and an .onnx file begin as any protobuf message may; the other endings count only
# where a file's beginning is damaged, so that the kind's reader says in what way.
_ENDINGS: dict[str, Kind] = {
    ".caffemodel": "caffe",
    ".onnx": "onnx",
    ".pth": "torchvision",
    ".pt": "torchvision",
    ".npy": "npy",
    ".safetensors": "safetensors",
}


def kind_of(path: Path) -> Kind:
    """Return the kind of a file of weights.

    Raises:
      InputError: the file is empty, cannot be read, or its kind cannot be told.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(9)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not head:
        raise InputError(f"{path} is empty")
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith((b"PK\x03\x04", b"\x80")):  # torch.save's zip, and its pickles before
        return "torchvision"
    # The length of a description in JSON, and the description.
    if head[8:] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    if path.suffix.lower() in _ENDINGS:
        return _ENDINGS[path.suffix.lower()]
    raise InputError(
        f"{path}: neither its ending nor its first bytes tell its kind; weights.load(KIND, FILE) "
        f"takes it as one of {', '.join(KINDS)}"
    )
