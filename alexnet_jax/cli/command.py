"""Entry point of a command: options from a dataclass, and errors reported in one line."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from alexnet_jax.cli.ending import end_at_interrupt, end_in_a_line
from alexnet_jax.cli.options import arg, option, tyro
from alexnet_jax.cli.values import fail, whole
from alexnet_jax.display import quiet

Options = TypeVar("Options")


@dataclass(frozen=True)
class SeveralProcesses:
    """Options for several processes that run together."""

    coordinator: Annotated[str, arg(metavar="HOST:PORT|auto|none")] = "none"
    """Address of process 0 of several; auto on Slurm, Open MPI, Kubernetes and TPU pods."""
    process_id: Annotated[int | None, option(whole, "K", "none")] = None
    """With HOST:PORT, the number of this process, from 0."""
    num_processes: Annotated[int | None, option(whole, "P", "none")] = None
    """With HOST:PORT, the number of processes."""
    heartbeat: Annotated[int, option(whole, "SECONDS")] = 100
    """Seconds of silence after which a process is considered dead, and the others end."""

    def join(self) -> None:
        """Join the other processes, before anything is computed; raise InputError on failure."""
        from alexnet_jax.runtime import join

        join(self.coordinator, self.process_id, self.num_processes, self.heartbeat)

    def join_alike(self, command: str, options: Any) -> None:
        """Join the other processes, and raise InputError unless all got the same options.

        Args:
          command: name of the command.
          options: its options, of which `data_dir` and these here may differ.
        """
        from alexnet_jax.runtime import require_same

        self.join()
        given = {k: v for k, v in vars(options).items() if k not in ("processes", "data_dir")}
        require_same({"command": command} | given)


def parse(
    options: type[Options], arguments: Sequence[str] | None = None, program: str | None = None
) -> Options:
    """Parse a command line into a dataclass; an error is one line on stderr and status 2.

    Args:
      options: the dataclass.
      arguments: words of the command line; by default those of the process.
      program: name of the command in its help; by default the name of the process.
    """
    output = io.StringIO()
    try:
        with (
            _wide_terminal(),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            return tyro.cli(options, args=arguments, prog=program)
    except SystemExit as stop:
        if stop.code:
            fail(_message(output.getvalue()))
    return tyro.cli(options, args=arguments, prog=program)  # --help, now as wide as the terminal


@contextlib.contextmanager
def _wide_terminal() -> Iterator[None]:
    """Widen the terminal that tyro sees, so that no message is wrapped."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100000"
    try:
        yield
    finally:
        del os.environ["COLUMNS"]
        if before is not None:
            os.environ["COLUMNS"] = before


def _message(box: str) -> str:
    """Return tyro's message in one line: its text up to the first rule, and its suggestion."""
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


def run(
    main: Callable[[Any], None],
    options: Any,
    arguments: Sequence[str] | None = None,
    program: str | None = None,
) -> None:
    """Parse the options of a command and run its `main` on them.

    The process ends with status 2 after an error of the user's, and with 128 + the signal's number
    after an interruption.

    Args:
      main: the command's function of its options.
      options: a dataclass, or a union of dataclasses with one subcommand each; a field `quiet` that
        is True switches progress and remarks off.
      arguments: words of the command line; by default those of the process.
      program: name of the command in its help; by default the name of the process.
    """
    with end_at_interrupt():
        parsed = parse(options, arguments, program)
        from alexnet_jax.checkpoints import quiet_orbax

        quiet_orbax()
    with end_in_a_line(), quiet(getattr(parsed, "quiet", False)):
        main(parsed)
