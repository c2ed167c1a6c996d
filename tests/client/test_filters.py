"""A service that ignores a filter is never taken at its word; one with its own idea of a match is."""

from __future__ import annotations

from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer
from dirsync_nb.client.transport import Traffic

from ..foreign import users

EVENT = "event_01JYXEMCM0M4F6NYR18TC59WD8"  # of June 2025

LISTS: dict[str, list[dict[str, Any]]] = {
    "/organizations": [
        {"id": f"org_{n}", "name": name, "domains": [{"domain": f"{name.lower()}.test"}]}
        for n, name in enumerate(("Acme", "Harbourline"))
    ],
    "/directories": [
        {"id": f"d{n}", "organization_id": f"org_{n}", "name": name, "domain": f"{name.lower()}.test"}
        for n, name in enumerate(("Acme", "Harbourline"))
    ],
    "/directory_users": users(6, directory_id="d1"),
    "/directory_groups": [{"id": f"g{n}", "directory_id": "d1", "name": f"Group {n}"} for n in range(4)],
    "/events": [
        {
            "id": f"event_{n}",
            "event": ("dsync.user.created", "dsync.user.deleted")[n % 2],
            "created_at": f"2026-08-0{n + 1}T09:00:00.000Z",
            "data": {"organization_id": f"org_{n % 2}"} if n else {"user": {"organization_id": "org_0"}},
        }
        for n in range(6)
    ],
}
GROUPS = {"g1": ["u001", "u002"], "g2": ["u003"]}


def fits(name: str, row: dict[str, Any], wanted: str) -> bool:
    """Whether an honest service lists a row for a filter."""
    if name in ("group", "user"):
        owner, member = (wanted, row["id"]) if name == "group" else (row["id"], wanted)
        return member in GROUPS.get(owner, [])
    if name == "search":
        return wanted.lower() in row["name"].lower()
    if name == "domains":
        return any(one["domain"] in wanted.split(",") for one in row["domains"])
    if name == "events":
        return row["event"] in wanted.split(",")
    if name in ("range_start", "range_end"):
        return bool(row["created_at"] >= wanted if name == "range_start" else row["created_at"] <= wanted)
    if name == "organization_id" and "data" in row:
        return bool((row["data"].get("user") or row["data"])["organization_id"] == wanted)
    return bool(row[{"directory": "directory_id"}.get(name, name)] == wanted)


class Service:
    """The lists above, ten rows of a page at most; ``ignored`` filters are not looked at."""

    base_url = "memory"

    def __init__(self, *ignored: str, empty_first: bool = False) -> None:
        self.ignored, self.empty_first = ignored, empty_first
        self.pacer = Pacer.unlimited()
        self.asked: list[dict[str, Any]] = []
        self.place: dict[str, Any] = {}

    def get(self, path: str, params: Any = None, *, traffic: Traffic, **_: Any) -> Any:
        traffic.requests += 1
        query = (
            {**self.place, **(params or {})} if (params or {}).get("after") == "behind" else dict(params or {})
        )
        self.place = {name: query[name] for name in ("range_start",) if name in query}  # a cursor stands for it
        self.asked.append({"path": path, **query})
        if path not in LISTS:
            return {"id": path.rpartition("/")[2]}
        if self.empty_first and query.get("after") != "behind":
            return {"data": [], "list_metadata": {"after": "behind"}}
        rows = LISTS[path]
        for name, wanted in query.items():
            if name not in ("limit", "order", "after", "before", *self.ignored):
                rows = [row for row in rows if fits(name, row, wanted)]
        ids = [row["id"] for row in rows]
        if "after" in query and "after" not in self.ignored and query["after"] in ids:
            rows = rows[ids.index(query["after"]) + 1 :]
        return {"data": rows[: query["limit"]], "list_metadata": {"after": None}}


def client_of(service: Any) -> DirectoryClient:
    return DirectoryClient(service)


ASKED: list[tuple[str, str, dict[str, Any], int]] = [  # list, filter on the wire, what is asked, rows
    ("organizations", "domains", {"domains": ["harbourline.test"]}, 1),
    ("organizations", "search", {"search": "harbour"}, 1),
    ("directories", "organization_id", {"organization_id": "org_1"}, 1),
    ("directories", "search", {"search": "harbour"}, 1),
    ("directories", "domain", {"domain": "harbourline.test"}, 1),
    ("users", "group", {"directory_id": "d1", "group_id": "g1"}, 2),
    ("users", "group", {"group_id": "g2"}, 1),
    ("users", "idp_id", {"directory_id": "d1", "idp_id": "idp003"}, 1),
    ("users", "email", {"directory_id": "d1", "email": "person003@acme.test"}, 1),
    ("groups", "user", {"user_id": "u001"}, 1),
    ("groups", "user", {"directory_id": "d1", "user_id": "u003"}, 1),
    ("events", "events", {"events": "dsync.user.deleted"}, 3),
    ("events", "organization_id", {"organization_id": "org_0"}, 3),
    ("events", "range_start", {"range_start": "2026-08-04T00:00:00Z"}, 3),
    ("events", "range_end", {"range_start": "2026-08-01T00:00:00Z", "range_end": "2026-08-03T00:00:00Z"}, 2),
]


