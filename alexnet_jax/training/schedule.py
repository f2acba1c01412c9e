"""Schedules of the learning rate."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from alexnet_jax.runs import TrainConfig


class Plateau(NamedTuple):
    """State of a learning rate that drops when the test error stalls: host or device scalars."""

    best_error: jax.Array | np.float32  # shape=(), dtype=float32
    stalled: jax.Array | np.int32  # shape=(), dtype=int32; evaluations since the best one
    drops: jax.Array | np.int32  # shape=(), dtype=int32; drops so far

    @classmethod
    def start(cls) -> Plateau:
        return cls(np.float32(np.inf), np.int32(0), np.int32(0))


def plateau_update(plateau: Plateau, error: float, *, patience: int) -> Plateau:
    """Return the state after one more evaluation, with this test error.

    The rate drops when `patience` evaluations in a row have not improved on the best; the count of
    evaluations then restarts. Paper section 5: the rate was divided by 10 when the validation error
    stopped falling.
    """
    if np.float32(error) < plateau.best_error:
        return Plateau(np.float32(error), np.int32(0), plateau.drops)
    stalled = int(plateau.stalled) + 1
    drop = stalled >= patience
    return Plateau(
        plateau.best_error,
        np.int32(0 if drop else stalled),
        np.int32(int(plateau.drops) + drop),
    )


def learning_rate_at(
    config: TrainConfig, step: jax.Array, drops: jax.Array | np.int32, steps_per_epoch: float
) -> jax.Array:
    """Compute the learning rate of an update, float32: base rate x schedule x warm-up factor.

    For update t of T, counted from 0, the schedule factor is

        constant   1
        epochs     .1^n, with n the number of `drop_epochs` reached
        plateau    .1^drops
        quadratic  ((T - t) / (T - W))^2, and 1 for t < W

    where W is `warmup_epochs` in updates. The warm-up factor is (t + 1) / W for t < W, else 1.

    Args:
      config: settings of the run.
      step: [] updates already made, t.
      drops: [] drops of the plateau.
      steps_per_epoch: updates per pass over the training split.
    """
    rate = jnp.float32(config.learning_rate)
    warmup = int(_updates((config.warmup_epochs,), steps_per_epoch)[0])
    if warmup:
        rate *= jnp.minimum(1, (step + 1).astype(jnp.float32) / np.float32(warmup))
    match config.schedule:
        case "epochs":
            drop_steps = _updates(config.drop_epochs, steps_per_epoch)
            drops = jnp.sum(step >= drop_steps, dtype=jnp.int32)
        case "constant":
            drops = jnp.zeros((), jnp.int32)
        case "quadratic":
            falling = max(1, config.steps - warmup)
            share = optax.polynomial_schedule(1.0, 0.0, 2, falling, transition_begin=warmup)
            return rate * jnp.asarray(share(step), jnp.float32)
    return rate * jnp.float32(0.1) ** drops.astype(jnp.float32)


def _updates(epochs: tuple[float, ...], steps_per_epoch: float) -> np.ndarray:
    """Convert epochs to numbers of updates, int32, rounded up."""
    # Rounded to 6 digits first, since 25 epochs of 4.4 steps give 110.00000000000001, not 110.
    updates = np.ceil(np.round(np.asarray(epochs, np.float64) * steps_per_epoch, 6))
    return np.minimum(updates, np.iinfo(np.int32).max).astype(np.int32)
