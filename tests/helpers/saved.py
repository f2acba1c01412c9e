"""Small trees to save as checkpoints, and their comparison with what is loaded."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alexnet_jax.checkpoints.checkpoints import Checkpoints
from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import topology

Trees = dict[str, dict[str, Any]]

# Where it cannot load something, orbax gives up with coroutines not awaited and tasks not ended.
# They are no part of what is tested, and are gathered up at the end of the test that caused them.
WHAT_ORBAX_LEAVES = (
    "ignore:coroutine .* was never awaited",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def trees(step: int, dtype: str = "float32") -> Trees:
    """Trees like a run's, small, of noise that does not compress and differs at every step."""
    generator = np.random.default_rng(step)
    kernel, bias = generator.standard_normal((60, 50)), generator.standard_normal(50)
    params = {"conv1": {"kernel": jnp.asarray(kernel, dtype), "bias": jnp.asarray(bias, dtype)}}
    velocity = jax.tree.map(lambda x: x / 3, params)
    loop = {"step": jnp.int32(step), "key": jax.random.key(step), "best": jnp.float32(np.inf)}
    return {"params": params, "opt": {"trace": velocity}, "loop": loop}


def abstract(of: Trees) -> Trees:
    return topology("one_device", architecture("small")).abstract(of)


def template(about: dict[str, Any]) -> Trees:
    return abstract(trees(about["step"]))


def plain(leaf: Any) -> np.ndarray:
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def assert_identical(got: Trees, want: Trees) -> None:
    """The same structure, types and bytes."""
    assert jax.tree.structure(got) == jax.tree.structure(want)
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        assert plain(ours).tobytes() == plain(theirs).tobytes()


def save(directory: Path, steps: list[int], keep: int = 2, **metrics: float) -> None:
    """Saves steps; metrics={"s3": 0.5} is the top-1 accuracy of step 3."""
    with Checkpoints(directory, keep=keep) as checkpoints:
        for step in steps:
            top1 = metrics.get(f"s{step}")
            measured = None if top1 is None else {"top1": top1, "loss": 1.0}
            checkpoints.save(step, trees(step), about={"step": step}, metrics=measured)


@pytest.fixture
def gathered() -> Iterator[None]:
    """Ends what orbax has left behind while the test's filters still hold.

    Only what the test has made is looked through: what was there before is set aside meanwhile.
    """
    gc.freeze()
    yield
    gc.collect()
    gc.unfreeze()
