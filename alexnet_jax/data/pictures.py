"""Pictures in every form that they have in Python, as stored images of one size."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import numpy as np

from alexnet_jax.data.images import as_stored, read_stored, stored_picture
from alexnet_jax.data.plain import Ground
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

# Texts, since Pillow is imported only where it is used.
Picture: TypeAlias = "str | os.PathLike[str] | bytes | Image.Image | np.ndarray | jax.Array"
Pictures: TypeAlias = "Picture | Sequence[Picture]"


@dataclass(frozen=True)
class Given:
    """Picture that was given: its name in messages, and the path, bytes, picture or array."""

    name: str
    content: Path | bytes | Image.Image | np.ndarray

    def stored(
        self,
        *,
        size: int,
        channels: int,
        resize: str = "short_bicubic",
        ground: Ground = "white",
    ) -> np.ndarray:
        """Return the stored image, [size, size, channels] uint8, as `read_stored` makes it.

        Raises:
          InputError: the file does not exist, is not a picture or is damaged; an array that is to
            be resized has neither 1 nor 3 channels.
        """
        content = self.content
        if not isinstance(content, np.ndarray):
            stored = partial(
                read_stored, size=size, channels=channels, resize=resize, ground=ground
            )
            if isinstance(content, Path):
                return stored(content)
            if isinstance(content, bytes):
                return stored(self.name, file=io.BytesIO(content))
            return stored_picture(
                content, self.name, size=size, channels=channels, resize=resize, ground=ground
            )
        if content.shape[:2] == (size, size):
            return content
        if channels not in (1, 3):
            raise InputError(
                f"{self.name}: pixels of {channels} channels are not resized; give {size}x{size} "
                f"of them, got {content.shape[0]}x{content.shape[1]}"
            )
        from PIL import Image

        plain = Image.fromarray(np.ascontiguousarray(content[..., 0] if channels == 1 else content))
        return as_stored(plain, size, channels, resize)


def given_pictures(pictures: Pictures, channels: int) -> list[Given]:
    """List the pictures that were given, one by one; files are read later.

    Args:
      pictures: a path (text or `Path`), the bytes of a file, a picture of Pillow's, an array
        [H, W, C] or [B, H, W, C] of pixels, uint8, from NumPy or JAX; or a list of these.
      channels: C of the network; arrays must have as many.

    Raises:
      InputError: no pictures; another type, shape or dtype.
    """
    if isinstance(pictures, list | tuple):
        each = [
            one
            for number, picture in enumerate(pictures, 1)
            for one in _each(picture, f"picture {number}", channels)
        ]
    else:
        each = list(_each(pictures, "the picture", channels))
    if not each:
        raise InputError("give at least one picture, got none")
    return each


def _each(picture: Any, name: str, channels: int) -> Iterator[Given]:
    if isinstance(picture, str | os.PathLike):
        path = os.fsdecode(picture)
        if not path:
            raise InputError(f"{name} is an empty text; give the path of a file")
        yield Given(path, Path(path))
    elif isinstance(picture, bytes | bytearray | memoryview):
        yield Given(name, bytes(picture))
    elif isinstance(picture, np.ndarray | jax.Array):
        for pixels in _pixels(picture, name, channels):
            yield Given(name, pixels)
    elif _is_of_pillow(picture):
        yield Given(name, picture)
    else:
        kind = f"{type(picture).__module__}.{type(picture).__qualname__}"
        raise InputError(
            f"{name} is of the type {kind.removeprefix('builtins.')}; a picture is a path, the "
            "bytes of a file, a PIL image, or a NumPy or JAX array of uint8"
        )


def _is_of_pillow(picture: Any) -> bool:
    """Whether it is a picture of Pillow's, which only a program that has imported it can have."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(picture, module.Image)


def _pixels(array: np.ndarray | jax.Array, name: str, channels: int) -> np.ndarray:
    """Return an array of pictures as [B, H, W, C] on the host; InputError if it holds none."""
    shape = f"{array.dtype} [{', '.join(map(str, array.shape))}]"
    if isinstance(array, jax.core.Tracer):
        raise InputError(f"{name} is traced by JAX; prepare pictures outside of jit, grad and vmap")
    if array.dtype != np.uint8:
        hint = ""
        if jax.dtypes.issubdtype(array.dtype, np.floating):
            hint = "; values from 0 to 1 become pixels by (255 * x).round().astype('uint8')"
        raise InputError(f"{name}: an array has uint8 pixels from 0 to 255, got {shape}{hint}")
    sides = array.shape[-3:-1]
    if array.ndim not in (3, 4) or array.shape[-1] != channels or 0 in sides:
        kinds = {
            (1, 3): "; the network takes grey pictures; files and PIL images are converted to grey",
            (3, 1): "; the network takes colours; grey files and PIL images are converted to RGB",
        }
        hint = kinds.get((channels, array.shape[-1]), "") if array.ndim in (3, 4) else ""
        raise InputError(
            f"{name}: an array is [H, W, {channels}] or [B, H, W, {channels}], got {shape}{hint}"
        )
    host = np.asarray(array)
    return host[None] if host.ndim == 3 else host
