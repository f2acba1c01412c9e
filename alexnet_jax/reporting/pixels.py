"""Pictures of kernels, maps and images as PNG files inside the page."""

from __future__ import annotations

import base64
import io

import numpy as np

_GAP = 1  # pixels between tiles, transparent


def data_uri(pixels: np.ndarray) -> str:
    """Encode [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] uint8 as a PNG in a data URI."""
    from PIL import Image

    shown = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def kernel_tiles(kernel: np.ndarray) -> np.ndarray:
    """Return the pictures of a convolution's kernels, [M, K, K, 3] uint8.

    Each kernel is scaled separately, zero as grey: 127.5 (1 + w / max |w|). Kernels of three
    channels are shown in colour, others by their first channel in grey.

    Args:
      kernel: [K, K, C, M].
    """
    shown = kernel if kernel.shape[2] == 3 else kernel[:, :, :1]
    largest = np.abs(shown).max((0, 1, 2), keepdims=True)
    scaled = np.round(127.5 * (1 + shown / np.where(largest > 0, largest, 1)))
    return np.broadcast_to(
        np.moveaxis(scaled, -1, 0), (shown.shape[3], *shown.shape[:2], 3)
    ).astype(np.uint8)


def map_tiles(maps: np.ndarray) -> np.ndarray:
    """Return the pictures of maps, [M, H, W, 3] uint8, from black, the least, to white.

    Args:
      maps: [H, W, M]; the least and the largest of all its values are the limits.
    """
    low, high = float(maps.min()), float(maps.max())
    scaled = np.round(255 * (maps - low) / (high - low if high > low else 1.0))
    return np.repeat(np.moveaxis(scaled, -1, 0)[..., None], 3, -1).astype(np.uint8)


def sheet(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Arrange tiles [M, H, W, 3] in rows, [., ., 4] uint8, with transparent gaps."""
    count, height, width, _ = tiles.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    shape = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 4)
    result = np.zeros(shape, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = row * (height + _GAP), column * (width + _GAP)
        result[top : top + height, left : left + width, :3] = tile
        result[top : top + height, left : left + width, 3] = 255
    return result
