"""A server that is not ours: it answers what a test hands it, byte for byte.

The sandbox and the client were written by the same people; a scripted server with captured payloads, and with
answers no API should give, is the second opinion.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .canary import KEY

__all__ = ["KEY", "Answer", "ForeignServer", "Request", "listing", "paged", "users"]


@dataclass
class Answer:
    """One HTTP answer; ``cut`` sends only so many bytes of the body and closes, ``reset`` sends nothing."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    delay: float = 0.0

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class ForeignServer:
    """Answer each request with what ``script`` says: a function of the request, or a list used up in order."""

    def __init__(self, script: Callable[[Request], Answer] | list[Answer]) -> None:
        self.requests: list[Request] = []
        self._script = script
        self._lock = threading.Lock()
        foreign = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                foreign._answer(self)

            do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that gave up waiting is part of a test
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ForeignServer:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        request = Request(handler.command, parts.path, query, dict(handler.headers))
        with self._lock:
            self.requests.append(request)
            answer = self._script(request) if callable(self._script) else self._script.pop(0)
        if answer.delay:
            threading.Event().wait(answer.delay)
        if answer.reset:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        body = answer.encoded()
        handler.send_response(answer.status)
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "req-7", **answer.headers}
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body if answer.cut is None else body[: answer.cut])
        if answer.cut is not None:
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True


def listing(records: list[dict[str, Any]], after: str | None = None, before: str | None = None) -> Answer:
    """Make the answer of a list endpoint."""
    return Answer({"object": "list", "data": records, "list_metadata": {"before": before, "after": after}})


def paged(records: list[dict[str, Any]]) -> Callable[[Request], Answer]:
    """Make a script that pages through records, oldest first, by ``after`` and ``limit``."""
    ids = [record["id"] for record in records]

    def script(request: Request) -> Answer:
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = records[start : start + int(request.query.get("limit", 10))]
        more = start + len(page) < len(records)
        return listing(page, after=page[-1]["id"] if page and more else None)

    return script


def users(count: int, **fields: Any) -> list[dict[str, Any]]:
    """Make plain user records ``u000``, ``u001`` ..."""
    return [
        {
            "object": "directory_user",
            "id": f"u{number:03}",
            "directory_id": "d1",
            "organization_id": "o1",
            "idp_id": f"idp{number:03}",
            "email": f"person{number:03}@acme.test",
            "first_name": "Person",
            "last_name": str(number),
            "name": f"Person {number}",
            "state": "active",
            "custom_attributes": {},
            "raw_attributes": {},
            "groups": [],
            "created_at": "2026-05-11T06:42:19.305Z",
            "updated_at": "2026-05-11T06:42:19.305Z",
            **fields,
        }
        for number in range(count)
    ]
