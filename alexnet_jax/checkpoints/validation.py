"""Checks of a checkpoint, whose errors give the reason it cannot be used in one line."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import jax

from alexnet_jax.errors import InputError
from alexnet_jax.runtime import text_path

_OF_THE_PROCESS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES)


def utf8(path: Path) -> Path:
    """Return a path; raise InputError if its name is not text in UTF-8, which orbax needs."""
    return text_path(path, "checkpoints")


def with_checksum(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a checkpoint, JSON values by name, with its SHA-256 added."""
    text = json.dumps(description, sort_keys=True)
    return description | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def require_checksum(step: int, metadata: Any) -> None:
    """Raise InputError unless the description of a checkpoint matches its SHA-256.

    Format 1 had no SHA-256.
    """
    if not isinstance(metadata, dict) or not {"about", "digests"} <= set(metadata):
        raise InputError(f"checkpoint {step} has no description")
    unhashed = {name: value for name, value in metadata.items() if name != "sha256"}
    needs_hash = unhashed != metadata or metadata.get("format", 1) != 1
    if needs_hash and with_checksum(unhashed) != metadata:
        raise InputError(f"checkpoint {step} is damaged: its description has other bytes")


def require_format(step: int, metadata: dict[str, Any], ours: int) -> None:
    """Raise InputError unless a checkpoint has format `ours` or an older one."""
    version = metadata.get("format", 1)  # format 1 did not record it
    if version not in range(1, ours + 1):
        raise InputError(
            f"checkpoint {step} has format {version!r}, but this version of alexnet_jax reads "
            f"{ours} and older ones; use the version that wrote it"
        )


def require_like(step: int, name: str, tree: Any, template: Any) -> None:
    """Raise InputError unless the arrays of a tree have the shapes and dtypes of its template.

    orbax may return other dtypes than requested if its own metadata are lost.
    """
    expected = dict(jax.tree.leaves_with_path(template))
    for path, leaf in jax.tree.leaves_with_path(tree):
        like = expected[path]
        if (leaf.shape, leaf.dtype) != (like.shape, like.dtype):
            where = jax.tree_util.keystr(path, simple=True, separator="/")
            raise InputError(
                f"checkpoint {step} has {name}/{where} as {leaf.dtype} {leaf.shape}, "
                f"expected {like.dtype} {like.shape}"
            )


def require_damage(error: InputError) -> None:
    """Raise the error if it tells of this process's limits or rights, and not of the checkpoint.

    Another process, or this one later, could read the checkpoint. Its text decides, since that is
    what all processes of a run share.
    """
    if any(f"({os.strerror(code)})" in str(error) for code in _OF_THE_PROCESS):
        raise error


def reason(error: BaseException) -> str:
    """Return the root cause of an error raised by orbax, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if code := re.search(r"os_error_code='(\d+)'", str(error)):
        return os.strerror(int(code[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    text = str(error)
    if isinstance(error, KeyError) and error.args:  # its text is in quotes
        text = str(error.args[0])
        text = text if " " in text else f"no {text!r} in it"
    lines = text.strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
