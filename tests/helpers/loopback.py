"""A server of one file on the loopback, whole or with faults."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Server:
    """What a server sends, and the ranges that it was asked for, None for a whole file.

    `cut` ends every answer after so many bytes, `ranges` says whether a rest can be asked for,
    `length` whether an answer begins with its length, and `status` replaces the file. An answer
    waits until `go` is set.
    """

    data: bytes
    cut: int | None = None
    ranges: bool = True
    length: bool = True
    status: int = 200
    port: int = 0
    asked: list[str | None] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/files/alexnet.bin"


@contextlib.contextmanager
def serving(data: bytes, **faults: object) -> Iterator[Server]:
    server = Server(data, **faults)  # type: ignore[arg-type]
    server.go.set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            server.asked.append(wanted)
            server.go.wait(10)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
            start = start if server.ranges else 0
            status = server.status
            if status == 200 and start:
                status = 206 if start < len(server.data) else 416
            rest = server.data[start:] if status in (200, 206) else b""
            self.send_response(status)
            if server.length:
                self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: server.cut])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
