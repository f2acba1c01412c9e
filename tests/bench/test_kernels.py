"""Kernels in profiles of GPUs, TPUs and CPUs, the longest first."""

import jax
import pytest

from alexnet_jax.bench.kernels import longest_first


def test_kernels_of_devices() -> None:
    """A GPU's streams and a TPU's operations count, without the host's threads beside them."""

    def plane(name: str, line: str, *events: tuple[str, int]) -> str:
        metadata = "".join(
            f'event_metadata {{ key: {i} value {{ id: {i} name: "{event}" }} }}'
            for i, (event, _) in enumerate(events, 1)
        )
        timed = "".join(
            f"events {{ metadata_id: {i} offset_ps: 0 duration_ps: {10**6 * us} }}"
            for i, (_, us) in enumerate(events, 1)
        )
        return f'planes {{ name: "{name}" lines {{ name: "{line}" {timed} }} {metadata} }}'

    host = plane("/host:CPU", "tf_XLAEigen", ("dot", 900))
    gpu = plane("/device:GPU:0", "Stream #1(Compute)", ("short", 2), ("long", 6))
    modules = plane("/device:GPU:0", "XLA Modules", ("jit_step", 8))
    tpu = plane("/device:TPU:0", "XLA Ops", ("fusion.1", 4))
    steps = plane("/device:TPU:0", "Steps", ("0", 4))

    def of(*planes: str) -> list[tuple[str, float]]:
        text = "".join(planes)
        profile = jax.profiler.ProfileData.from_text_proto(text)
        return [(one["name"], one["seconds"]) for one in longest_first(profile.planes, 2)]

    assert of(host, gpu, modules) == [("long", pytest.approx(3e-6)), ("short", pytest.approx(1e-6))]
    assert of(host, tpu, steps) == [("fusion.1", pytest.approx(2e-6))]
    assert of(host) == [("dot", pytest.approx(450e-6))]
