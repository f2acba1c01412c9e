"""Where a run went wrong, found after the fact by doing its last steps again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from signal import Signals

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Statistics, centre_views
from alexnet_jax.errors import InputError
from alexnet_jax.inference import make_activations
from alexnet_jax.network import Params
from alexnet_jax.runtime import Interrupted, failure, whole
from alexnet_jax.training.accumulation import Batch
from alexnet_jax.training.health import Losses, chance_loss, non_finite
from alexnet_jax.training.job import Job
from alexnet_jax.training.optim import velocity
from alexnet_jax.training.state import TrainState
from alexnet_jax.training.step import StepFunction

_FLAT_REMEDIES = (
    "what helps: --set init=source2012 (conv3 to conv5 from .03), another learning_rate, "
    "pixel_scale so that the inputs fit the initial values, labels that belong to their images. "
    "The same command with --set flat_steps=0 goes on from there"
)
_BAD_REMEDIES = (
    "what helps: a smaller learning_rate, pixel_scale so that the inputs fit the initial values, "
    "float32 instead of bfloat16; with such a change start over, in another --workdir or with "
    "--fresh"
)


class Care:
    """Stops a run that goes wrong, with a name, before its last good state is replaced.

    Args:
      job: of the run.
      advance: its training step.
      again: takes the run back to its last good state, and returns that.
      note: told what is being done.
      stopping: asked whether a signal has come, and for which step.
      step: the one before the first.
    """

    def __init__(
        self,
        job: Job,
        advance: StepFunction,
        again: Callable[[], tuple[TrainState, Iterator[Batch], Statistics]],
        note: Callable[[str], None],
        stopping: Callable[[int], Signals | None],
        step: int,
    ) -> None:
        self._job, self._advance, self._again = job, advance, again
        self._note, self._stopping = note, stopping
        chance = chance_loss(job.dataset.train.labels)
        self._losses = Losses(chance, job.config.flat_steps, step)

    def add(self, loss: jax.Array) -> bool:
        """As `Losses.add`."""
        return self._losses.add(loss)

    def look(self, step: int, state: TrainState | None = None) -> None:
        """Looks at the losses up to a step, and at the state after it, if it is given.

        Raises:
          InputError: something is not finite; the message says what was first, and when.
        """
        found = self._losses.look()
        if found is not None:
            step, loss = found
            what = f"the loss of step {step} is {loss}"
        else:
            what = f"the state after step {step} is not finite"
            trees = None if state is None else [state.params, state.opt_state, state.average]
            if trees is None or not non_finite(trees):
                return
        self._note(f"{what}; does the steps since the last good state again, to see where it began")
        state, batches, statistics = self._again()
        start = int(state.step)
        first = first_to_go(
            self._job, state, batches, statistics, self._advance, step, self._between
        )
        raise failure(
            f"{what}. The first to be no number was {first}. The state of step {start} is good and "
            f"kept; {_BAD_REMEDIES}"
        )

    def flat(self, step: int) -> InputError | None:
        """What to raise, once the state is saved, where the loss has been flat for too long."""
        if self._losses.flat is None:
            return None
        return failure(f"stopped at step {step}: {self._losses.flat}; {_FLAT_REMEDIES}")

    def _between(self, step: int) -> None:
        # Several processes agree on steps that are ever later; these are not.
        if jax.process_count() == 1 and (number := self._stopping(step)) is not None:
            raise Interrupted(f"stopped by {number.name} before it was found", 128 + number)


def first_to_go(
    job: Job,
    state: TrainState,
    batches: Iterator[Batch],
    statistics: Statistics,
    advance: StepFunction,
    last: int,
    between: Callable[[int], None],
) -> str:
    """What was the first to be no number between a state and a step, in words.

    A gradient shows in the velocity, v <- .9 v - .0005 lr w - lr g, of its own step. Of several
    layers the last one is named: it is where the backward pass went wrong first.

    Args:
      state: a good one of the run; given up.
      batches: those after it.
      last: the last step to be done again.
      between: called with each step before it is done, to stop the search.
    """
    for step in range(int(state.step) + 1, last + 1):
        between(step)
        before = jax.tree.map(jnp.copy, state.params)
        batch = next(batches)
        state, metrics = advance(state, batch, statistics)
        loss = float(metrics["loss"])
        if not math.isfinite(loss):
            return (
                f"{_in_forward(job, before, batch, statistics)} in the forward pass of step {step}"
            )
        for tree, words in (
            (velocity(state.opt_state), "the gradient of {} at step {}"),
            (state.params, "the parameters {} after step {}"),
            (state.average, "the average of {} after step {}"),
        ):
            if bad := non_finite(tree):
                return words.format(bad[-1], step)
    return (
        f"nothing: steps up to {last}, done again, went well. Arithmetic that differs from one "
        "time to the next, or faulty memory, does that; on GPUs --deterministic excludes the former"
    )


def _in_forward(job: Job, params: Params, batch: Batch, statistics: Statistics) -> str:
    """The first layer whose output is not finite, in test mode on the batch's centre crops."""
    dtype = jnp.dtype(job.config.dtype)
    views = centre_views(
        jnp.asarray(whole(batch["image"])),
        jax.tree.map(whole, statistics),
        size=job.architecture.image_size,
        scale=job.config.scale,
        dtype=dtype,
    )
    placed = job.topology.place_batch({"image": np.asarray(views)})["image"]
    cast = jax.tree.map(lambda leaf: leaf.astype(dtype), params)
    outputs = make_activations(job.architecture, job.topology)(cast, placed)
    bad = set(non_finite(outputs))
    names = [*(layer.name for layer in job.architecture.layers), "logits"]
    return next((f"the output of {name}" for name in names if name in bad), "the loss")
