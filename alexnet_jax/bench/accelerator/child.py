"""Items of one part in a process of its own: python -m alexnet_jax.bench.accelerator.child

The request is a line of JSON, {"part", "size", "skip": [names]}. The answers are lines: the names
of all items, then for each one that is not skipped its name as it begins, and its `Result`. The
process ends after an item that failed: a device may be of no more use to it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from alexnet_jax.bench.accelerator.parts import PARTS
from alexnet_jax.bench.accelerator.results import Item, Items, Result
from alexnet_jax.bench.accelerator.sizes import size
from alexnet_jax.bench.worker import out_of_memory
from alexnet_jax.errors import InputError
from alexnet_jax.runtime import require_platforms


def main() -> None:
    """Read the request and answer it."""
    # Standard output is for answers only: what libraries print there goes to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with require_platforms():
            items = PARTS[request["part"]].items(size(request["size"]))
    except InputError as error:
        items = {request["part"]: _refuse(error)}
    for answer in serve(items, request["skip"]):
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)  # without waiting for threads that still compile


def _end_with_parent() -> None:
    """End this process when the other end of standard input closes, as it does with its process."""
    while os.read(0, 1):  # sys.stdin has a lock, without which Python cannot end
        pass
    os._exit(1)


def serve(items: Items, skip: list[str]) -> Iterator[dict[str, Any]]:
    """Run the items that are not skipped, up to one that fails; yield the answers."""
    yield {"items": list(items)}
    for name, item in items.items():
        if name not in skip:
            yield {"begin": name}
            result = _run(name, item)
            yield {"result": result.to_json()}
            if result.status == "failed":
                return


def _run(name: str, item: Item) -> Result:
    """Run an item; whatever it raises becomes a result."""
    began = time.perf_counter()

    def after() -> float:
        return time.perf_counter() - began

    try:
        value = item()
    except InputError as error:
        return Result(name, "refused", after(), line=str(error))
    except Exception as error:  # the parts behind it are to run, whatever this is
        if out_of_memory(error):
            return Result(name, "refused", after(), line="does not fit into the device's memory")
        text = traceback.format_exc()
        return Result(name, "failed", after(), line=in_a_line(error), traceback=text)
    return Result(name, "done", after(), value)


def in_a_line(error: BaseException) -> str:
    """Return an exception's type and the first line of its message."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {first[:200]}"


def _refuse(error: InputError) -> Callable[[], dict[str, Any]]:
    def item() -> dict[str, Any]:
        raise error

    return item


if __name__ == "__main__":
    main()
