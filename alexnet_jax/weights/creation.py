"""Networks created from presets, with initial values or the weights of others."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Sequence
from functools import partial

import jax
import jax.numpy as jnp

from alexnet_jax.errors import InputError
from alexnet_jax.inference import Model
from alexnet_jax.network import (
    Architecture,
    Layer,
    Params,
    PresetName,
    computed_otherwise,
    copied_layers,
    presets,
)
from alexnet_jax.weights.formats.safetensors import read_safetensors
from alexnet_jax.weights.kinds import kind_of
from alexnet_jax.weights.loading import Source, load_model, located
from alexnet_jax.weights.published import OF_PRESETS, PAPER, Preprocessing
from alexnet_jax.weights.weights import (
    Layers,
    config_of,
    known_names,
    mean_image,
    plain_statistics,
)


@partial(jax.jit, static_argnums=(0, 1))
def _initial(architecture: Architecture, names: tuple[str, ...], key: jax.Array) -> Params:
    """Draw the initial values of these layers, as `init` does; no others are computed."""
    from alexnet_jax.network import init

    params = init(architecture, key)
    return {name: params[name] for name in names}


def create_model(
    preset: PresetName = "paper",
    classes: int | Sequence[str] | None = None,
    weights: Source | Model | None = None,
    *,
    key: int | jax.Array = 0,
    image_size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    init: PresetName | None = None,
    layers: Layers | None = None,
    until: str | None = None,
    head: Iterable[Layer] = (),
) -> Model:
    """Create a network of a preset, to be trained: `alexnet_jax.create`.

        model = alexnet_jax.create("owt", classes=10)
        model = alexnet_jax.create("owt", classes=("cat", "dog"), weights="alexnet-owt.pth")

    Without `weights` the parameters are initial values, and pictures are prepared as those were
    that the preset's network was published for, from 256 pixels for 227 or 224: `paper`,
    `source2012` and `one_gpu` as in the paper, in units of 0 to 255, minus ImageNet's mean pixel
    (123.675, 116.28, 103.53), since the paper's mean image was not published; `owt` as in
    torchvision; Caffe's networks as in Caffe. Pictures for `small` are resized to 32 pixels for 28
    and scaled to -1 to 1. For one channel, means are those of the grey pixel.

    With `weights` all layers have their weights, and pictures are prepared as for them. The last
    layer has its initial values, though, if the classes are others, as with `--start-from`.

    Args:
      preset: one of `list_presets()`.
      classes: number of classes, or their names; by default those of `weights`, else the preset's.
        The classes are those of `weights` if they have the same names, or the same number where
        only a number is given.
      weights: what `alexnet_jax.load` takes, or what it returned.
      key: random key of the initial values, or a seed.
      image_size, channels, init, layers, until, head: as `alexnet_jax.architecture` takes them.
        With `weights`, `channels` is by default that of their network, and with those of the same
        preset also `image_size` and `layers`.

    Raises:
      InputError: an unknown preset, or changes that do not fit it; weights that cannot be loaded,
        or of another network: the message names the layer and its shapes.
    """
    if not isinstance(preset, str):
        raise InputError(f"create takes the name of a preset, got {preset!r:.80}")
    presets.architecture(preset)  # raises for an unknown one before anything is read
    source = None if weights is None else _loaded(weights, layers)
    if source is not None:
        channels = source.architecture.channels if channels is None else channels
        if source.config.preset == preset:
            image_size = source.architecture.image_size if image_size is None else image_size
            layers = source.config.layers if layers is None else layers
    ids = _class_ids(classes, source)
    count = len(ids) if ids else None
    if isinstance(classes, int):
        count = classes
    architecture = presets.architecture(
        preset,
        image_size=image_size,
        channels=channels,
        classes=count,
        init=init,
        layers=layers,
        until=until,
        head=head,
    )
    if architecture.classes is None:
        ids = ()
    elif not ids:
        ids = known_names(architecture.classes)
    where = repr(source) if source is weights else str(weights)
    copied = {} if source is None else _weights_of(source, architecture, ids, where)
    names = [placed.layer.name for placed in architecture.placed() if placed.kernel is not None]
    new = tuple(name for name in names if name not in copied)
    key = jax.random.key(key) if isinstance(key, int) else key
    drawn = _initial(architecture, new, key)
    params = {name: copied[name] if name in copied else drawn[name] for name in names}
    model = untrained(preset, architecture, params, ids, layers=layers, init=init)
    return model if source is None else _prepared_as_for(source, model, where, new)


def _loaded(weights: Source | Model, layers: Layers | None) -> Model:
    """Load what `weights` names; `layers` are those of a file that does not describe its own."""
    if isinstance(weights, Model):
        return weights
    path = located(weights)
    described = path.is_dir() or (
        kind_of(path) == "safetensors" and read_safetensors(path)[1] is not None
    )
    return load_model(path, layers=None if described else layers)


def _class_ids(classes: int | Sequence[str] | None, source: Model | None) -> tuple[str, ...] | None:
    """Return the classes of a created network; None if there is only their number, or nothing."""
    if classes is None:
        return None if source is None else source.class_ids
    if isinstance(classes, int):
        same = source is not None and source.architecture.classes == classes
        return source.class_ids if source is not None and same else None
    names = tuple(classes) if isinstance(classes, list | tuple) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"classes takes a number, or a list of names, got {classes!r:.80}")
    return source.class_ids if source is not None and names == source.class_names else names


def untrained(
    preset: PresetName,
    architecture: Architecture,
    params: Params,
    class_ids: tuple[str, ...],
    *,
    layers: Layers | None = None,
    init: PresetName | None = None,
) -> Model:
    """Return a network with its initial values, and the preprocessing of its preset.

    Args:
      preset, layers, init: name of the preset, and the changes that made `architecture` of it.
      architecture, params, class_ids: as of a `Model`.
    """
    prepared, size = _preprocessing(preset, architecture), architecture.image_size
    config = config_of(
        preset,
        preset,
        prepared,
        layers=layers,
        image_size=size if isinstance(size, int) else 0,  # `architecture` has it
    )
    return Model(
        architecture=architecture,
        params=params,
        config=dataclasses.replace(config, init=init or "preset"),
        statistics=plain_statistics(mean_image(prepared)),
        class_ids=class_ids,
        origin={"created": preset, "preprocessing": prepared.source},
    )


def _preprocessing(preset: PresetName, architecture: Architecture) -> Preprocessing:
    """Return the preprocessing of a preset, for a network of its own size and channels."""
    published = OF_PRESETS.get(preset.partition("+")[0], PAPER)
    size, usual = architecture.longer_side, presets.architecture(preset).longer_side
    return dataclasses.replace(
        published,
        stored_size=max(size, round(published.stored_size * size / usual)),
        mean=_for_channels(published.mean, architecture.channels),
        channel_std=_for_channels(published.channel_std, architecture.channels),
    )


def _for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Return a value for each channel: those of red, green and blue, or one for all channels.

    That one is 0.299 red + 0.587 green + 0.114 blue, as Pillow makes a picture grey.
    """
    if len(values) in (0, channels):
        return values
    weights = (0.299, 0.587, 0.114) if len(values) == 3 else (1.0,)
    return (sum(map(math.prod, zip(weights, values, strict=True))),) * channels


