"""Trainings of 2011 and 2012 on CIFAR-10: as data, carried out, recorded and reported."""

from alexnet_jax.paper.cifar.baselines import BASELINES, measure_baselines
from alexnet_jax.paper.cifar.pictures import figure1, learning_curves
from alexnet_jax.paper.cifar.plan import Plan
from alexnet_jax.paper.cifar.record import Record, best_runs, make_record, read_record
from alexnet_jax.paper.cifar.report import format_report
from alexnet_jax.paper.cifar.train import check_trainings, train_all
from alexnet_jax.paper.cifar.trainings import TRAININGS, Training

__all__ = [
    "BASELINES",
    "TRAININGS",
    "Plan",
    "Record",
    "Training",
    "best_runs",
    "check_trainings",
    "figure1",
    "format_report",
    "learning_curves",
    "make_record",
    "measure_baselines",
    "read_record",
    "train_all",
]
