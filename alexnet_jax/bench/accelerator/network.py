"""The whole network on this machine's device against float64, and against its CPU."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import jax

from alexnet_jax.bench.accelerator import probe
from alexnet_jax.bench.accelerator.compare import agreement
from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.accelerator.step import Values, network_values, step_values
from alexnet_jax.parallel import topology

# Largest relative errors. Rounding turns a few units and maxima the other way, each with all of its
# gradient, so that gradients differ by more than the logits. On a CPU the full size in float32 has
# errors of 4e-8, 3e-7 and 9e-7. In bfloat16, whose 8 bits make many ties in the pools, it has 1e-4,
# 7e-3, and from .004 in fc8 to .26 in conv1: every tied maximum has all of the gradient.
EXACT = {"loss": 1e-4, "logits": 1e-4, "gradient": 1e-2}
ROUGH = {"loss": 2e-2, "logits": 5e-2, "gradient": 0.5}


def items(size: Size) -> Items:
    """Return the comparisons; without an accelerator the CPU is compared with itself.

    All begin with the first, in threads: for a TPU each program takes minutes of a core to compile.
    """
    architecture = size.architecture
    device, cpu = jax.devices()[0], jax.devices("cpu")[0]
    pool = ThreadPoolExecutor(max_workers=8)  # the reference and all comparisons

    def compute_on_cpu() -> Values:
        one_device = topology("one_device", architecture, [cpu])
        return step_values(architecture, size.images, one_device, precision="highest")

    @cache
    def on_cpu() -> Future[Values]:
        return pool.submit(compute_on_cpu)

    def against_cpu(dtype: str, precision: str | None) -> dict[str, Any]:
        one_device = topology("one_device", architecture, [device])
        values = step_values(architecture, size.images, one_device, dtype, precision)
        return agreement(values, on_cpu().result(), EXACT if precision else ROUGH)

    def against_float64(where: jax.Device, precision: str | None) -> dict[str, Any]:
        wanted = probe.load(size.name)
        values = network_values(architecture, probe.IMAGES, where, precision)
        found = probe.at_probe(values, wanted)
        return agreement(found, probe.stored(wanted), EXACT if precision else ROUGH)

    comparisons: Items = {
        "a step, float32 at the highest precision, against the CPU": lambda: against_cpu(
            "float32", "highest"
        ),
        "float32 at the highest precision, against float64": lambda: against_float64(
            device, "highest"
        ),
        "a step, bfloat16, against the CPU": lambda: against_cpu("bfloat16", None),
        "a step, float32 as by default, against the CPU": lambda: against_cpu("float32", None),
        "float32 as by default, against float64": lambda: against_float64(device, None),
        "the CPU's float32, against float64": lambda: against_float64(cpu, "highest"),
    }

    @cache
    def begin() -> dict[str, Future[dict[str, Any]]]:
        on_cpu()  # by this thread, before the others ask for it
        return {name: pool.submit(compare) for name, compare in comparisons.items()}

    def result(name: str) -> dict[str, Any]:
        return begin()[name].result()

    return {name: partial(result, name) for name in comparisons}
