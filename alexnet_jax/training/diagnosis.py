"""Detection of a run that goes wrong, and a search for the cause that recomputes its last steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from signal import Signals

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Statistics, centre_views
from alexnet_jax.errors import InputError, TrainingFailed
from alexnet_jax.inference import make_activations
from alexnet_jax.network import Params
from alexnet_jax.runtime import Interrupted, gather_to_host, shared_error
from alexnet_jax.training.accumulation import Batch
from alexnet_jax.training.health import Losses, chance_loss, nonfinite_paths
from alexnet_jax.training.job import Job
from alexnet_jax.training.optim import velocity
from alexnet_jax.training.state import TrainState
from alexnet_jax.training.step import StepFunction

_FLAT_REMEDIES = (
    "what helps: --set init=source2012 (conv3 to conv5 from .03), another learning_rate, "
    "pixel_scale so that the inputs fit the initial values, labels that belong to their images. "
    "The same command with --set flat_steps=0 resumes from there"
)
_BAD_REMEDIES = (
    "what helps: a smaller learning_rate, pixel_scale so that the inputs fit the initial values, "
    "float32 instead of bfloat16; with such a change start over, in another --workdir or with "
    "--fresh"
)


class HealthMonitor:
    """Monitor that stops a run that goes wrong before its last good state is replaced.

    Args:
      job: the run's job.
      advance: the run's training step.
      restore: returns the run to its last good state; the result is that state, the batches that
        follow it and the statistics.
      note: prints a message.
      stopping: returns the signal that stops the run at a step, or None.
      step: updates made before the first one monitored.
    """

    def __init__(
        self,
        job: Job,
        advance: StepFunction,
        restore: Callable[[], tuple[TrainState, Iterator[Batch], Statistics]],
        note: Callable[[str], None],
        stopping: Callable[[int], Signals | None],
        step: int,
    ) -> None:
        self._job, self._advance, self._restore = job, advance, restore
        self._note, self._stopping = note, stopping
        chance = chance_loss(job.dataset.train.labels)
        self._losses = Losses(chance, job.config.flat_steps, step)

    def add_loss(self, loss: jax.Array) -> bool:
        """Record the next step's loss; return True if `check_health` is due."""
        return self._losses.add(loss)

    def check_health(self, step: int, state: TrainState | None = None) -> None:
        """Check the losses up to a step and, if given, the state after it.

        Raises:
          TrainingFailed: a value is not finite; the message names the first one and its step.
          Interrupted: a signal arrived while the steps were being recomputed.
        """
        bad_loss = self._losses.check()
        if bad_loss is not None:
            step, loss = bad_loss
            what = f"the loss of step {step} is {loss}"
        else:
            what = f"the state after step {step} is not finite"
            trees = None if state is None else [state.params, state.opt_state, state.average]
            if trees is None or not nonfinite_paths(trees):
                return
        self._note(f"{what}; does the steps since the last good state again, to see where it began")
        state, batches, statistics = self._restore()
        start = int(state.step)
        first = find_first_nonfinite(
            self._job, state, batches, statistics, self._advance, step, self._before_step
        )
        raise shared_error(
            f"{what}. The first to be no number was {first}. The state of step {start} is good and "
            f"kept; {_BAD_REMEDIES}",
            TrainingFailed,
        )

    def flat(self, step: int) -> InputError | None:
        """Return the error to raise, once the state is saved, if the loss was flat for too long."""
        if self._losses.flat is None:
            return None
        text = f"stopped at step {step}: {self._losses.flat}; {_FLAT_REMEDIES}"
        return shared_error(text, TrainingFailed)

    def _before_step(self, step: int) -> None:
        # Several processes can agree to stop only at increasing steps; these steps are past ones.
        if jax.process_count() == 1 and (number := self._stopping(step)) is not None:
            raise Interrupted(f"stopped by {number.name} before it was found", 128 + number)


def find_first_nonfinite(
    job: Job,
    state: TrainState,
    batches: Iterator[Batch],
    statistics: Statistics,
    advance: StepFunction,
    last: int,
    before_step: Callable[[int], None],
) -> str:
    """Recompute a run's steps from a good state, and name the first value that is not finite.

    A gradient appears in the velocity, v <- .9 v - .0005 lr w - lr g, of the same step. If several
    layers are affected, the last is named, since the backward pass reaches it first.

    Args:
      job: the run's job.
      state: a good state of the run; donated.
      batches: the batches that follow it.
      statistics: statistics of the training split.
      advance: the training step.
      last: the last step to recompute.
      before_step: called with the number of each step before it is computed; may raise to stop
        the search.
    """
    for step in range(int(state.step) + 1, last + 1):
        before_step(step)
        old_params = jax.tree.map(jnp.copy, state.params)
        batch = next(batches)
        state, metrics = advance(state, batch, statistics)
        loss = float(metrics["loss"])
        if not math.isfinite(loss):
            output = _first_bad_output(job, old_params, batch, statistics)
            return f"{output} in the forward pass of step {step}"
        for tree, words in (
            (velocity(state.opt_state), "the gradient of {} at step {}"),
            (state.params, "the parameters {} after step {}"),
            (state.average, "the average of {} after step {}"),
        ):
            if bad := nonfinite_paths(tree):
                return words.format(bad[-1], step)
    return (
        f"nothing: steps up to {last}, done again, went well. Arithmetic that differs from one "
        "time to the next, or faulty memory, does that; on GPUs --deterministic excludes the former"
    )


def _first_bad_output(job: Job, params: Params, batch: Batch, statistics: Statistics) -> str:
    """Name the first of input, layers and loss that is not finite, in test mode on centre crops.

    One bad pixel may make more of a layer's outputs bad than read it (`ops.cpu`), but of no layer
    before it.
    """
    if bad_statistics := nonfinite_paths(statistics):
        return f"{bad_statistics[0]} of the data's statistics"
    dtype = jnp.dtype(job.config.dtype)
    views = centre_views(
        jnp.asarray(gather_to_host(batch["image"])),
        jax.tree.map(gather_to_host, statistics),
        size=job.architecture.image_size,
        scale=job.config.scale,
        dtype=dtype,
    )
    if nonfinite_paths(views):
        return "the network's input"
    placed = job.topology.place_batch({"image": np.asarray(views)})["image"]
    cast = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    outputs = make_activations(job.architecture, job.topology)(cast, placed)
    bad = set(nonfinite_paths(outputs))
    names = [*(layer.name for layer in job.architecture.layers), "logits"]
    return next((f"the output of {name}" for name in names if name in bad), "the loss")
