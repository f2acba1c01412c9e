"""Blank matplotlib figures, drawn without a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank_figure(width: float, height: float, wspace: float = 0.02) -> Figure:
    """Return an empty figure, `width` x `height` inches."""
    # pyplot would add global state, need a display, and keep figures until they are closed.
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=wspace))
