"""Topologies: meshes of devices, what lies where on them, and what crosses between them."""

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
