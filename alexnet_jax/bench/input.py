"""How fast images come, stage by stage, and whether training ever waits for them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from alexnet_jax import data as data_sets
from alexnet_jax.bench.input_stages import (
    SYNTHETIC,
    Rate,
    in_order,
    make_synthetic,
    picture_rates,
    through_the_loader,
    timed,
)
from alexnet_jax.data import Batches, Dataset, Prefetch, Statistics, forms, in_memory, statistics_of
from alexnet_jax.display import aligned
from alexnet_jax.errors import InputError
from alexnet_jax.network import Architecture, presets
from alexnet_jax.parallel import Topology, topology
from alexnet_jax.runs import TrainConfig
from alexnet_jax.training import Clock, init_state, make_train_step

Record = dict[str, Any]
_SYNTHETIC_IMAGES = 1024  # 200 MB at 256x256
_WARM = 3  # steps, the first of which compiles


def measure_stages(data: str, data_dir: Path | None, batch: int, seconds: float) -> list[Record]:
    """Every stage, each measured for `seconds`: of noise, and of a data set beside it.

    Args:
      data: "synthetic" for noise alone, a data set that comes with the libraries, or a prepared
        one of `data_dir`.
      data_dir: of the prepared data sets, or None.
      batch: images at a time, at least 1.
      seconds: > 0.

    Returns:
      As `measure_input`, stages of picture files first.

    Raises:
      InputError: no such data set; a batch larger than its training split.
    """
    if not seconds > 0 or batch < 1:
        raise InputError(f"a batch of at least 1 and seconds above 0, got {batch} and {seconds}")
    real = None
    if data != SYNTHETIC:
        real = data_sets.load(data, "" if data_dir is None else str(data_dir))
        Batches(real.train, batch, 0)  # refuses a batch larger than the data
    found = [_record(stage, "files", rate) for stage, rate in picture_rates(seconds).items()]
    with tempfile.TemporaryDirectory() as directory:
        make_synthetic(Path(directory), max(_SYNTHETIC_IMAGES, 2 * batch))
        noise = data_sets.load(SYNTHETIC, directory)
        found += measure_input(noise, Path(directory), batch, seconds)
    if real is not None:
        found += measure_input(real, data_dir, batch, seconds)
    return found


def measure_input(
    dataset: Dataset,
    data_dir: Path | None,
    batch: int,
    seconds: float,
    architecture: Architecture | None = None,
) -> list[Record]:
    """Stages of a data set: each of its forms in order and through the loader, on to the device,
    and a training with its batches beside one that has its batch on the device already.

    Args:
      dataset: of `data_dir`, or in memory.
      data_dir, batch, seconds: as for `run`.
      architecture: trained to see whether it waits; by default `small` on a CPU, else `paper`.

    Returns:
      Dictionaries of "stage", "data", "images_per_second", "cpu_us_per_image" (of this process, all
      threads), "bytes_per_second"; training has "input_wait", the share of the time that a step
      waited for its batch, in [0, 1], too.
    """
    splits = {"memory": dataset.train}
    if data_dir is not None and dataset.sha256 is not None:
        splits = {form: found.train for form, found in forms(dataset.name, data_dir).items()}
    size = int(np.prod(dataset.train.images.shape[1:]))
    found = []
    for form, split in splits.items():
        rates = {form: in_order(split, batch, seconds)}
        rates[f"{form}, shuffled"] = through_the_loader(split, batch, seconds)
        found += [_record(stage, dataset.name, rate, size) for stage, rate in rates.items()]
    network = architecture or _network(dataset)
    place = topology("one_device", network)
    found.append(_record("transfer", dataset.name, _transfer(dataset, place, batch, seconds), size))
    training = _training(dataset, network, place, batch, seconds)
    return found + [
        _record(stage, dataset.name, rate, size) | {"input_wait": waited}
        for stage, (rate, waited) in training.items()
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
    """One that the device trains fast enough to need its images."""
    large = jax.default_backend() != "cpu" and dataset.stored_size >= 227
    preset = "paper" if large else "small"
    network = presets.architecture(preset)
    return presets.architecture(
        preset,
        channels=dataset.channels,
        classes=max(2, len(dataset.class_names)),
        image_size=min(network.image_size, dataset.stored_size),
    )


def _transfer(dataset: Dataset, place: Topology, batch: int, seconds: float) -> Rate:
    """The same batch from this machine's memory to the device's, which on a CPU are one."""
    held = in_memory(next(Batches(dataset.train, batch, 0)))

    def put() -> int:
        jax.block_until_ready(place.place_batch(held))
        return batch

    return timed(put, seconds)


def _training(
    dataset: Dataset, network: Architecture, place: Topology, batch: int, seconds: float
) -> dict[str, tuple[Rate, float]]:
    """Rates and shares of waiting: with one batch that stays on the device, and with the loader."""
    config = TrainConfig(name="input", data=dataset.name, steps=1, batch=batch, seed=0)
    step = make_train_step(network, config, place, 1.0)
    statistics = place.place(Statistics(*statistics_of(dataset)))
    state = init_state(network, config, place)
    batches = Batches(dataset.train, batch, 0)
    kept = place.place_batch(in_memory(next(batches)))
    found, before = {}, kept["label"]
    with Prefetch(batches, place.place_batch) as loader:
        for name, stream in (("train, one batch", None), ("train, loader", loader)):
            clock = Clock(batch)

            def advance(stream: Any = stream, clock: Clock = clock) -> int:
                nonlocal state, before
                with clock.waiting():
                    now = kept if stream is None else next(stream)
                state, metrics = step(state, now, statistics)
                jax.block_until_ready(before)  # one step under way, as in a training
                before = metrics["loss"]
                return batch

            for _ in range(_WARM):
                advance()
            clock.rate()  # from here on
            rate = timed(advance, seconds)
            found[name] = rate, clock.input_wait()
    return found


def format_rates(records: Sequence[Record]) -> str:
    """The records as text, a line each; what a process's thread takes is its CPU time."""
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
    return aligned(lines, left=2)
