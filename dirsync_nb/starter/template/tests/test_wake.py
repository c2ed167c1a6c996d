"""The webhook endpoint wakes the worker for what WorkOS signed, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import sessionmaker

from directory_worker.health import Health, Pulse
from directory_worker.tables import open_database
from directory_worker.wake import serve, wake_app

from .conftest import PEOPLE, Desk

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
    ids=["none", "empty", "no form", "old and wrong", "of another secret", "too old", "no number"],
)
def test_anything_else_is_refused_and_wakes_nobody(post: Post, signature: str | None) -> None:
    assert post(BODY, signature) == ("400", False)


def test_a_signature_that_is_not_ascii_is_refused_like_any_other(post: Post) -> None:
    assert post(BODY, f"t={int(time.time() * 1000)}, v1=é") == ("400", False)


def test_a_body_that_was_written_anew_is_refused(post: Post) -> None:
    assert post(BODY.replace(b"1.0", b"1"), sign(BODY)) == ("400", False)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        ({"signature": sign(BODY, "whsec_other")}, "Signature hash does not match"),
        ({"method": "GET"}, "webhooks are sent by POST"),
        ({"CONTENT_LENGTH": ""}, "it says no length"),
    ],
)
def test_the_log_says_why_a_webhook_was_refused(
    post: Post, caplog: pytest.LogCaptureFixture, refused: dict[str, Any], reason: str
) -> None:
    status, _ = post(**refused)
    (line,) = caplog.records
    facts: dict[str, str] = getattr(line, "facts", {})
    assert (line.msg, facts["status"][:3]) == ("webhook_refused", status)
    assert reason in facts["reason"]


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


class Asker:
    """Asks for pages of a worker whose clock can be set."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.now = desk, 1_000.0
        desk.transport.pulse.clock = lambda: self.now
        self.health = Health(desk.transport.pulse, sessionmaker(desk.engine), timedelta(minutes=15))

    def get(self, path: str, health: Health | None = None) -> tuple[str, bytes]:
        said: list[str] = []
        app = wake_app(self.desk.client, "", threading.Event(), health or self.health)
        environ: Any = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        body = b"".join(app(environ, lambda status, _: said.append(status)))  # type: ignore[arg-type, return-value]
        return said[0][:3], body


def test_it_is_well_once_it_has_a_place_and_as_long_as_turns_succeed(desk: Desk) -> None:
    ask = Asker(desk)
    assert ask.get("/healthz") == ("503", b'{"database": true, "place": false, "turn": false}')
    desk.worker.run_once()
    assert ask.get("/healthz") == ("200", b'{"database": true, "place": true, "turn": true}')
    ask.now += 15 * 60 + 1
    assert ask.get("/healthz") == ("503", b'{"database": true, "place": true, "turn": false}')


def test_a_database_that_cannot_be_reached_is_not_well_and_counts_go_on(desk: Desk, tmp_path: Path) -> None:
    ask = Asker(desk)
    away = sessionmaker(open_database(f"sqlite:///{tmp_path / 'no' / 'such.db'}"))
    health = Health(Pulse(last_turn=ask.now, clock=lambda: ask.now, requests=7), away, timedelta(minutes=15))
    assert ask.get("/healthz", health) == ("503", b'{"database": false, "place": false, "turn": true}')
    status, text = ask.get("/metrics", health)
    assert (status, b"directory_worker_requests_total 7\n" in text, b"users{" in text) == ("200", True, False)


def test_the_numbers_are_those_of_the_turns_and_the_tables(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, sandbox = Asker(desk), desk.sandbox
    worker = desk.worker
    worker.run_once()
    sandbox.deactivate_user(sandbox.truth.users(desk.home)[0]["id"])
    pages = list(worker._source.event_pages(desk.place().cursor))
    broken = {**pages[0][0], "id": "event_0", "data": None}
    with monkeypatch.context() as patch:
        patch.setattr(worker._source, "event_pages", lambda _: iter([[broken, *pages[0]]]))
        worker.run_once()
    sandbox.faults.add("status", status=429, retry_after=1, times=1)
    worker.run_once()
    text = ask.get("/metrics")[1].decode()
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    numbers = {name.removeprefix("directory_worker_"): float(value) for name, value in numbers.items()}
    assert numbers.pop("requests_total") == len(sandbox.requests)
    assert numbers == {
        "events_applied_total": 1,
        "events_failed_total": 1,
        "turns_total": 3,
        "rate_limited_total": 1,
        "lag_seconds": 0,  # nothing was new in the last turn
        "last_turn_timestamp_seconds": ask.now,
        'users{status="active"}': PEOPLE - 1,
        'users{status="inactive"}': 0,
        'users{status="retained"}': 1,
        'users{status="removed"}': 0,
    }
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {line.split("{")[0].split()[0] for line in text.splitlines() if line[0] != "#"} == named


def test_other_pages_are_not_there_and_without_a_secret_no_webhook_is_taken(desk: Desk) -> None:
    ask = Asker(desk)
    assert ask.get("/") == ("404", b"")
    said: list[str] = []
    app = wake_app(desk.client, "", threading.Event(), ask.health)
    environ: Any = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(BODY)), "wsgi.input": io.BytesIO(BODY)}
    app(environ | {"HTTP_WORKOS_SIGNATURE": sign(BODY, "")}, lambda status, _: said.append(status))  # type: ignore[arg-type, return-value]
    assert said == ["404 Not Found"]
