"""Webhooks: sign, verify, explain why a signature fails; and a receiver to watch deliveries arrive.

A delivery carries ``WorkOS-Signature: t=<milliseconds>, v1=<hex>``: HMAC-SHA256 with the endpoint's secret over
the time, a dot, and the body exactly as it was sent. Verify before you read, answer 2xx before you work, and
count on getting everything twice and in any order: :func:`dirsync_nb.sync.replay` takes it so.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pandas as pd

from .. import errors
from ..client import Record
from ..frames.tools import rows_frame

__all__ = ["SIGNATURE_HEADER", "InvalidSignature", "Receiver", "explain", "sign", "verify"]

SIGNATURE_HEADER = "WorkOS-Signature"
TOLERANCE = 180.0  # seconds, as in the official Python library
MAX_BODY = 2**21
MAX_HEADER = 8192
MISFIT = "the signature does not fit this body and secret"
UNITS = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}

Body = bytes | bytearray | memoryview | str
Clock = Callable[[], float]


class InvalidSignature(errors.DirsyncError):
    """A delivery that was not signed with this secret, or too long ago. Do not act on it."""


class _Header(NamedTuple):
    """A signature header taken apart."""

    time: str
    signatures: tuple[str, ...]


def sign(body: Body, secret: str, *, at: float | None = None) -> str:
    """Sign a body as WorkOS does, and give the header; for tests of your own receiver.

    Parameters
    ----------
    body
        The bytes that will be sent, or their text.
    secret
        The endpoint's secret, ``whsec_`` included.
    at
        Seconds since 1970. Default: now.

    Examples
    --------
    >>> header = ds.webhooks.sign(b"{}", "whsec_1", at=1_700_000_000)
    >>> header[:15]
    't=1700000000000'
    """
    raw, milliseconds = _raw(body), str(int((time.time() if at is None else at) * 1000))
    return f"t={milliseconds}, v1={_digest(milliseconds, raw, _key(secret))}"


def verify(
    body: Body, header: str | None, secret: str, *, tolerance: float = TOLERANCE, clock: Clock = time.time
) -> Record:
    """Check that WorkOS sent a body, and give the event in it.

    Parameters
    ----------
    body
        The body of the request as it came, before anything parsed it. Every space and escape counts.
    header
        The value of ``WorkOS-Signature``.
    secret
        The endpoint's secret, ``whsec_`` included.
    tolerance
        How old a delivery may be, or how far ahead of this clock, in seconds. It keeps a stolen delivery from
        being played again later; events are repeated all the same, so drop ids you know.
    clock
        For tests.

    Raises
    ------
    InvalidSignature
        The signature is missing, too old, or not of this body and secret; :func:`explain` looks for the cause.
    ArgumentError
        The body was parsed already, or there is no secret.
    BadPayload
        Signed, but not a JSON object.

    Examples
    --------
    >>> header = ds.webhooks.sign(b'{"id": "event_1"}', "whsec_1")
    >>> ds.webhooks.verify(b'{"id": "event_1"}', header, "whsec_1")["id"]
    'event_1'
    """
    raw, key = _raw(body), _key(secret)
    problem = _problem(raw, header, key, tolerance, clock())
    if problem is not None:
        raise InvalidSignature(f"{problem}. webhooks.explain(body, header, secret) looks for the cause")
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise errors.BadPayload("the signature is right, but the body is not a JSON object")
    return event


def explain(
    body: Body, header: str | None, secret: str, *, tolerance: float = TOLERANCE, clock: Clock = time.time
) -> str:
    """Return in words whether a signature is right and, if not, what probably went wrong.

    It tries the usual mishaps: another unit of time, a body that was parsed and written again or handed on in
    base64 or gzip, a line end more or less, a secret with its prefix cut off or of another kind. For finding
    out, not for deciding: only :func:`verify` decides.

    Examples
    --------
    >>> header = ds.webhooks.sign(b"{}", "whsec_1")
    >>> ds.webhooks.explain(b"{}", header, "another")[:40]
    'The signature does not fit this body and'
    """
    raw, key = _raw(body), _key(secret)
    problem = _problem(raw, header, key, tolerance, clock())
    if problem is None:
        return "The signature is right."
    said, parsed = problem[0].upper() + problem[1:], _parsed(header)
    if parsed is None:
        return f"{said}."
    if _matches(parsed, raw, key):
        return f"{said}. Apart from that the signature is right."
    mishap = next((words for words, found in _mishaps(parsed, raw, secret) if found), None)
    cause = mishap or _wrong_kind(secret)
    if cause is not None:
        return f"{said}: {cause}."
    if problem != MISFIT:
        return f"{said}."
    return (
        f"{said}, and none of the usual mishaps explains it. Is this the secret of this very endpoint, and is "
        "the body complete and unchanged?"
    )


def _problem(raw: bytes, header: object, key: bytes, tolerance: float, now: float) -> str | None:
    """Return the first thing that is wrong, or None."""
    if isinstance(header, bytes):  # as ASGI hands it on
        return "the header is bytes; decode it first: header.decode('latin-1')"
    if not header:
        return f"there is no {SIGNATURE_HEADER} header"
    parsed = _parsed(header)
    if parsed is None:
        return f"the header must read t=<milliseconds>, v1=<hex>; got {header!r:.120}"
    late = _lateness(int(parsed.time), now, tolerance)
    if late is not None:
        return late
    return None if _matches(parsed, raw, key) else MISFIT


def _parsed(header: object) -> _Header | None:
    """Take the header apart, with or without a space after the comma; None where it is something else."""
    fields: dict[str, list[str]] = {}
    if not isinstance(header, str) or len(header) > MAX_HEADER:
        return None
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        fields.setdefault(name, []).append(value)
    times, signatures = fields.get("t", []), fields.get("v1", [])
    if len(times) != 1 or not signatures or not re.fullmatch("[0-9]{1,25}", times[0]):
        return None
    return _Header(times[0], tuple(signatures))


def _lateness(stamp: int, now: float, tolerance: float) -> str | None:
    """Return how far a time is off; where another unit would put it near now, name that unit."""
    off = now - stamp * UNITS["milliseconds"]
    if abs(off) <= tolerance:
        return None
    unit = min(UNITS, key=lambda name: abs(now - stamp * UNITS[name]))
    if unit != "milliseconds" and abs(now - stamp * UNITS[unit]) < 86_400 * 366:
        return f"the time t={stamp} looks like {unit}; it must be milliseconds since 1970"
    way = "ago" if off > 0 else "ahead of this machine's clock"
    return f"it was sent {abs(off):,.0f} seconds {way}; {tolerance:,.0f} are allowed"


def _matches(header: _Header, raw: bytes, key: bytes) -> bool:
    expected = _digest(header.time, raw, key).encode()
    # All are compared, each in constant time, so that the time taken tells nothing.
    given = (one.encode("utf-8", "backslashreplace") for one in header.signatures)
    return any([hmac.compare_digest(expected, one) for one in given])  # noqa: C419


def _digest(milliseconds: str, raw: bytes, key: bytes) -> str:
    return hmac.new(key, milliseconds.encode() + b"." + raw, hashlib.sha256).hexdigest()


def _raw(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode("utf-8", "backslashreplace")  # half a character is in no body that was signed
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise errors.ArgumentError(
        f"pass the raw body, bytes or text, not a parsed {type(body).__name__}: written again, it differs from "
        "what was signed"
    )


def _key(secret: object) -> bytes:
    if not isinstance(secret, str) or not secret:
        raise errors.ArgumentError("secret must be the endpoint's secret, a text that begins with whsec_")
    return secret.encode("utf-8", "backslashreplace")


# Looking for the cause ----------------------------------------------------------------------------------


def _mishaps(header: _Header, raw: bytes, secret: str) -> Iterator[tuple[str, bool]]:
    """Yield each usual mishap with whether it explains the signature."""
    key = _key(secret)
    for how, body in _unpacked(raw):
        yield f"it fits the body {how}: undo that before you verify", _matches(header, body, key)
    for how, body in _rewritten(raw):
        told = f"it fits the body {how}, so something changed the body on its way: pass the raw bytes"
        yield told, _matches(header, body, key)
    for how, other in _other_secrets(secret):
        yield f"it fits the secret {how}", _matches(header, raw, other)
    plain = hmac.new(key, raw, hashlib.sha256).hexdigest()
    yield "the body was signed alone, without its time and the dot", plain in header.signatures
    lower = _Header(header.time, tuple(given.lower() for given in header.signatures))
    yield "the hex digits are upper case; they must be lower case", _matches(lower, raw, key)
    encoded = base64.b64encode(bytes.fromhex(_digest(header.time, raw, key))).decode()
    yield "it is written in base64; it must be hex", encoded in header.signatures


def _unpacked(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what a gateway may have packed: base64 (as AWS API Gateway does), gzip, or one in the other."""
    bodies = [("", raw)]
    if (text := _from_base64(raw)) is not None:
        bodies.append(("decoded from base64, as a gateway hands it on", text))
    for how, body in bodies:
        if how:
            yield how, body
        if body[:2] == b"\x1f\x8b" and (unzipped := _gunzip(body)) is not None:
            yield f"{how}, then unpacked from gzip" if how else "unpacked from gzip", unzipped
    yield "packed with base64", base64.b64encode(raw)


