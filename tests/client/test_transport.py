from __future__ import annotations

import copy
import gzip
import io
import json
import logging
import os
import pickle
import socket
import traceback
from contextlib import redirect_stderr, redirect_stdout

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import Pacer, RetryPolicy, Transport
from dirsync_nb.client.credentials import is_loopback
from dirsync_nb.client.transport import Traffic
from dirsync_nb.notebooks import network_guard

from ..foreign import KEY, Answer

OK = Answer({"object": "directory", "id": "d1"})
ONE_TRY = RetryPolicy(attempts=1)


# Retries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["Ratelimited", {"message": "Rate limit exceeded."}, b"", b"<html>no", None])
def test_a_429_is_waited_out_whatever_its_body_is(serve, clock, body):
    """HTTP-06: the documented body of a 429 is a bare JSON string."""
    server, client = serve([Answer(body, 429, {"Retry-After": "1"}), OK])
    traffic = Traffic()
    assert client.transport.get("/directories/d1", traffic=traffic)["id"] == "d1"
    assert clock.sleeps == [1.0]
    assert [(wait.cause, wait.seconds) for wait in traffic.waits] == [("429", pytest.approx(1.0))]
    assert traffic.requests == len(server.requests) == 2


@pytest.mark.parametrize(
    ("headers", "body", "waited"),
    [
        ({"Retry-After": "3"}, "Ratelimited", 3.0),
        ({"Retry-After": "0"}, "Ratelimited", 1.0),
        ({}, "Ratelimited", 1.0),  # our own first pause
        ({}, {"code": "rate_limit_exceeded", "message": "…", "retry_after": 2.5}, 2.5),
        ({"Retry-After": "never"}, {"retry_after_seconds": 4}, 4.0),
    ],
)
def test_the_pause_comes_from_the_header_else_the_body_else_ourselves(serve, clock, headers, body, waited):
    _, client = serve([Answer(body, 429, headers), OK])
    client.transport.get("/directories/d1")
    assert sum(clock.sleeps) == pytest.approx(waited)


