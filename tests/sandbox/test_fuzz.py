"""Whatever is sent, the sandbox answers: no crash, no traceback, no 5xx, and it goes on working."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from dirsync_nb.sandbox.http.control import CHANGES

from .conftest import Http
from .idp import ENTERPRISE, PATCH_OP, Idp, user

HUGE = 10**400
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**63, -(2**63) - 1, HUGE, 1e308, "", " ", "x" * 5_000, "\x00", "a\x00b",
    "\u202e",
    "é́😀", "'; DROP TABLE users; --", "%s%n", "../..", "$$", [], {}, [[]], [None], [{}], {"": ""},
    {"value": None},
    {"a": {"b": {"c": {}}}}, [1, "two", None], "True", "False", "NaN", "9" * 400,
)  # fmt: skip
MALFORMED = [
    b"", b" ", b"{", b"}", b"[", b'"', b"nul", b"{]", b"{'a': 1}", b'{"a": 1,}', b'{"a" 1}',
    b"\xff\xfe\x00", b"\xc3\x28",
    b'{"a": "\xff"}', b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    b"[" * 100_000, b'{"a":' * 100_000, b'[{"a":' * 50_000, b"null", b"true", b"7", b'"text"', b"[]",
    b"[{}]",
    b"\x00" * 100, b"9" * 6_000, b'{"a": ' + b"9" * 6_000 + b"}", b"\x1f\x8b\x08\x00junk",
]  # fmt: skip
SCIM_PATHS = (
    "/Users",
    "/Groups",
    "/Users/{user}",
    "/Groups/{group}",
    "/.search",
    "/Users/.search",
    "/Bulk",
    "/Me",
)
PATHS = (
    "userName", "emails", 'emails[type eq "work"].value', "emails[", "members", 'members[value eq "x"]',
    "name.givenName",
    "a.b.c.d", ENTERPRISE + ":department", ENTERPRISE, ":", "", "[]", "()", "not", 'x[y eq "', "active",
    "externalId",
    "displayName", "urn:", "meta", "id", "schemas", "(" * 3_000, "not " * 1_000 + "a pr", "é", "\x00",
)  # fmt: skip
FILTERS = (
    'userName eq "', "userName eq", "eq eq eq", "(" * 3_000, "a" * 4_000, "not " * 2_000 + "(a pr)",
    'a eq "\\ud800"',
    "userName eq null", "userName gt 5", 'emails[value eq "x" and', "active eq tru", "meta.created gt 1",
    "((a pr)",
    'userName co "%"', "a.b.c eq 1", "\x00", "x pr or " * 800 + "x pr", "x pr and " * 800 + "x pr",
    'id eq "' + "9" * 900,
    "active gt true", "emails gt 5", "name eq 5", "members.value sw 7", 'userName eq 1e999',
    "userName eq -", 'userName eq "\\ud800"', 'externalId eq "\\ud800"', 'id eq "\\ud800"',
    "displayName eq null", "title gt null", "displayName le null",
)  # fmt: skip


@pytest.fixture
def idp(http: Http) -> Idp:
    return Idp(http)


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A traceback of the sandbox would be in its log."""
    yield
    assert not [record for record in caplog.records if record.name.startswith(("dirsync_nb", "uvicorn"))]


def made_of(rng: random.Random, depth: int = 0) -> Any:
    """Invent any JSON value."""
    roll = rng.random()
    if depth < 4 and roll < 0.25:
        names = ("value", "type", "primary", "a", "", "Value", "$ref", "op", "path")
        return {rng.choice(names): made_of(rng, depth + 1) for _ in range(rng.randrange(4))}
    if depth < 4 and roll < 0.45:
        return [made_of(rng, depth + 1) for _ in range(rng.randrange(4))]
    return rng.choice(ODD)


