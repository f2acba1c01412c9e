"""The page's addresses: good and bad files, other sites, several requests at once."""

import asyncio
import io
import json
import threading
import time
from typing import Any

import numpy as np
import pytest
from helpers.pictures import png
from helpers.served import Answer, ask, examiner, picture, samples
from PIL import Image

from alexnet_jax.serving import guard, web
from alexnet_jax.serving.examiner import Examiner, Pass
from alexnet_jax.serving.records import png_bytes
from alexnet_jax.serving.switches import Switches


@pytest.fixture(scope="module")
def app() -> Any:
    return web.make_app(examiner(), samples())


def got(app: Any, *arguments: Any, **more: Any) -> Answer:
    return asyncio.run(ask(app, *arguments, **more))


def refused(answer: Answer, status: int) -> str:
    """The sentence of a refusal."""
    assert answer.status == status
    assert list(answer.record) == ["error"]
    sentence = answer.record["error"]
    assert isinstance(sentence, str)
    assert "\n" not in sentence
    return sentence


def test_the_page_and_its_files(app: Any) -> None:
    """Every file that the page names is there, of its kind, and under headers that let it load
    nothing from elsewhere; no script or style stands in the page itself."""
    page = got(app, "GET", "/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    for name, kind in {
        "style.css": "text/css", "icon.svg": "image/svg+xml", "main.js": "text/javascript",
        "api.js": "text/javascript", "layers.js": "text/javascript",
        "classes.js": "text/javascript", "paint.js": "text/javascript",
    }.items():  # fmt: skip
        file = got(app, "GET", f"/{name}")
        assert (file.status, file.headers["content-type"].split(";")[0]) == (200, kind)
        assert "//" not in file.body.decode().replace("// ", "").replace("http://www.w3.org/", "")
        assert "default-src 'self'" in file.headers["content-security-policy"]
        assert "unsafe" not in file.headers["content-security-policy"]
        assert file.headers["x-content-type-options"] == "nosniff"
    assert {path.name for path in web.PAGE.iterdir()} == {
        "index.html", "style.css", "icon.svg", "main.js", "api.js", "layers.js", "classes.js",
        "paint.js",
    }  # fmt: skip


def test_the_network_and_the_samples(app: Any) -> None:
    record = got(app, "GET", "/api/network").record
    assert record["samples"] == ["first", "<b>second</b>"]
    assert (record["towers"], record["norms"]) == (2, ["lrn1", "lrn2"])
    sample = got(app, "GET", "/api/samples/1.png")
    with Image.open(io.BytesIO(sample.body)) as shown:
        assert np.array_equal(np.asarray(shown), picture(8)[1:-1, 1:-1, 0])
    assert "none has number 2" in refused(got(app, "GET", "/api/samples/2.png"), 400)


def test_a_picture_and_a_sample(app: Any) -> None:
    """A file of a sample's pixels has its answer; switches are taken; nothing is kept."""
    answer = got(app, "POST", "/api/examine?sample=0")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    file = png_bytes(picture(7))
    assert got(app, "POST", "/api/examine?name=a.png", file).record == answer.record
    off = got(app, "POST", "/api/examine?tower=1&norms=off", file).record
    want = examiner().examine(picture(7), Switches("1", norms=False)).probabilities
    assert off["top"][0]["probability"] == pytest.approx(float(want.max()))
    assert off["top"][0]["plain"] == pytest.approx(
        examiner().examine(picture(7), Switches()).probabilities[off["top"][0]["index"]]
    )
    assert off["changed"].startswith("Without tower 0 and response normalization the answer ")
    covered = got(app, "POST", "/api/cover?class=3", file).record
    assert (covered["class"], covered["shape"]) == ("class 3", [12, 12])


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(
        file, "JPEG"
    )
    return file.getvalue()


HUGE = png(20_000, 20_000, 8, 0, bytes(20_000))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "{}: an empty file, not a picture", id="empty"),
        pytest.param(b"words", "{}: not a picture that Pillow can read", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "{}: not a picture ", id="svg"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "{}: not a picture ", id="eps"),
        pytest.param(jpeg()[:900], "{}: damaged picture (", id="cut"),
        pytest.param(HUGE, "{}: 20000x20000 is more than 100,000,000 pixels", id="huge"),
    ],
)
def test_bad_files(app: Any, content: bytes, sentence: str) -> None:
    """One sentence with the file's name, also for names that would be paths elsewhere."""
    for name in ("cat.jpg", "../../../etc/passwd", "/etc/passwd"):
        answer = got(app, "POST", f"/api/examine?name={name}", content)
        assert refused(answer, 400).startswith(sentence.format(name))