def _from_base64(raw: bytes) -> bytes | None:
    packed = raw.strip().strip(b'"').replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True) or None
    except binascii.Error:
        return None


def _gunzip(body: bytes) -> bytes | None:
    """Unpack at most as much as a delivery may hold."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        return unpacker.decompress(body, MAX_BODY)
    except zlib.error:
        return None


def _wrong_kind(secret: str) -> str | None:
    """Return what a secret is that cannot be an endpoint's, without repeating it."""
    bare = secret.strip().strip("\"'")
    kinds = {
        "sk_": "an API key of WorkOS",
        "client_": "a client id of WorkOS",
        "we_": "the id of the endpoint, not its secret",
        "webhook_endpoint_": "the id of the endpoint, not its secret",
        "http": "an address",
    }
    kind = next((words for start, words in kinds.items() if bare.startswith(start)), None)
    if kind is None and not bare.startswith("whsec_"):
        kind = "something else"
    return kind and f"the secret must begin with whsec_, and this is {kind}"


def _rewritten(raw: bytes) -> Iterator[tuple[str, bytes]]:
    for how, body in (
        ("without its last line end", raw.removesuffix(b"\n").removesuffix(b"\r")),
        ("with a line end", raw + b"\n"),
        ("without a byte order mark", raw.removeprefix(b"\xef\xbb\xbf")),
        ("with the other kind of line ends", raw.replace(b"\r\n", b"\n")),
    ):
        if body != raw:
            yield how, body
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return
    forms: dict[str, dict[str, Any]] = {
        "as compact JSON": {"separators": (",", ":"), "ensure_ascii": False},
        "as compact JSON with escapes": {"separators": (",", ":")},
        "as JSON with spaces": {"ensure_ascii": False},
        "as JSON with spaces and escapes": {},
        "as indented JSON": {"indent": 2, "ensure_ascii": False},
    }
    for how, form in forms.items():
        yield how, json.dumps(value, **form).encode("utf-8", "backslashreplace")


