"""Files that are no pictures are an InputError of one line that names the file."""

import contextlib
import os
import re
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.privileges import without_privileges
from PIL import Image, features

from alexnet_jax import InputError
from alexnet_jax.data import images
from alexnet_jax.data.images import read_stored
from alexnet_jax.data.pictures import given_pictures
from alexnet_jax.data.sources.source import decode

NOISE = np.random.default_rng(0).integers(0, 256, (48, 40, 3), np.uint8)
KINDS = ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "PPM", "TGA", "DDS"]
KINDS += ["AVIF"] * features.check("avif")


def refused(path: Path, *, channels: int = 3) -> str:
    """The message of the refusal."""
    with pytest.raises(InputError) as caught:
        read_stored(path, size=8, channels=channels)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refused_file(path: Path) -> str:
    message = refused(path)
    assert message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", KINDS)
def test_cut_short(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "picture"
    Image.fromarray(NOISE).save(path, kind)
    assert read_stored(path, size=8, channels=3).shape == (8, 8, 3)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused_file(path)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_anywhere(tmp_path: Path, kind: str) -> None:
    """A picture or a refusal, whatever bytes are wrong."""
    path, generator = tmp_path / "picture", np.random.default_rng(1)
    Image.fromarray(NOISE[:16, :16]).save(path, kind)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    read, messages = [], []
    for _ in range(150):
        content = whole.copy()
        places = generator.integers(0, min(len(content), 250), 2)
        content[places] = generator.integers(0, 256, 2)
        path.write_bytes(content.tobytes())
        try:
            read.append(read_stored(path, size=8, channels=3).shape)
        except InputError as error:
            messages.append(str(error))
    assert set(read) <= {(8, 8, 3)}
    assert messages
    assert not [message for message in messages if "\n" in message]


def test_a_format_that_pillow_knows_but_cannot_decode(tmp_path: Path) -> None:
    path = tmp_path / "picture.dds"
    Image.fromarray(NOISE).save(path)
    content = bytearray(path.read_bytes())
    content[80:84] = bytes(4)  # the flags of the pixels' format
    path.write_bytes(content)
    refused_file(path)


@pytest.mark.parametrize("content", [b"", b"seven\n", b"\0" * 1000, b"\xff\xd8\xff"])
def test_not_a_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(content)
    assert "not a picture" in refused_file(path)


def test_no_other_program_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript under a picture's name is no picture, and Ghostscript is not called for it."""
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    path, content = tmp_path / "seven.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    path.write_bytes(content + b"%%EndComments\nshowpage\n")
    assert "not a picture" in refused_file(path)
    with pytest.raises(InputError, match="not a picture"):
        decode(path.read_bytes(), "n01440764_1.JPEG", 8, 3)
    with pytest.raises(InputError, match="not a picture"):
        given_pictures(path.read_bytes(), 3)[0].stored(size=8, channels=3)
    with (
        Image.open(path) as picture,
        pytest.raises(InputError, match="another program to draw EPS; convert it first"),
    ):
        given_pictures(picture, 3)[0].stored(size=8, channels=3)
    assert not (tmp_path / "called").exists()
    with Image.open(path) as picture, contextlib.suppress(OSError):
        picture.load()  # it would have been called
    assert (tmp_path / "called").exists()


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "seven.png").symlink_to("seven.png")
    assert "cannot be read (Too many levels" in refused_file(tmp_path / "seven.png")


def test_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture"
    Image.fromarray(NOISE).save(path, "PNG")

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(images, "plain_picture", fail)
    assert "more pixels than memory holds" in refused_file(path)


def test_no_such_file(tmp_path: Path) -> None:
    assert "no such file" in refused_file(tmp_path / "seven.png")


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused_file(tmp_path / "file" / "seven.png")


def test_a_directory(tmp_path: Path) -> None:
    assert "directory" in refused_file(tmp_path)


def test_a_file_that_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # it lets everybody through; the file does not
        path = Path(directory) / "seven.png"
        Image.fromarray(NOISE).save(path)
        path.chmod(0)
        with without_privileges():
            assert "may not be read" in refused_file(path)
        path.chmod(0o644)
        with without_privileges():
            assert read_stored(path, size=8, channels=1).shape == (8, 8, 1)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    """A file of a few bytes that claims 10^10 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
    )
    assert re.search(r"100000 ?x ?100000\b", refused_file(path))


def test_pillows_own_limit_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever uses Pillow beside this package keeps its protection."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.fromarray(NOISE).save(tmp_path / "picture", "PNG")  # 1,920 pixels
    assert read_stored(tmp_path / "picture", size=8, channels=3).shape == (8, 8, 3)
    assert Image.MAX_IMAGE_PIXELS == 1000


@pytest.mark.parametrize("channels", [0, 2, 4, -1])
def test_a_count_of_channels_that_pictures_do_not_have(tmp_path: Path, channels: int) -> None:
    Image.fromarray(NOISE).save(tmp_path / "picture", "PNG")
    assert re.search(rf"(?<!\w){channels}\b", refused(tmp_path / "picture", channels=channels))
