"""A whole training run: data to pictures, resumed where it stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from alexnet_jax import figures
from alexnet_jax.augment import Statistics
from alexnet_jax.checkpoint import Checkpoints, params_sha256
from alexnet_jax.console import Console
from alexnet_jax.data.batches import Batches
from alexnet_jax.data.statistics import pixel_statistics
from alexnet_jax.errors import InputError
from alexnet_jax.evaluate import evaluate, make_counter, make_logits
from alexnet_jax.interrupt import Interrupted, Signals
from alexnet_jax.job import Job
from alexnet_jax.optim import Plateau, plateau_update
from alexnet_jax.recipe import TrainConfig
from alexnet_jax.train import TrainState, init_state, make_train_step
from alexnet_jax.workdir import MetricsFile, open_workdir, require_writable

_PROFILED_STEPS = 10


def fit(
    config: TrainConfig,
    workdir: Path,
    console: Console,
    *,
    fresh: bool = False,
    profile: Path | None = None,
) -> None:
    """Trains to `config.steps`, from where the workdir's newest good checkpoint stopped.

    Writes config.json, metrics.jsonl, checkpoints/, learning_curve.png and conv1_kernels.png.

    Args:
      workdir: the run's directory; made if need be.
      console: told of progress.
      fresh: start over, removing what an earlier run left.
      profile: directory for a trace of ten steps after the first.

    Raises:
      InputError: settings that cannot be used, a workdir of another run. Interrupted: after
        SIGINT or SIGTERM, with the state saved.
    """
    job = Job.make(config)
    if profile is not None:
        require_writable(profile, "profile directory")
    open_workdir(workdir, config, job.dataset.fingerprint(), fresh=fresh)
    log = MetricsFile(workdir / "metrics.jsonl")
    with (
        Signals() as signals,
        Checkpoints(workdir / "checkpoints", keep=config.keep_checkpoints) as checkpoints,
    ):
        run = _Run(job, workdir, console, log, checkpoints)
        if log.finished and int(run.state.step) == config.steps:
            console.note(f"{workdir} is finished at step {config.steps}; nothing to do")
            return
        if checkpoints.steps:
            console.note(f"resumed at step {int(run.state.step)}")
        log.rewind(int(run.state.step))
        run.train(signals, profile)
        run.finish()


class _Run:
    """The moving parts of one call of `fit`."""

    def __init__(
        self, job: Job, workdir: Path, console: Console, log: MetricsFile, checkpoints: Checkpoints
    ) -> None:
        self.job, self.workdir, self.console = job, workdir, console
        self.log, self.checkpoints = log, checkpoints
        config, dataset = job.config, job.dataset
        self.batches = Batches(dataset.train, config.batch, config.seed)
        self.steps_per_epoch = len(dataset.train) / config.batch
        network = make_logits(
            job.architecture, job.topology, pixel_scale=config.pixel_scale, dtype=config.dtype
        )
        self.counter = make_counter(network)
        if not self._resume():
            self.state = init_state(job.architecture, config, job.topology)
            self.statistics = job.topology.place(Statistics(*pixel_statistics(dataset.train)))

    def _trees(self, state: TrainState, statistics: Statistics) -> dict[str, Any]:
        return {
            "params": state.params,
            "opt": state.opt_state,
            "loop": {
                "step": state.step,
                "key": state.key,
                "plateau": state.plateau._asdict(),
                "data": jax.tree.map(jnp.asarray, self.batches.get_state()),
            },
            "stats": statistics._asdict(),
        }

    def _resume(self) -> bool:
        """Takes the state of the newest good checkpoint; False where there is none yet."""
        job = self.job
        if not self.checkpoints.steps:
            return False
        state = jax.eval_shape(lambda: init_state(job.architecture, job.config, job.topology))
        stats = Statistics.abstract(job.dataset.stored_size, job.dataset.channels)
        template = job.topology.abstract(self._trees(state, stats))
        found = self.checkpoints.load_newest(lambda about: template, self.console.note)
        if found is None:
            raise InputError(
                f"no checkpoint in {self.workdir} can be read; --fresh starts the run over"
            )
        _, trees, _ = found
        loop = trees["loop"]
        plateau = Plateau(**loop["plateau"])
        self.state = TrainState(loop["step"], trees["params"], trees["opt"], loop["key"], plateau)
        self.statistics = Statistics(**trees["stats"])
        self.batches.set_state(loop["data"])
        return True

    def train(self, signals: Signals, profile: Path | None) -> None:
        """Advances to the last step; raises Interrupted with the state saved if told to stop."""
        job, config = self.job, self.job.config
        advance = make_train_step(job.architecture, config, job.topology, self.steps_per_epoch)
        first = int(self.state.step)
        self.console.start(first, config.steps)
        clock, trace = _Clock(config.batch), _Trace(profile)
        try:
            for step in range(first + 1, config.steps + 1):
                trace.at(step - first)
                batch = job.topology.place(next(self.batches))
                self.state, metrics = advance(self.state, batch, self.statistics)
                clock.count()
                self.console.advance(step)
                if step == 1 or step % config.log_every == 0 or step == config.steps:
                    self._log_train(step, jax.device_get(metrics), clock)
                self._evaluate_and_save(step, clock, signals)
                if signals.received is not None:
                    raise Interrupted(
                        f"stopped by {signals.received.name}: step {step} of {config.steps} is "
                        f"saved in {self.workdir}; the same command goes on from there",
                        128 + signals.received,
                    )
        finally:
            trace.stop()
            self.console.stop()

    def _log_train(self, step: int, metrics: dict[str, Any], clock: _Clock) -> None:
        found = {name: float(value) for name, value in metrics.items()}
        found["images_per_second"] = round(clock.rate(), 2)
        self.log.append({"step": step, "split": "train", **found})
        self.console.train(step, found)

    def _evaluate_and_save(self, step: int, clock: _Clock, signals: Signals) -> None:
        config = self.job.config
        last = step == config.steps
        evaluating = last or step % config.evaluate_every == 0
        if not (evaluating or step % config.checkpoint_every == 0 or signals.received is not None):
            return
        jax.block_until_ready(self.state)
        with clock.paused():
            metrics = self._evaluate(step) if evaluating else None
            trees = self._trees(self.state, self.statistics)
            self.checkpoints.save(step, trees, about=self.job.about(), metrics=metrics)

    def _evaluate(self, step: int) -> dict[str, float]:
        test = self.job.dataset.test
        found = evaluate(
            self.counter, self.state.params, test, self.statistics, batch=self.job.config.batch
        )
        self.log.append({"step": step, "split": "test", **found})
        self.console.test(step, found)
        plateau = jax.device_get(self.state.plateau)
        plateau = plateau_update(plateau, 1 - found["top1"], patience=self.job.config.patience)
        self.state = self.state._replace(plateau=self.job.topology.place(plateau))
        return found

    def finish(self) -> None:
        """Pictures, and the line that says the run is complete."""
        config, params = self.job.config, self.state.params
        lines = self.log.read()
        curve = figures.learning_curve(lines, f"{config.name}, seed {config.seed}")
        curve.savefig(self.workdir / "learning_curve.png", dpi=120)
        kernels = figures.conv1_kernels(
            jax.device_get(params["conv1"]["kernel"]),
            self.job.architecture.towers,
            f"{config.name}: conv1 kernels after {config.steps:,} steps",
        )
        kernels.savefig(self.workdir / "conv1_kernels.png", dpi=150)
        sha256 = params_sha256(params)
        self.log.append({"event": "done", "step": config.steps, "params_sha256": sha256})
        self.console.note(f"done: {self.workdir} (parameters {sha256[:16]})")


class _Clock:
    """Images per second of training alone: evaluation and saving do not count."""

    def __init__(self, batch: int) -> None:
        self._batch, self._steps = batch, 0
        self._began = time.perf_counter()

    def count(self) -> None:
        self._steps += 1

    def rate(self) -> float:
        """Since the last call; the first one in a process includes compilation."""
        now = time.perf_counter()
        rate = self._batch * self._steps / (now - self._began)
        self._began, self._steps = now, 0
        return rate

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        paused_at = time.perf_counter()
        yield
        self._began += time.perf_counter() - paused_at


class _Trace:
    """A profile of ten steps, from the third of this process: the first two compile and warm up."""

    def __init__(self, directory: Path | None) -> None:
        self._directory, self._running = directory, False

    def at(self, count: int) -> None:
        if self._directory is not None and count == 3:
            jax.profiler.start_trace(self._directory)
            self._running = True
        if count == 3 + _PROFILED_STEPS:
            self.stop()

    def stop(self) -> None:
        if self._running:
            jax.profiler.stop_trace()
            self._running = False
