"""The page's addresses: its files, and the requests that it makes.

    GET  /api/network               the network, its layers and switches
    GET  /api/samples/N.png         a sample picture
    POST /api/examine?tower=both|0|1&norms=on|off          classes and maps
    POST /api/cover?tower=...&norms=...&class=K            what of the picture mattered

The body of a POST is a picture file; with `sample=N` it is empty. Mistakes come back as
{"error": one sentence} with status 400, 403, 404 or 413. Nothing is kept between requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alexnet_jax.errors import InputError
from alexnet_jax.serving.examiner import Examiner
from alexnet_jax.serving.guard import LIMIT, Guard, body_of
from alexnet_jax.serving.records import (
    Record,
    covered_record,
    examined_record,
    network_record,
    png_bytes,
)
from alexnet_jax.serving.samples import Sample
from alexnet_jax.serving.switches import Switches

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE = Path(__file__).parent / "page"
_NAME = 80  # characters of a file's name in a message


@dataclass(frozen=True, eq=False)
class Desk:
    """Answers to the page's requests, computed one after another in one thread."""

    examiner: Examiner
    samples: Sequence[Sample]
    thread: ThreadPoolExecutor

    async def network(self, request: Request) -> Response:
        labels = [sample.label for sample in self.samples]
        return _json(network_record(self.examiner.trained, labels) | {"limit": LIMIT})

    async def sample(self, request: Request) -> Response:
        from starlette.responses import Response

        sample = self._sample(request.path_params["number"])
        picture = png_bytes(self.examiner.seen(sample.stored))
        return Response(picture, media_type="image/png")

    async def examine(self, request: Request) -> Response:
        switches = _switches(request)
        return await self._answer(request, lambda stored: self._examined(stored, switches))

    async def cover(self, request: Request) -> Response:
        switches, label = _switches(request), _number(request, "class")
        return await self._answer(request, lambda stored: self._covered(stored, switches, label))

    def _examined(self, stored: np.ndarray, switches: Switches) -> Record:
        plain = self.examiner.examine(stored, Switches())
        now = plain if switches.plain else self.examiner.examine(stored, switches)
        trained, seen = self.examiner.trained, self.examiner.seen(stored)
        return examined_record(trained, seen, switches, plain, now)

    def _covered(self, stored: np.ndarray, switches: Switches, label: int) -> Record:
        covered = self.examiner.cover(stored, switches, label)
        trained = self.examiner.trained
        side = min(trained.architecture.input_shape[:2])
        return covered_record(trained.class_words, covered, side)

    async def _answer(self, request: Request, compute: Callable[[np.ndarray], Record]) -> Response:
        """Answer with the record that `compute` makes of the request's picture."""
        if "sample" in request.query_params:
            sample = self._sample(_number(request, "sample"))
            return await self._in_thread(lambda: _json(compute(sample.stored)))
        name = request.query_params.get("name", "")[:_NAME] or "the picture"
        content = await body_of(request)
        return await self._in_thread(lambda: _json(compute(self.examiner.read(name, content))))

    async def _in_thread(self, work: Callable[[], Response]) -> Response:
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)

    def _sample(self, number: int) -> Sample:
        if not 0 <= number < len(self.samples):
            raise InputError(f"there are {len(self.samples)} samples, and none has number {number}")
        return self.samples[number]


def make_app(examiner: Examiner, samples: Sequence[Sample] = ()) -> Guard:
    """Return the application, for a server of this machine alone."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    desk = Desk(examiner, samples, ThreadPoolExecutor(1, "network"))
    app = Starlette(
        routes=[
            Route("/api/network", desk.network),
            Route("/api/samples/{number:int}.png", desk.sample),
            Route("/api/examine", desk.examine, methods=["POST"]),
            Route("/api/cover", desk.cover, methods=["POST"]),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[
            # A name of another site's that leads to this machine is refused.
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
        ],
        exception_handlers={
            InputError: _refused,
            HTTPException: _failed,
            Exception: _broken,
        },
    )
    return Guard(app)


def _switches(request: Request) -> Switches:
    tower = request.query_params.get("tower", "both")
    norms = request.query_params.get("norms", "on")
    if tower not in ("both", "0", "1"):
        raise InputError(f"tower is both, 0 or 1, got {tower[:_NAME]!r}")
    if norms not in ("on", "off"):
        raise InputError(f"norms is on or off, got {norms[:_NAME]!r}")
    return Switches(tower, norms == "on")  # type: ignore[arg-type]


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"{name} is a whole number, got {text[:_NAME]!r}")
    return int(text)


def _json(record: Record, status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(record, status)


async def _refused(request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


async def _failed(request: Request, error: Exception) -> Response:
    return _json(
        {"error": str(getattr(error, "detail", error))}, getattr(error, "status_code", 500)
    )


async def _broken(request: Request, error: Exception) -> Response:
    return _json({"error": "the computation failed; the terminal of the server says why"}, 500)
