"""What a server, a proxy or a network can do to a request: each ends in time, in bounds, with a typed error."""

from __future__ import annotations

import gzip
import itertools
import pickle
import socket
import ssl
import subprocess
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import Pacer, RetryPolicy, Transport
from dirsync_nb.client.connections import BUNDLES, MOST_BYTES
from dirsync_nb.client.transport import Traffic
from dirsync_nb.client.waiting import Stop

from ..foreign import KEY, Answer

DEADLINE = 0.3
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"id":"d1"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
Pieces = Iterator[bytes]


@contextmanager
def wire(
    *scripts: Callable[[], Pieces], context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """Serve connections in turn with the bytes of a script each; give the address and what was asked."""
    asked: list[bytes] = []
    todo, ended = iter(scripts), threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = listener.accept()[0]
                    threading.Thread(target=talk, args=(client, next(todo, scripts[-1])), daemon=True).start()

        def talk(client: socket.socket, script: Callable[[], Pieces]) -> None:
            with suppress(OSError):
                talking = context.wrap_socket(client, server_side=True) if context else client
                with client, talking:
                    asked.append(talking.recv(65536))
                    for piece in script():
                        if ended.is_set():
                            return
                        talking.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{listener.getsockname()[1]}", asked
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)


def transport(url: str, **settings: object) -> Transport:
    given = {"retry": RetryPolicy(attempts=1), "pacer": Pacer.unlimited(), "deadline": DEADLINE, **settings}
    return Transport(url, KEY, **given)


def drip(before: bytes = b"", piece: bytes = b"x") -> Callable[[], Pieces]:
    """Make a script that goes on for ever, well within any timeout for one piece."""

    def script() -> Pieces:
        yield before
        while True:
            time.sleep(0.02)
            yield piece

    return script


def flood(before: bytes, piece: bytes = b" " * 2**20) -> Callable[[], Pieces]:
    return lambda: itertools.chain([before], itertools.repeat(piece))


