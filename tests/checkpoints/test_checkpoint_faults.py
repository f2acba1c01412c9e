"""Checkpoints that cannot be written, of another version, or removed while they are read."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.privileges import without_privileges
from helpers.saved import WHAT_ORBAX_LEAVES, assert_identical, save, template, trees

from alexnet_jax import InputError
from alexnet_jax.checkpoints import checkpoints as checkpoints_module
from alexnet_jax.checkpoints import step_names
from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.checkpoints.step_names import tolerant_names
from alexnet_jax.errors import SaveFailed

pytestmark = [pytest.mark.filterwarnings(*WHAT_ORBAX_LEAVES), pytest.mark.usefixtures("gathered")]


def assert_good(directory: Path, step: int) -> None:
    """Anew, this step is the newest and comes back whole, without a word."""
    with Checkpoints(directory) as checkpoints:
        found = checkpoints.load_newest(template, pytest.fail)
    assert found is not None
    assert found[0] == step
    assert_identical(found[1], trees(step))


def test_a_directory_that_was_removed(tmp_path: Path) -> None:
    with Checkpoints(tmp_path / "c") as checkpoints:
        checkpoints.save(1, trees(1), about={"step": 1})
        checkpoints.wait()
        shutil.rmtree(tmp_path / "c")
        with pytest.raises(InputError, match=r"step 2 .*No such file.*; none is there") as caught:
            checkpoints.save(2, trees(2), about={"step": 2})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    """A probe whether the place can be written, and a checkpoint that was not finished."""
    directory = tmp_path / "c"
    save(directory, [1])
    (directory / "2.probe").mkdir()
    shutil.copytree(directory / "1", directory / "3.orbax-checkpoint-tmp")
    with Checkpoints(directory) as checkpoints:  # a reader: a training may be writing there
        assert checkpoints.steps == [1]
    assert len(list(directory.iterdir())) == 3
    with Checkpoints(directory, clean=True) as checkpoints:
        assert checkpoints.steps == [1]
        checkpoints.save(2, trees(2), about={"step": 2})
    assert_good(directory, 2)
    assert sorted(path.name for path in directory.iterdir()) == ["1", "2"]


def test_a_directory_that_may_not_be_written_any_more() -> None:
    """Below /tmp, where nobody may go."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        directory = Path(place) / "c"
        with Checkpoints(directory) as checkpoints:
            checkpoints.save(1, trees(1), about={"step": 1})
            checkpoints.wait()
            directory.chmod(0o555)
            with (
                without_privileges(),
                pytest.raises(InputError, match=r"step 2 .*Permission denied.*; step 1 is"),
            ):
                checkpoints.save(2, trees(2), about={"step": 2})
            directory.chmod(0o755)
            checkpoints.save(3, trees(3), about={"step": 3})
        assert_good(directory, 3)


