"""experiments/report.py: where the page goes, and mistakes."""

import shutil
import webbrowser
from pathlib import Path

import pytest
from helpers.html_pages import Page
from helpers.scripts import Run, assert_refused, call, contents
from test_missing_packages import assert_told, hide


def copied(finished: Run, directory: Path) -> Path:
    """The finished run with one checkpoint, which is quicker to copy."""
    workdir = directory / "run"
    shutil.copytree(finished.workdir, workdir)
    shutil.rmtree(workdir / "checkpoints" / "3")
    return workdir


def test_a_page_in_the_workdir(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else; --open shows it in a browser."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    workdir = copied(finished, tmp_path)
    before = contents(workdir)
    result = call("report", workdir, "--open")
    assert (result.status, result.err) == (0, "")
    assert result.lines[-1] == str(workdir / "report.html")
    assert opened == [(workdir / "report.html").as_uri()]
    after = contents(workdir)
    text = after.pop("report.html")
    assert text is not None
    assert after == before
    assert Page(text.decode()).all("h1")[0].text == "digits, seed 0"


def test_another_file_and_a_missing_data_set(finished: Run, tmp_path: Path) -> None:
    """Several runs, of whose data sets none is there: the page says so."""
    workdir = copied(finished, tmp_path)
    config = workdir / "config.json"
    config.write_text(config.read_text().replace('"data": "digits"', '"data": "elsewhere"'))
    out = tmp_path / "two.html"
    result = call("report", workdir, workdir, "--out", out, "--data-dir", tmp_path, "--no-pictures")
    assert (result.status, result.err, result.lines) == (0, "", [str(out)])
    made = Page(out.read_text())
    notes = [one.text for one in made.all("p") if one.attributes.get("class") == "note"]
    assert sum("elsewhere" in note for note in notes) == 2
    assert not (workdir / "report.html").exists()


def test_a_browser_that_is_not_there(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    workdir = tmp_path / "run"
    workdir.mkdir()
    shutil.copy(finished.workdir / "config.json", workdir)
    result = call("report", workdir, "--open")
    assert (result.status, result.out) == (2, f"{workdir / 'report.html'}\n")
    assert "no browser was found" in result.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((), ("WORKDIR",)),
        (("nowhere",), ("nowhere holds no training run",)),
        (("RUN",) * 7, ("up to 6 runs, got 7",)),
        (("RUN", "--out", "/nowhere/page.html"), ("--out", "/nowhere/page.html")),
    ],
)
def test_mistakes(arguments: tuple[str, ...], parts: tuple[str, ...], finished: Run) -> None:
    given = [finished.workdir if one == "RUN" else one for one in arguments]
    assert_refused(call("report", *given), *parts)
    assert not (finished.workdir / "report.html").exists()


def test_without_the_templates_library(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "jinja2")
    assert_told(call("report", finished.workdir), "jinja2", "report")
