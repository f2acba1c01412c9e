"""Train a network.

CONFIG is the name of a file in alexnet_jax/configs/, or the path of such a file. A training that
was stopped is resumed by the same command.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from alexnet_jax.cli.command import SeveralProcesses, run
from alexnet_jax.cli.configs import load_config
from alexnet_jax.cli.ending import end_at_interrupt
from alexnet_jax.cli.options import (
    Changes,
    OmitArgPrefixes,
    Positional,
    Quiet,
    TopologyName,
    arg,
    changed_values,
    option,
    words,
)
from alexnet_jax.cli.values import directory, listed, whole
from alexnet_jax.runs import Dtype, Precision, TrainConfig, with_overrides
from alexnet_jax.runtime import enable_compile_cache, make_deterministic

AS_IN_CONFIG = "as in CONFIG"


@dataclass(frozen=True)
class Options:
    """Train a network by a config, or resume a training that was stopped."""

    config: Positional[Annotated[str, arg(metavar="CONFIG")]]
    """Name of a config, as `alexnet-jax configs` lists them, or the path of one."""
    workdir: Annotated[Path | None, option(directory, "DIR", "runs/CONFIG")] = None
    """Directory of the run."""
    data: Annotated[str | None, option(str, "NAME", AS_IN_CONFIG)] = None
    """Name of a data set; with --data-dir, of a prepared one."""
    data_dir: Annotated[str | None, option(str, "DIR", AS_IN_CONFIG)] = None
    """Directory of the prepared data sets; may change when a training is resumed."""
    start_from: Annotated[str | None, option(str, "NETWORK", AS_IN_CONFIG)] = None
    """Begin with the weights of a run, a file or a name; the last layer is new if the classes
    differ."""
    topology: Annotated[TopologyName | None, words(TopologyName, AS_IN_CONFIG)] = None
    """Distribution of the network over devices."""
    steps: Annotated[int | None, option(whole, "N", AS_IN_CONFIG)] = None
    """Total number of updates; may be raised for a finished run."""
    seed: Annotated[int | None, option(whole, "S", AS_IN_CONFIG)] = None
    """Seed of everything random."""
    dtype: Annotated[Dtype | None, words(Dtype, AS_IN_CONFIG)] = None
    """Type of the computation; float64 needs JAX_ENABLE_X64=1."""
    precision: Annotated[Precision | None, words(Precision, AS_IN_CONFIG)] = None
    """Products of float32 numbers on TPUs and GPUs: rounded as is usual there, or exact."""
    log_every: Annotated[int | None, option(whole, "N", AS_IN_CONFIG)] = None
    """Updates between two lines of training metrics."""
    record: Annotated[tuple[str, ...] | None, option(listed, "NAME", AS_IN_CONFIG)] = None
    """Where measurements go besides metrics.jsonl: tensorboard, to WORKDIR/tensorboard."""
    fresh: bool = False
    """Start over, removing the files of an earlier run from the workdir."""
    set: Changes = ()
    """Changes to the config, e.g. learning_rate=0.02 or layers.conv1.maps=64; may be repeated."""
    profile: Annotated[Path | None, option(directory, "DIR", "none")] = None
    """Directory for a profile of ten steps."""
    deterministic: bool = False
    """On GPUs, use kernels that always give the same bits, as on CPUs."""
    quiet: Quiet = False
    """Print nothing but the result and errors."""
    processes: OmitArgPrefixes[SeveralProcesses] = field(default_factory=SeveralProcesses)


def configured(options: Options) -> TrainConfig:
    """Return the config with the changes of the command line."""
    config = with_overrides(load_config(options.config), changed_values(options.set))
    names = {field.name for field in dataclasses.fields(config)}
    values = {n: v for n, v in vars(options).items() if n in names and v is not None}
    return dataclasses.replace(config, **values)


def main(options: Options) -> None:
    with end_at_interrupt():  # until `fit` handles signals itself
        _train(options)


def _train(options: Options) -> None:
    if options.deterministic:
        make_deterministic(os.environ)
    config = configured(options)
    from alexnet_jax.training import fit, keep_memory_of_small_runs, make_console

    keep_memory_of_small_runs(config)  # before the devices start threads
    options.processes.join()
    enable_compile_cache()
    fit(
        config,
        options.workdir or Path("runs") / config.name,
        make_console(),
        fresh=options.fresh,
        profile=options.profile,
        heartbeat=options.processes.heartbeat,
    )


command = partial(run, main, Options)
