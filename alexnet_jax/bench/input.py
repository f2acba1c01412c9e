"""Rates of the stages of the input, and the time that training waits for it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from alexnet_jax import data as data_sets
from alexnet_jax.bench.input_stages import (
    SYNTHETIC,
    Rate,
    make_synthetic,
    measure_in_order,
    measure_loader,
    picture_rates,
    timed,
)
from alexnet_jax.data import (
    Batches,
    Dataset,
    Prefetch,
    Statistics,
    load_forms,
    read_images,
    statistics_of,
)
from alexnet_jax.display import format_table
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, PresetName, presets
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import Clock, init_state, make_train_step

Record = dict[str, Any]
Dtype = Literal["float32", "bfloat16"]
_SYNTHETIC_IMAGES = 1024  # 200 MB at 256x256
_WARM = 3  # steps, the first of which compiles


def measure_stages(data: str, data_dir: Path | None, batch: int, seconds: float) -> list[Record]:
    """Measure every stage of the input for a data set of noise and, if given, another data set.

    Args:
      data: "synthetic" for noise alone, or also the name of a data set that comes with the
        libraries or of a prepared one in `data_dir`.
      data_dir: directory of the prepared data sets, or None.
      batch: images in a batch, at least 1.
      seconds: duration of the measurement of each stage, > 0.

    Returns:
      Records like those of `measure_input`; the stages of picture files come first.

    Raises:
      InputError: no such data set; a batch larger than its training split.
    """
    if not seconds > 0 or batch < 1:
        raise InputError(f"a batch of at least 1 and seconds above 0, got {batch} and {seconds}")
    real = None
    if data != SYNTHETIC:
        real = data_sets.load(data, "" if data_dir is None else str(data_dir))
        Batches(real.train, batch, 0)  # raises InputError for a batch larger than the data
    records = [_record(stage, "files", rate) for stage, rate in picture_rates(seconds).items()]
    with tempfile.TemporaryDirectory() as directory:
        make_synthetic(Path(directory), max(_SYNTHETIC_IMAGES, 2 * batch))
        noise = data_sets.load(SYNTHETIC, directory)
        records += measure_input(noise, Path(directory), batch, seconds)
    if real is not None:
        records += measure_input(real, data_dir, batch, seconds)
    return records


def measure_input(
    dataset: Dataset,
    data_dir: Path | None,
    batch: int,
    seconds: float,
    architecture: Architecture | None = None,
    dtype: Dtype = "float32",
) -> list[Record]:
    """Measure the stages of a data set.

    The stages are reading each of its forms in order and through the loader, the transfer to the
    device, training on a single batch that stays on the device, and training through the loader.

    Args:
      dataset: data set in `data_dir` or in memory.
      data_dir, batch, seconds: as in `measure_stages`.
      architecture: network to train; by default `small` on a CPU and `paper` elsewhere.
      dtype: dtype of its arithmetic.

    Returns:
      Dictionaries of "stage", "data", "images_per_second", "cpu_us_per_image" (CPU time of all
      threads of this process) and "bytes_per_second". Those of training also have "input_wait",
      the fraction of the time, in [0, 1], that steps waited for their batches.
    """
    splits = {"memory": dataset.train}
    if data_dir is not None and dataset.sha256 is not None:
        splits = {form: stored.train for form, stored in load_forms(dataset.name, data_dir).items()}
    size = int(np.prod(dataset.train.images.shape[1:]))
    records = []
    for form, split in splits.items():
        rates = {form: measure_in_order(split, batch, seconds)}
        rates[f"{form}, shuffled"] = measure_loader(split, batch, seconds)
        records += [_record(stage, dataset.name, rate, size) for stage, rate in rates.items()]
    network = architecture or _network(dataset)
    one_device = topology("one_device", network)
    transfer = _transfer(dataset, one_device, batch, seconds)
    records.append(_record("transfer", dataset.name, transfer, size))
    training = _training(dataset, network, one_device, batch, seconds, dtype)
    return records + [
        _record(stage, dataset.name, rate, size) | {"input_wait": wait}
        for stage, (rate, wait) in training.items()
    ]


def _record(stage: str, data: str, rate: Rate, size: int = 256 * 256 * 3) -> Record:
    return {
        "stage": stage,
        "data": data,
        "images_per_second": rate.images_per_second,
        "cpu_us_per_image": 1e6 * rate.cpu_seconds_per_image,
        "bytes_per_second": size * rate.images_per_second,
    }


def _network(dataset: Dataset) -> Architecture:
    """Choose a network that the device trains fast enough to make the input matter."""
    large = jax.default_backend() != "cpu" and dataset.stored_size >= 227
    preset: PresetName = "paper" if large else "small"
    network = presets.architecture(preset)
    return presets.architecture(
        preset,
        channels=dataset.channels,
        classes=max(2, len(dataset.class_names)),
        image_size=min(network.image_size, dataset.stored_size),
    )


def _transfer(dataset: Dataset, one_device: Topology, batch: int, seconds: float) -> Rate:
    """Measure copies of one batch from host memory to device memory (on a CPU the same memory)."""
    images = read_images(next(Batches(dataset.train, batch, 0)))

    def put() -> int:
        jax.block_until_ready(one_device.place_batch(images))
        return batch

    return timed(put, seconds)


def _training(
    dataset: Dataset,
    network: Architecture,
    one_device: Topology,
    batch: int,
    seconds: float,
    dtype: Dtype,
) -> dict[str, tuple[Rate, float]]:
    """Return rates and fractions of waiting, with one batch on the device and with the loader."""
    config = TrainConfig(name="input", data=dataset.name, steps=1, batch=batch, seed=0, dtype=dtype)
    step = make_train_step(network, config, one_device, 1.0)
    statistics = one_device.place(Statistics(*statistics_of(dataset)))
    state = init_state(network, config, one_device)
    batches = Batches(dataset.train, batch, 0)
    resident = one_device.place_batch(read_images(next(batches)))
    results, before = {}, resident["label"]
    with Prefetch(batches, one_device.place_batch) as loader:
        for name, stream in (("train, one batch", None), ("train, loader", loader)):
            clock = Clock(batch)

            def advance(stream: Any = stream, clock: Clock = clock) -> int:
                nonlocal state, before
                with clock.waiting():
                    current = resident if stream is None else next(stream)
                state, metrics = step(state, current, statistics)
                jax.block_until_ready(before)  # leaves one step running, as training does
                before = metrics["loss"]
                return batch

            for _ in range(_WARM):
                advance()
            clock.rate()  # discards the time measured so far
            rate = timed(advance, seconds)
            results[name] = rate, clock.input_wait()
    return results


def format_rates(records: Sequence[Record]) -> str:
    """Format the records as text, a line each."""
    titles = ("stage", "data", "images/s", "GB/s", "CPU us/image", "waited")
    lines = [titles] + [
        (
            record["stage"],
            record["data"],
            f"{record['images_per_second']:,.0f}",
            f"{record['bytes_per_second'] / 1e9:.2f}",
            f"{record['cpu_us_per_image']:,.1f}",
            f"{record['input_wait']:.2%}" if "input_wait" in record else "",
        )
        for record in records
    ]
    return format_table(lines, left=2)
