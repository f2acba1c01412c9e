"""Which layers of a network can take over the weights of another."""

from __future__ import annotations

from alexnet_jax.errors import InputError
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.network.layers import Layer

# Fields of a layer that set its initial values, and not what it computes.
_INITIAL = frozenset({"std", "bias", "init"})


def copied_layers(
    network: Architecture, source: Architecture, *, classifier: bool, where: str, hint: str = ""
) -> tuple[str, ...]:
    """Return the names of the layers of a network whose weights are copied from another network.

    These are all that have weights; the classifier, the last layer, only if `classifier`.

    Args:
      network, source: the network that is to have the weights, and the one that has them.
      classifier: whether the classifier is copied too.
      where: name of the source in messages.
      hint: end of the messages.

    Raises:
      InputError: one of the networks lacks a layer, or a layer's shapes differ.
    """
    shapes, source_shapes = _shapes(network), _shapes(source)
    if not classifier:
        shapes.pop(network.classifier or "", None)
        source_shapes.pop(source.classifier or "", None)
    for name, shape in shapes.items():
        if name not in source_shapes:
            raise InputError(f"{where}: its network has no layer {name}, {network.name} has{hint}")
        if source_shapes[name] != shape:
            raise InputError(
                f"{where}: {name}/kernel is {source_shapes[name]}, but in {network.name} it is "
                f"{shape}{hint}"
            )
    if extra := sorted(set(source_shapes) - set(shapes)):
        raise InputError(f"{where}: its network has {extra[0]}, {network.name} has not{hint}")
    return tuple(shapes)


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    return {p.layer.name: p.kernel for p in architecture.placed() if p.kernel is not None}


def computed_otherwise(network: Architecture, source: Architecture) -> str:
    """Name the layers below the classifier that two networks compute in different ways.

    Returns:
      Names such as "lrn1, conv6"; "order", if the same layers follow in another order; "", if the
      networks compute the same. Initial values do not count.
    """
    ours, theirs = (
        {layer.name: layer for layer in n.layers if layer.name != n.classifier}
        for n in (network, source)
    )
    other = [name for name in ours if name not in theirs or _differ(ours[name], theirs[name])]
    other += [name for name in theirs if name not in ours]
    return ", ".join(other) or ("" if list(ours) == list(theirs) else "order")


def _differ(one: Layer, other: Layer) -> bool:
    """Whether two layers compute differently, whatever their initial values."""
    return type(one) is not type(other) or _without_initial(one) != _without_initial(other)


def _without_initial(layer: Layer) -> dict[str, object]:
    return {name: value for name, value in vars(layer).items() if name not in _INITIAL}
