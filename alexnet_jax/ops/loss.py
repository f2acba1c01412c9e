"""Softmax and cross-entropy, the loss in training."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from alexnet_jax.ops.check import compute_dtype, require_floating, require_nonempty, require_rank


def softmax(z: jax.Array) -> jax.Array:
    """Compute class probabilities O_k = e^{z_k} / sum_k' e^{z_k'}.

    All z_k are first shifted by max z, so that no power overflows.

    Args:
      z: [..., K] logits. bfloat16 is computed in float32.

    Returns:
      [..., K] in z's dtype, in [0, 1], summing to 1.

    Raises:
      TypeError: z not floating.
      ValueError: z without axes, or without classes.

    Example:
      >>> ops.softmax(jnp.log(jnp.array([1.0, 1.0, 2.0])))
      Array([0.25, 0.25, 0.5 ], dtype=float32)
    """
    require_floating("softmax", z=z)
    require_rank("softmax", "z", z, 1, "[..., K]")
    require_nonempty("softmax", "z", z, slice(-1, None), "class")
    return jnp.exp(_log_softmax(z)).astype(z.dtype)


def cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Compute the loss of each example, L = -sum_k y_k log softmax(z)_k.

    The gradient dL/dz_k is O_k - y_k, with O = softmax(z); it relies on sum_k y_k = 1.

    Args:
      logits: [..., K], z.
      targets: [...] integer labels in [0, K) of any integer type, or [..., K] probabilities y that
        sum to 1; a class with y_k = 0 may have the logit -inf.

    Returns:
      [...] in float32, or float64 for float64 logits. A label outside [0, K) gives NaN: compiled
      code cannot raise an error, and a finite value would go unnoticed.

    Raises:
      TypeError: logits not floating, targets neither integer nor floating.
      ValueError: logits without classes; targets of a shape that does not fit.

    Source: paper section 3.5 (multinomial logistic regression); reference text, output layer.

    Example:
      >>> jnp.exp(-ops.cross_entropy(jnp.log(jnp.array([1.0, 1.0, 2.0])), jnp.array(2)))
      Array(0.5, dtype=float32)
    """
    require_floating("cross_entropy", logits=logits)
    require_rank("cross_entropy", "logits", logits, 1, "[..., K]")
    require_nonempty("cross_entropy", "logits", logits, slice(-1, None), "class")
    log_p = _log_softmax(logits)
    if jnp.issubdtype(targets.dtype, jnp.integer):
        if targets.shape != logits.shape[:-1]:
            raise ValueError(
                f"cross_entropy: labels must have shape {logits.shape[:-1]}, got {targets.shape}"
            )
        # Labels out of range become K. A negative index would count from the end, and narrow types
        # may not hold K itself.
        classes = logits.shape[-1]
        held = jnp.iinfo(targets.dtype)  # type: ignore[no-untyped-call]
        labels = jnp.clip(targets, max(held.min, -1), min(held.max, classes)).astype(jnp.int32)
        labels = jnp.where(labels < 0, classes, labels)
        return -jnp.take_along_axis(log_p, labels[..., None], -1, mode="fill")[..., 0]
    require_floating("cross_entropy", targets=targets)
    if targets.shape != logits.shape:
        raise ValueError(
            f"cross_entropy: probabilities must have shape {logits.shape}, got {targets.shape}"
        )
    # A class of probability 0 adds nothing, also where its logit is -inf.
    terms = targets.astype(log_p.dtype) * jnp.where(targets == 0, 0, log_p)
    return -jnp.sum(terms, -1)


def _log_softmax(z: jax.Array) -> jax.Array:
    z = z.astype(compute_dtype(z.dtype))
    z = z - jax.lax.stop_gradient(jnp.max(z, -1, keepdims=True))
    return z - jnp.log(jnp.sum(jnp.exp(z), -1, keepdims=True))
