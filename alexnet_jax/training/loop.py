"""Complete training runs, from data to figures; resumed if they were stopped."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax

from alexnet_jax.checkpoints import Checkpoints, require_savable, utf8
from alexnet_jax.runs import (
    MetricsFile,
    TrainConfig,
    hold_workdir,
    open_workdir,
    recorded_session,
    require_settings,
    require_shared,
    require_writable,
)
from alexnet_jax.runtime import (
    Interrupted,
    Signals,
    Watch,
    broadcast_from_first,
    first_differing,
    is_first,
    on_all_processes,
    on_first_process,
    require_same,
    shared_error,
    signals_of_run,
)
from alexnet_jax.training.console import Console, Silence
from alexnet_jax.training.diagnosis import HealthMonitor
from alexnet_jax.training.figures import NO_PICTURES, can_draw
from alexnet_jax.training.job import Job
from alexnet_jax.training.opening import opening
from alexnet_jax.training.recorders import Recorder, make_recorders
from alexnet_jax.training.run import Run
from alexnet_jax.training.state import TrainState
from alexnet_jax.training.step import make_train_step
from alexnet_jax.training.throughput import Clock, Trace
from alexnet_jax.training.warm_start import Start, check_signal


def fit(
    config: TrainConfig,
    workdir: Path,
    console: Console,
    *,
    fresh: bool = False,
    profile: Path | None = None,
    heartbeat: float = 100.0,
    recorders: Sequence[Recorder] = (),
) -> signal.Signals | None:
    """Train to `config.steps`, resuming from the newest good checkpoint in the workdir, if any.

    Writes config.json, metrics.jsonl, sessions.jsonl, checkpoints/, the model card, what
    `config.record` names and, if
    matplotlib is installed, learning_curve.png and conv1_kernels.png. Of several processes, only
    the first writes and prints; all must see the workdir.

    Args:
      config: settings of the run.
      workdir: the run's directory; created if it does not exist.
      console: receives progress and messages.
      fresh: start over, removing the files of an earlier run.
      profile: directory for a trace of ten steps, from the third of this process.
      heartbeat: seconds after which jax regards a silent process as dead.
      recorders: further receivers of the measurements, given alike in all processes; those of the
        first are called, and closed at the end.

    Returns:
      None, or the signal that arrived after the last update, too late to stop this run.

    Raises:
      InputError: settings that cannot be used or that differ between processes, a workdir of
        another run or one that another process trains in, a loss that is not finite or no better
        than chance, or a checkpoint that cannot be written.
      Interrupted: SIGINT or SIGTERM arrived; the state is saved.
    """
    job, start = _load(config, workdir, fresh, profile)
    console = console if is_first() else Silence()
    log = MetricsFile(workdir / "metrics.jsonl", writing=is_first())
    every = math.ceil(config.keep_epochs * len(job.dataset.train) / config.batch)
    with (
        _opened(workdir, job, fresh=fresh),
        signals_of_run() as signals,
        Watch(heartbeat) as watch,
        Checkpoints(
            workdir / "checkpoints", keep=config.keep_checkpoints, every=every, clean=True
        ) as saved,
        contextlib.ExitStack() as recording,
    ):

        def initial_state() -> TrainState:
            return start.state(job.start_sha256, console.note)

        each = (*make_recorders(config, workdir), *recorders)
        for recorder in each:
            recording.callback(recorder.close)
        run = Run(job, workdir, console, log, each, saved, initial_state)
        if broadcast_from_first(log.finished) and run.step == config.steps:
            console.result(f"{workdir} is finished at step {config.steps}; nothing to do")
            return None
        on_all_processes(lambda: require_savable(workdir, run.array_bytes))
        if not can_draw():
            console.warn(NO_PICTURES)
        if saved.steps:
            console.note(f"resumed at step {run.step}")
        else:
            for line in opening(job, workdir):
                console.note(line)
            check_signal(job, run.network, run.state.params, run.statistics, console)
        log.rewind(run.step)
        session = job.session(run.step)
        with recorded_session(workdir, session, lambda: run.step, writing=is_first()):
            with run.batches:
                train(run, signals, watch, profile)
            run.finish()
        return signals.received


def _load(
    config: TrainConfig, workdir: Path, fresh: bool, profile: Path | None
) -> tuple[Job, Start]:
    """Load and check everything that the config names, before anything is written."""
    directories = {"data_dir": "", "start_from": ""}  # may have other names in other processes
    require_same({"command": "train", "fresh": fresh} | config.to_json() | directories)
    on_all_processes(lambda: utf8(workdir.absolute()))
    job = on_all_processes(lambda: Job.make(config))
    if profile is not None:
        on_all_processes(lambda: require_writable(profile, "profile directory"))
    start = Start(job)
    sha256 = on_all_processes(lambda: start.sha256(workdir, fresh=fresh))
    if (process := first_differing(sha256)) is not None:
        raise shared_error(f"start_from: process {process} reads other weights than process 0")
    return dataclasses.replace(job, start_sha256=sha256), start


@contextlib.contextmanager
def _opened(workdir: Path, job: Job, *, fresh: bool) -> Iterator[None]:
    """Open the workdir with the run's settings. The first process holds it, for all of them."""
    data, start = job.dataset.fingerprint(), job.start_sha256
    with contextlib.ExitStack() as held:
        on_first_process(lambda: held.enter_context(hold_workdir(workdir)))
        require_shared(workdir)
        on_first_process(
            lambda: open_workdir(workdir, job.config, data, fresh=fresh, start_sha256=start)
        )
        on_all_processes(lambda: require_settings(workdir, data))
        yield


def train(run: Run, signals: Signals, watch: Watch, profile: Path | None) -> None:
    """Advance a run to its last step.

    Raises:
      InputError: as in `fit`.
      Interrupted: a signal arrived; the state is saved.
    """
    config, first = run.job.config, run.step
    train_step = make_train_step(
        run.job.architecture, config, run.job.topology, run.steps_per_epoch
    )
    clock, trace = Clock(config.batch), Trace(profile)
    monitor = HealthMonitor(
        run.job, train_step, run.restart, run.console.note, signals.stopping, first
    )
    run.console.start(first, config.steps)
    try:
        for step in range(first + 1, config.steps + 1):
            trace.at(step - first)
            with clock.waiting():
                batch = next(run.batches)
            run.state, metrics = train_step(run.state, batch, run.statistics)
            watch.alive()
            run.checkpoints.raise_if_failed()
            if step == first + 1:
                run.console.note(clock.first_step(metrics))
            clock.count()
            run.console.advance(step)
            logging = step == 1 or step % config.log_every == 0 or step == config.steps
            if monitor.add_loss(metrics["loss"]) or logging:
                monitor.check_health(step)
            if logging:
                run.log_train(step, jax.device_get(metrics), clock)
            stopping, flat = signals.stopping(step), monitor.flat(step)
            if run.is_due(step) or stopping or flat:
                run.evaluate_and_save(step, batch, clock, monitor, wait=bool(stopping or flat))
            if flat is not None:
                raise flat
            if stopping is not None:
                raise Interrupted(
                    f"stopped by {stopping.name}: step {step} of {config.steps} is "
                    f"saved in {run.workdir}; the same command resumes from there",
                    128 + stopping,
                )
    finally:
        trace.stop()
        run.console.stop()
