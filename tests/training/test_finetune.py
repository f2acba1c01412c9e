"""Starting with another run's weights: what is copied, said, refused, and gone on with."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import chex
import jax
import numpy as np
import pytest
from helpers import compiled
from helpers.runs import (
    CONFIG,
    CONVOLUTIONS,
    NARROW,
    Stop,
    StoppingConsole,
    lines_of,
    without_times,
)

from alexnet_jax.checkpoints.digests import params_sha256
from alexnet_jax.errors import InputError
from alexnet_jax.inference.trained import load_trained
from alexnet_jax.network.presets import architecture
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.console import PlainConsole
from alexnet_jax.training.job import Job
from alexnet_jax.training.loop import fit
from alexnet_jax.training.warm_start import Start, check_copied, notes
from alexnet_jax.weights.export import export

PRE = dataclasses.replace(CONFIG, data="digits_0to6", steps=3)
FINE = dataclasses.replace(
    CONFIG, data="digits_7to9", steps=6, freeze=("conv1", "conv2"), layer_rates={"fc8": 2.0}
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on seven classes."""
    workdir = tmp_path_factory.mktemp("runs") / "source"
    fit(PRE, workdir, PlainConsole())
    return workdir


def begun(config: TrainConfig, workdir: Path) -> tuple[Any, list[str]]:
    """The parameters that a run begins with, and what is said."""
    said: list[str] = []
    start = Start(Job.make(config))
    state = start.state(start.sha256(workdir, fresh=False), said.append)
    return jax.device_get(state.params), said


def test_all_but_the_last_layer_is_copied(source: Path, tmp_path: Path) -> None:
    theirs = jax.device_get(load_trained(source).params)
    config = dataclasses.replace(FINE, start_from=str(source), seed=3)
    job = Job.make(config)
    own = jax.device_get(compiled.init_state(job.architecture, config, job.topology).params)
    found, said = begun(config, tmp_path)
    assert said == [f"weights of {source}, step 3; fc8 is new, for 3 classes"]
    chex.assert_trees_all_equal(found, theirs | {"fc8": own["fc8"]})
    # The average of the weights begins where they do.
    start = Start(Job.make(dataclasses.replace(config, ema=0.9)))
    state = start.state(start.sha256(tmp_path, fresh=False), said.append)
    chex.assert_trees_all_equal(jax.device_get(state.average), found)
    # On two devices, too.
    spread, _ = begun(dataclasses.replace(config, topology="two_towers"), tmp_path)
    chex.assert_trees_all_equal(spread, found)


def test_the_last_layer_of_the_same_classes(source: Path, tmp_path: Path) -> None:
    """Copied, unless it is to be new; and of other classes copied if asked for, where it fits."""
    theirs = jax.device_get(load_trained(source).params)
    same = dataclasses.replace(PRE, start_from=str(source), seed=3)
    found, said = begun(same, tmp_path)
    assert said == [f"weights of {source}, step 3"]
    chex.assert_trees_all_equal(found, theirs)
    found, said = begun(dataclasses.replace(same, classifier="new"), tmp_path)
    assert said[0].endswith("; fc8 is new, for 7 classes")
    assert not np.array_equal(found["fc8"]["kernel"], theirs["fc8"]["kernel"])
    chex.assert_trees_all_equal(found["fc7"], theirs["fc7"])
    layers = NARROW | {"conv6": {"maps": 8}}
    larger = architecture("small+conv6", layers=layers, channels=1, classes=7)
    with pytest.raises(InputError, match=r"its network has conv6, small has not$"):
        check_copied(Job.make(same), dataclasses.replace(load_trained(source), architecture=larger))
    named = dataclasses.replace(load_trained(source), class_names=tuple("abcdefg"))
    assert "fc8" not in check_copied(Job.make(same), named)
    with pytest.raises(InputError, match=r"fc8/kernel is \(16, 7\), but in small it is \(16, 3\)$"):
        begun(dataclasses.replace(FINE, start_from=str(source), classifier="copied"), tmp_path)


