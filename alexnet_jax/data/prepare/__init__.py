"""Preparation of data sets from pictures: records, statistics, packed images."""

from alexnet_jax.data.prepare.packing import PACKED, pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepare.shards import BESIDE_A_RECORD, Shard, set_source, write_shard

__all__ = [
    "BESIDE_A_RECORD",
    "PACKED",
    "Shard",
    "pack",
    "prepare",
    "set_source",
    "write_shard",
]
