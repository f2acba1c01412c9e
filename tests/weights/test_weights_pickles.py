"""Pickles that would run something: refused in a line, nothing executed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.torch_bytes import torch_zip
from helpers.weight_files import NAMED, OWT, refusal, widths

from alexnet_jax import weights


class Runs:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_pickle_that_runs_something(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "ran"
    data = pickle.dumps({"features.0.weight": Runs(mark)}, protocol)
    pickle.loads(data)  # it would
    mark.rmdir()
    text = refusal(torch_zip(tmp_path / "a.pth", {}, content=data))
    assert "calls posix.mkdir; nothing was executed" in text or "instruction" in text
    held = np.empty((), object)
    held[()] = {"conv1": Runs(mark)}
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(held, file, protocol=protocol)
    refusal(tmp_path / "a.npy", "npy")
    (tmp_path / "old.pth").write_bytes(data)
    refusal(tmp_path / "old.pth")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "calls builtins.eval"),
        (
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n)R.",
            "calls torch._utils._rebuild_tensor_v3",
        ),
        (b"\x80\x02(X\x01\x00\x00\x001ios\nsystem\n.", "an instruction INST"),
        (b"\x80\x02ccollections\nOrderedDict\n)}\x92.", "an instruction NEWOBJ_EX"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "features.0.weight is missing"),
        (b"\x80\x02cos\nsystem\n)\x81.", "expected tensors, found a os.system"),
        # Too many modules, and one that is in itself, so that names become longer and longer.
        (
            b"\x80\x02ca\nB\n)\x81}("
            + b"".join(b"X\x04\x00\x00\x00%04dca\nB\n)\x81" % n for n in range(1000))
            + b"ub.",
            "more than 1000 modules",
        ),
        (b"\x80\x02ca\nB\n)\x81q\x01}X\xc8\x00\x00\x00" + b"m" * 200 + b"h\x01sb.", "too long"),
        (
            b"\x80\x02" + b"".join(b"ca\nB%d\n0" % n for n in range(1001)) + b"N.",
            "more than 1000 cl",
        ),
        (b"\x80\x02}q\x01X\x05\x00\x00\x00modelh\x01s.", "'model' is no tensor"),  # holds itself
        (b"\x80\x02\x82\x01.", "an instruction EXT1"),
        (b"\x80\x02]r\xff\xff\xff\xff.", "numbers its parts beyond"),  # asks for 32 GiB
        (b"\x80\x02}q\x00" + b"(" * 100, "not a whole pickle"),
        (b"\x80\x02\x8a\xff" + b"\x01" * 10, "not a whole pickle"),
        (b"\x80\x02X\xff\xff\xff\xffabc.", "not a whole pickle"),
        (b"\x80\x02]K\x01K\x02.", "expected a dictionary of tensors, found int"),
        (b"\x80\x02NK\x01K\x02s.", "not a pickle of arrays"),
        (b"\x80\x02N}s.", "not a whole pickle"),
        # A key that would overflow Python's stack, and one that it would hash for days.
        (b"\x80\x02}N" + b"\x85" * 2_000_000 + b"Ns.", "tuples in tuples"),
        (b"\x80\x02}N" + b"q\x01h\x01\x86" * 40 + b"Ns.", "tuples in tuples"),
        (b"\x80\x04}N" + b"".join(b"\x94h%c\x86" % k for k in range(40)) + b"Ns.", "tuples in"),
        # The same in lists is printed in short.
        (b"\x80\x02N" + b"q\x01]h\x01ah\x01a" * 40 + b"Q.", "no storage of a tensor"),
        (b"not a pickle", "not a whole pickle"),
        (b"", "not a whole pickle"),
    ],
)
def test_pickles_with_anything_else(tmp_path: Path, data: bytes, told: str) -> None:
    assert told in refusal(torch_zip(tmp_path / "a.pth", {}, content=data))


def test_a_pickle_cannot_change_its_reader(tmp_path: Path) -> None:
    """BUILD sets attributes on what was named: on stand-ins of this one reading."""
    build = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}X\x0c\x00\x00\x00__defaults__)s\x86b."
    refusal(torch_zip(tmp_path / "a.pth", {}, content=build))
    named, state = b"\x80\x02ccollections\nOrderedDict\n", b"}X\x03\x00\x00\x00getK\x01s"
    of_the_class = named + b"N" + state + b"\x86b)R."
    assert "not a pickle of arrays" in refusal(
        torch_zip(tmp_path / "c.pth", {}, content=of_the_class)
    )
    of_one = named + b")R" + state + b"b."
    assert "features.0.weight is missing" in refusal(
        torch_zip(tmp_path / "d.pth", {}, content=of_one)
    )
    good = torch_zip(tmp_path / "b.pth", NAMED)
    assert weights.load("torchvision", good, layers=widths(OWT)).architecture.classes == 7
