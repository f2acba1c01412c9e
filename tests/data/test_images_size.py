"""The short side of a picture is resized and its centre square kept, however odd its size."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import png
from PIL import Image

from alexnet_jax.data.images import read_stored


def read(path: Path, picture: np.ndarray, size: int, kind: str = "PNG") -> np.ndarray:
    """A grey picture written and read back, [size, size]."""
    options = {"quality": 100} if kind == "JPEG" else {}
    Image.fromarray(picture).save(path, kind, **options)
    return read_stored(path, size=size, channels=1)[..., 0].astype(int)


@pytest.mark.parametrize(("length", "left"), [(4, 0), (5, 0), (6, 1), (7, 1), (13, 4)])
def test_the_centre_square_is_kept(tmp_path: Path, length: int, left: int) -> None:
    """One less is cut off at the left, or above, where the rest is odd."""
    wide = np.arange(4 * length, dtype=np.uint8).reshape(4, length) * 4
    want = wide[:, left : left + 4]
    np.testing.assert_array_equal(read(tmp_path / "picture", wide, 4), want)
    tall = np.ascontiguousarray(wide.T)
    np.testing.assert_array_equal(read(tmp_path / "picture", tall, 4), want.T)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("height", [120, 960])
def test_a_ramp_stays_a_ramp(tmp_path: Path, kind: str, height: int) -> None:
    """Shrunk to 30 pixels: of the ramp's columns, the middle half remains, averaged by blocks."""
    width, block = 2 * height, height // 30
    ramp = np.broadcast_to(np.arange(width) * 240.0 / width, (height, width))
    averages = ramp[0].reshape(60, block).mean(1)[15:45]
    picture = ramp.astype(np.uint8)
    found = read(tmp_path / "picture", picture, 30, kind)
    np.testing.assert_allclose(found, np.broadcast_to(averages, (30, 30)), atol=2)
    found = read(tmp_path / "picture", np.ascontiguousarray(picture.T), 30, kind)
    np.testing.assert_allclose(found, np.broadcast_to(averages, (30, 30)).T, atol=2)


def test_details_are_averaged_when_shrinking(tmp_path: Path) -> None:
    """Stripes of a pixel become grey, not black and white."""
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    np.testing.assert_allclose(read(tmp_path / "picture", stripes, 16), 127.5, atol=16)


def test_small_pictures_are_enlarged(tmp_path: Path) -> None:
    corners = np.array([[10, 80], [150, 220]], np.uint8)
    found = read(tmp_path / "picture", corners, 16)
    quarters = found.reshape(2, 8, 2, 8).mean((1, 3))
    np.testing.assert_allclose(quarters, corners, atol=20)  # what lies between is interpolated
    assert (np.diff(found[4:12], axis=0) > 0).all()
    assert (np.diff(found[:, 4:12], axis=1) > 0).all()


def test_one_pixel(tmp_path: Path) -> None:
    assert (read(tmp_path / "picture", np.full((1, 1), 99, np.uint8), 32) == 99).all()


@pytest.mark.parametrize("length", [500, 501])
def test_a_line_keeps_its_centre(tmp_path: Path, length: int) -> None:
    line = np.full((1, length), 10, np.uint8)
    line[:, length // 2 :] = 200
    found = read(tmp_path / "picture", line, 4)
    assert (found == found[0]).all()
    if length % 2:  # the middle pixel is already of the right half
        assert (found > 105).all()
    else:
        assert found[0, 0] < 105 < found[0, -1]
    np.testing.assert_array_equal(
        read(tmp_path / "picture", np.ascontiguousarray(line.T), 4), found.T
    )


@contextlib.contextmanager
def at_most_more_memory(more: int) -> Iterator[None]:
    """Allocations fail once this process has grown by so many bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process from /proc")
def test_only_what_is_kept_of_a_long_line_is_enlarged(tmp_path: Path) -> None:
    """Enlarged as a whole, this picture of 60 kB would take 4 GB."""
    line = np.full((1, 60_000), 10, np.uint8)
    line[:, 30_000:] = 200
    with at_most_more_memory(1 << 30):
        found = read(tmp_path / "picture", line, 256)
    assert found[0, 0] < 105 < found[0, -1]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of the process from /proc")
@pytest.mark.exhaustive
def test_more_than_memory_holds_is_a_line(tmp_path: Path) -> None:
    """400 million pixels where there is room for a quarter of them, in a process that has freed
    none before."""
    path = tmp_path / "enormous.png"
    path.write_bytes(png(20_000, 20_000, 1, 0, bytes(20_000 * 2_500)))
    code = (
        "import data.test_images_size as own; from alexnet_jax.data.images import read_stored\n"
        "with own.at_most_more_memory(100 << 20): read_stored('enormous.png', size=8, channels=1)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
        capture_output=True,
        text=True,
    )
    assert done.stderr.splitlines()[-1].endswith(
        "InputError: enormous.png: more pixels than memory holds; shrink it first"
    )


@pytest.mark.slow
def test_a_scan_larger_than_pillow_allows(tmp_path: Path) -> None:
    """180 million pixels, dark at the left and light at the right, of which the centre is kept."""
    scan = np.full((9_000, 20_000), 50, np.uint8)
    scan[:, 11_000:] = 210
    path = tmp_path / "scan.png"
    Image.fromarray(scan).save(path, compress_level=1)
    found = read_stored(path, size=9, channels=3)
    # Kept are the columns 5,500 to 14,500, a thousand to a pixel: the edge is at 5.5.
    want = np.repeat([50, 210], [5, 4])
    inside = [0, 1, 2, 3, 7, 8]
    np.testing.assert_allclose(
        found[:, inside], np.broadcast_to(want[inside][:, None], (9, 6, 3)), atol=3
    )
    assert (found[:, 4] < 105).all()
    assert (found[:, 6] > 155).all()
