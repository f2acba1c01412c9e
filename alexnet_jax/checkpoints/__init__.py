"""Checkpoints of a run, written with orbax, with a digest of every array."""

from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.checkpoints.conditions import require_savable
from alexnet_jax.checkpoints.digests import contiguous_copy, file_digest, params_sha256
from alexnet_jax.checkpoints.orbax_log import quiet_orbax
from alexnet_jax.checkpoints.validation import utf8

__all__ = [
    "Checkpoints",
    "contiguous_copy",
    "file_digest",
    "params_sha256",
    "quiet_orbax",
    "require_savable",
    "utf8",
]
