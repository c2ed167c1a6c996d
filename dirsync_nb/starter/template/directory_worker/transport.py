"""How the SDK's requests travel: only GET, inside the limits, and so that it understands every answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx2
from workos import HTTPResponse, TransportConnectError, TransportError, TransportTimeout

from .health import Pulse


class PoliteTransport:
    """An HTTP backend for the SDK, which retries what this one reports.

    Three things the SDK (10.8) does not do by itself:

    - It keeps to the limit of each directory's users from the first request on.
    - A 429 may hold a bare JSON string. The SDK takes every JSON body for an object and fails with an
      AttributeError; here such a body is wrapped in one. And a ``Retry-After: 0`` is read as one second.
    - The SDK takes an unreadable list for an empty one. Everybody in it would pass for gone, so here an
      answer that is no JSON object is a network error, and is asked for again.
    """

    def __init__(
        self,
        users_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = httpx2.Client(follow_redirects=False)
        self._pause, self._clock, self._sleep = 1 / users_per_second, clock, sleep
        self._free_at: dict[str, float] = {}
        self.pulse = Pulse()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        content: bytes | None,
        timeout: float,
    ) -> HTTPResponse:
        """Send one request."""
        if method != "GET":
            raise ValueError(f"this worker only reads; it does not send {method}")
        self._wait_for_turn(url)
        self.pulse.requests += 1
        try:
            answer = self._client.request(method, url, headers=headers, content=content, timeout=timeout)
        except httpx2.TimeoutException as problem:
            raise TransportTimeout(type(problem).__name__) from problem
        except httpx2.ConnectError as problem:
            raise TransportConnectError(type(problem).__name__) from problem
        except httpx2.HTTPError as problem:
            raise TransportError(type(problem).__name__) from problem
        self.pulse.limited += answer.status_code == 429
        if answer.headers.get("Retry-After", "").strip() == "0":
            answer.headers["Retry-After"] = "1"
        body = _readable(answer.status_code, answer.content)
        return HTTPResponse(answer.status_code, answer.headers, body, method, url)

    def _wait_for_turn(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.path.endswith("/directory_users"):
            directory = parse_qs(parts.query).get("directory", [""])[0]
            now = self._clock()
            turn = max(now, self._free_at.get(directory, now))
            self._free_at[directory] = turn + self._pause
            if turn > now:
                self._sleep(turn - now)


def _readable(status: int, body: bytes) -> bytes:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        return body
    if status < 400:
        raise TransportError("the answer is not a JSON object")
    return json.dumps({"message": parsed if isinstance(parsed, str) else "no reason given"}).encode()