@pytest.mark.parametrize("empty_first", [False, True])
@pytest.mark.parametrize(("kind", "name", "asked", "count"), ASKED)
def test_a_filter_that_is_ignored_ends_the_load(kind, name, asked, count, empty_first):
    load = getattr(ds, f"load_{kind}")
    assert len(load(client_of(Service(empty_first=empty_first)), **asked)) == count
    client = client_of(Service(name, empty_first=empty_first))
    with pytest.raises(errors.FilterIgnored, match=f"did not look at the filter '{name}'"):
        load(client, **asked)
    assert not client.receipts[-1].complete
    with pytest.raises(errors.FilterIgnored):
        list(getattr(client, kind)(**asked))


@pytest.mark.parametrize(("kind", "name", "asked", "count"), ASKED)
def test_one_question_more_at_most_is_asked_and_only_where_no_row_tells(kind, name, asked, count):
    service = Service()
    getattr(ds, f"load_{kind}")(client_of(service), **asked)
    lists = [query for query in service.asked if query["path"] in LISTS]
    assert len(lists) == (2 if name in ("group", "user", "range_start") else 1)  # spans are read in windows


@pytest.mark.parametrize("route", ["by_group", "by_user"])
def test_members_of_a_single_group_are_no_proof(route):
    given = {"users": ds.frames.users_frame(LISTS["/directory_users"]), "route": route}
    groups = ds.frames.groups_frame(LISTS["/directory_groups"][1:2])
    assert len(ds.load_memberships(client_of(Service()), "d1", groups=groups, **given)) in (2, 3)
    for ignored in ("group", "user"):
        client = client_of(Service(ignored))
        if (ignored == "group") == (route == "by_group"):
            with pytest.raises(errors.FilterIgnored):
                ds.load_memberships(client, "d1", groups=groups, **given)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("directories", {"search": "harbor line"}),
        ("organizations", {"search": "hl"}),
        ("organizations", {"domains": "other.test"}),
        ("users", {"directory_id": "d1", "email": "alias@acme.test"}),
    ],
)
def test_a_service_may_have_its_own_idea_of_what_fits(kind, asked):
    """As long as it has nothing to give for what fits nobody."""
    (name,) = (name for name in asked if name != "directory_id")

    class Own(Service):
        def get(self, path: str, params: Any = None, *, traffic: Traffic, **more: Any) -> Any:
            answer = super().get(path, params, traffic=traffic, **more)
            return answer if params and params[name] == asked[name] else {**answer, "data": []}

    client = client_of(Own(name))
    assert len(getattr(ds, f"load_{kind}")(client, **asked)) > 1
    assert client.receipts[-1].complete


def test_unknown_events_are_no_fault_where_nobody_named_any():
    service = Service("events")
    assert len(ds.load_events(client_of(service))) == 6


def test_what_stands_before_the_place_is_not_given_for_what_comes_behind():
    """In one page what is wanted can be told from the rest; over several the load ends."""
    assert ds.load_users(client_of(Service("after")), "d1", after="u003").index.tolist() == ["u004", "u005"]
    assert ds.load_events(client_of(Service("after")), after="event_3").index.tolist() == ["event_4", "event_5"]

    class Paged(Service):
        def get(self, path: str, params: Any = None, *, traffic: Traffic, **more: Any) -> Any:
            after = "page1" if params["after"] == "u003" else params["after"]
            number = int(after.removeprefix("page"))
            rows = LISTS[path][number * 2 - 2 : number * 2]
            return {"data": rows, "list_metadata": {"after": f"page{number + 1}" if number < 3 else None}}

    client = client_of(Paged())
    with pytest.raises(errors.FilterIgnored, match="'after'"):
        ds.load_users(client, "d1", after="u003")


def test_events_from_long_before_the_place_are_refused():
    """Where the place itself has gone, the time in its id tells."""
    rows = [{**row, "created_at": "2025-01-01T00:00:00.000Z"} for row in LISTS["/events"]]

    class Old(Service):
        def get(self, *args: Any, **more: Any) -> Any:
            return {**super().get(*args, **more), "data": rows}

    with pytest.raises(errors.FilterIgnored, match="'after'"):
        ds.load_events(client_of(Old("after")), after=EVENT)
    with pytest.raises(errors.FilterIgnored, match="'after'"):
        next(iter(ds.follow_events(client_of(Follows(rows)), after=EVENT)))


class Follows(Service):
    server = identity = "memory"

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__("after")
        self.rows = rows

    def get(self, *args: Any, **more: Any) -> Any:
        return {**super().get(*args, **more), "data": self.rows}


@pytest.mark.parametrize("kind", ["user", "group", "directory", "organization"])
def test_another_object_than_the_one_asked_for_is_refused(kind):
    class Another(Service):
        def get(self, *args: Any, **more: Any) -> Any:
            return {"object": f"directory_{kind}", "id": "another"}

    with pytest.raises(errors.FilterIgnored, match="another came for wanted1"):
        getattr(ds, f"load_{kind}")(client_of(Another()), "wanted1")
