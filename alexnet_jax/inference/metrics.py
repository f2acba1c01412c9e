"""Loss, top-1 and top-5 of a batch, and the share of the logits that depends on the image."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax import ops


def top_k(logits: jax.Array, labels: jax.Array, k: int) -> jax.Array:
    """Return each example's credit for a label among its k largest logits, float32 in [0, 1].

    With a classes above the label's and t classes equal to it (itself included), the credit is
    (k - a) / t, clipped to [0, 1]. Tied classes share the remaining ranks, as in the 2012 source,
    so that a constant output scores k / classes and the order of the classes does not matter.

    Args:
      logits: [..., K]. labels: [...] in [0, K).

    Source: `layer_kernels.cu` of the 2012 source.
    """
    label_logit = jnp.take_along_axis(logits, labels[..., None], -1)
    # Unlike `>`, a negated `<=` counts a NaN as above, so that a broken network earns nothing.
    above = jnp.sum(~(logits <= label_logit), -1, dtype=jnp.int32)
    tied = jnp.sum(logits == label_logit, -1, dtype=jnp.int32)
    share = (k - above).astype(jnp.float32) / tied.astype(jnp.float32)
    return jnp.where(tied > 0, jnp.clip(share, 0.0, 1.0), 0.0)


def scores(logits: jax.Array, labels: jax.Array) -> dict[str, jax.Array]:
    """Return loss, top1 and top5 of every example, each [...]."""
    return {
        "loss": ops.cross_entropy(logits, labels),
        "top1": top_k(logits, labels, 1),
        "top5": top_k(logits, labels, 5),
    }


def image_dependent_share(logits: np.ndarray) -> float:
    """Return the share of the logits' energy that depends on the image, in [0, 1].

        sum_b |z_b - mean z|^2 / sum_b |z_b|^2

    The share is 0 for a network with a constant output and about 1 - 1/B for one without a
    constant part.

    Args:
      logits: [B, K], preferably float64: the share may be as small as rounding errors in float32.
    """
    varying = float(np.sum(np.square(logits - logits.mean(0, keepdims=True))))
    energy = float(np.sum(np.square(logits)))
    return varying / energy if energy > 0 else 0.0
