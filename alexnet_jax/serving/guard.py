"""Bounds on what is accepted from a browser, and headers that bound what the page may do."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

LIMIT = 20_000_000  # bytes of an upload
_DRAINED = 10 * LIMIT  # bytes up to which a larger one is read and dropped, to be answered
_SECONDS = 60  # in which an upload must arrive

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware: security headers on every answer; requests of other sites are refused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.responses import JSONResponse

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["method"] not in ("GET", "HEAD") and not own_origin(Headers(scope=scope)):
            refusal = JSONResponse({"error": "requests of other sites are refused"}, 403)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def own_origin(headers: MutableMapping[str, str] | Any) -> bool:
    """Whether a request comes from the page itself or from no page at all, by its headers."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        return False
    return site in ("same-origin", "none")


async def body_of(request: Request) -> bytes:
    """Read the body of a request; what exceeds `LIMIT` is dropped as it arrives.

    Raises:
      HTTPException: 413, the body is too large; 408, it arrives too slowly; 400, it ends early.
    """
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect

    content, size = bytearray(), 0
    try:
        async with asyncio.timeout(_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= LIMIT:
                    content += chunk
                elif size > _DRAINED:
                    break
    except TimeoutError:
        raise HTTPException(408, f"the picture did not arrive in {_SECONDS} seconds") from None
    except ClientDisconnect:
        raise HTTPException(400, "the connection ended before the picture had arrived") from None
    if size > LIMIT:
        raise HTTPException(
            413, f"the file is larger than {LIMIT // 1_000_000} MB; shrink the picture first"
        )
    return bytes(content)
