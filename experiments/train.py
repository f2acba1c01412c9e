"""Train a network: python experiments/train.py CONFIG [options]

CONFIG is the name of a file in experiments/configs/, or the path of such a file. Run again with
the same workdir, a training goes on where it stopped.
"""

from __future__ import annotations

import itertools
import os
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import SeveralProcesses, run
from alexnet_jax.cli.options import Positional, UseAppendAction, arg
from alexnet_jax.errors import InputError
from alexnet_jax.runs import TrainConfig, changed
from alexnet_jax.runtime import make_deterministic

CONFIGS = Path(__file__).parent / "configs"


Changes = Annotated[tuple[str, ...], arg(metavar="KEY=VALUE")]


@dataclass(frozen=True)
class Options(SeveralProcesses):
    """Train a network as a config says, or go on with a training that stopped."""

    config: Positional[Annotated[str, arg(metavar="CONFIG")]]
    """Name of a file in experiments/configs/, or a path."""
    workdir: str = "runs/CONFIG"
    """Directory of the run."""
    data: Annotated[str, arg(metavar="NAME")] = "as the config says"
    """Name of a data set; with --data-dir, one that experiments/prepare.py has made."""
    data_dir: Annotated[str, arg(metavar="DIR")] = "as the config says"
    """Directory of the prepared data sets; may change when a training goes on."""
    start_from: Annotated[str, arg(metavar="WORKDIR")] = "as the config says"
    """Begin with the weights of another run; the last layer is new where the classes differ."""
    topology: str = "as the config says"
    """How the network is spread over devices: one_device, two_towers, data, data_towers, hybrid."""
    steps: Annotated[str, arg(metavar="N")] = "as the config says"
    """Total number of updates; a finished run may be given more."""
    seed: Annotated[str, arg(metavar="S")] = "as the config says"
    """Seed of everything random."""
    dtype: str = "as the config says"
    """What the network computes in: float32, bfloat16 or float64 (with JAX_ENABLE_X64=1)."""
    log_every: Annotated[str, arg(metavar="N")] = "as the config says"
    """Updates between two lines of training metrics."""
    fresh: bool = False
    """Start over, removing what an earlier run left in the workdir."""
    set: UseAppendAction[tuple[Changes, ...]] = ()
    """Changes to the config, as learning_rate=0.02 or layers.conv1.maps=64; may be repeated."""
    profile: str = "none"
    """Directory for a profile of ten steps."""
    deterministic: bool = False
    """On GPUs, kernels that give the same bits every time; CPUs do so anyway."""


def load_config(name: str) -> TrainConfig:
    """The CONFIG of a file, by name or path."""
    path = Path(name)
    if not path.suffix:
        path = CONFIGS / f"{name}.py"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in CONFIGS.glob("*.py")))
        raise InputError(f"unknown config {name!r}; there are {there}, or give a path")
    if path.suffix != ".py":
        raise InputError(f"{path} is not a Python file with a CONFIG")
    try:
        config = runpy.run_path(str(path)).get("CONFIG")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (Exception, SystemExit) as error:  # a file of the user's may do anything
        raise InputError(
            f"{path} is not a Python file that can be run: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, TrainConfig):
        raise InputError(f"{path} defines no CONFIG that is a TrainConfig")
    return config


def settings(options: Options) -> dict[str, str]:
    """What the command line changes in the config, as text by name."""
    found = {}
    if () in options.set:
        raise InputError("--set takes KEY=VALUE, got nothing")
    for change in itertools.chain.from_iterable(options.set):
        name, equals, value = change.partition("=")
        if not equals:
            raise InputError(f"--set takes KEY=VALUE, got {change!r}")
        found[name] = value
    for name in ("data", "data_dir", "start_from", "topology", "steps", "seed", "dtype",
                 "log_every"):  # fmt: skip
        value = getattr(options, name)
        if value != "as the config says":
            found[name] = value
    return found


def main(options: Options) -> None:
    if options.deterministic:
        make_deterministic(os.environ)
    config = changed(load_config(options.config), settings(options))
    workdir = options.workdir
    if not workdir:
        raise InputError("--workdir is empty; give a directory")
    if workdir == "runs/CONFIG":
        workdir = f"runs/{config.name}"
    from alexnet_jax.runtime import keep_compiled
    from alexnet_jax.training import fit, make_console

    options.join()
    keep_compiled()
    profile = None if options.profile == "none" else Path(options.profile)
    fit(
        config,
        Path(workdir),
        make_console(),
        fresh=options.fresh,
        profile=profile,
        heartbeat=options.heartbeat,
    )


if __name__ == "__main__":
    run(main, Options)
