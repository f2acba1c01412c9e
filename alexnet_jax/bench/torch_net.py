"""Implementation of the network in plain torch.nn, for comparisons of speed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from alexnet_jax.network import (
    LRN,
    Architecture,
    AveragePool,
    Conv,
    Dense,
    Dropout,
    Local,
    MapNorm,
    MaxPool,
    Placed,
    Pool,
    Weighted,
)


class TorchNet(nn.Module):
    """Layers of an architecture as a sequence of torch.nn modules.

    Images are [B, C, H, W] in both layouts, which differ in memory only. Modules here supply what
    torch.nn lacks: normalization within towers or within maps, and windows that extend beyond the
    edge of the padded image.

    Args:
      architecture: the network.
      lrn: "library" for `nn.LocalResponseNorm`, "sums" for shifted sums of squares.
    """

    def __init__(self, architecture: Architecture, lrn: str = "library") -> None:
        super().__init__()
        self.architecture = architecture
        layers: list[tuple[str, nn.Module]] = []
        for placed in architecture.placed():
            layers += _modules(architecture, placed, lrn)
        self.layers = nn.Sequential()
        for name, module in layers:
            self.layers.add_module(name, module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)

    def load(self, params: Any) -> None:
        """Copy parameters of the JAX network into this one, for test mode.

        In test mode a dropout that is not inverted multiplies by `keep`, but `nn.Dropout` does not:
        the kernel of the next layer is multiplied by `keep` instead.
        """
        keep = 1.0
        for placed in self.architecture.placed():
            layer, name = placed.layer, placed.layer.name
            if isinstance(layer, Dropout) and not layer.inverted:
                keep = layer.keep
            if isinstance(layer, Weighted):
                module: Any = self.layers.get_submodule(name)
                kernel = keep * np.asarray(params[name]["kernel"])
                with torch.no_grad():
                    module.weight.copy_(torch.from_numpy(_weight(kernel, placed)))
                    bias = np.asarray(params[name]["bias"])
                    module.bias.copy_(torch.from_numpy(np.array(np.moveaxis(bias, -1, 0))))
                keep = 1.0


def _weight(kernel: np.ndarray, placed: Placed) -> np.ndarray:
    """Transpose HWIO to OIHW, and (in, out) to (out, in) with `in` in torch's order C, H, W.

    The kernel of a locally connected layer becomes [H' W', M, C K K].
    """
    if kernel.ndim == 6:
        rows, columns, *_, maps = kernel.shape
        return np.ascontiguousarray(
            kernel.transpose(0, 1, 5, 4, 2, 3).reshape((rows * columns, maps, -1))
        )
    if kernel.ndim == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if len(placed.input) == 3:
        kernel = kernel.reshape((*placed.input, -1)).transpose(2, 0, 1, 3)
    return np.ascontiguousarray(kernel.reshape((-1, kernel.shape[-1])).T)


def _modules(architecture: Architecture, placed: Placed, lrn: str) -> list[tuple[str, nn.Module]]:
    """Return the named modules that compute one layer."""
    layer, name = placed.layer, placed.layer.name
    modules: list[tuple[str, nn.Module]] = []
    match layer:
        case Conv(kernel=kernel, stride=stride, padding=padding, groups=groups):
            rows, columns = (
                max(0, (outputs - 1) * stride + kernel - side - 2 * padding)
                for outputs, side in zip(placed.output[:2], placed.input[:2], strict=True)
            )
            if rows or columns:
                modules.append((f"{name}_overhang", nn.ZeroPad2d((0, columns, 0, rows))))
            sizes = (placed.input[-1], layer.maps, kernel, stride, padding, 1, groups)
            modules.append((name, nn.Conv2d(*sizes)))
        case Dense(units=units):
            if len(placed.input) == 3:
                modules.append((f"{name}_flat", nn.Flatten()))
            modules.append((name, nn.Linear(int(np.prod(placed.input)), units)))
        case LRN():
            towers = architecture.towers if layer.within_tower else 1
            modules.append((name, _Norm(layer, towers, lrn)))
        case MapNorm():
            modules.append((name, _MapNorm(layer)))
        case Local():
            modules.append((name, _Local(layer, placed)))
        case MaxPool(size=size, stride=stride, overhang=overhang):
            modules.append((name, nn.MaxPool2d(size, stride, ceil_mode=overhang)))
        case AveragePool(size=size, stride=stride, overhang=overhang):
            pool = nn.AvgPool2d(size, stride, ceil_mode=overhang, count_include_pad=False)
            modules.append((name, pool))
        case Dropout(keep=keep):
            modules.append((name, nn.Dropout(1 - keep)))
    if isinstance(layer, Weighted | Pool) and layer.activation == "relu":
        modules.append((f"{name}_relu", nn.ReLU(inplace=True)))
    return modules


class _Local(nn.Module):
    """Locally connected layer: a kernel and biases of its own at each place."""

    def __init__(self, layer: Local, placed: Placed) -> None:
        super().__init__()
        self._layer, (rows, columns, maps) = layer, placed.output
        self.weight = nn.Parameter(torch.empty(rows * columns, maps, placed.fan_in))
        self.bias = nn.Parameter(torch.zeros(maps, rows, columns))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layer = self._layer
        patches = F.unfold(x, layer.kernel, padding=layer.padding, stride=layer.stride)
        y = torch.einsum("bip,poi->bop", patches, self.weight)
        return y.reshape(len(x), *self.bias.shape) + self.bias


class _Norm(nn.Module):
    """Local response normalization across the maps of each tower."""

    def __init__(self, layer: LRN, towers: int, form: str) -> None:
        super().__init__()
        self._layer, self._towers, self._form = layer, towers, form
        # nn.LocalResponseNorm divides alpha by n.
        constants = (layer.n, layer.alpha * layer.n, layer.beta, layer.k)
        self._library = nn.LocalResponseNorm(*constants)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        norm = self._library if self._form == "library" else self._sums
        if self._towers == 1:
            return norm(x)
        return torch.cat([norm(part) for part in x.chunk(self._towers, 1)], 1)

    def _sums(self, x: torch.Tensor) -> torch.Tensor:
        layer, maps = self._layer, x.shape[1]
        padded = F.pad(x * x, (0, 0, 0, 0, layer.n // 2, (layer.n - 1) // 2))
        total = padded[:, :maps]
        for shift in range(1, layer.n):
            total = total + padded[:, shift : shift + maps]
        scale = total * layer.alpha + layer.k
        if layer.beta == 0.75:
            root = torch.rsqrt(scale)
            return x * root * torch.sqrt(root)
        return x * scale**-layer.beta


class _MapNorm(nn.Module):
    """Normalization within each map, over size x size positions, clipped at the edges."""

    def __init__(self, layer: MapNorm) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layer = self._layer
        mean = F.avg_pool2d(x * x, layer.size, 1, layer.size // 2, count_include_pad=True)
        return x * (layer.k + layer.alpha * layer.size**2 * mean) ** -layer.beta
