"""Data sets by name, their batches in a seeded order, and the views that training takes of them."""

from alexnet_jax.data.augment import (
    Scale,
    Statistics,
    centre_crop,
    centre_views,
    ten_views,
    training_views,
)
from alexnet_jax.data.baseline import histograms, logistic_regression, nearest_neighbour, pixels
from alexnet_jax.data.batches import Batches, Picked
from alexnet_jax.data.buffers import Recycled
from alexnet_jax.data.collection import (
    Collection,
    collection_of_dataset,
    collection_of_folder,
    from_description,
)
from alexnet_jax.data.dataset import Dataset, Images, Split
from alexnet_jax.data.decoding_memory import Limits
from alexnet_jax.data.images import SUFFIXES, read_stored
from alexnet_jax.data.manifest import DESCRIPTION
from alexnet_jax.data.picture_stream import (
    STANDARD_INPUT,
    Block,
    Listed,
    blocks,
    list_pictures,
    make_reader,
)
from alexnet_jax.data.pictures import Given, Pictures, given_pictures
from alexnet_jax.data.plain import Ground
from alexnet_jax.data.prefetch import Prefetch, read_images
from alexnet_jax.data.prepared import load_forms, verify
from alexnet_jax.data.records import VERSION
from alexnet_jax.data.registry import load
from alexnet_jax.data.statistics import statistics_of
from alexnet_jax.data.verified import VerifiedBatches

__all__ = [
    "DESCRIPTION",
    "STANDARD_INPUT",
    "SUFFIXES",
    "VERSION",
    "Batches",
    "Block",
    "Collection",
    "Dataset",
    "Given",
    "Ground",
    "Images",
    "Limits",
    "Listed",
    "Picked",
    "Pictures",
    "Prefetch",
    "Recycled",
    "Scale",
    "Split",
    "Statistics",
    "VerifiedBatches",
    "blocks",
    "centre_crop",
    "centre_views",
    "collection_of_dataset",
    "collection_of_folder",
    "from_description",
    "given_pictures",
    "histograms",
    "list_pictures",
    "load",
    "load_forms",
    "logistic_regression",
    "make_reader",
    "nearest_neighbour",
    "pixels",
    "read_images",
    "read_stored",
    "statistics_of",
    "ten_views",
    "training_views",
    "verify",
]
