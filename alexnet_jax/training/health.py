"""Health of a run: losses that are not finite or never fall below chance, and states not finite.

The training step computes nothing extra for these checks. The losses of its steps stay on the
device until a line is logged, and the state is checked before it is saved.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Images

# A network has begun to learn once its mean loss is below this share of the loss at chance: for
# 1,000 classes, below 6.84, where chance is ln 1000 = 6.91.
_BELOW = 0.99
_MOST_LOSSES = 500  # that stay on the device between two checks
SIGNAL_IMAGES = 32  # images of the signal check at the start


def chance_loss(labels: np.ndarray) -> float:
    """Compute the loss of a network that cannot tell images apart: the entropy of the labels.

        - sum_c p_c ln p_c

    where p_c is the share of class c. It is ln C for C classes with equally many images.

    Args:
      labels: [N] integers >= 0, N > 0.
    """
    shares = np.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log(shares)))


def sample_evenly(images: Images, count: int) -> np.ndarray:
    """Return [count, S, S, C]: images evenly spaced from a split's first to its last."""
    return images[np.linspace(0, len(images) - 1, count).astype(int)]


class Losses:
    """Losses of a run since this process started it, checked from time to time.

    Args:
      chance: loss of a network that cannot tell images apart.
      flat_steps: steps after which a run is flat if no mean loss between two checks was below 99 %
        of `chance`; 0 for never.
      step: updates made before the first loss.

    Attributes:
      flat: description of a flat run, set by `check`; None otherwise.
    """

    def __init__(self, chance: float, flat_steps: int, step: int) -> None:
        self._chance, self._flat_steps = chance, flat_steps
        self._step = step  # of the last loss added
        self._learnt = step  # the last step known to be better than chance
        self._pending: list[jax.Array] = []
        self.flat: str | None = None

    def add(self, loss: jax.Array) -> bool:
        """Add the next step's loss, a scalar on the device; return True if `check` is due."""
        self._pending.append(loss)
        self._step += 1
        return len(self._pending) >= _MOST_LOSSES

    def check(self) -> tuple[int, float] | None:
        """Return (step, loss) of the first non-finite loss since the last check, or None."""
        losses = [float(loss) for loss in jax.device_get(self._pending)]
        first = self._step - len(losses) + 1
        self._pending.clear()
        if losses and np.mean(losses) < _BELOW * self._chance:
            self._learnt = self._step
        steps = self._step - self._learnt
        if self._flat_steps and steps >= self._flat_steps:
            self.flat = (
                f"for {steps} steps the loss has not been below {_BELOW:.0%} of "
                f"{self._chance:.3f}, that of a network that sees no difference between images"
            )
        for step, loss in enumerate(losses, first):
            if not math.isfinite(loss):
                return step, loss
        return None


@jax.jit
def _finite(leaves: list[jax.Array]) -> list[jax.Array]:
    return [jnp.all(jnp.isfinite(leaf)) for leaf in leaves]


def nonfinite_paths(tree: object) -> list[str]:
    """Return the paths of a tree's floating leaves with non-finite values, in the tree's order."""
    leaves = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
        for path, leaf in jax.tree.leaves_with_path(tree)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    finite = jax.device_get(_finite([leaf for _, leaf in leaves]))
    return [path for (path, _), good in zip(leaves, finite, strict=True) if not good]
