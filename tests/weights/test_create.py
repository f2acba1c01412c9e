"""A network of a preset in one line, with initial values or the weights of another."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from helpers.torch_bytes import torch_zip
from helpers.weight_files import (
    BVLC,
    CLASSES,
    LAYERS,
    OWT,
    bgr_input,
    source_arrays,
    stored,
    torch_names,
    torchvision_input,
    widths,
)
from PIL import Image

import alexnet_jax
from alexnet_jax import InputError, weights
from alexnet_jax.inference import Model
from alexnet_jax.weights import export
from alexnet_jax.weights.creation import untrained

TINY = {name: {"maps": 4} for name in LAYERS[:-1]}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a narrow `owt` for seven classes."""
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    return torch_zip(path, torch_names(source_arrays("owt")))


@pytest.fixture(scope="module")
def source(file: Path) -> Model:
    return alexnet_jax.load(file, layers=widths(OWT))


def tiny(preset: str, **changes: Any) -> Model:
    return alexnet_jax.create(preset, layers=TINY, **changes)


def assert_copied(model: Model, source: Model, names: tuple[str, ...]) -> None:
    """These layers are those of the source to the bit, and no others."""
    for layer, parts in model.params.items():
        for part, value in parts.items():
            equal = np.array_equal(value, source.params[layer][part])
            assert equal == (layer in names), layer
            assert value.dtype == np.float32


def test_initial_values(file: Path) -> None:
    """Those of `init`, by the key or the seed; and nobody calls them trained."""
    model, other = tiny("owt", classes=3), tiny("owt", classes=3, key=1)
    want = jax.jit(lambda key: alexnet_jax.init(model.architecture, key))(jax.random.key(1))
    assert jax.tree.all(jax.tree.map(np.array_equal, other.params, want))
    again = tiny("owt", classes=3, key=jax.random.key(1))
    assert jax.tree.all(jax.tree.map(np.array_equal, other.params, again.params))
    assert not np.array_equal(model.params["fc8"]["kernel"], want["fc8"]["kernel"])
    pixels = stored(256)
    np.testing.assert_array_equal(model.preprocess(pixels), prepared("owt").preprocess(pixels))
    assert model.class_names == ("class 0", "class 1", "class 2")
    assert model.architecture == alexnet_jax.architecture("owt", classes=3, layers=TINY)
    for part in ("Initial values of the preset `owt`, not trained", "Not measured.", "org/vision"):
        assert part in model.card
    assert "Trained on" not in model.card


def prepared(preset: str, **changes: Any) -> Model:
    """What `create` makes around the parameters, which take a compilation."""
    network = alexnet_jax.architecture(preset, classes=2, **changes)
    made_by = {name: changes.get(name) for name in ("layers", "init")}
    return untrained(preset, network, {}, ("a", "b"), **made_by)


def test_pictures_are_prepared_as_for_the_published_networks() -> None:
    """By the formulas of torchvision and Caffe, and of the paper with ImageNet's mean pixel."""
    pixels = stored(256)[1][:201]
    picture = Image.fromarray(pixels)
    wide = picture.resize((int(256 * 256 / 201), 256), Image.Resampling.BILINEAR)
    left = round((wide.width - 256) / 2)
    torchvision = torchvision_input(np.asarray(wide.crop((left, 0, left + 256, 256)))[None])
    warped = np.asarray(picture.resize((256, 256), Image.Resampling.BILINEAR))[None]
    caffe = bgr_input(warped, 227)
    for preset, want in (
        ("owt", torchvision),
        ("caffenet", caffe[:, ::-1]),
        ("caffe_alexnet", caffe[:, ::-1]),
    ):
        found = np.asarray(prepared(preset).preprocess(pixels))
        np.testing.assert_allclose(found, want.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)
    for preset, size in (("paper", 227), ("source2012", 224), ("one_gpu", 227)):
        model = prepared(preset)
        image, start = stored(256)[1], (256 - size) // 2
        crop = image[start : start + size, start : start + size].astype(np.float64)
        want = crop - 255 * np.array([0.485, 0.456, 0.406])
        np.testing.assert_allclose(model.preprocess(image)[0], want, rtol=1e-5, atol=1e-4)


