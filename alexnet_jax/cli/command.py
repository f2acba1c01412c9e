"""What the scripts share: options from a dataclass, and mistakes told in one line."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from alexnet_jax.cli.options import arg, option, tyro
from alexnet_jax.cli.values import fail, mistakes_in_a_line, whole

Options = TypeVar("Options")


@dataclass(frozen=True)
class SeveralProcesses:
    """For several processes that run together."""

    coordinator: Annotated[str, arg(metavar="HOST:PORT|auto|none")] = "none"
    """Where process 0 of several is reached; auto on Slurm, Open MPI, Kubernetes and TPU pods."""
    process_id: Annotated[int | None, option(whole, "K", "none")] = None
    """With HOST:PORT, which of the processes this is, from 0."""
    num_processes: Annotated[int | None, option(whole, "P", "none")] = None
    """With HOST:PORT, how many processes there are."""
    heartbeat: Annotated[int, option(whole, "SECONDS")] = 100
    """Seconds of silence after which a process is taken for dead, and the others end."""

    def join(self) -> None:
        """Joins the other processes, before anything is computed; InputError if it cannot."""
        from alexnet_jax.runtime import join

        join(self.coordinator, self.process_id, self.num_processes, self.heartbeat)


def parse(options: type[Options]) -> Options:
    """Command-line options into a dataclass; a mistake is one line on standard error, status 2."""
    said = io.StringIO()
    try:
        with _wide_terminal(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return tyro.cli(options)
    except SystemExit as stop:
        if stop.code:
            fail(_message(said.getvalue()))
    return tyro.cli(options)  # --help, now as wide as the terminal


@contextlib.contextmanager
def _wide_terminal() -> Iterator[None]:
    """So wide that no word of a message is broken."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _message(box: str) -> str:
    """The line of tyro's message: its text up to the first rule, and the option perhaps meant."""
    parts: list[list[str]] = [[]]
    for line in (line.strip(" │╭╮╰╯") for line in box.splitlines()):
        if line and set(line) <= set("-─"):
            parts.append([])
        elif line:
            parts[-1].append(line)
    text = " ".join(parts[1] if len(parts) > 1 else parts[0])
    if len(parts) > 2 and parts[2][0].startswith("Perhaps you meant"):
        text += f" (perhaps you meant {parts[2][1].split()[0]})"
    text = re.sub(r"^Error parsing (\S+): ", r"\1 ", text)
    return text or "unusable options; see --help"


def run(main: Callable[[Any], None], options: Any) -> None:
    """Runs a script's `main` on its options: a dataclass, or a union of them, a subcommand each.

    A user's mistake ends it with status 2, an interruption with 128 + the signal.
    """
    asked = parse(options)
    from alexnet_jax.checkpoints import quiet_orbax
    from alexnet_jax.runtime import Interrupted

    quiet_orbax()
    try:
        with mistakes_in_a_line():
            main(asked)
    except Interrupted as stop:
        print(f"\n{stop}", file=sys.stderr)
        raise SystemExit(stop.status) from None
    except Exception as error:
        _end_if_peers_are_lost(error)
        raise


def _end_if_peers_are_lost(error: Exception) -> None:
    """If a computation of several processes failed: a line, and out before jax waits on them."""
    import jax

    if not isinstance(error, jax.errors.JaxRuntimeError) or jax.process_count() == 1:
        return
    reason = str(error).splitlines()[0]
    print(
        f"error: process {jax.process_index()}: a computation of all {jax.process_count()} "
        f"processes failed ({reason}); if another process died, look at what it said. The same "
        "commands go on from the last checkpoint",
        file=sys.stderr,
        flush=True,
    )
    os._exit(1)
