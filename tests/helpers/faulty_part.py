"""A part whose items end in every way; answers as alexnet_jax.bench.accelerator.child does.

It imports nothing of the package, so that it starts at once.
"""

import json
import os
import sys
import time
from typing import Any

SHORT = ["fine", "die", "after", "fail", "cut"]
LONG = ["fine", "hang", "late"]


def answer(**value: Any) -> None:
    print(json.dumps(value), flush=True)


def run(name: str) -> None:
    answer(begin=name)
    if name == "die":
        print("a last word", file=sys.stderr, flush=True)
        os._exit(3)
    if name == "cut":
        print('{"result": {"item": "cut", "sta', end="", flush=True)
        os._exit(0)
    if name == "fail":
        print("a worker's word", file=sys.stderr, flush=True)
        failed = {"item": name, "status": "failed", "line": "a line", "traceback": "lines"}
        answer(result=failed)
        sys.exit(0)
    if name == "hang":
        time.sleep(600)
    answer(result={"item": name, "status": "done", "seconds": 0.5, "value": {"number": 1}})


def main() -> None:
    request = json.loads(sys.stdin.readline())
    if request["part"] == "dumb":
        sys.exit("no items at all")
    names = LONG if request["part"] == "long" else SHORT
    answer(items=names)
    for name in names:
        if name not in request["skip"]:
            run(name)


if __name__ == "__main__":
    main()
