"""A trained network in use: logits, metrics over a split, activations."""

from alexnet_jax.inference.activations import (
    feature_width,
    make_activations,
    make_features,
    map_blocks,
)
from alexnet_jax.inference.evaluate import Logits, ensemble, evaluate, make_counter, make_logits
from alexnet_jax.inference.metrics import image_dependent_share, scores
from alexnet_jax.inference.model import Model, Prediction, load_checkpoint
from alexnet_jax.inference.preprocess import Preprocess
from alexnet_jax.inference.trained import Trained, load_trained, to_standard_error, top_classes

__all__ = [
    "Logits",
    "Model",
    "Prediction",
    "Preprocess",
    "Trained",
    "ensemble",
    "evaluate",
    "feature_width",
    "image_dependent_share",
    "load_checkpoint",
    "load_trained",
    "make_activations",
    "make_counter",
    "make_features",
    "make_logits",
    "map_blocks",
    "scores",
    "to_standard_error",
    "top_classes",
]
