"""Analysis of a trained network: attributions, strongest patches, features and their neighbours."""

from alexnet_jax.analysis import report
from alexnet_jax.analysis.extract import extract
from alexnet_jax.analysis.feature_file import SUFFIXES, check_format, read_features
from alexnet_jax.analysis.figures import patches_picture
from alexnet_jax.analysis.nearest import AT_A_TIME, linear_probe, nearest
from alexnet_jax.analysis.neighbours import asked, described, drawn
from alexnet_jax.analysis.report import learnt, pictures
from alexnet_jax.analysis.strongest_patches import make_peaks

__all__ = [
    "AT_A_TIME",
    "SUFFIXES",
    "asked",
    "check_format",
    "described",
    "drawn",
    "extract",
    "learnt",
    "linear_probe",
    "make_peaks",
    "nearest",
    "patches_picture",
    "pictures",
    "read_features",
    "report",
]
