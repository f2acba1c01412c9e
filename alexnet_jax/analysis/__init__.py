"""Analysis of a trained network: attributions, strongest patches, features and their neighbours."""

from alexnet_jax.analysis import report
from alexnet_jax.analysis.attribution import class_gradients, occlusion_map
from alexnet_jax.analysis.colour import DRAWS, NOISE, colour_index, combined_p, tower_contrast
from alexnet_jax.analysis.extract import extract, file_of
from alexnet_jax.analysis.feature_file import SUFFIXES, check_format, read_features
from alexnet_jax.analysis.figures import patches_picture
from alexnet_jax.analysis.nearest import QUERIES_PER_PASS, linear_probe, nearest
from alexnet_jax.analysis.neighbours import choose_queries, describe_neighbours, draw_neighbours
from alexnet_jax.analysis.report import kernel_change_picture, picture_functions
from alexnet_jax.analysis.strongest_patches import make_peaks
from alexnet_jax.analysis.tower_shares import tower_shares

__all__ = [
    "DRAWS",
    "NOISE",
    "QUERIES_PER_PASS",
    "SUFFIXES",
    "check_format",
    "choose_queries",
    "class_gradients",
    "colour_index",
    "combined_p",
    "describe_neighbours",
    "draw_neighbours",
    "extract",
    "file_of",
    "kernel_change_picture",
    "linear_probe",
    "make_peaks",
    "nearest",
    "occlusion_map",
    "patches_picture",
    "picture_functions",
    "read_features",
    "report",
    "tower_contrast",
    "tower_shares",
]
