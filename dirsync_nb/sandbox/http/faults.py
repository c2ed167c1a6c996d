"""Scripted misfortune: rules that say which request goes wrong, how, and how often.

Rules are asked in the order they were added; the first that fires decides. They are about the API or, by paths
from ``/scim/``, the SCIM door, where a request that is answered broken is carried out all the same. Kinds:

============== ================================================================================================
status         answer ``status`` with ``body`` (any JSON; ``text`` for plain text), ``headers``, ``retry_after``
html           answer ``status`` (502) with a page of HTML
slow           wait ``seconds``, then answer as usual
reset          cut the connection without an answer
truncate       promise the whole length, send half, close
truncated_json send half the JSON as if it were all
stuck_cursor   from the page where it fires on, the same page with the same cursor comes for ever
backward_cursor the page where it fires points back to an earlier one: a cycle
overlap        the last ``rows`` (1) of the page before come again on top of this one
empty_page     an empty page with a cursor comes in between; following it gives the page that was due
repeated_rows  from where it fires on, the same rows come under ever new cursors; with ``empty``, none at all
ignore_filter  filters (``names``, all of them by default) are ignored: rows of every directory and group come
newest_first   ``/events`` lists the newest first, and ``after`` leads to older ones
============== ================================================================================================
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from ..directory.objects import text
from ..directory.refusal import Invalid, require_one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..directory.objects import Object

# kind -> the fields it takes, with their defaults
KINDS: dict[str, dict[str, Any]] = {
    "status": {"status": 500, "body": None, "text": None, "headers": None, "retry_after": None},
    "html": {"status": 502},
    "slow": {"seconds": 1.0},
    "reset": {},
    "truncate": {},
    "truncated_json": {},
    "stuck_cursor": {},
    "backward_cursor": {},
    "overlap": {"rows": 1},
    "empty_page": {},
    "repeated_rows": {"empty": False},
    "ignore_filter": {"names": None},
    "newest_first": {},
}
_MISREADINGS = ("ignore_filter", "newest_first")
_FOR_EVER = ("stuck_cursor", "backward_cursor", "repeated_rows", *_MISREADINGS)
_OF_PAGES = ("stuck_cursor", "backward_cursor", "overlap", "empty_page", "repeated_rows", *_MISREADINGS)
FILTERS = frozenset({
    "directory", "group", "user", "idp_id", "email", "organization_id", "domain", "domains", "search",
})  # fmt: skip
OF_EVENTS = frozenset({"events", "range_start", "range_end"})  # which may be ignored where they are named
_LONGEST = 3_600
_DEFAULT: Any = object()

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


class Misreadings(NamedTuple):
    """Hold what a server makes of a question that it does not understand."""

    ignored: frozenset[str] = frozenset()
    newest_first: bool = False


@dataclass(slots=True)
class Fault:
    """Hold one rule and what it has seen so far."""

    kind: str
    path: str
    match: dict[str, str]
    skip: int
    times: int | None
    options: dict[str, Any]
    seen: int = 0
    fired: int = 0
    memory: dict[Any, Any] = field(default_factory=dict)

    def matches(self, path: str, query: Mapping[str, str]) -> bool:
        """Return whether a request is one this rule is about."""
        return path.startswith(self.path) and all(query.get(key) == value for key, value in self.match.items())

    def described(self) -> Object:
        """Return the rule as the control door shows it."""
        shown = {name: getattr(self, name) for name in ("kind", "path", "match", "skip", "times")}
        return {**shown, **self.options, "seen": self.seen, "fired": self.fired}


class Faults:
    """Keep the rules; threads may add while the server asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(
        self,
        kind: str,
        *,
        path: str = "/",
        match: Mapping[str, str] | None = None,
        skip: int = 0,
        times: int | None = _DEFAULT,
        **options: Any,
    ) -> Fault:
        """Add a rule.

        Parameters
        ----------
        path
            Requests whose path starts with this.
        match
            Query parameters that must have these values.
        skip
            Let this many matching requests through first.
        times
            How often it fires; None is for ever. Once, unless it is about cursors that never end.
        """
        fault = _checked(kind, path, match, skip, times, options)
        with self._lock:
            self._rules.append(fault)
        return fault

    @wraps(add)
    def add_described(self, *args: Any, **options: Any) -> Object:
        """Add a rule as ``add`` does; return it as the control door shows it."""
        return self.add(*args, **options).described()

    def clear(self) -> list[Object]:
        """Take all rules away; return those that are left."""
        with self._lock:
            self._rules.clear()
        return []

    def describe(self) -> list[Object]:
        """Describe the rules, in order."""
        with self._lock:
            return [rule.described() for rule in self._rules]

    def __len__(self) -> int:
        return len(self._rules)

    def before(self, path: str, query: Mapping[str, str]) -> Fault | None:
        """Return the rule about HTTP that fires on this request, and count."""
        with self._lock:
            fired: Fault | None = None
            for rule in self._rules:
                if rule.kind in _OF_PAGES or not rule.matches(path, query):
                    continue
                rule.seen += 1
                due = rule.seen > rule.skip and (rule.times is None or rule.fired < rule.times)
                if due and fired is None:
                    rule.fired += 1
                    fired = rule
            return fired

    def redirected(self, path: str, query: dict[str, str]) -> dict[str, str]:
        """Return the query to answer, where a cursor was handed out that stands for another."""
        with self._lock:
            for rule in self._rules:
                if rule.kind in ("empty_page", "repeated_rows") and rule.matches(path, query):
                    due: dict[str, str] | None = rule.memory.get((_walk(query), query.get("after")))
                    if due is not None:
                        return due
        return query

    def misreadings(self, path: str, query: Mapping[str, str]) -> Misreadings:
        """Return which filters are ignored in a request, and whether its order is turned round."""
        ignored: set[str] = set()
        newest = False
        with self._lock:
            for rule in self._rules:
                if rule.kind not in _MISREADINGS or not rule.matches(path, query) or not _due(rule):
                    continue
                if rule.kind == "newest_first":
                    newest = True
                else:
                    ignored |= FILTERS if rule.options["names"] is None else set(rule.options["names"])
        return Misreadings(frozenset(ignored), newest)

    def change_page(self, path: str, query: Mapping[str, str], body: bytes) -> bytes:
        """Let the rules about pages look at a page, and change it if one fires."""
        with self._lock:
            rules = [rule for rule in self._rules if rule.kind in _PAGE_KINDS and rule.matches(path, query)]
            for rule in rules:
                body = _PAGE_KINDS[rule.kind](rule, query, body)
        return body


