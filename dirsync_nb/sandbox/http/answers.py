"""How answers go out: JSON with an ETag, bodies within bounds, and what only a broken connection can show."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from .api import Refused

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

JSON = "application/json; charset=utf-8"


class Gone(Response):
    """Answer nothing: the connection was cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing."""


def json_response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON."""
    etag = f'W/"{len(body):x}-{zlib.crc32(body):08x}"'
    return Response(body, status, {"Content-Type": JSON, "ETag": etag, **(headers or {})})


async def body_within(request: Request, most: int) -> bytes:
    """Read a body, but not one that is too large: what is refused is not kept either."""
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > most:
            raise Refused(413, {"message": f"The body is larger than {most:,} bytes."}, {"Connection": "close"})
    request.scope["state"]["received"]()
    return bytes(read)


async def closed_within(closing: asyncio.Event, seconds: float) -> bool:
    """Wait, but not longer than the server lives; return whether it ended."""
    try:
        await asyncio.wait_for(closing.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def cut(request: Request) -> Response:
    """Reset the connection. Lingering for no time makes the system send RST and not an orderly end."""
    transport = request.scope["state"]["transport"]
    with suppress(OSError):  # who asked has gone already
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    transport.abort()
    return await _gone(request)


async def harmed(request: Request, response: Response, kind: str | None) -> Response:
    """Break an answer off, if that is the fault; what was asked for is done all the same."""
    body = bytes(response.body)
    if not body:
        return response
    if kind == "truncate":
        return await _send_half(request, response.status_code, response.headers["content-type"], body)
    if kind == "truncated_json":
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return Response(body[: len(body) // 2], response.status_code, headers)
    return response


async def _send_half(request: Request, status: int, content_type: str, body: bytes) -> Response:
    """Promise the whole body, send half of it and close, behind the back of the server's bookkeeping."""
    transport = request.scope["state"]["transport"]
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    head = f"{line}Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    transport.write(head.encode() + body[: len(body) // 2])
    transport.close()
    return await _gone(request)


async def _gone(request: Request) -> Response:
    """Wait for the end of the connection, after which no response is due."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Gone()