def _other_secrets(secret: str) -> Iterator[tuple[str, bytes]]:
    bare = secret.removeprefix("whsec_")
    for how, other in (
        ("without the spaces or quotes around it", secret.strip().strip("\"'")),
        ("with the prefix whsec_", f"whsec_{secret}"),
        ("without its prefix whsec_; the prefix is part of the key", bare),
    ):
        if other != secret:
            yield how, other.encode("utf-8", "backslashreplace")
    try:
        yield "decoded from base64; the text itself is the key", base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):  # the latter where it is not ASCII
        return


# Receiving ----------------------------------------------------------------------------------------------

DELIVERY_COLUMNS = {
    **dict.fromkeys(("event_id", "event", "created_at", "verdict"), "str"),
    "repeated": "bool",
    "answered": "Int64",
}


class Receiver:
    """A small server on this machine that takes webhooks, for trying things out. It is no production server.

    ::

        with Receiver() as receiver:
            receiver.secret = sandbox.add_webhook(receiver.url)["secret"]
            sandbox.add_user(...)
            receiver.wait(1)

    Parameters
    ----------
    secret
        The endpoint's secret. Until it is set, deliveries are answered with 503, and come again.
    port
        0 lets the system choose.
    tolerance, clock
        As in :func:`verify`.

    Attributes
    ----------
    events
        Verified events, each once, in the order of arrival.

    Examples
    --------
    >>> with ds.webhooks.Receiver("whsec_1") as receiver:
    ...     receiver.url.startswith("http://127.0.0.1")
    True
    """

    def __init__(
        self,
        secret: str | None = None,
        *,
        port: int = 0,
        tolerance: float = TOLERANCE,
        clock: Clock = time.time,
    ) -> None:
        self.secret = secret
        self.events: list[Record] = []
        self._tolerance, self._clock = tolerance, clock
        self._rows: list[tuple[Any, ...]] = []
        self._ids: set[str] = set()
        self._failures: list[int] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="dirsync-receiver", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Receiver {self.url}: {len(self._rows):,} deliveries, {len(self.events):,} events>"

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where to deliver to."""
        return f"http://127.0.0.1:{self._server.server_port}/hooks/workos"

    def close(self) -> None:
        """Free the port; closing twice is no error."""
        self._server.shutdown()
        self._server.server_close()

    def fail(self, times: int, status: int = 503) -> None:
        """Answer the next deliveries with a failure, as an app does while it is being deployed."""
        with self._changed:
            self._failures += [status] * times

    def wait(self, events: int = 0, *, deliveries: int = 0, timeout: float = 10.0) -> bool:
        """Wait until so many different events, or deliveries, have come; False if they have not in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self.events) >= events and len(self._rows) >= deliveries, timeout
            )

    @property
    def deliveries(self) -> pd.DataFrame:
        """One row for each request in the order of arrival.

        ``verdict`` is ``right``, ``not looked at``, or what is wrong with the signature; ``repeated`` says
        whether the event had been taken before; ``answered`` is our status.
        """
        with self._changed:
            return rows_frame(self._rows, DELIVERY_COLUMNS)

    def take(self, body: bytes, header: str | None) -> int:
        """Deal with one delivery; give the status to answer with."""
        with self._changed:
            if self.secret is None or self._failures:
                return self._note({}, "not looked at", self._failures.pop(0) if self._failures else 503)
            try:
                event = verify(body, header, self.secret, tolerance=self._tolerance, clock=self._clock)
            except errors.DirsyncError as problem:
                return self._note({}, str(problem), 400)
            return self._note(event, "right", 200)

    def _note(self, event: Record, verdict: str, status: int) -> int:
        """Write a delivery down; keep its event the first time."""
        event_id = event.get("id")
        repeated = event_id in self._ids
        self._rows.append((event_id, event.get("event"), event.get("created_at"), verdict, repeated, status))
        if isinstance(event_id, str) and not repeated:
            self._ids.add(event_id)
            self.events.append(event)
        self._changed.notify_all()
        return status


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    """Make the class that speaks HTTP for a receiver."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version = "dirsync-receiver"
        sys_version = ""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                return self._answer(411)
            if len(length) > 9 or int(length) > MAX_BODY:
                return self._answer(413)
            return self._answer(receiver.take(self.rfile.read(int(length)), self.headers.get(SIGNATURE_HEADER)))

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: a notebook is no place for an access log."""

    return Handler
