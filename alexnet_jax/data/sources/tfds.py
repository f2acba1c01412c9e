"""Image-classification sets of TensorFlow Datasets, read without TensorFlow."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from alexnet_jax.data.plain import Ground
from alexnet_jax.data.sources.source import Pictures, Source, decode, stratified
from alexnet_jax.errors import InputError


@dataclass(frozen=True)
class TfdsPictures:
    """Pictures of a split of a TFDS data set, prepared in a directory."""

    directory: str
    split: str
    image: str  # name of the feature
    rows: np.ndarray
    labels: np.ndarray
    ground: Ground = "white"

    def name(self, number: int) -> str:
        return f"{self.split}[{self.rows[number]}]"

    def read(self, number: int, size: int, channels: int) -> np.ndarray:
        name = f"{self.directory}: {self.name(number)}"
        try:
            record = _records(self.directory, self.split, self.image)[int(self.rows[number])]
        except Exception as error:  # readers raise many kinds on damaged records
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{name}: {text}") from error
        return decode(record[self.image], name, size, channels, self.ground)


@functools.cache
def _records(directory: str, split: str, image: str) -> Any:
    """Return the records of a split, whose pictures are bytes: TFDS would decode any format."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(directory)
    return builder.as_data_source(split=split, decoders=_undecoded(image))


def tfds_source(
    dataset: str,
    *,
    source_dir: str | None = None,
    name: str | None = None,
    size: int = 256,
    test_fraction: float = 0.1,
    ground: Ground = "white",
    download: bool = False,
) -> Source:
    """Return a TFDS data set as a source: short side resized to `size`, centre square kept.

    It must be prepared in the format array_record, or, with `download`, TFDS must be able to
    prepare it on this machine (most data sets need TensorFlow for that, once; a directory prepared
    elsewhere will do). The training split is train; the test split is test, or validation, or a
    share of train. Pictures are decoded here, as those of files are.

    Args:
      dataset: name that TFDS knows, such as "cifar10" or "imagenet2012:5.1.0".
      source_dir: directory of TFDS's data; by default TFDS's own.
      name: name of the result; by default DATASET_SIZE.
      size: side of the stored images.
      test_fraction: share of train to test on, if there is no other split for it.
      ground: ground on which transparency is laid.
      download: whether TFDS may download and prepare a set that is not there.

    Raises:
      InputError: the data set does not exist, is not prepared and cannot be, or has no images with
        class labels.
    """
    builder = _builder(dataset, source_dir, download)
    image, label = _keys(dataset, builder.info)
    shape, splits = builder.info.features[image].shape, set(builder.info.splits)
    if "train" not in splits:
        raise InputError(f"{dataset} has no split train, but {', '.join(sorted(splits))}")
    classes = tuple(builder.info.features[label].names or ())
    train = replace(_pictures(builder, "train", image, label), ground=ground)
    test_split = next((split for split in ("test", "validation") if split in splits), None)
    pictures: dict[str, Pictures]
    if test_split is not None:
        test = replace(_pictures(builder, test_split, image, label), ground=ground)
        pictures = {"train": train, "test": test}
    else:
        rows = stratified(train.labels, test_fraction, classes)
        parts = [replace(train, rows=own, labels=train.labels[own]) for own in rows]
        pictures = {"train": parts[0], "test": parts[1]}
    channels = 1 if shape[-1] == 1 else 3
    about = {"kind": "tfds", "dataset": builder.info.full_name}
    default = f"{builder.name}_{size}"
    return Source(name or default, size, channels, classes, pictures, about, ground)


def _builder(dataset: str, source_dir: str | None, download: bool) -> Any:
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=source_dir)
        if not builder.info.splits:
            if not download:
                raise InputError("it is not there; --download lets TFDS download and prepare it")
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


def _keys(dataset: str, info: Any) -> tuple[str, str]:
    """Return the names of the features for the picture and its class.

    Of several class labels it is the one that TFDS names as what is learnt: "label" of cifar100,
    which has "coarse_label", too.
    """
    import tensorflow_datasets as tfds

    features = info.features
    images = [
        key
        for key, feature in features.items()
        if len(feature.shape) == 3 and feature.np_dtype == np.uint8
    ]
    labels = [key for key, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    if len(labels) > 1 and info.supervised_keys is not None:
        labels = [key for key in labels if key == info.supervised_keys[1]] or labels
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
