"""The process and its machine: signals, peer processes, memory, compiled programs."""

from alexnet_jax.runtime.compile_cache import give_back_memory, keep_compiled
from alexnet_jax.runtime.determinism import make_deterministic
from alexnet_jax.runtime.distributed import Watch, join
from alexnet_jax.runtime.machine import cores, cpu_name, forget_peak, keep_to, peak_bytes
from alexnet_jax.runtime.processes import (
    by_first,
    failure,
    is_first,
    largest,
    said_by_first,
    together,
    whole,
)
from alexnet_jax.runtime.signals import Interrupted, Signals, signals_of_run

__all__ = [
    "Interrupted",
    "Signals",
    "Watch",
    "by_first",
    "cores",
    "cpu_name",
    "failure",
    "forget_peak",
    "give_back_memory",
    "is_first",
    "join",
    "keep_compiled",
    "keep_to",
    "largest",
    "make_deterministic",
    "peak_bytes",
    "said_by_first",
    "signals_of_run",
    "together",
    "whole",
]
