"""The page in a browser, headless Chromium: `make test-browser`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.html_pages import one_run, three_runs
from helpers.scripts import Run

from alexnet_jax.reporting import page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1200, "height": 900}
# Contrast of a text with what lies behind it (WCAG 2.1), of every element that holds text itself.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
    return canvas.getImageData(0, 0, 1, 1).data
  }
  const light = c => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4 }
  const luminance = c => .2126 * light(c[0]) + .7152 * light(c[1]) + .0722 * light(c[2])
  const behind = one => {
    for (; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor)
      if (colour[3] == 255) return colour
    }
    return [255, 255, 255]
  }
  return [...document.querySelectorAll('body *')].filter(one =>
    one.tagName != 'title' && [...one.childNodes].some(n => n.nodeType == 3 && n.data.trim())
  ).map(one => {
    const style = getComputedStyle(one)
    const [a, b] = [luminance(rgb(one.closest('svg') ? style.fill : style.color)),
                    luminance(behind(one))].sort((x, y) => y - x)
    return [one.tagName + ' ' + one.textContent.trim().slice(0, 30), (a + .05) / (b + .05)]
  })
}"""


@pytest.fixture(scope="module")
def file(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page about three runs, which has every part."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(three_runs(finished.workdir)), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Page]:
    """The page, whose console and requests must stay empty."""
    with browser.new_context(viewport=DESK) as context:
        shown, said = context.new_page(), []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.on("request", lambda request: said.append(request.url))
        shown.goto(file.as_uri())
        yield shown
        assert [text for text in said if not text.startswith(("data:", file.as_uri()))] == []


def test_every_picture_is_there(opened: Page) -> None:
    """Pictures are decoded and take up room, charts have their curves; those in closed parts, once
    these are opened."""
    opened.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    sizes: list[Any] = opened.eval_on_selector_all(
        "img", "all => all.map(i => [i.complete, i.naturalWidth, i.width, i.height])"
    )
    assert len(sizes) > 40
    assert all(complete and min(wide) > 0 for complete, *wide in sizes)
    charts: list[Any] = opened.eval_on_selector_all(
        "svg", "all => all.map(s => [s.getBBox().width, s.querySelectorAll('path, use').length])"
    )
    assert len(charts) == 6
    assert all(width > 200 and count > 10 for width, count in charts)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_text_can_be_read(opened: Page, scheme: str) -> None:
    """A contrast of 4.5 at least, in the light, in the dark, and on paper."""
    if scheme == "print":
        opened.emulate_media(media="print", color_scheme="dark")
    else:
        opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    opened.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    found: list[Any] = opened.evaluate(CONTRASTS)
    assert len(found) > 300
    assert [(text, ratio) for text, ratio in found if ratio < 4.5] == []
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(21, 24, 27)") == (scheme == "dark")


def test_the_keyboard_goes_through_in_order(opened: Page) -> None:
    """Tab reaches every link, part and wide table in the order in which they stand, visibly; Enter
    opens a part; the first stop leads past the contents."""
    stops = opened.locator("a[href], summary, [tabindex]").filter(visible=True).count()
    tops: list[float] = []
    for number in range(stops):
        opened.keyboard.press("Tab")
        tag, top, outline = opened.evaluate(
            """() => { const one = document.activeElement
              return [one.tagName, one.getBoundingClientRect().top + scrollY,
                      getComputedStyle(one).outlineStyle] }"""
        )
        assert tag != "BODY"
        assert outline == "solid"
        if number == 0:
            assert opened.evaluate("document.activeElement.textContent") == "Skip to the results"
        elif number > 1:
            tops.append(top)
    assert tops == sorted(tops)
    part = opened.query_selector("details:not([open]) > summary")
    assert part is not None
    part.focus()
    opened.keyboard.press("Enter")
    assert part.evaluate("one => one.parentElement.open")


def test_a_phone_scrolls_one_way(opened: Page) -> None:
    """Only tables in regions of their own are wider than the screen."""
    opened.set_viewport_size(PHONE)  # type: ignore[arg-type]
    opened.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = opened.eval_on_selector_all(
        "svg text", "all => all.filter(one => one.getBoundingClientRect().height < 7).length"
    )
    assert small == 0


def test_names_as_a_screen_reader_has_them(opened: Page) -> None:
    """Charts and pictures are images with names; the contents and the tables have theirs."""
    tree = opened.locator("body").aria_snapshot()
    assert len(re.findall(r"- '?img ", tree)) == len(
        opened.query_selector_all("img, svg")
    ) - hidden(opened)
    assert '- navigation "Contents"' in tree
    assert '- table "Results on the test split' in tree
    assert '- heading "Confident mistakes" [level=2]' in tree


def hidden(opened: Page) -> int:
    """Number of pictures in closed parts, which nobody is read."""
    return opened.locator("details:not([open]) img").count()


def test_paper_has_every_section(browser: Browser, finished: Run, tmp_path: Path) -> None:
    """The page of one run prints on a few sheets."""
    path = tmp_path / "one.html"
    path.write_text(page([one_run(finished.workdir)]), encoding="utf-8")
    with browser.new_context() as context:
        shown = context.new_page()
        shown.goto(path.as_uri())
        printed = shown.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 3 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 8
