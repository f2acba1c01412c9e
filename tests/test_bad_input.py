"""A command line that cannot be used is one line on standard error, status 2, and no directory."""

from pathlib import Path
from typing import Any

import pytest
from scripts import NARROW, assert_refused, call, contents

# Arguments of train after its CONFIG, and what the message must hold.
OPTIONS: list[tuple[str, list[str]]] = [
    ("--topology three", ["topology", "'three'", "one_device"]),
    ("--stepz 6", ["--stepz", "--steps"]),
    ("--frobnicate", ["--frobnicate"]),
    ("extra", ["extra"]),
    ("--steps", ["--steps"]),
    ("--steps 0", ["steps", "got 0"]),
    ("--steps -3", ["steps", "-3"]),
    ("--steps=-3", ["steps", "-3"]),
    ("--steps abc", ["steps", "'abc'"]),
    ("--steps 1e3", ["steps", "'1e3'"]),
    ("--steps 6.5", ["steps", "'6.5'"]),
    ("--steps 99999999999", ["steps", "99999999999"]),
    ("--steps=", ["steps", "''"]),
    ("--log-every 0", ["log_every", "got 0"]),
    ("--log-every often", ["log_every", "'often'"]),
    ("--seed -1", ["seed", "-1"]),
    ("--seed 4294967296", ["seed", "4294967296"]),
    ("--seed luck", ["seed", "'luck'"]),
    ("--dtype float16", ["dtype", "'float16'", "bfloat16"]),
    ("--dtype float64", ["float64", "JAX_ENABLE_X64"]),
    ("--profile file", ["file"]),
    ("--profile file/below", ["file/below"]),
    ("--start-from file", ["file", "not a directory"]),
    ("--workdir file", ["file"]),
    ("--workdir file/below/it", ["file/below/it"]),
]

