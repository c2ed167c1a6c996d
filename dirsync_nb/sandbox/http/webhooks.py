"""Webhooks: events pushed to an address of this machine, signed, again and again until they are taken.

As with the real service, each event is delivered at least once and in no promised order. Here both can be had
on purpose, and the pauses between tries are seconds instead of days. Endpoints, and how far each has come,
stand in the store: a kept sandbox goes on delivering where it ended.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import json
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from ..directory import clock, objects
from ..directory.refusal import Invalid
from ..directory.store import NotFound
from .api import DSYNC_EVENTS, Refused, not_found

if TYPE_CHECKING:
    from ..directory.objects import Object
    from ..directory.store import Store

SIGNATURE = "WorkOS-Signature"
TIMEOUT = 5.0
RETRIES = 6
NOT_PUSHED = ("dsync.token.created", "dsync.token.revoked")  # readable as events, not as webhooks
WIRE_FIELDS = ("id", "event", "data", "created_at")

_LOOK_EVERY = 0.02
_PATIENCE = 0.5  # seconds without another event, after which those held back go out
_KEPT_LINES = 10_000
MOST_BYTES = 100_000  # of a body that writes an endpoint
_WRITABLE = re.compile(r"[!-~]*", re.ASCII)
_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_KEPT = "webhooks"  # where the store has them


def signature(body: bytes, secret: str, milliseconds: int) -> str:
    """Write the header: time in milliseconds, a comma and a space, HMAC-SHA256 over time, dot and body."""
    signed = str(milliseconds).encode() + b"." + body
    return f"t={milliseconds}, v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Deliveries:
    """Keep the endpoints, and what was sent to them.

    Parameters
    ----------
    shape
        Gives an event, stored as text, the form this team sees.
    """

    def __init__(self, store: Store, seed: int, shape: Callable[[bytes], Object]) -> None:
        self._store, self._seed, self._shape = store, seed, shape
        self._endpoints: dict[str, _Endpoint] = {}
        self._lines: deque[Object] = deque(maxlen=_KEPT_LINES)
        kept = json.loads(store.meta(_KEPT) or "{}")
        self._made: int = kept.get("made", 0)
        for one in kept.get("endpoints", ()):
            self._begin(_Endpoint(**one))

    def add(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        disorder: int = 1,
        doubled: int = 0,
        pause: float = 0.2,
        retries: int = RETRIES,
    ) -> Object:
        """Push every event from now on to ``url``; give the endpoint with its secret.

        Parameters
        ----------
        url
            An ``http`` address of this machine; no other is delivered to.
        events
            Only these kinds. Default: all that can be pushed.
        disorder
            Hold events back until there are this many, and send them shuffled, always in the same way.
        doubled
            Send every n-th event twice; 0 for none.
        pause, retries
            Seconds before the first repetition, doubled with each; and how often a delivery is repeated that
            was not answered with a 2xx status within 5 seconds.
        """
        _target(url)
        wanted = sorted(set(_kinds(events)))
        for name, value, least in (("disorder", disorder, 1), ("doubled", doubled, 0), ("retries", retries, 0)):
            if int(value) != value or value < least:
                raise Invalid(f"{name} must be a whole number of {least} or more; got {value!r}")
        if not 0 <= pause <= 3600:
            raise Invalid(f"pause must be between 0 and 3600 seconds; got {pause!r}")
        self._made += 1
        token = hashlib.blake2b(f"{self._seed}/webhook/{self._made}".encode(), digest_size=16).hexdigest()
        endpoint = _Endpoint(
            f"we_{token[:16]}", url, f"whsec_{token}", wanted, disorder, doubled, pause, retries,
            self._store.events.last(), created_at=self._store.now, updated_at=self._store.now,
        )  # fmt: skip
        self._begin(endpoint)
        self._keep()
        return endpoint.described()

    def _begin(self, endpoint: _Endpoint) -> None:
        self._endpoints[endpoint.id] = endpoint
        endpoint.begin(self._store, self._shape, self._lines.append, self._keep)

    def _keep(self) -> None:
        with self._store.lock:  # of two threads, the later one has the later places
            kept = {"made": self._made, "endpoints": [asdict(one) for one in list(self._endpoints.values())]}
            self._store.set_meta(_KEPT, json.dumps(kept))

    def remove(self, id: str) -> None:  # noqa: A002 (the API's own word)
        """Stop pushing to an endpoint; what is under way is dropped."""
        if id not in self._endpoints:
            raise Invalid(f"no webhook endpoint {id!r}")
        self._endpoints.pop(id).end()
        self._keep()

    def write(self, method: str, ids: Sequence[str], body: bytes) -> tuple[int, Object | None]:
        """Answer a write of ``/webhook_endpoints`` as the service does: with a status and an object."""
        if method == "DELETE":
            self.remove(self._known(ids[0]).id)
            return 204, None
        try:
            given = msgspec.json.decode(body, type=_Written)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _wrong("invalid_request_parameters", str(error)) from None
        try:
            if method == "PATCH":
                endpoint = self._known(ids[0])
                endpoint.change(given, self._store.now)
                self._keep()
                return 200, endpoint.described()
            if given.endpoint_url is None or given.events is None:
                raise Invalid("endpoint_url and events are required")
            if any(one.url == given.endpoint_url for one in self._endpoints.values()):
                raise Refused(409, {"code": "duplicate_endpoint", "message": "There is such an endpoint."})
            return 201, self.add(given.endpoint_url, events=_of_ours(given.events))
        except Invalid as error:
            code = "invalid_url" if str(error).startswith("url ") else "invalid_request_parameters"
            raise _wrong(code, str(error)) from None

    def _known(self, endpoint_id: str) -> _Endpoint:
        if endpoint_id not in self._endpoints:
            raise not_found(NotFound("Webhook Endpoint", endpoint_id))
        return self._endpoints[endpoint_id]

    def describe(self) -> list[Object]:
        """Return all endpoints, oldest first."""
        return [endpoint.described() for endpoint in self._endpoints.values()]

    def log(self) -> list[Object]:
        """Return every try, oldest first: which event, which try, and the status or what went wrong."""
        return list(self._lines)

    def end(self) -> None:
        """Stop pushing; what is under way goes out when the store is opened again."""
        for endpoint in self._endpoints.values():
            endpoint.end()

    def clear(self) -> None:
        """Remove all endpoints and forget what was sent."""
        self.end()
        self._endpoints.clear()
        self._lines.clear()
        self._made = 0
        self._keep()


@dataclass(order=True)
class _Delivery:
    """One event on its way: when it is due, its turn among those due, and how often it was tried."""

    due: float
    turn: int
    place: int = field(compare=False)
    event: Object = field(compare=False)
    body: bytes = field(compare=False)
    tries: int = field(default=0, compare=False)


@dataclass
class _Endpoint:
    """One address with a thread that looks for new events and pushes them; all is done up to ``place``."""

    id: str
    url: str
    secret: str
    wanted: list[str]
    disorder: int
    doubled: int
    pause: float
    retries: int
    place: int
    status: Literal["enabled", "disabled"] = "enabled"
    created_at: int = 0
    updated_at: int = 0

    def begin(
        self,
        store: Store,
        shape: Callable[[bytes], Object],
        log: Callable[[Object], None],
        keep: Callable[[], None],
    ) -> None:
        self._store, self._shape, self._log, self._keep = store, shape, log, keep
        self._rng, self._seen = random.Random(self.id), self.place
        self._held: list[tuple[int, Object]] = []
        self._held_since = 0.0
        self._queue: list[_Delivery] = []
        self._turns, self._sent = count(), count(1)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"dirsync-{self.id}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join(TIMEOUT + 1)

    def described(self) -> Object:
        return {
            "object": "webhook_endpoint",
            "id": self.id,
            "endpoint_url": self.url,
            "secret": self.secret,
            "status": self.status,
            "events": self.wanted,
            "created_at": clock.iso(self.created_at),
            "updated_at": clock.iso(self.updated_at),
        }

    def change(self, given: _Written, now: int) -> None:
        """Take over what was written; nothing of it if something is wrong."""
        url = self.url if given.endpoint_url is None else given.endpoint_url
        _target(url)
        self.wanted = self.wanted if given.events is None else sorted(set(_kinds(_of_ours(given.events))))
        self.url, self.status, self.updated_at = url, given.status or self.status, now

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            self._look()
            self._release()
            while self._queue and self._queue[0].due <= time.monotonic() and not self._ended.is_set():
                self._try(self._queue[0])
            self._settle()

    def _look(self) -> None:
        """Take up new events. They are read from the store, so only what was really recorded is told."""
        for n, name, text in self._store.events.since(self._seen):
            self._seen = n
            if name in self.wanted and self.status == "enabled":
                self._held.append((n, self._shape(text)))
                self._held_since = time.monotonic()

    def _release(self) -> None:
        """Let go of the events held back, shuffled, as soon as there are enough or no more come."""
        while len(self._held) >= self.disorder or (
            self._held and time.monotonic() - self._held_since > _PATIENCE
        ):
            batch, self._held = self._held[: self.disorder], self._held[self.disorder :]
            if self.disorder > 1:
                self._rng.shuffle(batch)
            for place, event in batch:
                again = self.doubled and next(self._sent) % self.doubled == 0
                for _ in range(2 if again else 1):
                    self._enqueue(place, event)

    def _enqueue(self, place: int, event: Object) -> None:
        body = objects.text({name: event[name] for name in WIRE_FIELDS})
        heapq.heappush(self._queue, _Delivery(time.monotonic(), next(self._turns), place, event, body))

    def _settle(self) -> None:
        """Note how far all is done: before the first event that is held back or on its way."""
        open_ones = [place for place, _ in self._held] + [one.place for one in self._queue]
        done = min(open_ones, default=self._seen + 1) - 1
        if done != self.place:
            self.place = done
            self._keep()

    def _try(self, delivery: _Delivery) -> None:
        """Push the next one once; anything but a 2xx answer is tried again later, as often as was agreed."""
        delivery.tries += 1
        status, problem = self._post(delivery.body)
        done = status is not None and 200 <= status < 300
        waits = None if done or delivery.tries > self.retries else self.pause * 2 ** (delivery.tries - 1)
        told = {name: delivery.event[name] for name in ("id", "event")}
        outcome = "delivered" if done else "given up" if waits is None else "again later"
        line = {"endpoint": self.id, **told, "try": delivery.tries, "status": status, "problem": problem}
        self._log({**line, "outcome": outcome, "next_in": waits})
        if waits is None:
            heapq.heappop(self._queue)
        else:
            delivery.due = time.monotonic() + waits
            heapq.heapreplace(self._queue, delivery)

    def _post(self, body: bytes) -> tuple[int | None, str | None]:
        host, port, path = _target(self.url)
        headers = {
            "Content-Type": "application/json",
            # The time of sending, so that a repetition is as fresh as the first try.
            SIGNATURE: signature(body, self.secret, time.time_ns() // 1_000_000),
        }
        connection = HTTPConnection(host, port, timeout=TIMEOUT)
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status, None
        except (OSError, HTTPException, ValueError) as error:
            return None, type(error).__name__
        finally:
            connection.close()


def _target(url: str) -> tuple[str, int, str]:
    """Take an address apart; refuse all that are not of this machine."""
    if not _WRITABLE.fullmatch(url):
        raise Invalid(f"url must be written with printable ASCII characters and no blank; got {url!r}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Invalid(f"url cannot be read: {error}") from None
    if parts.scheme != "http" or host not in _HOSTS or parts.username is not None:
        raise Invalid(f"url must be an http address of this machine; got {url!r}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, port or 80, path


def _kinds(events: Sequence[str] | None) -> Sequence[str]:
    can_be = tuple(name for name in DSYNC_EVENTS if name not in NOT_PUSHED)
    kinds = can_be if events is None else tuple(events)
    for name in kinds:
        if name not in can_be:
            raise Invalid(f"events must be of {', '.join(can_be)}; got {name!r}")
    return kinds


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    """Hold the body of a write."""

    endpoint_url: str | None = None
    events: list[str] | None = None
    status: Literal["enabled", "disabled"] | None = None


def _of_ours(events: Sequence[str]) -> Sequence[str]:
    """Leave out the events of other families, which an SDK may subscribe to and which never happen here."""
    return [name for name in events if name.startswith("dsync.")]


def _wrong(code: str, message: str) -> Refused:
    return Refused(422, {"code": code, "message": message})
