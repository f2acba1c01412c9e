"""The server of the page, on this machine's own address only."""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from alexnet_jax.errors import InputError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

ADDRESS = "127.0.0.1"
_AT_ONCE = 64  # connections; more are answered with status 503
_LAST_SECONDS = 3  # in which open requests may end when the server is stopped


def listen(port: int) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1; with port 0 on any that is free.

    Raises:
      InputError: the port is taken or may not be used.
    """
    try:
        return socket.create_server((ADDRESS, port), backlog=_AT_ONCE)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} is taken; give another with --port, or 0 for any that is free"
            ) from None
        raise InputError(f"port {port} cannot be used ({error.strerror})") from None


def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM arrives; requests that are being computed end first.

    Args:
      ready: called with the page's address as soon as it is answered.
    """
    import uvicorn

    host, port = listener.getsockname()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(f"http://{host}:{port}/")

    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    with _ending_in_order():
        Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Leave the signals to the server, which raises them once more when it has ended."""

    def pass_over(number: int, _: FrameType | None) -> None:
        pass

    before = {
        number: signal.signal(number, pass_over) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