# Values of --set, and what the message must hold.
SETTINGS: list[tuple[str, list[str]]] = [
    ("batch", ["--set", "'batch'"]),
    ("=3", ["''"]),
    ("colour=red", ["'colour'", "learning_rate"]),
    ("name=x", ["'name'"]),
    ("preset=lenet", ["preset", "'lenet'", "small"]),
    ("preset=paper", ["paper", "227", "32"]),
    ("preset=owt", ["owt", "224", "32"]),
    ("init=lecun", ["preset", "'lecun'", "source2012"]),
    ("image_size=40", ["small", "40", "32"]),
    ("image_size=16", ["small", "16x16", "pool5"]),
    ("image_size=-1", ["image_size", "-1"]),
    ("accumulate=3", ["accumulate", "16", "3"]),
    ("accumulate=0", ["accumulate", "0"]),
    ("ema=1", ["ema", "1"]),
    ("data=cifar", ["data", "'cifar'", "digits"]),
    ("schedule=cosine", ["schedule", "'cosine'", "plateau"]),
    ("schedule=plateau", ["schedule", "plateau", "drop_epochs"]),
    ("mirror=maybe", ["mirror", "'maybe'"]),
    ("learning_rate=-0.1", ["learning_rate", "-0.1"]),
    ("learning_rate=nan", ["learning_rate", "nan"]),
    ("learning_rate=inf", ["learning_rate", "inf"]),
    ("learning_rate=fast", ["learning_rate", "'fast'"]),
    ("momentum=1", ["momentum", "1"]),
    ("momentum=nan", ["momentum", "nan"]),
    ("weight_decay=-1e-4", ["weight_decay", "-0.0001"]),
    ("colour_noise=-1", ["colour_noise", "-1"]),
    ("pixel_scale=0", ["pixel_scale", "0"]),
    ("patience=0", ["patience", "0"]),
    ("keep_checkpoints=0", ["keep_checkpoints", "0"]),
    ("evaluate_every=0", ["evaluate_every", "0"]),
    ("batch=0", ["batch", "got 0"]),
    ("batch=1438", ["batch", "1438", "1437"]),
    ("batch=16.0", ["batch", "'16.0'"]),
    ("drop_epochs=27,20", ["drop_epochs", "27", "20"]),
    ("drop_epochs=20,20", ["drop_epochs", "20"]),
    ("drop_epochs=0,20", ["drop_epochs", "0"]),
    ("drop_epochs=nan", ["drop_epochs", "nan"]),
    ("drop_epochs=20,nan", ["drop_epochs", "nan"]),
    ("drop_epochs=20,inf", ["drop_epochs", "inf"]),
    ("drop_epochs=soon", ["drop_epochs", "'soon'"]),
    ("drop_epochs=", ["drop_epochs"]),
    ("freeze=conv9,pool1", ["freeze", "conv9, pool1", "fc8"]),
    ("freeze=conv1,conv2,conv3,conv4,conv5,fc6,fc7,fc8", ["freeze", "no layer"]),
    ("layer_rates=fc9:10", ["layer_rates", "fc9", "fc8"]),
    ("layer_rates=fc8", ["layer_rates", "LAYER:RATE", "'fc8'"]),
    ("layer_rates=fc8:-1", ["layer_rates", "-1", "fc8"]),
    ("classifier=old", ["classifier", "'old'", "copied"]),
    ("start_from=run", ["run", "checkpoints"]),
    ("layers.conv9.maps=4", ["conv9"]),
    ("layers.conv1.colour=4", ["conv1", "colour", "maps"]),
    ("layers.conv1.name=zzz", ["conv1", "name"]),
    ("layers.conv1=4", ["'layers.conv1'"]),
    ("layers.conv1.maps=wide", ["conv1", "maps", "'wide'"]),
    ("layers.conv1.maps=2.0", ["conv1", "maps", "2.0"]),
    ("layers.conv1.maps=5", ["conv1", "5 maps", "2 towers"]),
    ("layers.fc6.maps=255", ["fc6", "255 maps", "2 towers"]),
    ("layers.fc8.maps=11", ["10"]),
    ("layers.conv1.maps=0", ["conv1", "0 maps"]),
    ("layers.conv1.kernel=40", ["conv1", "40x40", "28x28"]),
    ("layers.conv1.stride=0", ["conv1", "stride 0"]),
    ("layers.conv2.padding=-1", ["conv2", "padding -1"]),
    ("layers.conv2.groups=3", ["conv2", "groups", "3"]),
    ("layers.conv1.activation=gelu", ["conv1", "'gelu'", "relu"]),
    ("layers.conv1.std=0", ["conv1", "std", "0"]),
    ("layers.conv1.std=nan", ["conv1", "std", "nan"]),
    ("layers.conv1.std=inf", ["conv1", "std", "inf"]),
    ("layers.conv1.bias=nan", ["conv1", "bias", "nan"]),
    ("layers.pool1.size=0", ["pool1", "window 0"]),
    ("layers.dropout6.keep=0", ["dropout6", "keep", "got 0"]),
    ("layers.dropout6.keep=1.5", ["dropout6", "keep", "1.5"]),
    ("layers.dropout6.keep=nan", ["dropout6", "keep", "nan"]),
    ("layers.lrn1.n=0", ["lrn1", "n=0"]),
    ("layers.lrn1.k=-1", ["lrn1", "k=-1"]),
    ("layers.lrn1.k=inf", ["lrn1", "k", "inf"]),
    ("layers.lrn1.alpha=nan", ["lrn1", "alpha", "nan"]),
    ("layers.lrn1.alpha=-1", ["lrn1", "alpha", "-1"]),
    ("layers.lrn1.beta=nan", ["lrn1", "beta", "nan"]),
]

# Files given as CONFIG, my.py: their text, and what the message must hold.
RECIPE = "from alexnet_jax.recipe import TrainConfig\nCONFIG = TrainConfig("
CONFIGS: dict[str, tuple[bytes, list[str]]] = {
    "no Python": (b"def (", ["my.py", "Python"]),
    "no text": (b"CONFIG = '\xe9'", ["my.py", "Python"]),
    "a null byte": (b"x = 1\0", ["my.py"]),
    "empty": (b"", ["my.py", "CONFIG"]),
    "another CONFIG": (b"CONFIG = 3", ["my.py", "CONFIG", "TrainConfig"]),
    "raises": (b"CONFIG = 1 / 0", ["my.py", "division by zero"]),
    "imports": (b"import no_such_module", ["my.py", "no_such_module"]),
    "wrong type": (f"{RECIPE}name='a', data='digits', steps='6')".encode(), ["my.py"]),
    "missing value": (f"{RECIPE}name='a', data='digits')".encode(), ["my.py", "steps"]),
    "wrong value": (f"{RECIPE}name='a', data='digits', steps=0)".encode(), ["steps", "0"]),
    "exits": (b"raise SystemExit(0)", ["my.py"]),
}

