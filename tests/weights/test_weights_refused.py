"""Files that would run something, grow, or are not whole: refused in a line, nothing executed."""

from __future__ import annotations

import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.torch_bytes import Tensor, pickled, torch_old, torch_zip
from helpers.weight_files import OWT, source_arrays, torch_names, widths

from alexnet_jax import InputError, weights

NAMED = torch_names(source_arrays("owt"))


def refusal(path: Path, kind: str = "torchvision") -> str:
    with pytest.raises(InputError) as caught:
        weights.load(kind, path, layers=widths(OWT))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text


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


def changed(**said: Any) -> dict[str, Any]:
    tensors: dict[str, Any] = {
        name: Tensor(str(number), array) for number, (name, array) in enumerate(NAMED.items())
    }
    tensors["features.0.bias"] = Tensor("1", NAMED["features.0.bias"], **said)
    return tensors


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"offset": 1}, "reaches beyond its 8 numbers"),
        ({"strides": (2,)}, "reaches beyond its 8 numbers"),
        ({"strides": (0,), "count": 1}, "repeats its 1 numbers"),
        ({"strides": (-1,)}, "cannot be"),
        ({"offset": -1}, "cannot be"),
        ({"shape": (1 << 60,)}, "cannot be"),
        ({"shape": (8, 1)}, "cannot be"),
        ({"count": 9}, "has 32 bytes in the file"),
        ({"count": 1 << 60}, "no storage of a tensor"),
        ({"shape": (4,)}, "features.0.bias should be 8 for owt, found 4"),
    ],
)
def test_tensors_that_do_not_fit_their_storage(
    tmp_path: Path, said: dict[str, Any], told: str
) -> None:
    assert told in refusal(torch_zip(tmp_path / "a.pth", NAMED, content=changed(**said)))


def lost(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda records: records.update({name: b""}) or (records.pop(name) and None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lost("data/3"), "has no record data/3"),
        (lost("data.pkl"), "no data.pkl"),
        (lambda records: records.update({"byteorder": b"big"}), "big-endian"),
        (lambda records: records.update({"data.pkl": bytes(17 << 20)}), "larger than 16 MiB"),
    ],
)
def test_records_that_are_missing_or_wrong(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], told: str
) -> None:
    assert told in refusal(torch_zip(tmp_path / "a.pth", NAMED, change=change))


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = torch_zip(
        tmp_path / "a.pth",
        {},
        compression=zipfile.ZIP_DEFLATED,
        change=lambda records: (
            records.pop("byteorder") and records.update({"data.pkl": bytes(15 << 20)})
        ),
    )
    assert path.stat().st_size < 1 << 16
    assert "data.pkl is compressed" in refusal(path)


def test_bits_that_flipped(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "a.pth", NAMED)
    data = bytearray(path.read_bytes())
    at = data.index(NAMED["classifier.1.weight"].tobytes())
    data[at + 1000] ^= 1
    path.write_bytes(data)
    assert "is damaged (CRC-32)" in refusal(path)


def test_a_record_that_claims_another_place(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "a.pth", NAMED)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 42 : entry + 46] = struct.pack("<I", 3)  # of "version", which nobody reads
    first = data.index(b"PK\x01\x02")
    data[first + 42 : first + 46] = struct.pack("<I", 7)  # of data.pkl
    path.write_bytes(data)
    assert "is not where the zip file says" in refusal(path)


def test_cut_short(tmp_path: Path) -> None:
    data = torch_zip(tmp_path / "whole.pth", NAMED).read_bytes()
    for length in (0, 1, 3, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "a.pth").write_bytes(data[:length])
        text = refusal(tmp_path / "a.pth")
        assert "is empty" in text or "cut short" in text or "not a file of torch.save" in text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"keys": [str(number) for number in range(15)]},
            "does not hold the tensors that it names",
        ),
        ({"keys": 3}, "does not hold the tensors that it names"),
        ({"counts": {"1": 7}}, "storage 1 has another count of numbers than its tensor says"),
        ({"after": b"1234"}, r"the file should have \d+ bytes, found \d+"),
    ],
)
def test_files_of_the_old_format(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    good = torch_old(tmp_path / "a.pth", NAMED)
    found = weights.load("torchvision", good, layers=widths(OWT))
    np.testing.assert_array_equal(found.params["fc8"]["bias"], NAMED["classifier.6.bias"])
    assert re.search(told, refusal(torch_old(tmp_path / "b.pth", NAMED, **changed)))


def test_names_and_shapes(tmp_path: Path) -> None:
    without = {name: value for name, value in NAMED.items() if name != "features.10.weight"}
    text = refusal(torch_zip(tmp_path / "a.pth", without))
    assert "array features.10.weight is missing, expected 6x10x3x3 for owt" in text
    more = NAMED | {"features.14.weight": np.zeros((2, 2), np.float32)}
    text = refusal(torch_zip(tmp_path / "b.pth", more))
    assert "array features.14.weight 2x2 has no place in owt" in text
    with pytest.raises(InputError, match=r"features\.0\.weight should be 64x3x11x11.*8x3x11x11"):
        weights.load("torchvision", torch_zip(tmp_path / "c.pth", NAMED))
    infinite = {name: value.copy() for name, value in NAMED.items()}
    infinite["classifier.6.bias"][0] = np.inf
    assert "not finite" in refusal(torch_zip(tmp_path / "d.pth", infinite))
    assert "is no tensor" in refusal(
        torch_zip(tmp_path / "e.pth", {}, content=pickled({"epoch": 3}))
    )
    assert "found list" in refusal(torch_zip(tmp_path / "f.pth", {}, content=pickled([1])))


def test_arguments(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "a.pth", NAMED)
    with pytest.raises(InputError, match=r"unknown kind 'keras'; there are torchvision, caffe"):
        weights.load("keras", path)
    with pytest.raises(InputError, match="no such file"):
        weights.load("torchvision", tmp_path / "none.pth")
    with pytest.raises(InputError, match="is a directory"):
        weights.load("torchvision", tmp_path)
    with pytest.raises(InputError, match="a mean is for the kinds caffe and npy"):
        weights.load("torchvision", path, mean=(1, 2, 3))
    with pytest.raises(InputError, match="has 7 classes, got 2 names"):
        weights.load("torchvision", path, layers=widths(OWT), class_names=("a", "b"))
