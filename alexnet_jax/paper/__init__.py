"""Claims of the paper and of the 2012 logs as runnable experiments; reproduction of table 2."""

from alexnet_jax.paper import estimates, reproduction
from alexnet_jax.paper.catalogue import CLAIMS
from alexnet_jax.paper.claims import PLAIN, Claim, Variant
from alexnet_jax.paper.estimates import Rates, disk_bytes, format_timetable, step_amounts
from alexnet_jax.paper.figure import forest_plot
from alexnet_jax.paper.files import write_json
from alexnet_jax.paper.record import Record, make_record, read_record
from alexnet_jax.paper.report import format_report
from alexnet_jax.paper.reproduction import Reproduction, Step
from alexnet_jax.paper.runs import Plan, check_runs, train_all, variants_of
from alexnet_jax.paper.scales import SEEDS, Scale
from alexnet_jax.paper.table2 import format_table2

__all__ = [
    "CLAIMS",
    "PLAIN",
    "SEEDS",
    "Claim",
    "Plan",
    "Rates",
    "Record",
    "Reproduction",
    "Scale",
    "Step",
    "Variant",
    "check_runs",
    "disk_bytes",
    "estimates",
    "forest_plot",
    "format_report",
    "format_table2",
    "format_timetable",
    "make_record",
    "read_record",
    "reproduction",
    "step_amounts",
    "train_all",
    "variants_of",
    "write_json",
]