def test_a_file_that_is_too_large(app: Any) -> None:
    """It is read to its end, so that the browser hears the answer, and dropped meanwhile."""
    answer = got(app, "POST", "/api/examine", bytes(30_000_000))
    assert refused(answer, 413) == "the file is larger than 20 MB; shrink the picture first"
    assert "not a picture" in refused(got(app, "POST", "/api/examine", bytes(20_000_000)), 400)


def test_an_upload_without_an_end_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither beyond ten times the limit, nor for longer than the time in which one must arrive."""
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    def status(seconds: float) -> tuple[int, int]:
        received = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(seconds)
            received.append(1)
            return {"type": "http.request", "body": bytes(10_000_000), "more_body": True}

        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        with pytest.raises(HTTPException) as refusal:
            asyncio.run(guard.body_of(Request(scope, receive)))
        return refusal.value.status_code, len(received)

    assert status(0) == (413, 21)
    monkeypatch.setattr(guard, "_SECONDS", 0.01)
    assert status(10) == (408, 0)


def test_an_upload_that_is_cut_off(app: Any) -> None:
    answer = got(app, "POST", "/api/examine", b"half", cut=True)
    assert "ended before the picture had arrived" in refused(answer, 400)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("examine?sample=2", "there are 2 samples, and none has number 2"),
        ("examine?sample=-1", "sample is a whole number, got '-1'"),
        ("examine?sample=0&tower=3", "tower is both, 0 or 1, got '3'"),
        ("examine?sample=0&norms=maybe", "norms is on or off, got 'maybe'"),
        ("cover?sample=0", "class is a whole number, got ''"),
        ("cover?sample=0&class=4", "a class is a number from 0 to 3, got 4"),
    ],
)
def test_bad_questions(app: Any, target: str, sentence: str) -> None:
    assert refused(got(app, "POST", f"/api/{target}"), 400) == sentence


def test_paths_that_lead_out_of_the_page(app: Any) -> None:
    for path in ("/../web.py", "/%2e%2e/web.py", "//etc/passwd", "/..%2fweb.py", "/web.py"):
        refused(got(app, "GET", path), 404)
    refused(got(app, "GET", "/api/examine"), 404)


def test_other_sites_are_refused(app: Any) -> None:
    """A name that leads to this machine, and requests that another page makes."""
    for host in ("evil.example", "evil.example:8012", "127.0.0.1.evil.example", ""):
        assert got(app, "GET", "/api/network", b"", [("host", host)]).status == 400
    for header in (
        ("origin", "http://evil.example"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ):
        answer = got(app, "POST", "/api/examine?sample=0", b"", [header])
        assert refused(answer, 403) == "requests of other sites are refused"
    own = [("origin", "http://127.0.0.1:8012"), ("sec-fetch-site", "same-origin")]
    assert got(app, "POST", "/api/examine?sample=0", b"", own).status == 200
    local = [("host", "localhost:8012"), ("origin", "http://localhost:8012")]
    assert got(app, "POST", "/api/examine?sample=0", b"", local).status == 200


class Watched(Examiner):
    """Notes how many pictures are examined at the same time."""

    def examine(self, stored: np.ndarray, switches: Switches) -> Pass:
        self.now.append(threading.current_thread().name)
        time.sleep(0.02)
        assert len(self.now) == 1
        result = examiner().examine(stored, switches)
        self.now.pop()
        return result

    now: list[str] = []  # noqa: RUF012


def test_several_at_once_are_served_one_by_one() -> None:
    """Each gets the answer for its own picture; the page itself is answered meanwhile."""
    app = web.make_app(Watched(examiner().trained), samples())

    async def both() -> list[Answer]:
        requests = [ask(app, "POST", f"/api/examine?sample={number % 2}") for number in range(4)]
        return list(await asyncio.gather(*requests, ask(app, "GET", "/api/network")))

    *answers, network = asyncio.run(both())
    assert network.status == 200
    assert [one.status for one in answers] == [200] * 4
    for number, answer in enumerate(answers):
        want = examiner().examine(picture(7 + number % 2), Switches()).probabilities
        assert answer.record["top"][0]["index"] == int(want.argmax())
        assert answer.record["top"][0]["probability"] == pytest.approx(float(want.max()))


def test_a_fault_of_ours_is_told_without_its_details(app: Any, monkeypatch: Any) -> None:
    """The terminal has the traceback; the page has a sentence."""

    def broken(*_: object) -> Pass:
        raise RuntimeError("secret")

    monkeypatch.setattr(Examiner, "examine", broken)
    sent: list[Any] = []
    with pytest.raises(RuntimeError, match="secret"):
        got(app, "POST", "/api/examine?sample=0", sent=sent)
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"]) == {
        "error": "the computation failed; the terminal of the server says why"
    }
