"""Preparation of data sets from pictures: records, statistics, packed images."""

from alexnet_jax.data.mapped import PACKED
from alexnet_jax.data.prepare.packing import pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepare.shards import (
    RECORD_OVERHEAD_BYTES,
    Shard,
    set_worker_source,
    write_shard,
)

__all__ = [
    "PACKED",
    "RECORD_OVERHEAD_BYTES",
    "Shard",
    "pack",
    "prepare",
    "set_worker_source",
    "write_shard",
]
