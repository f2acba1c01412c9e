"""The table as steps, and how the plan arranges them."""

import itertools
from dataclasses import replace

import pytest

from alexnet_jax.network.layers import LRN, Conv, Dense, MapNorm, MaxPool
from alexnet_jax.network.plan import Recomputed, exchange_early, plan
from alexnet_jax.network.presets import architecture, list_presets
from alexnet_jax.network.steps import Step, program

PAPER = """
conv1 linear activation     lrn1 halo norm          pool1 pool
conv2 linear activation     lrn2 halo norm          pool2 pool
conv3 gather linear activation
conv4 linear activation
conv5 linear activation     pool5 pool
fc6 gather linear activation    drop6 dropout
fc7 gather linear activation    drop7 dropout
fc8 gather linear
"""


def words(steps: tuple[Step, ...]) -> list[str]:
    """Each layer's name and the kinds of its steps."""
    found: list[str] = []
    for step in steps:
        if not found or step.placed.layer.name not in found:
            found.append(step.placed.layer.name)
        found.append(step.kind)
    return found


def test_steps_of_the_paper() -> None:
    """Sections 3.1 to 3.5: sums, ReLU, normalization, pooling; towers meet at conv3 and the dense
    layers, and at the seam of a normalization."""
    steps = tuple(program(architecture("paper")))
    names = {layer.name: layer.name for layer in architecture("paper").layers}
    dropouts = [name for name in names if "drop" in name]
    text = PAPER.replace("drop6", dropouts[0]).replace("drop7", dropouts[1])
    assert words(steps) == text.split()


@pytest.mark.parametrize("preset", list_presets())
def test_every_layer_is_computed_once_in_order(preset: str) -> None:
    net = architecture(preset)
    main = [s for s in program(net) if s.kind not in ("gather", "halo", "activation")]
    assert [s.placed.layer for s in main] == list(net.layers)


def recomputed(preset: str, **changes: object) -> list[str]:
    steps = plan(program(architecture(preset, **changes)))  # type: ignore[arg-type]
    return [
        " ".join(f"{s.placed.layer.name}.{s.kind}" for s in step.steps)
        for step in steps
        if isinstance(step, Recomputed)
    ]


def test_what_is_recomputed() -> None:
    """Activation, normalization and pooling of conv1 and conv2; with pooling first two parts, since
    the halo stands between; nothing where nothing is normalized."""
    assert recomputed("paper") == [
        "conv1.activation lrn1.norm pool1.pool",
        "conv2.activation lrn2.norm pool2.pool",
    ]
    assert recomputed("caffenet") == [
        "conv1.activation pool1.pool", "lrn1.norm",
        "conv2.activation pool2.pool", "lrn2.norm",
    ]  # fmt: skip
    assert len(recomputed("source2012")) == 2
    assert recomputed("owt") == []


def test_halos_cross_before_the_activation() -> None:
    """And after what pools, as small as that makes them; all else keeps its place."""
    for preset in list_presets():
        steps = tuple(program(architecture(preset)))
        early = exchange_early(steps)
        assert [s for s in early if s.kind != "halo"] == [s for s in steps if s.kind != "halo"]
        for before, step in itertools.pairwise(early):
            assert not (step.kind == "halo" and before.kind == "activation")
    kinds = [s.kind for s in exchange_early(tuple(program(architecture("caffenet"))))]
    assert kinds[:5] == ["linear", "activation", "pool", "halo", "norm"]


def test_a_second_normalization_over_maps_is_a_part_of_its_own() -> None:
    """It needs the maps of its neighbours' first normalization."""
    layers = (
        Conv("conv1", 4, kernel=3, padding=1),
        LRN("lrn1"),
        MapNorm("mapnorm1"),
        LRN("lrn2"),
        MaxPool("pool1"),
        Dense("fc", 10, activation="linear"),
    )
    net = replace(architecture("small"), layers=layers, towers=1)
    kinds = [
        [s.kind for s in step.steps] if isinstance(step, Recomputed) else step.kind
        for step in plan(program(net))
    ]
    assert kinds == [
        "linear", "halo", ["activation", "norm", "norm"], "halo", ["norm", "pool"],
        "gather", "linear",
    ]  # fmt: skip
