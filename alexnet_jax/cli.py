"""What the scripts share: options from a dataclass, and mistakes told in one line."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from alexnet_jax.errors import InputError

Options = TypeVar("Options")


def parse(options: type[Options]) -> Options:
    """Command-line options into a dataclass; a mistake is one line on standard error, status 2."""
    import tyro

    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            return tyro.cli(options)
    except SystemExit as stop:
        if stop.code in (0, None):
            print(out.getvalue(), end="")
            raise
        fail(_message(_complaint(options)))


def _complaint(options: type[Any]) -> str:
    """What tyro says of wrong options, on a terminal so wide that no word is broken."""
    import tyro

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100000"
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            tyro.cli(options)
    except SystemExit:
        return said.getvalue()
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before
    return ""


def _message(box: str) -> str:
    """What tyro's message says between its first two rules, and the option it thinks was meant."""
    parts: list[list[str]] = [[]]
    for line in (line.strip(" │╭╮╰╯") for line in box.splitlines()):
        if line and set(line) <= set("-─"):
            parts.append([])
        elif line:
            parts[-1].append(line)
    text = " ".join(parts[1] if len(parts) > 1 else parts[0])
    if len(parts) > 2 and parts[2][0].startswith("Perhaps you meant"):
        text += f" (perhaps you meant {parts[2][1].split()[0]})"
    return text or "unusable options; see --help"


def fail(message: str, status: int = 2) -> NoReturn:
    """Prints one line on standard error and ends the process."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(status)


def run(main: Callable[[Any], None], options: Any) -> None:
    """Runs a script's `main` on its options: a dataclass, or a union of them, a subcommand each.

    A user's mistake ends it with status 2, an interruption with 128 + the signal.
    """
    asked = parse(options)
    # orbax tells pages of a damaged checkpoint there; ours is told in a line.
    for library in ("absl", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    from alexnet_jax.interrupt import Interrupted

    try:
        main(asked)
    except InputError as error:
        fail(str(error))
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        fail(f"{error.strerror or error}{place}")
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(stop.status) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def whole_number(name: str, text: str) -> int:
    """An option's text as an int. InputError if it is not one."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{name} must be a whole number, got {text!r}") from None
