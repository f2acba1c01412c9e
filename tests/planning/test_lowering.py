"""Programs lowered without arrays: what they take, and what they return."""

import dataclasses
from typing import Any

import jax
import pytest
from helpers.narrow import tiny

from alexnet_jax.parallel.topologies import topology
from alexnet_jax.planning.lowering import compile_lowered, lower_inference, lower_step
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.step import make_train_step

NET = tiny()
CONFIG = TrainConfig(name="lowered", data="", steps=1, batch=8, mirror=False, colour_noise=0.0)


def test_a_step_takes_a_batch_of_stored_images() -> None:
    """Divided over the devices; of the input's size where none is given."""
    place = topology("data", NET, jax.devices()[:2])
    for stored, side in ((None, 7), (9, 9)):
        _, batch, statistics = lower_step(NET, CONFIG, place, stored).args_info[0]
        image = batch["image"]
        assert (image.shape, image.dtype) == ((8, side, side, 1), "uint8")
        assert batch["label"].shape == batch["index"].shape == (8,)
        assert statistics.mean.shape == (side, side, 1)


def test_inference_takes_weights_and_images_alone() -> None:
    place = topology("one_device", NET, jax.devices())
    lowered = lower_inference(NET, CONFIG, place, 9)
    params, images, _ = lowered.args_info[0]
    assert set(params) == {"conv1", "fc2"}
    assert images.shape == (8, 9, 9, 1)
    assert lowered.out_info.shape == (8, 4)


def test_operations_keep_their_names_and_no_places() -> None:
    place = topology("one_device", NET, jax.devices())
    text = lower_inference(NET, CONFIG, place).as_text(debug_info=True)
    assert "conv1" in text
    assert __file__ not in text
    assert jax.config.jax_traceback_in_locations_limit > 0


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_accelerators_run_no_loop_and_call_no_host(platform: str) -> None:
    """As traced, before any compiler of theirs: only a CPU takes a few images at a time."""
    place = topology("one_device", NET, jax.devices())
    settings = dataclasses.replace(CONFIG, mirror=True, colour_noise=0.1)
    arguments = jax.tree.map(
        lambda one: jax.ShapeDtypeStruct(one.shape, one.dtype),
        lower_step(NET, settings, place, 9).args_info[0],
    )
    step: Any = make_train_step(NET, settings, place, 1.0)
    text = step.trace(*arguments).lower(lowering_platforms=(platform,)).as_text()
    assert "convolution" in text
    for word in ("stablehlo.while", "callback", "outfeed", "stablehlo.send"):
        assert word not in text


@pytest.mark.parametrize("there", [True, False])
def test_programs_for_absent_devices_are_kept_out_of_the_cache(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not load them again."""
    seen: list[float] = []

    class Lowered:
        def compile(self) -> None:
            seen.append(jax.config.jax_persistent_cache_min_compile_time_secs)

    place = topology("one_device", NET, jax.devices())
    monkeypatch.setattr(jax, "devices", lambda: list(place.mesh.devices.flat) if there else [])
    before = jax.config.jax_persistent_cache_min_compile_time_secs
    compile_lowered(Lowered(), place)
    assert (seen[0] == before) is there
    assert seen[0] == before or seen[0] > 1e6
    assert jax.config.jax_persistent_cache_min_compile_time_secs == before
