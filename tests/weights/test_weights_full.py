"""The full-size network of torchvision: what reading its file takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.torch_bytes import torch_zip
from helpers.weight_files import LAYERS, TORCH_NAMES

import alexnet_jax

CODE = """
import json, resource, sys, time
from alexnet_jax import weights
start = time.process_time()
found = weights.load("torchvision", sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(value.size for layer in found.params.values() for value in layer.values())
print(json.dumps({"peak": peak * 1024, "seconds": time.process_time() - start, "count": count,
                  "published": vars(found.published),
                  "first": float(found.params["fc6"]["kernel"][1, 0])}))
"""


@pytest.mark.exhaustive
def test_244_megabytes_in_a_gibibyte_and_five_seconds(tmp_path: Path) -> None:
    draw, arrays = np.random.default_rng(0), {}
    for placed in alexnet_jax.architecture("owt").placed():
        if placed.kernel is not None:
            shape = (*placed.kernel[:-3:-1], *placed.kernel[:-2])
            name = TORCH_NAMES[LAYERS.index(placed.layer.name)]
            arrays[f"{name}.weight"] = draw.standard_normal(shape, np.float32)
            arrays[f"{name}.bias"] = draw.standard_normal(shape[0], np.float32)
    path = torch_zip(tmp_path / "alexnet.pth", arrays)
    assert path.stat().st_size > 244_000_000
    done = subprocess.run([sys.executable, "-c", CODE, path], check=True, capture_output=True,
                          text=True, timeout=300)  # fmt: skip
    found = json.loads(done.stdout)
    assert found["count"] == 61_100_840
    assert found["peak"] < 1 << 30
    assert found["seconds"] < 5  # of the processor's time, whatever else it does
    assert (found["published"]["top1"], found["published"]["top5"]) == (56.522, 79.066)
    # Height, width, map: the second row of ours is the second map's first place.
    assert found["first"] == float(arrays["classifier.1.weight"][0, 36])
