"""The worker's HTTP side: webhooks, which wake it and do nothing else, and how it is.

Webhooks come doubled, late and out of order; events do not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from workos import WorkOSClient

from .health import Health
from .logs import say, warn

LARGEST = 2**21


def wake_app(
    client: WorkOSClient, secret: str, wake: threading.Event, health: Health | None = None
) -> WSGIApplication:
    """Make the endpoint, for any WSGI server: 200 and a wake-up for what WorkOS signed, 400 for the rest.

    GET of ``/healthz`` and ``/metrics`` say how the worker is. Without a secret no webhook is taken.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET" and health is not None:
            return _tell(health, environ, start_response)
        status, reason = _take(client, secret, environ)
        if status.startswith("200"):
            wake.set()
            say("woken")
        else:
            warn("webhook_refused", status=status, reason=reason)
        start_response(status, [("Content-Length", "0")])
        return [b""]

    return app


def _tell(health: Health, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status, kind, body = "404 Not Found", "text/plain", b""
    if environ.get("PATH_INFO") == "/healthz":
        well, body = health.check()
        status, kind = ("200 OK" if well else "503 Service Unavailable"), "application/json"
    elif environ.get("PATH_INFO") == "/metrics":
        status, kind, body = "200 OK", "text/plain; version=0.0.4; charset=utf-8", health.metrics()
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _take(client: WorkOSClient, secret: str, environ: WSGIEnvironment) -> tuple[str, str]:
    """Return the status of an answer and, where it is a refusal, why."""
    if not secret:
        return "404 Not Found", "no webhook secret is set, so none can be verified"
    length = environ.get("CONTENT_LENGTH") or ""
    if environ["REQUEST_METHOD"] != "POST":
        return "405 Method Not Allowed", "webhooks are sent by POST"
    if not length.isdigit() or int(length) > LARGEST:
        return "413 Content Too Large", f"it says no length, or one of more than {LARGEST:,} bytes"
    body: bytes = environ["wsgi.input"].read(int(length))
    signature = environ.get("HTTP_WORKOS_SIGNATURE", "")
    try:
        client.webhooks.verify_header(event_body=body, event_signature=signature, secret=secret)
    except (ValueError, TypeError) as problem:  # the latter for a signature that is not even ASCII
        return "400 Bad Request", str(problem)
    return "200 OK", ""


class _Quiet(WSGIRequestHandler):
    timeout = 5

    def log_message(self, *_: Any) -> None:
        """Say nothing: addresses of callers do not belong in the log."""


def serve(app: WSGIApplication, port: int, host: str = "") -> WSGIServer:
    """Serve the endpoint on a thread of its own. Behind a proxy that speaks HTTPS, this is enough."""
    server = make_server(host, port, app, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, name="wake", daemon=True).start()
    return server