def test_other_sizes_and_channels() -> None:
    """The border grows with the image, and a grey mean is that of the grey pixel."""
    for preset, changes, size, mean, scale in (
        ("small", {}, 32, [127.5], 1 / 128),
        ("small", {"channels": 3, "image_size": 56}, 64, [127.5] * 3, 1 / 128),
        ("paper", {"image_size": 100}, 113, [123.675, 116.28, 103.53], 1.0),
        ("caffenet", {"channels": 1}, 256, [0.299 * 123 + 0.587 * 117 + 0.114 * 104], 1.0),
        ("paper+conv6", {}, 256, [123.675, 116.28, 103.53], 1.0),
    ):
        model = prepared(preset, **changes)
        assert model.stored_size == size, preset
        np.testing.assert_allclose(model.statistics.mean[0, 0], mean, rtol=1e-6)
        assert model.config.scale == scale
    (grey,) = prepared("owt", channels=1).config.scale  # type: ignore[misc]
    std = 0.299 * 0.229 + 0.587 * 0.224 + 0.114 * 0.225
    assert grey == pytest.approx(1 / 255 / std)


def test_other_classes_have_a_new_last_layer(file: Path, source: Model) -> None:
    """By number or by name, as with `--start-from`; pictures are prepared as for the weights."""
    for classes in (3, ("cat", "dog", "cow", "pig", "hen", "ant", "bee")):
        model = alexnet_jax.create("owt", classes, file, layers=widths(OWT))
        assert_copied(model, source, LAYERS[:-1])
        assert model.architecture.classes == len(model.class_names)
        pixels = stored(256)[:1]
        np.testing.assert_array_equal(model.preprocess(pixels), source.preprocess(pixels))
        text = "by the preset `owt` with the weights of `" + str(file)
        assert f"{text}`, but initial values of fc8; not trained since" in model.card
        assert "Imported from a file of the kind torchvision, `alexnet.pth`" in model.card
        assert "Not measured.\n" in model.card
    assert model.class_names[0] == "cat"
    new = alexnet_jax.create("owt", 7, layers=widths(OWT)).params["fc8"]
    assert jax.tree.all(jax.tree.map(np.array_equal, model.params["fc8"], new))


def test_the_same_classes_keep_the_last_layer(source: Model) -> None:
    """None, their number, or their names; the sizes of the network are those of the weights."""
    for classes in (None, CLASSES, source.class_names):
        model = alexnet_jax.create("owt", classes, weights=source)
        assert model.architecture == source.architecture
        assert_copied(model, source, LAYERS)
        assert model.class_ids == source.class_ids
        assert "initial values" not in model.card
    synsets = dataclasses.replace(source, class_ids=("n01440764", *"bcdefg"))
    for names in (("tench", *"bcdefg"), ("n01440764", *"bcdefg")):
        model = alexnet_jax.create("owt", names, weights=synsets)
        assert_copied(model, source, LAYERS)
        assert (model.class_ids[0], model.class_names[0]) == ("n01440764", "tench")


def test_channels_and_size_are_those_of_the_weights() -> None:
    """By default, and of weights of the same preset; a channel more is refused."""
    grey = prepared("owt", channels=1, image_size=95, layers=TINY)
    shapes = jax.eval_shape(lambda: alexnet_jax.init(grey.architecture, jax.random.key(0)))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    grey = dataclasses.replace(grey, params=zeros)
    assert alexnet_jax.create("owt", weights=grey).architecture == grey.architecture
    with pytest.raises(InputError, match=r"conv1/kernel is \(11, 11, 1, 4\), but in owt it is"):
        alexnet_jax.create("owt", weights=grey, channels=3)


def test_what_is_created_may_be_donated(source: Model) -> None:
    """It shares no memory with the weights that it was made of."""
    model = alexnet_jax.create("owt", weights=source)
    again = alexnet_jax.create("owt", weights=model)
    jax.tree.map(lambda leaf: leaf.delete(), again.params)
    assert_copied(model, source, LAYERS)


