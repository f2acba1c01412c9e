"""Pictures of every mode as 8 bits of grey or of red, green and blue, in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

Ground = Literal["white", "black"]
# Colour that a file declares transparent: one value, one for each channel, or an alpha for each
# entry of the palette.
Key: TypeAlias = "int | tuple[int, ...] | bytes | None"

_BAND = 2**20  # pixels that are converted at a time
_LARGE = 2**25  # pixels from which a picture is shrunk while it is converted
_SPARE = 4  # times the stored side, below which no picture is shrunk here
_MOST_SHRUNK = 32
_ORIENTATION = 0x0112  # tag of EXIF
_GREY = ("1", "L", "LA", "La", "I", "F")
_BITS = {"1": 1, "L;2": 2, "L;4": 4}  # raw modes of PNG with fewer than 8 bits of grey


def transparent_colour(picture: Image.Image) -> Key:
    """Return the colour that a file declares transparent, in the values that its pixels get.

    PNG states it in the file's own depth, where Pillow makes 8 bits of 1, 2 and 4 bits of grey and
    of 16 bits of a colour. The depth is known only before the pixels are decoded.
    """
    key: Key = picture.info.get("transparency")
    tiles = getattr(picture, "tile", None) or [()]
    depth = str(tiles[0][-1]) if tiles[0] else ""
    if isinstance(key, int) and depth in _BITS:
        return key * 255 // (2 ** _BITS[depth] - 1)
    if isinstance(key, tuple) and (depth.startswith("RGB;16") or max(key) > 255):
        return tuple(value >> 8 for value in key)
    return key


def plain_picture(
    picture: Image.Image,
    channels: int,
    ground: Ground,
    size: int,
    key: Key,
    *,
    whole: bool = True,
) -> Image.Image:
    """Return a decoded picture upright, of mode "L" or "RGB"; it is not changed.

    Of grey pictures the result is "L" for three channels, too. The picture is converted in bands.
    One of 2^25 pixels or more, whose short side is at least 8 `size`, is shrunk to at least 4
    `size` by averages of n x n pixels on the way, and what it shows then lies up to an eighth of a
    stored pixel elsewhere; of one that is more than 8 times as long as wide, the middle is kept
    unless `whole`, and it lies up to half a stored pixel elsewhere.

    Args:
      picture: picture of Pillow's whose pixels are decoded.
      channels: 1 or 3.
      ground: ground on which transparency is laid.
      size: side of the stored image to be made of it.
      key: transparent colour, of `transparent_colour`.
      whole: whether more than the centre square will be needed.

    Raises:
      InputError: `channels` is neither 1 nor 3.
    """
    from PIL import Image

    if channels not in (1, 3):
        raise InputError(f"pictures have 1 or 3 channels, but the network takes {channels}")
    grey = picture.mode in _GREY or picture.mode.startswith("I;16")
    mode = "L" if grey or channels == 1 else "RGB"
    shrunk, sides = 1, picture.size
    if picture.width * picture.height >= _LARGE:
        short, long = sorted(picture.size)
        shrunk = min(max(1, short // (_SPARE * size)), _MOST_SHRUNK)
        longest = long if whole or long <= 8 * short else 4 * short
        width, height = (min(side, longest) // shrunk * shrunk for side in picture.size)
        sides = (width, height)
    if picture.mode == mode and sides == picture.size and shrunk == 1 and key is None:
        return _upright(picture, picture)
    full = _full_value(picture) if picture.mode in ("I", "F") else 0.0
    plain = Image.new(mode, (sides[0] // shrunk, sides[1] // shrunk))
    for top, band in _bands(picture, sides, shrunk):
        part = _eight_bit(band, ground, key, full)
        part = part if part.mode == mode else part.convert(mode)
        plain.paste(part if shrunk == 1 else part.reduce(shrunk), (0, top // shrunk))
    return _upright(plain, picture)


def _bands(
    picture: Image.Image, sides: tuple[int, int], multiple: int
) -> Iterator[tuple[int, Image.Image]]:
    """Yield the middle of a picture in bands of whole multiples of rows, each with its first row.

    Args:
      picture: the picture.
      sides: width and height of what is kept.
      multiple: number of which the rows of a band are a multiple.
    """
    width, height = sides
    left, above = (picture.width - width) // 2, (picture.height - height) // 2
    rows = max(1, _BAND // (width * multiple)) * multiple
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield top, picture.crop((left, above + top, left + width, above + bottom))


def _upright(plain: Image.Image, picture: Image.Image) -> Image.Image:
    """Turn `plain` by the EXIF orientation of the picture that it was made of."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(picture.getexif().get(_ORIENTATION, 1))
    return plain if turn is None else plain.transpose(turn)


def _full_value(picture: Image.Image) -> float:
    """Return the value that becomes 255: 32-bit files do not state their range.

    It is 255, 65535 or the picture's own maximum, the first that is large enough.
    """
    top = max(float(_finite(band).max(initial=1.0)) for _, band in _bands(picture, picture.size, 1))
    return next((limit for limit in (255.0, 65535.0) if top <= limit), top)


def _finite(band: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(band, np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _eight_bit(band: Image.Image, ground: Ground, key: Key, full: float) -> Image.Image:
    """Return part of a picture in 8 bits and without transparency."""
    from PIL import Image

    if band.mode.startswith("I;16"):
        values = np.asarray(band).astype(np.uint32)
        if isinstance(key, int):
            values = np.where(values == key, 65535 if ground == "white" else 0, values)
        return Image.fromarray(np.round(values / 257).astype(np.uint8))
    if band.mode in ("I", "F"):
        levels = np.round(_finite(band) * (255 / full))
        return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if band.mode == "1":
        band = band.convert("L")
    if band.mode == "La":
        band = band.convert("LA")
    if key is not None:
        band.info["transparency"] = key
    if band.mode in ("P", "PA", "LA", "RGBa") or key is not None:
        band = band.convert("RGBA")
    if band.mode == "RGBA":
        return Image.alpha_composite(Image.new("RGBA", band.size, ground), band)
    return band
