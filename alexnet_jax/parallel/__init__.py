"""Topologies: meshes of devices, the sharding of arrays over them, and their communication."""

from alexnet_jax.parallel.topologies import dense_split, list_topologies, topology, towers_split
from alexnet_jax.parallel.topology import Topology, check_divides

__all__ = [
    "Topology",
    "check_divides",
    "dense_split",
    "list_topologies",
    "topology",
    "towers_split",
]
