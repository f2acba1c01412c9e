"""Files that training programs of others write around the tensors of torchvision's network."""

from __future__ import annotations

import argparse
import collections
import functools
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.torch_bytes import Tensor, pickled, torch_zip
from helpers.weight_files import NAMED, OWT, widths
from safetensors.numpy import save_file

from alexnet_jax import InputError, weights

Names = Callable[[str], str]


def tensors(rename: Names = str) -> dict[str, Any]:
    return {rename(name): Tensor(str(n), x) for n, (name, x) in enumerate(NAMED.items())}


def load(path: Path, kind: str = "torchvision") -> weights.Weights:
    return weights.load(kind, path, layers=widths(OWT))


def assert_same(found: weights.Weights) -> None:
    """The biases and conv3's kernel, by which the tensors are known."""
    for layer, name in (("conv1", "features.0"), ("fc6", "classifier.1"), ("fc8", "classifier.6")):
        np.testing.assert_array_equal(found.params[layer]["bias"], NAMED[f"{name}.bias"])
    kernel = NAMED["features.6.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found.params["conv3"]["kernel"], kernel)


@pytest.mark.parametrize(
    "place",
    [
        ("state_dict",),
        ("model_state_dict",),
        ("model",),
        ("net",),
        ("model", "state_dict"),
        ("weights_ema",),
        ("model", "averages"),
    ],
)
def test_places_in_a_checkpoint(tmp_path: Path, place: tuple[str, ...]) -> None:
    """Beside what training programs keep: settings, scalars of NumPy, paths, sets, objects."""
    content: Any = tensors()
    for name in reversed(place):
        content = {
            "epoch": 3,
            "args": argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("runs"), model="owt"),
            "best": np.float64(56.5),
            "seen": {1, 2},
            "counts": collections.Counter("ab"),
            "history": collections.defaultdict(list, loss=[np.float32(1)]),
            name: content,
            "scheduler": Object(last_epoch=3),
        }
    assert_same(load(torch_zip(tmp_path / "a.pth", NAMED, content=pickled(content))))


class Object:
    """Pickled by its name and its attributes, as an object of any class is."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def module(**modules: Any) -> Object:
    """An object with the attributes of a module of PyTorch."""
    own = {name: x for name, x in modules.items() if isinstance(x, Tensor)}
    return Object(
        training=True,
        _parameters=own,
        _buffers={},
        _modules={n: m for n, m in modules.items() if n not in own},
    )


def nested(make: Callable[..., Object], named: dict[str, Any]) -> Object:
    """A tree of modules with the tensors of a state dict."""
    groups: dict[str, Any] = {}
    for name, x in named.items():
        first, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(first, {})[rest] = x
        else:
            groups[first] = x
    return make(**{n: nested(make, x) if isinstance(x, dict) else x for n, x in groups.items()})


def test_two_dictionaries_of_other_names_are_not_chosen_from(tmp_path: Path) -> None:
    content = {"student": tensors(), "teacher": tensors(), "epoch": 1}
    with pytest.raises(InputError, match="'student' is no tensor; of a checkpoint, the entries"):
        load(torch_zip(tmp_path / "a.pth", NAMED, content=pickled(content)))


def test_an_averaged_model(tmp_path: Path) -> None:
    """As torch.optim.swa_utils keeps it: a counter beside the tensors of a wrapped module."""
    content = tensors(lambda name: f"module.{name}")
    content["n_averaged"] = content["module.features.0.bias"]
    assert_same(load(torch_zip(tmp_path / "a.pth", NAMED, content=pickled(content))))


@pytest.mark.parametrize("make", [module, Object])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"epoch": 1, "model": x}])
def test_whole_modules(tmp_path: Path, make: Any, wrap: Any) -> None:
    """Of PyTorch, with tables of parameters and modules, and of TorchScript, with attributes; no
    class of them is needed."""
    content = pickled(wrap(nested(make, tensors(lambda name: f"module.{name}"))))
    assert b"test_weights_checkpoints" in content
    content = content.replace(b"test_weights_checkpoints", b"no_such_module")
    assert_same(load(torch_zip(tmp_path / "a.pth", NAMED, content=content)))


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: f"model.{name}",
        lambda name: f"net.backbone.{name}",
        lambda name: f"model._orig_mod.{name}",
        lambda name: name.replace("classifier.6.", "classifier.6.0."),
        lambda name: f"module.{name}".replace("classifier.6.", "classifier.6.1."),
    ],
)
@pytest.mark.parametrize("kind", ["torchvision", "safetensors"])
def test_names_that_programs_add_to(tmp_path: Path, rename: Names, kind: str) -> None:
    """A prefix of all names, wrappers, and a classifier of one linear layer in a Sequential."""
    path = tmp_path / "a"
    if kind == "safetensors":
        save_file({rename(name): value for name, value in NAMED.items()}, path)
    else:
        torch_zip(path, NAMED, content=pickled({"state_dict": tensors(rename)}))
    assert_same(load(path, kind))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ema.features.0.weight": 0}, "array features.0.weight is missing"),
        ({"criterion.weight": 0}, "found criterion.weight, model.classifier.1.bias"),
    ],
)
def test_a_prefix_that_not_all_names_have(tmp_path: Path, more: dict[str, int], said: str) -> None:
    """It stays: which of the tensors are the network's is not guessed."""
    content = tensors(lambda name: f"model.{name}")
    content |= dict.fromkeys(more, content["model.features.0.weight"])
    with pytest.raises(InputError, match=said):
        load(torch_zip(tmp_path / "a.pth", NAMED, content=pickled({"state_dict": content})))


def test_a_head_of_two_layers_is_another_network(tmp_path: Path) -> None:
    content = tensors(lambda name: name.replace("classifier.6.", "classifier.6.0."))
    content |= {"classifier.6.3.bias": content["classifier.6.0.bias"]}
    with pytest.raises(InputError, match=r"array classifier\.6\.weight is missing"):
        load(torch_zip(tmp_path / "a.pth", NAMED, content=pickled(content)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"state_dict": {}, "criterion": functools.partial(max)},
            'a checkpoint; if you trust it, this makes a state dict of it: python -c "import torch;'
            " torch.save(torch.load('a.pth', weights_only=False)['state_dict'],"
            " 'a_state_dict.pth')\"",
        ),
        (
            {"hook": functools.partial(max), "kind": "torch.nn.modules.linear"},
            'a whole module; if you trust it, this makes a state dict of it: python -c "import '
            "torch; torch.save(torch.load('a.pth', weights_only=False).state_dict(),"
            " 'a_state_dict.pth')\"",
        ),
        (
            {"hook": functools.partial(max)},
            "no state dict, which torch.load(..., weights_only=True) takes: "
            "torch.save(model.state_dict(), 'a_state_dict.pth')",
        ),
    ],
)
def test_what_is_not_read_comes_with_the_command_that_mends_it(
    tmp_path: Path, content: Any, said: str
) -> None:
    path = torch_zip(tmp_path / "a.pth", NAMED, content=pickled(content))
    with pytest.raises(InputError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: the pickle calls functools.partial; nothing was executed. The file is {said}"
    )
