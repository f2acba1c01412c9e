"""What a command imports and compiles before its first result: counts, each in its own process."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.scripts import Run, start, training, wait
from PIL import Image

import alexnet_jax

# Python's list of imports and jax's of programs, both on standard error, in the order of events.
TRACED = {"PYTHONPROFILEIMPORTTIME": "1", "JAX_LOG_COMPILES": "1"}
HEAVY = {
    "IPython", "grain", "matplotlib", "pandas", "scipy", "skimage", "sklearn", "tensorflow",
    "tensorflow_datasets", "torch",
}  # fmt: skip


def events(text: str) -> tuple[list[str], list[str]]:
    """Names of the packages imported and of the programs compiled."""
    imported = re.findall(r"^import time: .*\| +(\w+)$", text, re.M)
    return imported, re.findall(r"Compiling jit\((\w+)\)", text)


def test_a_training_compiles_four_programs_before_its_first_step(tmp_path: Path) -> None:
    """No operation is compiled by itself; matplotlib is imported at the end, for the figures."""
    result = wait(start("train", *training(tmp_path / "run", 1), more=TRACED))
    assert result.status == 0
    before = result.err[: re.search(r"Compiling jit\(train_step\).*", result.err).end()]  # type: ignore[union-attr]
    imported, compiled = events(before)
    assert compiled == ["draw_params", "make_rest", "logits_of", "train_step"]
    assert HEAVY.isdisjoint(imported)
    assert {"jax", "flax", "optax", "orbax"} <= set(imported)  # the list is read as it is meant
    assert events(result.err)[1][4:] == ["_finite", "count"]


def test_a_prediction_compiles_two_programs(finished: Run, tmp_path: Path) -> None:
    """It needs neither Flax nor optax."""
    picture = tmp_path / "picture.png"
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(picture)
    result = wait(start("predict", finished.workdir, picture, more=TRACED))
    assert result.status == 0
    imported, compiled = events(result.err)
    assert compiled == ["logits_of", "_softmax"]
    assert (HEAVY | {"flax", "optax"}).isdisjoint(imported)
    assert {"jax", "orbax", "PIL"} <= set(imported)


@pytest.mark.parametrize("name", ["AlexNet", "init"])
def test_names_that_need_flax_are_offered_all_the_same(name: str) -> None:
    """By the package of the network, which imports Flax when one of them is first used."""
    assert getattr(alexnet_jax.network, name) is getattr(alexnet_jax, name)
    with pytest.raises(AttributeError, match="has no attribute 'AlexNt'"):
        _ = alexnet_jax.network.AlexNt  # type: ignore[attr-defined]
