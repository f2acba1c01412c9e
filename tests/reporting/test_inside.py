"""Kernels, norms, maps and crossings against their formulas."""

import dataclasses

import jax
import numpy as np
from helpers.compiled import init_state
from helpers.html_pages import one_run, pixels
from helpers.reference_net import alexnet
from helpers.scripts import Run

from alexnet_jax.reporting import Subject, through
from alexnet_jax.reporting.crossing import _other, exchanges
from alexnet_jax.reporting.inside import kernels, norm_charts, norms, passage
from alexnet_jax.reporting.pixels import data_uri, kernel_tiles, map_tiles, sheet

DRAW = np.random.default_rng(4)


def subject_of(finished: Run) -> Subject:
    subject = one_run(finished.workdir)
    assert subject.trained is not None
    return subject


def test_png_files_hold_the_pixels() -> None:
    for shape in ((5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4)):
        drawn = DRAW.integers(0, 256, shape).astype(np.uint8)
        np.testing.assert_array_equal(
            pixels(data_uri(drawn)), drawn.reshape(drawn.shape[:2] + shape[2:]).squeeze()
        )


def test_kernels_are_scaled_each_by_itself() -> None:
    kernel = DRAW.normal(size=(2, 2, 3, 4))
    kernel[..., 3] = 0
    tiles = kernel_tiles(kernel)
    for number in range(3):
        one = kernel[..., number]
        expected = 127.5 * (1 + one / abs(one).max())
        np.testing.assert_allclose(tiles[number], expected, atol=0.5)
    assert set(tiles[3].ravel()) == {128}
    grey = kernel_tiles(kernel[:, :, :1])
    assert (grey[..., :1] == grey).all()
    assert grey[0].max() in (0, 255) or grey[0].min() in (0, 255)


def test_maps_have_one_scale() -> None:
    maps = DRAW.normal(size=(3, 4, 2))
    tiles = map_tiles(maps)
    low, high = maps.min(), maps.max()
    expected = 255 * (np.moveaxis(maps, -1, 0) - low) / (high - low)
    np.testing.assert_allclose(tiles[..., 0], expected, atol=0.5)
    assert not map_tiles(np.zeros((3, 4, 2))).any()


def test_tiles_lie_in_rows() -> None:
    tiles = DRAW.integers(0, 256, (5, 2, 3, 3)).astype(np.uint8)
    whole = sheet(tiles, 2)
    assert whole.shape == (8, 7, 4)
    np.testing.assert_array_equal(whole[3:5, 4:7, :3], tiles[3])
    assert whole[..., 3].astype(int).sum() == 255 * 5 * 6  # gaps and the last place are transparent


def test_norms_follow_from_the_arrays(finished: Run) -> None:
    """The start is the initial state of the run's seed."""
    subject = subject_of(finished)
    trained = subject.trained
    assert trained is not None
    began = init_state(trained.architecture, trained.config, trained.topology).params
    rows = {row.layer: row for row in norms(subject)}
    assert list(rows) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    for layer, row in rows.items():
        now, then = (
            np.asarray(tree[layer]["kernel"], np.float64) for tree in (trained.params, began)
        )
        expected = [np.sqrt((x**2).sum()) for x in (now, then, now - then)]
        np.testing.assert_allclose([row.kernel, row.initial, row.change], expected, 1e-12)
        np.testing.assert_allclose(row.rms(row.kernel), np.sqrt((now**2).mean()), 1e-12)
        assert row.change is not None
        assert row.change > 0


def test_kernels_of_both_towers_and_their_change(finished: Run) -> None:
    """Four maps: two of each tower, at the start, now, and the difference."""
    subject = subject_of(finished)
    assert subject.trained is not None
    groups = kernels(subject)
    assert [group.title for group in groups] == ["Tower 0", "Tower 1"]
    kernel = np.asarray(subject.trained.params["conv1"]["kernel"])
    for tower, group in enumerate(groups):
        start, now, change = group.pictures
        assert "at the start" in start.alt
        assert "the change" in change.alt
        tiles = kernel_tiles(kernel[..., 2 * tower : 2 * tower + 2])
        np.testing.assert_array_equal(pixels(now.uri), sheet(tiles, 8))
    unknown = dataclasses.replace(subject, initial=None)
    assert [len(group.pictures) for group in kernels(unknown)] == [1, 1]
    assert {row.change for row in norms(unknown)} == {None}
    assert [chart.title for chart in norm_charts([unknown])] == ["Size of the weights"]