def _checked(
    kind: str, path: str, match: Mapping[str, str] | None, skip: int, times: int | None, options: dict[str, Any]
) -> Fault:
    require_one_of("kind", kind, KINDS)
    unknown = sorted(set(options) - set(KINDS[kind]))
    if unknown:
        raise Invalid(f"a fault of kind {kind!r} takes {sorted(KINDS[kind]) or 'no options'}; got {unknown}")
    if kind in _OF_PAGES and str(path).startswith("/scim/"):
        raise Invalid(f"a fault of kind {kind!r} is about cursors, and SCIM pages have none; path is {path!r}")
    if times is _DEFAULT:
        times = None if kind in _FOR_EVER else 1
    whole = {"skip": skip, "rows": options.get("rows", 1), "status": options.get("status", 500)}
    whole["times"] = 0 if times is None else times
    for name, value in whole.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Invalid(f"{name} must be a whole number, 0 or more; got {value!r}")
    if not 200 <= whole["status"] <= 599:
        raise Invalid(f"status must be from 200 to 599; got {whole['status']}")
    seconds = options.get("seconds", 0)
    if not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST:
        raise Invalid(f"seconds must be a number from 0 to {_LONGEST}; got {seconds!r}")
    names = options.get("names")
    if names is not None and not (isinstance(names, list) and set(names) <= FILTERS | OF_EVENTS):
        raise Invalid(f"names must be a list of {', '.join(sorted(FILTERS | OF_EVENTS))}; got {names!r}")
    if not isinstance(options.get("empty", False), bool):
        raise Invalid(f"empty must be True or False; got {options['empty']!r}")
    if not isinstance(options.get("headers") or {}, dict):
        raise Invalid("headers must be a dict")
    wanted = {str(key): str(value) for key, value in (match or {}).items()}
    return Fault(kind, str(path), wanted, skip, times, {**KINDS[kind], **options})


