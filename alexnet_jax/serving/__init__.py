"""A page on this machine with a trained network in it: pictures in, classes and maps out."""

from alexnet_jax.serving.examiner import Examiner
from alexnet_jax.serving.samples import Sample, samples_of
from alexnet_jax.serving.server import listen, serve
from alexnet_jax.serving.web import make_app

__all__ = ["Examiner", "Sample", "listen", "make_app", "samples_of", "serve"]
