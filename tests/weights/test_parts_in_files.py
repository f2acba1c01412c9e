"""Parts of a network in workdirs and files: they need no classes, and go out and come back."""

import dataclasses
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import chex
import jax
import numpy as np
import onnxruntime
import pytest
from helpers.scripts import assert_refused, call
from helpers.trained_net import trained
from helpers.weight_files import stored

from alexnet_jax import InputError, load_checkpoint, weights
from alexnet_jax.data.augment import centre_views
from alexnet_jax.inference.trained import Trained, load_trained
from alexnet_jax.network.forward import forward
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.job import Job
from alexnet_jax.training.warm_start import check_copied
from alexnet_jax.weights.export import export
from alexnet_jax.weights.to_workdir import save_workdir
from alexnet_jax.weights.weights import Weights


def part_of(found: Trained, until: str) -> Trained:
    net = found.architecture.until(until)
    params = {p.layer.name: found.params[p.layer.name] for p in net.placed() if p.kernel}
    return dataclasses.replace(found, architecture=net, params=params, class_names=())


def output(part: Trained, images: np.ndarray) -> np.ndarray:
    size, scale = part.architecture.image_size, part.config.scale

    @jax.jit
    def compute(images: Any) -> jax.Array:
        views = centre_views(images, part.statistics, size=size, scale=scale)
        return forward(part.architecture, part.params, views)

    return np.asarray(compute(images))


def test_a_workdir_of_a_part(tmp_path: Path) -> None:
    """From a safetensors file into a workdir, and out of its checkpoint: the same network, which
    the commands that want classes refuse in one line, and which a training may start from."""
    part = part_of(trained("owt"), "fc7")
    (path, _) = export(part, "safetensors", tmp_path / "part.safetensors")
    again = weights.load("safetensors", path)
    assert isinstance(again, Weights)
    assert (again.architecture, again.class_names) == (part.architecture, ())
    chex.assert_trees_all_equal(again.params, part.params)
    workdir = tmp_path / "part"
    save_workdir(again, workdir)
    net, variables, preprocess = load_checkpoint(workdir)
    assert net.architecture == part.architecture
    assert "classes" not in (workdir / "MODEL_CARD.md").read_text()
    chex.assert_trees_all_equal(jax.device_get(variables["params"]), part.params)
    apply = partial(net.apply, method="activations", layers=("fc7",))
    (found,) = jax.jit(apply)(variables, preprocess(stored(256))).values()
    np.testing.assert_allclose(found, output(part, stored(256)), rtol=1e-4, atol=1e-4)
    line = "owt until fc7 has no classifier, which a classification needs"
    assert_refused(call("evaluate", workdir), line)
    loaded = load_trained(workdir)
    with pytest.raises(InputError, match="which photos's classes needs"):
        loaded.require_fits("photos", 3, 7, str(workdir))
    config = TrainConfig(name="next", data="photos", steps=1, preset="owt", start_from=str(workdir))
    dataset: Any = SimpleNamespace(class_names=("a", "b", "c"))
    job = Job(config, dataset, trained("owt").architecture, loaded.topology)
    assert "fc7" in check_copied(job, loaded)
    assert "fc8" not in check_copied(job, loaded)


@pytest.mark.parametrize(
    ("preset", "until"),
    [
        ("paper", "pool5"),
        pytest.param("source2012", "fc6", marks=pytest.mark.exhaustive),
        pytest.param("owt", "conv2", marks=pytest.mark.exhaustive),
    ],
)
def test_a_part_as_onnx(preset: str, until: str, tmp_path: Path) -> None:
    """One output with the layer's name, maps first, of any batch."""
    part = part_of(trained(preset), until)
    path, *_, card = export(part, "onnx", tmp_path / "part.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (last,) = session.get_outputs()
    *space, maps = part.architecture.outputs()[until]
    assert (last.name, last.shape) == (until, ["batch", maps, *space])
    assert f"output `{until}`, that layer's values" in card.read_text()


@pytest.mark.exhaustive
@pytest.mark.parametrize("until", ["pool2", "fc7"])
def test_a_part_as_stablehlo(until: str, tmp_path: Path) -> None:
    part, images = part_of(trained("caffenet"), until), stored(256)
    path, _ = export(part, "stablehlo", tmp_path / "part.stablehlo")
    found = jax.export.deserialize(bytearray(path.read_bytes())).call(images)
    np.testing.assert_allclose(found, output(part, images), rtol=1e-4, atol=1e-4)


def test_other_kinds_hold_whole_networks(tmp_path: Path) -> None:
    part = part_of(trained("owt"), "fc7")
    for kind, suffix in (("torchvision", "pth"), ("caffe", "caffemodel")):
        with pytest.raises(InputError, match="owt until fc7 computes something else"):
            export(part, kind, tmp_path / f"part.{suffix}")
