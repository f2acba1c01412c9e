"""Start of a run: weights of another run, and a check that the logits depend on the image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.data import Statistics
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Logits, Trained
from alexnet_jax.network import Params, computed_otherwise, copied_layers
from alexnet_jax.runs import TrainConfig, read_start
from alexnet_jax.runtime import gather_to_host
from alexnet_jax.training.console import Console
from alexnet_jax.training.health import SIGNAL_IMAGES, sample_evenly
from alexnet_jax.training.job import Job
from alexnet_jax.training.opening import describe_start
from alexnet_jax.training.state import TrainState, init_state
from alexnet_jax.weights import trained_network

Note = Callable[[str], None]


class Start:
    """Initial weights of a run: drawn from its seed, or copied from the run in `start_from`.

    The other run is read at most once. A run that is resumed does not need it: its own checkpoint
    has the weights, and its workdir records the hash of those it began with.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._loaded: Trained | None = None

    def sha256(self, workdir: Path, *, fresh: bool) -> str:
        """Return the SHA-256 of the weights that `start_from` names, or "" if it names none.

        If the run in the workdir began from the same `start_from`, the recorded hash is returned,
        since the other run may have changed or been removed.

        Raises:
          InputError: the other run cannot be read or does not fit, or `start_from` is this workdir.
        """
        config = self._job.config
        if not config.start_from:
            return ""
        if Path(config.start_from).resolve() == workdir.resolve():
            raise InputError(f"start_from {config.start_from} is the workdir of this run itself")
        recorded = None if fresh else read_start(workdir)
        if recorded is not None:
            before, sha256 = recorded
            same_run = before.start_from == config.start_from
            if same_run and before.start_checkpoint == config.start_checkpoint:
                return sha256
        check_copied(self._job, self._source())
        return params_sha256(self._source().params)

    def state(self, sha256: str, note: Note) -> TrainState:
        """Create the state before the first update.

        Args:
          sha256: hash of the weights in `start_from` when the run began.
          note: prints a message.

        Raises:
          InputError: as in `sha256`, or the weights in `start_from` have changed.
        """
        job, config = self._job, self._job.config
        state = init_state(job.architecture, config, job.topology)
        if not config.start_from:
            return state
        source = self._source()
        if params_sha256(source.params) != sha256:
            raise InputError(
                f"the weights in {config.start_from} have changed since this run began with them; "
                "--fresh starts over"
            )
        copied = check_copied(job, source)
        for line in notes(job, source, copied):
            note(line)
        placed = {
            name: jax.tree.map(_converted, source.params[name], state.params[name])
            for name in copied
        }
        self._loaded = None
        params = {**state.params, **placed}
        average = None if state.average is None else jax.tree.map(jnp.copy, params)
        return state._replace(params=params, average=average)

    def _source(self) -> Trained:
        if self._loaded is None:
            config = self._job.config
            self._loaded = trained_network(
                config.start_from,
                checkpoint=config.start_checkpoint,
                topology_name=config.topology,
            )
        return self._loaded


def _converted(old: jax.Array, new: jax.Array) -> jax.Array:
    """Return the values of `old` with the dtype and sharding of `new`."""
    placed: jax.Array = jax.device_put(old.astype(new.dtype), new.sharding)
    return placed


def check_copied(job: Job, source: Trained) -> tuple[str, ...]:
    """Return the names of the layers whose weights are copied: all, except a new classifier.

    Raises:
      InputError: one of the networks lacks a layer, or a layer's shapes differ.
    """
    config, last = job.config, job.architecture.layers[-1].name
    same = source.class_names == job.dataset.class_names
    new = config.classifier == "new" or (config.classifier == "auto" and not same)
    if new and last in config.freeze:
        raise InputError(f"{last} starts anew, and cannot be frozen")
    return copied_layers(
        job.architecture,
        source.architecture,
        classifier=not new,
        where=f"start_from {config.start_from}",
        hint=_settings_hint(config, source.config),
    )


def _settings_hint(ours: TrainConfig, theirs: TrainConfig) -> str:
    """Return a hint at the settings that make a network like that of `start_from`."""
    names = [name for name in ("preset", "image_size") if vars(ours)[name] != vars(theirs)[name]]
    settings = [f"{name}={vars(theirs)[name]}" for name in names] + [
        f"layers.{layer}.{field}={value}"
        for layer, fields in theirs.layers.items()
        for field, value in fields.items()
        if ours.layers.get(layer, {}).get(field) != value
    ]
    return f"; it was made with --set {' '.join(settings)}" if settings else ""


def notes(job: Job, source: Trained, copied: tuple[str, ...]) -> list[str]:
    """Return messages about a start from another run's weights: new layers, and differences."""
    where, last = job.config.start_from, job.architecture.layers[-1].name
    new = "" if last in copied else f"; {last} is new, for {job.architecture.classes} classes"
    lines = [f"weights of {where}, step {source.step}{new}"]
    if other := computed_otherwise(job.architecture, source.architecture):
        lines.append(f"note: its network computes otherwise ({other})")
    if job.config.scale != source.config.scale:
        lines.append(
            f"note: its images were scaled by {_scale_text(source.config.scale)}, these are by "
            f"{_scale_text(job.config.scale)}"
        )
    if job.dataset.stored_size != source.stored_size:
        lines.append(
            f"note: it took its crops from images of {source.stored_size} pixels, these have "
            f"{job.dataset.stored_size}"
        )
    return lines


def _scale_text(scale: float | tuple[float, ...]) -> str:
    return f"{scale:g}" if isinstance(scale, float | int) else ", ".join(f"{x:g}" for x in scale)


def check_signal(
    job: Job, network: Logits, params: Params, statistics: Statistics, console: Console
) -> None:
    """Report how much of the logits depends on the image, before the first update."""
    images = sample_evenly(job.dataset.train.images, job.topology.divisible(SIGNAL_IMAGES))
    logits = network(params, images, statistics)
    line, warning = describe_start(gather_to_host(logits).astype(np.float64))
    (console.warn if warning else console.note)(line)
