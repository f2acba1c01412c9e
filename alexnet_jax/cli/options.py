"""Declaration of options as annotated types; no other module imports tyro.

    steps: Annotated[int | None, option(whole, "N", "as in CONFIG")] = None

declares an option --steps N, whose help shows (default: as in CONFIG). Since the types parse and
check the texts, errors are reported before a script's `main` begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

from alexnet_jax.cli import values
from alexnet_jax.cli.values import mistakes_in_a_line
from alexnet_jax.errors import InputError

with mistakes_in_a_line():
    import tyro
    from tyro.conf import (
        FlagCreatePairsOff,
        OmitArgPrefixes,
        Positional,
        UseAppendAction,
        arg,
        subcommand,
    )
    from tyro.constructors import PrimitiveConstructorSpec


def option(
    parse: Callable[[str], object], metavar: str, unset: str = ""
) -> PrimitiveConstructorSpec[object]:
    """Return the annotation of an option.

    Args:
      parse: converts the option's text to its value, or raises InputError.
      metavar: name of the value in the help.
      unset: text that stands for the default None, in the help and on the command line.
    """

    def read(texts: list[str]) -> object:
        return None if unset and texts[0] == unset else parse(texts[0])

    def written(value: object) -> list[str]:
        if value is None:
            return unset.split()
        return [f"{value:g}" if isinstance(value, float) else str(value)]

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=written,
    )


def words(literal: object, unset: str = "", metavar: str = "") -> PrimitiveConstructorSpec[object]:
    """Return the annotation of an option that takes one of the words or numbers of a Literal."""
    choices = get_args(literal)
    listed = f"{{{','.join(map(str, choices))}}}"
    return option(partial(values.one_of, choices=choices), metavar or listed, unset)


TopologyName = Literal["one_device", "two_towers", "data", "data_towers", "hybrid"]
PrecisionName = Literal["default", "highest"]
FloatName = Literal["float32", "bfloat16"]
GroundName = Literal["white", "black"]
ViewCount = Literal[1, 10]

Topology = Annotated[TopologyName, words(TopologyName)]
Float = Annotated[FloatName, words(FloatName)]
Precision = Annotated[PrecisionName | None, words(PrecisionName, "as in training")]
Ground = Annotated[GroundName, words(GroundName)]
Views = Annotated[ViewCount, words(ViewCount)]
Whole = Annotated[int, option(values.whole, "N")]
Count = Annotated[int, option(values.count, "N")]
Positive = Annotated[float, option(values.positive, "X")]
Fraction = Annotated[float, option(values.fraction, "X")]
Name = Annotated[str, arg(metavar="NAME")]
Checkpoint = Annotated[str, arg(metavar="best|latest|N")]
Directory = Annotated[Path, option(values.directory, "DIR")]
Network = Annotated[Path, option(Path, "NETWORK")]
TrainingData = Annotated[Path | None, option(values.directory, "DIR", "as in training")]
NewFile = Annotated[Path, option(values.writable, "FILE")]
Report = Annotated[Path | None, option(values.writable, "FILE", "none")]
Picture = Annotated[Path | None, option(values.picture, "FILE", "none")]
Quiet = bool  # the option --quiet of commands that print progress, which `command.run` obeys
Workers = Annotated[int | None, option(values.count, "N", "all cores")]

Changes = UseAppendAction[tuple[Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")], ...]]


def changed_values(changes: Iterable[tuple[str, ...]], form: str = "KEY=VALUE") -> dict[str, str]:
    """Return the values of --set by name; the last one of a name that occurs twice."""
    values_by_name = {}
    for group in changes:
        if not group:
            raise InputError(f"--set takes {form}, got nothing")
        for change in group:
            name, equals, value = change.partition("=")
            if not equals:
                raise InputError(f"--set takes {form}, got {change!r}")
            values_by_name[name] = value
    return values_by_name


__all__ = [
    "Changes",
    "Checkpoint",
    "Count",
    "Directory",
    "FlagCreatePairsOff",
    "Float",
    "Fraction",
    "Ground",
    "Name",
    "Network",
    "NewFile",
    "OmitArgPrefixes",
    "Picture",
    "Positional",
    "Positive",
    "Precision",
    "Quiet",
    "Report",
    "Topology",
    "TopologyName",
    "TrainingData",
    "Views",
    "Whole",
    "Workers",
    "arg",
    "changed_values",
    "option",
    "subcommand",
    "tyro",
    "words",
]
