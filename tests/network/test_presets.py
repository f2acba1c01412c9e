"""Tables of layers: counts, shapes, input sizes, and what is refused."""

import dataclasses
from typing import Any

import pytest

import alexnet_jax
from alexnet_jax import InputError
from alexnet_jax.network.layers import LRN, Conv, Dense, Dropout
from alexnet_jax.network.summary import rows

# The reference text's table, with conv4 by its own formula (the text adds the biases twice).
PARAMETERS = {
    "conv1": 34_944,
    "conv2": 307_456,
    "conv3": 885_120,
    "conv4": 663_936,
    "conv5": 442_624,
    "fc6": 37_752_832,
    "fc7": 16_781_312,
    "fc8": 4_097_000,
}
MACS = {
    "conv1": 105_415_200,
    "conv2": 223_948_800,
    "conv3": 149_520_384,
    "conv4": 112_140_288,
    "conv5": 74_760_192,
    "fc6": 37_748_736,
    "fc7": 16_777_216,
    "fc8": 4_096_000,
}


def test_paper_counts() -> None:
    table = rows(alexnet_jax.architecture("paper"))
    assert {row.name: row.parameters for row in table if row.parameters} == PARAMETERS
    assert {row.name: row.macs for row in table if row.macs} == MACS
    assert sum(row.parameters for row in table) == 60_965_224
    assert sum(row.macs for row in table) == 724_406_816
    assert sum(row.activations for row in table if row.parameters) == 659_272


def test_paper_shapes() -> None:
    outputs = {row.name: row.output for row in rows(alexnet_jax.architecture())}
    sides = {"conv1": 55, "pool1": 27, "conv2": 27, "pool2": 13, "conv3": 13, "pool5": 6}
    for name, side in sides.items():
        assert outputs[name].startswith(f"{side} x {side} x ")


def test_formulas_give_their_counts() -> None:
    """Each printed formula, evaluated, is the printed count."""
    for preset in alexnet_jax.list_presets():
        for row in rows(alexnet_jax.architecture(preset)):
            assert eval(row.formula) == row.parameters, row


def test_summary_text() -> None:
    text = alexnet_jax.summary(alexnet_jax.architecture())
    for number in (*PARAMETERS.values(), *MACS.values(), 60_965_224, 724_406_816, 659_272):
        assert f"{number:,}" in text
    total = next(line for line in text.splitlines() if line.startswith("total"))
    assert total.split()[1:3] == ["60,965,224", "724,406,816"]


@pytest.mark.parametrize("name", ["small", "tiny"])
def test_small_networks_have_the_same_topology(name: str) -> None:
    paper, small = (alexnet_jax.architecture(preset) for preset in ("paper", name))
    assert [(type(layer), layer.name) for layer in paper.layers] == [
        (type(layer), layer.name) for layer in small.layers
    ]
    groups = [[getattr(layer, "groups", None) for layer in net.layers] for net in (paper, small)]
    assert groups[0] == groups[1]
    assert paper.towers == small.towers == 2


@pytest.mark.parametrize(
    ("size", "last"), [(224, 5), (227, 6), (256, 6), (67, 1), (300, 8), (63 + 4, 1)]
)
def test_input_sizes(size: int, last: int) -> None:
    """Any size that the layers can take; fc6 follows."""
    table = {row.name: row for row in rows(alexnet_jax.architecture(image_size=size))}
    assert table["pool5"].output == f"{last} x {last} x 256"
    assert table["fc6"].parameters == (last * last * 256 + 1) * 4096


@pytest.mark.parametrize(
    ("size", "layer"), [(10, "conv1"), (11, "pool1"), (19, "pool2"), (62, "pool5"), (66, "pool5")]
)
def test_too_small_images_name_the_layer(size: int, layer: str) -> None:
    with pytest.raises(InputError, match=rf"{size}x{size}.*{layer}"):
        alexnet_jax.architecture(image_size=size)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "vgg"}, "vgg.*paper"),
        ({"classes": 0}, "classes.*0"),
        ({"image_size": -1}, "image_size.*-1"),
        ({"channels": 0}, "channels.*0"),
        ({"layers": {"conv9": {"maps": 2}}}, "conv9"),
        ({"layers": {"conv1": {"depth": 2}}}, "depth"),
        ({"layers": {"conv1": {"maps": 31}}}, "conv1.*31"),
        ({"layers": {"fc6": {"maps": 4095}}}, "fc6 has 4095 units"),
        ({"layers": {"fc6": {"units": 2.5}}}, "fc6.units must be int, got 2.5"),
        ({"layers": {"fc6": {"units": 8, "maps": 8}}}, "fc6: units and maps are one field"),
        ({"layers": {"conv1": {"units": 8}}}, "conv1 has no units; .*there are .*maps"),
        ({"layers": {"conv1": {"maps": 2.5}}}, "maps.*2.5"),
        ({"layers": {"conv1": {"maps": True}}}, "maps.*True"),
        ({"layers": {"conv1": {"std": True}}}, "std.*True"),
        ({"layers": {"lrn1": {"within_tower": 1}}}, "within_tower.*bool.*1"),
        ({"layers": {"conv1": {"stride": 0}}}, "conv1.*stride 0"),
        ({"layers": {"conv2": {"padding": -1}}}, "conv2.*padding -1"),
        ({"layers": {"conv2": {"groups": 3}}}, "conv2.*3"),
        ({"layers": {"conv2": {"std": 0.0}}}, "conv2.*std"),
        ({"layers": {"conv2": {"std": 1e39}}}, r"conv2: std must be > 0 and finite, got 1e\+39"),
        ({"layers": {"conv2": {"bias": -1e39}}}, r"conv2: bias must be finite, got -1e\+39"),
        ({"layers": {"lrn1": {"alpha": 1e39}}}, r"lrn1: alpha is out of range, got alpha=1e\+39"),
        ({"layers": {"conv2": {"activation": "gelu"}}}, "gelu"),
        ({"layers": {"lrn1": {"n": 0}}}, "lrn1.*n=0"),
        ({"layers": {"lrn1": {"k": 0.0}}}, "lrn1.*k=0"),
        ({"layers": {"dropout6": {"keep": 0.0}}}, "dropout6.*0.0"),
        ({"layers": {"fc8": {"maps": 7}}}, "last layer"),
    ],
)
def test_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        alexnet_jax.architecture(**changes)


