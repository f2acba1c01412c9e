"""Ways to damage a file, and a process that reads checkpoints with a damaged file each.

    python -m helpers.damage DIRECTORY < CASES

DIRECTORY holds steps of `helpers.saved.save`; a case is the name of a damage and a file of its
newest step. The answer to each is a line of JSON: the step that was loaded or None, whether it came
back as it was saved, what was told, and what was written to standard error.
"""

import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def flip(file: Path, share: float = 0.5) -> None:
    """Turns one bit of the byte at this share of the file."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * share)] ^= 0x10
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def make_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def link_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def rename_type(file: Path) -> None:
    """Changes a letter in the type of the last array that a description names."""
    before, named, after = file.read_bytes().rpartition(b"jax.Array")
    file.write_bytes(before + named.replace(b"j", b"z") + after)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "half": cut,
    "empty": lambda file: file.write_bytes(b""),
    "first byte": lambda file: flip(file, 0.0),
    "middle byte": flip,
    "last byte": lambda file: flip(file, 1 - 1e-9),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "longer": lambda file: file.write_bytes(file.read_bytes() + bytes(1000)),
    "directory": make_directory,
    "link": link_to_itself,
    "other type": rename_type,
}


def read(directory: Path) -> dict[str, Any]:
    """Loads the newest step as a training does."""
    from alexnet_jax.checkpoints.checkpoints import Checkpoints
    from helpers.saved import assert_identical, template, trees

    told: list[str] = []
    with Checkpoints(directory) as checkpoints:
        found = checkpoints.load_newest(template, told.append)
    if found is not None:
        assert_identical(found[1], trees(found[0]))
        assert found[2] == {"step": found[0]}
    gc.collect()
    return {"step": None if found is None else found[0], "told": told}


def main(pristine: Path) -> None:
    own = os.dup(2)
    for line in sys.stdin:
        name, _, file = line.strip().partition("|")
        with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as written:
            copy = Path(shutil.copytree(pristine, Path(scratch) / "checkpoints"))
            DAMAGES[name](copy / file)
            os.dup2(written.fileno(), 2)
            answer = read(copy)
            sys.stderr.flush()
            os.dup2(own, 2)
            written.seek(0)
            answer["written"] = written.read().decode()
        print(json.dumps({"case": [name, file], **answer}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
