"""Settings beside the defaults."""

import dataclasses

from helpers.runs import CONFIG

from alexnet_jax.reporting.settings import Setting, settings
from alexnet_jax.runs import TrainConfig

PAPER = TrainConfig(name="a", data="digits", steps=5)


def rows(*configs: TrainConfig) -> dict[str, Setting]:
    return {one.name: one for one in settings(configs)}


def test_every_setting_has_a_row() -> None:
    fields = {field.name for field in dataclasses.fields(TrainConfig)} - {"layers"}
    assert set(rows(PAPER)) == fields
    changed = {one.name for one in settings([PAPER]) if one.changed}
    assert changed == {"name", "data", "steps"}  # which have no default


def test_values_are_written_as_set_takes_them() -> None:
    other = dataclasses.replace(
        PAPER, schedule="epochs", drop_epochs=(2.0, 3.5), mirror=False, freeze=("conv1", "conv2"),
        layer_rates={"fc8": 10.0},
    )  # fmt: skip
    found = rows(PAPER, other)
    assert found["drop_epochs"] == Setting("drop_epochs", "none", ("none", "2, 3.5"))
    assert found["mirror"].values == ("true", "false")
    assert found["freeze"].values == ("none", "conv1, conv2")
    assert found["layer_rates"].values == ("none", "fc8:10")
    assert found["learning_rate"] == Setting("learning_rate", "0.01", ("0.01", "0.01"))


def test_changes_of_layers_stand_beside_the_presets() -> None:
    """conv1 of `small` has 32 maps; a run without the change has the preset's value."""
    changed = dataclasses.replace(CONFIG, layers={"conv1": {"maps": 4}})
    plain = dataclasses.replace(CONFIG, layers={})
    assert rows(changed, plain)["layers.conv1.maps"] == Setting(
        "layers.conv1.maps", "32", ("4", "32")
    )
    paper = dataclasses.replace(plain, preset="paper")
    found = rows(changed, paper)["layers.conv1.maps"]
    assert (found.default, found.values) == ("", ("4", "96"))
    gone = dataclasses.replace(changed, preset="of another version")
    assert rows(gone)["layers.conv1.maps"] == Setting("layers.conv1.maps", "", ("4",))


def test_control_characters_are_written_out() -> None:
    assert rows(dataclasses.replace(PAPER, name="a\x1b[2J"))["name"].values == ("a\\x1b[2J",)
