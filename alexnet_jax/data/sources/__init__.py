"""Sources of pictures: archives, folders, TensorFlow Datasets, and pictures of libraries."""

from alexnet_jax.data.sources.cifar import cifar10, cifar100
from alexnet_jax.data.sources.folder import folder
from alexnet_jax.data.sources.idx import idx
from alexnet_jax.data.sources.ilsvrc import (
    CLASSES,
    TRAIN_PICTURES,
    VALIDATION_PICTURES,
    class_names,
    ilsvrc,
    require_archives,
)
from alexnet_jax.data.sources.miniature import crop, miniature
from alexnet_jax.data.sources.photos import photographs
from alexnet_jax.data.sources.source import Source, decode, stratified
from alexnet_jax.data.sources.tfds import tfds_source
from alexnet_jax.data.sources.tiny_imagenet import tiny_imagenet

__all__ = [
    "CLASSES",
    "TRAIN_PICTURES",
    "VALIDATION_PICTURES",
    "Source",
    "cifar10",
    "cifar100",
    "class_names",
    "crop",
    "decode",
    "folder",
    "idx",
    "ilsvrc",
    "miniature",
    "photographs",
    "require_archives",
    "stratified",
    "tfds_source",
    "tiny_imagenet",
]
