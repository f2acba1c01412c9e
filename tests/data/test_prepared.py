"""Prepared data that are damaged, in part, or not there."""

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import quiet, source

from alexnet_jax import InputError, data
from alexnet_jax.data.prepare.packing import pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared, verify
from alexnet_jax.data.records import VERSION

pytestmark = pytest.mark.usefixtures("small_shards")


def test_the_packed_form_needs_no_records(copied: Path) -> None:
    """It is loaded, verified and recognised as finished without them."""
    shutil.rmtree(copied / "drawn" / VERSION)
    said: list[str] = []
    pack("drawn", copied, workers=1, note=said.append)
    verify("drawn", copied, note=said.append)
    assert said[0].endswith("is finished; nothing to do")
    assert len(load_prepared("drawn", copied).train) > 0


@pytest.mark.parametrize("form", ["packed", "1.0.0"])
def test_verify_names_images_that_changed(copied: Path, form: str) -> None:
    verify("drawn", copied, quiet)
    path = (
        max((copied / "drawn" / form).glob("*train*record*-00000-*"))
        if form == "1.0.0"
        else (copied / "drawn" / form / "train_images.npy")
    )
    content = bytearray(path.read_bytes())
    image = load_prepared("drawn", copied).train.images[:][3].tobytes()
    place = content.index(image) + 20
    content[place] ^= 1
    path.write_bytes(content)
    if form == "packed":
        with pytest.raises(InputError, match=r"1 images differ from their checksums: train 3;"):
            verify("drawn", copied, quiet)
        return
    with pytest.raises(Exception, match=re.compile("checksum|corrupt|hash|CRC", re.I)):
        verify("drawn", copied, quiet)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("dataset.json", b"{", "cannot be read"),
        ("dataset.json", b"{}", "has format None"),
        ("statistics.npz", b"", "damaged"),
        ("train_labels.npy", b"damage", "damaged"),
        ("train_images.npy", b"", "damaged"),
        ("train_images.npy", None, "is missing"),
        ("test_crc32.npy", None, "is missing"),
    ],
)
def test_damage_is_told(copied: Path, name: str, change: bytes | None, message: str) -> None:
    path = copied / "drawn" / "packed" / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change)
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        load_prepared("drawn", copied)


def test_a_name_that_is_not_there(both: Path) -> None:
    with pytest.raises(InputError, match=r"no prepared data set 'other'; there are: drawn"):
        data.load("other", str(both))
    for name in ("Drawn", "../drawn", "", "1st"):
        with pytest.raises(InputError, match="lower-case letters"):
            prepare(renamed(name), both, workers=1, note=quiet)


def renamed(name: str) -> Any:

    return dataclasses.replace(source(), name=name)
