"""Recorders of a run: TensorBoard's files and any other receiver, at no cost without them."""

import dataclasses
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.runs import CONFIG, NARROW, STATISTICS, lines_of, make_batch, numpy_gradients
from helpers.scripts import assert_refused, call, training
from tensorboardX.proto.event_pb2 import Event, SessionLog

from alexnet_jax import data
from alexnet_jax.errors import InputError
from alexnet_jax.inference import load_checkpoint
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.training import job as job_module
from alexnet_jax.training import run as run_module
from alexnet_jax.training.console import Silence
from alexnet_jax.training.inside import SHOWN, Inside
from alexnet_jax.training.job import Job
from alexnet_jax.training.loop import fit
from alexnet_jax.training.state import init_state
from alexnet_jax.training.tensorboard import TensorBoard

RECORDED = dataclasses.replace(
    CONFIG, steps=6, evaluate_every=3, checkpoint_every=3, record=("tensorboard",)
)


class Kept:
    """Recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.numbers: list[tuple[int, str, dict[str, float]]] = []
        self.pictures: dict[tuple[int, str], np.ndarray] = {}
        self.arrays: dict[tuple[int, str], np.ndarray] = {}
        self.closed = 0

    def scalars(self, step: int, group: str, values: Mapping[str, float]) -> None:
        self.numbers.append((step, group, dict(values)))

    def images(self, step: int, name: str, images: np.ndarray) -> None:
        self.pictures[step, name] = images

    def histogram(self, step: int, name: str, values: np.ndarray) -> None:
        self.arrays[step, name] = values

    def close(self) -> None:
        self.closed += 1


def crc32c(content: bytes) -> int:
    """Castagnoli's checksum, bit by bit, in TensorFlow's masked form."""
    remainder = 0xFFFFFFFF
    for byte in content:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    sum_ = remainder ^ 0xFFFFFFFF
    return ((sum_ >> 15 | sum_ << 17) + 0xA282EAD8) & 0xFFFFFFFF


def events(file: Path) -> list[Any]:
    """The events of a file, its checksums compared."""
    content, found = file.read_bytes(), []
    while content:
        (length,) = struct.unpack_from("<Q", content)
        assert struct.unpack_from("<I", content, 8) == (crc32c(content[:8]),)
        body, content = content[12 : 12 + length], content[12 + length :]
        if length < 2000:  # those of pictures would take long, bit by bit
            assert struct.unpack_from("<I", content) == (crc32c(body),)
        content = content[4:]
        found.append(Event.FromString(body))
    return found


def values_of(files: list[Any]) -> dict[tuple[int, str], Any]:
    return {(event.step, one.tag): one for event in files for one in event.summary.value}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """A run of six steps with TensorBoard's files and a recorder of the caller's."""
    workdir, kept = tmp_path_factory.mktemp("recorded"), Kept()
    fit(RECORDED, workdir, Silence(), recorders=(kept,))
    return workdir, kept


def test_all_recorders_get_the_numbers_of_the_metrics_file(recorded: tuple[Path, Kept]) -> None:
    workdir, kept = recorded
    lines = lines_of(workdir)[:-1]
    assert [
        {"step": step, "split": group, **values}
        for step, group, values in kept.numbers
        if group != "inside"
    ] == lines
    assert kept.closed == 1
    for split in ("train", "test"):
        (file,) = (workdir / "tensorboard" / split).iterdir()
        shown = values_of(events(file))
        for line in (line for line in lines if line["split"] == split):
            for name in line.keys() - {"step", "split"}:
                assert shown[line["step"], name].simple_value == np.float32(line[name])


def test_weights_and_views_at_every_evaluation(recorded: tuple[Path, Kept]) -> None:
    """The last weights are those of the checkpoint; views are crops of training images."""
    workdir, kept = recorded
    _, variables, _ = load_checkpoint(workdir)
    (file,) = (workdir / "tensorboard" / "inside").iterdir()
    shown = values_of(events(file))
    for layer, leaves in variables["params"].items():
        for part, leaf in leaves.items():
            name = f"weights/{layer}/{part}"
            assert (3, name) in kept.arrays
            np.testing.assert_array_equal(kept.arrays[6, name], leaf)
            histogram = shown[6, name].histo
            assert sum(histogram.bucket) == histogram.num == leaf.size
            assert histogram.min == np.min(leaf)
            assert histogram.sum == pytest.approx(np.sum(np.float64(leaf)))
    views = kept.pictures[6, "views"]
    assert views.shape == (min(SHOWN, CONFIG.batch), 28, 28, 1)
    assert (shown[6, "views/0"].image.height, shown[6, "views/0"].image.width) == (28, 28)
    stored = data.load("digits").train.images[:] / 255
    for view in views:
        crops = (stored[:, r : r + 28, c : c + 28] for r in range(5) for c in range(5))
        assert min(np.abs(crop - view).max((1, 2, 3)).min() for crop in crops) < 1e-3
    assert (6, "kernels/conv1") not in kept.pictures  # 5 x 5 grey weights show no pattern


def test_norms_of_gradients() -> None:
    """Beside NumPy's backward pass, at the weights, images and masks of the step."""
    with jax.enable_x64(True):
        net = architecture("small", layers=NARROW)
        config = dataclasses.replace(CONFIG, dtype="float64")
        job = Job(config, data.load("digits"), net, topology("one_device", net))
        kept, state, batch = Kept(), init_state(net, config, job.topology), make_batch(0)
        Inside(job, [kept]).record(1, state, job.topology.place(batch), STATISTICS)
        grads, _ = numpy_gradients(net, state.params, state.key, jnp.int32(0), batch)
        ((_, _, norms),) = kept.numbers
    assert norms.keys() == {f"gradient_norm/{layer}" for layer in grads}
    for layer, leaves in grads.items():
        want = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves.values()))
        assert norms[f"gradient_norm/{layer}"] == pytest.approx(want, rel=1e-9)


