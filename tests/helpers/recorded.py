"""Texts of programs compiled for accelerators, recorded so that tests need neither libtpu nor CUDA.

`PYTHONPATH=.:tests python -m helpers.recorded v5e` (with libtpu) or `h100` (with CUDA's plugin)
compiles them again. Only what is read is kept: settings of the compiler's are left out.
"""

import lzma
import re
import sys
from pathlib import Path
from typing import Any

from alexnet_jax.network.presets import architecture
from alexnet_jax.parallel.topologies import Topology, topology
from alexnet_jax.runs.config import TrainConfig

FILES = Path(__file__).parent.parent / "files"
NET, BATCH, STORED = architecture("small"), 64, 32
CONFIG = TrainConfig(name="recorded", data="", steps=1, batch=BATCH, mirror=False, colour_noise=0.0)
PLACES = {"data_towers": 4, "hybrid": 2, "one_device": 1}


def recorded(chip: str, name: str) -> str:
    """The text of the training step of `small` on a topology, with crops of larger images."""
    return lzma.decompress((FILES / f"{chip}_{name}.hlo.xz").read_bytes()).decode()


def place(name: str, devices: Any) -> Topology:
    return topology(name, NET, devices[: PLACES[name]])


def shortened(text: str) -> str:
    """Names, types, operands, calls, cycles and origins."""
    lines = []
    for line in text.splitlines():
        cycles = re.search(r'"estimated_cycles":"\d+"', line)
        kept = re.sub(r", (?:backend_config|sharding|frontend_attributes)=\{.*", "", line)
        origin = re.search(r'op_name="[^"]*"', line)
        if origin and origin[0] not in kept:
            kept += f", metadata={{{origin[0]}}}"
        lines.append(kept + (f", {cycles[0]}" if cycles and cycles[0] not in kept else ""))
    return "\n".join(lines) + "\n"


def record(chip: str) -> None:
    from alexnet_jax.compiling import parse_target, target_devices
    from alexnet_jax.compiling.program import compile_programs

    for name, count in PLACES.items():
        devices = target_devices(parse_target(chip).of_size(count), count)
        program, plain = compile_programs(NET, CONFIG, place(name, devices), "train", STORED)
        text = shortened((plain or program).text)
        (FILES / f"{chip}_{name}.hlo.xz").write_bytes(lzma.compress(text.encode()))


if __name__ == "__main__":
    record(sys.argv[1])
