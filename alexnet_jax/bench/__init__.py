"""Benchmarks of the network beside its peers, of each layer beside its bound, and of the input.

`work` describes what is timed, `ours` and `peer` prepare it, `worker` runs one of them in a process
of its own, `race` alternates between such processes, and `report` formats the results. Comparing
speed imports only jax, flax, optax and numpy, and torch if it takes part.
"""

from alexnet_jax.bench import layer_table
from alexnet_jax.bench.input import format_rates, measure_stages
from alexnet_jax.bench.picture import comparison_picture
from alexnet_jax.bench.process import ALLOCATORS, Process, process_environment
from alexnet_jax.bench.race import Plan, race, torch_variants
from alexnet_jax.bench.report import format_race, race_record
from alexnet_jax.bench.torch_training import train_torch
from alexnet_jax.bench.work import DTYPES, MODES, Work, stored_size

__all__ = [
    "ALLOCATORS",
    "DTYPES",
    "MODES",
    "Plan",
    "Process",
    "Work",
    "comparison_picture",
    "format_race",
    "format_rates",
    "layer_table",
    "measure_stages",
    "process_environment",
    "race",
    "race_record",
    "stored_size",
    "torch_variants",
    "train_torch",
]
