"""Predictions one after the other: python predict_many.py WORKDIR PICTURE COUNT; prints them.

Every one opens the workdir anew and takes the newest checkpoint, as experiments/predict.py does.
JSON: {"steps": of each, "warnings": what was said of checkpoints, "sums": of the probabilities}.
"""

from __future__ import annotations

import json
import sys

from alexnet_jax.inference.trained import load_trained
from alexnet_jax.runtime.compile_cache import enable_compile_cache


def main(workdir: str, picture: str, count: int) -> None:
    enable_compile_cache()
    steps, sums, warnings = [], [], list[str]()
    for _ in range(count):
        trained = load_trained(workdir, warn=warnings.append)
        probabilities = trained.probabilities(trained.read([picture]))
        steps.append(trained.step)
        sums.append(float(probabilities.sum()))
    print(json.dumps({"steps": steps, "sums": sums, "warnings": warnings}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
