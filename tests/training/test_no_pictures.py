"""A training where matplotlib is not installed: said at the start, and no failure at the end."""

import sys
from pathlib import Path

import pytest
from helpers.runs import CONFIG, lines_of
from helpers.scripts import Run

from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.figures import NO_PICTURES, can_draw
from alexnet_jax.training.loop import fit

PICTURES = {"learning_curve.png", "conv1_kernels.png"}


def test_without_matplotlib_a_run_finishes_without_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    fit(CONFIG, tmp_path / "run", PlainConsole())
    said = capsys.readouterr().out.splitlines()
    assert said.count(NO_PICTURES) == 1
    assert said.index(NO_PICTURES) < next(i for i, line in enumerate(said) if "step" in line)
    assert "alexnet_jax[plots]" in NO_PICTURES
    assert lines_of(tmp_path / "run")[-1]["event"] == "done"
    assert not PICTURES & {path.name for path in (tmp_path / "run").iterdir()}
    assert (tmp_path / "run" / "MODEL_CARD.md").is_file()

    fit(CONFIG, tmp_path / "run", PlainConsole())
    assert NO_PICTURES not in capsys.readouterr().out  # a finished run has none to draw


def test_with_matplotlib_nothing_is_said(finished: Run) -> None:
    assert can_draw()
    assert NO_PICTURES not in finished.result.out
    assert {path.name for path in finished.workdir.iterdir()} >= PICTURES
