"""The directory of a run: what it refuses, what it keeps, and the settings it holds."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from alexnet_jax import InputError
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.workdir import open_workdir, read_settings, require_settings, write_atomically

CONFIG = TrainConfig(
    name="t", data="digits", steps=100, schedule="epochs", drop_epochs=(2.5,),
    layers={"conv1": {"maps": 8}},
)  # fmt: skip
OURS = ("config.json", "metrics.jsonl", "learning_curve.png", "conv1_kernels.png")


def listing(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


def opened(path: Path, config: TrainConfig = CONFIG, data: str = "ab", fresh: bool = False) -> Path:
    open_workdir(path, config, data, fresh=fresh)
    return path


def refusal(path: Path, config: TrainConfig = CONFIG, data: str = "ab", fresh: bool = False) -> str:
    """The one line with which a directory is refused, which leaves it as it was."""
    config_json = path / "config.json"
    before = config_json.read_text() if config_json.is_file() else None
    with pytest.raises(InputError) as caught:
        open_workdir(path, config, data, fresh=fresh)
    assert "\n" not in str(caught.value)
    assert (config_json.read_text() if config_json.is_file() else None) == before
    return str(caught.value)


def test_writing_replaces_the_whole_file_and_leaves_nothing_beside(tmp_path: Path) -> None:
    for text in ("a long first text\n", "höher\n", ""):
        write_atomically(tmp_path / "config.json", text)
        assert (tmp_path / "config.json").read_text(encoding="utf-8") == text
        assert listing(tmp_path) == ["config.json"]


def test_a_writing_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never finds a part: the old text stands until the new one is on the disk."""
    file = tmp_path / "config.json"
    write_atomically(file, "old")

    def full(descriptor: int) -> None:
        assert os.fstat(descriptor).st_size == 3
        assert file.read_text() == "old"
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(file, "new")
    assert file.read_text() == "old"


def test_a_byte_that_is_no_text_is_written_as_an_escape(tmp_path: Path) -> None:
    """As of a file's name in another encoding, which a model card names."""
    write_atomically(tmp_path / "card", "the file é\udcc3.onnx")
    assert (tmp_path / "card").read_text(encoding="utf-8") == "the file é\\udcc3.onnx"
    assert listing(tmp_path) == ["card"]


def test_a_new_directory_holds_the_settings(tmp_path: Path) -> None:
    path = opened(tmp_path / "runs" / "t", data="cd")
    assert read_settings(path) == (CONFIG, "cd")
    assert listing(path) == ["config.json"]
    found = json.loads((path / "config.json").read_text())
    assert found == {"format": 1, "config": CONFIG.to_json(), "data_sha256": "cd"}


def test_a_run_goes_on_with_what_may_differ(tmp_path: Path) -> None:
    """More steps, other cadences; nothing that is there is touched but the settings."""
    path = opened(tmp_path / "t")
    (path / "metrics.jsonl").write_text("{}\n")
    (path / "notes.txt").write_text("mine")
    other = dataclasses.replace(
        CONFIG, steps=200, log_every=1, evaluate_every=2, checkpoint_every=3, keep_checkpoints=4
    )
    assert read_settings(opened(path, other)) == (other, "ab")
    assert (path / "metrics.jsonl").read_text() == "{}\n"
    assert listing(path) == ["config.json", "metrics.jsonl", "notes.txt"]


def test_another_run_is_refused_by_name(tmp_path: Path) -> None:
    path = opened(tmp_path / "t")
    start = f"workdir {path} belongs to a run with other settings: "
    end = "; use another --workdir, or --fresh to start over"
    fewer = dataclasses.replace(CONFIG, steps=99)
    several = dataclasses.replace(CONFIG, steps=50, seed=1, momentum=0.8, layers={})
    for config, data, differences in (
        (dataclasses.replace(CONFIG, seed=1), "ab", "seed: 0, now 1"),
        (CONFIG, "xy", "the data set has changed"),
        (fewer, "ab", "steps: 100, now 99 (may only grow)"),
        (dataclasses.replace(CONFIG, drop_epochs=(3.0,)), "ab",
         "drop_epochs: (2.5,), now (3.0,)"),
        (several, "xy",
         "layers: {'conv1': {'maps': 8}}, now {}; seed: 0, now 1; momentum: 0.9, now 0.8; "
         "the data set has changed; steps: 100, now 50 (may only grow)"),
    ):  # fmt: skip
        assert refusal(path, config, data) == start + differences + end


