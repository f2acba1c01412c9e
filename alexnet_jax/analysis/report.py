"""Pictures of a trained network, from its parameters and some images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from alexnet_jax.analysis.attribution import class_gradients, occlusion_map
from alexnet_jax.analysis.figures import (
    attribution_picture,
    meeting_picture,
    norm_picture,
    patches_picture,
    top_five_picture,
)
from alexnet_jax.analysis.strongest_patches import make_peaks, strongest
from alexnet_jax.analysis.tower_shares import tower_shares
from alexnet_jax.data import Split, centre_crop, centre_views
from alexnet_jax.inference import Trained
from alexnet_jax.network import LRN, activations, receptive_fields
from alexnet_jax.training import conv1_kernels, init_state

if TYPE_CHECKING:
    import jax
    from matplotlib.figure import Figure

MOST = 4  # images with attributions
MAPS, PATCHES = 10, 9
_BATCH = 64


def pictures(
    trained: Trained, test: Split, stored: np.ndarray, labels: Sequence[int] | None, layer: str
) -> dict[str, Callable[[], Figure]]:
    """Every picture by name, drawn when it is called for.

    Args:
      test: images among which a layer's strongest are looked for.
      stored: [B, S, S, C] uint8 the images to look at, and their labels where they are known.
      layer: one with maps.
    """
    network = trained.architecture
    title = f"{trained.config.name}, step {trained.step:,}"
    found = trained.probabilities(stored)
    classes = np.asarray(found.argmax(1) if labels is None else labels, np.int32)
    kernel = np.asarray(trained.params["conv1"]["kernel"])
    heading = f"{title}: conv1 kernels"
    drawn: dict[str, Callable[[], Figure]] = {
        "top_five": partial(top_five_picture, stored, found, trained.class_names, labels),
        "attribution": partial(attribution, trained, stored[:MOST], classes[:MOST]),
        "strongest": partial(strongest_parts, trained, test, layer),
        "conv1_kernels": partial(conv1_kernels, kernel, network.towers, heading),
    }
    if trained.origin is None and not trained.config.start_from:
        drawn["conv1_learnt"] = partial(learnt, trained)
    for norm in (one for one in network.layers if isinstance(one, LRN)):
        drawn[norm.name] = partial(normalized, trained, stored[0], norm)
    if network.towers == 2:
        drawn["towers"] = partial(towers, trained, stored)
    return drawn


def learnt(trained: Trained) -> Figure:
    """What a training has added to conv1's kernels: they minus their initial values, which follow
    from the seed and may be many times larger."""
    began = init_state(trained.architecture, trained.config, trained.topology)
    kernels = [np.asarray(tree["conv1"]["kernel"]) for tree in (trained.params, began.params)]
    title = f"{trained.config.name}: what {trained.step:,} steps have added to conv1's kernels"
    return conv1_kernels(kernels[0] - kernels[1], trained.architecture.towers, title)


def seen(trained: Trained, stored: np.ndarray) -> jax.Array:
    """The centre views of stored images, [B, H, W, C] as `forward` takes them."""
    size, scale = trained.architecture.image_size, trained.config.scale
    return centre_views(jnp.asarray(stored), trained.statistics, size=size, scale=scale)


def attribution(trained: Trained, stored: np.ndarray, classes: np.ndarray) -> Figure:
    """`attribution_picture` of stored images [B, S, S, C] and a class of each, [B] int32."""
    network, views = trained.architecture, seen(trained, stored)
    side, stride = max(1, network.image_size // 6), max(1, network.image_size // 32)
    covered = [
        occlusion_map(network, trained.params, view, int(label), side=side, stride=stride)
        for view, label in zip(views, classes, strict=True)
    ]
    gradients = np.asarray(class_gradients(network, trained.params, views, classes))
    titles = [trained.class_names[label] for label in classes]
    return attribution_picture(_crop(trained, stored), covered, gradients, titles)


def normalized(trained: Trained, image: np.ndarray, norm: LRN) -> Figure:
    """`norm_picture` of one stored image [S, S, C] and a norm of the network."""
    found = activations(trained.architecture, trained.params, seen(trained, image[None]))
    names = [layer.name for layer in trained.architecture.layers]
    before = found[names[names.index(norm.name) - 1]]
    shown = _crop(trained, image[None])[0]
    return norm_picture(shown, np.asarray(before)[0], np.asarray(found[norm.name])[0], norm)


def strongest_parts(trained: Trained, split: Split, layer: str) -> Figure:
    """`patches_picture` of what some maps of a layer answer to most in a split.

    Raises:
      InputError: a layer that has no maps.
    """
    network = trained.architecture
    peaks = make_peaks(network, layer)
    shape = next(placed.output for placed in network.placed() if placed.layer.name == layer)
    blocks = (
        seen(trained, split.images[start : start + _BATCH])
        for start in range(0, len(split), _BATCH)
    )
    found = strongest(peaks, trained.params, blocks, width=shape[1], count=PATCHES)
    maps = np.linspace(0, shape[-1] - 1, min(MAPS, shape[-1])).astype(int)
    field, side = receptive_fields(network)[layer], network.image_size
    patches = []
    for chosen in maps:
        images = _crop(trained, np.stack([split.images[row] for row in found.images[chosen]]))
        own = []
        for image, place in zip(images, found.places[chosen], strict=True):
            (top, bottom), (left, right) = (field.clipped(int(unit), side) for unit in place)
            own.append(image[top:bottom, left:right])
        patches.append(own)
    title = f"{trained.config.name}, step {trained.step:,}: test images that {layer} answers to"
    return patches_picture(patches, [f"map {chosen}" for chosen in maps], title)


def towers(trained: Trained, stored: np.ndarray) -> Figure:
    """`meeting_picture` of stored images.

    Raises:
      InputError: a network of one tower.
    """
    shares = tower_shares(trained.architecture, trained.params, seen(trained, stored))
    title = f"{trained.config.name}, step {trained.step:,}: what is read of each tower"
    return meeting_picture(shares, title)


def _crop(trained: Trained, stored: np.ndarray) -> np.ndarray:
    return np.asarray(centre_crop(stored, trained.architecture.image_size))  # type: ignore[arg-type]
