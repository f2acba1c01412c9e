"""Checkpoints: exact round trips, what is kept, what is refused, and hashes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.saved import (
    WHAT_ORBAX_LEAVES,
    Trees,
    abstract,
    assert_identical,
    save,
    template,
    trees,
)

from alexnet_jax import InputError
from alexnet_jax.checkpoints.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the steps 1 and 2, to be copied and not changed."""
    directory = tmp_path_factory.mktemp("pristine") / "checkpoints"
    save(directory, [1, 2])
    return directory


@pytest.fixture
def saved(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "checkpoints"))


def round_trip(directory: Path, dtype: str) -> None:
    """Saves, opens anew and loads all of it and a part; keys come back as keys."""
    want = trees(5, dtype)
    about = {"name": "digits", "classes": ["0", "1"], "nested": {"x": 0.1, "y": None}}
    with Checkpoints(directory) as checkpoints:
        checkpoints.save(5, want, about=about)
    with Checkpoints(directory) as checkpoints:
        assert checkpoints.steps == [5]
        assert checkpoints.about(5) == about
        got = checkpoints.load(5, abstract(want))
        params = checkpoints.load(5, {"params": abstract(want)["params"]})
    assert got["params"]["conv1"]["kernel"].dtype == dtype
    assert_identical(got, want)
    assert_identical(params, {"params": want["params"]})
    draws = [jax.random.uniform(found["loop"]["key"], (3,)) for found in (got, want)]
    np.testing.assert_array_equal(*draws)


def test_round_trip_is_exact(tmp_path: Path) -> None:
    round_trip(tmp_path / "c", "float32")


def test_round_trip_of_doubles_is_exact(tmp_path: Path) -> None:
    """In a process of its own with JAX_ENABLE_X64=1, as trainings in float64 run."""
    code = "import pathlib, sys, test_checkpoint as t; t.round_trip(pathlib.Path(sys.argv[1]), %r)"
    tests = Path(__file__).parents[1]
    paths = (Path(__file__).parent, tests, tests.parent)
    subprocess.run(
        [sys.executable, "-c", code % "float64", tmp_path / "c"],
        env=os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": os.pathsep.join(map(str, paths))},
        check=True,
    )


def test_the_latest_and_the_best_are_kept(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "c", keep=2) as checkpoints:
        rows = [
            (1, 0.1, [1], 1),
            (2, 0.9, [1, 2], 2),
            (3, None, [2, 3], 2),
            (4, 0.5, [2, 3, 4], 2),
            (5, None, [2, 4, 5], 2),
            (6, 0.9, [5, 6], 6),  # of equals the latest is the best
            (7, 0.9, [6, 7], 7),
            (8, 0.2, [7, 8], 7),
            (9, 0.3, [7, 8, 9], 7),
        ]
        for step, top1, steps, best in rows:
            metrics = None if top1 is None else {"top1": top1, "loss": 1.0}
            checkpoints.save(step, trees(step), about={"step": step}, metrics=metrics)
            assert (checkpoints.steps, checkpoints.best_step()) == (steps, best)
    with Checkpoints(tmp_path / "c", keep=2) as checkpoints:
        assert (checkpoints.steps, checkpoints.best_step()) == ([7, 8, 9], 7)
        assert_identical(checkpoints.load(7, template({"step": 7})), trees(7))


def test_one_or_many_are_kept_as_asked(tmp_path: Path) -> None:
    for keep, steps in ((1, [4]), (3, [2, 3, 4])):
        save(tmp_path / str(keep), [1, 2, 3, 4], keep=keep)
        with Checkpoints(tmp_path / str(keep), keep=keep) as checkpoints:
            assert checkpoints.steps == steps
            assert checkpoints.best_step() is None


def test_a_step_that_is_there_stays(saved: Path) -> None:
    with Checkpoints(saved) as checkpoints:
        checkpoints.save(2, trees(9), about={"step": 9}, metrics={"top1": 1.0})
        assert checkpoints.about(2) == {"step": 2}
        assert_identical(checkpoints.load(2, template({"step": 2})), trees(2))
        assert checkpoints.best_step() is None


def test_the_newest_of_a_new_directory_is_none(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "c") as checkpoints:
        assert (checkpoints.steps, checkpoints.best_step()) == ([], None)
        assert checkpoints.load_newest(template, pytest.fail) is None


@pytest.mark.usefixtures("gathered")
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["params"]["conv1"].update(kernel=jnp.zeros((60, 51))),
        lambda t: t["params"]["conv1"].update(kernel=jnp.zeros((30, 50))),
        lambda t: t["params"]["conv1"].update(kernel=jnp.zeros(3000)),
        lambda t: t["params"]["conv1"].update(more=jnp.zeros(3)),
        lambda t: t["params"]["conv1"].pop("bias"),
        lambda t: t.update(stats={"mean": jnp.zeros(3)}),
    ],
    ids=["wider", "shorter", "flat", "more", "fewer", "other"],
)
@pytest.mark.filterwarnings(*WHAT_ORBAX_LEAVES)
def test_other_shapes_and_names_are_refused(saved: Path, change: Callable[[Trees], Any]) -> None:
    wanted = trees(2)
    change(wanted)
    with Checkpoints(saved) as checkpoints:
        with pytest.raises(InputError, match="checkpoint 2 ") as caught:
            checkpoints.load(2, abstract(wanted))
        assert "\n" not in str(caught.value)
        assert_identical(checkpoints.load(2, template({"step": 2})), trees(2))


def test_a_step_that_is_not_there_is_refused(saved: Path) -> None:
    with Checkpoints(saved) as checkpoints:
        for ask in (checkpoints.about, lambda step: checkpoints.load(step, template({"step": 7}))):
            with pytest.raises(InputError, match="checkpoint 7 cannot be read"):
                ask(7)
