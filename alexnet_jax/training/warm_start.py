"""Before the first update: weights of another run, and whether the network sees its images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from alexnet_jax.checkpoints import params_sha256
from alexnet_jax.data import Statistics
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Logits, Trained, load_trained
from alexnet_jax.network import Architecture, Layer, Params
from alexnet_jax.runs import TrainConfig, recorded_start
from alexnet_jax.runtime import whole
from alexnet_jax.training.health import SIGNAL_IMAGES, said_of_signal, some_of
from alexnet_jax.training.job import Job
from alexnet_jax.training.state import TrainState, init_state

Note = Callable[[str], None]

# What a layer starts with says nothing of what it computes.
_INITIAL = frozenset({"std", "bias", "init"})


class Start:
    """Where the weights of a run come from: its seed, and what `start_from` names.

    The other run is read once, if at all: a run that goes on has its weights, and remembers the
    hash of those it began with.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._loaded: Trained | None = None

    def sha256(self, workdir: Path, *, fresh: bool) -> str:
        """Of the weights that `start_from` names, "" for none.

        As recorded in the workdir where the run there began with the same place, which may have
        changed or gone since.

        Raises:
          InputError: another run that cannot be read or does not fit; the workdir itself.
        """
        config = self._job.config
        if not config.start_from:
            return ""
        if Path(config.start_from).resolve() == workdir.resolve():
            raise InputError(f"start_from {config.start_from} is the workdir of this run itself")
        recorded = None if fresh else recorded_start(workdir)
        if recorded is not None:
            before, sha256 = recorded
            if all(
                getattr(before, name) == getattr(config, name)
                for name in ("start_from", "start_checkpoint")
            ):
                return sha256
        check_copied(self._job, self._source())
        return params_sha256(self._source().params)

    def state(self, sha256: str, note: Note) -> TrainState:
        """The state before the first update; `sha256` as it was when the run began.

        Raises:
          InputError: as above, or the other run has other weights now.
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
            name: jax.tree.map(_like, source.params[name], state.params[name]) for name in copied
        }
        self._loaded = None
        params = {**state.params, **placed}
        average = None if state.average is None else jax.tree.map(jnp.copy, params)
        return state._replace(params=params, average=average)

    def _source(self) -> Trained:
        if self._loaded is None:
            config = self._job.config
            self._loaded = load_trained(
                config.start_from,
                checkpoint=config.start_checkpoint,
                topology_name=config.topology,
            )
        return self._loaded


def _like(old: jax.Array, new: jax.Array) -> jax.Array:
    placed: jax.Array = jax.device_put(old.astype(new.dtype), new.sharding)
    return placed


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    return {p.layer.name: p.kernel for p in architecture.placed() if p.kernel is not None}


def check_copied(job: Job, source: Trained) -> tuple[str, ...]:
    """Names of the layers whose weights are copied: all, but for a new classifier.

    Raises:
      InputError: layers that one of the networks lacks, or that have other shapes.
    """
    config, where = job.config, job.config.start_from
    want, have = _shapes(job.architecture), _shapes(source.architecture)
    last = job.architecture.layers[-1].name
    same = source.class_names == job.dataset.class_names
    if config.classifier == "new" or (config.classifier == "auto" and not same):
        want.pop(last)
        have.pop(source.architecture.layers[-1].name)
        if last in config.freeze:
            raise InputError(f"{last} starts anew, and cannot be frozen")
    network, like = job.architecture.name, _like_theirs(config, source.config)
    for name, shape in want.items():
        if name not in have:
            raise InputError(
                f"start_from {where}: its network has no layer {name}, {network} has{like}"
            )
        if have[name] != shape:
            raise InputError(
                f"start_from {where}: {name}/kernel is {have[name]}, but in {network} it is "
                f"{shape}{like}"
            )
    if extra := sorted(set(have) - set(want)):
        raise InputError(f"start_from {where}: its network has {extra[0]}, {network} has not{like}")
    return tuple(want)


def _like_theirs(ours: TrainConfig, theirs: TrainConfig) -> str:
    """The settings that would make a run's network like that of the run whose weights it takes."""
    names = [name for name in ("preset", "image_size") if vars(ours)[name] != vars(theirs)[name]]
    settings = [f"{name}={vars(theirs)[name]}" for name in names] + [
        f"layers.{layer}.{field}={value}"
        for layer, fields in theirs.layers.items()
        for field, value in fields.items()
        if ours.layers.get(layer, {}).get(field) != value
    ]
    return f"; it was made with --set {' '.join(settings)}" if settings else ""


def notes(job: Job, source: Trained, copied: tuple[str, ...]) -> list[str]:
    """What to say of a start with another run's weights: what is new, and what may surprise."""
    where, last = job.config.start_from, job.architecture.layers[-1].name
    new = "" if last in copied else f"; {last} is new, for {job.architecture.classes} classes"
    found = [f"weights of {where}, step {source.step}{new}"]
    ours, theirs = ({layer.name: layer for layer in net.layers if layer.name != last}
                    for net in (job.architecture, source.architecture))  # fmt: skip
    other = [name for name in ours if name not in theirs or _differ(ours[name], theirs[name])]
    other += [name for name in theirs if name not in ours]
    if other or list(ours) != list(theirs):
        found.append(f"note: its network computes otherwise ({', '.join(other) or 'order'})")
    if job.config.scale != source.config.scale:
        found.append(
            f"note: its images were scaled by {_text(source.config.scale)}, these are by "
            f"{_text(job.config.scale)}"
        )
    if job.dataset.stored_size != source.stored_size:
        found.append(
            f"note: it took its crops from images of {source.stored_size} pixels, these have "
            f"{job.dataset.stored_size}"
        )
    return found


def _text(scale: float | tuple[float, ...]) -> str:
    return f"{scale:g}" if isinstance(scale, float | int) else ", ".join(f"{x:g}" for x in scale)


def _differ(one: Layer, other: Layer) -> bool:
    plain = ({k: v for k, v in vars(x).items() if k not in _INITIAL} for x in (one, other))
    return type(one) is not type(other) or next(plain) != next(plain)


def check_signal(
    job: Job, network: Logits, params: Params, statistics: Statistics, note: Note
) -> None:
    """Says how much of the logits depends on the image, before the first update."""
    images = some_of(job.dataset.train.images, job.topology.divisible(SIGNAL_IMAGES))
    logits = network(params, images, statistics)
    for line in said_of_signal(whole(logits).astype(np.float64)):
        note(line)
