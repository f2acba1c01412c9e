"""The process and its machine: signals, peer processes, platforms, memory, compiled programs."""

from alexnet_jax.runtime.agreement import first_differing, require_same
from alexnet_jax.runtime.allocator import keep_freed_memory
from alexnet_jax.runtime.cache_directory import cache_directory
from alexnet_jax.runtime.compile_cache import enable_compile_cache, release_free_memory
from alexnet_jax.runtime.determinism import make_deterministic
from alexnet_jax.runtime.distributed import Watch, join
from alexnet_jax.runtime.locks import LOCK, hold, open_locked
from alexnet_jax.runtime.machine import (
    cores,
    cpu_name,
    device_name,
    free_bytes,
    limit_cores,
    peak_bytes,
    reset_peak_bytes,
    version_of,
)
from alexnet_jax.runtime.platforms import require_platforms
from alexnet_jax.runtime.processes import (
    broadcast_from_first,
    elementwise_max,
    gather_to_host,
    is_first,
    on_all_processes,
    on_first_process,
    shared_error,
)
from alexnet_jax.runtime.signals import (
    Interrupted,
    Signals,
    cleaned_up_at_sigterm,
    hangup,
    signals_of_run,
)
from alexnet_jax.runtime.text_paths import text_path

__all__ = [
    "LOCK",
    "Interrupted",
    "Signals",
    "Watch",
    "broadcast_from_first",
    "cache_directory",
    "cleaned_up_at_sigterm",
    "cores",
    "cpu_name",
    "device_name",
    "elementwise_max",
    "enable_compile_cache",
    "first_differing",
    "free_bytes",
    "gather_to_host",
    "hangup",
    "hold",
    "is_first",
    "join",
    "keep_freed_memory",
    "limit_cores",
    "make_deterministic",
    "on_all_processes",
    "on_first_process",
    "open_locked",
    "peak_bytes",
    "release_free_memory",
    "require_platforms",
    "require_same",
    "reset_peak_bytes",
    "shared_error",
    "signals_of_run",
    "text_path",
    "version_of",
]