def test_published_accuracy_is_not_that_of_a_created_network(source: Model) -> None:
    measured = weights.Published(56.5, 79.1, "somewhere")
    known = dataclasses.replace(source, published=measured)  # type: ignore[call-arg]
    assert "Published for these weights: top-1 56.5 %" in known.card
    assert "Published" not in alexnet_jax.create("owt", weights=known).card


def test_a_created_network_is_saved_and_exported(source: Model, tmp_path: Path) -> None:
    """And loaded again with its origin; a training can start from the workdir."""
    created = alexnet_jax.create("owt", 3, source)
    weights.save_workdir(created, tmp_path / "created")
    saved = alexnet_jax.load(tmp_path / "created")
    export(created.on(), "safetensors", tmp_path / "net.safetensors")
    exported = alexnet_jax.load(tmp_path / "net.safetensors")
    for again in (saved, exported):
        assert jax.tree.all(jax.tree.map(np.array_equal, again.params, created.params))
        assert again.class_ids == created.class_ids
        assert again.config.scale == created.config.scale
    assert saved.card == created.card
    assert saved.origin == exported.origin == created.origin
    assert "Published" not in exported.card
    fresh = tiny("owt", classes=3)
    export(fresh.on(), "safetensors", tmp_path / "fresh.safetensors")
    assert (
        "Initial values of the preset `owt`"
        in alexnet_jax.load(tmp_path / "fresh.safetensors").card
    )


def test_weights_of_another_network(source: Model, file: Path) -> None:
    """Where they do not fit, the layer is named; where they fit and it computes otherwise, too."""
    with pytest.raises(InputError) as caught:
        alexnet_jax.create("paper", weights=source)
    assert str(caught.value) == (
        "Weights(owt, 7 classes, step 0): conv1/kernel is (11, 11, 3, 8), but in paper it is "
        "(11, 11, 3, 96); it was made by the preset owt"
    )
    with pytest.raises(InputError, match=r"alexnet\.pth: array features\.0\.weight should be 64"):
        alexnet_jax.create("owt", weights=file)
    caffe = prepared("caffe_alexnet", layers=widths(BVLC))
    shapes = jax.eval_shape(lambda: alexnet_jax.init(caffe.architecture, jax.random.key(0)))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    caffe = dataclasses.replace(caffe, params=zeros)
    with pytest.warns(UserWarning, match=r"computes otherwise \(order\)$"):
        alexnet_jax.create("caffenet", weights=caffe, layers=widths(BVLC))
    with pytest.raises(InputError, match="has pictures of 256 pixels, but owt takes 280"):
        alexnet_jax.create("owt", 7, source, image_size=280)


def test_what_cannot_be_created() -> None:
    """One line each, before any weights are read."""
    for arguments, told in (
        (
            ("papr",),
            r"^unknown preset 'papr'; did you mean 'paper'\? there are paper, source2012, ",
        ),
        (("OWT", 10, "nowhere.pth"), r"^unknown preset 'OWT'; did you mean 'owt'\? there are "),
        (("owt", 10, "nowhere.pth"), r"^nowhere\.pth: no such workdir or file"),
        (("owt", 10, 3), r"^load takes a workdir, a file of weights or a name, got 3$"),
        ((3,), r"^create takes the name of a preset, got 3$"),
        (("owt", 0), r"classes must be a whole number > 0, got 0$"),
        (("owt", "10"), r"^classes takes a number, or a list of names, got '10'$"),
        (("owt", ()), r"^classes takes a number, or a list of names, got \(\)$"),
        (("owt", 2.5), r"^classes takes a number, or a list of names, got 2\.5$"),
    ):
        with pytest.raises(InputError, match=told):
            alexnet_jax.create(*arguments)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no layer conv9; did you mean 'conv5'\? there are conv1"):
        alexnet_jax.create("owt", layers={"conv9": {"maps": 3}})