# Other command lines, "run" being a directory without a run and "file" a file.
COMMANDS: list[tuple[str, list[str]]] = [
    ("train", ["CONFIG"]),
    ("train mnist", ["'mnist'", "digits"]),
    ("train missing.py", ["missing.py"]),
    ("train file", ["file"]),
    ("train run", ["run"]),
    ("summary lenet", ["'lenet'", "paper"]),
    ("summary small extra", ["extra"]),
    ("summary --image-size 40", ["40x40", "pool5"]),
    ("summary --image-size 0", ["image_size", "0"]),
    ("summary --image-size=-5", ["image_size", "-5"]),
    ("summary --image-size big", ["--image-size", "'big'"]),
    ("summary --classes 0", ["classes", "0"]),
    ("summary --channels 0", ["channels", "0"]),
    ("summary owt --image-size 30", ["30x30", "pool"]),
    ("baseline cifar", ["data", "'cifar'", "photos"]),
    ("summary --frobnicate", ["--frobnicate"]),
    ("evaluate", ["WORKDIR"]),
    ("evaluate run --batch 0", ["batch", "0"]),
    ("evaluate run --batch -4", ["batch", "-4"]),
    ("evaluate run --batch many", ["batch", "'many'"]),
    ("evaluate run --frobnicate", ["--frobnicate"]),
    ("evaluate run", ["run", "checkpoints"]),
    ("predict", ["WORKDIR"]),
    ("predict run", ["picture"]),
    ("predict run --json", ["picture"]),
    ("predict run seven.png", ["run", "checkpoints"]),
    ("predict run seven.png --frobnicate", ["--frobnicate"]),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a file and a directory that is no run's."""
    (tmp_path / "run").mkdir()
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_refused_in(place: Path, script: str, *arguments: Any, parts: list[str]) -> None:
    before = contents(place)
    result = call(script, *arguments)
    assert_refused(result, *parts)
    assert "Traceback" not in result.err
    assert contents(place) == before


@pytest.mark.parametrize(("options", "parts"), OPTIONS, ids=[line for line, _ in OPTIONS])
def test_options_of_train(place: Path, options: str, parts: list[str]) -> None:
    """Should one be accepted, a step of a narrow network shows it."""
    arguments = (*options.split(), "--set", "steps=1", *NARROW)
    assert_refused_in(place, "train", "digits", *arguments, parts=parts)


@pytest.mark.parametrize(("setting", "parts"), SETTINGS, ids=[text for text, _ in SETTINGS])
def test_settings_of_train(place: Path, setting: str, parts: list[str]) -> None:
    arguments = ("--steps", 1, "--set", *NARROW, setting)
    assert_refused_in(place, "train", "digits", *arguments, parts=parts)


@pytest.mark.parametrize(("text", "parts"), CONFIGS.values(), ids=CONFIGS)
def test_configs_of_train(place: Path, text: bytes, parts: list[str]) -> None:
    (place / "my.py").write_bytes(text)
    assert_refused_in(place, "train", "my.py", parts=parts)


@pytest.mark.parametrize(("command", "parts"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_commands(place: Path, command: str, parts: list[str]) -> None:
    assert_refused_in(place, *command.split(), parts=parts)


@pytest.mark.parametrize("columns", ["40", "200"])
def test_what_is_wrong_is_shown_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """However narrow the terminal and however long the word."""
    monkeypatch.setenv("COLUMNS", columns)
    option = "--an-option-that-is-longer-than-any-terminal-is-wide-" + "x" * 100
    assert_refused_in(place, "train", "digits", option, parts=[option])
    assert_refused_in(place, "train", "digits", "--stepz", "6", parts=["--stepz", "--steps"])
