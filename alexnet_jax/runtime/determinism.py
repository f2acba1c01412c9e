"""Repeatable results on a GPU. This module does not import jax."""

from __future__ import annotations

from collections.abc import MutableMapping

from alexnet_jax.errors import InputError

FLAG = "--xla_gpu_deterministic_ops"


def make_deterministic(environment: MutableMapping[str, str]) -> None:
    """Make XLA use deterministic GPU kernels, chosen without timing them.

    Otherwise the order of sums may differ from one run to the next, and every process times the
    kernels anew to choose the fastest. Call this before jax starts its devices. On CPUs, which
    repeat their results to the last bit, it changes nothing.

    Args:
      environment: os.environ; the option is added to its XLA_FLAGS.

    Raises:
      InputError: XLA_FLAGS turns the option off.

    Source: XLA's `xla.proto`, xla_gpu_deterministic_ops.
    """
    flags = environment.get("XLA_FLAGS", "").split()
    settings = [flag for flag in flags if flag.partition("=")[0] == FLAG]
    if settings and settings[-1] not in (FLAG, f"{FLAG}=true", f"{FLAG}=1"):
        raise InputError(f"--deterministic, but XLA_FLAGS in the environment holds {settings[-1]}")
    if not settings:
        environment["XLA_FLAGS"] = " ".join([*flags, f"{FLAG}=true"])