def test_a_save_that_fails_in_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises, one line says so, and the step before is what counts."""
    directory = tmp_path / "c"
    save(directory, [1])
    text = "RESOURCE_EXHAUSTED: Failed writing: \"x\"\nto file 7 [os_error_code='28']"
    with Checkpoints(directory) as checkpoints, monkeypatch.context() as patch:

        def fail(*_: Any, **__: Any) -> None:
            raise ValueError(text)

        patch.setattr(checkpoints._checkpointer, "save_checkpointables", fail)
        patch.setattr(checkpoints._checkpointer, "close", pytest.fail)
        checkpoints.save(2, trees(2), about={"step": 2})
        with pytest.raises(SaveFailed, match=r"\(No space left on device\); step 1 is") as caught:
            checkpoints.wait()
        assert "\n" not in str(caught.value)
        checkpoints.__exit__(None, None, None)  # does not wait for what has failed
    assert_good(directory, 1)


def test_another_versions_checkpoint_is_refused_and_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "c"
    save(directory, [1])
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints_module, "FORMAT", 7)
        save(directory, [2])
    with Checkpoints(directory) as checkpoints:
        for ask in (
            lambda: checkpoints.load_newest(template, pytest.fail),
            lambda: checkpoints.about(2),
            lambda: checkpoints.load(2, template({"step": 2})),
        ):
            with pytest.raises(
                InputError, match=r"checkpoint 2 has format 7, .* reads 2 and older"
            ):
                ask()
        assert checkpoints.about(1) == {"step": 1}
        assert checkpoints.steps == [1, 2]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "Too many open files"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "Permission denied"),
        (ValueError("RESOURCE_EXHAUSTED: [os_error_code='24']"), "Too many open files"),
        (MemoryError(), "Cannot allocate memory"),
    ],
)
@pytest.mark.parametrize("place", ["checkpointables_metadata", "load_checkpointables"])
def test_what_this_process_cannot_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, place: str
) -> None:
    """An older step is not taken in place of it, and it is not set aside."""
    directory = tmp_path / "c"
    save(directory, [1, 2])

    def fail(*_: Any, **__: Any) -> None:
        raise error

    with Checkpoints(directory) as checkpoints:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints._checkpointer, place, fail)
            with pytest.raises(InputError, match=rf"checkpoint 2 cannot be read \({said}\)$"):
                checkpoints.load_newest(template, pytest.fail)
        checkpoints.save(3, trees(3), about={"step": 3})
        assert checkpoints.steps == [2, 3]
    assert_good(directory, 3)


@pytest.mark.parametrize("said", [True, False])
def test_checkpoints_of_the_first_format_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bool
) -> None:
    """As they were written before there was a hash over the description, or a format in it."""
    directory = tmp_path / "c"

    def older(description: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in description.items() if name != "format"}
        return rest | ({"format": 1} if said else {})

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints_module.validation, "with_checksum", older)
        save(directory, [1])
    assert_good(directory, 1)


@pytest.mark.parametrize(
    ("every", "kept"), [(0, [8]), (3, [4, 6, 8]), (4, [4, 8]), (5, [6, 8]), (100, [8])]
)
def test_the_first_of_every_period_stays(tmp_path: Path, every: int, kept: list[int]) -> None:
    with Checkpoints(tmp_path / "c", keep=1, every=every) as checkpoints:
        for step in (2, 4, 6, 8):
            checkpoints.save(step, {"loop": trees(step)["loop"]}, about={"step": step})
        assert checkpoints.steps == kept
    with Checkpoints(tmp_path / "c", keep=1, every=every) as checkpoints:
        assert checkpoints.steps == kept


def test_a_step_that_a_training_removes_meanwhile(tmp_path: Path) -> None:
    """The reader takes the newer one there is by then, without a word of damage."""
    directory = tmp_path / "c"
    save(directory, [1])
    asked: list[int] = []

    def while_reading(about: dict[str, Any]) -> Any:
        asked.append(about["step"])
        if asked == [1]:
            save(directory, [2, 3], keep=1)
            assert not (directory / "1").exists()
        return template(about)

    with Checkpoints(directory) as checkpoints:
        found = checkpoints.load_newest(while_reading, pytest.fail)
    assert found is not None
    assert found[0] == 3
    assert asked == [1, 3]
    assert_identical(found[1], trees(3))


def test_steps_removed_while_they_are_listed(tmp_path: Path) -> None:
    """By a training beside: left out when seen before, and with the time they had when after."""
    for step in (5, 6, 7):
        (tmp_path / str(step)).mkdir()
    listed = tolerant_names().find_all(tmp_path)
    first = next(listed)
    left = ({5, 6, 7} - {first.step}).pop()
    for step in {5, 6, 7} - {left}:
        shutil.rmtree(tmp_path / str(step))
    found = [first, *listed]
    assert [one.step for one in found] == [first.step, left]
    assert all(one.commit_timestamp.year > 2020 for one in found)
    with pytest.raises(FileNotFoundError, match=f"for step={first.step}"):
        tolerant_names().find_step(tmp_path, first.step)


def test_a_step_removed_before_its_time_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (5, 6, 7):
        (tmp_path / str(step)).mkdir()
    note = step_names._note_time

    def removing(found: Any) -> None:
        if found.step == 6:
            shutil.rmtree(found.path)
        note(found)

    monkeypatch.setattr(step_names, "_note_time", removing)
    assert sorted(found.step for found in tolerant_names().find_all(tmp_path)) == [5, 7]