def test_a_later_file_replaces_what_follows_its_first_step(tmp_path: Path) -> None:
    """As of a run that was killed at step 9 and resumed from 5: a START tells TensorBoard."""
    for first, last in ((1, 9), (6, 12)):
        board = TensorBoard(tmp_path)
        for step in range(first, last + 1):
            board.scalars(step, "train", {"loss": float(step)})
        board.close()
    files = sorted((tmp_path / "train").iterdir())
    assert len(files) == 2
    for file, first in zip(files, (1, 6), strict=True):
        version, start, *rest = events(file)
        assert version.file_version == "brain.Event:2"
        assert (start.session_log.status, start.step) == (SessionLog.START, first)
        assert rest[0].step == first


def test_colours_are_pictures_of_their_own(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path)
    board.images(4, "kernels", np.linspace(-0.5, 1.5, 48, dtype=np.float32).reshape(1, 4, 4, 3))
    board.close()
    (file,) = (tmp_path / "inside").iterdir()
    picture = values_of(events(file))[4, "kernels"].image
    assert (picture.height, picture.width, picture.colorspace) == (4, 4, 3)
    assert picture.encoded_image_string.startswith(b"\x89PNG")


def test_without_recorders_nothing_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "Inside", None)
    fit(dataclasses.replace(CONFIG, steps=2, evaluate_every=2), tmp_path, Silence())
    assert not (tmp_path / "tensorboard").exists()


def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name, a library that is not installed, and a directory that cannot be written."""
    result = call("train", *training(tmp_path / "run", 2, "--record", "tensorbord"))
    assert_refused(result, "record must be one of tensorboard, got 'tensorbord'")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file cannot be written .*resumes from the last"):
        TensorBoard(tmp_path / "file").scalars(1, "train", {"loss": 1.0})
    monkeypatch.setattr(job_module.importlib.util, "find_spec", lambda name: None)
    result = call("train", *training(tmp_path / "run", 2, "--record", "tensorboard"))
    assert_refused(result, "tensorboardX, which is not installed", "alexnet_jax[tensorboard]")
    assert not (tmp_path / "run").exists()
