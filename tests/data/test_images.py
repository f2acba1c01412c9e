"""Pictures of every kind become the stored squares they should: which pixel ends where."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alexnet_jax.data.images import read_stored

SIDE = 4
GREY = (np.arange(SIDE * SIDE, dtype=np.uint8) * 17).reshape(SIDE, SIDE)  # 0, 17, ..., 255
COLOUR = np.stack([GREY, 255 - GREY, GREY.T], -1)  # no two pixels alike, nothing symmetrical
ALPHA = np.rot90(GREY).copy()
of = Image.fromarray

# An EXIF orientation, and what makes such a stored picture upright.
UPRIGHT = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def luma(colour: np.ndarray) -> np.ndarray:
    """ITU-R 601 grey of [..., 3] colours."""
    return np.round(colour @ np.array([0.299, 0.587, 0.114]))


def stored(path: Path, picture: Image.Image, kind: str, size: int = SIDE, **options: Any) -> Any:
    """The picture written and read back, in grey and in colour: [S, S], [S, S, 3]."""
    picture.save(path, kind, **options)
    grey, colour = (read_stored(path, size=size, channels=channels) for channels in (1, 3))
    assert grey.dtype == colour.dtype == np.uint8
    assert (grey.shape, colour.shape) == ((size, size, 1), (size, size, 3))
    return grey[..., 0].astype(int), colour.astype(int)


def assert_stored(path: Path, picture: Image.Image, kind: str, want: Any, **options: Any) -> None:
    """`want` is [4, 4] for a grey picture, else [4, 4, 3]; rounding may differ by one level."""
    grey, colour = stored(path, picture, kind, **options)
    want = np.asarray(want)
    if want.ndim == 2:
        np.testing.assert_array_equal(grey, want)
        want = np.repeat(want[..., None], 3, -1)
    np.testing.assert_allclose(colour, want, atol=0.51)
    np.testing.assert_allclose(grey, luma(want), atol=1.01)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {})],
)
def test_colours_are_kept(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    assert_stored(tmp_path / "picture", of(COLOUR), kind, COLOUR, **options)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_palettes_are_looked_up(tmp_path: Path, kind: str) -> None:
    palette = of(COLOUR).quantize(SIDE * SIDE)
    assert palette.mode == "P"
    assert_stored(tmp_path / "picture", palette, kind, COLOUR)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_is_grey_in_every_channel(tmp_path: Path, kind: str) -> None:
    assert_stored(tmp_path / "picture", of(GREY), kind, GREY)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(tmp_path: Path, kind: str) -> None:
    picture = of(GREY > 100)
    assert picture.mode == "1"
    assert_stored(tmp_path / "picture", picture, kind, np.where(GREY > 100, 255, 0))


def test_all_16_bit_values(tmp_path: Path) -> None:
    values = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    want = (values.astype(int) + 128) // 257
    assert want[0, 128] == 0
    assert want[0, 129] == 1
    assert want[-1, -1] == 255
    np.testing.assert_array_equal(want.ravel()[::257], np.arange(256))
    big = Image.frombytes("I;16B", (256, 256), values.astype(">u2").tobytes())
    for picture, kind in ((of(values), "PNG"), (of(values), "TIFF"), (big, "TIFF")):
        grey, colour = stored(tmp_path / "picture", picture, kind, size=256)
        np.testing.assert_array_equal(grey, want)
        np.testing.assert_array_equal(colour, np.repeat(want[..., None], 3, -1))


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("full", [255, 65535, 1_000_000])
def test_32_bit_values_fill_the_range(tmp_path: Path, dtype: str, full: int) -> None:
    """Up to 255, up to 65535, or up to the picture's own maximum."""
    values = np.round(GREY * (full / 255)).astype(dtype)
    assert of(values).mode == {"int32": "I", "float32": "F"}[dtype]
    assert_stored(tmp_path / "picture", of(values), "TIFF", GREY)


def test_values_below_zero_are_black(tmp_path: Path) -> None:
    values = GREY.astype(np.float32) - 50.25
    want = np.clip(np.round(values), 0, None)
    assert_stored(tmp_path / "picture", of(values), "TIFF", want)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_spoils_no_other(tmp_path: Path, bad: float) -> None:
    values = GREY.astype(np.float32)
    values[1, 2] = bad
    grey, _ = stored(tmp_path / "picture", of(values), "TIFF")
    others = np.ones((SIDE, SIDE), bool)
    others[1, 2] = False
    np.testing.assert_array_equal(grey[others], GREY[others])


def test_cmyk(tmp_path: Path) -> None:
    cmyk = of(COLOUR).convert("CMYK")
    assert_stored(tmp_path / "picture", cmyk, "TIFF", COLOUR)
    black = Image.merge("CMYK", [of(255 - COLOUR[..., c]) for c in range(3)] + [of(ALPHA)])
    _, colour = stored(tmp_path / "picture", black, "TIFF")
    share = 1 - ALPHA[..., None] / 255.0
    np.testing.assert_allclose(colour, COLOUR * share, atol=1)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg(tmp_path: Path, mode: str) -> None:
    quarters = np.kron(COLOUR[1:3, 1:3], np.ones((8, 8, 1), np.uint8))
    picture = of(quarters).convert(mode)
    grey, colour = stored(tmp_path / "picture", picture, "JPEG", size=16, quality=100)
    want = np.repeat(luma(quarters)[..., None], 3, -1) if mode == "L" else quarters
    # A JPEG stores colours at half the resolution: look inside of the quarters.
    for at in np.ndindex(2, 2):
        inside = tuple(slice(8 * place + 2, 8 * place + 6) for place in at)
        np.testing.assert_allclose(colour[inside], want[inside], atol=4)
        np.testing.assert_allclose(grey[inside], luma(quarters)[inside], atol=4)


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    assert_stored(tmp_path / "picture.JPEG", of(COLOUR), "PNG", COLOUR)
    assert_stored(tmp_path / "picture.txt", of(GREY), "TIFF", GREY)


def test_the_first_frame_of_an_animation_counts(tmp_path: Path) -> None:
    second = of(255 - GREY)
    options = {"save_all": True, "append_images": [second]}
    assert_stored(tmp_path / "picture", of(GREY), "GIF", GREY, **options)


def test_a_path_may_be_text(tmp_path: Path) -> None:
    of(GREY).save(tmp_path / "a.png")
    found = read_stored(str(tmp_path / "a.png"), size=SIDE, channels=1)
    np.testing.assert_array_equal(found[..., 0], GREY)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_turns_the_picture_upright(tmp_path: Path, orientation: int) -> None:
    path, turn = tmp_path / "picture", UPRIGHT[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    wide = np.concatenate([COLOUR, COLOUR[::-1, :2] // 2], 1)  # 4 x 6: the centre is cut from it
    kept = turn(wide)
    assert kept.shape[:2] == ((4, 6) if orientation < 5 else (6, 4))
    kept = kept[:, 1:5] if orientation < 5 else kept[1:5]
    assert_stored(path, of(wide), "PNG", kept, exif=exif)
    assert_stored(path, of(GREY.astype(np.uint16) * 257), "PNG", turn(GREY), exif=exif)
    assert_stored(path, of(GREY.astype(np.float32)), "TIFF", turn(GREY), exif=exif)
    blocks = np.kron(GREY, np.ones((8, 8), np.uint8))
    grey, _ = stored(path, of(blocks), "JPEG", size=32, quality=100, exif=exif)
    np.testing.assert_allclose(grey, turn(blocks), atol=4)
