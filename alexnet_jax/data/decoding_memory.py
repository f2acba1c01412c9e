"""Memory that decoding a picture takes, and the limits on it, known before it is decoded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alexnet_jax.errors import InputError
from alexnet_jax.runtime import free_bytes

if TYPE_CHECKING:
    from PIL import Image


class Limits(NamedTuple):
    """Largest picture that is decoded; a file may claim any size.

    Attributes:
      pixels: of the file.
      bytes: of memory while it is decoded, as `decoding_bytes` estimates them.
    """

    pixels: int = 1_000_000_000
    bytes: int = 5_000_000_000


# Bytes a pixel that decoders hold beside Pillow's image, at most, by the number of channels:
# libwebp two canvases, a copy and the file; libavif planes of up to 16 bits and two copies;
# OpenJPEG 32 bits of each channel, and a copy. Measured beside the image, 100 million pixels of 8
# bits: 13 of WebP, 5 to 9.5 of AVIF, of JPEG 2000 5 (grey), 15.5 (RGB) and 20.5 (RGBA).
_DECODERS = {
    "WEBP": {3: 13, 4: 13},
    "AVIF": {3: 11, 4: 14},
    "JPEG2000": {1: 7, 2: 12, 3: 17, 4: 22},
}
_COEFFICIENTS = 2  # bytes of each channel and pixel that a progressive JPEG is collected in
_ONE_BYTE = ("1", "L", "P")
_LARGE = 2**28  # bytes from which pictures are decoded one at a time, and memory is looked after
_decoding = threading.Lock()


@contextlib.contextmanager
def room_to_decode(
    picture: Image.Image, name: str | Path, sides: tuple[int, int], limits: Limits
) -> Iterator[None]:
    """Check that a picture may be decoded, and let no other large one be decoded meanwhile.

    Args:
      picture: picture of Pillow's that is not decoded yet.
      name: its name in messages.
      sides: width and height in the file; the picture's own may be a fraction of them.
      limits: the largest that are allowed.

    Raises:
      InputError: the picture has more pixels than allowed, or decoding it takes more memory than
        allowed or than is free.
    """
    width, height = sides
    if width * height > limits.pixels:
        raise InputError(
            f"{name}: {width}x{height} is more than {limits.pixels:,} pixels; shrink it first"
        )
    needed = decoding_bytes(picture, sides)
    what = f"{name}: decoding {width}x{height} pixels of {picture.format} takes about {_gb(needed)}"
    if needed > limits.bytes:
        raise InputError(f"{what}, more than {_gb(limits.bytes)}; shrink it first")
    if needed < _LARGE:
        yield
        return
    with _decoding:
        free = free_bytes()
        if free is not None and needed > free:
            raise InputError(f"{what} of memory, and {_gb(free)} are free; shrink it first")
        yield


def decoding_bytes(picture: Image.Image, sides: tuple[int, int]) -> int:
    """Estimate the bytes of memory, at most, that decoding a picture takes, its file's included.

    Args:
      picture: picture of Pillow's; one that is decoded already takes nothing.
      sides: width and height in the file.
    """
    channels, kind = len(picture.getbands()), picture.format or ""
    # A WebP file's parts to be decoded are listed only as it is decoded.
    waits = kind == "WEBP" and getattr(picture, "_im", None) is None
    if not waits and not getattr(picture, "tile", None):
        return 0
    pixel = 1 if picture.mode in _ONE_BYTE else 2 if picture.mode.startswith("I;16") else 4
    image, pixels = pixel * picture.width * picture.height, sides[0] * sides[1]
    if kind in ("JPEG", "MPO") and "progressive" in picture.info:
        return image + _COEFFICIENTS * channels * pixels
    if kind == "TIFF":
        return image + _strip_bytes(picture)
    return image + _DECODERS.get(kind, {}).get(channels, 0) * pixels


def _strip_bytes(picture: Image.Image) -> int:
    """Return the bytes of a strip or tile of a compressed TIFF, which is decoded as a whole."""
    if picture.tile[0][0] != "libtiff":  # type: ignore[attr-defined]
        return 0
    tags = picture.tag_v2  # type: ignore[attr-defined]
    width, height = (int(tags[tag]) for tag in (256, 257))
    bits = tags.get(258, 1)
    rows = min(int(tags.get(323, tags.get(278, height))), height)
    return int(tags.get(322, width)) * rows * (sum(bits) if isinstance(bits, tuple) else bits) // 8


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
