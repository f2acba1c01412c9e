"""Table of a network: shapes, parameters and operations of every layer, as text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alexnet_jax.display import format_table
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import AveragePool, Conv, Dense, Local, MaxPool
from alexnet_jax.network.shapes import Placed


@dataclass(frozen=True)
class Row:
    """Row of the table for one layer; counts are for one image."""

    name: str
    input: str
    output: str
    window: str
    formula: str
    parameters: int
    macs: int
    activations: int


def rows(architecture: Architecture) -> list[Row]:
    """Return the table as data, one row for each layer.

    Parameters of a layer: (kernel area x input maps of a group) x output maps + output maps, the
    formula of the reference text. For conv4 it gives 663,936, while the text prints 664,320.
    Multiply-accumulates: kernel values x output positions. Activations: output values.
    """
    return [_row(placed) for placed in architecture.placed()]


def _row(placed: Placed) -> Row:
    layer, kernel = placed.layer, placed.kernel
    window, formula = "", "0"
    if kernel is not None:
        product, maps = " * ".join(map(str, kernel[:-1])), kernel[-1]
        formula = f"({product}) * {maps} + {maps}"
    match layer:
        case Conv(kernel=side, stride=stride, padding=padding, groups=groups):
            window = f"{side}x{side}, S={stride}, P={padding}"
            window += f", {groups} groups" if groups > 1 else ""
        case Local(kernel=side, stride=stride, padding=padding):
            window = f"{side}x{side}, S={stride}, P={padding}, unshared"
            height, width = placed.output[:2]
            formula = f"({product}) * {maps} + {height} * {width} * {maps}"
        case MaxPool(size=size, stride=stride) | AveragePool(size=size, stride=stride):
            window = f"{size}x{size}, S={stride}"
            window += ", mean" if isinstance(layer, AveragePool) else ""
        case Dense():
            formula = f"({product} + 1) * {maps}"
    input_shape = (math.prod(placed.input),) if isinstance(layer, Dense) else placed.input
    return Row(
        name=layer.name,
        input=" x ".join(map(str, input_shape)),
        output=" x ".join(map(str, placed.output)),
        window=window,
        formula=formula,
        parameters=placed.parameters,
        macs=placed.macs,
        activations=math.prod(placed.output),
    )


def summary(architecture: Architecture) -> str:
    """Return the reference text's table, with multiply-accumulates, activations and totals."""
    table = rows(architecture)
    header = ("layer", "input", "output", "kernel, stride, pad", "parameters formula")
    counts = ("parameters", "multiply-adds", "activations")
    lines: list[tuple[str, ...]] = [(*header, *counts)]
    lines += [
        (
            row.name,
            row.input,
            row.output,
            row.window,
            row.formula,
            f"{row.parameters:,}",
            f"{row.macs:,}",
            f"{row.activations:,}",
        )
        for row in table
    ]
    totals = (
        sum(row.parameters for row in table),
        sum(row.macs for row in table),
        sum(row.activations for row in table),
    )
    lines.append(("total", "", "", "", "", *(f"{total:,}" for total in totals)))
    images, classes = " x ".join(map(str, architecture.input_shape)), architecture.classes
    result = f"output {table[-1].output}" if classes is None else f"{classes} classes"
    title = f"{architecture.name}: images {images}, {result}; counts for one image"
    neurons = sum(row.activations for row in table if row.parameters)
    text = format_table(lines, left=len(header), rules=(1, -1))
    return f"{title}\n\n{text}\n\nneurons: {neurons:,}"
