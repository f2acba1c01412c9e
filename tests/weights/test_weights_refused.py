"""Files that grow, lie about their parts, or are not whole: refused in a line."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.torch_bytes import Tensor, pickled, torch_old, torch_zip
from helpers.weight_files import NAMED, OWT, refusal, widths

from alexnet_jax import InputError, weights


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