DRIPS = {
    "nothing at all": (b"", b""),
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "body to the end": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "error body": (b"HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (CHUNKED, b"1\r\nx\r\n"),
    "chunk size": (CHUNKED, b"0"),
    "chunk extension": (CHUNKED + b"1;", b"x"),
    "chunk": (CHUNKED + b"fff\r\n", b"x"),
    "trailer": (CHUNKED + b"b\r\n" + b'{"id":"d1"}' + b"\r\n0\r\n", b"X: y\r\n"),
    "trailer line": (CHUNKED + b"b\r\n" + b'{"id":"d1"}' + b"\r\n0\r\nX: ", b"x"),
    "gzip without content": (GZIP + b"\r\n", gzip.compress(b"")),
}


@pytest.mark.parametrize("where", DRIPS)
def test_a_drip_ends_at_the_deadline_wherever_it_is(where):
    with wire(drip(*DRIPS[where])) as (url, _), transport(url) as asking:
        started = time.monotonic()
        with pytest.raises(errors.TimedOut, match="no whole answer from .* within 0.3 s"):
            asking.get("/directories/d1")
        assert time.monotonic() - started < DEADLINE + 5  # on a busy machine


def test_silence_ends_after_the_timeout_and_before_the_deadline():
    with wire(drip(b"", b"")) as (url, _), transport(url, timeout=0.05, deadline=60) as asking:
        with pytest.raises(errors.TimedOut, match="no answer from .* within 0.05 s"):
            asking.get("/directories/d1")


def test_a_server_that_takes_no_connection_is_left_in_time():
    """Two in its queue and it answers nobody: the system keeps all others waiting."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with suppress(OSError), socket.create_connection(address), socket.create_connection(address, 0.05):
            pass
        with transport(f"http://127.0.0.1:{address[1]}", timeout=0.2) as asking:
            started = time.monotonic()
            with pytest.raises(errors.ConnectionFailed):
                asking.get("/directories/d1")
            assert time.monotonic() - started < DEADLINE + 5


def test_an_answer_after_interim_ones_belongs_to_its_own_request():
    def first() -> Pieces:
        yield b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        time.sleep(0.05)
        yield OK
        yield b""
        time.sleep(1)

    with (
        wire(first, lambda: iter([OK.replace(b"d1", b"d2")])) as (url, _),
        transport(url, deadline=5) as asking,
    ):
        assert asking.get("/directories/d1") == {"id": "d1"}


# Size ---------------------------------------------------------------------------------------------------

ENDLESS = {
    "a promise of 8 GB": b"HTTP/1.1 200 OK\r\nContent-Length: 8589934592\r\n\r\n",
    "no end": b"HTTP/1.1 200 OK\r\n\r\n",
    "chunks": CHUNKED,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_answer_without_measure_is_a_named_error(what):
    piece = b"100000\r\n" + b" " * 2**20 + b"\r\n" if what == "chunks" else b" " * 2**20
    with wire(flood(ENDLESS[what], piece)) as (url, _), transport(url, deadline=20) as asking:
        with pytest.raises(errors.AnswerTooLarge, match=r"larger than 32 MB.*page_size=10") as caught:
            asking.get("/directories")
    assert not caught.value.retryable


def bomb(layers: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(2 * MOST_BYTES // 2**20)) + packer.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_does_not_go_off(layers):
    body = bomb(layers)
    head = GZIP.replace(b"gzip", b", ".join([b"gzip"] * layers))
    script = lambda: iter([head + b"Content-Length: %d\r\n\r\n" % len(body), body])  # noqa: E731
    with wire(script) as (url, _), transport(url, deadline=20) as asking:
        with pytest.raises(errors.AnswerTooLarge):
            asking.get("/directories")


@pytest.mark.parametrize("status", [b"401 No", b"422 No", b"500 No"])
def test_of_an_endless_error_only_the_beginning_is_read(status):
    head = b"HTTP/1.1 " + status + b"\r\nX-Request-Id: req-7\r\n\r\n"
    with wire(flood(head + b"sorry ")) as (url, _), transport(url, deadline=20) as asking:
        with pytest.raises(errors.ApiError, match=r"\(sorry\).*req-7"):
            asking.get("/directories")


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00" * 100_000,
        b"HTTP/9.9 999 \xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n{}",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\nx\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip, " * 50 + b"gzip\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"9" * 100_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 429 x\r\nRetry-After: 1e999\r\n\r\n" + b'{"retry_after": 1e999, "code": []}',
        b"HTTP/1.1 302 x\r\nLocation: http://[::1\r\n\r\n",
        b"HTTP/1.1 422 x\r\n\r\n" + b'{"errors": {"a": 1}, "message": {"b": [null]}}',
    ],
)
def test_nonsense_is_a_load_error(answer):
    with wire(lambda: iter([answer])) as (url, _), transport(url, deadline=5) as asking:
        with pytest.raises(errors.LoadError) as caught:
            asking.get("/directories")
    assert str(caught.value).isprintable()


# The key, and words of others -----------------------------------------------------------------------------

SECRET = KEY.removeprefix("sk_test_")
QUOTES = {
    "status line": b"HTTP/1.1 500 %s\r\n\r\n",
    "broken status line": b"%s\r\n\r\n",
    "request id": b"HTTP/1.1 500 x\r\nX-Request-Id: %s\r\n\r\n",
    "long request id": b"HTTP/1.1 500 x\r\nX-Request-Id: " + b"y" * 90 + b"%s\r\n\r\n",
    "code": b'HTTP/1.1 422 x\r\n\r\n{"code": "%s"}',
    "message": b'HTTP/1.1 422 x\r\n\r\n{"message": "%s"}',
    "message at the cut": b'HTTP/1.1 422 x\r\n\r\n{"message": "' + b"y" * 280 + b'%s"}',
    "errors": b'HTTP/1.1 422 x\r\n\r\n{"errors": [{"field": "%s", "code": "%s"}]}',
    "text": b"HTTP/1.1 401 x\r\n\r\nInvalid key %s",
    "page": b"HTTP/1.1 403 x\r\n\r\n<html><title>Key %s</title>",
    "page of a 200": b"HTTP/1.1 200 x\r\n\r\n<html><title>Key %s</title>",
    "server": b"HTTP/1.1 403 x\r\nServer: %s\r\nVia: %s\r\n\r\n<html>",
    "redirect": b"HTTP/1.1 302 x\r\nLocation: https://%s.test/%s\r\n\r\n",
    "broken header": b"HTTP/1.1 200 OK\r\n%s\r\nX: y\r\n\r\nno JSON",
    "chunk size": CHUNKED + b"%s\r\n",
    "encoding": b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\nx",
    "content length": b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nx",
    "percent-encoded": b"HTTP/1.1 401 x\r\n\r\n?key=%s",
    "broken by invisible letters": b"HTTP/1.1 401 x\r\n\r\n" + b"\x1b]0;\x07%s\x00",
}


@pytest.mark.parametrize("where", QUOTES)
def test_a_key_that_is_quoted_reaches_no_message_field_log_or_traceback(where, caplog, capfd):
    caplog.set_level("DEBUG")
    spelt = KEY.encode()
    if where.startswith("broken by"):
        spelt = "\u200b".join([KEY[:12], KEY[12:]]).encode()
    answer = QUOTES[where].replace(b"%s", b"\x1b[31m" + spelt + b"\x1b[0m")
    with wire(lambda: iter([answer])) as (url, _), transport(url, deadline=5) as asking:
        with pytest.raises(errors.LoadError) as caught:
            asking.get("/directories")
    problem = caught.value
    told = traceback.TracebackException.from_exception(problem, capture_locals=True)
    ours = [f"{entry.locals}" for entry in told.stack if "dirsync_nb" in entry.filename]
    heard = "".join(map(str, [problem, repr(problem), vars(problem), *ours, caplog.text, *capfd.readouterr()]))
    assert not [SECRET[at : at + 6] for at in range(len(SECRET) - 5) if SECRET[at : at + 6] in heard]
    assert "\x1b" not in str(problem)
    assert problem.__cause__ is problem.__context__ is None


def test_a_key_that_is_quoted_in_a_list_reaches_no_row_and_no_cursor(serve):
    body = {
        "object": "list",
        "data": [{"id": f"u{KEY}", KEY: KEY}],
        "list_metadata": {"after": KEY, "before": None},
    }
    _, client = serve(lambda request: Answer(body))
    with pytest.raises(errors.CursorStuck) as caught:
        list(client.users(directory_id="d1"))
    assert SECRET not in str(caught.value) + repr(client.receipts)


def holders(thing: object, seen: set[int], depth: int = 0) -> Iterator[object]:
    """Give whatever can be reached from a thing by its attributes, items and elements."""
    if id(thing) in seen or depth > 12:
        return
    seen.add(id(thing))
    yield thing
    inside: list[object] = []
    if isinstance(thing, dict):
        inside += [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        inside += list(thing)
    inside += list(getattr(thing, "__dict__", {}).values())
    for one in inside:
        yield from holders(one, seen, depth + 1)


def test_a_used_client_holds_the_key_in_no_header_cache_repr_or_file(serve):
    _, client = serve(lambda request: Answer({"id": "d1"}))
    client.directory("d1")
    for thing in holders(client, set()):
        assert SECRET not in repr(thing)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client.transport)


def test_the_libraries_own_debug_output_shows_no_header(serve, monkeypatch, capfd):
    import http.client

    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    _, client = serve(lambda request: Answer({"id": "d1"}))
    client.directory("d1")
    assert capfd.readouterr().out == ""


# Something in between -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.NotTheApi),
        (403, errors.NotTheApi),
        (407, errors.NotTheApi),
        (511, errors.NotTheApi),
        (502, errors.ServerFailure),
        (503, errors.ServerFailure),
        (200, errors.BadPayload),
    ],
)
@pytest.mark.parametrize("body", [b"\n<!DOCTYPE html><title>Web &amp; Filter</title>", b"please log in"])
def test_a_page_is_no_word_of_the_api_whatever_its_status(serve, status, kind, body):
    """NET-01: "something in between answered", not "your key may not"."""
    headers = {"Content-Type": "text/html", "Server": "squid/6", "Via": "1.1 gate\x9b31m"}
    _, client = serve(lambda request: Answer(body, status, headers), retry=RetryPolicy(attempts=1))
    with pytest.raises(kind, match="[Ss]omething in between answered") as caught:
        client.directory("d1")
    assert type(caught.value) is kind
    message = str(caught.value)
    assert caught.value.status_code == status
    assert "squid/6" in message
    assert ("Web & Filter" in message) == body.startswith(b"\n<")
    assert "may not read" not in message
    assert "was refused" not in message
    assert message.isprintable()


def test_a_json_403_is_still_the_apis(serve):
    _, client = serve(lambda request: Answer({"message": "Forbidden"}, 403))
    with pytest.raises(errors.Forbidden, match="may not read it"):
        client.directory("d1")


def test_a_redirect_names_where_it_leads(serve):
    _, client = serve([Answer(b"", 302, {"Location": "https://login.portal.test/x?key=1"})])
    with pytest.raises(errors.ApiError, match=r"not followed \(this one leads to login.portal.test\)"):
        client.directory("d1")


def reply(status: str, more: bytes = b"") -> Callable[[], Pieces]:
    return lambda: iter([f"HTTP/1.1 {status}\r\n".encode() + more + b"\r\n"])


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Blocked", "502 Bad Gateway"])
def test_a_proxy_that_refuses_is_named_and_its_password_is_not(monkeypatch, status):
    password = "p@ss:CANARYword"
    with wire(reply(f"{status} p%40ss%3ACANARYword {password}\x1b[31m")) as (url, asked):
        login = "someone:p%40ss%3ACANARYword@"
        monkeypatch.setenv("HTTPS_PROXY", url.replace("://", f"://{login}"))
        with Transport("https://api.workos.com", KEY, retry=RetryPolicy(attempts=1)) as asking:
            with pytest.raises(errors.ConnectionFailed, match="in between.*proxy http://127") as caught:
                asking.get("/directories")
            told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
            ours = [f"{e.locals}" for e in told.stack if "dirsync_nb/client" in e.filename]
            assert "CANARYword" not in str(caught.value) + "".join(ours)
            assert str(caught.value).isprintable()
            for thing in holders(asking, set()):
                assert "CANARYword" not in repr(thing)
                assert "c29tZW9uZTpwQHNzOkNBTkFSWXdvcmQ=" not in repr(thing)
    assert b"CONNECT api.workos.com:443" in asked[0]
    assert b"Basic c29tZW9uZTpwQHNzOkNBTkFSWXdvcmQ=" in asked[0]
    assert KEY.encode() not in b"".join(asked)


def test_a_proxy_that_drips_is_left_at_the_deadline(monkeypatch):
    with wire(drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with (
            transport("https://api.workos.com") as asking,
            pytest.raises(errors.TimedOut, match="within 0.3 s"),
        ):
            asking.get("/directories")


@pytest.mark.parametrize(
    "address", ["http://u:CANARYpw@", "http://u:CANARYpw@x:port", "socks5://u:CANARYpw@x:1"]
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(monkeypatch, address):
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(errors.ConfigurationError, match="Check the proxy") as caught:
        Transport("https://api.workos.com", KEY)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [f"{e.locals}" for e in told.stack if "dirsync_nb/client" in e.filename]
    assert "CANARY" not in "".join(ours) + str(caught.value)
    assert caught.value.__context__ is None


def test_no_proxy_is_honoured(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "workos.com")
    assert Transport("https://api.workos.com", KEY).connections.proxy is None
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert Transport("https://api.workos.com", KEY).connections.proxy == "http://127.0.0.1:9"


# Certificates ---------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch):
    """Let no certificates of the machine count."""
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate that nobody knows, for this machine."""
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {cert}"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_companys_certificate_is_honoured_on_this_machine_too(monkeypatch, certificate, variable):
    """NET-02."""
    path, context = certificate
    with wire(lambda: iter([OK]), context=context) as (url, asked):
        monkeypatch.setenv(variable, str(path))
        with transport(url, deadline=10) as asking:
            assert asking.get("/directories/d1") == {"id": "d1"}
    assert KEY.encode() in asked[0]


def test_a_certificate_that_is_not_trusted_names_what_counts(monkeypatch, certificate):
    _, context = certificate
    with wire(lambda: iter([OK]), context=context) as (url, asked):
        with transport(url, deadline=10) as asking:
            with pytest.raises(
                errors.ConnectionFailed, match="certificates of certifi and the system.*in REQUESTS_CA_BUNDLE"
            ):
                asking.get("/directories/d1")
            import certifi

            monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
        with transport(url, deadline=10) as asking:
            with pytest.raises(errors.ConnectionFailed, match="of SSL_CERT_FILE=.*holds it in SSL_CERT_FILE"):
                asking.get("/directories/d1")
    assert KEY.encode() not in b"".join(asked)


def test_an_encrypted_drip_ends_at_the_deadline(monkeypatch, certificate):
    path, context = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with wire(drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), context=context) as (url, _):
        with transport(url, deadline=1.0) as asking, pytest.raises(errors.TimedOut, match="no whole answer"):
            asking.get("/directories")


