"""Tables of trainings on one data set each: as data, carried out, recorded and reported."""

from alexnet_jax.paper.trainings.baselines import measure_baselines
from alexnet_jax.paper.trainings.pictures import figure1, kernel_colours, learning_curves
from alexnet_jax.paper.trainings.plan import Plan
from alexnet_jax.paper.trainings.record import Record, best_runs, make_record, read_record
from alexnet_jax.paper.trainings.report import format_report
from alexnet_jax.paper.trainings.table import Baseline, Table, Training
from alexnet_jax.paper.trainings.train import check_trainings, train_all

__all__ = [
    "Baseline",
    "Plan",
    "Record",
    "Table",
    "Training",
    "best_runs",
    "check_trainings",
    "figure1",
    "format_report",
    "kernel_colours",
    "learning_curves",
    "make_record",
    "measure_baselines",
    "read_record",
    "train_all",
]
