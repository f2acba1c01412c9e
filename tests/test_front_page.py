"""README.md: its length, its links, and what it shows of the network `tiny`."""

import re
from pathlib import Path

import pytest
import yaml
from helpers.pages import script_of
from PIL import Image

import alexnet_jax
from alexnet_jax.inference import Model

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tiny() -> Model:
    return alexnet_jax.load("tiny")


def test_the_front_page_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_links_and_pictures_are_there() -> None:
    """Each relative link leads to a file, or to a heading of the page."""
    headings = {
        line[3:].lower().replace(" ", "-") for line in README.splitlines() if line[:3] == "## "
    }
    targets = re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', README)
    for target in (first or second for first, second in targets):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file(), target


def test_the_picture_shows_the_kernels_of_tiny(tiny: Model) -> None:
    """If not, `python docs/tiny_network.py` draws it again."""
    script = script_of("tiny_network")
    with Image.open(script["PICTURE"]) as picture:
        assert picture.info["Description"] == script["digest"](tiny)


def test_the_answer_is_that_of_tiny(tiny: Model) -> None:
    """The photograph's likeliest class, its probability to a point, and the network's accuracy are
    those of today; if not, `python docs/tiny_network.py` writes them again."""
    (shown,) = re.findall(r"```text\n(\S+)\n +([\d.]+)%  (.+)\n", README)
    photograph, percent, name = shown
    ((likeliest,),) = tiny(ROOT / photograph, top=1)
    assert likeliest.name == name
    assert likeliest.probability == pytest.approx(float(percent) / 100, abs=0.01)
    for measure in ("top1", "top5"):
        assert f"{100 * tiny.measured[-1][measure]:.0f} %" in README


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["version"] == alexnet_jax.__version__
