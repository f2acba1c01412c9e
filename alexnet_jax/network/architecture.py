"""Network as frozen data: a table of layers in the order in which they are computed.

This module creates no arrays and does not import jax. The numbers of the presets and their sources
are in `tables.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args  # noqa: TID251 (values of JSON, which `from_json` checks)

from alexnet_jax.errors import InputError, choices
from alexnet_jax.network.layers import (
    PLAIN_BIASES,
    PLAIN_VIEWS,
    BiasRule,
    Dense,
    Dropout,
    Layer,
    ViewRule,
    with_units,
)
from alexnet_jax.network.shapes import Placed, Shape, place
from alexnet_jax.network.validation import check_layer, is_count, require_layers, require_types

_UNTIL, _HEAD = " until ", " with another head"  # in the names of parts


@dataclass(frozen=True)
class Architecture:
    """Network: its input, its table of layers, and the rules for biases and views in training.

    `image_size` is the side of square images or (height, width), in pixels. The last layer is the
    classifier and has `classes` outputs; with `classes` None the network has no classifier, and the
    output of its last layer, of any kind, is what it computes.

    Raises:
      InputError: a value that is out of range or does not fit; one line names the layer and the
        value.
    """

    name: str
    image_size: int | tuple[int, int]
    channels: int
    classes: int | None
    layers: tuple[Layer, ...]
    towers: int = 2
    biases: BiasRule = PLAIN_BIASES
    views: ViewRule = PLAIN_VIEWS

    def __post_init__(self) -> None:
        # One form for each size, so that equal networks are equal; JSON has lists.
        size: object = self.image_size
        if isinstance(size, list | tuple) and len(size) == 2:
            object.__setattr__(self, "image_size", size[0] if size[0] == size[1] else tuple(size))
        try:
            self._require_valid()
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from None

    def __repr__(self) -> str:
        height, width, channels = self.input_shape
        classes = "no classifier" if self.classes is None else f"{self.classes} classes"
        return (
            f"Architecture({self.name!r}, {height}x{width}x{channels}, {len(self.layers)} layers, "
            f"{classes})"
        )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of an image: (height, width, channels)."""
        size = self.image_size
        height, width = (size, size) if isinstance(size, int) else size
        return (height, width, self.channels)

    @property
    def longer_side(self) -> int:
        """The larger of an image's height and width."""
        return max(self.input_shape[:2])

    @property
    def classifier(self) -> str | None:
        """Name of the last layer if it is the classifier, whose output is called "logits"."""
        return None if self.classes is None else self.layers[-1].name

    def require_classes(self, purpose: str) -> int:
        """Return `classes`; raise InputError, naming the purpose, if there is no classifier."""
        if self.classes is None:
            last = self.layers[-1]
            kind = [type(last).__name__, getattr(last, "activation", "")]
            raise InputError(
                f"{self.name} has no classifier, which {purpose} needs; its last layer is "
                f"{last.name} ({', '.join(filter(None, kind))})"
            )
        return self.classes

    def placed(self) -> Iterator[Placed]:
        """Yield the layers with their shapes."""
        return place(self.layers, self.input_shape)

    def outputs(self) -> dict[str, Shape]:
        """Return the shapes of what the layers compute, by the names of `activations`.

        These are the layers' own names, but for the classifier's, "logits".
        """
        shapes = {placed.layer.name: placed.output for placed in self.placed()}
        if self.classifier is not None:
            shapes["logits"] = shapes.pop(self.classifier)
        return shapes

    def until(self, layer: str, head: Iterable[Layer] = ()) -> Architecture:
        """Return the network up to and including a layer, with the layers of `head` behind it.

        A head that ends in a linear dense layer is the classifier, and its units are the classes.
        Without such a head the part has no classifier.

        Raises:
          InputError: no such layer; a head that does not fit.
        """
        name, layers, classes = cut(self, self.layers, layer, head)
        return dataclasses.replace(self, name=name, layers=layers, classes=classes)

    def to_json(self) -> dict[str, object]:
        """Return a description for JSON, from which `from_json` rebuilds an equal architecture."""
        layers = [{"kind": type(layer).__name__, **vars(layer)} for layer in self.layers]
        rules = {"biases": vars(self.biases), "views": vars(self.views)}
        return {**vars(self), "layers": layers, **rules}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Architecture:
        """Rebuild the architecture that `to_json` described; InputError for any other value."""
        described: Mapping[str, Any] = value
        try:
            layers = tuple(map(_layer_from_json, described["layers"]))
            # Older descriptions have no rule for views; the plain one applies.
            rules = {
                "biases": BiasRule(**described["biases"]),
                "views": ViewRule(**described.get("views", {})),
            }
            return cls(**{**described, "layers": layers, **rules})
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not a description of a network: {error}") from error

    def _require_valid(self) -> None:
        """Raise InputError, without the network's name, for values that do not fit."""
        size = self.image_size
        if not all(map(is_count, size if isinstance(size, tuple) and len(size) == 2 else (size,))):
            raise InputError(f"image_size must be whole numbers > 0, N or (H, W), got {size!r}")
        for field in ("channels", "towers", *(() if self.classes is None else ("classes",))):
            if not is_count(value := getattr(self, field)):
                raise InputError(f"{field} must be a whole number > 0, got {value!r}")
        for rule in (self.biases, self.views):
            require_types(type(rule).__name__, rule)
        if self.views.share < 1:
            raise InputError(f"share must be at least 1, got {self.views.share}")
        require_layers(self.layers)
        last = self.layers[-1]
        if self.classes is not None and not (
            isinstance(last, Dense) and last.units == self.classes
        ):
            raise InputError(f"the last layer must be dense with {self.classes} units")
        end = max(
            i for i, layer in enumerate(self.layers) if i == 0 or not isinstance(layer, Dropout)
        )
        for index, placed in enumerate(self.placed()):
            check_layer(placed, self.towers, last=index == end)


