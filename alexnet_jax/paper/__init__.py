"""Claims of the paper and of the 2012 logs as runnable experiments; reproduction of table 2."""

from alexnet_jax.paper import estimates, reproduction
from alexnet_jax.paper.claims import PLAIN, SMALL, Claim, Scale, Variant
from alexnet_jax.paper.estimates import Rates, amounts, disk, timetable
from alexnet_jax.paper.figure import outcomes_picture
from alexnet_jax.paper.report import format_outcomes, outcome_row
from alexnet_jax.paper.reproduction import Reproduction, Step
from alexnet_jax.paper.runs import Plan, check, measure, train_all, variants_of
from alexnet_jax.paper.table2 import table2

__all__ = [
    "PLAIN",
    "SMALL",
    "Claim",
    "Plan",
    "Rates",
    "Reproduction",
    "Scale",
    "Step",
    "Variant",
    "amounts",
    "check",
    "disk",
    "estimates",
    "format_outcomes",
    "measure",
    "outcome_row",
    "outcomes_picture",
    "reproduction",
    "table2",
    "timetable",
    "train_all",
    "variants_of",
]
