"""What the scripts of the claims do: train, measure, print, draw."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import UseAppendAction, arg
from alexnet_jax.cli.values import whole_number, writable
from alexnet_jax.errors import InputError
from alexnet_jax.paper import Claim, Scale

if TYPE_CHECKING:
    from alexnet_jax.paper import Plan

Changes = Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]


@dataclass(frozen=True)
class Options:
    """Train a claim's variants from several seeds, and say whether the runs show it."""

    scale: Scale = "small"
    """small: a narrow network on thumbnails of photographs; full: ImageNet, prepared."""
    seeds: Annotated[str, arg(metavar="N")] = "3"
    """Runs of each variant, from seeds 0, 1, ..."""
    workdir: str = "runs/paper"
    """Directory of the runs, which the claims share; finished ones are not run again."""
    data: Annotated[str, arg(metavar="NAME")] = "as the scale says"
    """Another data set; with --data-dir, one that experiments/prepare.py has made."""
    data_dir: Annotated[str, arg(metavar="DIR")] = "none"
    """Directory of the prepared data sets."""
    set: UseAppendAction[tuple[Changes, ...]] = ()
    """Changes to every run, as steps=100 or batch=32; may be repeated."""
    dry_run: bool = False
    """Say which runs there are, and train none."""
    json: str = "none"
    """File for the outcomes."""
    picture: str = "none"
    """File for a picture of them: .png, .svg or .pdf."""


def run_claims(options: Options, claims: Sequence[Claim]) -> None:
    """The claims' runs, table, JSON and picture.

    Raises:
      InputError: options that cannot be used.
    """
    count = whole_number("--seeds", options.seeds)
    if count < 1:
        raise InputError(f"--seeds must be at least 1, got {count}")
    report = writable("--json", options.json, ())
    picture = writable("--picture", options.picture, (".png", ".svg", ".pdf"))
    from alexnet_jax.paper import Plan, check, variants_of

    plan = Plan(options.scale, tuple(range(count)), Path(options.workdir), _changes(options))
    if options.dry_run:
        variants = variants_of(claims, options.scale)
        for variant in variants:
            print(f"{plan.directory(variant, 0).parent}: {plan.config(variant, 0).steps:,} updates")
        print(f"{count} seeds each, {count * len(variants)} runs in all")
        return
    check(claims, plan)
    rows = _outcomes(claims, plan, options.scale, picture)
    if report is not None:
        report.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _outcomes(
    claims: Sequence[Claim], plan: Plan, scale: Scale, picture: Path | None
) -> list[dict[str, Any]]:
    from alexnet_jax.paper import format_outcomes, measure, outcome_row, outcomes_picture, train_all
    from alexnet_jax.runtime import keep_compiled
    from alexnet_jax.training import make_console

    keep_compiled()
    train_all(claims, plan, make_console() if scale == "full" else None, _say)
    outcomes = measure(claims, plan)
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


def _say(text: str) -> None:
    print(text, flush=True)


def _changes(options: Options) -> dict[str, str]:
    found = {}
    for change in (change for group in options.set for change in group):
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE, got {change!r}")
        found[name] = value
    if options.data != "as the scale says":
        found["data"] = options.data
    if options.data_dir != "none":
        found["data_dir"] = options.data_dir
    return found


def main(*claims: Claim) -> None:
    """The whole of a claim's script."""
    run(lambda options: run_claims(options, claims), Options)
