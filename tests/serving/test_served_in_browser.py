"""The page in a browser, headless Chromium, of a server in a process: `make test-browser`."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from helpers.scripts import ROOT, Run, start, wait
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}
SEVEN = ROOT / "docs" / "images" / "digit_7.png"
# Values of the pixels of the maps of a tower, the alpha channel left out.
LIGHT = """section => [...section.querySelectorAll('canvas')].reduce((most, one) => {
  const all = one.getContext('2d').getImageData(0, 0, one.width, one.height).data
  return Math.max(most, all.reduce((a, b, place) => place % 4 == 3 ? a : Math.max(a, b), 0))
}, 0)"""


@pytest.fixture(scope="module")
def address(finished: Run) -> Iterator[str]:
    """Where the command serves the narrow network of the digits; it ends in order."""
    process = start("serve", finished.workdir, "--port", 0)
    assert process.stdout is not None
    line = process.stdout.readline()
    yield line.split()[0]
    process.send_signal(signal.SIGINT)
    result = wait(process)
    assert (result.status, result.out.splitlines()[-1:]) == (0, ["stopped"])
    assert re.fullmatch(r"compiling 4 programs \.\.\.\ncompiled in [\d.]+ s\n", result.err)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with (
        browser.new_context(viewport=DESK) as context,  # type: ignore[arg-type]
        opened(context.new_page(), address) as page,
    ):
        yield page


@contextlib.contextmanager
def opened(page: Page, address: str) -> Iterator[Page]:
    """The page, which asks nobody but the server, and whose console holds refusals at most."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(address)
    page.locator("#samples button").nth(9).wait_for()
    yield page
    own = (address, "data:", "Failed to load resource: the server responded with a status of 4")
    assert [text for text in said if not text.startswith(own)] == []
    assert address in said


def done(page: Page) -> None:
    """Waits until what mattered is shown."""
    page.locator("#cover[aria-busy=false]").wait_for()


