"""Reads an HTML page strictly, and reports about runs made once for all tests of a session."""

from __future__ import annotations

import base64
import functools
import io
import re
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_jax.reporting import Subject, gather

VOID = {"meta", "link", "img", "br", "hr", "input", "col"}
LOADS = ("src", "srcset", "poster", "data", "action", "background")


@dataclass
class Element:
    """An element with its attributes, the elements in it, and the text of all of them."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


class Page(HTMLParser):
    """The elements of a page in their order.

    Raises:
      AssertionError: an element that is not closed, or in another order than opened; an attribute
        twice; a character reference that is none.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        assert text.lstrip().startswith("<!DOCTYPE html>")
        self.feed(text)
        self.close()
        assert not self._open, [one.tag for one in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        element = Element(tag, {name: value or "" for name, value in attrs})
        if self._open:
            self._open[-1].children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop().tag == tag, f"</{tag}> in {[one.tag for one in self._open]}"

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [one for one in self.elements if one.tag in tags]

    def section(self, name: str) -> Element:
        """The section with an id."""
        (found,) = [one for one in self.all("section") if one.attributes.get("id") == name]
        return found


def external(page: Page, style: str) -> list[str]:
    """Everything in a page that a browser would fetch from elsewhere."""
    found = [
        f"{one.tag} {name}={value[:60]}"
        for one in page.elements
        for name, value in one.attributes.items()
        if name in LOADS and not value.startswith("data:")
    ]
    found += [
        f"{one.tag} href={one.attributes['href']}"
        for one in page.elements
        if "href" in one.attributes and not one.attributes["href"].startswith("#")
    ]
    found += [one.tag for one in page.all("script", "link", "iframe", "object", "embed", "base")]
    styles = [style, *(one.attributes.get("style", "") for one in page.elements)]
    return found + [
        text for one in styles for text in re.findall(r"@import|url\((?!#)[^)]*\)", one)
    ]


def pixels(uri: str) -> np.ndarray:
    """The pixels of a data URI, [H, W] or [H, W, C]."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def runs_of(finished: Path) -> Path:
    """A directory beside a finished run with two more: another seed, and without checkpoints."""
    directory = finished.with_name("reported")
    if not directory.exists():
        for name in ("second", "bare"):
            shutil.copytree(finished, directory / name)
        shutil.rmtree(directory / "bare" / "checkpoints")
        (directory / "bare" / "sessions.jsonl").unlink()
        config = directory / "second" / "config.json"
        config.write_text(config.read_text().replace('"seed": 0', '"seed": 1'))
    return directory


@functools.cache
def one_run(finished: Path) -> Subject:
    """The finished run, with its network, its data and its answers."""
    (subject,) = gather([finished])
    return subject


@functools.cache
def three_runs(finished: Path) -> tuple[Subject, ...]:
    """The finished run, the same under the name of another seed, and one without a network."""
    more = runs_of(finished)
    return tuple(gather([finished, more / "second", more / "bare"]))
