"""Checkpoints that a crash or a disk has damaged: never read as if they were whole."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.damage import cut, flip
from helpers.saved import (
    WHAT_ORBAX_LEAVES,
    assert_identical,
    save,
    template,
    trees,
)

from alexnet_jax import InputError
from alexnet_jax.checkpoints.checkpoints import Checkpoints

pytestmark = [pytest.mark.filterwarnings(*WHAT_ORBAX_LEAVES), pytest.mark.usefixtures("gathered")]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the steps 2 and 4, to be copied and not changed."""
    directory = tmp_path_factory.mktemp("pristine") / "checkpoints"
    save(directory, [2, 4], s2=0.2, s4=0.1)
    return directory


@pytest.fixture
def saved(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "checkpoints"))


def files(directory: Path) -> list[Path]:
    return sorted(file for file in directory.rglob("*") if file.is_file())


def arrays_file(directory: Path) -> Path:
    """The file that holds the arrays themselves: they are noise, so it is the largest."""
    found = max(files(directory), key=lambda file: file.stat().st_size)
    assert found.stat().st_size > 11_000
    return found


def copies(pristine: Path, scratch: Path, hurt: Callable[[Path], None]) -> Iterator[Path]:
    """Directories in each of which one file of step 4 is damaged."""
    for file in [pristine / "4" / "_CHECKPOINT_METADATA", *files(pristine / "4" / "params"),
                 *files(pristine / "4" / "loop")]:  # fmt: skip
        copy = Path(shutil.copytree(pristine, scratch / "copy"))
        hurt(copy / file.relative_to(pristine))
        yield copy
        shutil.rmtree(copy)


@pytest.mark.parametrize("hurt", [flip, cut, Path.unlink])
def test_no_damaged_file_changes_what_is_loaded(
    pristine: Path, tmp_path: Path, hurt: Callable[[Path], None]
) -> None:
    """Whichever file it is, the trees come back as they were, or in one line not at all."""
    whole, refusals = 0, []
    for directory in copies(pristine, tmp_path, hurt):
        with Checkpoints(directory) as checkpoints:
            try:
                got = checkpoints.load(4, template({"step": 4}))
            except InputError as error:
                refusals.append(str(error))
            else:
                assert_identical(got, trees(4))
                whole += 1
    assert all(text.startswith("checkpoint 4 ") and "\n" not in text for text in refusals)
    assert min(len(refusals), whole) >= 4  # some of about 20 files are needed, some are not


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_of_an_array_names_the_array(saved: Path, place: float) -> None:
    """orbax loads it without a word."""
    flip(arrays_file(saved / "4" / "params"), place)
    with Checkpoints(saved) as checkpoints:
        with pytest.raises(InputError, match=r"^checkpoint 4 is damaged: params/conv1/kernel has"):
            checkpoints.load(4, template({"step": 4}))
        assert_identical(checkpoints.load(2, template({"step": 2})), trees(2))


@pytest.mark.parametrize("part", ["params", "opt"])
@pytest.mark.parametrize("hurt", [flip, cut, Path.unlink])
def test_the_newest_whole_step_is_loaded(
    saved: Path, part: str, hurt: Callable[[Path], None]
) -> None:
    hurt(arrays_file(saved / "4" / part))
    notes: list[str] = []
    with Checkpoints(saved) as checkpoints:
        found = checkpoints.load_newest(template, notes.append)
    assert found is not None
    step, got, about = found
    assert (step, about) == (2, {"step": 2})
    assert_identical(got, trees(2))
    assert [note.startswith("checkpoint 4 ") for note in notes] == [True]
    assert notes[0].endswith("; trying the one before")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"step": 4', '"step": 5'),
        ('"sha256"', '"sha257"'),
        ('"format": 2', '"format": 3'),
        ('"top1": 0.1', '"top1": 0.9'),
    ],
)
def test_a_description_that_was_changed_is_damage(saved: Path, old: str, new: str) -> None:
    file = saved / "4" / "_CHECKPOINT_METADATA"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    notes: list[str] = []
    with Checkpoints(saved) as checkpoints:
        found = checkpoints.load_newest(template, notes.append)
        assert checkpoints.best_step(notes.append) == 2
    assert found is not None
    assert found[0] == 2
    damage = "checkpoint 4 is damaged: its description has other bytes"
    assert notes == [f"{damage}; trying the one before", f"{damage}; its top-1 is not known"]


def test_the_best_of_steps_that_a_training_removes(saved: Path) -> None:
    """A step that is gone by then is no damage."""
    notes: list[str] = []
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.steps == [2, 4]
        shutil.rmtree(saved / "4")
        assert checkpoints.best_step(notes.append) == 2
    assert notes == []


def test_no_flipped_bit_changes_a_description(saved: Path) -> None:
    """It comes back as it was, or in one line not at all."""
    file, generator = saved / "4" / "_CHECKPOINT_METADATA", np.random.default_rng(0)
    whole, refused = file.read_bytes(), 0
    for place in generator.integers(0, len(whole), 40):
        content = bytearray(whole)
        content[place] ^= 1 << int(generator.integers(0, 8))
        file.write_bytes(content)
        with Checkpoints(saved) as checkpoints:
            try:
                assert checkpoints.about(4) == {"step": 4}
            except InputError:
                refused += 1
    assert refused > 20


def test_an_empty_directory_is_not_the_newest_step(saved: Path) -> None:
    (saved / "6").mkdir()
    notes: list[str] = []
    with Checkpoints(saved) as checkpoints:
        found = checkpoints.load_newest(template, notes.append)
    assert found is not None
    assert (found[0], found[2]) == (4, {"step": 4})
    assert_identical(found[1], trees(4))
    assert notes == ["checkpoint 6 has no description; trying the one before"]


def test_without_a_whole_step_there_is_none(saved: Path) -> None:
    for step in ("2", "4"):
        flip(arrays_file(saved / step / "params"))
    notes: list[str] = []
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.load_newest(template, notes.append) is None
    assert [note.split()[1] for note in notes] == ["4", "2"]


@pytest.mark.parametrize("steps", [[3], [4], [3, 4]])
def test_a_run_that_fell_back_can_save_again(saved: Path, steps: list[int]) -> None:
    """From step 2 on, the steps up to the damaged one, itself included, are saved like others."""
    flip(arrays_file(saved / "4" / "params"))
    with Checkpoints(saved) as checkpoints:
        found = checkpoints.load_newest(template, lambda note: None)
        assert found is not None
        assert found[0] == 2
        for step in steps:
            checkpoints.save(step, trees(step), about={"step": step})
            assert_identical(checkpoints.load(step, template({"step": step})), trees(step))
    with Checkpoints(saved) as checkpoints:
        found = checkpoints.load_newest(template, lambda note: None)
        assert found is not None
        assert found[0] == steps[-1]


def test_damaged_steps_do_not_crowd_out_whole_ones(saved: Path) -> None:
    """Of two to be kept, the newest and the newest whole one before it stay."""
    shutil.rmtree(saved / "4")
    (saved / "4").mkdir()
    with Checkpoints(saved, keep=2) as checkpoints:
        assert checkpoints.load_newest(template, lambda note: None) is not None
        checkpoints.save(5, trees(5), about={"step": 5})
        assert {2, 5} <= set(checkpoints.steps)
