"""The paper's table 2, from ImageNet's archives: python experiments/reproduce.py --archives DIR

Prepares and packs the data, trains net 145 of the 2012 source (experiments/configs/
imagenet_source2012.py) from several seeds, evaluates each network and all of them together with
ten views, and prints table 2 with ours beside. --dry-run prints the commands, the disk and
estimates of time and energy instead. Each step is a command of its own: a finished one is
recognised, and one that was stopped goes on when this is started again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import run
from alexnet_jax.cli.options import UseAppendAction, arg
from alexnet_jax.cli.values import number, positive_number, whole_number
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.paper import Rates, Reproduction, Step

HERE = Path(__file__).parent
Directory = Annotated[str, arg(metavar="DIR")]
Number = arg(metavar="N")
Changes = Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]


@dataclass(frozen=True)
class Options:
    """Reproduce the paper's table 2: prepare, train, evaluate, compare; or say what it takes."""

    archives: Directory
    """Directory with ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar."""
    data_dir: Directory = "data"
    """Directory for the prepared data."""
    workdir: Directory = "runs/reproduction"
    """Directory for the networks' runs and their evaluations."""
    networks: Annotated[str, Number] = "5"
    """How many networks, from seeds 0, 1, ...; 1 for one alone."""
    set: UseAppendAction[tuple[Changes, ...]] = ()
    """Changes to the training, as dtype=bfloat16 or topology=two_towers; may be repeated."""
    workers: Annotated[str, Number] = "all cores"
    """Processes that prepare the data."""
    subset: bool = False
    """Accept archives with fewer pictures than those that are distributed."""
    max_bad_fraction: Annotated[str, Number] = "0.001"
    """Share of pictures that cannot be read above which preparing stops."""
    dry_run: bool = False
    """Print commands, disk, time and energy, and do nothing."""
    images_per_second: Annotated[str, Number] = "two cases"
    """With --dry-run: what your machine trains, as experiments/benchmark.py measures it."""
    watts: Annotated[str, Number] = "1000"
    """With --images-per-second: what your machine draws."""


def main(options: Options) -> None:
    asked = _asked(options)
    rates = None
    if options.images_per_second != "two cases":
        rates = (
            positive_number("--images-per-second", options.images_per_second),
            positive_number("--watts", options.watts),
        )
    from alexnet_jax.paper import estimates, reproduction, table2

    plan = reproduction.steps(asked)
    network = estimates.network_of(asked)
    reproduction.check(asked)
    if options.dry_run:
        machines = [estimates.MEASURED, estimates.on_paper(network, asked.config(0).batch)]
        _describe(asked, plan, [estimates.as_given(*rates, network)] if rates else machines)
        return
    if not plan[0].done():
        estimates.require_room(asked, plan, estimates.disk(asked, *_pictures(options)))
    asked.workdir.mkdir(parents=True, exist_ok=True)

    def execute(script: str, arguments: Sequence[str]) -> int:
        return reproduction.in_a_process([sys.executable, f"{HERE / script}.py", *arguments])

    status = reproduction.carry_out(plan, execute, lambda text: print(text, flush=True))
    if status:
        print("stopped there; the same command goes on from it", file=sys.stderr)
        raise SystemExit(status)
    print(f"\n{table2(asked)}")


def _asked(options: Options) -> Reproduction:
    from alexnet_jax.paper import Reproduction

    changes = {}
    for change in (change for group in options.set for change in group):
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE, got {change!r}")
        changes[name] = value
    bad = number("--max-bad-fraction", options.max_bad_fraction)
    if not 0 <= bad <= 1:
        raise InputError(f"--max-bad-fraction must lie in [0, 1], got {bad:g}")
    workers = ""
    if options.workers != "all cores":
        workers = str(whole_number("--workers", options.workers))
    preparing = ["--subset"] if options.subset else []
    if options.max_bad_fraction != Options.max_bad_fraction:
        preparing += ["--max-bad-fraction", options.max_bad_fraction]
    return Reproduction(
        archives=Path(options.archives),
        data_dir=Path(options.data_dir),
        workdir=Path(options.workdir),
        networks=whole_number("--networks", options.networks),
        changes=changes,
        preparing=tuple(preparing),
        workers=workers,
    )


def _pictures(options: Options) -> tuple[int, int]:
    """Training and validation pictures in the archives, which are read through for a subset only.

    Raises:
      InputError: an archive that is missing or cannot be used.
    """
    from alexnet_jax.data.sources import (
        TRAIN_PICTURES,
        VALIDATION_PICTURES,
        ilsvrc,
        require_archives,
    )

    archives = Path(options.archives)
    if not options.subset:
        require_archives(archives)
        return TRAIN_PICTURES, VALIDATION_PICTURES
    found = ilsvrc(archives, subset=True).splits
    return len(found["train"].labels), len(found["test"].labels)


def _describe(asked: Reproduction, plan: Sequence[Step], machines: Sequence[Rates]) -> None:
    """Prints the plan of the distributed archives."""
    from alexnet_jax.data.sources import TRAIN_PICTURES, VALIDATION_PICTURES
    from alexnet_jax.paper import amounts, disk, timetable

    counts = (TRAIN_PICTURES, VALIDATION_PICTURES)
    print(f"{sum(counts):,} pictures; commands:")
    for step in plan:
        print(f"  {step.command}{'  # done' if step.done() else ''}")
    print("\ndisk, beside the archives of 154.6 GB:")
    words = {"records": " (may go once they are packed)", "checkpoints": " of all networks"}
    for name, size in disk(asked, *counts).items():
        print(f"  {size / 1e9:7,.1f} GB  {name}{words.get(name, '')}")
    print("\ntime and energy, estimates:\n")
    print(timetable(plan, amounts(asked, plan, *counts), machines))
    for rates in machines:
        for source in rates.sources:
            print(f"\n{rates.label}: {source}.")


if __name__ == "__main__":
    run(main, Options)
