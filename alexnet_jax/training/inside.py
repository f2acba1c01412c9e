"""A look inside a run at its evaluations, for recorders: views, kernels, weights, gradients.

Computed between two updates and only for runs that have such a recorder. The gradients take a
program of their own, which is compiled at the first evaluation; the training step stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.data import Statistics, centre_crop
from alexnet_jax.runtime import gather_to_host, is_first
from alexnet_jax.training.accumulation import Batch
from alexnet_jax.training.figures import kernel_sheet, shows_patterns
from alexnet_jax.training.job import Job
from alexnet_jax.training.recorders import Recorder
from alexnet_jax.training.state import TrainState, run_key
from alexnet_jax.training.step import make_batch_gradients, views_of_step

SHOWN = 8  # input views


class Inside:
    """Views, kernels, weights and gradients of a run, sent to its recorders.

    Args:
      job: the run's job.
      recorders: receivers; only those of the first process are called.
    """

    def __init__(self, job: Job, recorders: Sequence[Recorder]) -> None:
        self._job, self._recorders = job, recorders
        gradients = make_batch_gradients(job.architecture, job.config, job.topology)

        @jax.jit
        def norms(state: TrainState, batch: Batch, statistics: Statistics) -> dict[str, jax.Array]:
            found, _ = gradients(state, batch, statistics)
            return {name: _norm(layer) for name, layer in found.items()}

        self._norms = norms
        self._views_of_step = jax.jit(partial(views_of_step, job.architecture, job.config))

    def record(self, step: int, state: TrainState, batch: Batch, statistics: Statistics) -> None:
        """Record what the network is like after `step` updates, the last one of which saw `batch`.

        All processes call it together. Recorded are the norm of each layer's gradient (kernel and
        bias together, of the batch's mean loss, before weight decay), a histogram of each kernel
        and bias, the first layer's kernels if they have a pattern, and the first images of the
        batch as the network saw them.
        """
        norms = jax.device_get(self._norms(state, batch, statistics))
        self._send(
            lambda to: to.scalars(
                step, "inside", {f"gradient_norm/{name}": float(x) for name, x in norms.items()}
            )
        )
        for name, layer in state.tested.items():
            for part, leaf in layer.items():
                values = gather_to_host(leaf)
                self._send(partial(_histogram, step, f"weights/{name}/{part}", values))
        kernel = gather_to_host(state.tested["conv1"]["kernel"])
        if shows_patterns(kernel):
            sheet = kernel_sheet(kernel, columns=16)[None]
            self._send(lambda to: to.images(step, "kernels/conv1", sheet))
        gathered = {name: gather_to_host(value) for name, value in batch.items()}
        if is_first():
            views = self._views(step, gathered, statistics)
            self._send(lambda to: to.images(step, "views", views))

    def _send(self, call: Callable[[Recorder], None]) -> None:
        if is_first():
            for recorder in self._recorders:
                call(recorder)

    def _views(self, step: int, batch: dict[str, np.ndarray], statistics: Statistics) -> np.ndarray:
        """Return the first views of a step in colours, [N, H, W, C] in [0, 1].

        (view / scale + centre of the mean image) / 255, cut off below 0 and above 1
        """
        job = self._job
        first: Batch = {name: jnp.asarray(value[:SHOWN]) for name, value in batch.items()}
        stats = Statistics(*map(gather_to_host, statistics))
        draw = run_key(np.uint32(job.config.seed)), jnp.int32(step - 1)
        views = self._views_of_step(draw, first, stats)
        mean = np.asarray(centre_crop(jnp.asarray(stats.mean), job.architecture.image_size))
        pixels: np.ndarray = np.asarray(views, np.float32) / np.asarray(job.config.scale) + mean
        return np.clip(pixels / 255, 0, 1)


def _histogram(step: int, name: str, values: np.ndarray, to: Recorder) -> None:
    to.histogram(step, name, values)


def _norm(tree: object) -> jax.Array:
    """Return the Euclidean norm of all values of a tree."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))
