"""Files that anyone may write: whatever they hold, they are read or refused with one line."""

import gzip
import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.hostile import CONFIG, FEW, VALUES, read_or_refused
from hypothesis import example, given
from hypothesis import strategies as st

from alexnet_jax import InputError
from alexnet_jax.data.manifest import DESCRIPTION, Manifest
from alexnet_jax.data.sources.idx import read_idx
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.runs.metrics_file import MetricsFile
from alexnet_jax.runs.overrides import with_overrides
from alexnet_jax.runs.workdir import open_workdir, read_settings


@pytest.mark.parametrize("key", [*CONFIG.to_json(), "another"])
@FEW
@given(value=VALUES)
def test_any_value_of_any_setting(tmp_path: Path, key: str, value: Any) -> None:
    """What is accepted is a config that can be written and read again."""
    found = {"format": 1, "config": CONFIG.to_json() | {key: value}, "data_sha256": "ab"}
    (tmp_path / "config.json").write_text(json.dumps(found))
    read = read_or_refused(lambda: read_settings(tmp_path))
    if read is not None:
        again = tmp_path / "again"
        open_workdir(again, read[0], "ab", fresh=True)
        assert read_settings(again) == read


@pytest.mark.parametrize("key", ["format", "config", "data_sha256"])
@FEW
@given(value=VALUES)
def test_any_value_beside_the_settings(tmp_path: Path, key: str, value: Any) -> None:
    found = {"format": 1, "config": CONFIG.to_json(), "data_sha256": "ab"} | {key: value}
    (tmp_path / "config.json").write_text(json.dumps(found))
    read = read_or_refused(lambda: read_settings(tmp_path))
    assert read is None or read[0] == CONFIG


@FEW
@given(content=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"format": NaN}')
def test_any_bytes_as_settings_and_measurements(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    assert read_or_refused(lambda: read_settings(tmp_path)) is None
    (tmp_path / "metrics.jsonl").write_bytes(content + b"\n" + b'{"step": 1}\n')
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    lines = read_or_refused(metrics.read)
    assert lines is None or all(isinstance(line["step"], int) for line in lines)
    read_or_refused(lambda: metrics.rewind(0))


@FEW
@given(
    name=st.text(max_size=12) | st.sampled_from(list(CONFIG.to_json())), text=st.text(max_size=12)
)
@example("learning_rate", "1" + "0" * 400)
@example("steps", "9" * 5000)
@example("layers.conv1.maps", "1e400")
def test_any_setting_of_a_command_line(name: str, text: str) -> None:
    found = read_or_refused(lambda: with_overrides(CONFIG, {name: text}))
    assert found is None or isinstance(found, TrainConfig)


@FEW
@given(
    head=st.sampled_from([b"", b"\0\0\x08\x03", b"\0\0\x08\x01", b"\0\0\x0d\x03"]),
    sizes=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 4), max_size=4),
    rest=st.binary(max_size=40),
    packed=st.booleans(),
)
def test_any_idx_file(
    tmp_path: Path, head: bytes, sizes: list[int], rest: bytes, packed: bool
) -> None:
    """What is read has the values that the file holds, and no more."""
    content = head + np.array(sizes, ">u4").tobytes() + rest
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(content) if packed else content)
    read_idx.cache_clear()
    found = read_or_refused(lambda: read_idx(path, 3))
    if found is not None:
        assert content == head + np.array(found.shape, ">u4").tobytes() + found.tobytes()


MANIFEST = Manifest(
    name="mine", stored_size=4, channels=1, class_names=("a", "b"),
    labels={"train": np.array([0, 1], np.int32), "test": np.array([1], np.int32)},
    crc32={"train": np.array([5, 6], np.uint32), "test": np.array([7], np.uint32)},
    statistics=(np.zeros((4, 4, 1), np.float32), np.ones((1, 1), np.float32),
                np.ones(1, np.float32)),
    plan="p", left_out={"train": 0, "test": 0},
)  # fmt: skip


def rewritten(directory: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes dataset.json, as one who wants to deceive: the files' hashes are right."""
    text = json.loads((directory / DESCRIPTION).read_text())
    for name in text["files"]:
        text["files"][name] = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    change(text)
    (directory / DESCRIPTION).write_text(json.dumps(text))


@pytest.mark.parametrize(
    "key", ["format", "name", "stored_size", "channels", "class_names", "plan", "left_out",
            "files", "sha256"],
)  # fmt: skip
@FEW
@given(value=VALUES)
def test_any_value_in_a_data_sets_description(tmp_path: Path, key: str, value: Any) -> None:
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path).summary() == MANIFEST.summary()
    rewritten(tmp_path, lambda text: text.update({key: value}))
    found = read_or_refused(lambda: Manifest.load(tmp_path))
    assert found is None or found.summary()


class Harm:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def pickled(path: Path, mark: Path) -> None:
    np.save(path, np.array([Harm(mark)], object), allow_pickle=True)


def plain_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Harm(mark)))


def enormous(path: Path, mark: Path) -> None:
    """A few bytes that claim 4 TB."""
    with open(path, "wb") as file:
        header = {"descr": "<i4", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(64))


def of_text(path: Path, mark: Path) -> None:
    np.save(path, np.array(["a", "b"]))


def square(path: Path, mark: Path) -> None:
    np.save(path, np.zeros((2, 2), np.int32))


@pytest.mark.parametrize("write", [pickled, plain_pickle, enormous, of_text, square])
@pytest.mark.parametrize("name", ["train_labels.npy", "test_crc32.npy"])
def test_hostile_arrays(tmp_path: Path, name: str, write: Callable[[Path, Path], None]) -> None:
    MANIFEST.save(tmp_path)
    write(tmp_path / name, tmp_path / "harm")
    rewritten(tmp_path, lambda text: None)
    with pytest.raises(InputError, match=name):
        Manifest.load(tmp_path)
    assert not (tmp_path / "harm").exists()


def bomb() -> bytes:
    """64 MB of zeros in 64 kB, claimed as they are."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": (2**24,)}
    )
    return file.getvalue() + bytes(2**26)


def of_object(mark: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Harm(mark)], object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["bomb", "pickle", "missing", "no zip", "cut"])
def test_hostile_statistics(tmp_path: Path, kind: str) -> None:
    MANIFEST.save(tmp_path)
    path = tmp_path / "statistics.npz"
    whole = path.read_bytes()
    member = {"bomb": bomb(), "pickle": of_object(tmp_path / "harm")}.get(kind)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if member is not None:
            for name in ("mean", "eigenvectors", "deviations"):
                archive.writestr(f"{name}.npy", member)
    if kind in ("no zip", "cut"):
        path.write_bytes(b"no zip" if kind == "no zip" else whole[:-40])
    assert path.stat().st_size < 2**20
    rewritten(tmp_path, lambda text: None)
    with pytest.raises(InputError, match=r"statistics\.npz") as caught:
        Manifest.load(tmp_path)
    assert ("claims" in str(caught.value)) == (kind == "bomb")
    assert not (tmp_path / "harm").exists()