def cut(
    network: Architecture, table: tuple[Layer, ...], layer: str, head: Iterable[Layer]
) -> tuple[str, tuple[Layer, ...], int | None]:
    """Return name, layers and classes of a part of a network whose layers may have been changed.

    The shapes are not checked.
    """
    if isinstance(head, Layer):
        raise InputError(f"head takes a list of layers, got {head!r}")
    names, head = [layer.name for layer in table], tuple(head)
    if layer not in names:
        raise InputError(f"{network.name} has no layer {layer!r}; {choices(layer, names)}")
    layers = (*table[: names.index(layer) + 1], *head)
    base = network.name.split(_UNTIL)[0].removesuffix(_HEAD)
    if head:
        match head[-1]:
            case Dense(units=units, activation="linear"):
                return base + _HEAD, layers, units
        return base + _HEAD, layers, None
    if len(layers) == len(table):
        return network.name, layers, network.classes
    return f"{base}{_UNTIL}{layer}", layers, None


def part_with(network: Architecture, layers: Sequence[str]) -> Architecture:
    """Return the network until the last of some layers, named as in `activations`.

    Raises:
      InputError: no layer is named, or one that there is not.
    """
    names = list(network.outputs())
    for name in [layers] if isinstance(layers, str) else layers:
        if name not in names:
            raise InputError(
                f"{network.name} has no layer {name!r} to take features of; {choices(name, names)}"
            )
    if isinstance(layers, str) or not layers:
        raise InputError(f"layers are one or more names, such as ('fc7',), got {layers!r}")
    return network.until(network.layers[max(map(names.index, layers))].name)


def _layer_from_json(value: dict[str, Any]) -> Layer:
    kinds = {kind.__name__: kind for kind in get_args(Layer)}
    fields = {name: field for name, field in value.items() if name != "kind"}
    kind = kinds[value["kind"]]
    if kind is Dense:
        fields = with_units(str(fields.get("name")), fields)
    layer: Layer = kind(**fields)
    return layer
