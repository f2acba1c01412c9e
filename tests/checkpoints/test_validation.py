"""Which descriptions, formats and arrays of a checkpoint are refused, and how errors are told."""

import errno
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

from alexnet_jax import InputError
from alexnet_jax.checkpoints.validation import (
    reason,
    require_checksum,
    require_format,
    require_like,
    with_checksum,
)

Description = dict[str, Any]
WRITTEN = with_checksum({"format": 2, "about": {"step": 3}, "digests": {"params": {"w": "00"}}})


def without(*names: str) -> Description:
    return {name: value for name, value in WRITTEN.items() if name not in names}


def test_what_was_written_is_taken() -> None:
    require_checksum(3, WRITTEN)
    require_checksum(3, without("format", "sha256"))  # the first format had neither
    require_checksum(3, without("format", "sha256") | {"format": 1})


@pytest.mark.parametrize(
    "found",
    [
        without("sha256"),
        without("format"),
        without("format") | {"gormat": 2},
        WRITTEN | {"format": 1},
        WRITTEN | {"sha256": "0" * 64},
        WRITTEN | {"about": {"step": 4}},
        WRITTEN | {"more": 1},
    ],
)
def test_any_other_description_is_damage(found: Description) -> None:
    with pytest.raises(InputError, match=r"^checkpoint 3 is damaged: its description has other"):
        require_checksum(3, found)


@pytest.mark.parametrize(("version", "taken"), [(1, True), (2, True), (3, False), (0, False)])
def test_formats_up_to_ours_are_read(version: int, taken: bool) -> None:
    if taken:
        require_format(5, {"format": version}, 2)
        return
    with pytest.raises(InputError, match=f"checkpoint 5 has format {version}, but this version"):
        require_format(5, {"format": version}, 2)


@pytest.mark.parametrize("change", [lambda x: x.astype(np.float16), lambda x: x[:2]])
def test_arrays_of_another_dtype_or_shape_are_named(
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    tree = {"conv1": {"bias": np.zeros(3, np.float32)}}
    template = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)
    require_like(7, "params", tree, template)
    with pytest.raises(InputError, match=r"checkpoint 7 has params/conv1/bias as float.*expected"):
        require_like(7, "params", jax.tree.map(change, tree), template)


def test_the_reason_is_at_the_bottom_and_in_a_line() -> None:
    def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
        error.__cause__ = cause
        return error

    full = OSError(errno.ENOSPC, "No space left on device")
    assert reason(raised(ValueError("of a thread"), raised(KeyError("of a task"), full))) == (
        "No space left on device"
    )
    assert reason(ValueError("os_error_code='28' while writing\nand pages more")) == (
        "No space left on device"
    )
    assert reason(ValueError("first\nsecond")) == "first"
    assert reason(ValueError()) == "ValueError"
    assert reason(KeyError("write_shape")) == "no 'write_shape' in it"
    assert reason(KeyError(" Trees were not found.\nThere are")) == "Trees were not found."
    assert reason(KeyError()) == "KeyError"
    assert len(reason(ValueError("x" * 999))) == 200
