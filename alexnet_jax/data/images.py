"""Stored images from picture files: any kind of picture becomes a uint8 square."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from alexnet_jax.data.decoding_memory import Limits, room_to_decode
from alexnet_jax.data.plain import Ground, plain_picture, transparent_colour
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

# Formats that are read, in Pillow's names. A file's content decides and not its name, and Pillow
# knows formats that another program must draw: for EPS it starts Ghostscript.
FORMATS = (
    "JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM", "DDS", "TGA",
)  # fmt: skip
_DRAWN = ("EPS",)  # by Ghostscript; pictures that the user has opened may have any format
# Suffixes of pictures in a directory; a file that is named on the command line may have any.
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
# Ratio of the long to the short side up to which a picture is resized as a whole before cropping.
_LONGEST = 64
_loading = threading.Lock()


def read_stored(
    path: str | Path,
    *,
    size: int,
    channels: int,
    file: IO[bytes] | None = None,
    limits: Limits | None = None,
    resize: str = "short_bicubic",
    ground: Ground = "white",
    reduced: bool = False,
) -> np.ndarray:
    """Read a picture file as a stored image: [size, size, channels] uint8.

    The picture is turned upright by its EXIF orientation. 16-bit values are divided by 257,
    transparency is laid on `ground`, and palettes, CMYK and grey become RGB, or all become grey if
    `channels` is 1. The picture is then resized: by default its short side becomes `size` and the
    centre square is kept, as in 2012.

    Args:
      path: a JPEG, PNG, WebP, BMP, TIFF, GIF (first frame), AVIF, JPEG 2000, PPM, DDS or TGA file,
        whatever its name.
      size: side of the stored square.
      channels: 1 or 3.
      file: the picture's bytes; `path` is then only their name in messages.
      resize: "short_...": the short side is resized to `size` and the centre square kept;
        "warp_...": both sides are resized to `size`. The interpolation is bicubic or bilinear and
        smooths pictures that shrink.
      limits: a larger picture is refused before it is decoded; by default one of more than 10^9
        pixels, or whose decoding takes more than 5 GB of memory.
      ground: ground on which transparent pixels and colours are laid, "white" or "black".
      reduced: whether a JPEG many times larger than `size` is decoded at a fraction of its size, in
        a third of the time; pixels differ by some grey levels.

    Raises:
      InputError: the file does not exist, may not be read, is not a picture, is damaged, has too
        many pixels or more than free memory holds; `channels` is neither 1 nor 3.

    Source: `make-data.py` of the later source for the resizing.
    """
    with (
        _faults_named(path),
        quiet_pillow(),
        open_picture(path if file is None else file) as picture,
    ):
        sides = picture.size
        if reduced:  # but never below what is kept
            picture.draft(None, (4 * size, 4 * size))
        key = transparent_colour(picture)
        with room_to_decode(picture, path, sides, limits or Limits()):
            picture.load()
            plain = plain_picture(
                picture, channels, ground, size, key, whole=resize.startswith("warp")
            )
        return as_stored(plain, size, channels, resize)


def open_picture(file: str | Path | IO[bytes]) -> Image.Image:
    """Open a file of one of `FORMATS`; Pillow raises UnidentifiedImageError for any other."""
    from PIL import Image

    Image.init()
    return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])


def stored_picture(
    picture: Image.Image,
    name: str,
    *,
    size: int,
    channels: int,
    resize: str = "short_bicubic",
    ground: Ground = "white",
) -> np.ndarray:
    """Return an open picture of Pillow's as `read_stored` would its file; it is not changed.

    Raises:
      InputError: as `read_stored`, by `name`; a file that another program must draw.
    """
    if picture.format in _DRAWN and getattr(picture, "tile", None):
        raise InputError(
            f"{name}: Pillow starts another program to draw {picture.format}; convert it first"
        )
    with _faults_named(name), quiet_pillow():
        with _loading:  # a list may hold the same picture twice, and threads read it
            key = transparent_colour(picture)
            with room_to_decode(picture, name, picture.size, Limits()):
                picture.load()
        plain = plain_picture(picture, channels, ground, size, key, whole=resize.startswith("warp"))
        return as_stored(plain, size, channels, resize)


@contextlib.contextmanager
def _faults_named(name: str | Path) -> Iterator[None]:
    """Turn all that Pillow raises for a picture into an InputError of one line that names it."""
    from PIL import Image

    try:
        yield
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{name}: more pixels than memory holds; shrink it first") from None
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{name}: is a directory, not a picture") from None
    except PermissionError:
        raise InputError(f"{name}: may not be read") from None
    except Image.UnidentifiedImageError:
        raise InputError(f"{name}: not a picture that Pillow can read") from None
    except OSError as error:
        fault = "damaged picture" if error.errno is None else "cannot be read"
        raise InputError(f"{name}: {fault} ({error.strerror or _first_line(error)})") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged files
        raise InputError(f"{name}: damaged picture ({_first_line(error)})") from error


def as_stored(
    plain: Image.Image, size: int, channels: int, resize: str = "short_bicubic"
) -> np.ndarray:
    """Return a grey or RGB picture resized to a square: [size, size, channels] uint8.

    The values of a grey one are those of each of three channels.
    """
    if plain.mode == "L" and channels == 3:
        return as_stored(plain, size, 1, resize).repeat(3, -1)
    from PIL import Image

    if resize != "short_bicubic":
        return _resized(plain, size, resize).reshape(size, size, channels)

    # As if the whole picture were resized and then cropped at whole pixels, but without resizing
    # what is cropped: (left, top) is the square's corner, in pixels of the original.
    side = min(plain.size)
    left, top = ((round(length * size / side) - size) // 2 * side / size for length in plain.size)
    if plain.size != (size, size):
        box = (left, top, left + side, top + side)
        plain = plain.resize((size, size), Image.Resampling.BICUBIC, box, reducing_gap=3.0)
    return np.asarray(plain, np.uint8).reshape(size, size, channels)


def _resized(plain: Image.Image, size: int, resize: str) -> np.ndarray:
    """Resize as other libraries do: the whole picture to whole pixels, then its centre square.

    "short_bilinear" is torchvision's Resize(size) and CenterCrop(size), also for odd sides.
    """
    from PIL import Image

    rule, _, filter_name = resize.partition("_")
    resample = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    if rule == "warp":
        return np.asarray(plain.resize((size, size), resample[filter_name]), np.uint8)
    sides = [int(size * side / min(plain.size)) for side in plain.size]
    starts = [round((side - size) / 2) for side in sides]
    if max(sides) <= _LONGEST * size:
        pixels = np.asarray(plain.resize((sides[0], sides[1]), resample[filter_name]), np.uint8)
        return pixels[starts[1] : starts[1] + size, starts[0] : starts[0] + size]
    # Of a very long picture, resize the square alone; a few pixels then differ by a grey level.
    scale = min(plain.size) / size
    left, top = (start * scale for start in starts)
    box = (left, top, min(plain.width, left + size * scale), min(plain.height, top + size * scale))
    return np.asarray(plain.resize((size, size), resample[filter_name], box), np.uint8)


_entered = 0
_entering = threading.Lock()
_settings = contextlib.ExitStack()


@contextlib.contextmanager
def quiet_pillow() -> Iterator[None]:
    """Turn off Pillow's pixel limit and its warnings while any thread is inside.

    Pillow's limit refuses real scans and panoramas; ours is checked before decoding. Limit and
    warnings are settings of the whole process, so the first thread to enter changes them and the
    last to leave restores them. Code that starts threads to read pictures should stay inside until
    they end.
    """
    from PIL import Image

    global _entered
    with _entering:
        if _entered == 0:
            _settings.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            _settings.callback(setattr, Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
            Image.MAX_IMAGE_PIXELS = None
        _entered += 1
    try:
        yield
    finally:
        with _entering:
            _entered -= 1
            if _entered == 0:
                _settings.close()


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
