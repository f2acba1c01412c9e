"""The same numbers from the same program on a GPU, every time. jax is not imported here."""

from __future__ import annotations

from collections.abc import MutableMapping

from alexnet_jax.errors import InputError

FLAG = "--xla_gpu_deterministic_ops"


def make_deterministic(environment: MutableMapping[str, str]) -> None:
    """Has XLA use deterministic kernels on GPUs, chosen without timing them.

    Without it sums may be taken in another order from one run to the next, and the fastest kernel
    is found anew by every process. To be called before jax starts its devices; on CPUs, which
    repeat themselves to the last bit, it changes nothing.

    Args:
      environment: os.environ; XLA_FLAGS there is added to.

    Raises:
      InputError: XLA_FLAGS says the opposite.

    Source: XLA's `xla.proto`, xla_gpu_deterministic_ops.
    """
    flags = environment.get("XLA_FLAGS", "").split()
    said = [flag for flag in flags if flag.partition("=")[0] == FLAG]
    if said and said[-1] not in (FLAG, f"{FLAG}=true", f"{FLAG}=1"):
        raise InputError(f"--deterministic, but XLA_FLAGS in the environment holds {said[-1]}")
    if not said:
        environment["XLA_FLAGS"] = " ".join([*flags, f"{FLAG}=true"])
