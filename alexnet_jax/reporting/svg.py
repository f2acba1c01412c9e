"""Figures of matplotlib as SVG inside a page: its colours and its font, and texts on points.

A figure is drawn in colours that stand for variables of the page's style sheet, so that the page's
light and dark colours, and those of print, apply to it. No script is needed: browsers show the
`<title>` of a point when the pointer rests on it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUNS = 6
INK, MUTED, FAINT = "#010101", "#010102", "#010103"
RUN_COLOURS = tuple(f"#0102{number:02x}" for number in range(1, RUNS + 1))
_VARIABLES = {INK: "--ink", MUTED: "--muted", FAINT: "--rule"} | {
    colour: f"--run-{number}" for number, colour in enumerate(RUN_COLOURS)
}
_SVG, _XLINK = "http://www.w3.org/2000/svg", "{http://www.w3.org/1999/xlink}href"
_STYLE: dict[Any, Any] = {  # of figures while they are written
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name may have dollar signs
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "grid.color": FAINT,
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def chart_style(salt: str = "") -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws figures of the page; `salt` makes ids differ."""
    import matplotlib

    return matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt or None})


def inline(
    figure: Figure, name: str, description: str, tips: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Write a figure as an `<svg>` element for a page, as wide as its place.

    Args:
      figure: the figure, drawn under `chart_style`.
      name: prefix of the element's ids; unique in the page.
      description: what the figure shows, for readers who do not see it.
      tips: for each line or collection, by the `gid` of its artist, a text for each of its markers.
    """
    file = io.StringIO()
    with chart_style(name):
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    root = ElementTree.fromstring(file.getvalue())
    for child in list(root):
        if not child.tag.endswith("}g") and child.find(f".//{{{_SVG}}}clipPath") is None:
            root.remove(child)  # metadata, and a style sheet that would apply to the whole page
    _add_tips(root, tips or {})
    _own_ids(root, name)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        if "style" in element.attrib:
            element.set("style", _restyled(element.attrib["style"]))
    box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "role": "img", "aria-label": description, "class": "chart"})
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _add_tips(root: ElementTree.Element, tips: Mapping[str, Sequence[str]]) -> None:
    """Give the markers of each artist their texts.

    Raises:
      ValueError: an artist has another number of markers than texts.
    """
    groups = {element.attrib.get("id"): element for element in root.iter(f"{{{_SVG}}}g")}
    for gid, texts in tips.items():
        markers = list(groups[gid].iter(f"{{{_SVG}}}use"))
        if len(markers) != len(texts):
            raise ValueError(f"{gid} has {len(markers)} markers and {len(texts)} texts")
        for marker, text in zip(markers, texts, strict=True):
            ElementTree.SubElement(marker, f"{{{_SVG}}}title").text = text


def _own_ids(root: ElementTree.Element, name: str) -> None:
    """Prefix the ids that are referred to with the figure's name, and remove the others."""
    text = ElementTree.tostring(root, encoding="unicode")
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    for element in root.iter():
        if "id" in element.attrib:
            own = element.attrib.pop("id")
            if own in used:
                element.set("id", f"{name}-{own}")
        if _XLINK in element.attrib:
            element.set("href", f"#{name}-{element.attrib.pop(_XLINK)[1:]}")
        if "clip-path" in element.attrib:
            element.set("clip-path", element.attrib["clip-path"].replace("(#", f"(#{name}-"))


def _restyled(style: str) -> str:
    """Return a style with the page's variables for the colours that stand for them.

    The page's font replaces matplotlib's.
    """
    for colour, variable in _VARIABLES.items():
        style = style.replace(colour, f"var({variable})")
    style = re.sub(r"font-family:[^;]*(;|$)", "", style)
    return re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", style).strip()
