"""Faults on purpose, in full: python tests/faults/run.py [--kills 20] [--only NAME ...]

Prints a table of what was done, how often, what came of it and how long it took; ends with an
error where something is not as it should be. About half an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]

import jax  # noqa: E402

from faults.rows import Row, table  # noqa: E402

COUNTS = {
    "kills": 20,
    "corruptions": 20,
    "commands": 40,
    "pictures": 32,
    "steps": 10_000,
    "predictions": 200,
}


def parts(place: Path, counts: argparse.Namespace) -> dict[str, Callable[[], Row]]:
    """What can be done, by name."""
    from cli.test_lost_processes import test_the_death_of_one_ends_the_other
    from helpers.scripts import train

    from faults import commands, corruptions, disk, kills, load, pictures

    def trained() -> Path:
        finished = place / "finished"
        made = train(finished, 6)
        assert made.status == 0, made
        return finished

    def corrupted() -> Row:
        finished = trained()
        again = lambda workdir: train(workdir, 6)  # noqa: E731
        return corruptions.corrupt_at_random(
            finished, place, counts.corruptions, again, seed=counts.seed
        )

    def lost() -> Row:
        (place / "lost").mkdir()
        test_the_death_of_one_ends_the_other(place / "lost")
        return Row(
            "one of two processes killed",
            1,
            "the other ended within 30 s and said so; the same commands came to the same end",
        )

    return {
        "commands": lambda: commands.refuse(place / "commands", counts.commands),
        "pictures": lambda: pictures.spoil(place / "pictures", trained(), counts.pictures),
        "corruptions": corrupted,
        "kills": lambda: kills.kill_at_random(place, counts.kills, seed=counts.seed),
        "disk": lambda: disk.fill(place),
        "read-only": lambda: disk.forbid(place),
        "lost": lost,
        "steps": lambda: load.train_long(place, counts.steps),
        "predictions": lambda: load.predict_meanwhile(place, counts.predictions),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, count in COUNTS.items():
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments and places")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME")
    counts = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        jax.config.update("jax_compilation_cache_dir", f"{directory}/compiled")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
        every = parts(Path(directory), counts)
        if unknown := set(counts.only) - set(every):
            parser.error(f"--only knows {', '.join(every)}; got {', '.join(unknown)}")
        for name in counts.only or every:
            began = time.monotonic()
            print(f"{name} ...", file=sys.stderr, flush=True)
            rows.append((every[name](), time.monotonic() - began))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