def test_a_sixth_convolution_lies_over_the_last_pool_and_reads_both_towers() -> None:
    """Net 146: 2x128 maps of 3x3, pad 1, from .03 and a bias of 1."""
    net = alexnet_jax.architecture("source2012+conv6")
    plain = alexnet_jax.architecture("source2012")
    names = [layer.name for layer in net.layers]
    place = names.index("conv6")
    assert names[place - 1 : place + 2] == ["pool5", "conv6", "fc6"]
    assert (*net.layers[:place], *net.layers[place + 1 :]) == plain.layers
    assert net.layers[place] == Conv("conv6", 256, kernel=3, padding=1, std=0.03, bias=1.0)
    table = {row.name: row for row in rows(net)}
    assert (table["conv6"].parameters, table["conv6"].output) == (590_080, "6 x 6 x 256")
    with pytest.raises(InputError, match=r"unknown preset 'lenet\+conv6'"):
        alexnet_jax.architecture("lenet+conv6")


def test_a_layer_may_be_changed() -> None:
    """Numbers, words and truth values alike."""
    changes: dict[str, dict[str, object]] = {
        "conv1": {"maps": 64, "activation": "linear", "std": 1, "overhang": True},
        "lrn1": {"alpha": 2e-5, "within_tower": True},
        "dropout6": {"inverted": True},
    }
    net = alexnet_jax.architecture(layers=changes)
    found = {layer.name: layer for layer in net.layers}
    for name, fields in changes.items():
        assert {field: getattr(found[name], field) for field in fields} == fields
    plain = {layer.name: layer for layer in alexnet_jax.architecture().layers}
    assert {name for name in found if found[name] != plain[name]} == set(changes)


def test_initial_values_of_another_preset() -> None:
    """conv3 to conv5 start from .03 in the source; all else of the paper stays."""
    plain, started = (
        alexnet_jax.architecture("paper"),
        alexnet_jax.architecture("paper", init="source2012"),
    )
    changed = {
        old.name: (old, new)
        for old, new in zip(plain.layers, started.layers, strict=True)
        if old != new
    }
    assert set(changed) == {"conv3", "conv4", "conv5"}
    for old, new in changed.values():
        assert isinstance(old, Conv)
        assert new == dataclasses.replace(old, std=0.03)
    assert alexnet_jax.architecture("paper", init="paper") == plain
    torch = alexnet_jax.architecture("small", init="owt", layers={"fc7": {"bias": 0.5}}).layers
    assert {layer.init for layer in torch if isinstance(layer, Conv | Dense)} == {"torch"}
    assert [layer.bias for layer in torch if isinstance(layer, Dense)] == [0.0, 0.5, 0.0]


def test_odd_number_of_classes_is_taken() -> None:
    assert alexnet_jax.architecture(classes=37).classes == 37


def test_layers_must_fit_each_other() -> None:
    paper = alexnet_jax.architecture()
    twice = (*paper.layers[:2], LRN("lrn1"), *paper.layers[2:])
    with pytest.raises(InputError, match="names must differ"):
        dataclasses.replace(paper, layers=twice)
    with pytest.raises(InputError, match="last layer"):
        dataclasses.replace(paper, layers=(*paper.layers, Dropout("end")))
    first = dataclasses.replace(paper.layers[-1], name="first")
    with pytest.raises(InputError, match="conv3 needs maps"):
        dataclasses.replace(paper, layers=(first, paper.layers[6], paper.layers[-1]))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("papr", "did you mean 'paper'? there are paper, source2012, caffe_alexnet, "),
        ("OWT", "did you mean 'owt'? there are paper, "),
        ("caffe-net", "did you mean 'caffenet'? there are paper, "),
        ("papr+conv6", "did you mean 'paper'? there are paper, "),
        ("lenet", "there are paper, "),
        ("", "there are paper, "),
    ],
)
def test_the_nearest_name_is_suggested(name: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        alexnet_jax.architecture(name)
    text = str(caught.value)
    assert text.startswith(f"unknown preset {name!r}; {told}")
    assert text.endswith(f"there are {', '.join(alexnet_jax.list_presets())}")


def test_the_nearest_layer_and_field_are_suggested() -> None:
    for layers, told in (
        ({"conv9": {}}, "preset small has no layer conv9; did you mean 'conv5'? there are conv1, "),
        ({"norm": {}}, "preset small has no layer norm; there are conv1, lrn1, pool1, conv2"),
        ({"conv1": {"map": 3}}, "conv1 has no map; did you mean 'maps'? there are activation"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            alexnet_jax.architecture("small", layers=layers)
        assert str(caught.value).startswith(told)
