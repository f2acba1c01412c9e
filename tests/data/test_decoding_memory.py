"""Pictures whose decoding would take more memory than allowed, or than is free, are one line."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from alexnet_jax import InputError
from alexnet_jax.data import decoding_memory, images
from alexnet_jax.data.decoding_memory import Limits, decoding_bytes
from alexnet_jax.data.images import read_stored
from alexnet_jax.data.pictures import Given
from alexnet_jax.data.sources.source import LIMITS, decode

Save = tuple[str, str, dict[str, Any]]  # mode, format, options
# The bytes a pixel of each: Pillow's image, and what the decoder holds beside it.
KINDS: dict[str, tuple[Save, int]] = {
    "jpeg": (("RGB", "JPEG", {}), 4),
    "progressive": (("RGB", "JPEG", {"progressive": True, "subsampling": 0}), 4 + 3 * 2),
    "progressive cmyk": (("CMYK", "JPEG", {"progressive": True, "subsampling": 0}), 4 + 4 * 2),
    "png": (("RGB", "PNG", {}), 4),
    "grey png": (("L", "PNG", {}), 1),
    "16 bits": (("I;16", "PNG", {}), 2),
    "gif": (("P", "GIF", {}), 1),
    "bmp": (("RGB", "BMP", {}), 4),
    "tiff": (("RGB", "TIFF", {}), 4),
    "float tiff": (("F", "TIFF", {}), 4),
    "one strip": (("RGB", "TIFF", {"compression": "tiff_lzw", "strip_size": 2**40}), 4 + 3),
    "webp": (("RGB", "WEBP", {"method": 0}), 17),
    "webp lossless": (("RGBA", "WEBP", {"method": 0, "quality": 0, "lossless": True}), 17),
    "grey jpeg 2000": (("L", "JPEG2000", {}), 1 + 7),
    "jpeg 2000": (("RGB", "JPEG2000", {}), 4 + 17),
    "jpeg 2000 alpha": (("RGBA", "JPEG2000", {}), 4 + 22),
}
if features.check("avif"):
    KINDS["avif"] = (("RGB", "AVIF", {"speed": 10, "subsampling": "4:4:4"}), 15)
    KINDS["avif alpha"] = (("RGBA", "AVIF", {"speed": 10}), 18)


def saved(kind: str, path: Path, side: int) -> int:
    """Saves a picture, side x side; its bytes a pixel."""
    (mode, name, options), bytes_each = KINDS[kind]
    rows = np.arange(side) % 199
    grey = Image.fromarray((rows[:, None] // 2 + rows // 3).astype(np.uint8))
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey, np.uint16))
    else:
        colours = Image.merge("RGB", [grey, grey.transpose(Image.Transpose.ROTATE_90), grey])
        picture = colours.convert("L").convert("P") if mode == "P" else colours.convert(mode)
    if mode == "RGBA":
        picture.putalpha(grey)  # opaque, it would be left out
    picture.save(path, name, **options)
    return bytes_each


@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_of_each_format_is_limited(tmp_path: Path, kind: str) -> None:
    """Known before the picture is decoded; a byte less is a line that says how much it takes."""
    path = tmp_path / "picture"
    needed = saved(kind, path, 40) * 40 * 40
    read_stored(path, size=8, channels=3, limits=Limits(1600, needed))
    with pytest.raises(InputError) as caught:
        read_stored(path, size=8, channels=3, limits=Limits(1600, needed - 1))
    named = re.escape(f"{path}: decoding 40x40 pixels of {KINDS[kind][0][1]} takes about ")
    assert re.fullmatch(rf"{named}0.0 GB, more than 0.0 GB; shrink it first", str(caught.value))


# In a process of its own: what a test has freed serves later ones.
MEASURE = """
import sys
from alexnet_jax.data.decoding_memory import decoding_bytes
from alexnet_jax.data.images import open_picture, read_stored
from alexnet_jax.runtime import peak_bytes
with open_picture(sys.argv[1]) as picture:
    estimate = decoding_bytes(picture, picture.size)
