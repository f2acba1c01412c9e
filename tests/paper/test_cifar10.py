"""The trainings on CIFAR-10: their settings, the record, the report."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.trainings import record_of, run_record

from alexnet_jax.cli.commands import train
from alexnet_jax.cli.configs import load_config
from alexnet_jax.errors import InputError
from alexnet_jax.network import presets
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.paper.files import write_json
from alexnet_jax.paper.trainings import Plan, format_report, read_record
from alexnet_jax.paper.trainings import train as carried_out
from alexnet_jax.paper.trainings.plan import Run
from alexnet_jax.paper.trainings.record import Record, best_runs, train_seconds
from alexnet_jax.paper.trainings.report import format_markdown
from alexnet_jax.paper.trainings.tables import CIFAR10
from alexnet_jax.runs import MetricsFile
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.training.console import PlainConsole

TRAININGS = {one.name: one for one in CIFAR10.trainings}
EPOCH = 50_000 / 128
PLAN = Plan(Path("nowhere"), load_config)


def config_of(name: str) -> TrainConfig:
    return PLAN.config(PLAN.first(TRAININGS[name]))


def network(name: str) -> Architecture:
    config = config_of(name)
    return presets.architecture(config.preset, layers=config.layers)


def test_epochs_and_drops() -> None:
    """Updates are those of whole epochs of 50,000 images, rounded up; rates drop before the end."""
    epochs = {"80sec": 10, "80sec_torch": 10, "19pct": 140, "18pct": 140, "13pct": 520}
    epochs |= {"19pct_quarter": 35, "18pct_quarter": 35, "13pct_short": 40, "11pct_short": 40}
    epochs |= {"11pct": 520, "relu": 80, "tanh": 80}
    assert {name: config_of(name).steps for name in TRAININGS} == {
        name: math.ceil(count * EPOCH) for name, count in epochs.items()
    }
    drops = {name: config_of(name).drop_epochs for name in TRAININGS}
    assert drops["18pct_quarter"] == drops["19pct_quarter"] == (30.0, 32.5)
    assert drops["11pct_short"] == drops["13pct_short"] == (36.0, 38.0)
    assert drops["relu"] == drops["tanh"] == ()


def test_the_race_is_of_units_alone() -> None:
    """Networks of 19 % whose rectifiers are all ReLU or all tanh; no decay, views as stored."""
    relu, tanh = network("relu"), network("tanh")
    assert relu.layers == presets.architecture("cifar_19pct").layers
    units = [(getattr(a, "activation", ""), getattr(b, "activation", ""))
             for a, b in zip(relu.layers, tanh.layers, strict=True)]  # fmt: skip
    assert set(units) == {("relu", "tanh"), ("linear", "linear")}
    assert units.count(("relu", "tanh")) == 3
    for name in ("relu", "tanh"):
        config = config_of(name)
        assert (config.weight_decay, dict(config.layer_decays)) == (0.0, {})
        assert (config.mirror, config.colour_noise, config.schedule) == (False, 0.0, "constant")


@pytest.mark.parametrize("name", ["80sec", "18pct_quarter", "tanh"])
def test_settings_are_those_of_the_command_train(name: str) -> None:
    """So that runs of `train` may be laid into the workdir."""
    plan = Plan(Path("w"), load_config, {"data": "other", "batch": "64"})
    training = TRAININGS[name]
    run = Run(training, 2, 0.004 if training.rates else None)
    settings = tuple(f"{key}={value}" for key, value in plan.settings(run).items())
    by_hand = train.configured(train.Options(training.config, seed=2, set=(settings,)))
    assert plan.config(run) == by_hand
    assert plan.directory(run) == Path("w") / f"{name}{'_0.004' if training.rates else ''}" / "2"


def test_seconds_by_hand() -> None:
    """100 updates of 4 images at 50/s take 8 s, 20 more at 80/s 1 s."""
    rates = [{"step": 100, "split": "train", "images_per_second": 50.0},
             {"step": 110, "split": "test"},
             {"step": 120, "split": "train", "images_per_second": 80.0}]  # fmt: skip
    assert train_seconds(rates, 4) == pytest.approx(9)  # type: ignore[arg-type]
    assert train_seconds([], 4) == 0


def made() -> Record:
    """13 % and 11 % differ by 2, 3 and 4 points; ReLU arrives after 6 epochs, tanh after 12."""
    ten = {
        name: [run_record(seed=s, error=e + 1, error_ten_views=e) for s, e in enumerate(errors)]
        for name, errors in (("13pct_short", (15.0, 16.0, 17.0)), ("11pct_short", (13.0,) * 3))
    }
    races = {
        name: [
            run_record(seed=seed, rate=rate, crossed=epochs, train_curve=[(1.0, 60.0)])
            for seed, rate, epochs in (
                (0, 0.001, epochs), (0, 0.002, epochs + 2), (1, 0.001, epochs),
            )
        ]
        for name, epochs in (("relu", 6.0), ("tanh", 12.0))
    }  # fmt: skip
    half = run_record(finished=False, epochs=70.4)
    failed = run_record(rate=0.0005, epochs=0.0, failed="the loss is nan", finished=False)
    races["tanh"].append(failed)
    return record_of(CIFAR10, {**ten, **races, "19pct": [half]}, "JPEG copy")


def test_the_report_by_hand() -> None:
    """The mean of 2, 3 and 4 is 3, its half-width 4.30265 / sqrt(3) = 2.48."""
    text = format_report(CIFAR10, made())
    assert "`13pct_short` minus `11pct_short`: +3.00 ± 2.48 points (ten views" in text
    assert "| 15.00, 16.00, 17.00 | 16.00 |" in text
    assert "tanh takes 2.00 (2.00 to 2.00) times as many epochs as ReLU" in text
    assert "| `tanh` | 0.001 | 12.0, 12.0 | 0.0005: failed within 1; 0.002: 14.0 | 4:00 |" in text
    assert (
        "| `19pct` | 140 epochs, as logged | 10 | so far 70.4 epochs | - | - | - | 19 % |" in text
    )
    assert "| `80sec` | 10 epochs, as logged | 10 | not run |" in text
    assert "`nearest` | nearest neighbour, pixels |  | 0:30 |  |  | 64.50 |" in text
    assert text.startswith("Data: cifar10, JPEG copy; 50,000 training images")
    missing = [line for line in text.splitlines() if "--data-dir data` |" in line]
    assert [line.split("|")[2].strip() for line in missing] == [*"3333", "1", "1", *"1133"]
    assert sum("1:30" in line for line in missing) == 9  # PyTorch's has none
    assert "Times of one GPU are estimates from counts at assumed rates" in text


def test_of_a_race_the_best_stands() -> None:
    relu = next(one for one in made()["trainings"] if one["name"] == "relu")
    assert [(run["seed"], run["rate"]) for run in best_runs(relu)] == [(0, 0.001), (1, 0.001)]


def test_markdown() -> None:
    assert format_markdown(("a", "b"), [("1", "2")], left=1) == (
        "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    )


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A line for a point; texts that look like one stay."""
    record = made()
    record["data"]["note"] = "[ 1, 2 ]"
    write_json(record, tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text()
    assert read_record(CIFAR10, tmp_path / "r.json") == json.loads(json.dumps(record))
    assert "[5.0, 40.0],\n" in text


def test_other_files_are_no_records(tmp_path: Path) -> None:
    """A record of another table is none, either."""
    file = tmp_path / "r.json"
    for text in ("[]", "{", '{"format": 2, "trainings": []}', '{"format": 1, "trainings": {}}'):
        file.write_text(text)
        with pytest.raises(InputError, match="no record of the trainings on CIFAR-10"):
            read_record(CIFAR10, file)
    write_json(record_of(CIFAR10, {}), file)
    fewer = dataclasses.replace(CIFAR10, trainings=CIFAR10.trainings[1:])
    with pytest.raises(InputError, match=r"r\.json is no record .*: it has a training 80sec$"):
        read_record(fewer, file)
    write_json(record_of(fewer, {}), file)
    with pytest.raises(InputError, match=r"r\.json is no record of .*: it lacks 80sec$"):
        read_record(CIFAR10, file)


def test_a_run_begun_by_hand_is_a_run(tmp_path: Path) -> None:
    """Rates of a race are found on disk, those of no race are not."""
    plan = Plan(tmp_path, load_config)
    for name in ("relu_0.004", "relu_1e-05", "relu_old", "19pct_0.1"):
        (tmp_path / name).mkdir()
    assert plan.rates(TRAININGS["relu"]) == [0.001, 0.0005, 0.002, 0.00001, 0.004]
    assert list(plan.runs(TRAININGS["relu"])) == []
    assert plan.lines(Run(TRAININGS["80sec"], 0)) == []
    assert not MetricsFile(tmp_path / "metrics.jsonl", writing=False).finished


def test_a_training_in_pytorch_shows_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a run of `train` does, from the lines that PyTorch's loop gives; they are in its file."""
    numbers = {"loss": 1.5, "top1": 0.5, "top5": 1.0}

    def two_lines(net: Any, config: Any, dataset: Any, log: Callable[[Any], None]) -> None:
        log({"step": 1, "split": "train", **numbers, "images_per_second": 100.0})
        log({"step": 1, "split": "test", **numbers})

    monkeypatch.setattr(carried_out, "train_torch", two_lines)
    config = dataclasses.replace(load_config("digits"), steps=1)
    carried_out._train_with_torch(config, tmp_path / "run", PlainConsole())
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in shown] == [
        ["step", "1/1", "loss"],
        ["step", "1/1", "test"],
    ]
    written = MetricsFile(tmp_path / "run" / "metrics.jsonl", writing=False).read()
    assert [line.get("split", line.get("event")) for line in written] == ["train", "test", "done"]
