"""The two words for the width of a dense layer in changes of layers: units, and maps."""

from __future__ import annotations

from collections.abc import Mapping

OTHER_WORD = {"maps": "units", "units": "maps"}


def with_units(layers: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return changes of layers with "units" for "maps", since dense layers take either word."""
    return {
        layer: {"units" if name == "maps" else name: value for name, value in fields.items()}
        for layer, fields in layers.items()
    }
