"""The webhook endpoint wakes the worker for what WorkOS signed, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from directory_worker.wake import serve, wake_app

from .conftest import Desk

SECRET = "whsec_test"  # invented
BODY = b'{"id": "event_1", "event": "dsync.user.created", "note": "\xc3\xa9 1.0"}'

Post = Callable[..., tuple[str, bool]]


def sign(body: bytes, secret: str = SECRET, *, age: float = 0) -> str:
    stamp = str(int((time.time() - age) * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp}, v1={digest}"


@pytest.fixture
def post(desk: Desk) -> Post:
    """Post to the endpoint; give its status and whether it woke the worker."""

    def call(body: bytes = BODY, signature: str | None = None, method: str = "POST", **more: str) -> Any:
        wake, said = threading.Event(), []
        environ = {"REQUEST_METHOD": method, "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
        if signature is not None:
            environ["HTTP_WORKOS_SIGNATURE"] = signature
        app = wake_app(desk.client, SECRET, wake)
        app({**environ, **more}, lambda status, _: said.append(status))  # type: ignore[arg-type, return-value]
        return said[0][:3], wake.is_set()

    return call


def test_what_workos_signed_wakes(post: Post) -> None:
    assert post(BODY, sign(BODY)) == ("200", True)


@pytest.mark.parametrize(
    "signature",
    [None, "", "nonsense", "t=1, v1=00", sign(BODY, "whsec_other"), sign(BODY, age=600), "t=x, v1=é"],
)
def test_anything_else_is_refused_and_wakes_nobody(post: Post, signature: str | None) -> None:
    assert post(BODY, signature) == ("400", False)


def test_a_signature_that_is_not_ascii_is_refused_like_any_other(post: Post) -> None:
    assert post(BODY, f"t={int(time.time() * 1000)}, v1=é") == ("400", False)


def test_a_body_that_was_written_anew_is_refused(post: Post) -> None:
    assert post(BODY.replace(b"1.0", b"1"), sign(BODY)) == ("400", False)


def test_other_methods_and_endless_bodies_are_refused(post: Post) -> None:
    assert post(method="GET") == ("405", False)
    assert post(CONTENT_LENGTH="999999999") == ("413", False)
    assert post(CONTENT_LENGTH="") == ("413", False)


def test_it_is_served_over_http_to_the_service(desk: Desk) -> None:
    wake = threading.Event()
    server = serve(wake_app(desk.client, SECRET, wake), 0, "127.0.0.1")
    try:
        line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        line.request("POST", "/", BODY, {"WorkOS-Signature": sign(BODY)})
        assert line.getresponse().status == 200
        line.close()
    finally:
        server.shutdown()
        server.server_close()
    assert wake.is_set()
