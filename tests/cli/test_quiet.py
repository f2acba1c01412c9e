"""--quiet: which commands have it, and what they then print; progress of the long ones."""

import dataclasses
import typing
from pathlib import Path

import pytest
from helpers.scripts import Run, call, train

from alexnet_jax.cli import benchmark
from alexnet_jax.cli.commands import accelerator
from alexnet_jax.cli.program import NAMES, command_module
from alexnet_jax.display import progress

# They are done at once, or each line is a result.
WITHOUT = {"summary", "configs", "completion", "doctor"}
PARSED_OTHERWISE = {"benchmark": benchmark, "accelerator": accelerator}


def kinds(name: str) -> tuple[type, ...]:
    """The dataclasses of options of a command: several, if it has subcommands."""
    options = vars(PARSED_OTHERWISE.get(name) or command_module(name))["Options"]
    return tuple(
        typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
        for kind in typing.get_args(options) or (options,)
    )


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT))
def test_every_command_that_takes_its_time_can_be_quiet(name: str) -> None:
    for kind in kinds(name):
        assert "quiet" in {field.name for field in dataclasses.fields(kind)}, kind


def test_a_quiet_training_prints_its_last_test_and_its_end(tmp_path: Path) -> None:
    result = train(tmp_path / "run", 6, "--quiet")
    assert (result.status, result.err) == (0, "")
    tested, done = result.lines
    assert tested.startswith("step 6  test loss ")
    assert done.startswith("done: ")
    again = train(tmp_path / "run", 6, "--quiet")
    assert again.lines == [f"{tmp_path / 'run'} is finished at step 6; nothing to do"]


def test_long_work_is_told_on_standard_error_and_not_if_quiet(
    finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if each image took long: results on standard output are the same."""
    plain = call("evaluate", finished.workdir)
    assert plain.err == ""
    clock = iter(range(0, 10_000_000, 1000))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: float(next(clock)))
    told = call("evaluate", finished.workdir)
    assert told.out == plain.out
    lines = told.err.splitlines()
    assert lines[0].startswith("evaluating: 128 of 360 images  0.13 images/s  30:12 left")
    assert lines[-1].startswith("evaluating: 360 images in ")
    quiet = call("evaluate", finished.workdir, "--quiet")
    assert (quiet.out, quiet.err) == (plain.out, "")


def test_a_miniature_says_what_it_wrote(tmp_path: Path) -> None:
    result = call("prepare", "miniature", "--archives", tmp_path, "--classes", 2, "--train", 5)
    names = ["ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"]
    sizes = [(tmp_path / name).stat().st_size for name in names]
    assert result.lines == [
        f"{tmp_path / name}, {size:,} bytes" for name, size in zip(names, sizes, strict=True)
    ]
