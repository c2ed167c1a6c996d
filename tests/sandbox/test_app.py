"""HTTP: who may ask, which verbs, and that no input makes the server fail."""

from __future__ import annotations

import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Http

PATHS = ["/directories", "/directory_users", "/directory_groups", "/organizations", "/events"]


def test_answers_carry_the_headers_of_the_service(http: Http) -> None:
    first, second = http.get("/directories"), http.get("/directories")
    assert first.headers["Content-Type"] == "application/json; charset=utf-8"
    assert first.headers["ETag"].startswith('W/"')
    assert first.headers["ETag"] == second.headers["ETag"]
    assert len(first.headers["X-Request-Id"]) == 36
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


@pytest.mark.parametrize("key", [None, "Bearer sk_test_other", "Basic x", "sk_test_dirsync_sandbox"])
def test_another_key_is_unauthorized(http: Http, key: str | None) -> None:
    response = http.session.get(http.sandbox.url + "/directories", headers={"Authorization": key})  # type: ignore[dict-item]
    assert response.status_code == 401
    assert response.json() == {"message": "Unauthorized"}
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/directories/x"),
        ("POST", "/directories/x/sync"),
        ("POST", "/organizations"),
        ("PUT", "/organizations/x"),
        ("DELETE", "/organizations/x"),
        ("POST", "/webhook_endpoints"),
        ("PATCH", "/webhook_endpoints/x"),
    ],
)
def test_writes_are_refused(http: Http, method: str, path: str) -> None:
    response = http.session.request(method, http.sandbox.url + path)
    assert response.status_code == 403
    assert "read-only" in response.json()["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_verbs_that_do_not_exist_are_not_allowed(http: Http, method: str) -> None:
    response = http.session.request(method, http.sandbox.url + "/directory_users")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize("path", ["/", "/users", "/directories/", "/directories/a/b", "/%00", "/%ff%fe", "//"])
def test_an_unknown_path_is_not_found_in_json(http: Http, path: str) -> None:
    response = http.get(path)
    assert response.status_code == 404
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:1"}, 200),
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.rebound.example"}, 403),
        ({"Host": "[::"}, 403),
        ({"Origin": "http://localhost:8888"}, 200),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/directories", "/_sandbox"])
def test_only_this_machine_by_its_own_name_is_answered(
    http: Http, path: str, headers: dict[str, str], status: int
) -> None:
    response = http.session.get(http.sandbox.url + path, headers=headers)
    assert response.status_code == status


def test_both_spellings_of_this_machine_reach_it(http: Http) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = http.sandbox.url.replace("127.0.0.1", host)
        assert http.session.get(url + "/directories").status_code == 200


def test_requests_are_kept_in_order(http: Http) -> None:
    http.get("/directories", limit=1)
    http.session.delete(http.sandbox.url + "/directories/x")
    assert http.sandbox.requests == [("GET", "/directories", "limit=1"), ("DELETE", "/directories/x", "")]


PARAMETERS = [
    "limit", "order", "after", "before", "directory", "group", "user", "idp_id", "email", "search", "domain",
    "domains", "organization_id", "events", "events[]", "range_start", "range_end", "x",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["asc", "normal", "10", "-5", "9" * 400, "\0", "%", "'; DROP TABLE users; --", "2026-07-30T00:00:00Z"]
    ),
    st.sampled_from(
        ["dsync.user.created", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z", ",", "\ud800"]
    ),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(path=st.sampled_from(PATHS), query=st.dictionaries(st.sampled_from(PARAMETERS), TEXTS, max_size=5))
def test_no_query_makes_the_server_fail(http: Http, path: str, query: dict[str, str]) -> None:
    encoded = {key: value.encode("utf-8", "surrogatepass") for key, value in query.items()}
    response = http.get(path, **encoded)
    assert response.status_code in (200, 400, 404, 422)
    assert response.json()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(raw=st.binary(max_size=40))
def test_no_bytes_in_path_or_query_make_the_server_fail(http: Http, raw: bytes) -> None:
    cleaned = bytes(byte for byte in raw if byte > 32 and byte not in (127,))
    target = b"/directory_users?directory=" + cleaned
    assert _status(http, target) in (b"422", b"404", b"400")
    assert _status(http, b"/directories/" + cleaned) in (b"404", b"400", b"422", b"200")


def _status(http: Http, target: bytes) -> bytes:
    port = int(http.sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        key = http.sandbox.api_key.encode()
        peer.sendall(b"GET %s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n" % (target, key))
        return peer.recv(65536).split(b" ")[1]


def test_a_failure_of_ours_is_still_an_answer(http: Http, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    app = http.sandbox.app
    monkeypatch.setattr(app, "_check_origin", lambda *_: 1 / 0)
    response = requests.get(http.sandbox.url + "/directories", timeout=5)
    assert response.status_code == 500
    assert response.json() == {"message": "Internal server error"}
    assert "ZeroDivisionError" in caplog.text


ROADS = (
    "/directories?limit=3",
    "/directory_users?directory={okta}&limit=2&order=asc",
    "/directory_users?directory={okta}&limit=%32",
    "/directory_users?directory=nobody",
    "/directory_users",
    "/events?events=dsync.user.created&limit=2",
    "/nothing?at=all",
    "/directories/{okta}/sync",
)


def test_the_short_road_and_the_general_one_give_the_same_bytes(http: Http) -> None:
    okta = http.sandbox.truth.directories()[0]["id"]
    address = urlsplit(http.sandbox.url)
    for target in ROADS:
        for more in ("", "Authorization: Bearer wrong\r\n", "Origin: http://elsewhere.test\r\n"):
            key = "" if "Bearer" in more else f"Authorization: Bearer {http.sandbox.api_key}\r\n"
            asked = f"GET {target.format(okta=okta)} HTTP/1.1\r\nHost: localhost\r\n{key}{more}"
            answers = [answer_to(address, f"{asked}{road}\r\n") for road in ("", "X_General: 1\r\n")]
            assert answers[0] == answers[1]
            assert answers[0].startswith(b"HTTP/1.1 ")
    assert len(http.sandbox.requests) == 2 * len(ROADS) * 2  # a foreign origin is no request to the API


def answer_to(address: Any, request: str) -> bytes:
    """Return the bytes of an answer, without its request id."""
    with socket.create_connection((address.hostname, address.port), 5) as connection:
        connection.sendall(request.encode())
        found = b""
        while b"\r\n\r\n" not in found:
            found += connection.recv(65536)
        head, _, body = found.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(body) < length:
            body += connection.recv(65536)
    return re.sub(rb"x-request-id: \S+", b"", head) + body
