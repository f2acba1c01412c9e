"""Files of torch.save against PyTorch itself, with torchvision's network."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.weight_files import (
    LAYERS,
    NAMED,
    OWT,
    TORCH_NAMES,
    assert_same,
    our_activations,
    stored,
    torchvision_input,
    widths,
)

from alexnet_jax import InputError, weights

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make torch` does it")
F = torch.nn.functional


def load(path: Path) -> Any:
    return weights.load("torchvision", path, layers=widths(OWT))


@pytest.fixture(scope="module")
def net() -> Any:
    """torchvision's alexnet, narrow: its module tree, so that its names are PyTorch's own."""
    n, w = torch.nn, OWT
    features = [n.Conv2d(3, w["conv1"], 11, 4, 2), n.ReLU(), n.MaxPool2d(3, 2)]
    features += [n.Conv2d(w["conv1"], w["conv2"], 5, padding=2), n.ReLU(), n.MaxPool2d(3, 2)]
    for below, layer in (("conv2", "conv3"), ("conv3", "conv4"), ("conv4", "conv5")):
        features += [n.Conv2d(w[below], w[layer], 3, padding=1), n.ReLU()]
    features.append(n.MaxPool2d(3, 2))
    classifier = [n.Dropout(), n.Linear(w["conv5"] * 36, w["fc6"]), n.ReLU(), n.Dropout()]
    classifier += [n.Linear(w["fc6"], w["fc7"]), n.ReLU(), n.Linear(w["fc7"], 7)]
    tree = n.ModuleDict({"features": n.Sequential(*features), "avgpool": n.AdaptiveAvgPool2d(6),
                         "classifier": n.Sequential(*classifier)})  # fmt: skip
    named = NAMED
    tree.load_state_dict({name: torch.from_numpy(value) for name, value in named.items()})
    return tree.eval()


def activations(net: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """By our names: the outputs of the modules that our table also names."""
    x, found = torch.from_numpy(images), {}
    features = {1: "conv1", 2: "pool1", 4: "conv2", 5: "pool2", 7: "conv3", 9: "conv4",
                11: "conv5", 12: "pool5"}  # fmt: skip
    classifier = {2: "fc6", 5: "fc7", 6: "logits"}
    with torch.no_grad():
        for number, module in enumerate(net["features"]):
            x = module(x)
            if number in features:
                found[features[number]] = x.numpy()
        x = net["avgpool"](x).flatten(1)
        for number, module in enumerate(net["classifier"]):
            x = module(x)
            if number in classifier:
                found[classifier[number]] = x.numpy()
    return found


def assert_these(found: Any, named: dict[str, np.ndarray], exact: bool = True) -> None:
    """The parameters are those of a state dict, whichever way the file held them."""
    for ours, theirs in zip(LAYERS, TORCH_NAMES, strict=True):
        kernel, bias = named[f"{theirs}.weight"], named[f"{theirs}.bias"]
        value = found.params[ours]["kernel"]
        if ours == "fc6":
            back = value.reshape(6, 6, OWT["conv5"], -1).transpose(3, 2, 0, 1)
            value = back.reshape(kernel.shape).T
        kernel = kernel.transpose(2, 3, 1, 0) if kernel.ndim == 4 else kernel.T
        np.testing.assert_array_equal(value, kernel)
        np.testing.assert_array_equal(found.params[ours]["bias"], bias)


@pytest.mark.parametrize("zipped", [True, False])
def test_every_layer_is_pytorchs(tmp_path: Path, net: Any, zipped: bool) -> None:
    path = tmp_path / "alexnet.pth"
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=zipped)
    found = load(path)
    assert (found.architecture.name, found.stored_size) == ("owt", 256)
    images = stored(256, "short_bilinear")
    assert_same(our_activations(found, images), activations(net, torchvision_input(images)))
    assert_these(found, NAMED)


def test_checkpoints_of_training_scripts(tmp_path: Path, net: Any) -> None:
    """{"state_dict"}, the names of DataParallel, tensors as Parameters, optimizer and all."""
    state = {f"module.{name}": value for name, value in net.named_parameters()}
    momentum = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9).state_dict()
    checkpoint = {"epoch": 90, "arch": "alexnet", "state_dict": state, "optimizer": momentum,
                  "best_acc1": 56.5, "args": None}  # fmt: skip
    torch.save(checkpoint, tmp_path / "a.pth")
    assert_these(load(tmp_path / "a.pth"), NAMED)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_become_float32(tmp_path: Path, net: Any, dtype: str) -> None:
    state = {name: value.to(getattr(torch, dtype)) for name, value in net.state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    named = {name: value.to(torch.float32).numpy() for name, value in state.items()}
    found = load(tmp_path / "a.pth")
    assert found.params["fc8"]["bias"].dtype == np.float32
    assert_these(found, named)


@pytest.mark.parametrize("zipped", [True, False])
def test_views_of_shared_storage(tmp_path: Path, net: Any, zipped: bool) -> None:
    """Tensors that lie transposed, or as parts of one storage."""
    state = dict(net.state_dict())
    state["classifier.4.weight"] = state["classifier.4.weight"].T.contiguous().T
    joined = torch.cat([state["classifier.6.bias"], state["classifier.4.bias"]])
    state["classifier.6.bias"], state["classifier.4.bias"] = joined[:7], joined[7:]
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert_these(load(tmp_path / "a.pth"), NAMED)


class Module(torch.nn.Module):
    """The network with torchvision's names, in a class of these tests."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.features, self.classifier = net["features"], net["classifier"]
        self.avgpool = net["avgpool"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_whole_modules(tmp_path: Path, net: Any, wrapped: bool, zipped: bool) -> None:
    """The tensors of a module are read without its class, also one in DataParallel."""
    module = torch.nn.DataParallel(Module(net)) if wrapped else Module(net)
    with warnings.catch_warnings():  # PyTorch looks for the source of every class
        warnings.simplefilter("ignore", UserWarning)
        torch.save(module, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert_these(load(tmp_path / "a.pth"), NAMED)


@pytest.mark.parametrize("traced", [True, False])
def test_torchscript(tmp_path: Path, net: Any, traced: bool) -> None:
    with warnings.catch_warnings():  # PyTorch's, of TorchScript
        warnings.simplefilter("ignore", DeprecationWarning)
        module = Module(net).eval()
        example = torch.zeros(1, 3, 224, 224)
        script = torch.jit.trace(module, example) if traced else torch.jit.script(module)
        script.save(tmp_path / "a.pt")
    assert_these(load(tmp_path / "a.pt"), NAMED)


def test_checkpoints_of_torchvisions_training(tmp_path: Path, net: Any) -> None:
    """With argparse's settings, a scheduler, a scaler, and an average of the weights beside."""
    import argparse

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
    torch.save(
        {
            "model": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "lr_scheduler": scheduler.state_dict(),
            "epoch": 89,
            "args": argparse.Namespace(model="alexnet", lr=0.01, device=torch.device("cpu")),
            "model_ema": torch.optim.swa_utils.AveragedModel(net).state_dict(),
            "acc1": np.float64(56.5),
        },
        tmp_path / "a.pth",
    )
    assert_these(load(tmp_path / "a.pth"), NAMED)


def test_the_command_for_what_is_not_read(tmp_path: Path, net: Any) -> None:
    """It makes a file that is read."""
    import functools
    import subprocess
    import sys

    content = {"state_dict": net.state_dict(), "loss": functools.partial(max)}
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"the pickle calls functools\.partial") as caught:
        load(tmp_path / "a.pth")
    command = str(caught.value).partition('python -c "')[2].removesuffix('"')
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True)
    assert_these(load(tmp_path / "a_state_dict.pth"), NAMED)


