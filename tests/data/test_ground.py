"""Transparency of every kind is laid on white, or on black, at every door and in every format."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.pictures import png
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.images import read_stored, stored_picture
from alexnet_jax.data.picture_stream import Listed, make_reader
from alexnet_jax.data.pictures import given_pictures
from alexnet_jax.data.sources.folder import folder

SIDE = 4
GREY = (np.arange(SIDE * SIDE, dtype=np.uint8) * 17).reshape(SIDE, SIDE)
COLOUR = np.stack([GREY, 255 - GREY, GREY.T], -1)
ALPHA = np.rot90(GREY).copy()
CLEAR = (1, 2)  # row and column of the pixel that is transparent
of = Image.fromarray
LEVEL = {"white": 255, "black": 0}


def read(path: Path, ground: Any) -> Any:
    """The picture in grey, [S, S], and in colour, [S, S, 3]."""
    grey, colour = (read_stored(path, size=SIDE, channels=c, ground=ground) for c in (1, 3))
    return grey[..., 0].astype(int), colour.astype(int)


def cleared(values: np.ndarray, level: int) -> np.ndarray:
    """A picture of 8 bits with the transparent pixel in the ground's colour."""
    want = values.astype(int)
    want[CLEAR] = level
    return want


@pytest.mark.parametrize("ground", LEVEL)
def test_shares_of_the_ground(tmp_path: Path, ground: str) -> None:
    """alpha value + (1 - alpha) ground, for colours and for grey."""
    path, share = tmp_path / "picture", ALPHA / 255.0
    rgba = Image.merge("RGBA", [*of(COLOUR).split(), of(ALPHA)])
    over = COLOUR * share[..., None] + LEVEL[ground] * (1 - share[..., None])
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {})):
        rgba.save(path, kind, **options)
        np.testing.assert_allclose(read(path, ground)[1], over, atol=1)
    Image.merge("LA", [of(GREY), of(ALPHA)]).save(path, "PNG")
    grey, colour = read(path, ground)
    np.testing.assert_allclose(grey, GREY * share + LEVEL[ground] * (1 - share), atol=1)
    np.testing.assert_array_equal(colour, np.repeat(grey[..., None], 3, -1))


@pytest.mark.parametrize("ground", LEVEL)
def test_transparent_entries_colours_and_values(tmp_path: Path, ground: str) -> None:
    """An entry of a palette, a colour, a grey value of 8 and of 16 bits."""
    path, level = tmp_path / "picture", LEVEL[ground]
    palette = of(COLOUR).quantize(SIDE * SIDE)
    for kind in ("PNG", "GIF"):
        palette.save(path, kind, transparency=palette.getpixel(CLEAR[::-1]))
        np.testing.assert_array_equal(read(path, ground)[1], cleared(COLOUR, level))
    of(COLOUR).save(path, "PNG", transparency=tuple(int(value) for value in COLOUR[CLEAR]))
    np.testing.assert_array_equal(read(path, ground)[1], cleared(COLOUR, level))
    wide = GREY.astype(np.uint16) * 257
    for picture, value in ((of(GREY), GREY[CLEAR]), (of(wide), wide[CLEAR])):
        picture.save(path, "PNG", transparency=int(value))
        np.testing.assert_array_equal(read(path, ground)[0], cleared(GREY, level))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_transparent_values_of_few_bits(tmp_path: Path, depth: int) -> None:
    """A PNG states the value in its own depth: 15 of 4 bits is 255."""
    top = 2**depth - 1
    values = (np.arange(64).reshape(SIDE, 16) * 5) % (top + 1)
    bits = (values[..., None] >> np.arange(depth)[::-1]) & 1
    path = tmp_path / "few.png"
    path.write_bytes(png(16, SIDE, depth, 0, np.packbits(bits.reshape(-1)).tobytes(), (1,)))
    want = np.where(values == 1, 255, values * 255 // top)[:, 6:10]
    found = read_stored(path, size=SIDE, channels=1)[..., 0]
    np.testing.assert_array_equal(found, want)


def test_a_transparent_colour_of_16_bits(tmp_path: Path) -> None:
    wide = COLOUR.astype(">u2") * 257
    path, key = tmp_path / "wide.png", tuple(int(value) * 257 for value in COLOUR[CLEAR])
    path.write_bytes(png(SIDE, SIDE, 16, 2, wide.tobytes(), key))
    np.testing.assert_array_equal(read(path, "white")[1], cleared(COLOUR, 255))


def test_every_door_has_the_ground(tmp_path: Path) -> None:
    """The same file through a folder of classes, `predict`'s reader, a path and an open picture."""
    for split in ("train/a", "train/b", "test/a"):
        (tmp_path / split).mkdir(parents=True)
        Image.new("LA", (8, 8), (0, 0)).save(tmp_path / split / "0.png")
    path = tmp_path / "train" / "a" / "0.png"
    for ground in ("white", None, "black"):
        more: Any = {} if ground is None else {"ground": ground}
        source = folder(tmp_path, "mine", size=8, note=lambda _: None, **more)
        with Image.open(path) as picture:
            opened = stored_picture(picture, "it", size=8, channels=3, **more)
            given = given_pictures([str(path), path.read_bytes(), picture], 3)
            found = [one.stored(size=8, channels=3, **more) for one in given]
        found += [
            source.splits["train"].read(0, 8, 3),
            *make_reader([Listed(str(path))], 8, 3, **more)(range(1)),
            opened,
        ]
        for image in found:
            assert not isinstance(image, InputError)
            assert (image == LEVEL[ground or "white"]).all()
