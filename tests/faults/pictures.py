"""Folders with pictures that are none: each is counted and named in a line, the others are used."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from helpers.pictures import png
from helpers.scripts import call
from PIL import Image

from .rows import Row

GOOD = 4


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target.format(path.name))


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(60 * 10**9)


def _cut() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(file, "JPEG")
    return file.getvalue()[:400]


KINDS: dict[str, Callable[[Path], None]] = {
    "a link to itself": _link("{}"),
    "a link to a file that is gone": _link("nowhere"),
    "PostScript": _bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"),
    "60 GB of nothing": _sparse,
    "cut short": _bytes(_cut()),
    "10^10 pixels": _bytes(png(100_000, 100_000, 8, 0, bytes(100_000))),
    "empty": _bytes(b""),
    "text": _bytes(b"seven\n"),
}
NAMES = ("{}.png", "{}\x1b[2J\x1b[31m.JPEG", "{}\nleft out: forged.gif", "{}\u202egpj.tif")


def spoil(place: Path, workdir: Path, count: int) -> Row:
    """Classifies and prepares folders with `count` of them; Ghostscript would leave a mark."""
    images, programs = place / "images", place / "programs"
    programs.mkdir(parents=True)
    (programs / "gs").write_text(f"#!/bin/sh\ntouch '{place}/called'\n")
    (programs / "gs").chmod(0o755)
    for name in ("train/a", "train/b", "test/a"):
        (images / name).mkdir(parents=True)
        for number in range(GOOD):
            Image.new("L", (40, 40), 60 * number).save(images / name / f"{number}.png")
    spoilt = images / "train" / "a"
    for number in range(count):
        make = list(KINDS.values())[number % len(KINDS)]
        make(spoilt / NAMES[number // len(KINDS) % len(NAMES)].format(f"bad{number}"))
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{programs}:{path}"
    try:
        predicted = call("predict", workdir, spoilt)
        options = ("--images", images, "--name", "mine", "--size", 8, "--workers", 1)
        prepared = call(
            "prepare", "folder", *options, "--data-dir", place / "data", "--max-bad-fraction", 1
        )
    finally:
        os.environ["PATH"] = path
    assert predicted.status == 1, predicted
    left_out = predicted.err.splitlines()
    assert len(left_out) == count, predicted
    assert len(predicted.lines) == 6 * GOOD, predicted
    assert (prepared.status, prepared.err) == (0, ""), prepared
    assert f"{2 * GOOD} train, {GOOD} test images" in prepared.out, prepared
    (listed,) = (place / "data").rglob("bad_files.txt")
    lines = listed.read_text().splitlines()
    assert len(lines) == count, lines
    for number in range(count):
        for each, beginning in ((left_out, "left out: "), (lines, "train: ")):
            (own,) = [line for line in each if f"/bad{number}" in line.replace("\\", ".")
                      and not line.split(f"/bad{number}")[1][:1].isdigit()]  # fmt: skip
            assert own.startswith(f"{beginning}{spoilt}/bad{number}"), own
            assert own.isprintable(), own
    assert not (place / "called").exists()
    return Row(
        f"pictures that are none ({', '.join(KINDS)}) in folders to classify and to prepare",
        count,
        "each named in one line, the others used, no other program started",
    )
