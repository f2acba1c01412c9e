"""Run in memory: its state and batches; logging, evaluation and saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import SupportsFloat, cast

import jax
import numpy as np

from alexnet_jax.checkpoints import Checkpoints, params_sha256
from alexnet_jax.data import Prefetch, Statistics, VerifiedBatches, statistics_of
from alexnet_jax.errors import InputError
from alexnet_jax.inference import evaluate, make_counter, make_logits
from alexnet_jax.runs import MetricsFile
from alexnet_jax.runtime import gather_to_host, is_first, on_all_processes, on_first_process
from alexnet_jax.training import figures
from alexnet_jax.training.accumulation import Batch
from alexnet_jax.training.console import Console
from alexnet_jax.training.diagnosis import HealthMonitor
from alexnet_jax.training.inside import Inside
from alexnet_jax.training.job import Job
from alexnet_jax.training.recorders import JsonLines, Recorder
from alexnet_jax.training.schedule import plateau_update
from alexnet_jax.training.state import SavedTrees, TrainState, abstract_state, as_trees, from_trees
from alexnet_jax.training.throughput import Clock


class Run:
    """State, batches and outputs of a training run.

    Args:
      job: the run's job.
      workdir: the run's directory.
      console: receives progress and messages.
      log: the run's metrics file.
      recorders: further receivers of the measurements, alike in all processes.
      checkpoints: the run's checkpoints.
      initial_state: returns the state before the first update; called if there is no checkpoint.

    Attributes:
      state: state after `step` updates.
      batches: the batches that follow.
      statistics: statistics of the training split's pixels.
      network: function that computes the logits of stored images in test mode.
    """

    def __init__(
        self,
        job: Job,
        workdir: Path,
        console: Console,
        log: MetricsFile,
        recorders: Sequence[Recorder],
        checkpoints: Checkpoints,
        initial_state: Callable[[], TrainState],
    ) -> None:
        self.job, self.workdir, self.console = job, workdir, console
        self.log, self.checkpoints, self._initial_state = log, checkpoints, initial_state
        config, dataset = job.config, job.dataset
        batches = VerifiedBatches(dataset.train, config.batch, config.seed, dataset.name)
        self.batches = Prefetch(batches, job.topology.place_batch)
        self.steps_per_epoch = len(dataset.train) / config.batch
        self.network = make_logits(
            job.architecture,
            job.topology,
            pixel_scale=config.scale,
            dtype=config.dtype,
            precision=config.precision,
        )
        self._counter = make_counter(self.network)
        self._recorders = (JsonLines(log), *recorders)
        self._inside = Inside(job, recorders) if recorders else None
        self.restart()

    @property
    def step(self) -> int:
        """Number of updates made so far."""
        return int(self.state.step)

    @property
    def array_bytes(self) -> int:
        """Bytes of the parameters and their velocities, most of what a checkpoint holds."""
        return 2 * sum(int(leaf.nbytes) for leaf in jax.tree.leaves(self.state.params))

    def restart(self) -> tuple[TrainState, Prefetch, Statistics]:
        """Set the run to its newest good checkpoint, or to its beginning if there is none."""
        if not self._resume():
            self.batches.set_state({"epoch": np.int32(0), "position": np.int32(0)})  # type: ignore[dict-item]
            self.state = on_all_processes(self._initial_state)
            self.statistics = self.job.topology.place(Statistics(*statistics_of(self.job.dataset)))
        return self.state, self.batches, self.statistics

    def _resume(self) -> bool:
        """Load the state of the newest good checkpoint; return False if none was saved yet."""
        job = self.job
        if not self.checkpoints.steps:
            return False
        state = abstract_state(job.architecture, job.config, job.topology)
        stats = Statistics.abstract(job.dataset.stored_size, job.dataset.channels)
        template = job.topology.abstract(self._trees(state, stats))
        newest = self.checkpoints.load_newest(lambda about: template, self.console.warn)
        if newest is None:
            raise InputError(
                f"no checkpoint in {self.workdir} can be read; --fresh starts the run over"
            )
        trees = cast(SavedTrees, newest[1])  # `load_newest` compared it with the template
        self.state, self.statistics, position = from_trees(trees)
        self.batches.set_state(position)
        return True

    def _trees(self, state: TrainState, statistics: Statistics) -> dict[str, object]:
        return as_trees(state, statistics, self.job.topology.place(self.batches.get_state()))

    def log_train(self, step: int, metrics: Mapping[str, SupportsFloat], clock: Clock) -> None:
        """Log the metrics of a training step, and the rate since the last line."""
        line = {name: float(value) for name, value in metrics.items()}
        line["input_wait"] = round(clock.input_wait(), 4)
        line["images_per_second"] = round(clock.rate(), 2)
        self._record(step, "train", line)
        self.console.train(step, line)

    def _record(self, step: int, split: str, metrics: Mapping[str, float]) -> None:
        if is_first():
            for recorder in self._recorders:
                recorder.scalars(step, split, metrics)

    def is_due(self, step: int) -> bool:
        """Whether an evaluation or a checkpoint is due at a step."""
        return self._evaluates(step) or step % self.job.config.checkpoint_every == 0

    def _evaluates(self, step: int) -> bool:
        return step == self.job.config.steps or step % self.job.config.evaluate_every == 0

    def evaluate_and_save(
        self, step: int, batch: Batch, clock: Clock, monitor: HealthMonitor, *, wait: bool
    ) -> None:
        """Evaluate if an evaluation is due, and save a checkpoint; `wait` until it is on disk.

        Args:
          step: number of updates made.
          batch: batch of the last of them, for recorders that look inside.

        Raises:
          InputError: the data have changed, the state is not finite, or the disk is full.
        """
        on_all_processes(self.job.dataset.require_unchanged)
        monitor.check_health(step, self.state)
        with clock.paused():
            metrics = self._evaluate(step) if self._evaluates(step) else None
            if metrics is not None and self._inside is not None:
                self._inside.record(step, self.state, batch, self.statistics)
            trees = self._trees(self.state, self.statistics)
            on_all_processes(self.log.sync)
            about = self.job.description().to_json()
            self.checkpoints.save(step, trees, about=about, metrics=metrics)
            if wait:
                self.checkpoints.wait()

    def _evaluate(self, step: int) -> dict[str, float]:
        job, config = self.job, self.job.config
        metrics = evaluate(
            self._counter,
            self.state.tested,
            job.dataset.test,
            self.statistics,
            batch=config.batch // config.accumulate,
            topology=job.topology,
            advance=self.console.progress("testing", len(job.dataset.test)),
        )
        self._record(step, "test", metrics)
        self.console.test(step, metrics)
        plateau = jax.device_get(self.state.plateau)
        plateau = plateau_update(plateau, 1 - metrics["top1"], patience=config.patience)
        self.state = self.state._replace(plateau=job.topology.place(plateau))
        return metrics

    def finish(self) -> None:
        """Save the figures and the model card, and log that the run is complete."""
        self.checkpoints.wait()
        config = self.job.config
        kernel = gather_to_host(self.state.tested["conv1"]["kernel"])
        sha256 = params_sha256(self.state.params)
        title, lines = f"{config.name}, seed {config.seed}", self.log.read()
        towers = self.job.architecture.towers
        on_first_process(
            lambda: figures.save_run(self.workdir, title, lines, kernel, towers, config.steps)
        )
        mean = gather_to_host(self.statistics.mean)
        on_first_process(lambda: self.job.save_card(self.workdir, mean, lines, sha256))
        self.log.append({"event": "done", "step": config.steps, "params_sha256": sha256})
        self.console.result(f"done: {self.workdir} (parameters {sha256[:16]})")
