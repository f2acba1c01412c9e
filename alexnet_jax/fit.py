"""A whole training run: data to pictures, resumed where it stopped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alexnet_jax import figures
from alexnet_jax.augment import Statistics
from alexnet_jax.checkpoint import Checkpoints
from alexnet_jax.console import Console, Silence
from alexnet_jax.data.prefetch import Prefetch
from alexnet_jax.data.statistics import statistics_of
from alexnet_jax.data.verified import VerifiedBatches
from alexnet_jax.diagnosis import Care
from alexnet_jax.digests import params_sha256
from alexnet_jax.errors import InputError
from alexnet_jax.evaluate import evaluate, make_counter, make_logits
from alexnet_jax.interrupt import Interrupted, Signals
from alexnet_jax.job import Job
from alexnet_jax.joining import Watch
from alexnet_jax.optim import plateau_update
from alexnet_jax.pace import Clock, Trace
from alexnet_jax.preemption import signals_of_run
from alexnet_jax.processes import by_first, is_first, said_by_first, together, whole
from alexnet_jax.recipe import TrainConfig
from alexnet_jax.starting import Start, check_signal
from alexnet_jax.state import TrainState, abstract_state, as_trees, from_trees
from alexnet_jax.train import make_train_step
from alexnet_jax.workdir import MetricsFile, open_workdir, require_settings, require_writable


def fit(
    config: TrainConfig,
    workdir: Path,
    console: Console,
    *,
    fresh: bool = False,
    profile: Path | None = None,
    heartbeat: float = 100.0,
) -> None:
    """Trains to `config.steps`, from where the workdir's newest good checkpoint stopped.

    Writes config.json, metrics.jsonl, checkpoints/, learning_curve.png and conv1_kernels.png. Of
    several processes the first writes and speaks, and all must see the workdir.

    Args:
      workdir: the run's directory; made if need be.
      console: told of progress.
      fresh: start over, removing what an earlier run left.
      profile: directory for a trace of ten steps after the first.
      heartbeat: seconds after which jax takes a silent process for dead.

    Raises:
      InputError: settings that cannot be used, a workdir of another run, a loss that is no number
        or no better than chance, a checkpoint that cannot be written.
      Interrupted: after SIGINT or SIGTERM, with the state saved.
    """
    job = together(lambda: Job.make(config))
    if profile is not None:
        together(lambda: require_writable(profile, "profile directory"))
    start = Start(job)
    begun = together(lambda: start.sha256(workdir, fresh=fresh))
    job = dataclasses.replace(job, start_sha256=begun)
    by_first(
        lambda: open_workdir(
            workdir, config, job.dataset.fingerprint(), fresh=fresh, start_sha256=begun
        )
    )
    together(lambda: require_settings(workdir, job.dataset.fingerprint()))
    console = console if is_first() else Silence()
    log = MetricsFile(workdir / "metrics.jsonl", writing=is_first())
    every = math.ceil(config.keep_epochs * len(job.dataset.train) / config.batch)
    with (
        signals_of_run() as signals,
        Watch(heartbeat) as watch,
        Checkpoints(
            workdir / "checkpoints", keep=config.keep_checkpoints, every=every, clean=True
        ) as saved,
    ):
        run = _Run(job, workdir, console, log, saved, lambda: start.state(begun, console.note))
        if said_by_first(log.finished) and int(run.state.step) == config.steps:
            console.note(f"{workdir} is finished at step {config.steps}; nothing to do")
            return
        if saved.steps:
            console.note(f"resumed at step {int(run.state.step)}")
        else:
            check_signal(job, run.network, run.state.params, run.statistics, console.note)
        log.rewind(int(run.state.step))
        with run.batches:
            run.train(signals, watch, profile)
        run.finish()


class _Run:
    """The moving parts of one call of `fit`."""

    def __init__(
        self,
        job: Job,
        workdir: Path,
        console: Console,
        log: MetricsFile,
        checkpoints: Checkpoints,
        begin: Callable[[], TrainState],
    ) -> None:
        self.job, self.workdir, self.console = job, workdir, console
        self.log, self.checkpoints, self._begin = log, checkpoints, begin
        config, dataset = job.config, job.dataset
        batches = VerifiedBatches(dataset.train, config.batch, config.seed, dataset.name)
        self.batches = Prefetch(batches, job.topology.place_batch)
        self.steps_per_epoch = len(dataset.train) / config.batch
        self.network = make_logits(
            job.architecture, job.topology, pixel_scale=config.scale, dtype=config.dtype
        )
        self.counter = make_counter(self.network)
        self._start()

    def _start(self) -> None:
        """Takes the newest good state, or the first one."""
        job = self.job
        if not self._resume():
            self.batches.set_state({"epoch": np.int32(0), "position": np.int32(0)})  # type: ignore[dict-item]
            self.state = together(self._begin)
            self.statistics = job.topology.place(Statistics(*statistics_of(job.dataset)))

    def _again(self) -> tuple[TrainState, Prefetch, Statistics]:
        self._start()
        return self.state, self.batches, self.statistics

    def _trees(self, state: TrainState, statistics: Statistics) -> dict[str, Any]:
        return as_trees(state, statistics, self.job.topology.place(self.batches.get_state()))

    def _resume(self) -> bool:
        """Takes the state of the newest good checkpoint; False where there is none yet."""
        job = self.job
        if not self.checkpoints.steps:
            return False
        state = abstract_state(job.architecture, job.config, job.topology)
        stats = Statistics.abstract(job.dataset.stored_size, job.dataset.channels)
        template = job.topology.abstract(self._trees(state, stats))
        found = self.checkpoints.load_newest(lambda about: template, self.console.note)
        if found is None:
            raise InputError(
                f"no checkpoint in {self.workdir} can be read; --fresh starts the run over"
            )
        self.state, self.statistics, read = from_trees(found[1])
        self.batches.set_state(read)
        return True

    def train(self, signals: Signals, watch: Watch, profile: Path | None) -> None:
        """Advances to the last step; raises Interrupted with the state saved if told to stop."""
        job, config = self.job, self.job.config
        advance = make_train_step(job.architecture, config, job.topology, self.steps_per_epoch)
        first = int(self.state.step)
        self.console.start(first, config.steps)
        clock, trace = Clock(config.batch), Trace(profile)
        care = Care(job, advance, self._again, self.console.note, signals.stopping, first)
        try:
            for step in range(first + 1, config.steps + 1):
                trace.at(step - first)
                with clock.waiting():
                    batch = next(self.batches)
                self.state, metrics = advance(self.state, batch, self.statistics)
                watch.alive()
                self.checkpoints.look()
                if step == first + 1:
                    self.console.note(clock.first_step(metrics))
                clock.count()
                self.console.advance(step)
                logging = step == 1 or step % config.log_every == 0 or step == config.steps
                if care.add(metrics["loss"]) or logging:
                    care.look(step)
                if logging:
                    self._log_train(step, jax.device_get(metrics), clock)
                stopping, flat = signals.stopping(step), care.flat(step)
                self._evaluate_and_save(step, clock, care, bool(stopping or flat))
                if flat is not None:
                    raise flat
                if stopping is not None:
                    raise Interrupted(
                        f"stopped by {stopping.name}: step {step} of {config.steps} is "
                        f"saved in {self.workdir}; the same command goes on from there",
                        128 + stopping,
                    )
        finally:
            trace.stop()
            self.console.stop()

    def _log_train(self, step: int, metrics: dict[str, Any], clock: Clock) -> None:
        found = {name: float(value) for name, value in metrics.items()}
        found["input_wait"] = round(clock.input_wait(), 4)
        found["images_per_second"] = round(clock.rate(), 2)
        self.log.append({"step": step, "split": "train", **found})
        self.console.train(step, found)

    def _evaluate_and_save(self, step: int, clock: Clock, care: Care, stopping: bool) -> None:
        config = self.job.config
        last = step == config.steps
        evaluating = last or step % config.evaluate_every == 0
        if not (evaluating or step % config.checkpoint_every == 0 or stopping):
            return
        together(self.job.dataset.require_unchanged)
        care.look(step, self.state)
        with clock.paused():
            metrics = self._evaluate(step) if evaluating else None
            trees = self._trees(self.state, self.statistics)
            together(self.log.sync)
            self.checkpoints.save(step, trees, about=self.job.about(), metrics=metrics)
            if stopping:
                self.checkpoints.wait()

    def _evaluate(self, step: int) -> dict[str, float]:
        job, config = self.job, self.job.config
        found = evaluate(
            self.counter,
            self.state.tested,
            job.dataset.test,
            self.statistics,
            batch=config.batch // config.accumulate,
            topology=job.topology,
        )
        self.log.append({"step": step, "split": "test", **found})
        self.console.test(step, found)
        plateau = jax.device_get(self.state.plateau)
        plateau = plateau_update(plateau, 1 - found["top1"], patience=self.job.config.patience)
        self.state = self.state._replace(plateau=self.job.topology.place(plateau))
        return found

    def finish(self) -> None:
        """Pictures, and the line that says the run is complete."""
        self.checkpoints.wait()
        config = self.job.config
        kernel = whole(self.state.tested["conv1"]["kernel"])
        sha256 = params_sha256(self.state.params)
        title, lines = f"{config.name}, seed {config.seed}", self.log.read()
        towers = self.job.architecture.towers
        by_first(lambda: figures.save_run(self.workdir, title, lines, kernel, towers, config.steps))
        mean = whole(self.statistics.mean)
        by_first(lambda: self.job.save_card(self.workdir, mean, lines, sha256))
        self.log.append({"event": "done", "step": config.steps, "params_sha256": sha256})
        self.console.note(f"done: {self.workdir} (parameters {sha256[:16]})")