def test_weights_of_zero_have_no_place_in_the_charts(finished: Run) -> None:
    """Nor has a layer that has not changed among the changes."""
    subject = subject_of(finished)
    assert subject.trained is not None
    assert subject.initial is not None
    params = dict(subject.trained.params)
    params["conv2"] = {"kernel": 0 * params["conv2"]["kernel"], "bias": params["conv2"]["bias"]}
    params["fc6"] = subject.initial["fc6"]
    trained = dataclasses.replace(subject.trained, params=params)
    sizes, changes = norm_charts([dataclasses.replace(subject, trained=trained)])
    assert ("conv2: " in sizes.svg, "fc6: " in sizes.svg) == (False, True)
    assert ("conv2: " in changes.svg, "fc6: " in changes.svg) == (True, False)


def test_a_picture_through_the_layers(finished: Run) -> None:
    """Layers stand in the order of computation, with the values of the NumPy network, and the maps
    of most energy of each tower."""
    subject = subject_of(finished)
    trained, dataset = subject.trained, subject.dataset
    assert trained is not None
    assert dataset is not None
    image = dataset.test.images[3]
    found = through.answers(trained, image)
    params = jax.tree.map(np.asarray, trained.params)
    outputs = alexnet(params, through.views(trained, image[None]), stride=1).activations
    names = [one.layer for one in found]
    assert names == [
        "conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2", "conv3", "conv4", "conv5", "pool5",
        "fc6", "fc7",
    ]  # fmt: skip
    conv2 = next(one for one in found if one.layer == "conv2")
    assert conv2.shape == outputs["conv2"][0].shape
    assert sorted(conv2.numbers) == list(range(8))  # all, four of each tower
    np.testing.assert_allclose(conv2.maps, outputs["conv2"][0][..., conv2.numbers], atol=1e-4)
    fc6 = next(one for one in found if one.layer == "fc6")
    np.testing.assert_allclose(fc6.maps.ravel()[:16], outputs["fc6"][0], atol=1e-4)
    assert fc6.silent == np.mean(outputs["fc6"][0] == 0)


def test_the_strongest_maps_of_each_tower() -> None:
    values = np.zeros((1, 1, 40))
    values[..., [3, 7]], values[..., [25, 39]] = 2.0, -1.0
    found = list(through._strongest(values, 2))
    assert len(found) == 16
    assert {3, 7, 25, 39} <= set(found)
    assert found == sorted(found)
    assert sum(number < 20 for number in found) == 8


def test_the_picture_is_one_that_is_classified_right(finished: Run) -> None:
    subject = subject_of(finished)
    shown, found = passage(subject), subject.examination
    assert shown is not None
    assert found is not None
    right = np.flatnonzero(found.answers == found.labels)
    assert f"Test image {right[0]}" in shown.image.caption
    assert shown.probable[0][0] == str(found.labels[right[0]])
    shares = [share for _, share in shown.probable]
    assert shares == sorted(shares, reverse=True)


def test_crossings_by_hand(finished: Run) -> None:
    """Each tower sends its half of what conv3, fc6, fc7 and fc8 read, so that both send as many
    values as the layer reads; the norms send two maps over the seam each way."""
    subject = subject_of(finished)
    assert subject.trained is not None
    network = subject.trained.architecture
    found = {one.layer: one for one in exchanges(subject.trained, None)}
    for placed in network.placed():
        name = placed.layer.name
        if name in ("conv3", "fc6", "fc7", "fc8"):
            assert found[name].forward == np.prod(placed.input)
        if name.startswith("lrn"):
            height, width, _ = placed.input
            assert found[name].forward == 2 * 2 * height * width
        assert found.get(name) is None or found[name].other == ()
    assert found["logits"].forward == 10
    assert set(found) == {"lrn1", "lrn2", "conv3", "fc6", "fc7", "fc8", "logits"}


def test_the_share_of_the_other_tower(finished: Run) -> None:
    """E[from, to]: tower 0 takes E[1, 0] of its sum, tower 1 takes E[0, 1]."""
    assert _other(np.array([[3.0, 2.0], [1.0, 6.0]])) == (0.25, 0.25)
    assert _other(np.array([[1.0, 3.0], [4.0, 1.0]])) == (0.8, 0.75)
    assert _other(np.array([[1.0], [4.0]])) == (0.8,)
    assert _other(np.array([[0.0, 3.0], [0.0, 1.0]])) == ()
    assert _other(None) == ()
    subject = subject_of(finished)
    assert subject.trained is not None
    assert subject.dataset is not None
    found = {one.layer: one.other for one in exchanges(subject.trained, subject.dataset.test)}
    assert [len(found[name]) for name in ("conv3", "fc6", "fc8", "logits")] == [2, 2, 1, 0]
    assert all(0 < share < 1 for shares in found.values() for share in shares)