before = peak_bytes()
read_stored(sys.argv[1], size=32, channels=3)
print(peak_bytes() - before, estimate)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="libraries take other memory elsewhere")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=[pytest.mark.exhaustive] * (k != "webp")) for k in KINDS],
)
def test_the_estimates_hold(tmp_path: Path, kind: str) -> None:
    """Beside some megabytes for the bands of the conversion, and the pages of a mapped file."""
    path = tmp_path / "picture"
    saved(kind, path, 3000)
    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    taken, estimate = map(int, done.stdout.split())
    assert estimate / 2 - 4e6 < taken < estimate + 50e6 + path.stat().st_size


def small(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(images, "Limits", lambda: Limits(**limits))


def opened(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


DOORS: dict[str, Callable[[Path], object]] = {
    "file": lambda path: Given("a picture", path).stored(size=8, channels=3),
    "bytes": lambda path: Given("a picture", opened(path).getvalue()).stored(size=8, channels=3),
    "pillow": lambda path: Given("a picture", Image.open(opened(path))).stored(size=8, channels=3),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str) -> None:
    path = tmp_path / "picture"
    needed = saved("webp", path, 40) * 40 * 40
    small(monkeypatch, pixels=1600, bytes=needed)
    DOORS[door](path)
    small(monkeypatch, pixels=1599)
    with pytest.raises(InputError, match="40x40 is more than 1,599 pixels; shrink it first"):
        DOORS[door](path)
    small(monkeypatch, bytes=needed - 1)
    with pytest.raises(InputError, match="decoding 40x40 pixels of WEBP takes"):
        DOORS[door](path)


def test_a_picture_that_is_decoded_takes_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, bytes=0)
    for kind in ("webp", "png"):
        saved(kind, tmp_path / kind, 40)
        with Image.open(tmp_path / kind) as picture:
            picture.load()
            Given("a picture", picture).stored(size=8, channels=3)
    Given("a picture", Image.new("L", (40, 40))).stored(size=8, channels=3)


def test_a_data_set_takes_smaller_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of up to 1 GB, whatever the format; a progressive JPEG is decoded at a fraction of its
    size, which spares its pixels and not its coefficients."""
    assert LIMITS == (10**8, 10**9)
    path = tmp_path / "picture"
    saved("progressive", path, 640)
    given: list[Limits] = []
    room = images.room_to_decode

    def noted(picture: Any, name: Any, sides: Any, limits: Limits) -> Any:
        given.append(limits)
        assert sides == (640, 640)
        assert picture.size == (80, 80)
        assert decoding_bytes(picture, sides) == 80 * 80 * 4 + 640 * 640 * 6
        return room(picture, name, sides, limits)

    monkeypatch.setattr(images, "room_to_decode", noted)
    decode(opened(path), "picture", 16, 3)
    assert given == [LIMITS]


def test_more_memory_than_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that grants memory that it does not have would end the process."""
    path = tmp_path / "picture"
    needed = saved("png", path, 40) * 40 * 40
    monkeypatch.setattr(decoding_memory, "_LARGE", needed)
    monkeypatch.setattr(decoding_memory, "free_bytes", lambda: needed - 1)
    with pytest.raises(InputError, match=r"about 0\.0 GB of memory, and 0\.0 GB are free; shrink"):
        read_stored(path, size=8, channels=3)
    monkeypatch.setattr(decoding_memory, "free_bytes", lambda: needed)
    read_stored(path, size=8, channels=3)
    monkeypatch.setattr(decoding_memory, "free_bytes", lambda: None)
    read_stored(path, size=8, channels=3)


def test_large_pictures_are_decoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads read pictures side by side; large ones would take the memory of all at once."""
    path, alone = tmp_path / "picture", []
    needed = saved("png", path, 40) * 40 * 40
    convert = images.plain_picture

    def noted(*arguments: Any, **more: Any) -> Any:
        alone.append(decoding_memory._decoding.locked())
        return convert(*arguments, **more)

    monkeypatch.setattr(images, "plain_picture", noted)
    for large in (needed + 1, needed):
        monkeypatch.setattr(decoding_memory, "_LARGE", large)
        read_stored(path, size=8, channels=3)
    assert alone == [False, True]
    assert not decoding_memory._decoding.locked()
