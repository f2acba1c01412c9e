"""The colour on which transparency was laid goes with prepared data."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.pictures import BROKEN, quiet, source

from alexnet_jax import InputError
from alexnet_jax.cli.commands import evaluate
from alexnet_jax.data.prepare.packing import pack
from alexnet_jax.data.prepare.preparation import prepare
from alexnet_jax.data.prepared import load_prepared
from alexnet_jax.data.records import VERSION
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.job import Job

pytestmark = pytest.mark.usefixtures("small_shards")


def of_ground(ground: str | None, broken: tuple[int, ...] = ()) -> Any:
    return dataclasses.replace(source(broken=broken), ground=ground)


def test_grounds_are_not_mixed(tmp_path: Path) -> None:
    """A preparation on black, begun or finished, is neither continued nor taken on white."""
    with pytest.raises(InputError, match="cannot be read"):
        prepare(of_ground("black", BROKEN), tmp_path, workers=1, max_bad_fraction=0, note=quiet)
    for _ in range(2):
        with pytest.raises(InputError, match=r"on black, not on white; take .* --ground black; re"):
            prepare(of_ground("white"), tmp_path, workers=1, note=quiet)
        said: list[str] = []
        more = of_ground("black", BROKEN)
        prepare(more, tmp_path, workers=1, max_bad_fraction=0.04, note=said.append)
        assert said[0].startswith("resumed: ") or "nothing to do" in said[0]
    assert load_prepared("drawn", tmp_path).ground == "black"
    pack("drawn", tmp_path, workers=1, note=quiet)
    assert load_prepared("drawn", tmp_path).ground == "black"


def test_the_ground_is_recorded(tmp_path: Path) -> None:
    """Descriptions of earlier versions name none: their plans are those of black pictures."""
    assert of_ground("black").plan() == of_ground(None).plan() != of_ground("white").plan()
    for ground in ("white", None):
        place = tmp_path / str(ground)
        prepare(of_ground(ground), place, workers=1, note=quiet)
        assert load_prepared("drawn", place).ground == ground
    description = tmp_path / "white" / "drawn" / VERSION / "dataset.json"
    content = json.loads(description.read_text())
    description.write_text(json.dumps(content | {"ground": "green"}))
    with pytest.raises(InputError, match="ground must be white or black, got 'green'"):
        load_prepared("drawn", tmp_path / "white")
    del content["ground"]
    description.write_text(json.dumps(content))
    assert load_prepared("drawn", tmp_path / "white").ground == "black"


@pytest.mark.parametrize(
    ("ground", "want"), [("black", "black"), ("white", "white"), (None, "black")]
)
def test_a_training_takes_the_ground_of_its_data(
    tmp_path: Path, ground: str | None, want: str
) -> None:
    """Where the pictures of the data have no transparency, the setting stays."""
    pictures = dataclasses.replace(of_ground(ground), size=32)
    prepare(pictures, tmp_path, workers=1, note=quiet)
    config = TrainConfig(
        name="run",
        data="drawn",
        data_dir=str(tmp_path),
        steps=1,
        batch=2,
        preset="small",
        ground="black" if ground is None else "white",
    )
    assert Job.make(config).config == dataclasses.replace(config, ground=want)


def test_an_evaluation_on_another_ground_is_told(tmp_path: Path) -> None:
    config = TrainConfig(name="run", data="drawn", steps=1)
    for ground, told in (("black", True), ("white", False), (None, False)):
        prepare(of_ground(ground), tmp_path / str(ground), workers=1, note=quiet)
        said = list(evaluate.notes([config], load_prepared("drawn", tmp_path / str(ground)), 1))
        assert said == [
            "weights made for transparency on white; that of this data set was laid on black"
        ] * told  # fmt: skip
