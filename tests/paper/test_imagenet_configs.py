"""The configs for ImageNet: they fit its images, and what their heads say is so."""

import re
from pathlib import Path

import pytest

from alexnet_jax.cli.configs import CONFIGS, load_config
from alexnet_jax.network.presets import architecture
from alexnet_jax.planning.cost_model import Machine, predict
from alexnet_jax.planning.scaling import LINKS
from alexnet_jax.planning.traffic import layout
from alexnet_jax.runs.config import TrainConfig

PATHS = sorted(CONFIGS.glob("imagenet_*.py"))
IMAGES = {"imagenet2012": 1_281_167, "imagenet2010": 1_261_406}
every = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def epochs(config: TrainConfig) -> float:
    return config.steps * config.batch / IMAGES[config.data]


def test_they_are_all_there() -> None:
    kinds = {"paper", "source2012", "caffe", "owt", "large_batch", "2010"}
    assert {path.stem for path in PATHS} == {f"imagenet_{kind}" for kind in kinds}


@every
def test_networks_take_imagenet(path: Path) -> None:
    """256x256 images of 1,000 classes; their epochs are its."""
    config = load_config(path.stem)
    assert config.name == path.stem
    network = architecture(config.preset, init=None if config.init == "preset" else config.init)
    assert (network.classes, network.channels) == (1000, 3)
    assert network.image_size <= 256
    assert 89 < epochs(config) < 101
    assert all(0 < epoch < epochs(config) for epoch in config.drop_epochs)
    assert f"alexnet-jax train {path.stem} " in path.read_text()


@every
def test_estimates_are_the_model_s(path: Path) -> None:
    """Hours on one device, minutes on eight (nothing hidden), days on a CPU."""
    config, text = load_config(path.stem), path.read_text()
    found = re.search(
        r"not measured: ([\d.]+) hours .* 1e14 .* ([\d]+) minutes on eight .* (\d+) days .* at the "
        r"(\d+) images/s", text, re.DOTALL
    )  # fmt: skip
    assert found, text
    hours, minutes, days, rate = (float(value) for value in found.groups())
    network = architecture(config.preset)
    images = config.steps * config.batch
    one = predict(network, layout("one_device", network, 1), config.batch, Machine())
    machine = Machine(bandwidth=LINKS["nvlink4"].bandwidth)
    eight = predict(network, layout("data", network, 8), config.batch, machine)
    assert hours == round(config.steps * one.apart / 3600, 1)
    assert minutes == round(config.steps * eight.apart / 60)
    assert days == round(images / rate / 86400)


def test_rates_fall_as_they_did() -> None:
    """By the logged epochs, and by the validation error as in the paper."""
    source, paper, earlier = (
        load_config(f"imagenet_{name}") for name in ("source2012", "paper", "2010")
    )
    assert (source.schedule, source.drop_epochs) == ("epochs", (25.0, 51.0, 79.0))
    assert epochs(source) == pytest.approx(91, abs=1e-3)
    assert (earlier.drop_epochs, epochs(earlier)) == (
        (23.0, 51.0, 78.0), pytest.approx(93, abs=1e-3),
    )  # fmt: skip
    assert (paper.schedule, paper.evaluate_every) == ("plateau", 10_009)


def test_large_batches_have_the_published_constants() -> None:
    config = load_config("imagenet_large_batch")
    found = (config.batch, config.learning_rate, config.trust, config.weight_decay)
    assert found == (8192, 10.0, 0.001, 0.0005)
    assert config.warmup_epochs * IMAGES["imagenet2012"] / config.batch == pytest.approx(600)
    assert (config.schedule, round(epochs(config))) == ("quadratic", 100)
