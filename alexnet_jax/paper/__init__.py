"""Claims of the paper and of the 2012 logs as runnable experiments; reproduction of table 2."""

from alexnet_jax.paper import estimates, reproduction
from alexnet_jax.paper.catalogue import CLAIMS
from alexnet_jax.paper.claims import PLAIN, SMALL, Claim, Scale, Variant
from alexnet_jax.paper.estimates import Rates, disk_bytes, format_timetable, step_amounts
from alexnet_jax.paper.figure import outcomes_picture
from alexnet_jax.paper.report import format_outcomes, outcome_row
from alexnet_jax.paper.reproduction import Reproduction, Step
from alexnet_jax.paper.runs import Plan, check_runs, measure_claims, train_all, variants_of
from alexnet_jax.paper.table2 import format_table2

__all__ = [
    "CLAIMS",
    "PLAIN",
    "SMALL",
    "Claim",
    "Plan",
    "Rates",
    "Reproduction",
    "Scale",
    "Step",
    "Variant",
    "check_runs",
    "disk_bytes",
    "estimates",
    "format_outcomes",
    "format_table2",
    "format_timetable",
    "measure_claims",
    "outcome_row",
    "outcomes_picture",
    "reproduction",
    "step_amounts",
    "train_all",
    "variants_of",
]
