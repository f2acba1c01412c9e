"""Test the claims of the paper.

Prints one table. Variants shared by several claims are trained once. At the small scale, the runs
may not confirm a claim; the table says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Changes,
    Count,
    Directory,
    Picture,
    Report,
    changed_values,
    option,
    words,
)
from alexnet_jax.cli.values import directory
from alexnet_jax.errors import InputError, choices
from alexnet_jax.paper import CLAIMS, Claim, Scale

if TYPE_CHECKING:
    from alexnet_jax.paper import Plan


def listed(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(text.split(","))


@dataclass(frozen=True)
class ClaimOptions:
    """Train a claim's variants from several seeds, and report whether the runs confirm it."""

    scale: Annotated[Scale, words(Scale)] = "small"
    """small: a narrow network on thumbnails of photographs; full: ImageNet, prepared."""
    seeds: Count = 3
    """Runs of each variant, from seeds 0, 1, ..."""
    workdir: Directory = Path("runs/paper")
    """Directory of the runs, shared by all claims; finished runs are not repeated."""
    data: Annotated[str | None, option(str, "NAME", "as the scale says")] = None
    """Name of another data set; with --data-dir, of a prepared one."""
    data_dir: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Directory of the prepared data sets."""
    set: Changes = ()
    """Changes to every run, such as steps=100 or batch=32; may be repeated."""
    dry_run: bool = False
    """List the runs without training."""
    json: Report = None
    """File for the outcomes."""
    picture: Picture = None
    """File for a picture of the outcomes: .png, .svg or .pdf."""


@dataclass(frozen=True)
class Options(ClaimOptions):
    """Train every claim's variants from several seeds, and report which the runs confirm."""

    only: Annotated[tuple[str, ...] | None, option(listed, "NAME,NAME...", "all")] = None
    """Names of the claims to test."""


def run_claims(options: ClaimOptions, claims: Sequence[Claim]) -> None:
    """Train the claims' runs, print the table, and write the JSON file and the picture.

    Raises:
      InputError: a setting cannot be used.
    """
    from alexnet_jax.paper import Plan, check_runs, variants_of

    plan = Plan(options.scale, tuple(range(options.seeds)), options.workdir, _changes(options))
    if options.dry_run:
        variants = variants_of(claims, options.scale)
        for variant in variants:
            print(f"{plan.directory(variant, 0).parent}: {plan.config(variant, 0).steps:,} updates")
        print(f"{options.seeds} seeds each, {options.seeds * len(variants)} runs in all")
        return
    check_runs(claims, plan)
    rows = _outcomes(claims, plan, options.scale, options.picture)
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _outcomes(
    claims: Sequence[Claim], plan: Plan, scale: Scale, picture: Path | None
) -> list[dict[str, Any]]:
    from alexnet_jax.paper import (
        format_outcomes,
        measure_claims,
        outcome_row,
        outcomes_picture,
        train_all,
    )
    from alexnet_jax.runtime import enable_compile_cache
    from alexnet_jax.training import make_console

    enable_compile_cache()
    train_all(claims, plan, make_console() if scale == "full" else None, _print)
    outcomes = measure_claims(claims, plan)
    rows = [outcome_row(outcome) for outcome in outcomes]
    print()
    for claim in claims:
        print(f"{claim.name}: {claim.says}\n  then: {claim.paper} ({claim.source})")
        if claim.note and scale == "small":
            print(f"  here: {claim.note}")
    print(f"\n{format_outcomes(outcomes)}")
    if picture is not None:
        title = f"{len(plan.seeds)} seeds, {scale} scale"
        outcomes_picture(rows, title).savefig(picture, dpi=150)
    return rows


def _print(text: str) -> None:
    print(text, flush=True)


def _changes(options: ClaimOptions) -> dict[str, str]:
    changes = changed_values(options.set)
    if options.data is not None:
        changes["data"] = options.data
    if options.data_dir is not None:
        changes["data_dir"] = str(options.data_dir)
    return changes


def main(options: Options) -> None:
    names = options.only or tuple(CLAIMS)
    if unknown := [name for name in names if name not in CLAIMS]:
        raise InputError(f"unknown claim {unknown[0]!r}; {choices(unknown[0], CLAIMS)}")
    run_claims(options, [CLAIMS[name] for name in names])


def command(arguments: Sequence[str], program: str | None = None, claim: str | None = None) -> None:
    """Parse and run; with `claim`, that claim alone."""
    if claim is None:
        run(main, Options, arguments, program)
    else:
        run(partial(run_claims, claims=[CLAIMS[claim]]), ClaimOptions, arguments, program)
