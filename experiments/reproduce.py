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
from alexnet_jax.cli.options import (
    Changes,
    Count,
    Directory,
    Fraction,
    Positive,
    Workers,
    changed_values,
    option,
)
from alexnet_jax.cli.values import positive

if TYPE_CHECKING:
    from alexnet_jax.paper import Rates, Reproduction, Step

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Options:
    """Reproduce the paper's table 2: prepare, train, evaluate, compare; or say what it takes."""

    archives: Directory
    """Directory with ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar."""
    data_dir: Directory = Path("data")
    """Directory for the prepared data."""
    workdir: Directory = Path("runs/reproduction")
    """Directory for the networks' runs and their evaluations."""
    networks: Count = 5
    """How many networks, from seeds 0, 1, ...; 1 for one alone."""
    set: Changes = ()
    """Changes to the training, as dtype=bfloat16 or topology=two_towers; may be repeated."""
    workers: Workers = None
    """Processes that prepare the data."""
    subset: bool = False
    """Accept archives with fewer pictures than those that are distributed."""
    max_bad_fraction: Fraction = 0.001
    """Share of pictures that cannot be read above which preparing stops."""
    dry_run: bool = False
    """Print commands, disk, time and energy, and do nothing."""
    images_per_second: Annotated[float | None, option(positive, "X", "two cases")] = None
    """With --dry-run: what your machine trains, as experiments/benchmark.py measures it."""
    watts: Positive = 1000.0
    """With --images-per-second: what your machine draws."""


def main(options: Options) -> None:
    asked = _asked(options)
    from alexnet_jax.paper import estimates, reproduction, table2

    plan = reproduction.steps(asked)
    network = estimates.network_of(asked)
    reproduction.check(asked)
    if options.dry_run:
        machines = [estimates.MEASURED, estimates.on_paper(network, asked.config(0).batch)]
        if options.images_per_second is not None:
            rates = options.images_per_second, options.watts
            machines = [estimates.as_given(*rates, network)]
        _describe(asked, plan, machines)
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

    if not options.subset:
        require_archives(options.archives)
        return TRAIN_PICTURES, VALIDATION_PICTURES
    found = ilsvrc(options.archives, subset=True).splits
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
