"""Reports about trainings: one self-contained HTML page of one run, or of several side by side."""

from alexnet_jax.reporting.page import page
from alexnet_jax.reporting.subject import Subject, gather
from alexnet_jax.reporting.svg import RUNS

__all__ = ["RUNS", "Subject", "gather", "page"]
