"""What would make saving impossible is found before the first step."""

import os
import resource
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.scripts import assert_refused, train

from alexnet_jax.checkpoints import Checkpoints, require_savable
from alexnet_jax.errors import InputError

BYTES_OF_A_LOCALE = "w\udcc3\udca9"  # as "wé" arrives where the file system's encoding is ASCII


def test_too_few_open_files_are_refused(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(os.listdir("/proc/self/fd")) if Path("/proc").is_dir() else 100
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 40, hard))
        with pytest.raises(InputError, match=r"needs 64 open files, .*raise the limit"):
            require_savable(tmp_path, 0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 80, hard))
        require_savable(tmp_path, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_disk_without_room_for_one_checkpoint_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=8_000_000))
    require_savable(tmp_path, 8_000_000)
    line = f"{tmp_path} has 8.0 MB free, but a checkpoint takes about 8.1 MB"
    with pytest.raises(InputError, match=line):
        require_savable(tmp_path, 8_100_000)


def test_what_takes_the_place_of_the_checkpoints_is_refused(tmp_path: Path) -> None:
    """A file, or a link that leads nowhere."""
    place = tmp_path / "checkpoints"
    for make in (place.touch, lambda: place.symlink_to("nowhere")):
        make()
        with pytest.raises(InputError, match=f"{place} is not a directory; checkpoints are"):
            require_savable(tmp_path, 0)
        place.unlink()
    place.mkdir()
    require_savable(tmp_path, 0)


def test_no_step_is_made_that_could_not_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def full(path: Path) -> SimpleNamespace:
        sizes.append(path)
        return SimpleNamespace(free=1)

    monkeypatch.setattr(shutil, "disk_usage", full)
    assert_refused(train(tmp_path / "run", 6), f"{tmp_path / 'run'} has 0.0 MB free")
    assert sizes == [tmp_path / "run"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checkpoints",
        "config.json",
    ]


def test_a_name_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a training before it writes anything, and by whoever reads."""
    workdir = tmp_path / BYTES_OF_A_LOCALE
    assert_refused(train(workdir, 6), r"w\udcc3\udca9 is no text in utf-8, and checkpoints need it")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    with pytest.raises(InputError, match=r"is no text in ascii, .*; set PYTHONUTF8=1 if it is"):
        Checkpoints(workdir / "checkpoints")
