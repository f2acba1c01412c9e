"""Memory of a training step, kept from one step to the next where it is little."""

from __future__ import annotations

import math

from alexnet_jax.network import Architecture, preset_name, presets
from alexnet_jax.runs import TrainConfig
from alexnet_jax.runtime import keep_freed_memory
from alexnet_jax.training.accumulation import parts_in_caches

# Bytes of weights and of the outputs of all layers for the images at a time, in float32: at 128
# images 49 MB are the most for CIFAR-10's networks, `tiny` has as much in two parts, and `paper`
# 244 MB of weights alone. With larger steps the process would grow: blocks that a small one was cut
# from are of no use to the next step.
_SMALL = 3 << 25


def keep_memory_of_small_steps(architecture: Architecture, batch: int) -> bool:
    """Keep what a step frees for the next one if the step is small, and return whether it is.

    Two cores of an AMD EPYC, jax 0.12, 128 images: `cifar_80sec` 54 to 36 ms a training step and 27
    to 12 in inference, `cifar_13pct` 80 to 51 and 34 to 17, `tiny` (narrower then) 104 to 95 a
    training step. Call it before JAX has started threads.
    """
    images = batch // parts_in_caches(architecture, batch)
    values = sum(p.parameters + images * math.prod(p.output) for p in architecture.placed())
    small = 4 * values <= _SMALL
    if small:
        keep_freed_memory()
    return small


def keep_memory_of_small_runs(config: TrainConfig) -> bool:
    """Keep memory between the steps of a run if they are small, and return whether they are.

    Commands call it, since it concerns the whole process: a library leaves that to its user. The
    data set is not loaded yet, so channels and classes are those of the preset.

    Raises:
      InputError: the config's preset, image size or layers do not fit.
    """
    architecture = presets.architecture(
        preset_name(config.preset), image_size=config.image_size or None, layers=config.layers
    )
    return keep_memory_of_small_steps(architecture, config.batch // config.accumulate)
