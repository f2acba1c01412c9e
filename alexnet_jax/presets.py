"""The networks by name, as data. Every number says where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from alexnet_jax.config import LRN, Architecture, Conv, Dense, Dropout, Layer, MaxPool
from alexnet_jax.errors import InputError


def paper(*, image_size: int = 227, channels: int = 3, classes: int = 1000) -> Architecture:
    """The network as the paper and the reference text print it.

    Widths, kernels, groups: paper section 3.5, figure 2, with the reference text's 227 pixels.
    ReLU before normalization (3.3: "after applying the ReLU nonlinearity in certain layers");
    k, n, alpha, beta: 3.3; pooling 3/2: 3.4; initial values (standard deviation .01, bias 1 in
    conv2, conv4, conv5 and the dense hidden layers, else 0): section 5; dropout 4.2.
    """
    return Architecture(
        name="paper",
        image_size=image_size,
        channels=channels,
        classes=classes,
        layers=(
            Conv("conv1", 96, kernel=11, stride=4),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=1.0),
            LRN("lrn2"),
            MaxPool("pool2"),
            Conv("conv3", 384, kernel=3, padding=1),
            Conv("conv4", 384, kernel=3, padding=1, groups=2, bias=1.0),
            Conv("conv5", 256, kernel=3, padding=1, groups=2, bias=1.0),
            MaxPool("pool5"),
            Dense("fc6", 4096, bias=1.0),
            Dropout("dropout6"),
            Dense("fc7", 4096, bias=1.0),
            Dropout("dropout7"),
            Dense("fc8", classes, activation="linear"),
        ),
    )


def small(*, image_size: int = 28, channels: int = 1, classes: int = 10) -> Architecture:
    """The same topology, narrow, for images of about 28 pixels: two towers, both LRNs,
    overlapping pools, groups and dropout.

    Our own widths. conv1 is 5x5 with stride 1, since small images have no detail to step over.
    Initial values have the standard deviation sqrt(2 / fan-in) (He et al. 2015) and zero biases:
    the paper's .01 leaves layers this narrow blind to their input.
    """
    return Architecture(
        name="small",
        image_size=image_size,
        channels=channels,
        classes=classes,
        layers=(
            Conv("conv1", 32, kernel=5, std=None),
            LRN("lrn1"),
            MaxPool("pool1"),
            Conv("conv2", 64, kernel=5, padding=2, groups=2, std=None),
            LRN("lrn2"),
            MaxPool("pool2"),
            Conv("conv3", 96, kernel=3, padding=1, std=None),
            Conv("conv4", 96, kernel=3, padding=1, groups=2, std=None),
            Conv("conv5", 64, kernel=3, padding=1, groups=2, std=None),
            MaxPool("pool5"),
            Dense("fc6", 256, std=None),
            Dropout("dropout6"),
            Dense("fc7", 256, std=None),
            Dropout("dropout7"),
            Dense("fc8", classes, activation="linear", std=None),
        ),
    )


_PRESETS: dict[str, Callable[..., Architecture]] = {"paper": paper, "small": small}


def list_presets() -> tuple[str, ...]:
    """Names that `architecture` takes."""
    return tuple(_PRESETS)


def architecture(
    preset: str = "paper",
    *,
    image_size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    layers: dict[str, dict[str, object]] | None = None,
) -> Architecture:
    """A network by name, changed as asked; what is None keeps the preset's value.

    Args:
      preset: one of `list_presets()`.
      image_size: side of the square input, in pixels.
      channels: channels of the input.
      classes: outputs of the last layer.
      layers: changes by layer name, such as {"conv1": {"maps": 64}, "dropout6": {"keep": 0.8}}.

    Raises:
      InputError: an unknown preset, layer or field; sizes that the layers cannot take.
    """
    if preset not in _PRESETS:
        raise InputError(f"unknown preset {preset!r}; there are {', '.join(_PRESETS)}")
    asked = {"image_size": image_size, "channels": channels, "classes": classes}
    found = _PRESETS[preset](**{name: value for name, value in asked.items() if value is not None})
    if not layers:
        return found
    changed = tuple(_changed(layer, layers.get(layer.name, {})) for layer in found.layers)
    unknown = set(layers) - {layer.name for layer in found.layers}
    if unknown:
        raise InputError(f"preset {preset} has no layer {', '.join(sorted(unknown))}")
    return dataclasses.replace(found, layers=changed)


def _changed(layer: Layer, changes: dict[str, object]) -> Layer:
    fields = {field.name for field in dataclasses.fields(layer)}
    unknown = set(changes) - fields
    if unknown:
        raise InputError(
            f"{layer.name} has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(fields))}"
        )
    for name, value in changes.items():
        kinds = _kinds(getattr(layer, name), name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise InputError(f"{layer.name}.{name} must be {wanted}, got {value!r}")
    return dataclasses.replace(layer, **changes)  # type: ignore[arg-type]


def _kinds(value: object, name: str) -> tuple[type, ...]:
    """Types that may stand in for a layer's value."""
    if isinstance(value, float) or name == "std":
        return (int, float)
    return (type(value),)
