"""Networks loaded and created in one line; weights of other projects read, and written."""

from alexnet_jax.weights.bundled import BUNDLED, DEFAULT
from alexnet_jax.weights.creation import create_model
from alexnet_jax.weights.download import fetch
from alexnet_jax.weights.export import export
from alexnet_jax.weights.given import network_and_pictures
from alexnet_jax.weights.load import load
from alexnet_jax.weights.loading import load_model
from alexnet_jax.weights.published import KINDS, Preprocessing, Published
from alexnet_jax.weights.published_files import PUBLISHED_FILES, PublishedFile
from alexnet_jax.weights.to_workdir import require_empty_workdir, save_workdir
from alexnet_jax.weights.trained import trained_network
from alexnet_jax.weights.weights import Weights

__all__ = [
    "BUNDLED",
    "DEFAULT",
    "KINDS",
    "PUBLISHED_FILES",
    "Preprocessing",
    "Published",
    "PublishedFile",
    "Weights",
    "create_model",
    "export",
    "fetch",
    "load",
    "load_model",
    "network_and_pictures",
    "require_empty_workdir",
    "save_workdir",
    "trained_network",
]
