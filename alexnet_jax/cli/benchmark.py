"""Options of the benchmark, checked before anything is computed.

They are parsed by argparse, since machines to be measured often have no libraries besides jax.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from alexnet_jax.bench import ALLOCATORS, DTYPES, Work
from alexnet_jax.cli.values import (
    count,
    directory,
    fail,
    one_of,
    picture,
    positive,
    whole,
    writable,
)
from alexnet_jax.errors import InputError
from alexnet_jax.network import presets
from alexnet_jax.runtime import cores

PEERS = ("none", "torch")


@dataclass(frozen=True)
class Options:
    """Options of the benchmark, parsed and checked.

    Attributes:
      works: a `Work` for each batch, with mode "train", which `race` replaces.
      input: name of a data set whose reading is measured instead of the network, or None.
    """

    works: tuple[Work, ...]
    peer: bool
    compiled: bool
    repeats: int
    allocator: str
    layers: bool
    kernels: bool
    json: Path | None
    picture: Path | None
    input: str | None
    data_dir: Path | None
    seconds: float
    quiet: bool


class Parser(argparse.ArgumentParser):
    """Parser that prints one line for a mistake."""

    def error(self, message: str) -> NoReturn:
        fail(re.sub(r"^argument (\S+): (?=must|is empty)", r"\1 ", message))


def parse(arguments: Sequence[str], description: str, program: str | None = None) -> Options:
    """Parse a command line.

    Args:
      arguments: its words.
      description: text of the help.
      program: name of the command in the help; by default that of the script.

    Raises:
      InputError: a value cannot be used.
      SystemExit: an option is unknown or malformed; one line was printed.
    """
    return _checked(make_parser(description, program or "benchmark.py").parse_args(arguments))


def make_parser(description: str, program: str) -> argparse.ArgumentParser:
    """Return the parser of the benchmark's options, with the text and the name of its help."""
    parser = Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add, flag = partial(add_option, parser), partial(parser.add_argument, action="store_true")
    add("--preset", str, "paper", "NAME", "preset of the network")
    add("--batch", count, "128", "B", "images per step, one number or several", nargs="+")
    _add_words(parser, "--dtype", DTYPES, "type of the computation")
    add("--topology", str, "one_device", "NAME", "distribution over devices, as in train")
    _add_words(parser, "--peer", PEERS, "torch: compare with PyTorch, eager, on one device")
    flag("--compile", help="compare with torch.compile, too")
    add("--repeats", count, "8", "N", "interleaved repetitions")
    add("--threads", _threads, "all", "N", "CPU cores for each side")
    _add_words(parser, "--allocator", tuple(ALLOCATORS), "memory allocator of every process")
    add("--steps-per-dispatch", count, "1", "K", "training steps of ours in one program")
    flag("--layers", help="time every layer alone, beside its roofline")
    flag("--quiet", help="print nothing but results and errors")
    flag("--kernels", help="profile the training step: list its kernels by time")
    add("--input", str, "none", "DATA", "measure reading this data set instead of the network")
    add("--data-dir", directory, "none", "DIR", "directory of prepared data sets, for --input")
    add("--seconds", positive, "2", "S", "seconds for each stage of --input")
    add("--json", writable, "none", "FILE", "file for the results")
    add("--picture", picture, "none", "FILE", "file for a bar chart: .png, .svg or .pdf")
    return parser


def add_option(
    parser: argparse.ArgumentParser,
    name: str,
    read: Callable[[str], object],
    default: str,
    metavar: str,
    text: str,
    nargs: str | None = None,
) -> None:
    """Add an option whose text `read` converts; "none" becomes None where it is the default."""

    def value(argument: str) -> object:
        if argument == default == "none":
            return None
        try:
            return read(argument)
        except InputError as error:  # argparse keeps the message of its own error only
            raise argparse.ArgumentTypeError(str(error)) from None

    parser.add_argument(
        name,
        type=value,
        default=[value(default)] if nargs else default,
        nargs=nargs,
        metavar=metavar,
        help=f"{text} (default: {default})",
    )


def _add_words(
    parser: argparse.ArgumentParser, name: str, choices: tuple[str, ...], text: str
) -> None:
    """Add an option that takes one of `choices`, the first by default."""
    read = partial(one_of, choices=choices)
    add_option(parser, name, read, choices[0], f"{{{','.join(choices)}}}", text)


def _checked(parsed: argparse.Namespace) -> Options:
    architecture = presets.architecture(parsed.preset)
    _require_peer(parsed.peer is not None, parsed.compile)
    if parsed.allocator != "default" and not sys.platform.startswith("linux"):
        raise InputError(f"allocator {parsed.allocator} is one of glibc's, on Linux")
    if parsed.picture is not None and importlib.util.find_spec("matplotlib") is None:
        raise InputError("--picture needs matplotlib, which is not installed")

    def work(batch: int) -> Work:
        return Work(
            side="ours",
            mode="train",
            architecture=architecture,
            batch=batch,
            dtype=parsed.dtype,
            topology=parsed.topology,
            steps_per_dispatch=parsed.steps_per_dispatch,
            threads=parsed.threads,
        )

    return Options(
        works=tuple(map(work, parsed.batch)),
        peer=parsed.peer is not None,
        compiled=parsed.compile,
        repeats=parsed.repeats,
        allocator=parsed.allocator,
        layers=parsed.layers,
        kernels=parsed.kernels,
        json=parsed.json,
        picture=parsed.picture,
        input=parsed.input,
        data_dir=parsed.data_dir,
        seconds=parsed.seconds,
        quiet=parsed.quiet,
    )


def _require_peer(peer: bool, compiled: bool) -> None:
    if compiled and not peer:
        raise InputError("--compile is about the peer: give --peer torch")
    if peer and importlib.util.find_spec("torch") is None:
        raise InputError("--peer torch needs PyTorch, which is not installed: pip install torch")


def _threads(text: str) -> int:
    """Read a number of cores; return 0 for "all"."""
    return 0 if text == "all" else whole(text, 1, cores())
