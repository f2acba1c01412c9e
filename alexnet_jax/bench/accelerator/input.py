"""Rates of reading packed images, and of training on them and on a batch that stays in place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.input import Dtype, measure_input
from alexnet_jax.bench.work import stored_size
from alexnet_jax.data import Dataset, Split
from alexnet_jax.network import Architecture

_BATCHES = 4  # in the file
_SECONDS = 2.0


def items(size: Size) -> Items:
    """Return the stages for each dtype of the training."""
    dtypes: tuple[Dtype, ...] = ("bfloat16", "float32")
    return {f"training, {dtype}": partial(_stages, size, dtype) for dtype in dtypes}


def _stages(size: Size, dtype: Dtype) -> dict[str, Any]:
    architecture, batch = size.architecture, size.batches[0]
    seconds = _SECONDS if size.name == "full" else 0.05
    with _packed(architecture, _BATCHES * batch) as dataset:
        stages = measure_input(dataset, None, batch, seconds, architecture, dtype)
    return {"batch": batch, "dtype": dtype, "stages": stages}


@contextmanager
def _packed(architecture: Architecture, count: int) -> Iterator[Dataset]:
    """Write `count` images of noise as the packed form has them, a file mapped into memory."""
    side, classes = stored_size(architecture), architecture.require_classes("a training")
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, count, np.int32)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "images.npy"
        shape = (count, side, side, architecture.channels)
        np.save(path, random.integers(0, 256, shape, np.uint8))
        train = Split(np.load(path, mmap_mode="r").view(np.ndarray), labels)
        test = Split(train.images[:2], labels[:2])
        yield Dataset("packed", train, test, tuple(map(str, range(classes))))
