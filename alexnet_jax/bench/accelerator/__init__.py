"""Check and measurement of a machine with accelerators, in ten minutes: values, then speed.

`parts` lists the parts; each is a module with a function `items`, which maps a `sizes.Size` to the
functions that measure or compare one case. `child` runs the items of a part in a process of its
own, `guard` ends it when its time is over, `check` runs all parts, and `page` formats their record.
It needs jax, flax, optax and numpy; the peer's part needs torch.
"""

from alexnet_jax.bench.accelerator.check import check_machine, incorrect
from alexnet_jax.bench.accelerator.page import format_page
from alexnet_jax.bench.accelerator.parts import ORDER, PARTS

__all__ = ["ORDER", "PARTS", "check_machine", "format_page", "incorrect"]
