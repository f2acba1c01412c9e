"""The command `serve`: what it says and refuses; in a browser with --mark browser."""

from pathlib import Path

import pytest
from helpers.scripts import call

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
        (("--port", "0"), "nowhere: no such workdir or file of weights; of published weights, "),
    ],
)
def test_mistakes(arguments: tuple[str, ...], message: str) -> None:
    result = call("serve", "nowhere", *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (2, "", 1)
    assert result.err.startswith(f"error: {message}")