def test_a_429_with_a_date_is_waited_until_then_and_a_past_date_not_at_all(serve, clock):
    """HTTP-07: about two seconds, then none."""
    from datetime import UTC, datetime, timedelta
    from email.utils import format_datetime

    ahead = format_datetime(datetime.now(UTC) + timedelta(seconds=2.9), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    _, client = serve([Answer("x", 429, {"Retry-After": ahead}), Answer("x", 429, {"Retry-After": past}), OK])
    client.transport.get("/directories/d1")
    assert len(clock.sleeps) == 1
    assert 1.0 < clock.sleeps[0] <= 2.9


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_that_recovers_is_asked_again(serve, clock, status):
    server, client = serve([Answer(b"<html>oops</html>", status, {"Content-Type": "text/html"})] * 3 + [OK])
    assert client.transport.get("/directories/d1")["id"] == "d1"
    assert clock.sleeps == [1.0, 2.0, 4.0]
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "broken",
    [
        Answer(reset=True),
        Answer({"id": "d1"}, cut=5),  # Content-Length promises more
        Answer(b'{"object": "list", "da'),  # whole by HTTP, half by JSON
        Answer(b"<html>login</html>", headers={"Content-Type": "text/html"}),
        Answer(b"\xff\xfe\xfa"),
        Answer(b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["reset", "cut", "half JSON", "HTML", "no text", "broken gzip"],
)
def test_broken_answers_are_asked_for_again(serve, broken):
    server, client = serve([broken, OK])
    assert client.transport.get("/directories/d1")["id"] == "d1"
    assert len(server.requests) == 2


def test_answers_that_stay_broken_end_in_a_named_error(serve):
    _, client = serve(lambda request: Answer(b'{"data": ['))
    with pytest.raises(errors.BadPayload, match="not JSON, or cut short.*Tried 4 times"):
        client.transport.get("/directories")


def test_a_silent_server_times_out_with_advice(serve):
    _, client = serve(lambda request: Answer(OK.body, delay=1.0), timeout=0.05, retry=ONE_TRY)
    with pytest.raises(errors.TimedOut, match="within 0.05 s") as caught:
        client.transport.get("/directories")
    assert caught.value.retryable


def test_nobody_listening_on_this_machine_is_said_at_once(clock):
    """As after ``client.sandbox.stop()``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    transport = Transport(f"http://127.0.0.1:{port}", KEY, pacer=Pacer(clock=clock, sleep=clock.sleep))
    with pytest.raises(
        errors.ConnectionFailed, match=f"nothing listens at .*127.0.0.1:{port}.*stopped"
    ) as caught:
        transport.get("/directories")
    assert not caught.value.retryable
    assert clock.sleeps == []


def test_a_server_elsewhere_that_refuses_is_asked_again(clock, monkeypatch):
    def refused(*_args, **_kwargs):
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refused)
    policy = RetryPolicy(spread=lambda: 1.0)
    pacer = Pacer(per_directory=None, per_key=None, clock=clock, sleep=clock.sleep)
    transport = Transport("https://192.0.2.1", KEY, retry=policy, pacer=pacer)
    with pytest.raises(errors.ConnectionFailed, match="Check the address, the network.*Tried 4 times"):
        transport.get("/directories")
    assert clock.sleeps == [1.0, 2.0, 4.0]


def test_what_the_network_guard_refuses_is_told_at_once_and_as_what_it_is(clock, monkeypatch):
    """A run that is kept to this machine is no matter of networks and proxies, and a pause changes nothing."""
    monkeypatch.setattr(network_guard, "_active", True)
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *given, **_: network_guard._hook("socket.getaddrinfo", given)
    )
    client = ds.connect(KEY, base_url="https://people.example.com")
    traffic = Traffic()
    with pytest.raises(errors.ConnectionFailed, match="this run may reach this machine only") as caught:
        client.transport.get("/directories/d1", traffic=traffic)
    assert "people.example.com:443" in str(caught.value)
    assert "proxy" not in str(caught.value)
    assert (clock.sleeps, traffic.requests, caught.value.retryable) == ([], 1, False)


@pytest.mark.parametrize(("timeout", "deadline"), [(1.0, 120.0), (60.0, 120.0), (300.0, 600.0)])
def test_a_longer_timeout_allows_a_longer_answer(timeout, deadline):
    assert Transport("https://api.workos.com", KEY, timeout=timeout).deadline == deadline


@pytest.mark.parametrize("path", ["/directories/d1", "/directories/a%2Fb"])
def test_path_and_parameters_arrive_as_they_were_meant(serve, path):
    server, client = serve([OK])
    params = {"search": "Åse & Søn +1=2", "limit": 100, "after": "a/b"}
    client.transport.get(path, params)
    (request,) = server.requests
    assert (request.path, request.query) == (path, {name: str(value) for name, value in params.items()})


def test_a_pause_longer_than_allowed_is_an_error_that_names_the_setting(serve, clock):
    server, client = serve([Answer("Ratelimited", 429, {"Retry-After": "120"})])
    with pytest.raises(
        errors.RateLimited, match=r"asks for 120 s, more than max_wait=60.*max_wait=120"
    ) as caught:
        client.transport.get("/directories")
    assert (caught.value.status_code, caught.value.retry_after, caught.value.retryable) == (429, 120.0, True)
    assert clock.sleeps == []


# What errors say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"message": "No events.", "code": "invalid_events_request"}, errors.BadRequest, "No events"),
        (401, {"message": "Unauthorized"}, errors.NotAuthorized, "API Keys"),
        (401, {"error": "Unauthorized"}, errors.NotAuthorized, "Unauthorized"),
        (403, {"message": "Forbidden"}, errors.Forbidden, "must be enabled"),
        (404, {"message": "Directory not found: 'd9'.", "code": "entity_not_found"}, errors.NotFound, "'d9'"),
        (404, {"message": "Not Found"}, errors.NotFound, "another environment"),
        (
            422,
            {"errors": [{"field": "directory", "code": "Please provide"}]},
            errors.Unprocessable,
            "directory: Please",
        ),
        (422, {"errors": [{"field": "events", "code": "required"}]}, errors.Unprocessable, "events: required"),
        (
            422,
            {
                "code": "invalid_request_parameters",
                "errors": [{"code": "invalid_limit", "message": "limit too big"}],
            },
            errors.Unprocessable,
            "limit too big",
        ),
        (422, {"message": ["a must be", "b must be"]}, errors.Unprocessable, "a must be; b must be"),
        (422, {"errors": [{"property": "p", "constraints": {"x": "y"}}]}, errors.Unprocessable, "p: "),
        (418, b"plain text", errors.ApiError, "plain text"),
        (302, b"", errors.ApiError, "Redirects are not followed"),
        (404, b"<html><h1>Not here</h1></html>", errors.NotFound, "404"),
    ],
)
def test_each_status_is_explained_once_and_not_retried(serve, clock, status, body, kind, words):
    server, client = serve([Answer(body, status)])
    with pytest.raises(kind, match=words) as caught:
        client.transport.get("/directories", doing="reading directories")
    message = str(caught.value)
    assert message.startswith(f"reading directories: the API answered {status}")
    assert "req-7" in message
    assert caught.value.request_id == "req-7"
    assert caught.value.status_code == status
    assert not caught.value.retryable
    assert len(server.requests) == 1


def test_a_401_says_which_variable_was_read(serve):
    server, client = serve([Answer({"message": "Unauthorized"}, 401)])
    transport = Transport(server.url, KEY, key_source="WORKOS_API_KEY")
    with pytest.raises(errors.NotAuthorized, match=r"read from WORKOS_API_KEY \(test environment\)"):
        transport.get("/directories")


def test_an_endless_error_body_is_cut_short(serve):
    _, client = serve([Answer({"message": "x" * 10_000}, 422)])
    with pytest.raises(errors.Unprocessable) as caught:
        client.transport.get("/directories")
    assert len(str(caught.value)) < 700


# Safety -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_every_verb_but_get_is_refused_before_a_socket_opens(monkeypatch, method):
    def no_socket(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", no_socket)
    monkeypatch.setattr(socket, "getaddrinfo", no_socket)
    transport = Transport("https://api.workos.com", KEY)
    with pytest.raises(errors.ReadOnlyError, match="only reads"):
        transport.connections.pool.urlopen(method, "/directories/d1")


@pytest.mark.parametrize("path", ["https://elsewhere.test/x", "@elsewhere.test/x", ":80@elsewhere.test/x"])
def test_a_path_that_names_another_server_is_not_sent(serve, path):
    server, client = serve([])
    with pytest.raises(errors.ReadOnlyError, match="one server"):
        client.transport.get(path)
    assert not server.requests


def test_a_path_that_looks_like_another_server_goes_to_ours(serve):
    server, client = serve([OK])
    client.transport.get("//elsewhere.test/x")
    assert server.requests[0].headers["Host"] in server.url


def test_a_netrc_entry_does_not_replace_the_key(serve, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server, client = serve([OK])
    client.transport.get("/directories/d1")
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_redirects_are_not_followed(serve):
    server, client = serve([Answer(b"", 302, {"Location": "http://127.0.0.1:1/elsewhere"})])
    with pytest.raises(errors.ApiError):
        client.transport.get("/directories")
    assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_does_not_swallow_calls_to_this_machine(serve, monkeypatch, host):
    """HTTP-13: a dead proxy in the environment, and no list of exceptions."""
    server, _ = serve(lambda request: OK)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    transport = Transport(server.url.replace("127.0.0.1", host), KEY, retry=ONE_TRY)
    assert transport.get("/directories/d1")["id"] == "d1"


def test_a_server_elsewhere_is_reached_through_the_proxy(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    transport = Transport("https://api.workos.com", KEY, retry=ONE_TRY)
    with pytest.raises(errors.ConnectionFailed, match="ProxyError|refused"):
        transport.get("/directories")


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.3.2.1", "http://[::1]:80", "http://x.localhost"]
)
def test_loopback_addresses_are_known(url):
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "api.workos.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?y=1",
        "http://api.workos.com",
        "https://x:99999",
    ],
)
def test_addresses_that_cannot_be_right_are_refused(url):
    with pytest.raises(errors.ConfigurationError, match="base_url"):
        Transport(url, KEY)


@pytest.mark.parametrize("key", ["", "client_123", "sk_test_a b", "sk_test_\n", "sk_tést", "Bearer sk_test_1"])
def test_keys_that_cannot_be_right_are_refused_without_being_shown(key):
    with pytest.raises(errors.ConfigurationError, match="WORKOS_API_KEY does not hold an API key") as caught:
        Transport("https://api.workos.com", key, key_source="WORKOS_API_KEY")
    assert not key or key not in str(caught.value)


def test_the_client_says_that_a_key_is_set_and_nothing_of_it(serve):
    """SEC-02: a sign of life without a single character of the secret."""
    _, client = serve([])
    secret = KEY.removeprefix("sk_test_")
    for text in (repr(client), repr(client.transport), repr(client.transport.connections)):
        assert not any(secret[at : at + 4] in text for at in range(len(secret) - 3))
    assert "key set, test environment" in repr(client)


def test_a_client_cannot_be_pickled_with_its_key(serve):
    _, client = serve([])
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client.transport)


TROUBLE = {
    "401": Answer({"message": "Unauthorized"}, 401),
    "403": Answer({"message": "Forbidden"}, 403),
    "422": Answer({"errors": [{"field": "directory", "code": "Please"}]}, 422),
    "500": Answer({"message": "boom"}, 500),
    "html": Answer(b"<html>", headers={"Content-Type": "text/html"}),
    "reset": Answer(reset=True),
    "slow": Answer(OK.body, delay=0.5),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_the_key_is_in_no_error_log_or_traceback_with_its_local_variables(serve, caplog, trouble):
    """SEC-01: and neither in a traceback that shows every local variable, as IPython's verbose mode does."""
    caplog.set_level(logging.DEBUG)
    _, client = serve(lambda request: TROUBLE[trouble], retry=ONE_TRY, timeout=0.1)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out), pytest.raises(errors.LoadError) as caught:
        list(client.users(directory_id="d1"))
    problem = caught.value
    told = traceback.TracebackException.from_exception(problem, capture_locals=True)
    chain = [problem, problem.__cause__, problem.__context__]
    everything = "".join(told.format()) + "".join(map(repr, chain)) + caplog.text + out.getvalue()
    assert "CANARY" not in everything
    assert caplog.text
    assert "users of d1" in str(problem)
    assert problem.__context__ is None


def test_a_server_that_quotes_the_key_does_not_get_it_into_the_message(serve):
    _, client = serve([Answer({"message": f"Invalid API key: {KEY} {'x' * 400}"}, 401)])
    with pytest.raises(errors.NotAuthorized, match="Invalid API key: <key hidden>") as caught:
        client.transport.get("/directories")
    assert "CANARY" not in str(caught.value)


def test_an_interrupted_request_shows_no_key_in_any_local_variable(serve, monkeypatch):
    """Ctrl-C lands deep in the HTTP library, whose variables hold the header."""
    _, client = serve([])

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("http.client.HTTPConnection.send", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        client.transport.get("/directories/d1")
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(told.format())
    assert "transport.py" in text
    assert "CANARY" not in text


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_refused_key_shows_in_no_local_variable(monkeypatch, by):
    """Such a key may be a real one with a slip in it."""
    key = "sk_test_CANARY 1234567890"
    monkeypatch.setenv("WORKOS_API_KEY", key)
    arguments = {"api_key": key} if by == "argument" else {}
    with pytest.raises(errors.ConfigurationError) as caught:
        ds.connect(**arguments)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [
        line
        for entry in frames.stack
        if "dirsync_nb" in entry.filename
        for line in (entry.locals or {}).values()
    ]
    ours = [line for line in ours if "test_transport" not in line]
    assert ours
    assert not any("CANARY" in line for line in ours if "arguments" not in line)


def test_certificate_trouble_is_not_retried(serve, clock):
    """Over https to a server that speaks plain http."""
    server, _ = serve([])
    transport = Transport(server.url.replace("http:", "https:"), KEY)
    transport.pacer.sleep = clock.sleep
    with pytest.raises(errors.ConnectionFailed, match="REQUESTS_CA_BUNDLE") as caught:
        transport.get("/directories")
    assert not caught.value.retryable
    assert clock.sleeps == []


def test_a_request_after_closing_opens_new_connections(serve):
    server, client = serve(lambda request: OK)
    client.transport.get("/directories/d1")
    client.close()
    assert client.transport.get("/directories/d1")["id"] == "d1"
    assert [r.headers["Authorization"] for r in server.requests] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "HTTPS_PROXY"])
