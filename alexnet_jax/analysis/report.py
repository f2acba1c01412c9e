"""Pictures of a trained network, drawn from its parameters and some images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from alexnet_jax.analysis.attribution import class_gradients, occlusion_map
from alexnet_jax.analysis.figures import (
    attribution_picture,
    norm_picture,
    patches_picture,
    top_five_picture,
    tower_shares_picture,
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


def picture_functions(
    trained: Trained,
    test: Split | None,
    stored: np.ndarray,
    labels: Sequence[int] | None,
    layer: str,
) -> dict[str, Callable[[], Figure]]:
    """Return functions that draw the pictures of a network, by name of the picture.

    Args:
      test: images that are searched for the strongest patches of `layer`; None: no such picture.
      stored: [B, S, S, C] uint8, images to classify and to draw.
      labels: classes of the stored images, or None where they are not known.
      layer: name of a layer with maps.
    """
    network = trained.architecture
    title = f"{trained.config.name}, step {trained.step:,}"
    probabilities = trained.probabilities(stored)
    classes = np.asarray(probabilities.argmax(1) if labels is None else labels, np.int32)
    kernel = np.asarray(trained.params["conv1"]["kernel"])
    heading = f"{title}: conv1 kernels"
    whole = probabilities[np.arange(len(stored)), classes]
    drawings: dict[str, Callable[[], Figure]] = {
        "top_five": partial(top_five_picture, stored, probabilities, trained.class_words, labels),
        "attribution": partial(attribution, trained, stored[:MOST], classes[:MOST], whole[:MOST]),
        "conv1_kernels": partial(conv1_kernels, kernel, network.towers, heading),
    }
    if test is not None:
        drawings["strongest"] = partial(strongest_parts, trained, test, layer)
    if trained.origin is None and not trained.config.start_from:
        drawings["conv1_learnt"] = partial(kernel_change_picture, trained)
    for norm in (one for one in network.layers if isinstance(one, LRN)):
        drawings[norm.name] = partial(normalized, trained, stored, norm)
    if network.towers == 2:
        drawings["towers"] = partial(towers, trained, stored)
    return drawings


def kernel_change_picture(trained: Trained) -> Figure:
    """Draw what training has added to conv1's kernels: the kernels minus their initial values.

    The initial values follow from the seed and may be many times larger than the difference.
    """
    initial = init_state(trained.architecture, trained.config, trained.topology)
    kernels = [np.asarray(tree["conv1"]["kernel"]) for tree in (trained.params, initial.params)]
    title = f"{trained.config.name}: what {trained.step:,} steps have added to conv1's kernels"
    return conv1_kernels(kernels[0] - kernels[1], trained.architecture.towers, title)


def seen(trained: Trained, stored: np.ndarray) -> jax.Array:
    """Return the centre views of stored images, [B, H, W, C] as `forward` takes them."""
    size, scale = trained.architecture.image_size, trained.config.scale
    return centre_views(jnp.asarray(stored), trained.statistics, size=size, scale=scale)


def attribution(
    trained: Trained, stored: np.ndarray, classes: np.ndarray, whole: np.ndarray
) -> Figure:
    """Draw the attribution of a class [B] int32 in each of the stored images [B, S, S, C].

    `whole` [B] are the probabilities of these classes when nothing is covered.
    """
    network, views = trained.architecture, seen(trained, stored)
    shorter = min(network.input_shape[:2])
    side, stride = max(1, shorter // 6), max(1, shorter // 32)
    drops = [
        probability
        - occlusion_map(network, trained.params, view, int(label), side=side, stride=stride)
        for view, label, probability in zip(views, classes, whole, strict=True)
    ]
    gradients = np.asarray(class_gradients(network, trained.params, views, classes))
    titles = [
        f"{trained.class_words[label]}, probability {probability:.1%}"
        for label, probability in zip(classes, whole, strict=True)
    ]
    return attribution_picture(_crop(trained, stored), drops, gradients, titles)


def normalized(trained: Trained, stored: np.ndarray, norm: LRN) -> Figure:
    """Draw the effect of a norm on the one of the stored images [B, S, S, C] that it changes most.

    Taken is the image with the smallest quotient of the energies after and before the norm.
    """
    names = [layer.name for layer in trained.architecture.layers]
    around = (names[names.index(norm.name) - 1], norm.name)
    outputs = activations(trained.architecture, trained.params, seen(trained, stored), around)
    before, after = (np.asarray(outputs[name], np.float64) for name in around)
    energies = [np.square(maps).sum((1, 2, 3)) for maps in (before, after)]
    chosen = int((energies[1] / np.maximum(energies[0], 1e-30)).argmin())
    image = _crop(trained, stored[chosen : chosen + 1])[0]
    return norm_picture(image, before[chosen], after[chosen], norm)


def strongest_parts(trained: Trained, split: Split, layer: str) -> Figure:
    """Draw the patches of a split's images that some maps of a layer respond to most.

    Raises:
      InputError: a layer without maps.
    """
    network = trained.architecture
    peaks = make_peaks(network, layer)
    shape = next(placed.output for placed in network.placed() if placed.layer.name == layer)
    blocks = (
        seen(trained, split.images[start : start + _BATCH])
        for start in range(0, len(split), _BATCH)
    )
    top = strongest(peaks, trained.params, blocks, width=shape[1], count=PATCHES)
    maps = np.linspace(0, shape[-1] - 1, min(MAPS, shape[-1])).astype(int)
    field, (height, width, _) = receptive_fields(network)[layer], network.input_shape
    patches = []
    for number in maps:
        images = _crop(trained, np.stack([split.images[row] for row in top.images[number]]))
        crops = []
        for image, (row, column) in zip(images, top.places[number], strict=True):
            rows, columns = field.clipped(int(row), height), field.clipped(int(column), width)
            crops.append(image[slice(*rows), slice(*columns)])
        patches.append(crops)
    title = f"{trained.config.name}, step {trained.step:,}: what maps of {layer} answer to most"
    values = top.values[maps].tolist()
    return patches_picture(patches, [f"map {number}" for number in maps], title, values)


def towers(trained: Trained, stored: np.ndarray) -> Figure:
    """Draw the shares of each layer's input that come from the two towers, for stored images.

    Raises:
      InputError: a network of one tower.
    """
    shares = tower_shares(trained.architecture, trained.params, seen(trained, stored))
    title = f"{trained.config.name}, step {trained.step:,}: what is read of each tower"
    return tower_shares_picture(shares, title)


def _crop(trained: Trained, stored: np.ndarray) -> np.ndarray:
    return np.asarray(centre_crop(stored, trained.architecture.image_size))  # type: ignore[arg-type]
