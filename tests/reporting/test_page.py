"""The page as HTML: well formed, complete in itself, and readable without its pictures."""

import dataclasses
import itertools
import re
from functools import cache
from pathlib import Path

import pytest
from helpers.html_pages import Page, external, one_run, pixels, three_runs
from helpers.scripts import Run

from alexnet_jax.reporting import Subject, page
from alexnet_jax.reporting.overview import over_seeds

SECTIONS = (
    "results", "curves", "settings", "machine", "kernels", "norms", "towers", "through", "classes",
    "confusion", "mistakes",
)  # fmt: skip


@cache
def text_of(workdir: Path, count: int, pictures: bool = True) -> str:
    subjects = three_runs(workdir)[:count] if count > 1 else [one_run(workdir)]
    return page(subjects, pictures=pictures)


@pytest.fixture(params=[1, 3], ids=["one", "three"])
def made(request: pytest.FixtureRequest, finished: Run) -> Page:
    """The page about one run, and about three, of which the last has no checkpoints."""
    return Page(text_of(finished.workdir, request.param))


def test_nothing_is_fetched(made: Page) -> None:
    (style,) = made.all("style")
    assert external(made, style.text) == []
    assert made.all("img")


def test_ids_are_unique_and_all_references_lead_to_one(made: Page) -> None:
    ids = [one.attributes["id"] for one in made.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in made.elements:
        for name in ("href", "aria-labelledby"):
            if name in one.attributes:
                assert one.attributes[name].removeprefix("#") in ids, one.attributes
        for target in re.findall(r"url\(#([^)]+)\)", " ".join(one.attributes.values())):
            assert target in ids


def test_every_section_is_in_the_contents(made: Page) -> None:
    assert [one.attributes["id"] for one in made.all("section")] == list(SECTIONS)
    (contents,) = made.all("nav")
    links = [one for one in made.all("a") if "class" not in one.attributes]
    assert [one.attributes["href"] for one in links] == [f"#{name}" for name in SECTIONS]
    for link, section in zip(links, made.all("section"), strict=True):
        assert link.text == section.children[0].text
        assert link.text in contents.text


def test_headings_leave_out_no_level(made: Page) -> None:
    levels = [int(one.tag[1]) for one in made.all("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_every_picture_says_what_it_shows(made: Page) -> None:
    """Each in other words; a chart says its values."""
    texts = [one.attributes["alt"] for one in made.all("img")]
    charts = [one.attributes["aria-label"] for one in made.all("svg")]
    assert all(len(text) > 15 for text in texts + charts)
    assert all(one.attributes["role"] == "img" for one in made.all("svg"))
    assert len(set(charts)) == len(charts) == 6
    assert all(re.search(r"\d", text) for text in charts)
    for one in made.all("img"):
        assert {"width", "height"} <= set(one.attributes)
        assert one.attributes["src"].startswith("data:image/png;base64,")


def test_tables_have_captions_and_heads(made: Page) -> None:
    """Every cell stands under a head, in rows of one length, and every row has a head too where it
    is about one subject."""
    assert len(made.all("table")) >= 10
    for table in made.all("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text
        head, body = table.children[1:]
        (top,) = head.children
        assert {(one.tag, one.attributes.get("scope")) for one in top.children} == {("th", "col")}
        for row in body.children:
            wide = sum(int(cell.attributes.get("colspan", 1)) for cell in row.children)
            assert wide == len(top.children), table.children[0].text
            assert {one.attributes.get("scope") for one in row.children if one.tag == "th"} <= {
                "row"
            }


def test_the_order_of_the_keyboard_is_that_of_the_page(made: Page) -> None:
    """No element is moved to the front; regions that scroll can be reached and have names."""
    orders = [one.attributes["tabindex"] for one in made.elements if "tabindex" in one.attributes]
    assert set(orders) == {"0"}
    for one in made.all("div"):
        if one.attributes.get("class") == "wide":
            assert one.attributes["role"] == "region"
            assert one.attributes["tabindex"] == "0"
            assert "aria-labelledby" in one.attributes
    assert made.all("a")[0].attributes["href"] == "#results"  # past the contents


def test_numbers_of_the_run(finished: Run) -> None:
    made = Page(text_of(finished.workdir, 1))
    last = [line for line in finished.measured if line.get("split") == "test"][-1]
    facts = dict(zip((one.text for one in made.all("dt")), (one.text for one in made.all("dd")),
                     strict=True))  # fmt: skip
    assert facts["Updates"] == "6"
    assert facts["Test top-1"] == facts["Its test top-1"] == f"{100 * last['top1']:.2f} %"
    assert facts["Test loss"] == f"{last['loss']:.4f}"
    settings = made.section("settings").text
    assert "batch 128 16" in settings
    assert "layers.conv1.maps 32 4" in settings
    assert "jax 0." in made.section("machine").text
    assert len([one for one in images(made) if "kernels of" in one]) == 6  # two towers


def images(made: Page) -> list[str]:
    return [one.attributes["alt"] for one in made.all("img")]


def test_runs_stand_side_by_side(finished: Run) -> None:
    """The results have a column for each, and what the last lacks is said in words."""
    made = Page(text_of(finished.workdir, 3))
    head = made.all("table")[0].children[1].children[0]
    names = [one.text.split(" ", 1)[1] for one in head.children[1:]]
    assert [name.partition(",")[0] for name in names] == ["digits"] * 3
    assert len(set(names)) == 3
    bare = three_runs(finished.workdir)[2]
    assert (bare.trained, bare.examination) == (None, None)
    text = " ".join(one.text for one in made.all("p"))
    assert "holds no checkpoints" in text
    assert "Device, versions and times were not recorded by" in text
    assert "There are no kernels to show" in text
    opened = [one for one in made.all("details") if "open" in one.attributes]
    assert [one.children[0].text for one in opened] == [three_runs(finished.workdir)[0].label]
    assert "differ in their seeds only" not in text  # two of the three have one seed


def test_the_spread_over_seeds(finished: Run) -> None:
    """Mean and standard deviation (of n - 1) of runs that differ in their seeds, and no others."""
    one, other, bare = three_runs(finished.workdir)
    lines = [line | {"top1": line["top1"] + 0.04} for line in other.record.lines]
    other = dataclasses.replace(other, record=dataclasses.replace(other.record, lines=tuple(lines)))
    top1 = one.record.of("test")[-1]["top1"]
    said = over_seeds([one, other])
    assert f"test top-1 is {100 * top1 + 2:.2f} %" in said
    assert f"{100 * 0.04 / 2**0.5:.2f} points" in said
    assert over_seeds([one, bare]) == over_seeds([one]) == over_seeds([]) == ""


def test_a_run_without_anything(finished: Run) -> None:
    """A page of sentences, and no error."""
    bare = three_runs(finished.workdir)[2]
    empty = dataclasses.replace(
        bare, number=0, record=dataclasses.replace(bare.record, lines=(), finished=False)
    )
    made = Page(page([empty]))
    assert not made.all("img")
    assert not made.all("svg")
    assert "Nothing has been measured yet" in made.section("curves").text
    assert "It has not finished" in made.all("header")[0].text
    for name in SECTIONS[4:]:
        assert len(made.section(name).text) > 25


def test_pictures_of_the_data_can_be_left_out(finished: Run) -> None:
    """Kernels stay, which show no image of the data set."""
    with_them, without = (
        images(Page(text_of(finished.workdir, 1, pictures))) for pictures in (True, False)
    )
    assert [one for one in with_them if "est image" in one]
    assert all("kernels of" in one for one in without)
    assert len(without) == 6
    assert "were left out" in Page(text_of(finished.workdir, 1, False)).section("mistakes").text


def test_pictures_are_those_of_the_data(finished: Run) -> None:
    subject = one_run(finished.workdir)
    assert subject.dataset is not None
    made = Page(text_of(finished.workdir, 1))
    for one in made.all("img"):
        found = re.match(r"Test image (\d+), of the class (\d), taken for", one.attributes["alt"])
        if found:
            row = int(found[1])
            assert subject.dataset.test.labels[row] == int(found[2])
            assert (pixels(one.attributes["src"]) == subject.dataset.test.images[row][..., 0]).all()


def named(subject: Subject, name: str) -> Subject:
    """The same run, of whose texts its user has made what he could."""
    config = dataclasses.replace(subject.record.config, name=name, data=name)
    assert subject.trained is not None
    trained = dataclasses.replace(subject.trained, class_names=(name,) * 10)
    record = dataclasses.replace(subject.record, config=config)
    return dataclasses.replace(subject, record=record, trained=trained, label=name, notes=(name,))


def test_texts_of_the_user_stay_texts(finished: Run) -> None:
    hostile = """<script>alert('a & "b"')</script><img src=x onerror=alert(1)>'"> $x_$ {{ 7 }}"""
    made = Page(page([named(one_run(finished.workdir), hostile)]))
    assert not made.all("script")
    assert all("onerror" not in one.attributes for one in made.elements)
    assert made.all("h1")[0].text == hostile
    assert hostile in made.section("classes").text
    assert any(hostile in text for text in images(made))
    assert any(hostile in one.attributes["aria-label"] for one in made.all("svg"))


def test_the_strict_reader_itself() -> None:
    """It refuses what browsers mend."""
    start = "<!DOCTYPE html><p>"
    for text in (
        f"{start}<b></p></b>",
        start,
        f"{start}</p></p>",
        f'{start}<b a="1" a="2"></b></p>',
    ):
        with pytest.raises(AssertionError):
            Page(text)
    bad = Page(
        '<!DOCTYPE html><p style="background: url(a.png)"><img src="https://a"><a href="b"></a></p>'
    )
    assert len(external(bad, "@import 'a';")) == 4