def mangled(rng: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """Put odd values into some fields of a good body, and odd fields beside them."""
    body = {name: made_of(rng) if rng.random() < 0.35 else value for name, value in body.items()}
    if rng.random() < 0.3:
        body[rng.choice(["name", "emails", "members", "active", "externalId", ENTERPRISE, "x", ""])] = made_of(
            rng
        )
    return body


def written(rng: random.Random, body: Any) -> bytes:
    """Write JSON, now and then with a key twice, cut off, or with a byte changed."""
    text = json.dumps(body).encode()
    roll = rng.random()
    if roll < 0.05:
        return text[: rng.randrange(len(text) + 1)]
    if roll < 0.1 and text:
        place = rng.randrange(len(text))
        return text[:place] + bytes([rng.randrange(256)]) + text[place + 1 :]
    if roll < 0.15 and text.startswith(b"{") and len(text) > 2:
        return text[:-1] + b', "userName": 5, "userName": null, "active": "x"}'
    return text


def operation(rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return made_of(rng)
    one: dict[str, Any] = {"op": rng.choice(["add", "replace", "remove", "Add", "move", "", 5, None])}
    if rng.random() < 0.8:
        one["path"] = rng.choice(PATHS) if rng.random() < 0.9 else made_of(rng)
    if rng.random() < 0.8:
        one["value"] = made_of(rng)
    return one


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: body[:12].decode("latin-1") + str(len(body)))
@pytest.mark.parametrize("path", SCIM_PATHS)
def test_a_malformed_body_is_a_4xx_at_every_scim_path(idp: Idp, path: str, body: bytes) -> None:
    for method in ("PUT", "PATCH") if "{" in path else ("POST",):
        answer = idp.send(method, _filled(idp, path), body)
        assert 400 <= answer.status_code < 500 or answer.status_code == 501, answer.text
        assert answer.json()["status"] == str(answer.status_code)


def _filled(idp: Idp, path: str) -> str:
    ids: dict[str, str] = {}
    if "{user}" in path:
        ids["user"] = idp.new_user(f"u{len(idp.users())}@acme.test")
    if "{group}" in path:
        ids["group"] = idp.new_group(f"Crew {len(idp.sandbox.truth.groups(idp.directory))}")
    return path.format(**ids)


@pytest.mark.parametrize("seed", range(4))
def test_mangled_users_and_groups_never_bring_the_door_down(idp: Idp, seed: int) -> None:
    rng = random.Random(seed)
    one, group = idp.new_user(), idp.new_group("Crew")
    statuses = set()
    for number in range(150):
        people = user(f"u{number}@acme.test", title="Lead", externalId=f"x{number}")
        crew = {"displayName": f"Crew {number}", "members": [{"value": one}], "externalId": f"g{number}"}
        method, path, good = rng.choice(
            [
                ("POST", "/Users", people),
                ("PUT", f"/Users/{one}", people),
                ("POST", "/Groups", crew),
                ("PUT", f"/Groups/{group}", crew),
                (
                    "POST",
                    "/.search",
                    {"filter": rng.choice(FILTERS), "count": made_of(rng), "startIndex": made_of(rng)},
                ),
            ]
        )
        answer = idp.send(method, path, written(rng, mangled(rng, good)))
        assert answer.status_code < 500, (method, path, answer.text)
        statuses.add(answer.status_code)
    assert {200, 201, 400} <= statuses
    listed = idp.get("/Users")
    assert listed["totalResults"] == len(listed["Resources"])


@pytest.mark.parametrize("seed", range(4))
def test_mangled_patches_never_bring_the_door_down(idp: Idp, seed: int) -> None:
    rng = random.Random(100 + seed)
    one, group = idp.new_user(), idp.new_group("Crew")
    for _ in range(200):
        path = rng.choice([f"/Users/{one}", f"/Groups/{group}"])
        operations = [operation(rng) for _ in range(rng.randrange(1, 4))]
        body: Any = {"schemas": [PATCH_OP], "Operations": operations if rng.random() < 0.9 else made_of(rng)}
        answer = idp.send("PATCH", path, written(rng, body))
        assert answer.status_code < 500, (body, answer.text)
    assert idp.send("GET", f"/Users/{one}").status_code == 200
    assert idp.send("GET", f"/Groups/{group}").status_code == 200


@pytest.mark.parametrize("written", FILTERS, ids=lambda text: text[:20])
def test_no_filter_brings_the_door_down(idp: Idp, written: str) -> None:
    idp.new_user(title="Lead")
    for path in ("/Users", "/Groups", "/.search"):
        params = {"filter": written, "attributes": written, "count": "1"}
        answer = idp.send("GET", path, params=params)
        assert answer.status_code in (200, 400, 405, 414), answer.text


@pytest.mark.parametrize("shown", ["active.value", "userName.x,phoneNumbers.type", "odd.value", "a.b,.,[.]"])
def test_parts_of_values_that_have_none_are_shown_or_left_out(idp: Idp, shown: str) -> None:
    idp.new_user(active=True, phoneNumbers=[{"value": "2"}], odd=[None, 5, "1", {"value": "2"}])
    for name in ("attributes", "excludedAttributes"):
        assert idp.send("GET", "/Users", params={name: shown}).status_code == 200


CONTROL = [(path, body) for path in ("changes", "faults", "webhooks", "environments") for body in MALFORMED]
CONTROL += [("play", body) for body in MALFORMED if body]  # without one it is the default play


@pytest.mark.parametrize(("path", "body"), CONTROL, ids=lambda one: f"{one[:12]!r}{len(one)}")
def test_a_malformed_body_is_a_422_at_every_control_path(http: Http, path: str, body: bytes) -> None:
    answer = http.session.post(f"{http.sandbox.url}/_sandbox/{path}", data=body, timeout=10)
    assert answer.status_code == 422, answer.text
    assert answer.json()["message"]
    assert http.sandbox.faults.describe() == []


@pytest.mark.parametrize("seed", range(3))
def test_mangled_changes_never_bring_the_control_door_down(http: Http, seed: int) -> None:
    rng = random.Random(200 + seed)
    directory = Idp(http).directory
    one, group = http.sandbox.add_user(directory), http.sandbox.add_group(directory, name="Crew")
    good = {"directory_id": directory, "user_id": one, "group_id": group, "name": "X", "email": "x@acme.test"}
    url = http.sandbox.url + "/_sandbox/"
    for _ in range(200):
        do = rng.choice([*CHANGES, "announce", "__init__", "_record", 5, None])
        body = {"do": do, **{name: value for name, value in good.items() if rng.random() < 0.6}}
        answer = http.session.post(url + "changes", data=written(rng, mangled(rng, body)), timeout=10)
        assert answer.status_code in (200, 404, 422), (body, answer.text)
    for _ in range(60):
        body = {"kind": rng.choice(["status", "overlap", "earthquake"]), "path": "/nowhere", "times": 1}
        answer = http.session.post(url + "faults", data=written(rng, mangled(rng, body)), timeout=10)
        assert answer.status_code in (200, 422), (body, answer.text)
    http.sandbox.faults.clear()
    assert http.get("/directories").status_code == 200


@pytest.mark.parametrize(
    "path", ["/directory_users", "/directory_groups", "/directories", "/organizations", "/events"]
)
def test_odd_parameters_never_bring_the_api_down(http: Http, directories: dict[str, str], path: str) -> None:
    rng = random.Random(path)
    names = (
        "directory",
        "group",
        "user",
        "limit",
        "order",
        "before",
        "after",
        "events",
        "range_start",
        "search",
        "email",
    )
    for _ in range(120):
        query = {
            rng.choice(names): rng.choice([str(made_of(rng))[:500], directories["okta"]]) for _ in range(3)
        }
        answer = http.get(path, **query)
        assert answer.status_code < 500, (query, answer.text)
