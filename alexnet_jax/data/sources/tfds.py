"""Image-classification sets of TensorFlow Datasets, read without TensorFlow."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet_jax.data.images import as_stored
from alexnet_jax.data.sources.source import Pictures, Source, stratified
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class TfdsPictures:
    """Pictures of a split of a TFDS data set, prepared in a directory."""

    directory: str
    split: str
    image: str  # name of the feature
    rows: np.ndarray
    labels: np.ndarray

    def name(self, number: int) -> str:
        return f"{self.split}[{self.rows[number]}]"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        from PIL import Image

        try:
            record = _records(self.directory, self.split)[int(self.rows[number])]
        except Exception as error:  # decoders raise many kinds on damaged pictures
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{self.directory}: {self.name(number)}: {text}") from error
        pixels = np.asarray(record[self.image])
        plain = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        return as_stored(plain.convert("L" if channels == 1 else "RGB"), size, channels)


@functools.cache
def _records(directory: str, split: str) -> Any:
    import tensorflow_datasets as tfds

    return tfds.builder_from_directory(directory).as_data_source(split=split)


def tfds_source(
    dataset: str,
    *,
    source_dir: str | None = None,
    name: str | None = None,
    size: int = 256,
    test_fraction: float = 0.1,
) -> Source:
    """Return a TFDS data set as a source: short side resized to `size`, centre square kept.

    It must be prepared in the format array_record, or TFDS must be able to prepare it on this
    machine (most data sets need TensorFlow for that, once; a directory prepared elsewhere will
    do). The training split is train; the test split is test, or validation, or a share of train.

    Args:
      dataset: name that TFDS knows, such as "cifar10" or "imagenet2012:5.1.0".
      source_dir: directory of TFDS's data; by default TFDS's own.
      name: name of the result; by default DATASET_SIZE.
      size: side of the stored images.
      test_fraction: share of train to test on, if there is no other split for it.

    Raises:
      InputError: the data set does not exist, is not prepared and cannot be, or has no images with
        class labels.
    """
    builder = _builder(dataset, source_dir)
    image, label = _keys(dataset, builder.info.features)
    shape, splits = builder.info.features[image].shape, set(builder.info.splits)
    if "train" not in splits:
        raise InputError(f"{dataset} has no split train, but {', '.join(sorted(splits))}")
    train = _pictures(builder, "train", image, label)
    test_split = next((split for split in ("test", "validation") if split in splits), None)
    pictures: dict[str, Pictures]
    if test_split is not None:
        pictures = {"train": train, "test": _pictures(builder, test_split, image, label)}
    else:
        rows = stratified(train.labels, test_fraction)
        parts = [
            TfdsPictures(train.directory, "train", image, own, train.labels[own]) for own in rows
        ]
        pictures = {"train": parts[0], "test": parts[1]}
    classes = builder.info.features[label].names or ()
    channels = 1 if shape[-1] == 1 else 3
    about = {"kind": "tfds", "dataset": builder.info.full_name}
    default = f"{builder.name}_{size}"
    return Source(name or default, size, channels, tuple(classes), pictures, about)


def _builder(dataset: str, source_dir: str | None) -> Any:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=source_dir)
        if not builder.info.splits:
            builder.download_and_prepare(file_format="array_record")
        builder.as_data_source(split="train")
    except Exception as error:  # TFDS, its readers and the network raise all kinds
        text = (str(error).splitlines() or [type(error).__name__])[0]
        where = source_dir or "TFDS's own directory"
        raise InputError(
            f"{dataset} cannot be used from {where}: {text}; it must lie there prepared with "
            'file_format="array_record"'
        ) from error
    return builder


def _keys(dataset: str, features: Any) -> tuple[str, str]:
    """Return the names of the features for the picture and its class."""
    import tensorflow_datasets as tfds

    images = [
        key
        for key, feature in features.items()
        if len(feature.shape) == 3 and feature.np_dtype == np.uint8
    ]
    labels = [key for key, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    if len(images) != 1 or len(labels) != 1:
        raise InputError(
            f"{dataset} is no set of images with one class each: "
            f"pictures {images or 'none'}, class labels {labels or 'none'}"
        )
    return images[0], labels[0]


def _pictures(builder: Any, split: str, image: str, label: str) -> TfdsPictures:
    records = builder.as_data_source(split=split, decoders=_undecoded(image))
    labels = np.array([record[label] for record in records], np.int32)
    if len(labels) and labels.min() < 0:
        raise InputError(f"{builder.name}: the pictures of {split} have no labels")
    return TfdsPictures(str(builder.data_dir), split, image, np.arange(len(labels)), labels)


def _undecoded(image: str) -> Any:
    """Return the decoders with which TFDS reads labels without decoding the pictures."""
    import tensorflow_datasets as tfds

    return {image: tfds.decode.SkipDecoding()}