def test_fresh_removes_the_runs_files_and_no_others(tmp_path: Path) -> None:
    path = opened(tmp_path / "t")
    for name in OURS:
        (path / name).write_text("old")
    (path / "checkpoints" / "100" / "params").mkdir(parents=True)
    (path / "checkpoints" / "100" / "params" / "x").write_text("old")
    (path / "mine" / "checkpoints").mkdir(parents=True)
    for name in ("notes.txt", "mine/config.json", "mine/checkpoints/1", "metrics.jsonl.bak"):
        (path / name).write_text("mine")
    other = dataclasses.replace(CONFIG, seed=9, steps=5)
    assert read_settings(opened(path, other, "xy", fresh=True)) == (other, "xy")
    kept = ["mine", "mine/checkpoints", "mine/checkpoints/1", "mine/config.json", "notes.txt"]
    assert listing(path) == sorted(["config.json", "metrics.jsonl.bak", *kept])


def test_fresh_starts_over_a_run_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert "cannot be read" in refusal(tmp_path)
    assert read_settings(opened(tmp_path, fresh=True)) == (CONFIG, "ab")


def test_fresh_follows_no_link_out_of_the_directory(tmp_path: Path) -> None:
    """A link called checkpoints goes, and what it points to stays."""
    elsewhere = tmp_path / "big_disk"
    elsewhere.mkdir()
    (elsewhere / "x").write_text("kept")
    path = opened(tmp_path / "t")
    (path / "checkpoints").symlink_to(elsewhere)
    opened(path, fresh=True)
    assert listing(path) == ["config.json"]
    assert (elsewhere / "x").read_text() == "kept"


@pytest.mark.parametrize("fresh", [False, True])
def test_places_that_are_no_directories(tmp_path: Path, fresh: bool) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert refusal(file, fresh=fresh) == f"workdir {file} is a file; give a directory"
    below = file / "runs" / "t"
    assert refusal(below, fresh=fresh) == f"workdir {below} cannot be written"
    assert file.read_text() == "mine"


@pytest.mark.parametrize("below", ["", "runs/t"])
def test_places_that_cannot_be_written(
    tmp_path: Path, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest directory there is decides; the system's answer is given for it, since whoever
    runs the tests may be allowed everything."""
    asked: list[Path] = []
    monkeypatch.setattr(os, "access", lambda path, mode: bool(asked.append(Path(path))))
    path = tmp_path / below
    assert refusal(path) == f"workdir {path} cannot be written"
    assert asked == [tmp_path]
    assert listing(tmp_path) == []


GOOD: dict[str, Any] = {"format": 1, "config": CONFIG.to_json(), "data_sha256": "ab"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read: "),
        ("{", "cannot be read: "),
        ("\0" * 40, "cannot be read: "),
        ("[]", "has format None; this version reads 1"),
        ("3", "has format None; this version reads 1"),
        ("{}", "has format None; this version reads 1"),
        (json.dumps(GOOD | {"format": 2}), "has format 2; this version reads 1"),
        (json.dumps(GOOD | {"config": []}), "lacks the settings of a run"),
        (json.dumps(GOOD | {"data_sha256": None}), "lacks the settings of a run"),
        (json.dumps(GOOD | {"config": {"name": "t"}}), "not the settings of a run: 'drop_epochs'"),
        (json.dumps(GOOD | {"config": CONFIG.to_json() | {"steps": 0}}), "steps must be at least"),
    ],
)
def test_settings_that_are_not_ours(tmp_path: Path, text: str, message: str) -> None:
    """Every refusal says which file is meant."""
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_settings(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / "config.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b'{"format": "\xe4"}')
    with pytest.raises(InputError, match=r"config\.json cannot be read"):
        read_settings(tmp_path)


def test_a_directory_without_a_run(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match=r"holds no training run \(no config\.json\)"):
            read_settings(path)
    (tmp_path / "config.json").mkdir()
    with pytest.raises(InputError, match="holds no training run"):
        read_settings(tmp_path)


def test_other_processes_see_the_same_run(tmp_path: Path) -> None:
    """The directory, and the same data."""
    with pytest.raises(InputError, match="not seen by every process"):
        require_settings(tmp_path / "run", "ab")
    opened(tmp_path / "run")
    require_settings(tmp_path / "run", "ab")
    with pytest.raises(InputError, match="data set is not the same in every process"):
        require_settings(tmp_path / "run", "cd")
