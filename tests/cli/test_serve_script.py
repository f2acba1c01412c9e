"""The command `serve`: its mistakes; tests/serving/test_served_in_browser.py runs it in full."""

import sys
import webbrowser
from pathlib import Path

import pytest
from helpers.scripts import call

from alexnet_jax.cli.commands import serve
from alexnet_jax.serving import listen


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with listen(0) as listener:
        port = listener.getsockname()[1]
        result = call("serve", tmp_path / "nowhere", "--port", port)
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"error: port {port} is taken; give another with --port, or 0 for any that is free\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "70000"), "--port must lie in 0 to 65535, got 70000"),
        (("--port", "0"), "nowhere: no such workdir or file of weights; by name, "),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str) -> None:
    result = call("serve", "nowhere", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"error: {message}")


@pytest.mark.parametrize("package", ["uvicorn", "starlette"])
def test_libraries_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """They are told before a port is taken or anything is loaded."""
    monkeypatch.setitem(sys.modules, package, None)
    result = call("serve", "nowhere", "--port", 0)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"error: {package} is not installed: pip install 'alexnet_jax[serve]'\n"


def test_the_page_is_opened_in_a_browser_if_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(asked.append(address)))
    serve.open_page("http://127.0.0.1:1/")
    assert asked == ["http://127.0.0.1:1/"]
    assert capsys.readouterr().err.startswith("note: no browser was found; open the address")
    monkeypatch.setattr(webbrowser, "open", lambda address: True)
    serve.open_page("http://127.0.0.1:1/")
    assert capsys.readouterr() == ("", "")
