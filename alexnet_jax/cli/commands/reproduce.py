"""Reproduce the paper's table 2.

Prepares and packs ImageNet, trains net 145 of the 2012 source (config
imagenet_source2012) from several seeds, evaluates each network and all of them together with
ten views, and prints table 2 beside our results. --dry-run instead prints the commands, the disk
space, and estimates of time and energy. Each step is a separate command. If this is started again,
finished steps are skipped and a stopped one is resumed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import (
    Changes,
    Count,
    Directory,
    Fraction,
    Positive,
    Quiet,
    Workers,
    changed_values,
    option,
)
from alexnet_jax.cli.values import positive

if TYPE_CHECKING:
    from alexnet_jax.paper import Rates, Reproduction, Step


@dataclass(frozen=True)
class Options:
    """Reproduce the paper's table 2: prepare, train, evaluate, compare; or estimate the cost."""

    archives: Directory
    """Directory with ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar."""
    data_dir: Directory = Path("data")
    """Directory for the prepared data."""
    workdir: Directory = Path("runs/reproduction")
    """Directory for the networks' runs and their evaluations."""
    networks: Count = 5
    """Number of networks, trained from seeds 0, 1, ..."""
    set: Changes = ()
    """Changes to the training, such as dtype=bfloat16 or topology=two_towers; may be repeated."""
    workers: Workers = None
    """Number of processes that prepare the data."""
    subset: bool = False
    """Accept archives with fewer pictures than the distributed ones."""
    max_bad_fraction: Fraction = 0.001
    """Largest share of pictures that may be unreadable."""
    dry_run: bool = False
    """Print commands, disk space, time and energy, and do nothing."""
    images_per_second: Annotated[float | None, option(positive, "X", "two cases")] = None
    """With --dry-run: training speed of your machine, measured by benchmark."""
    watts: Positive = 1000.0
    """With --images-per-second: power of your machine."""
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options, form: str) -> None:
    """Carry out the plan, whose commands are shown in a `form` such as "alexnet-jax {}"."""
    requested = _reproduction(options)
    from alexnet_jax.display import remark
    from alexnet_jax.paper import estimates, format_table2, reproduction

    plan = reproduction.steps(requested, form)
    network = estimates.network_of(requested)
    reproduction.check(requested)
    if options.dry_run:
        machines = [estimates.MEASURED, estimates.on_paper(network, requested.config(0).batch)]
        if options.images_per_second is not None:
            rates = options.images_per_second, options.watts
            machines = [estimates.as_given(*rates, network)]
        _describe(requested, plan, machines)
        return
    if not plan[0].done():
        estimates.require_room(
            requested, plan, estimates.disk_bytes(requested, *_pictures(options))
        )
    requested.workdir.mkdir(parents=True, exist_ok=True)

    def execute(command: str, arguments: Sequence[str]) -> int:
        quiet = ["--quiet"] if options.quiet else []
        words = [sys.executable, "-m", "alexnet_jax", command, *arguments, *quiet]
        return reproduction.in_a_process(words)

    status = reproduction.carry_out(plan, execute, remark)
    if status:
        print("stopped there; the same command resumes it", file=sys.stderr)
        raise SystemExit(status)
    print(f"\n{format_table2(requested)}")


def _reproduction(options: Options) -> Reproduction:
    from alexnet_jax.paper import Reproduction

    preparing = ["--subset"] if options.subset else []
    if options.max_bad_fraction != Options.max_bad_fraction:
        preparing += ["--max-bad-fraction", str(options.max_bad_fraction)]
    return Reproduction(
        archives=options.archives,
        data_dir=options.data_dir,
        workdir=options.workdir,
        networks=options.networks,
        changes=changed_values(options.set),
        preparing=tuple(preparing),
        workers="" if options.workers is None else str(options.workers),
    )


def _pictures(options: Options) -> tuple[int, int]:
    """Return the numbers of training and validation pictures; archives are read for a subset only.

    Raises:
      InputError: an archive is missing or cannot be used.
    """
    from alexnet_jax.data.sources import (
        TRAIN_PICTURES,
        VALIDATION_PICTURES,
        ilsvrc,
        require_archives,
    )

    if not options.subset:
        require_archives(options.archives)
        return TRAIN_PICTURES, VALIDATION_PICTURES
    splits = ilsvrc(options.archives, subset=True).splits
    return len(splits["train"].labels), len(splits["test"].labels)


def _describe(requested: Reproduction, plan: Sequence[Step], machines: Sequence[Rates]) -> None:
    """Print the plan for the distributed archives: commands, disk space, time and energy."""
    from alexnet_jax.data.sources import TRAIN_PICTURES, VALIDATION_PICTURES
    from alexnet_jax.paper import disk_bytes, format_timetable, step_amounts

    counts = (TRAIN_PICTURES, VALIDATION_PICTURES)
    print(f"{sum(counts):,} pictures; commands:")
    for step in plan:
        print(f"  {step.command}{'  # done' if step.done() else ''}")
    print("\ndisk, beside the archives of 154.6 GB:")
    words = {"records": " (may go once they are packed)", "checkpoints": " of all networks"}
    for name, size in disk_bytes(requested, *counts).items():
        print(f"  {size / 1e9:7,.1f} GB  {name}{words.get(name, '')}")
    print("\ntime and energy, estimates:\n")
    print(format_timetable(plan, step_amounts(requested, plan, *counts), machines))
    for rates in machines:
        for source in rates.sources:
            print(f"\n{rates.label}: {source}.")


def command(arguments: Sequence[str], program: str | None = None) -> None:
    """Parse and run; the plan's commands are shown as scripts to those who run a script."""
    form = "python experiments/{}.py" if program is None else "alexnet-jax {}"
    run(partial(main, form=form), Options, arguments, program)
