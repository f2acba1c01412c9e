"""Caffe's files: both networks, layers of both kinds, mean files, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import caffe_files, onnx_nets
from helpers.weight_files import (
    BVLC,
    assert_same,
    bgr_input,
    our_activations,
    source_arrays,
    stored,
    widths,
    write,
)

from alexnet_jax import InputError, weights
from alexnet_jax.weights.formats import caffe


def load(path: Path, **more: Any) -> Any:
    return weights.load("caffe", path, layers=widths(BVLC), **more)


def saved(path: Path, preset: str = "caffe_alexnet", **settings: Any) -> Path:
    settings = {"legacy": False} | settings
    described = settings.pop("described", None) or caffe_files.layers(preset)
    arrays = settings.pop("arrays", None) or source_arrays(preset)
    return write(path, caffe_files.net(arrays, described, **settings))


def refusal(path: Path, **more: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(path, **more)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text or "mean" in text
    return text


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("preset", ["caffe_alexnet", "caffenet"])
def test_every_layer_is_that_of_the_same_graph_in_onnxruntime(
    tmp_path: Path, preset: str, legacy: bool
) -> None:
    arrays = source_arrays(preset)
    found = load(saved(tmp_path / "net.caffemodel", preset, legacy=legacy))
    assert found.architecture.name == preset
    images = stored(256, "warp_bilinear")
    graph = onnx_nets.model(preset, arrays, size=227, pool_pads=[0] * 4)
    source = onnx_nets.run(graph, bgr_input(images, 227), onnx_nets.values(preset))
    assert_same(our_activations(found, images), source)


def test_a_mean_file_is_cropped_and_turned(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.caffemodel")
    mean = np.random.default_rng(1).uniform(80, 140, (3, 256, 256)).astype(np.float32)
    blob = caffe_files.blob(mean[None], legacy=True)
    write(tmp_path / "mean.binaryproto", blob.SerializeToString())
    np.save(tmp_path / "mean.npy", mean)
    both = [load(path, mean=tmp_path / name) for name in ("mean.binaryproto", "mean.npy")]
    for found in both:
        np.testing.assert_array_equal(found.statistics.mean, mean[::-1].transpose(1, 2, 0))
        np.testing.assert_allclose(found.preprocessing.mean, mean.mean((1, 2))[::-1], rtol=1e-5)
    images = stored(256, "warp_bilinear")
    middle = mean[:, 14:241, 14:241].transpose(1, 2, 0)
    graph = onnx_nets.model("caffe_alexnet", source_arrays("caffe_alexnet"), size=227,
                            pool_pads=[0] * 4)  # fmt: skip
    source = onnx_nets.run(graph, bgr_input(images, 227, middle), onnx_nets.values("caffe_alexnet"))
    assert_same(our_activations(both[0], images), source)


def test_a_mean_pixel_is_given_as_caffe_does(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.caffemodel")
    assert (load(path).statistics.mean == [123, 117, 104]).all()
    assert (load(path, mean=(1.0, 2.0, 3.0)).statistics.mean == [3, 2, 1]).all()
    assert "three numbers" in refusal(path, mean=(1.0, 2.0))
    np.save(tmp_path / "small.npy", np.zeros((3, 200, 200)))
    assert "found 200" in refusal(path, mean=tmp_path / "small.npy")
    assert "three numbers" in refusal(path, mean=(1.0, 2.0, np.inf))
    np.save(tmp_path / "infinite.npy", np.full((3, 256, 256), np.inf))
    assert "should be finite" in refusal(path, mean=tmp_path / "infinite.npy")
    np.save(tmp_path / "flat.npy", np.zeros((256, 256)))
    assert "3 x S x S, found 256x256" in refusal(path, mean=tmp_path / "flat.npy")
    assert "no such file" in refusal(path, mean="nothing.binaryproto")
    np.save(tmp_path / "object.npy", np.array([{}]), allow_pickle=True)
    assert "not a .npy file of numbers" in refusal(path, mean=tmp_path / "object.npy")


def test_doubles_and_a_renamed_classifier(tmp_path: Path) -> None:
    plain = load(saved(tmp_path / "a.caffemodel"))
    double = load(saved(tmp_path / "b.caffemodel", double=True))
    arrays = source_arrays("caffe_alexnet")
    renamed = {name.replace("fc8", "fc8_flickr"): value for name, value in arrays.items()}
    described = [(n.replace("fc8", "fc8_flickr"), k, s) for n, k, s in
                 caffe_files.layers("caffe_alexnet")]  # fmt: skip
    flickr = load(saved(tmp_path / "c.caffemodel", arrays=renamed, described=described))
    for other in (double, flickr):
        for layer, parts in plain.params.items():
            for part, value in parts.items():
                np.testing.assert_array_equal(value, other.params[layer][part])


@pytest.mark.parametrize(
    ("layer", "settings", "said"),
    [
        ("conv1", {"stride": 2}, "layer conv1 has stride 2, expected 4"),
        ("conv2", {"group": 1}, "layer conv2 has group 1, expected 2"),
        ("conv2", {"pad": 1}, "layer conv2 has pad 1, expected 2"),
        ("norm1", {"alpha": 5e-4}, "layer norm1 has alpha 0.0005, expected 0.0001"),
        ("conv2", {"pad": (2, 3)}, "layer conv2 has pad -1, expected 2"),
        ("norm1", {"beta": 0.5}, "layer norm1 has beta 0.5, expected 0.75"),
        ("pool1", {"stride": 3}, "layer pool1 has stride 3, expected 2"),
        ("pool2", {"pad": 1}, "layer pool2 has pad 1, expected 0"),
        ("norm1", {"k": 2.0}, "layer norm1 has k 2, expected 1"),
        ("norm2", {"local_size": 3}, "layer norm2 has local_size 3, expected 5"),
        ("norm2", {"norm_region": 1}, "layer norm2 has norm_region 1, expected 0"),
        ("pool5", {"pool": 1}, "layer pool5 has pool 1, expected 0"),
        ("pool5", {"kernel_size": 2}, "layer pool5 has kernel_size 2, expected 3"),
        ("conv3", {"dilation": 2}, "layer conv3 has dilation 2, expected 1"),
        ("conv2", {"pad_h": 1}, "layer conv2 has pad_h 1, expected 0"),
        ("conv1", {"stride_w": 2}, "layer conv1 has stride_w 2, expected 0"),
        ("pool1", {"kernel_h": 2}, "layer pool1 has kernel_h 2, expected 0"),
        ("pool5", {"global_pooling": True}, "layer pool5 has global_pooling 1, expected 0"),
        ("pool1", {"round_mode": 1}, "layer pool1 has round_mode 1, expected 0"),
        ("fc7", {"transpose": True}, "layer fc7 has transpose 1, expected 0"),
        ("relu6", {"negative_slope": 0.5}, "layer relu6 has negative_slope 0.5, expected 0"),
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_other_constants_are_refused(
    tmp_path: Path, layer: str, settings: dict[str, Any], said: str, legacy: bool
) -> None:
    described = [
        (name, kind, own | (settings if name == layer else {}))
        for name, kind, own in caffe_files.layers("caffe_alexnet")
    ]
    path = saved(tmp_path / "net.caffemodel", described=described, legacy=legacy)
    assert said in refusal(path)


def test_another_network_is_refused(tmp_path: Path) -> None:
    described = caffe_files.layers("caffe_alexnet")
    cut = [layer for layer in described if layer[0] != "relu3"]
    text = refusal(saved(tmp_path / "a.caffemodel", described=cut))
    assert "layer conv4 is Convolution, expected ReLU as conv3 of caffe_alexnet" in text
    text = refusal(saved(tmp_path / "b.caffemodel", described=described[:9]))
    assert "ends before" in text
    more = [*described[:-1], ("relu8", "ReLU", {})]
    text = refusal(saved(tmp_path / "c.caffemodel", described=more))
    assert "layer relu8 (ReLU) has no place" in text
    none = saved(tmp_path / "d.caffemodel", described=described[:2])
    assert "holds no layers" in refusal(none)


def test_arrays_that_do_not_fit(tmp_path: Path) -> None:
    arrays = source_arrays("caffe_alexnet")
    arrays["conv2.weight"] = arrays["conv2.weight"][:, :3]
    text = refusal(saved(tmp_path / "a.caffemodel", arrays=arrays))
    assert "array conv2/0 should be 12x4x5x5 for caffe_alexnet, found 12x3x5x5" in text
    del arrays["conv2.weight"]
    del arrays["conv2.bias"]
    text = refusal(saved(tmp_path / "b.caffemodel", arrays=arrays))
    assert "array conv2/0 is missing, expected 12x4x5x5 for caffe_alexnet" in text
    arrays = source_arrays("caffe_alexnet")
    arrays["fc6.weight"][0, 0] = np.nan
    assert "fc6/0 holds values that are not finite" in refusal(
        saved(tmp_path / "c.caffemodel", arrays=arrays)
    )


def test_cut_short_and_other_files(tmp_path: Path) -> None:
    data = saved(tmp_path / "net.caffemodel").read_bytes()
    for length in (0, 1, 100, len(data) // 2, len(data) - 1):
        refusal(write(tmp_path / "cut.caffemodel", data[:length]))
    refusal(write(tmp_path / "text.caffemodel", b"name: 'AlexNet'\n" * 20))


def test_what_protobuf_would_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "net.caffemodel")
    monkeypatch.setattr(caffe, "_MOST", path.stat().st_size)
    assert load(path).architecture.name == "caffe_alexnet"
    monkeypatch.setattr(caffe, "_MOST", path.stat().st_size - 1)
    assert "larger than the 2 GiB" in refusal(path)
