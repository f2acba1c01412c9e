"""Large pictures of every mode become the same as small ones, and take memory for little more than
their pixels."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data import plain
from alexnet_jax.data.images import read_stored
from alexnet_jax.data.sources.folder import FolderPictures

SIDE = 230
_rows, _columns = np.mgrid[:SIDE, : SIDE + 60]
WIDE = ((_rows * 200 + _columns * 240) // SIDE // 2).astype(np.uint8)


def of_mode(mode: str) -> Image.Image:
    """A smooth picture, not square, with transparency where the mode has it."""
    if mode == "I;16":
        return Image.fromarray(WIDE.astype(np.uint16) * 257)
    if mode in ("I", "F"):
        return Image.fromarray(WIDE.astype({"I": np.int32, "F": np.float32}[mode]))
    picture = Image.fromarray(np.stack([WIDE, 255 - WIDE, WIDE // 2], -1))
    if mode in ("LA", "RGBA"):
        picture = picture.convert("L") if mode == "LA" else picture
        picture.putalpha(Image.fromarray(WIDE))
        return picture
    return picture.quantize(256) if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "LA", "RGBA", "I;16", "I", "F", "1"])
def test_bands_and_shrinking_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Bands of some rows give the same values; averages on the way differ by a few levels, and by
    the pixels that do not fill a block."""
    path, exif = tmp_path / "big.tiff", Image.Exif()
    exif[0x0112] = 6
    if mode in ("L", "RGB", "RGBA"):  # turned pictures too
        of_mode(mode).save(path, "PNG", exif=exif)
    else:
        of_mode(mode).save(path, "GIF" if mode == "P" else "PNG" if mode == "LA" else "TIFF")
    whole = [read_stored(path, size=7, channels=channels) for channels in (1, 3)]
    monkeypatch.setattr(plain, "_BAND", 1000)
    banded = [read_stored(path, size=7, channels=channels) for channels in (1, 3)]
    for one, other in zip(whole, banded, strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.setattr(plain, "_LARGE", SIDE * SIDE)
    shrunk = [read_stored(path, size=7, channels=channels) for channels in (1, 3)]
    for one, other in zip(whole, shrunk, strict=True):
        np.testing.assert_allclose(one.astype(int), other, atol=12 if mode == "P" else 8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "F"])
def test_the_middle_of_a_long_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Of a large one that is very long, the middle alone is converted, unless all is resized."""
    long = of_mode(mode).resize((1600, 40))
    kept: list[tuple[int, int]] = []
    bands = plain._bands

    def noted(picture: Image.Image, sides: tuple[int, int], multiple: int) -> Any:
        kept.append(sides)
        return bands(picture, sides, multiple)

    exif = Image.Exif()
    exif[0x0112] = 8
    path, rules = tmp_path / "long", ("short_bicubic", "short_bilinear", "warp_bilinear")
    long.save(path, "TIFF" if mode == "F" else "PNG", **({} if mode == "F" else {"exif": exif}))
    whole = [read_stored(path, size=9, channels=1, resize=rule) for rule in rules]
    monkeypatch.setattr(plain, "_LARGE", 1600 * 40)
    monkeypatch.setattr(plain, "_bands", noted)
    found = [read_stored(path, size=9, channels=1, resize=rule) for rule in rules]
    assert (160, 40) in kept
    for one, other in zip(whole, found, strict=True):
        np.testing.assert_allclose(one.astype(int), other, atol=5)


@pytest.mark.parametrize("mode", ["I;16", "F", "RGBA"])
def test_memory_of_conversion(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """NumPy holds some bands, not the picture: 16-bit values took 24 bytes a pixel."""
    picture = of_mode(mode).resize((2000, 2000))
    monkeypatch.setattr(plain, "_BAND", 2**16)
    tracemalloc.start()
    try:
        plain.plain_picture(picture, 3, "white", 8, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**16


def test_enormous_files_are_not_read_whole(tmp_path: Path) -> None:
    """A sparse file of 60 GB under a picture's name is one bad picture."""
    path = tmp_path / "a.png"
    Image.new("L", (8, 8)).save(path)
    content = path.read_bytes()
    with open(path, "wb") as file:
        file.truncate(60 * 10**9)
    pictures = FolderPictures(tmp_path, ("a.png",), np.zeros(1, np.int32))
    with pytest.raises(InputError, match="not a picture"):
        pictures.read(0, 8, 3)
    with open(path, "r+b") as file:
        file.write(content[:40])
    with pytest.raises(InputError, match=r"a\.png: (damaged|not a) picture"):
        pictures.read(0, 8, 3)
    path.unlink()
