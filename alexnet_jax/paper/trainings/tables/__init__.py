"""Tables of trainings, one a module, named as the data set."""

from alexnet_jax.paper.trainings.tables.cifar10 import CIFAR10
from alexnet_jax.paper.trainings.tables.tiny_imagenet import TINY_IMAGENET

__all__ = ["CIFAR10", "TINY_IMAGENET"]
