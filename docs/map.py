"""Draws docs/images/map.svg, the packages of alexnet_jax by level: python docs/map.py

A package stands above all that it imports. Arrows are the imports that follow from no others; the
picture's description lists them, too, which is how a test sees that it is up to date.
"""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "map.svg"
# Place in a row, so that no arrow passes through a box, and the job in a few words.
PACKAGES = {
    "ops": (0.0, "layers as functions"),
    "display": (1.0, "progress, tables"),
    "pickles": (2.0, "of arrays, read safely"),
    "runtime": (3.05, "processes, signals"),
    "network": (0.3, "tables, steps, forward"),
    "data": (1.35, "sets, batches, views"),
    "checkpoints": (2.4, "saved and verified"),
    "parallel": (0.3, "topologies"),
    "runs": (3.05, "settings, workdir"),
    "inference": (1.6, "logits, evaluation"),
    "training": (1.6, "step, loop, run"),
    "weights": (1.6, "of other projects"),
    "analysis": (2.5, "what a network sees"),
    "planning": (1.0, "costs beforehand"),
    "reporting": (1.0, "a page about trainings"),
    "serving": (0.0, "a page with a network"),
    "bench": (3.0, "speed beside peers"),
    "compiling": (2.0, "for absent machines"),
    "paper": (2.5, "claims as experiments"),
    "cli": (1.0, "commands, options"),
}
HEART = ("network", "training")
WIDTH, HEIGHT, MARGIN = 0.9, 0.56, 0.05


def imported(package: str) -> set[str]:
    """The other packages that a package imports, also inside functions."""
    found: set[str] = set()
    for path in (ROOT / "alexnet_jax" / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            found |= {name.split(".")[1] for name in names if name.startswith("alexnet_jax.")}
    return found & PACKAGES.keys() - {package}


def below(package: str, imports: dict[str, set[str]]) -> set[str]:
    """All packages that a package needs, whichever way."""
    return imports[package].union(*(below(other, imports) for other in imports[package]))


def needed_first(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports without those that follow from others (the transitive reduction)."""
    return {
        package: others - set().union(*(below(other, imports) for other in others))
        for package, others in imports.items()
    }


def level(package: str, imports: dict[str, set[str]]) -> int:
    """0 for a package that imports no other, else one above the highest of those it imports."""
    return 1 + max((level(other, imports) for other in imports[package]), default=-1)


def draw(imports: dict[str, set[str]], arrows: dict[str, set[str]]) -> Figure:
    """The packages as boxes in rows by level, legible on white and on black."""
    levels = {package: level(package, imports) for package in PACKAGES}
    figure = Figure(figsize=(7.6, 7.2))
    axes = figure.add_axes((0, 0, 1, 1))
    places = [x for x, _ in PACKAGES.values()]
    beside = WIDTH / 2 + MARGIN
    axes.set(xlim=(min(places) - beside, max(places) + beside))
    axes.set(ylim=(-0.45, max(levels.values()) + 0.45))
    axes.axis("off")
    for package, (x, job) in PACKAGES.items():
        _box(axes, x, levels[package], package, job)
        for other in sorted(arrows[package]):
            ends = (x, levels[package] - HEIGHT / 2), (PACKAGES[other][0], levels[other])
            _arrow(axes, *ends)
    return figure


def _box(axes: Axes, x: float, y: float, name: str, job: str) -> None:
    fill, edge = ("#ffe3b8", "#c77700") if name in HEART else ("#e6edf7", "#5f7fae")
    corner = (x - WIDTH / 2, y - HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.06"
    axes.add_patch(
        FancyBboxPatch(corner, WIDTH, HEIGHT, style, facecolor=fill, edgecolor=edge, linewidth=1.2)
    )
    text = {"ha": "center", "va": "center", "color": "#1b2733"}
    axes.text(x, y + 0.11, name, fontsize=11, fontweight="bold", **text)
    axes.text(x, y - 0.12, job, fontsize=8.5, **text)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x, y), (to_x, to_y) = start, (end[0], end[1] + HEIGHT / 2)
    # Side by side where several meet, not all in one point.
    shift = 0.28 * max(-1.0, min(1.0, x - to_x))
    axes.add_patch(
        FancyArrowPatch(
            (x - shift, y),
            (to_x + shift, to_y),
            arrowstyle="-|>",
            mutation_scale=11,
            shrinkA=0,
            shrinkB=1,
            color="#8795a5",
            linewidth=1.3,
        )
    )


def main() -> None:
    imports = {package: imported(package) for package in PACKAGES}
    arrows = needed_first(imports)
    lines = [f"{package}: {', '.join(sorted(arrows[package]))}" for package in PACKAGES]
    # The same bytes every time: neither the date, nor random names, nor fonts of this machine.
    matplotlib.rcParams.update({"svg.hashsalt": "map", "font.family": "DejaVu Sans"})
    about = {"Date": None, "Creator": "docs/map.py", "Description": "; ".join(lines)}
    draw(imports, arrows).savefig(PICTURE, format="svg", transparent=True, metadata=about)


if __name__ == "__main__":
    main()
