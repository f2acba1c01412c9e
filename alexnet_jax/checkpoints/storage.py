"""Storage of checkpoints: orbax's checkpointer of a directory, as runs use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexnet_jax.checkpoints.orbax_log import filter_orbax
from alexnet_jax.checkpoints.retention import policy
from alexnet_jax.checkpoints.step_names import tolerant_names


def make_checkpointer(
    directory: Path, *, keep: int, every: int, top1_of: Callable[[int], float | None], clean: bool
) -> Any:
    """Return orbax's checkpointer of a directory; arguments are those of `Checkpoints`.

    Arrays are stored as they are. Compressing float32 weights leaves 92 % of their bytes, and takes
    three times as long to write and twice as long to read.
    """
    from orbax.checkpoint import v1 as ocp

    filter_orbax()  # after the import: absl must have made its logger
    context = ocp.Context()
    context.array.saving.use_compression = False
    return ocp.training.Checkpointer(
        directory,
        save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
        preservation_policy=policy(keep, every, top1_of),
        step_name_format=tolerant_names(),
        cleanup_tmp_directories=clean,
        context=context,
    )
