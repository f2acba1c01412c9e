"""Commands for a table of trainings: their options, and what they do with them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.configs import load_config
from alexnet_jax.cli.options import (
    Changes,
    Directory,
    Picture,
    Quiet,
    Report,
    changed_values,
    option,
)
from alexnet_jax.cli.values import count, directory, names
from alexnet_jax.errors import InputError, choices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from alexnet_jax.paper.trainings import Baseline, Plan, Record, Table, Training

    Drawing = tuple[Path | None, Callable[[Table, Record], Figure]]  # file and its picture


@dataclass(frozen=True)
class TableOptions:
    """Train the networks of a table, and print a report."""

    only: Annotated[tuple[str, ...] | None, option(names, "NAME,NAME...", "the affordable")] = None
    """Names of trainings and baselines, in this order; --dry-run lists them."""
    data: Annotated[str, option(str, "NAME")] = ""
    """Name of the data set."""
    data_dir: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Directory of the prepared data sets."""
    data_note: Annotated[str | None, option(str, "TEXT", "none")] = None
    """Words about the data for the report, such as "JPEG copy"."""
    workdir: Directory = Path("runs")
    """Directory of the runs."""
    seeds: Annotated[int | None, option(count, "N", "each training's own")] = None
    """Runs of each training, from seeds 0, 1, ..."""
    set: Changes = ()
    """Changes to every run, such as batch=32 or topology=data; may be repeated."""
    dry_run: bool = False
    """List the trainings and their runs without training."""
    report: bool = False
    """Report what is there without training."""
    results: Annotated[Path | None, option(Path, "FILE", "none")] = None
    """Report an earlier --json instead of the workdir; needs neither runs nor data."""
    json: Report = None
    """File for the record of all runs."""
    picture: Picture = None
    """File for a picture of the learning curves: .png, .svg or .pdf."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def run_table(table: Table, options: TableOptions, drawings: Iterable[Drawing] = ()) -> None:
    """Train what is asked for, print the report, and write the record and pictures.

    Args:
      table: the trainings.
      options: the command's options.
      drawings: files and pictures that this command offers besides the learning curves.

    Raises:
      InputError: a setting cannot be used.
    """
    from alexnet_jax.paper import write_json
    from alexnet_jax.paper.trainings import format_report, learning_curves, read_record

    if options.results is not None:
        record = read_record(table, options.results)
    else:
        trained = _train_and_record(table, options)
        if trained is None:
            return
        record = trained
    if options.json is not None:
        write_json(record, options.json)
    for file, draw in ((options.picture, learning_curves), *drawings):
        if file is not None:
            draw(table, record).savefig(file, dpi=150)
    print(format_report(table, record))


def _train_and_record(table: Table, options: TableOptions) -> Record | None:
    """Train what is asked for, and return the record of the workdir; None for a dry run."""
    import jax

    from alexnet_jax import data
    from alexnet_jax.display import remark, waiting
    from alexnet_jax.paper.trainings import (
        Plan,
        check_trainings,
        make_record,
        measure_baselines,
        train_all,
    )
    from alexnet_jax.runtime import device_name, enable_compile_cache
    from alexnet_jax.training import keep_memory_of_small_runs, make_console

    changes = changed_values(options.set) | {"data": options.data}
    if options.data_dir is not None:
        changes["data_dir"] = str(options.data_dir)
    plan = Plan(options.workdir, load_config, changes, options.seeds)
    trainings, baselines = _chosen(table, options.only)
    if options.dry_run:
        _describe(table, plan)
        return None
    if not options.report:
        for training in trainings:
            keep_memory_of_small_runs(plan.config(plan.first(training)))
        check_trainings(trainings, plan)
    dataset = data.load(options.data, str(options.data_dir or ""))
    if not options.report:
        enable_compile_cache()
        measure_baselines(baselines, plan.workdir, dataset, remark)
        train_all(trainings, plan, make_console(), remark)
        remark("")
    device = device_name(jax.devices()[0])
    with waiting("measuring the runs"):
        return make_record(table, plan, dataset, options.data_note or "", device)


def _chosen(table: Table, only: tuple[str, ...] | None) -> tuple[list[Training], list[Baseline]]:
    """Return the trainings and the baselines asked for; by default those without long ones.

    Raises:
      InputError: an unknown name.
    """
    torch = importlib.util.find_spec("torch") is not None
    trainings = {one.name: one for one in table.trainings}
    baselines = {one.name: one for one in table.baselines}
    if only is None:
        affordable = (
            name
            for name, one in trainings.items()
            if not one.optional and (torch or one.library != "torch")
        )
        only = (*baselines, *affordable)
    names = [*baselines, *trainings]
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"unknown training {unknown[0]!r}; {choices(unknown[0], names)}")
    chosen = [trainings[name] for name in only if name in trainings]
    if not torch and any(one.library == "torch" for one in chosen):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    return chosen, [baselines[name] for name in only if name in baselines]


def _describe(table: Table, plan: Plan) -> None:
    """Print the trainings, with the number of their runs and updates, and the baselines."""
    from alexnet_jax.display import format_table

    lines = [("name", "seeds", "updates", "")]
    for training in table.trainings:
        steps = f"{plan.config(plan.first(training)).steps:,}"
        limit = f"<= {steps}" if training.rates else steps
        words = training.says + (" (only by name)" if training.optional else "")
        lines.append((training.name, str(len(plan.seeds_of(training))), limit, words))
    text = format_table([(a, d, b, c) for a, b, c, d in lines], left=2, rules=())
    print(f"{text}\nbaselines: {', '.join(one.name for one in table.baselines)}")