def response_parts(fault: Fault) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a fault that answers by itself."""
    options = fault.options
    if fault.kind == "html":
        return options["status"], HTML, {"Content-Type": "text/html"}
    given = {str(name): str(value) for name, value in (options["headers"] or {}).items()}
    headers = {"Content-Type": "application/json; charset=utf-8", **given}
    status = options["status"]
    if status == 429 and options["retry_after"] is None and "Retry-After" not in headers:
        headers["Retry-After"] = "1"
    if options["retry_after"] is not None:
        headers["Retry-After"] = str(options["retry_after"])
    if options["text"] is not None:
        return status, str(options["text"]).encode(), {**headers, "Content-Type": "text/plain; charset=utf-8"}
    body = options["body"]
    if body is None:
        body = "Ratelimited" if status == 429 else {"message": f"Scripted fault: {status}."}
    return status, json.dumps(body).encode(), headers


# -- pages ---------------------------------------------------------------------------------------------


def _walk(query: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what stays the same from page to page of one walk."""
    return tuple(sorted((key, value) for key, value in query.items() if key not in ("after", "before")))


def _due(rule: Fault) -> bool:
    """Count a page, and say whether the rule fires on it."""
    rule.seen += 1
    if rule.seen <= rule.skip or (rule.times is not None and rule.fired >= rule.times):
        return False
    rule.fired += 1
    return True


def _stuck(rule: Fault, query: Mapping[str, str], body: bytes) -> bytes:
    frozen = rule.memory.get(_walk(query))
    if not _due(rule):
        return body
    if frozen is None or "after" not in query:
        page = json.loads(body)
        _point(page, page["list_metadata"]["after"] or (page["data"][-1]["id"] if page["data"] else None))
        frozen = rule.memory[_walk(query)] = text(page)
    answer: bytes = frozen
    return answer


def _backward(rule: Fault, query: Mapping[str, str], body: bytes) -> bytes:
    page, walk = json.loads(body), _walk(query)
    first = rule.memory.setdefault(walk, {"earlier": page["list_metadata"]["after"], "at": None})
    if first["at"] is not None and first["at"] != query.get("after"):
        return body
    if not _due(rule):
        return body
    first["at"] = query.get("after")
    _point(page, first["earlier"])
    return text(page)


def _overlap(rule: Fault, query: Mapping[str, str], body: bytes) -> bytes:
    page, walk = json.loads(body), _walk(query)
    previous = rule.memory.get(walk) if "after" in query else None
    rule.memory[walk] = page["data"]
    if previous is None or not rule.options["rows"]:
        rule.seen += 1
        return body
    if not _due(rule):
        return body
    return text({**page, "data": previous[-rule.options["rows"] :] + page["data"]})


def _empty(rule: Fault, query: Mapping[str, str], body: bytes) -> bytes:
    # A cursor of this list that no page hands out at this point.
    return _stand_in(rule, query, body, lambda ids: ids[0], empty=True)


def _repeated(rule: Fault, query: Mapping[str, str], body: bytes) -> bytes:
    # Of the form of an id, and new each time.
    empty = rule.options["empty"]
    return _stand_in(rule, query, body, lambda ids: f"{ids[-1][:-6]}{rule.fired:06d}", empty=empty)


def _stand_in(
    rule: Fault, query: Mapping[str, str], body: bytes, made_up: Callable[[list[str]], str], *, empty: bool
) -> bytes:
    """Let a page lead to a cursor that stands for the one that was just followed."""
    page = json.loads(body)
    if not page["data"] or not _due(rule):
        return body
    cursor = made_up([one["id"] for one in page["data"]])
    rule.memory[_walk(query), cursor] = dict(query)
    _point(page, cursor)
    return text({**page, "data": []} if empty else page)


_PAGE_KINDS = {
    "stuck_cursor": _stuck,
    "backward_cursor": _backward,
    "overlap": _overlap,
    "empty_page": _empty,
    "repeated_rows": _repeated,
}


def _point(page: Object, after: str | None) -> None:
    page["list_metadata"]["after"] = after
