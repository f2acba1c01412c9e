"""A narrow network to serve, and a browser's side of HTTP in a few lines, without a socket."""

import asyncio
import functools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from alexnet_jax.data.augment import Statistics
from alexnet_jax.inference.trained import Trained
from alexnet_jax.network.architecture import Architecture
from alexnet_jax.parallel.topologies import topology
from alexnet_jax.runs.config import TrainConfig
from alexnet_jax.serving.examiner import Examiner
from alexnet_jax.serving.samples import Sample
from helpers.narrow import narrow
from helpers.random_params import random_params

CHUNK = 1_000_000


def trained_of(net: Architecture) -> Trained:
    """A network with random weights, whose stored images are two pixels larger than its view."""
    size, draw = net.longer_side + 2, np.random.default_rng(5)
    mean = draw.uniform(90, 130, (size, size, net.channels)).astype(np.float32)
    colours = Statistics(
        mean, np.eye(net.channels, dtype=np.float32), np.ones(net.channels, np.float32)
    )
    config = TrainConfig(name="served", data="digits", steps=9, pixel_scale=1 / 16)
    params: Any = random_params(net)
    for weights in params.values():  # of a size at which every layer shows
        weights["kernel"] = weights["kernel"] / weights["kernel"].std() * 0.2
        weights["bias"] = weights["bias"] + draw.uniform(0.1, 0.2, weights["bias"].shape).astype(
            "f4"
        )
    return Trained(
        step=9,
        architecture=net,
        params=params,
        statistics=colours,
        class_names=tuple(f"class {number}" for number in range(net.classes or 0)),
        stored_size=size,
        config=config,
        topology=topology("one_device", net),
    )


@functools.cache
def examiner() -> Examiner:
    """The narrow `small`: two towers, two normalizations; its programs serve all tests."""
    return Examiner(trained_of(narrow("small")))


@functools.cache
def picture(number: int = 0) -> np.ndarray:
    """A stored image of the network's, [S, S, C] uint8."""
    shape = examiner().trained.stored_shape
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


def samples() -> tuple[Sample, ...]:
    return (Sample(picture(7), "first"), Sample(picture(8), "<b>second</b>"))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def record(self) -> Any:
        return json.loads(self.body)


async def ask(
    app: Any,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Sequence[tuple[str, str]] = (),
    *,
    cut: bool = False,
    sent: list[Any] | None = None,
) -> Answer:
    """The application's answer to a request; with `cut` the client leaves amid the body.

    What is sent goes to the end of `sent`, where an exception comes behind it."""
    path, _, query = target.partition("?")
    given = dict([("host", "127.0.0.1:8012"), *headers])
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "server": ("127.0.0.1", 8012),
        "client": ("127.0.0.1", 50000),
    }
    parts = [body[start : start + CHUNK] for start in range(0, len(body), CHUNK)] or [b""]
    sent = [] if sent is None else sent

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        if not parts:
            return {"type": "http.disconnect"}
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts) or cut}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    got = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], got, b"".join(one.get("body", b"") for one in sent[1:]))