def test_a_file_through_the_layers(page: Page) -> None:
    """Five classes, what mattered, a tab for each layer, the towers apart, a map enlarged."""
    page.set_input_files("#file", SEVEN)
    done(page)
    assert page.inner_text("#status").startswith("digit_7.png: most likely ")
    assert page.locator("#bars button").count() == 5
    shares = [float(text.rstrip("%")) for text in page.locator("#bars .share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    tabs = page.locator("[role=tab]").all_inner_texts()
    assert tabs == [
        "conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2", "conv3", "conv4", "conv5", "pool5",
        "fc6", "fc7",
    ]  # fmt: skip
    for number, name in enumerate(tabs):
        page.locator("[role=tab]").nth(number).click()
        assert page.inner_text("#layer-about").startswith(f"{name}: ")
        titles = page.locator("#towers h3").all_inner_texts()
        assert [title.split(":")[0] for title in titles] == ["Tower 0", "Tower 1"]
    page.locator("#bars button").nth(2).click()
    done(page)
    chosen = page.locator("#bars .name").nth(2).inner_text()
    assert f"marks where {chosen} then becomes" in page.inner_text("#cover-about")


def test_the_keyboard(page: Page) -> None:
    """A sample by Enter, layers by arrows, a map by Enter, its neighbour by an arrow, and back."""
    page.locator("#samples button").nth(3).press("Enter")
    done(page)
    assert page.locator("#samples [aria-pressed=true]").inner_text() == "3"
    page.locator("[role=tab][aria-selected=true]").press("ArrowRight")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "lrn1"
    page.keyboard.press("End")
    assert page.locator("[role=tab][aria-selected=true]").inner_text() == "fc7"
    page.keyboard.press("Home")
    maps = page.locator(".maps button")
    maps.nth(0).press("ArrowRight")
    page.keyboard.press("Enter")
    about = page.locator("#enlarged-about")
    assert about.inner_text().startswith("conv1, map 1 of tower 0: 24x24 values from 0 to ")
    page.keyboard.press("ArrowRight")
    assert about.inner_text().startswith("conv1, map 2 of tower 1: ")
    page.keyboard.press("Escape")
    assert not page.locator("#enlarged").is_visible()
    assert page.evaluate("document.activeElement.title") == "conv1, map 1"


def test_switches(page: Page) -> None:
    """The tower that is off is black and named so; what changed stands beside the plain result."""
    page.locator("#samples button").nth(3).click()
    done(page)
    assert page.inner_text("#changed") == ""
    page.get_by_label("tower 0 alone").check()
    page.locator("#changed:not(:empty)").wait_for()
    done(page)
    assert page.inner_text("#changed").startswith("Without tower 1 the answer ")
    assert page.locator("#bars .was").count() == 5
    assert "Tower 1, switched off" in page.locator("#towers h3").nth(1).inner_text()
    kept, dark = (page.locator("#towers section").nth(place) for place in (0, 1))
    assert kept.evaluate(LIGHT) == 255
    assert dark.evaluate(LIGHT) == 0
    page.get_by_label("on", exact=True).uncheck()
    page.get_by_text("Without tower 1 and response normalization").wait_for()
    page.locator("#tab-lrn1").click()
    assert page.inner_text("#layer-about").endswith("Switched off: values pass unchanged.")
    page.get_by_label("both").check()
    page.get_by_text("Without response normalization").wait_for()
    page.get_by_label("on", exact=True).check()
    page.locator("#changed:empty").wait_for(state="attached")


def test_bad_files_are_one_sentence(page: Page, tmp_path: Path) -> None:
    """Names are shown as text, whatever they hold; a good picture then goes through."""
    bad = {
        "empty.png": (b"", "an empty file, not a picture"),
        "words.jpg": (b"words", "not a picture that Pillow can read"),
        "<img src=x onerror=alert(1)>.png": (SEVEN.read_bytes()[:200], "damaged picture"),
        "a.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture that Pillow"),
        "large.png": (bytes(20_000_001), "is larger than 20 MB; shrink the picture first."),
    }
    for name, (content, sentence) in bad.items():
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#file", tmp_path / name)
        page.locator("#error").get_by_text(sentence).wait_for()
        assert page.inner_text("#error").startswith(name)
        assert "\n" not in page.inner_text("#error")
    assert page.locator("#error img").count() == 0
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 4), np.uint8)
    Image.fromarray(noise).save(tmp_path / "Grüße & <b>.webp")
    page.set_input_files("#file", tmp_path / "Grüße & <b>.webp")
    done(page)
    assert page.inner_text("#status").startswith("Grüße & <b>.webp: most likely ")
    assert not page.locator("#error").is_visible()


def test_a_file_is_dropped(page: Page) -> None:
    """On the page anywhere; what is no file is told."""
    drop = """bytes => {
      const data = new DataTransfer()
      if (bytes) data.items.add(new File([new Uint8Array(bytes)], 'seven.png'))
      const event = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})
      document.querySelector('h1').dispatchEvent(event)
      return event.defaultPrevented
    }"""
    assert page.evaluate(drop, list(SEVEN.read_bytes()))
    done(page)
    assert page.inner_text("#status").startswith("seven.png: most likely ")
    assert page.evaluate(drop, None)
    page.locator("#error").get_by_text("What was dropped is no file").wait_for()


def test_two_pages_at_once(browser: Browser, address: str) -> None:
    """Each has the answer for its own picture."""
    with (
        browser.new_context() as context,
        opened(context.new_page(), address) as first,
        opened(context.new_page(), address) as second,
    ):
        for number, one in enumerate((first, second)):
            one.locator("#samples button").nth(4 + number).click()
        for number, one in enumerate((first, second)):
            done(one)
            assert one.inner_text("#status").startswith(f"Sample of {4 + number}: most likely ")


def test_a_phone_scrolls_one_way(page: Page) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.locator("#samples button").nth(0).click()
    done(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
