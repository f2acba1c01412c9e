"""Pictures in every form become a network's input: the same numbers, or one clear line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from alexnet_jax import InputError
from alexnet_jax.data.augment import Statistics
from alexnet_jax.inference.preprocess import Preprocess

RULES = ("short_bicubic", "short_bilinear", "warp_bilinear", "warp_bicubic")


def preprocess(channels: int, resize: str = "short_bicubic", **more: Any) -> Preprocess:
    """Images of 16 pixels, of which the centre 12 are seen; a scale for each channel."""
    mean = np.random.default_rng(9).uniform(90, 130, (16, 16, channels)).astype(np.float32)
    eye = np.eye(channels, dtype=np.float32)
    stats = Statistics(mean, eye, np.ones(channels, np.float32))
    scale = tuple(0.5 / (1 + channel) for channel in range(channels))
    return Preprocess(12, channels, resize, scale, stats, **more)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A grey PNG; and a JPEG in colour so large that a decoder could shrink it on the way."""
    directory, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(3)
    rough = Image.fromarray(draw.integers(0, 256, (37, 50, 3), np.uint8))
    paths = {"L": directory / "grey.png", "RGB": directory / "large.jpg"}
    rough.convert("L").save(paths["L"])
    rough.resize((700, 518), Image.Resampling.BICUBIC).save(paths["RGB"], quality=90)
    return paths


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_same_picture_in_every_form(files: dict[str, Path], mode: str, rule: str) -> None:
    """Bit for bit: text, Path, bytes, PIL pictures, arrays of NumPy and JAX, alone and in lists."""
    path, found = files[mode], preprocess(len(mode) if mode == "RGB" else 1, rule)
    with Image.open(path) as loaded:
        loaded.load()
    array = np.asarray(loaded).reshape(loaded.height, loaded.width, -1)
    with Image.open(path) as lazy:
        forms: list[Any] = [
            str(path), path, path.read_bytes(), bytearray(path.read_bytes()), lazy, loaded, array,
            jnp.asarray(array), array[None], jnp.asarray(array)[None],
        ]  # fmt: skip
        alone = [np.asarray(found(form)) for form in forms]
        assert (lazy.size, lazy.mode) == (loaded.size, mode)
        together = np.asarray(found([*forms, np.stack([array, array])]))
    assert {one.shape for one in alone} == {(1, 12, 12, found.channels)}
    assert len({one.tobytes() for one in (*alone, *together[:, None])}) == 1
    assert together.shape[0] == len(forms) + 2
    # The formula, in float64, of Pillow's own resizing where that is a single call.
    if rule.startswith("warp"):
        filter_ = Image.Resampling[rule.removeprefix("warp_").upper()]
        resized = np.asarray(loaded.resize((16, 16), filter_), np.float64).reshape(16, 16, -1)
        mean = np.asarray(found.statistics.mean, np.float64)
        want = (resized - mean)[2:14, 2:14] * np.asarray(found.scale)
        np.testing.assert_allclose(alone[0][0], want, rtol=1e-6, atol=1e-5)


def test_a_grey_picture_for_a_network_that_sees_colours(files: dict[str, Path]) -> None:
    """Files and PIL pictures are converted, both ways."""
    for path, channels in ((files["L"], 3), (files["RGB"], 1)):
        found = preprocess(channels)
        with Image.open(path) as picture:
            want = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
            images = found([path, picture, want.reshape(*want.shape[:2], channels)])
        assert len({np.asarray(image).tobytes() for image in images}) == 1


def test_a_picture_that_lies_on_its_side(files: dict[str, Path], tmp_path: Path) -> None:
    """EXIF's orientation turns the file and the PIL picture, which itself is left as it is."""
    with Image.open(files["RGB"]) as upright:
        upright.load()
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)
    found = preprocess(3)
    with Image.open(tmp_path / "side.png") as side:
        images = np.asarray(found([upright, tmp_path / "side.png", side]))
        assert (side.size, side.getexif()[0x0112]) == (upright.size[::-1], 6)
    np.testing.assert_array_equal(images[1:], images[[0, 0]])


