"""Descriptions of GPUs for XLA, which compiles by them where there is none."""

from __future__ import annotations

from alexnet_jax.compiling.targets import Chip

# Of the fields of XLA's GpuTargetConfigProto, those that differ: the figures of NVIDIA's data
# sheets, and of its CUDA programming guide, table of compute capabilities.
_FIELDS = {
    "a100": {
        "name": "NVIDIA A100-SXM4-80GB",
        "cores": 108, "units": 64, "clock": 1.41, "cache": 40 << 20, "shared": 164 << 10,
        "capability": "major: 8",
    },
    "h100": {
        "name": "NVIDIA H100 80GB HBM3",
        "cores": 132, "units": 128, "clock": 1.98, "cache": 50 << 20, "shared": 228 << 10,
        "capability": "major: 9 feature_extension: ACCELERATED_FEATURES",
    },
    "h200": {
        "name": "NVIDIA H200",
        "cores": 132, "units": 128, "clock": 1.98, "cache": 50 << 20, "shared": 228 << 10,
        "capability": "major: 9 feature_extension: ACCELERATED_FEATURES",
    },
}  # fmt: skip

# CUDA and cuDNN of jax's extra cuda13, for which programs are compiled.
_CUDA, _CUDNN = "13.0.0", (9, 10)


def describe(chip: Chip) -> str:
    """Return the description of a GPU as the text of a GpuTargetConfigProto."""
    of: dict[str, object] = dict(_FIELDS[chip.name])
    shared = of["shared"]
    assert isinstance(shared, int)
    cudnn = ".".join(map(str, _CUDNN))
    return f"""
gpu_device_info {{
  name: "{of["name"]}"
  core_count: {of["cores"]}
  fpus_per_core: {of["units"]}
  clock_rate_ghz: {of["clock"]}
  memory_bandwidth: {chip.bandwidth:.0f}
  device_memory_size: {chip.memory:.0f}
  l2_cache_size: {of["cache"]}
  shared_memory_per_core: {shared}
  shared_memory_per_block: {48 << 10}
  shared_memory_per_block_optin: {shared - 1024}
  cuda_compute_capability {{ {of["capability"]} }}
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
  thread_dim_limit_x: 1024
  thread_dim_limit_y: 1024
  thread_dim_limit_z: 64
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  driver_version: "{_CUDA}"
  runtime_version: "{_CUDA}"
  compile_time_toolkit_version: "{_CUDA}"
  dnn_version: "{cudnn}.0"
}}
platform_name: "CUDA"
runtime_version {{ major: {_CUDA.split(".")[0]} }}
dnn_version_info {{ major: {_CUDNN[0]} minor: {_CUDNN[1]} }}
device_description_str: "{of["name"]}"
"""
