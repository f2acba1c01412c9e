"""Repeat the trainings of 2011 on CIFAR-10, and the paper's figure 1.

Trains the networks that came with cuda-convnet, the paper's race of ReLU against tanh, and the
same network in PyTorch; measures baselines; prints a report in Markdown. Each run has the workdir
WORKDIR/NAME/SEED. Finished runs are not repeated, and stopped ones are resumed by the same command.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import run
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
from alexnet_jax.cli.values import count, directory
from alexnet_jax.errors import InputError, choices

if TYPE_CHECKING:
    from alexnet_jax.paper.cifar import Plan, Record, Training


def listed(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(text.split(","))


@dataclass(frozen=True)
class Options:
    """Repeat the trainings of 2011 on CIFAR-10, and the paper's figure 1; print a report."""

    only: Annotated[tuple[str, ...] | None, option(listed, "NAME,NAME...", "the affordable")] = None
    """Names of trainings and baselines, in this order; --dry-run lists them."""
    data: Annotated[str, option(str, "NAME")] = "cifar10"
    """Name of the data set."""
    data_dir: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Directory of the prepared data sets."""
    data_note: Annotated[str | None, option(str, "TEXT", "none")] = None
    """Words about the data for the report, such as "JPEG copy"."""
    workdir: Directory = Path("runs/cifar10")
    """Directory of the runs."""
    seeds: Annotated[int | None, option(count, "N", "three, or one of those of 140 epochs")] = None
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
    figure1: Picture = None
    """File for the paper's figure 1, drawn of our runs: .png, .svg or .pdf."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    from alexnet_jax.paper import write_json
    from alexnet_jax.paper.cifar import (
        figure1,
        format_report,
        learning_curves,
        read_record,
    )

    if options.results is not None:
        record = read_record(options.results)
    else:
        trained = _train_and_record(options)
        if trained is None:
            return
        record = trained
    if options.json is not None:
        write_json(record, options.json)
    for file, draw in ((options.picture, learning_curves), (options.figure1, figure1)):
        if file is not None:
            draw(record).savefig(file, dpi=150)
    print(format_report(record))


def _train_and_record(options: Options) -> Record | None:
    """Train what is asked for, and return the record of the workdir; None for a dry run."""
    import jax

    from alexnet_jax import data
    from alexnet_jax.display import remark, waiting
    from alexnet_jax.paper.cifar import (
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
    trainings, baselines = _chosen(options.only)
    if options.dry_run:
        _describe(plan)
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
    with waiting("measuring the runs"):
        return make_record(plan, dataset, options.data_note or "", device_name(jax.devices()[0]))


def _chosen(only: tuple[str, ...] | None) -> tuple[list[Training], list[str]]:
    """Return the trainings and the baselines asked for.

    Raises:
      InputError: an unknown name.
    """
    from alexnet_jax.paper.cifar import BASELINES, TRAININGS

    torch = importlib.util.find_spec("torch") is not None
    if only is None:
        only = (
            *BASELINES,
            *(
                name
                for name, one in TRAININGS.items()
                if not one.optional and (torch or one.library != "torch")
            ),
        )
    names = [*BASELINES, *TRAININGS]
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"unknown training {unknown[0]!r}; {choices(unknown[0], names)}")
    chosen = [TRAININGS[name] for name in only if name in TRAININGS]
    if not torch and any(one.library == "torch" for one in chosen):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    return chosen, [name for name in only if name in BASELINES]


def _describe(plan: Plan) -> None:
    """Print the trainings, with the number of their runs and updates, and the baselines."""
    from alexnet_jax.display import format_table
    from alexnet_jax.paper.cifar import BASELINES, TRAININGS

    lines = [("name", "seeds", "updates", "")]
    for training in TRAININGS.values():
        steps = f"{plan.config(plan.first(training)).steps:,}"
        limit = f"<= {steps}" if training.rates else steps
        words = training.says + (" (only by name)" if training.optional else "")
        lines.append((training.name, str(len(plan.seeds_of(training))), limit, words))
    table = format_table([(a, d, b, c) for a, b, c, d in lines], left=2, rules=())
    print(f"{table}\nbaselines: {', '.join(BASELINES)}")


command = partial(run, main, Options)