def test_stored_images_are_taken_as_they_are() -> None:
    """Images of a data set, at the size at which they are stored, need no resizing."""
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    for rule in RULES:
        np.testing.assert_array_equal(preprocess(3, rule).stored(images), images)


def test_doubles_for_a_network_in_float64() -> None:
    images = np.zeros((1, 16, 16, 1), np.uint8)
    with jax.enable_x64(True):
        assert preprocess(1, dtype="float64")(images).dtype == np.float64
    assert preprocess(1)(images).dtype == np.float32


PIXELS = np.zeros((20, 20, 3), np.uint8)
REFUSED: dict[str, tuple[int, Any, str]] = {
    "floating": (3, PIXELS / 255, "uint8 pixels from 0 to 255, got float64 [20, 20, 3]; values fr"),
    "of jax": (3, jnp.zeros((2, 20, 20, 3)), "got float32 [2, 20, 20, 3]; values from 0 to 1 bec"),
    "int64": (3, PIXELS.astype(int), "uint8 pixels from 0 to 255, got int64 [20, 20, 3]"),
    "a key": (3, jax.random.key(0), "uint8 pixels from 0 to 255, got key<fry> []"),
    "colour": (1, PIXELS, "[H, W, 1] or [B, H, W, 1], got uint8 [20, 20, 3]; the network takes gr"),
    "grey": (3, PIXELS[..., :1], "[H, W, 3] or [B, H, W, 3], got uint8 [20, 20, 1]; the network t"),
    "flat": (1, PIXELS[..., 0], "an array is [H, W, 1] or [B, H, W, 1], got uint8 [20, 20]"),
    "channels first": (3, PIXELS.transpose(2, 0, 1), "[B, H, W, 3], got uint8 [3, 20, 20]"),
    "empty": (3, PIXELS[:0], "an array is [H, W, 3] or [B, H, W, 3], got uint8 [0, 20, 3]"),
    "no pictures": (3, PIXELS[None][:0], "give at least one picture, got none"),
    "an empty list": (3, [], "give at least one picture, got none"),
    "an empty text": (3, "", "the picture is an empty text; give the path of a file"),
    "no file": (3, "nowhere.png", "nowhere.png: no such file"),
    "a directory": (3, Path("/"), "/: is a directory, not a picture"),
    "bytes": (3, [PIXELS, b"seven"], "picture 2: not a picture that Pillow can read"),
    "a cut file": (3, b"\x89PNG\r\n\x1a\n", "the picture: not a picture that Pillow can read"),
    "a number": (3, [PIXELS, 7], "picture 2 is of the type int; a picture is a path, the bytes"),
    "nested": (3, [[PIXELS]], "picture 1 is of the type list; a picture is a path, the bytes of a"),
    "none": (3, None, "the picture is of the type NoneType; a picture is a path, the bytes of a"),
    "an open file": (3, io.BytesIO(b"a"), "the picture is of the type _io.BytesIO; a picture is"),
    "two channels": (2, b"GIF89a", "not a picture that Pillow can read"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_is_one_clear_line(case: str) -> None:
    """And no array is printed."""
    channels, pictures, told = REFUSED[case]
    with pytest.raises(InputError) as caught:
        preprocess(channels)(pictures)
    text = str(caught.value)
    assert told in text
    assert len(text) < 200
    assert "\n" not in text


def test_a_traced_array_is_refused() -> None:
    with pytest.raises(InputError, match=r"^the picture is traced by JAX; prepare pictures outsi"):
        jax.jit(preprocess(3))(PIXELS)


def test_a_picture_with_two_channels(files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match="pictures have 1 or 3 channels, but the network takes 2"):
        preprocess(2)(files["L"])
    with pytest.raises(InputError, match="pixels of 2 channels are not resized; give 16x16 of the"):
        preprocess(2)(PIXELS[..., :2])
    assert preprocess(2)(PIXELS[:16, :16, :2]).shape == (1, 12, 12, 2)
