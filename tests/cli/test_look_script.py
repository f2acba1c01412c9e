"""experiments/look.py: its pictures, and mistakes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.compiled import init_state
from helpers.scripts import Run, assert_refused, call
from PIL import Image

from alexnet_jax import data
from alexnet_jax.analysis import report
from alexnet_jax.errors import InputError
from alexnet_jax.inference.trained import load_trained

NAMES = {
    "top_five", "attribution", "strongest", "conv1_kernels", "conv1_learnt", "lrn1", "lrn2",
    "towers",
}  # fmt: skip


def drawn(path: Path) -> bool:
    """Whether a picture shows more than an empty page."""
    return len(np.unique(np.asarray(Image.open(path).convert("L")))) > 20


def test_every_picture_is_drawn(finished: Run, tmp_path: Path) -> None:
    result = call("look", finished.workdir, "--out", tmp_path / "look", "--layer", "pool2")
    assert result.status == 0, result.err
    assert {path.stem for path in (tmp_path / "look").iterdir()} == NAMES
    assert set(result.lines) == {f"{tmp_path}/look/{name}.png" for name in NAMES}
    assert all(drawn(path) for path in (tmp_path / "look").iterdir())


def test_pictures_of_ones_own_need_no_data_set(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str, data_dir: str) -> data.Dataset:
        raise InputError(f"{data_dir} holds no prepared data set {name!r}")

    monkeypatch.setattr(data, "load", missing)
    Image.effect_noise((50, 40), 60).save(tmp_path / "noise.png")
    result = call("look", finished.workdir, tmp_path / "noise.png", "--out", tmp_path / "look")
    assert result.status == 0, result.err
    assert {path.stem for path in (tmp_path / "look").iterdir()} == NAMES - {"strongest"}
    assert all(drawn(path) for path in (tmp_path / "look").iterdir())
    refused = call("look", finished.workdir, "--out", tmp_path / "other")
    assert_refused(refused, "no prepared data set 'digits'; with IMAGE... no data set is needed")


def test_before_training_nothing_was_learnt(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The initial values of the picture are those that the run began with: with them as the run's
    parameters, the difference is 0 everywhere."""
    trained = load_trained(finished.workdir)
    began = init_state(trained.architecture, trained.config, trained.topology).params
    shown: list[np.ndarray] = []
    monkeypatch.setattr(report, "conv1_kernels", lambda kernel, *_: shown.append(kernel))
    report.kernel_change_picture(trained)
    report.kernel_change_picture(dataclasses.replace(trained, params=began))
    assert 0 < np.abs(shown[0]).max() < np.abs(trained.params["conv1"]["kernel"]).max()
    assert not shown[1].any()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--layer", "fc6"), ("has no maps in 'fc6'", "conv1")),
        (("/nowhere/picture.png",), ("/nowhere/picture.png",)),
        (("--out", "/dev/null/look"), ("--out /dev/null/look cannot be written",)),
        (("--checkpoint", "99"), ("no checkpoint '99'",)),
    ],
)
def test_mistakes_write_nothing(
    options: tuple[str, ...], parts: tuple[str, ...], finished: Run, tmp_path: Path
) -> None:
    result = call("look", finished.workdir, "--out", tmp_path / "look", *options)
    assert_refused(result, *parts)
    assert not (tmp_path / "look").exists()
