"""Whether a run goes well: a loss that is no number, or that never gets below chance.

The training step computes nothing for this. Losses of its steps stay on the device until a line is
logged anyway, and the state is looked at before it is saved.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Images
from alexnet_jax.inference import input_share

# Share of the loss of chance that a network must get below: at ln 1000 = 6.91 to 6.84.
_BELOW = 0.99
# Losses that are held on the device at most.
_MOST_HELD = 500
SIGNAL_IMAGES = 32  # that the check at the start looks at
# The share of the logits' energy below which the signal check warns: the paper's initial values
# give about 1.6e-4, the source's 1.3e-2.
_BLIND = 1e-3


def chance_loss(labels: np.ndarray) -> float:
    """Loss of a network that sees no difference between images: the entropy of the labels.

        - sum_c p_c ln p_c

    ln C for C classes with as many images each.

    Args:
      labels: [N] whole numbers >= 0, N > 0.
    """
    shares = np.bincount(labels) / len(labels)
    shares = shares[shares > 0]
    return float(-np.sum(shares * np.log(shares)))


def some_of(images: Images, count: int) -> np.ndarray:
    """[count, S, S, C] of a split's images, from its first to its last."""
    return images[np.linspace(0, len(images) - 1, count).astype(int)]


def said_of_signal(logits: np.ndarray) -> list[str]:
    """What to say at the start of how much of the logits, [B, K] float64, depends on the image."""
    share = input_share(logits)
    lines = [f"start: {share:.1e} of the logits' energy depends on the image"]
    if share < _BLIND:
        lines.append(
            "warning: with these initial values the network is all but blind to the image, "
            "and may take long to begin to learn; --set init=source2012 starts conv3 to conv5 "
            "from .03, as the authors' own runs did"
        )
    return lines


class Losses:
    """The losses of a run since it was started, looked at from time to time.

    Args:
      chance: the loss of a network that sees nothing.
      flat_steps: steps without a mean below 99 % of it that make a run flat; 0 for never.
      step: the one before the first.

    Attributes:
      flat: after a look, what is wrong where the loss has been flat for so long.
    """

    def __init__(self, chance: float, flat_steps: int, step: int) -> None:
        self._chance, self._flat_steps = chance, flat_steps
        self._learnt = self._step = step  # the last one known to be better than chance; seen
        self._held: list[jax.Array] = []
        self.flat: str | None = None

    def add(self, loss: jax.Array) -> bool:
        """Takes the next step's loss, a scalar on the device; True where it is time to look."""
        self._held.append(loss)
        self._step += 1
        return len(self._held) >= _MOST_HELD

    def look(self) -> tuple[int, float] | None:
        """(step, loss) of the first that is not finite among those since the last look."""
        losses = [float(loss) for loss in jax.device_get(self._held)]
        first = self._step - len(losses) + 1
        self._held.clear()
        if losses and np.mean(losses) < _BELOW * self._chance:
            self._learnt = self._step
        steps = self._step - self._learnt
        if self._flat_steps and steps >= self._flat_steps:
            self.flat = (
                f"for {steps} steps the loss has not been below {_BELOW:.0%} of "
                f"{self._chance:.3f}, that of a network that sees no difference between images"
            )
        bad = [place for place, loss in enumerate(losses) if not math.isfinite(loss)]
        return (first + bad[0], losses[bad[0]]) if bad else None


@jax.jit
def _finite(leaves: list[jax.Array]) -> list[jax.Array]:
    return [jnp.all(jnp.isfinite(leaf)) for leaf in leaves]


def non_finite(tree: object) -> list[str]:
    """Paths of the floating leaves of a tree that hold a value that is not finite, in its order."""
    found = [
        (jax.tree_util.keystr(path, simple=True, separator="/"), leaf)
        for path, leaf in jax.tree.leaves_with_path(tree)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    good = jax.device_get(_finite([leaf for _, leaf in found]))
    return [path for (path, _), fine in zip(found, good, strict=True) if not fine]
