"""Operations of matrix products in compiled programs, where the compiler does not count them."""

from __future__ import annotations

import math
import re

from alexnet_jax.planning import Array, Instruction, Module

_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_COUNTED = re.compile(r'"cost_estimate":\{[^}]*"flops":"?([\d.e+]+)')


def operations(module: Module, instruction: Instruction) -> float:
    """Return the operations of the products in one run, two for each multiply-add.

    Products by themselves and in fusions, cuBLAS's and cuDNN's calls, and kernels with an estimate
    of their own (`pallas_call(cost_estimate=)`) count; everything else is 0.
    """
    inside = [instruction, *module.within(instruction)]
    counted = sum(_product(module, one) for one in inside if one.kind == "dot")
    if instruction.kind != "custom-call":
        return counted
    target = custom_call_target(instruction)
    arrays = [source.arrays[0] for source in module.operands(instruction)]
    if estimate := _COUNTED.search(instruction.attributes):
        return float(estimate[1])
    if target.startswith("__cublas") and len(arrays) >= 2:
        # m k, k n and m n values: their product is (m k n)^2.
        sizes = arrays[0].size * arrays[1].size * instruction.arrays[0].size
        return 2 * math.sqrt(sizes)
    if target.startswith("__cudnn$conv") and len(arrays) >= 2:
        return _convolution(target, [arrays[0], arrays[1], instruction.arrays[0]], instruction)
    return 0.0


def custom_call_target(instruction: Instruction) -> str:
    """Return the name of what a custom call runs, or ""."""
    match = _TARGET.search(instruction.attributes)
    return match[1] if match else ""


def _product(module: Module, dot: Instruction) -> float:
    """Return the operations of a `dot`: 2 for each output and each value of the summed axes."""
    match = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", dot.attributes)
    operands = module.operands(dot)
    if match is None or not operands:
        return 0.0
    left = operands[0].arrays[0].shape
    summed = math.prod(left[int(axis)] for axis in match[1].split(",") if axis)
    return 2.0 * dot.arrays[0].size * summed


def _convolution(target: str, arrays: list[Array], call: Instruction) -> float:
    """Return 2 (outputs) (kernel) / (output channels) of a convolution or one of its gradients.

    cuDNN's names and `dim_labels` are those of the forward convolution, input_kernel->output; the
    gradient of the input takes (output, kernel), that of the kernel (input, output).
    """
    first, second, result = arrays
    output, kernel = result, second
    if "BackwardInput" in target:
        output, kernel = first, second
    elif "BackwardFilter" in target:
        output, kernel = second, result
    labels = re.search(r"dim_labels=\w+_(\w+)->", call.attributes)
    if labels is None or "o" not in labels[1]:
        return 0.0
    return 2.0 * output.size * kernel.size / kernel.shape[labels[1].index("o")]
