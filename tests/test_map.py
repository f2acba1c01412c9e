"""docs/images/map.svg, the picture of the packages, as it is drawn."""

import re
from pathlib import Path
from xml.etree import ElementTree

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "map.svg"
SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]
ARROW = "#8795a5"


def drawn() -> tuple[list[list[Point]], list[list[Point]]]:
    """The points of every box, and those of every arrow's line."""
    boxes, arrows = [], []
    for path in ElementTree.parse(PICTURE).getroot().iter(f"{SVG}path"):
        style = path.get("style", "")
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if re.search("fill: #(e6edf7|ffe3b8)", style):
            boxes.append(points)
        elif ARROW in style and "fill: none" in style and len(points) == 3:
            arrows.append(points)
    return boxes, arrows


def edges(box: list[Point]) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a box."""
    across, down = zip(*box, strict=True)
    return min(across), max(across), min(down), max(down)


def test_no_box_is_cut_at_an_edge() -> None:
    root = ElementTree.parse(PICTURE).getroot()
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes, arrows = drawn()
    assert len(boxes) == 20
    assert len(arrows) > 20
    for left, right, top, bottom in map(edges, boxes):
        assert left > 1
        assert top > 1
        assert right < width - 1
        assert bottom < height - 1


def test_no_arrow_passes_through_a_box() -> None:
    """Boxes are taken half a point smaller, since an arrow touches those at its ends."""
    boxes, arrows = drawn()
    for arrow in arrows:
        (x, y), (to_x, to_y) = arrow[0], arrow[-1]
        for box in boxes:
            left, right, top, bottom = edges(box)
            for step in range(201):
                at = x + (to_x - x) * step / 200, y + (to_y - y) * step / 200
                inside = left + 0.5 < at[0] < right - 0.5 and top + 0.5 < at[1] < bottom - 0.5
                assert not inside, f"the arrow from {arrow[0]} to {arrow[-1]} at {at}"
