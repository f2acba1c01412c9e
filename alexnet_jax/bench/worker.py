"""One side of a comparison in a process of its own: python -m alexnet_jax.bench.worker

Requests and answers are lines of JSON. The first request is the work; its answer describes the work
once it is compiled and warmed up, or gives the reason why it cannot run. The others are
{"do": "seconds", "steps": N}, {"do": "product"}, {"do": "peak"}, {"do": "layers"},
{"do": "bandwidth"} and {"do": "kernels"}. The end of the input ends the process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import traceback
from typing import Any, TextIO

from alexnet_jax.bench.work import Prepared, Work
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import limit_cores, require_platforms
from alexnet_jax.training import keep_memory_of_small_steps


def main() -> None:
    """Read the work from standard input and answer requests."""
    # Standard output is for answers only: what libraries print there goes to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    work = Work.from_json(json.loads(sys.stdin.readline()))
    try:
        limit_cores(work.threads)
        keep_memory_of_small_steps(work.architecture, work.batch)
        with require_platforms():
            serve(work, sys.stdin, answers)
    except InputError as error:
        _answer(answers, {"refused": str(error)})
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        size = f"{work.batch} images of {work.architecture.name}"
        _answer(answers, {"refused": f"{work.name}: {size} do not fit into memory"})


def serve(work: Work, questions: TextIO, answers: TextIO) -> None:
    """Prepare the work and answer requests until their end."""
    prepared = _prepare(work, answers)
    if prepared is None:
        return
    _answer(answers, dataclasses.asdict(prepared.about))
    for line in questions:
        _answer(answers, {"value": _do(work, prepared, json.loads(line))})


def _prepare(work: Work, answers: TextIO) -> Prepared | None:
    """Compile and warm up the work; None after answering that torch.compile does not work."""
    if work.side == "ours":
        from alexnet_jax.bench.ours import Ours

        return Ours(work)
    from alexnet_jax.bench.peer import Torch

    try:
        return Torch(work)
    except InputError:
        raise
    except (
        Exception
    ) as error:  # torch.compile needs a C++ compiler and more, and fails in many ways
        if not work.variant.compiled or out_of_memory(error):
            raise
        traceback.print_exc()
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        _answer(answers, {"failed": f"{type(error).__name__}: {reason.strip()[:160]}"})
        return None


def _do(work: Work, prepared: Prepared, question: dict[str, Any]) -> Any:
    """Answer one request."""
    match question:
        case {"do": "seconds", "steps": steps}:
            return prepared.seconds(steps)
        case {"do": "product"}:
            return prepared.products_per_second()
        case {"do": "peak"}:
            return prepared.peak_bytes()
        case {"do": "layers"}:
            from alexnet_jax.bench.by_layer import time_layers

            return [
                dataclasses.asdict(row)
                for row in time_layers(work, prepared.about.platform != "cpu")
            ]
        case {"do": "bandwidth"}:
            from alexnet_jax.bench.layer_times import copy_bandwidth

            return copy_bandwidth()
        case {"do": "kernels"}:
            from alexnet_jax.bench.kernels import kernels_by_time

            return kernels_by_time(prepared.seconds)
    raise ValueError(f"unknown question {question!r}")


def _answer(answers: TextIO, value: dict[str, Any]) -> None:
    print(json.dumps(value), file=answers, flush=True)


def out_of_memory(error: Exception) -> bool:
    """Whether an exception of any library says that memory is short."""
    text = f"{type(error).__name__} {error}".lower()
    words = ("resource_exhausted", "outofmemory", "out of memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(word in text for word in words)


if __name__ == "__main__":
    main()
