"""Description of the machine: devices, versions, memory, rates of products and of memory."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import partial
from typing import Any

import jax
from jax.extend import backend

from alexnet_jax.bench.accelerator.results import Items
from alexnet_jax.bench.accelerator.sizes import Size
from alexnet_jax.bench.layer_times import copy_bandwidth, product_rate
from alexnet_jax.bench.work import DTYPES, product_size
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import cores, device_name, version_of
from alexnet_jax.version import __version__

_PACKAGES = ("jax", "jaxlib", "libtpu", "flax", "optax", "numpy", "torch")
_VARIABLES = ("JAX_", "XLA_", "LIBTPU_", "TPU_", "CUDA_VISIBLE", "NVIDIA_TF32")


def items(size: Size) -> Items:
    """Return descriptions and rates of the first device."""
    products = {f"product, {dtype}": partial(_product, size.large, dtype) for dtype in DTYPES}
    return {
        "devices": _devices,
        "versions": _versions,
        "driver": _driver,
        **products,
        "memory": lambda: {"bytes_per_second": copy_bandwidth()},
    }


def _devices() -> dict[str, Any]:
    found = jax.devices()
    return {
        "device": device_name(found[0]),
        "platform": found[0].platform,
        "count": len(found),
        "memory_bytes": (found[0].memory_stats() or {}).get("bytes_limit"),
        "host_cores": cores(),
        "host": platform.platform(),
    }


def _versions() -> dict[str, Any]:
    """Return versions of packages, None for those that are missing, and settings of jax and XLA."""

    settings = {
        name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)
    }
    packages = {package: version_of(package) for package in _PACKAGES}
    return {
        "alexnet_jax": __version__,
        "python": platform.python_version(),
        **packages,
        "environment": settings,
        "platform_version": backend.get_backend().platform_version,
    }


def _driver() -> dict[str, Any]:
    """Return what NVIDIA's tool says of driver, power limit and clocks."""
    if shutil.which("nvidia-smi") is None:
        raise InputError("there is no nvidia-smi")
    query = "name,driver_version,memory.total,power.limit,clocks.max.sm,clocks.max.mem"
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    return {"query": query, "gpus": text.strip().splitlines()}


def _product(large: int | None, dtype: str) -> dict[str, Any]:
    """Measure operations/s of a square matrix product, by default precision."""
    side = large or product_size(jax.devices()[0].platform)
    return {"side": side, "operations_per_second": product_rate(side, dtype)}
