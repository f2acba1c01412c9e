"""Sample pictures of the page: test images of the data set that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexnet_jax import data
from alexnet_jax.errors import InputError
from alexnet_jax.inference import Trained

MOST = 12


@dataclass(frozen=True, eq=False)
class Sample:
    """Picture to try: a stored image [S, S, C] uint8, and the name of its class."""

    stored: np.ndarray
    label: str


def samples_of(trained: Trained, data_dir: str = "") -> tuple[Sample, ...]:
    """Return up to 12 test images, the first of each of as many classes.

    Args:
      data_dir: directory of the prepared data sets; by default the training's.

    Raises:
      InputError: the data set is not on this machine, or does not fit the network.
    """
    config = trained.config
    dataset = data.load(config.data, data_dir or config.data_dir)
    test = dataset.test
    if tuple(test.images.shape[1:]) != trained.stored_shape:
        raise InputError(f"{config.data} has images of another shape than the network's")
    if len(dataset.class_names) != len(trained.class_names):
        raise InputError(f"{config.data} has other classes than the network")
    classes = np.unique(np.asarray(test.labels))
    chosen = classes[np.linspace(0, len(classes) - 1, min(MOST, len(classes))).astype(int)]
    words = trained.class_words
    return tuple(
        Sample(np.asarray(test.images[int(np.argmax(test.labels == label))]), words[label])
        for label in chosen
    )
