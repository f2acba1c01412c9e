"""Blank matplotlib figures, drawn without a display."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blank_figure(width: float, height: float, wspace: float = 0.02) -> Figure:
    """An empty figure of so many inches."""
    # Without pyplot: no global state, no display, and nothing to close.
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=wspace))