def _weights_of(
    source: Model, architecture: Architecture, class_ids: tuple[str, ...], where: str
) -> Params:
    """Return copies of the weights that a network takes over from another, in float32.

    They are copies so that a training step may take their memory.
    """
    if source.stored_size < architecture.longer_side:
        raise InputError(
            f"{where} has pictures of {source.stored_size} pixels, but {architecture.name} takes "
            f"{architecture.longer_side}"
        )
    made = source.config.preset
    names = copied_layers(
        architecture,
        source.architecture,
        classifier=class_ids == source.class_ids,
        where=where,
        hint="" if made == architecture.name else f"; it was made by the preset {made}",
    )
    if other := computed_otherwise(architecture, source.architecture):
        warnings.warn(f"{where}: its network computes otherwise ({other})", stacklevel=3)
    copy = partial(jnp.array, dtype=jnp.float32, copy=True)
    return {name: jax.tree.map(copy, source.params[name]) for name in names}


def _prepared_as_for(source: Model, model: Model, where: str, new: tuple[str, ...]) -> Model:
    """Return a created network with the preprocessing of its weights, and their origin."""
    origin: dict[str, object] = {"created": model.config.preset, "weights": where}
    if new:
        origin["new"] = ", ".join(new)
    if before := source.description().origin:
        origin["before"] = before
    theirs = source.config
    config = dataclasses.replace(
        model.config,
        data=theirs.data,
        resize=theirs.resize,
        pixel_scale=theirs.pixel_scale,
        channel_std=theirs.channel_std,
    )
    return dataclasses.replace(model, config=config, statistics=source.statistics, origin=origin)