def test_certificates_and_proxies_that_are_not_there_are_named(monkeypatch, variable):
    monkeypatch.setenv(variable, {"HTTPS_PROXY": "http://", "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}[variable])
    with pytest.raises(errors.ConfigurationError, match="Check the proxy and REQUESTS_CA_BUNDLE"):
        Transport("https://api.workos.com", KEY)


def test_a_forked_process_opens_connections_of_its_own(serve, monkeypatch):
    server, client = serve(lambda request: OK)
    client.transport.get("/directories/d1")
    before = client.transport.connections.pool
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as a forked process finds it
    client.transport.get("/directories/d1")
    assert client.transport.connections.pool is not before
    assert [r.headers["Authorization"] for r in server.requests] == [f"Bearer {KEY}"] * 2


@pytest.mark.parametrize("travel", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy], ids=["pickle", "copy"])
def test_an_error_travels_between_processes_whole(travel):
    error = errors.NotFound("gone", status_code=404, code="entity_not_found", request_id="r1")
    back = travel(error)
    assert (type(back), str(back), back.status_code, back.code) == (
        errors.NotFound,
        "gone",
        404,
        "entity_not_found",
    )


def test_gzipped_answers_are_read(serve):
    body = gzip.compress(json.dumps(OK.body).encode())
    _, client = serve([Answer(body, headers={"Content-Encoding": "gzip"})])
    assert client.transport.get("/directories/d1")["id"] == "d1"


def test_requests_name_the_toolkit_and_ask_for_json(serve):
    server, client = serve([OK])
    client.transport.get("/directories/d1")
    assert server.requests[0].headers["User-Agent"].startswith("dirsync-nb/")
    assert server.requests[0].headers["Accept"] == "application/json"


def test_cookies_are_not_sent_back(serve):
    server, client = serve([Answer(OK.body, headers={"Set-Cookie": "a=b"}), OK])
    client.transport.get("/directories/d1")
    client.transport.get("/directories/d1")
    assert "Cookie" not in server.requests[1].headers
