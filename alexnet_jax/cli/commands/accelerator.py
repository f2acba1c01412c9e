"""Check and measure this machine's accelerators.

Compares a full-size training step with the CPU's float32 and with stored float64 values, layers
and crops with references, and several devices with one; then measures training and inference,
PyTorch beside where it is installed, packed images, kernels and layers. Needs jax, flax, optax and
numpy.

It ends within --minutes: each part has a share of the time, and what did not fit is named. What
fails is named, too, and the rest goes on. Writes accelerator.json, with all samples and
tracebacks, and accelerator.md, a page to read, after each part. The status is 1 if compared values
do not agree or could not be computed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alexnet_jax.bench.accelerator import ORDER, check_machine, format_page, incorrect
from alexnet_jax.cli.benchmark import Parser, add_option
from alexnet_jax.cli.ending import end_in_a_line
from alexnet_jax.cli.values import one_of, positive
from alexnet_jax.display import quiet, remark


@dataclass(frozen=True)
class Options:
    """Options of the command, parsed and checked.

    Attributes:
      parts: names of the parts to run, in the order of `ORDER`.
      small: whether to take a narrow network, to try the command.
    """

    out: Path
    minutes: float
    parts: tuple[str, ...]
    small: bool
    quiet: bool = False


def parse(arguments: Sequence[str], program: str) -> Options:
    """Parse a command line.

    Raises:
      SystemExit: an option is unknown or malformed; one line was printed.
    """
    parser = Parser(
        prog=program,
        description=str(__doc__),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_option(parser, "--out", Path, "runs/accelerator", "DIR", "directory of the two files")
    add_option(parser, "--minutes", positive, "10", "M", "time for all parts")
    add_option(parser, "--parts", _part, "all", "PART", f"of {', '.join(ORDER)}", nargs="+")
    parser.add_argument("--small", action="store_true", help="a narrow network, to try the command")
    parser.add_argument("--quiet", action="store_true", help="print the page and errors alone")
    parsed = parser.parse_args(arguments)
    asked = set(ORDER) if "all" in parsed.parts else set(parsed.parts)
    parts = tuple(part for part in ORDER if part in asked)
    return Options(parsed.out, parsed.minutes, parts, parsed.small, parsed.quiet)


def _part(text: str) -> str:
    return one_of(text, ("all", *ORDER))


def main(options: Options) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    data, text = options.out / "accelerator.json", options.out / "accelerator.md"
    size, record = "small" if options.small else "full", {}
    try:
        for record in check_machine(options.parts, size, 60 * options.minutes, remark):
            data.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            text.write_text(format_page(record), encoding="utf-8")
    except KeyboardInterrupt:
        done = f"; {', '.join(record['parts'])}: see {text}" if record else ""
        print(f"\ninterrupted{done}", file=sys.stderr)
        raise SystemExit(130) from None
    print(f"\n{format_page(record)}\nwrote {data} and {text}; both in one file to send:")
    print(f"  tar czf accelerator.tar.gz -C {options.out} {data.name} {text.name}")
    if incorrect(record):
        raise SystemExit(1)


def command(arguments: Sequence[str], program: str | None = None) -> None:
    """Parse and run."""
    with end_in_a_line():
        options = parse(arguments, program or "accelerator.py")
        with quiet(options.quiet):
            main(options)