def test_integers_are_refused(tmp_path: Path, net: Any) -> None:
    state = dict(net.state_dict()) | {"classifier.6.bias": torch.arange(7)}
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"classifier\.6\.bias should be floating.*int64"):
        load(tmp_path / "a.pth")


def test_an_export_to_onnx(tmp_path: Path, net: Any) -> None:
    path, images = tmp_path / "a.onnx", torchvision_input(stored(256, "short_bilinear"))
    with warnings.catch_warnings():  # PyTorch's, of its own exporter
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(Module(net).eval(), (torch.from_numpy(images),), path, dynamo=False)
    found = weights.load("onnx", path, layers=widths(OWT))
    assert (found.architecture.name, found.stored_size) == ("owt", 256)
    assert_these(found, NAMED)
    assert found.config.channel_std == (0.229, 0.224, 0.225)


def test_pictures_are_resized_as_torchvision_does(tmp_path: Path) -> None:
    """Against PyTorch's own antialiased bilinear interpolation, which works on floats."""
    from PIL import Image

    from alexnet_jax.data.images import as_stored

    pixels = stored(256)[0][:, :201].repeat(2, 0)  # 512 x 201
    found = as_stored(Image.fromarray(pixels), 96, 3, "short_bilinear")
    tensor = torch.from_numpy(pixels.astype(np.float32).transpose(2, 0, 1).copy())[None]
    size = (int(96 * 512 / 201), 96)
    full = F.interpolate(tensor, size, mode="bilinear", antialias=True)[0].numpy()
    top = round((size[0] - 96) / 2)
    expected = full[:, top : top + 96].transpose(1, 2, 0)
    assert np.abs(found - expected).max() <= 1.01
    assert np.abs(found - expected).mean() < 0.3
