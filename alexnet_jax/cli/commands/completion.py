"""Print a script with which bash or zsh completes commands, their options, and names of files.

tyro writes the script; what is added completes names of files where no option is meant, as shells
do without a script. The script asks `python3`, but neither jax nor this package.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any, Literal

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import FlagCreatePairsOff, Positional, subcommand, tyro, words
from alexnet_jax.cli.program import COMMANDS, PROGRAM, command_module

Shell = Literal["bash", "zsh"]

# What follows tyro's script, whose function is called _tyro_alexnet_jax.
AFTER = {
    "bash": """

_alexnet_jax() {
  _tyro_alexnet_jax "$@"
  [[ -n ${COMPREPLY[0]} ]] || COMPREPLY=()
}
complete -o default -F _alexnet_jax alexnet-jax
""",
    "zsh": " || _files\n",  # behind the call in its last line
}


@dataclass(frozen=True)
class Options:
    """Print a script with which the shell completes commands, options and names of files."""

    shell: Positional[Annotated[Shell, words(Shell, metavar="bash|zsh")]]
    """The shell."""


def main(options: Options) -> None:
    script = io.StringIO()
    arguments = ["--tyro-write-completion", options.shell, "-"]
    with contextlib.redirect_stdout(script), contextlib.suppress(SystemExit):
        tyro.cli(_every_command(), prog=PROGRAM, args=arguments)
    # tyro's script takes every line of a description for a completion.
    one_line = re.sub(
        "^COMPLETION_SPEC = .*",
        lambda spec: spec[0].replace(r"\n", " "),
        script.getvalue(),
        flags=re.M,
    )
    print(one_line.rstrip(), end=AFTER[options.shell])


def _every_command() -> Any:
    """Return the options of all commands as one type."""
    members = [
        Annotated[_options(name), subcommand(name, description=does, prefix_name=False)]
        for group in COMMANDS.values()
        for name, does in group.items()
    ]
    return reduce(or_, members)


def _options(name: str) -> Any:
    """Return the type of a command's options."""
    if name != "benchmark":
        return command_module(name).Options
    from alexnet_jax.cli.benchmark import make_parser

    # Its options belong to argparse, whose usage shows [--flag] and [--option VALUE].
    usage = make_parser("", name).format_usage()
    fields: list[tuple[str, Any, Any]] = [
        (option[2:].replace("-", "_"), str, "")
        if value
        else (option[2:].replace("-", "_"), Annotated[bool, FlagCreatePairsOff], False)
        for option, value in re.findall(r"\[(--[\w-]+)( ?)", usage)
    ]
    return dataclasses.make_dataclass("Benchmark", fields)


command = partial(run, main, Options)