def test_what_may_surprise_is_said(source: Path, tmp_path: Path) -> None:
    layers = NARROW | {"lrn1": {"k": 1.0}, "conv1": {"maps": 4, "std": 0.5}}
    config = dataclasses.replace(FINE, start_from=str(source), pixel_scale=1.0, layers=layers)
    _, (_, *more) = begun(config, tmp_path)
    assert more == [
        "note: its network computes otherwise (lrn1)",
        "note: its images were scaled by 0.0078125, these are by 1",
    ]
    theirs = load_trained(source)
    layers_of = {layer.name: layer for layer in theirs.architecture.layers}
    order = [name for name in layers_of if name != "lrn1"]
    order.insert(order.index("pool1") + 1, "lrn1")
    swapped = dataclasses.replace(
        theirs.architecture, layers=tuple(layers_of[name] for name in order)
    )
    other = dataclasses.replace(theirs, architecture=swapped)
    assert notes(Job.make(FINE), other, ("fc8",))[1:] == [
        "note: its network computes otherwise (order)"
    ]
    other = dataclasses.replace(theirs, stored_size=48)
    assert notes(Job.make(FINE), other, ("fc8",))[1:] == [
        "note: it took its crops from images of 48 pixels, these have 32"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": NARROW | {"conv4": {"maps": 4}}},
         r"conv4/kernel is \(3, 3, 4, 8\), but in small it is \(3, 3, 4, 4\); "
         r"it was made with --set layers.conv4.maps=8$"),
        ({"image_size": 24},
         r"fc6/kernel is \(32, 16\), but .* \(8, 16\); it was made with --set image_size=0$"),
        ({"preset": "small+conv6"},
         r"no layer conv6, small\+conv6 has; it was made with --set preset=small$"),
        ({"freeze": ("fc8",), "layer_rates": {}}, "fc8 starts anew, and cannot be frozen$"),
        ({"freeze": (*CONVOLUTIONS, "fc6", "fc7", "fc8"), "layer_rates": {}},
         "freeze leaves no layer to be trained$"),
        ({"freeze": ("conv1", "pool1")}, "freeze: small has no layer with weights pool1; there "),
        ({"layer_rates": {"fc9": 2.0}}, "layer_rates: small has no layer with weights fc9; did "),
        ({"start_from": "nowhere"}, "nowhere: no such workdir or file of weights"),
        ({"start_checkpoint": "7"}, "has no checkpoint '7'; there are best, latest and steps 2, 3"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(
    changes: dict[str, Any], message: str, source: Path, tmp_path: Path
) -> None:
    config = dataclasses.replace(FINE, **({"start_from": str(source)} | changes))
    with pytest.raises(InputError, match=message):
        fit(config, tmp_path / "run", PlainConsole())
    assert not (tmp_path / "run").exists()


def test_a_start_from_a_file_is_one_from_its_workdir(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "source.safetensors"
    export(load_trained(source), "safetensors", file)
    (of_file, _), (of_workdir, _) = (
        begun(dataclasses.replace(FINE, start_from=str(start)), tmp_path)
        for start in (file, source)
    )
    chex.assert_trees_all_equal(of_file, of_workdir)
    with pytest.raises(InputError, match=r"is a file of weights and has no checkpoint '3'$"):
        begun(dataclasses.replace(FINE, start_from=str(file), start_checkpoint="3"), tmp_path)


def test_a_run_does_not_start_from_itself(source: Path) -> None:
    config = dataclasses.replace(PRE, start_from=str(source))
    with pytest.raises(InputError, match=r"is the workdir of this run itself$"):
        fit(config, source, PlainConsole(), fresh=True)
    assert load_trained(source).step == 3


def test_fine_tuning_goes_on_bit_for_bit(source: Path, tmp_path: Path) -> None:
    """Stopped before its first checkpoint and after it, with the other run gone by then; the
    workdir remembers which weights it began with, and refuses others."""
    moved = Path(shutil.copytree(source, tmp_path / "moved"))
    config = dataclasses.replace(FINE, start_from=str(moved))
    fit(config, tmp_path / "whole", PlainConsole())
    workdir = tmp_path / "stopped"
    for at in (1, 5):
        with pytest.raises(Stop):
            fit(config, workdir, StoppingConsole(at))
    # What is there now is another run.
    shutil.rmtree(moved)
    for start_from in ("", str(tmp_path / "whole")):
        other = dataclasses.replace(config, start_from=start_from)
        if start_from:
            other = dataclasses.replace(other, classifier="new")
        with pytest.raises(InputError, match=r"start_from: the weights of .*moved, now "):
            fit(other, workdir, PlainConsole())
    fit(config, workdir, PlainConsole())
    assert without_times(lines_of(workdir)) == without_times(lines_of(tmp_path / "whole"))
    # Under another name they are the same.
    longer = dataclasses.replace(config, start_from=str(source), steps=7)
    fit(longer, workdir, PlainConsole())
    settings = json.loads((workdir / "config.json").read_text())
    assert settings["config"]["start_from"] == str(source)
    theirs, ours = load_trained(source).params, load_trained(workdir).params
    for layer in ours:
        same = all(np.array_equal(ours[layer][n], theirs[layer][n]) for n in ("kernel", "bias"))
        assert same == (layer in FINE.freeze)


def test_weights_that_change_before_the_first_checkpoint(source: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(source, tmp_path / "copied"))
    config = dataclasses.replace(FINE, start_from=str(copied))
    with pytest.raises(Stop):
        fit(config, tmp_path / "run", StoppingConsole(1))
    fit(dataclasses.replace(PRE, steps=4), copied, PlainConsole())
    with pytest.raises(InputError, match="copied have changed since this run began with them"):
        fit(config, tmp_path / "run", PlainConsole())
    now = params_sha256(load_trained(copied).params)
    assert Start(Job.make(config)).sha256(tmp_path / "run", fresh=True) == now
    other = Start(Job.make(dataclasses.replace(config, start_checkpoint="4")))
    assert other.sha256(tmp_path / "run", fresh=False) == now
