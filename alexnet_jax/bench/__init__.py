"""How fast the network is, beside its peers, and what keeps each layer from being faster.

`work` says what is timed, `ours` and `peer` make it ready, `worker` runs one of them in a process
of its own, `race` takes turns between such processes, `report` says what came out. Nothing but
jax, flax, optax and numpy is imported, and torch where it is asked for.
"""

from alexnet_jax.bench import layer_table
from alexnet_jax.bench.input import format_rates, measure_stages
from alexnet_jax.bench.picture import bars
from alexnet_jax.bench.process import ALLOCATORS, Process, environment
from alexnet_jax.bench.race import Plan, race, torch_variants
from alexnet_jax.bench.report import format_race, record
from alexnet_jax.bench.work import DTYPES, MODES, Work

__all__ = [
    "ALLOCATORS",
    "DTYPES",
    "MODES",
    "Plan",
    "Process",
    "Work",
    "bars",
    "environment",
    "format_race",
    "format_rates",
    "layer_table",
    "measure_stages",
    "race",
    "record",
    "torch_variants",
]
