"""What the benchmark may be asked for, checked before anything is computed.

Parsed by argparse, since the machines whose speed is asked for often have nothing but jax.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from alexnet_jax.bench import ALLOCATORS, DTYPES, Work
from alexnet_jax.cli.values import fail, positive_number, whole_number, writable
from alexnet_jax.errors import InputError
from alexnet_jax.network import presets
from alexnet_jax.runtime import cores

PEERS = ("none", "torch")


@dataclass(frozen=True)
class Options:
    """The command line, as values that can be used.

    Attributes:
      works: a `Work` for each batch, with mode "train", which `race` replaces.
      input: a data set whose reading is measured instead of the network.
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(message)


def parse(arguments: Sequence[str], description: str) -> Options:
    """Options from a command line.

    Raises:
      InputError: a value that cannot be used. SystemExit: an unknown option, after its one line.
    """
    return _checked(_parser(description).parse_args(arguments))


def _parser(description: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="benchmark.py",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--preset", default="paper", help="the network (paper)")
    add("--batch", nargs="+", default=["128"], metavar="B", help="images of a step, one or more")
    add("--dtype", default="float32", help="what is computed in: float32 or bfloat16")
    add("--topology", default="one_device", help="how ours is spread over devices, as in train.py")
    add("--peer", default="none", help="torch: the same network in PyTorch, eager, on one device")
    add("--compile", action="store_true", help="the peer under torch.compile, too")
    add("--repeats", default="8", metavar="N", help="interleaved repetitions (8)")
    add("--threads", default="all", metavar="N", help="CPU cores for each side; all there are")
    add("--allocator", default="default", help=f"of every process: {', '.join(ALLOCATORS)}")
    add("--steps-per-dispatch", default="1", metavar="K", help="ours trains K steps in one program")
    add("--layers", action="store_true", help="time every layer alone, beside its roofline")
    add("--kernels", action="store_true", help="profile the training step: its kernels by time")
    add(
        "--input", default="none", metavar="DATA", help="how fast images come, in place of all else"
    )
    add("--data-dir", default="none", metavar="DIR", help="of prepared data sets, for --input")
    add("--seconds", default="2", metavar="S", help="for each stage of --input (2)")
    add("--json", default="none", metavar="FILE", help="file for what was found")
    add("--picture", default="none", metavar="FILE", help="bars: a .png, .svg or .pdf")
    return parser


def _checked(asked: argparse.Namespace) -> Options:
    _one_of("dtype", asked.dtype, DTYPES)
    _one_of("peer", asked.peer, PEERS)
    _one_of("allocator", asked.allocator, tuple(ALLOCATORS))
    architecture = presets.architecture(asked.preset)
    batches = [_at_least_one("--batch", text) for text in asked.batch]
    _require_peer(asked.peer, asked.compile)
    if asked.allocator != "default" and not sys.platform.startswith("linux"):
        raise InputError(f"allocator {asked.allocator} is one of glibc's, on Linux")
    if asked.picture != "none" and importlib.util.find_spec("matplotlib") is None:
        raise InputError("--picture needs matplotlib, which is not installed")
    common: dict[str, Any] = {
        "side": "ours",
        "mode": "train",
        "architecture": architecture,
        "dtype": asked.dtype,
        "topology": asked.topology,
        "steps_per_dispatch": _at_least_one("--steps-per-dispatch", asked.steps_per_dispatch),
        "threads": _threads(asked.threads),
    }
    return Options(
        works=tuple(Work(batch=batch, **common) for batch in batches),
        peer=asked.peer == "torch",
        compiled=asked.compile,
        repeats=_at_least_one("--repeats", asked.repeats),
        allocator=asked.allocator,
        layers=asked.layers,
        kernels=asked.kernels,
        json=writable("--json", asked.json, ()),
        picture=writable("--picture", asked.picture, (".png", ".svg", ".pdf")),
        input=None if asked.input == "none" else asked.input,
        data_dir=None if asked.data_dir == "none" else Path(asked.data_dir),
        seconds=positive_number("--seconds", asked.seconds),
    )


def _require_peer(peer: str, compiled: bool) -> None:
    if compiled and peer == "none":
        raise InputError("--compile is about the peer: give --peer torch")
    if peer == "torch" and importlib.util.find_spec("torch") is None:
        raise InputError("--peer torch needs PyTorch, which is not installed: pip install torch")


def _threads(text: str) -> int:
    if text == "all":
        return 0
    count = whole_number("--threads", text)
    if not 1 <= count <= cores():
        raise InputError(f"--threads must lie in 1 to {cores()}, got {count}")
    return count


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _at_least_one(name: str, text: str) -> int:
    value = whole_number(name, text)
    if value < 1:
        raise InputError(f"{name} must be at least 1, got {value}")
    return value