# Sockets and stops ----------------------------------------------------------------------------------------


def test_with_and_close_close_the_sockets():
    ended = threading.Event()

    def script() -> Pieces:
        yield OK
        ended.wait(5)

    with wire(script) as (url, _):
        with transport(url, deadline=5) as asking:
            asking.get("/directories/d1")
            (connection,) = [c for c in list(asking.connections.pool.pool.queue) if c is not None]
            sock = connection.sock
            assert sock.fileno() >= 0
        assert sock.fileno() == -1
        ended.set()


def test_an_answer_under_way_ends_soon_after_the_load_it_belongs_to(monkeypatch):
    stop = Stop()
    threading.Timer(0.1, stop.set).start()
    with wire(drip(b"", b"")) as (url, _), transport(url, deadline=60) as asking:
        started = time.monotonic()
        with pytest.raises(errors.LoadError, match="given up"):
            asking.get("/directories/d1", traffic=Traffic(stop=stop))
        assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "raised",
    [KeyboardInterrupt(), RuntimeError("release unlocked lock")],
    ids=["plain", "as a lock tells it"],
)
def test_an_interrupt_is_a_keyboard_interrupt(serve, monkeypatch, raised):
    _, client = serve([])

    def interrupted(*_args, **_kwargs):
        try:
            raise KeyboardInterrupt
        finally:
            raise raised

    monkeypatch.setattr("http.client.HTTPConnection.send", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        client.directory("d1")
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert SECRET not in "".join(told.format())


@pytest.mark.parametrize(
    "error",
    [
        errors.DirectoriesFailed({"d1": errors.NotFound("gone", status_code=404)}, 2),
        errors.AnswerTooLarge("large"),
        errors.NotTheApi("page", status_code=403, request_id="r"),
        errors.ArgumentError("no"),
    ],
)
def test_every_error_travels_between_processes(error):
    error.partial, error.receipt = [], threading.Event()
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert back.args == error.args
    assert back.partial is None
    assert str(ds.DirsyncError("a\x1b[31mb\nc")) == "a\N{REPLACEMENT CHARACTER}[31mb\nc"
