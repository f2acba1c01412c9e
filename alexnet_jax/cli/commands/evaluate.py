"""Evaluate trained networks.

Several workdirs form an ensemble: the mean of their softmax outputs is evaluated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated

from alexnet_jax.cli.command import SeveralProcesses, run
from alexnet_jax.cli.options import (
    Checkpoint,
    Count,
    Network,
    OmitArgPrefixes,
    Positional,
    Precision,
    Quiet,
    Report,
    Topology,
    TrainingData,
    Views,
    arg,
)
from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from alexnet_jax.data import Dataset
    from alexnet_jax.runs import TrainConfig


@dataclass(frozen=True)
class Options:
    """Measure top-1, top-5 and loss of a network, or of an ensemble, on the test split."""

    networks: Positional[
        Annotated[
            tuple[Network, ...], arg(metavar="NETWORK...", help_behavior_hint="(one or more)")
        ]
    ]
    """Directories of training runs, files of weights, or names: tiny, or of published weights."""
    views: Views = 1
    """1: the centre crop; 10: corners, centre and their mirror images, averaged, as in 2012."""
    checkpoint: Checkpoint = "latest"
    """Checkpoint: the best on the test split, the newest good one, or a step."""
    data_dir: TrainingData = None
    """Directory of the prepared data sets."""
    batch: Count = 128
    """Number of views computed at a time."""
    topology: Topology = "one_device"
    """Distribution of the network over devices."""
    precision: Precision = None
    """Products of float32 numbers on TPUs and GPUs: rounded as is usual there, or exact."""
    json: Report = None
    """File for the measurements."""
    processes: OmitArgPrefixes[SeveralProcesses] = field(default_factory=SeveralProcesses)
    quiet: Quiet = False
    """Print nothing but results and errors."""


def main(options: Options) -> None:
    if not options.networks:
        raise InputError("give at least one NETWORK to evaluate")
    from alexnet_jax import data
    from alexnet_jax.display import LONG, Progress
    from alexnet_jax.inference import ensemble, evaluate, make_counter
    from alexnet_jax.runs import write_atomically
    from alexnet_jax.runtime import enable_compile_cache, is_first
    from alexnet_jax.weights import trained_network

    options.processes.join_alike("evaluate", options)
    enable_compile_cache()
    members = [
        trained_network(
            network,
            checkpoint=options.checkpoint,
            topology_name=options.topology,
            precision=options.precision,
        )
        for network in options.networks
    ]
    networks = ensemble([member.logits(options.views) for member in members])
    names = {member.config.data for member in members}
    if len(names) > 1:
        raise InputError(f"an ensemble needs one data set, got {', '.join(sorted(names))}")
    dataset = data.load(names.pop(), str(options.data_dir or members[0].config.data_dir))
    for network, member in zip(options.networks, members, strict=True):
        member.require_fits(dataset.name, dataset.channels, len(dataset.class_names), str(network))
    progress = Progress("evaluating", len(dataset.test), file=sys.stderr, after=LONG)
    metrics = evaluate(
        make_counter(networks),
        [member.params for member in members],
        dataset.test,
        [member.statistics for member in members],
        batch=members[0].topology.divisible(max(1, options.batch // options.views)),
        topology=members[0].topology,
        advance=progress.advance if is_first() else lambda count: None,
    )
    if not is_first():
        return
    progress.finish()
    for network, member in zip(options.networks, members, strict=True):
        print(f"{network}, step {member.step}")
    for note in notes([member.config for member in members], dataset, options.views):
        print(f"note: {note}")
    views = "centre crop" if options.views == 1 else "ten views"
    print(f"{dataset.name}: {len(dataset.test)} test images, {views}")
    print(f"top1 {metrics['top1']:.2%}  top5 {metrics['top5']:.2%}  loss {metrics['loss']:.4f}")
    if options.json is not None:
        about = {"data": dataset.name, "images": len(dataset.test), "views": options.views}
        about |= {
            "workdirs": list(map(str, options.networks)),
            "steps": [member.step for member in members],
        }
        write_atomically(options.json, json.dumps(about | metrics, indent=1) + "\n")


def notes(configs: Sequence[TrainConfig], dataset: Dataset, views: int) -> Iterator[str]:
    """Yield in what the images of a data set differ from those that weights were made for."""
    if views == 10 and not all(config.mirror for config in configs):
        yield "half of the ten views are mirrored, which this training never saw"
    rules = {config.resize for config in configs} - {"short_bicubic"}
    if rules:
        yield (
            f"weights made for pictures resized by {', '.join(sorted(rules))}; how this data "
            "set's were resized was decided when it was prepared (short_bicubic)"
        )
    grounds = {config.ground for config in configs}
    if dataset.ground is not None and grounds != {dataset.ground}:
        yield (
            f"weights made for transparency on {' and '.join(sorted(grounds))}; that of this data "
            f"set was laid on {dataset.ground}"
        )


command = partial(run, main, Options)
