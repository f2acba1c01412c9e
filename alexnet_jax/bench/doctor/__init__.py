"""Description of an installation and its machine, and a self-test, for bug reports.

`installation` lists versions and extras, `machine` devices, memory and disk, and `self_test` checks
values that a broken installation would get wrong; `screen` formats all of it as one screen of text.
"""

from alexnet_jax.bench.doctor.installation import describe_installation
from alexnet_jax.bench.doctor.machine import describe_machine, disk_rate
from alexnet_jax.bench.doctor.screen import format_screen
from alexnet_jax.bench.doctor.self_test import self_tests

__all__ = [
    "describe_installation",
    "describe_machine",
    "disk_rate",
    "format_screen",
    "self_tests",
]
