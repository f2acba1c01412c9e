"""Why a checkpoint cannot be used, in a line."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

import jax

from alexnet_jax.errors import InputError


def with_checksum(description: dict[str, Any]) -> dict[str, Any]:
    """The description of a checkpoint, JSON values by name, with a SHA-256 over all of it."""
    text = json.dumps(description, sort_keys=True)
    return description | {"sha256": hashlib.sha256(text.encode()).hexdigest()}


def require_checksum(step: int, found: Any) -> None:
    """Raises InputError unless the description of a checkpoint is as it was written.

    The first format had no hash over it.
    """
    if not isinstance(found, dict) or not {"about", "digests"} <= set(found):
        raise InputError(f"checkpoint {step} has no description")
    rest = {name: value for name, value in found.items() if name != "sha256"}
    if (rest != found or found.get("format", 1) != 1) and with_checksum(rest) != found:
        raise InputError(f"checkpoint {step} is damaged: its description has other bytes")


def require_format(step: int, metadata: dict[str, Any], ours: int) -> None:
    """Raises InputError unless the description of a checkpoint is of our format or an older one."""
    version = metadata.get("format", 1)  # the first ones did not say
    if version not in range(1, ours + 1):
        raise InputError(
            f"checkpoint {step} has format {version!r}, but this version of alexnet_jax reads "
            f"{ours} and older ones; use the version that wrote it"
        )


def require_like(step: int, name: str, tree: Any, template: Any) -> None:
    """Raises InputError unless the arrays of a tree are as its template describes them.

    orbax may return other dtypes than asked for where its own metadata are lost.
    """
    asked = dict(jax.tree.leaves_with_path(template))
    for path, leaf in jax.tree.leaves_with_path(tree):
        want = asked[path]
        if (leaf.shape, leaf.dtype) != (want.shape, want.dtype):
            where = jax.tree_util.keystr(path, simple=True, separator="/")
            raise InputError(
                f"checkpoint {step} has {name}/{where} as {leaf.dtype} {leaf.shape}, "
                f"expected {want.dtype} {want.shape}"
            )


def reason(error: BaseException) -> str:
    """What was at the bottom of an error of orbax's, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if code := re.search(r"os_error_code='(\d+)'", str(error)):
        return os.strerror(int(code[1]))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
