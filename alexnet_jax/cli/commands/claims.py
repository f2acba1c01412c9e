"""Test the claims of the paper.

Trains the two networks of every claim from several seeds, and prints one report in Markdown.
Networks shared by several claims are trained once. Finished runs are not repeated, and stopped ones
are resumed by the same command, which several processes may run at the same time to share the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import Changes, Picture, Quiet, Report, changed_values, option, words
from alexnet_jax.cli.values import count, directory, names
from alexnet_jax.errors import InputError, choices
from alexnet_jax.paper import CLAIMS, PLAIN, SEEDS, Claim, Scale

if TYPE_CHECKING:
    from alexnet_jax.paper import Plan, Record


@dataclass(frozen=True)
class ClaimOptions:
    """Train a claim's networks from several seeds, and report whether the runs confirm it."""

    scale: Annotated[Scale, words(Scale)] = "quick"
    """quick: a few updates on photographs, which decide nothing; cifar: a narrow network on
    CIFAR-10, prepared; full: ImageNet, prepared."""
    seeds: Annotated[int | None, option(count, "N", "five, at quick two")] = None
    """Runs of each network, from seeds 0, 1, ..."""
    workdir: Annotated[Path | None, option(directory, "DIR", "runs/paper/SCALE")] = None
    """Directory of the runs, shared by all claims."""
    data: Annotated[str | None, option(str, "NAME", "as the scale says")] = None
    """Name of another data set; with --data-dir, of a prepared one."""
    data_dir: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Directory of the prepared data sets."""
    data_note: Annotated[str | None, option(str, "TEXT", "none")] = None
    """Words about the data for the report, such as "JPEG copy"."""
    set: Changes = ()
    """Changes to every run, such as steps=100 or batch=32; may be repeated."""
    dry_run: bool = False
    """List the runs without training."""
    report: bool = False
    """Report what is there without training: each claim from the seeds that have both its runs."""
    json: Report = None
    """File for the record of the outcomes."""
    picture: Picture = None
    """File for a picture of the outcomes: .png, .svg or .pdf."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


@dataclass(frozen=True)
class Options(ClaimOptions):
    """Train every claim's networks from several seeds, and report which the runs confirm."""

    only: Annotated[tuple[str, ...] | None, option(names, "NAME,NAME...", "all")] = None
    """Names of the claims to test."""
    results: Annotated[Path | None, option(Path, "FILE", "none")] = None
    """Report an earlier --json instead of the workdir; needs neither runs nor data."""


def run_claims(options: ClaimOptions, claims: Sequence[Claim]) -> None:
    """Train the claims' runs, print the report, and write the JSON file and the picture.

    Raises:
      InputError: a setting cannot be used.
    """
    from alexnet_jax.paper import Plan

    seeds = SEEDS[options.scale] if options.seeds is None else options.seeds
    workdir = options.workdir or Path("runs/paper", options.scale)
    plan = Plan(options.scale, tuple(range(seeds)), workdir, _changes(options))
    if options.dry_run:
        _describe(claims, plan)
    else:
        _write(_train_and_record(claims, plan, options), options)


def _describe(claims: Sequence[Claim], plan: Plan) -> None:
    """Print the directories of the runs and their numbers of updates."""
    from alexnet_jax.paper import variants_of

    variants, seeds = variants_of(claims, plan.scale), len(plan.seeds)
    for variant in variants:
        print(f"{plan.directory(variant, 0).parent}: {plan.config(variant, 0).steps:,} updates")
    print(f"{seeds} seeds each, {seeds * len(variants)} runs in all")


def _train_and_record(claims: Sequence[Claim], plan: Plan, options: ClaimOptions) -> Record:
    """Train what is not finished, unless it is only to be reported, and return the record."""
    import jax

    from alexnet_jax import data
    from alexnet_jax.display import remark, waiting
    from alexnet_jax.paper import check_runs, make_record, train_all
    from alexnet_jax.runtime import device_name, enable_compile_cache
    from alexnet_jax.training import keep_memory_of_small_runs, make_console

    enable_compile_cache()
    if not options.report:
        keep_memory_of_small_runs(plan.config(PLAIN, plan.seeds[0]))
        check_runs(claims, plan)
        console = make_console() if plan.scale == "full" else None
        train_all(claims, plan, console, remark)
        remark("")
    config = plan.config(PLAIN, plan.seeds[0])
    dataset = data.load(config.data, config.data_dir)
    device = device_name(jax.devices()[0])
    with waiting("measuring the runs"):
        return make_record(claims, plan, dataset, options.data_note or "", device)


def _write(record: Record, options: ClaimOptions) -> None:
    """Print the report of a record, and write its JSON file and its picture if asked for."""
    from alexnet_jax.paper import forest_plot, format_report, write_json

    if options.json is not None:
        write_json(record, options.json)
    if options.picture is not None:
        forest_plot(record).savefig(options.picture, dpi=150)
    print(format_report(record))


def _changes(options: ClaimOptions) -> dict[str, str]:
    changes = changed_values(options.set)
    if options.data is not None:
        changes["data"] = options.data
    if options.data_dir is not None:
        changes["data_dir"] = str(options.data_dir)
    return changes


def main(options: Options) -> None:
    from alexnet_jax.paper import read_record

    if options.results is not None:
        _write(read_record(options.results), options)
        return
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
