"""What an answer says: parsed JSON, or the error it amounts to and what a person does about it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from .. import errors
from .connections import Answer
from .retry import RETRIED_STATUSES, parse_retry_after

E = TypeVar("E", bound=errors.DirsyncError)

MOST_WORDS = 300  # characters of somebody else's text in a message

ERROR_BY_STATUS: dict[int, type[errors.ApiError]] = {
    400: errors.BadRequest,
    401: errors.NotAuthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    422: errors.Unprocessable,
    429: errors.RateLimited,
}
LOGINS = (407, 511)  # statuses of proxies and captive portals alone
TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)
NO_PATIENCE = ("daily_quota_exceeded",)  # codes of a 429 that no pause of seconds ends

ADVICE = {
    400: "Check the filters; times end in Z and a cursor must come from this very list.",
    403: "This key may not read it: Directory Sync must be enabled for the environment, and the key allowed "
    "to use it (WorkOS dashboard, API Keys).",
    404: "It was deleted, or it belongs to another environment: staging and production share one address "
    "and the key decides which one you see. (A name is no id: find(client, ...) looks for it.)",
    422: "Add or correct the filter named here and run it again.",
    429: "Too many requests share this key; wait a minute and run it again.",
}


def parse_json(content: bytes) -> Any:
    """Return parsed JSON, quickly; also what only Python's own parser takes (half a surrogate pair, a BOM).

    Measured on pages of 100 users: msgspec needs half the time of ``json``, and unlike orjson keeps whole
    numbers of any size exact.
    """
    try:
        return msgspec.json.decode(content)
    except msgspec.MsgspecError:
        return json.loads(content, parse_float=_any_float, parse_constant=BeyondFloat)


def json_or(content: bytes, otherwise: Any) -> Any:
    """Return parsed JSON, or something else where it is none."""
    try:
        return parse_json(content)
    except (ValueError, RecursionError):
        return otherwise


def noted(failure: E, **facts: Any) -> E:
    """Return an error with facts about it."""
    vars(failure).update(facts)
    return failure


class BeyondFloat(float):
    """Infinity, as JSON can spell it (1e999): of a plain one an encoder would make null."""


def _any_float(text: str) -> float:
    number = float(text)
    return BeyondFloat(number) if isinf(number) else number


@dataclass(frozen=True)
class Reader:
    """Read the answers of one server.

    Parameters
    ----------
    base_url, key_source, key_environment
        Who was asked, and with which key, for messages.
    cleaned
        Makes somebody else's words fit for a message of so many characters at most.
    """

    base_url: str
    key_source: str
    key_environment: str
    cleaned: Callable[[object, int], str]

    def read(self, answer: Answer, doing: str) -> Any:
        """Return the JSON of a 200, or the error that an answer amounts to, not raised."""
        if answer.status != 200:
            return self.explained(answer, doing)
        try:
            return parse_json(answer.content)
        except (ValueError, RecursionError):
            return self._not_json(answer, doing)

    def _not_json(self, answer: Answer, doing: str) -> errors.BadPayload:
        page = is_page(answer)
        what = f"a page for people{self._known(answer)}" if page else "bytes that are not JSON, or cut short"
        whose = (
            "Something in between answered (a proxy, a login page, a captive portal), not the API: open the "
            "address in a browser of this machine."
            if page
            else f"Is {self.base_url} the API itself, with no proxy or login page before it?"
        )
        told = f"{doing}: {self.base_url} answered 200 with {len(answer.content):,} bytes: {what}. {whose}"
        return noted(errors.BadPayload(told), status_code=200, retryable=True)

    def explained(self, answer: Answer, doing: str) -> errors.ApiError:
        """Return what a status other than 200 means here and what to do next."""
        status = answer.status
        body = _error_body(answer)
        request_id = self.cleaned(answer.headers.get("X-Request-Id") or "", 100) or None
        code = self.cleaned(body["code"], 100) if isinstance(body.get("code"), str) else None
        if _is_from_between(answer):
            message = f"{doing}: something in between answered {status}{self._known(answer)}, not the API. "
            message += self._advice_in_between(status)
        else:
            said = self.cleaned(_said(body), MOST_WORDS)
            message = f"{doing}: the API answered {status}" + (f" ({said})" if said else "")
            message += f"{' with a page for people' if is_page(answer) else ''}. {self._advice(answer)}"
        if request_id:
            message += f" [request {request_id}]"
        failure = _kind(answer)(
            message,
            status_code=status,
            code=code,
            request_id=request_id,
            retry_after=_retry_after(answer.headers, body),
            entity_id=self.cleaned(body["entity_id"], 300) if isinstance(body.get("entity_id"), str) else None,
        )
        return noted(failure, retryable=status in RETRIED_STATUSES and code not in NO_PATIENCE)

    def _known(self, answer: Answer) -> str:
        """Return what is known of who answered in place of the API."""
        title = TITLE.search(answer.content[:20_000])
        known = {"title": html.unescape(title[1].decode("utf-8", "replace")) if title else ""}
        known |= {name: answer.headers.get(name, "") for name in ("Server", "Via", "Proxy-Authenticate")}
        told = [f"{name}: {self.cleaned(words, 80)}" for name, words in known.items() if words]
        return f" ({'; '.join(told)})" if told else ""

    def _advice_in_between(self, status: int) -> str:
        if status == 407:
            return "A proxy wants a user and password: HTTPS_PROXY=http://user:password@host:port."
        if status >= 500 and status not in LOGINS:
            return "A gateway could not reach the service; run it again later."
        return (
            f"A proxy, web filter, login page or captive portal stands before {self.base_url}: open that "
            "address in a browser of this machine, or ask who runs the network. It says nothing about the key."
        )

    def _advice(self, answer: Answer) -> str:
        """Return what a person does next after this status."""
        status = answer.status
        if status == 401:
            return (
                f"The key read from {self.key_source} ({self.key_environment}) was refused: check that it is "
                "complete and not withdrawn in the WorkOS dashboard under API Keys, then connect again"
                + ("" if self.key_source == "WORKOS_API_KEY" else f" with a new {self.key_source}")
                + "."
            )
        if 300 <= status < 400:
            host = _host(answer.headers.get("Location"))
            to = f" (this one leads to {self.cleaned(host, 80)})" if host else ""
            return f"Redirects are not followed{to}, so that the key stays with one host; check the base URL."
        if status >= 500:
            return "The service has a problem of its own; run it again later."
        return ADVICE.get(status, "The request cannot succeed unchanged.")


def is_page(answer: Answer) -> bool:
    """Return whether an answer is a page for people, which the API never sends."""
    beginning = answer.content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    said_so = "html" in answer.headers.get("Content-Type", "").lower()
    return beginning.startswith(b"<") or (said_so and not beginning.startswith((b"{", b"[", b'"')))


def _is_from_between(answer: Answer) -> bool:
    """Return whether a proxy, gateway or portal answered. The key and the filters are then not to blame."""
    status = answer.status
    return status in LOGINS or (is_page(answer) and (status in (401, 403) or status >= 500))


def _kind(answer: Answer) -> type[errors.ApiError]:
    status = answer.status
    if _is_from_between(answer) and (status < 500 or status in LOGINS):
        return errors.NotTheApi
    return ERROR_BY_STATUS.get(status, errors.ServerFailure if status >= 500 else errors.ApiError)


def _host(location: str | None) -> str:
    try:
        return urlsplit(location or "").hostname or ""
    except ValueError:
        return ""


def _error_body(answer: Answer) -> dict[str, Any]:
    """Return an error body of any kind as a dict: JSON object, JSON string, plain text, HTML or nothing."""
    try:
        body = parse_json(answer.content)
    except (ValueError, RecursionError):
        return {} if is_page(answer) else {"message": answer.content.decode("utf-8", "replace")}
    return body if isinstance(body, dict) else {"message": body}


def _said(body: Mapping[str, Any]) -> str:
    """Return the API's own words, from whichever field holds them."""
    parts = []
    for entry in _as_list(body.get("errors")):
        if isinstance(entry, dict):
            name = entry.get("field") or entry.get("property")
            words = entry.get("message") or entry.get("code") or entry.get("constraints")
            parts.append(f"{name}: {words}" if name else str(words))
        else:
            parts.append(str(entry))
    said = next((body[name] for name in ("message", "error_description", "error") if body.get(name)), None)
    return "; ".join(dict.fromkeys(parts or map(str, _as_list(said))))


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _retry_after(headers: Mapping[str, str], body: Mapping[str, Any]) -> float | None:
    """Return the pause asked for: from the header, else from the body, where one form of 429 has it."""
    asked = parse_retry_after(headers.get("Retry-After"))
    for name in ("retry_after", "retry_after_seconds"):
        value = body.get(name)
        if asked is None and isinstance(value, int | float) and not isinstance(value, bool):
            asked = parse_retry_after(f"{value:g}")
    return asked
