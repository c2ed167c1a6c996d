from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from dirsync_nb import errors
from dirsync_nb.client import DSYNC_EVENTS, DirectoryClient

from ..foreign import Answer, listing, paged, users

FULL = {"id": "d1", "name": "Acme"}


class SdkObject:
    id = "d1"
    name = "Acme"


# Filters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"directory_id": "d1"},
        {"directory": "d1"},
        {"directory_id": FULL},
        {"directory_id": SdkObject()},
        {"directory_id": pd.Series({"state": "linked"}, name="d1")},
        {"directory": " d1 "},
    ],
)
def test_a_directory_is_named_in_our_words_the_apis_words_or_by_an_object(serve, given):
    """HTTP-04: and on every page, not only on the first."""
    server, client = serve(paged(users(250)))
    assert len(list(client.users(**given))) == 250
    assert [request.query["directory"] for request in server.requests] == ["d1"] * 3
    assert all("directory_id" not in request.query for request in server.requests)


@pytest.mark.parametrize(
    ("call", "given", "words"),
    [
        (
            "users",
            {"directroy": "d1"},
            "'directroy' is not a filter of users; accepted: directory_id, .*directory_id",
        ),
        ("users", {"state": "active"}, "accepted: directory_id, group_id, idp_id, email"),
        ("users", {}, r"give directory_id= \(.* has the ids; .*\) or group_id="),
        ("users", {"directory_id": None}, r"give directory_id= \(.* has the ids; .*\) or group_id="),
        ("users", {"directory_id": ""}, "directory_id must be an id"),
        ("users", {"directory_id": 7}, "directory_id must be an id"),
        ("users", {"group_id": "g1", "email": "a@acme.test"}, "email needs directory_id too"),
        ("users", {"directory_id": "d1", "directory": "d2"}, "given twice"),
        ("users", {"group": "g1"}, "'group' is not a filter of users; .* Did you mean group_id"),
        ("users", {"group_id": pd.Index(["g1"], name="g2")}, "group_id must be an id"),
        ("users", {"group_id": pd.Series(["g1"], name="g2")}, "group_id must be an id"),
        ("users", {"directory_id": "d1", "order": "up"}, "order must be one of 'asc', 'desc', 'normal'"),
        ("groups", {}, r"give directory_id= \(.*\) or user_id="),
        ("directories", {"search": ""}, "search must be text"),
        ("organizations", {"domains": []}, "domains must be a name or a list"),
        ("organizations", {"domains": 5}, "domains must be a name or a list"),
        ("events", {"order": "desc"}, "'order' is not a filter of events"),
        ("events", {"before": "event_1"}, "'before' is not a filter of events"),
        ("events", {"after": "event_1", "range_start": "2026-07-01"}, "both say where to begin"),
        ("events", {"range_start": "last week"}, "range_start must be a datetime"),
        ("events", {"range_start": "2026-08-02", "range_end": "2026-08-01"}, "later than range_end"),
        ("events", {"range_start": pd.NaT}, "range_start must be a datetime"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(serve, call, given, words):
    server, client = serve([])
    with pytest.raises(errors.ArgumentError, match=words):
        list(getattr(client, call)(**given))
    assert server.requests == []


@pytest.mark.parametrize("page_size", [0, 101, -1])
def test_a_page_size_the_api_refuses_is_refused_here(page_size):
    with pytest.raises(errors.ArgumentError, match="between 1 and 100"):
        DirectoryClient(None, page_size=page_size)


@pytest.mark.parametrize("cap", ["max_rows", "max_pages"])
def test_a_cap_of_nothing_is_refused(cap):
    with pytest.raises(errors.ArgumentError, match=f"{cap} must be 1 or more"):
        DirectoryClient(None, **{cap: 0})


def test_every_list_asks_for_full_pages_in_a_stated_order(serve):
    server, client = serve(lambda request: listing([]))
    list(client.organizations(domains=["a.test", "b.test"], search="acme"))
    list(client.directories(organization_id="o1", search="x", domain="a.test"))
    list(client.users(directory_id="d1", group_id="g1", idp_id="00123", email="a@acme.test"))
    list(client.groups(directory_id="d1", user_id="u1", order="desc"))
    sent = [(request.path, request.query) for request in server.requests]
    assert sent == [
        ("/organizations", {"domains": "a.test,b.test", "search": "acme", "limit": "100", "order": "asc"}),
        (
            "/directories",
            {"organization_id": "o1", "search": "x", "domain": "a.test", "limit": "100", "order": "asc"},
        ),
        (
            "/directory_users",
            {
                "directory": "d1",
                "group": "g1",
                "idp_id": "00123",
                "email": "a@acme.test",
                "limit": "100",
                "order": "asc",
            },
        ),
        ("/directory_groups", {"directory": "d1", "user": "u1", "limit": "100", "order": "desc"}),
    ]


def test_single_objects_are_read_with_their_ids_encoded(serve):
    server, client = serve(lambda request: Answer({"object": "whatever was asked for"}))
    client.directory("d/1")
    client.user("u?1")
    client.group({"id": "g#1"})
    client.organization("o 1")
    client.organization_by_external_id("cust/9")
    assert [request.path for request in server.requests] == [
        "/directories/d%2F1",
        "/directory_users/u%3F1",
        "/directory_groups/g%231",
        "/organizations/o%201",
        "/organizations/external_id/cust%2F9",
    ]


@pytest.mark.parametrize("name", [".", "..", "", "  ", None])
def test_ids_that_would_change_the_path_are_refused(serve, name):
    server, client = serve([])
    with pytest.raises(errors.ArgumentError):
        client.user(name)
    assert server.requests == []


# Walks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["asc", "desc", "normal"])
def test_each_order_gives_every_row_once(client, okta, order):
    """HTTP-11: in "normal" the cursors run backwards; here against the sandbox's own paging."""
    client.page_size = 50
    rows = list(client.users(directory_id=okta, order=order))
    keys = [(row["created_at"], row["id"]) for row in rows]
    assert len(set(keys)) == 260
    assert keys == sorted(keys, reverse=order != "asc")


def test_a_list_ends_on_an_empty_page_even_with_a_cursor(serve):
    server, client = serve([listing(users(2), after="u001"), listing([], after="u001")])
    assert len(list(client.users(directory_id="d1"))) == 2
    assert client.receipts[-1].complete


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        {"data": []},
        {"data": {}, "list_metadata": {}},
        {"data": [], "list_metadata": []},
        {"data": [None], "list_metadata": {}},
        {"data": [], "list_metadata": {"after": 7}},
    ],
)
def test_an_answer_of_another_shape_is_a_named_error(serve, body):
    _, client = serve([Answer(body)])
    with pytest.raises(errors.BadPayload, match="reading users of d1, page 1"):
        list(client.users(directory_id="d1"))


def test_a_single_answer_that_is_no_object_is_a_named_error(serve):
    _, client = serve([Answer(["d1"])])
    with pytest.raises(errors.BadPayload, match="is a list"):
        client.directory("d1")


def test_a_cursor_whose_row_was_deleted_meanwhile_costs_no_row(serve):
    """The service refuses a cursor it does not know; an earlier row marks the place as well."""
    people = users(250)

    def script(request):
        if request.query.get("after") == "u099":
            return Answer({"message": "unknown cursor"}, 422)
        return paged(people)(request)

    server, client = serve(script)
    assert [row["id"] for row in client.users(directory_id="d1")] == [row["id"] for row in people]
    assert "deleted during the load" in client.receipts[-1].notices[0]
    assert len(server.requests) <= 6


def test_a_cursor_that_is_refused_wherever_we_go_back_to_ends_in_the_services_error(serve):
    def script(request):
        if "after" in request.query:
            return Answer({"message": "unknown cursor"}, 422)
        return paged(users(250))(request)

    server, client = serve(script)
    with pytest.raises(errors.Unprocessable):
        list(client.users(directory_id="d1"))
    assert len(server.requests) < 20


def test_a_walk_starts_over_when_every_row_of_the_page_is_gone(serve):
    """All places of the last page are refused: only the start of the list is left."""
    people = users(250)
    calls = []

    def script(request):
        if request.query.get("after", "") in {"u099", "u098", "u050", "u000"} and len(calls) < 4:
            calls.append(request)
            return Answer({"message": "unknown cursor"}, 422)
        return paged(people)(request)

    _, client = serve(script)
    assert len(list(client.users(directory_id="d1"))) == 250
    assert len(calls) == 4


def test_users_lists_and_single_users_count_on_a_directorys_budget_and_groups_do_not(serve, clock):
    _, client = serve(lambda request: listing([]) if request.path.count("/") == 1 else Answer({}))
    pacer = client.transport.pacer
    pacer.per_directory = 4.0
    for ask, sleeps in (
        (lambda: list(client.users(directory_id="d1")), 1),
        (lambda: list(client.users(directory_id="d1", group_id="g1")), 1),
        (lambda: client.user("u1", directory_id="d1"), 1),
        (lambda: client.user("u1"), 0),
        (lambda: (client.user("u1"), client.user("u2")), 1),
        (lambda: list(client.groups(directory_id="d1")), 0),
        (lambda: client.directory("d1"), 0),
    ):
        list(client.users(directory_id="d1"))
        clock.sleeps.clear()
        ask()
        assert len(clock.sleeps) == sleeps


# Events -------------------------------------------------------------------------------------------------


def event(number, days_ago=0):
    moment = datetime(2026, 8, 1, tzinfo=UTC) - timedelta(days=days_ago)
    return {
        "object": "event",
        "id": f"event_{number}",
        "event": "dsync.user.created",
        "created_at": moment.isoformat(),
    }


def test_events_are_asked_for_by_name_without_order(serve):
    server, client = serve([listing([])])
    list(client.events())
    assert server.requests[0].query == {"events": ",".join(DSYNC_EVENTS), "limit": "100"}


@pytest.mark.parametrize(
    "moment",
    [
        "2026-07-30T09:12:44.018Z",
        "2026-07-30 09:12:44.018",
        "2026-07-30T11:12:44.018+02:00",
        datetime(2026, 7, 30, 9, 12, 44, 18000, tzinfo=UTC),
        datetime(2026, 7, 30, 9, 12, 44, 18000),
        datetime(2026, 7, 30, 4, 12, 44, 18000, tzinfo=timezone(timedelta(hours=-5))),
        pd.Timestamp("2026-07-30 09:12:44.018", tz="UTC"),
    ],
)
def test_range_times_end_in_z_however_they_were_given(serve, moment):
    server, client = serve(lambda request: listing([]))
    list(client.events(range_start=moment, range_end="2026-08-01T00:00:00Z"))
    assert server.requests[0].query["range_start"] == "2026-07-30T09:12:44.018Z"
    assert server.requests[0].query["range_end"] == "2026-08-01T00:00:00.000Z"


def test_long_spans_are_cut_into_windows_until_a_first_event_gives_a_cursor(serve):
    def script(request):
        query = request.query
        if "after" in query:
            return listing([event(2), event(3)] if query["after"] == "event_1" else [])
        return listing([event(1)] if query["range_end"] > "2026-07-01" else [])

    server, client = serve(script)
    found = list(client.events(range_start="2026-05-01", range_end="2026-08-20"))
    assert [row["id"] for row in found] == ["event_1", "event_2", "event_3"]
    windows = [request.query for request in server.requests if "range_start" in request.query]
    for window in windows:
        span = datetime.fromisoformat(window["range_end"]) - datetime.fromisoformat(window["range_start"])
        assert span <= timedelta(days=30)
    starts = [window["range_start"] for window in windows]
    assert starts[:2] == ["2026-05-01T00:00:00.000Z", "2026-05-30T23:59:59.000Z"]  # windows overlap by a second
    onward = [request.query for request in server.requests if "after" in request.query]
    assert onward
    assert all("range_start" not in q and q["range_end"] == "2026-08-20T00:00:00.000Z" for q in onward)


def test_a_span_without_events_ends_after_its_last_window(serve):
    server, client = serve(lambda request: listing([]))
    assert list(client.events(range_start="2026-05-01", range_end="2026-07-20")) == []
    assert len(server.requests) == 3
    assert client.receipts[-1].complete


def test_a_lost_place_in_the_events_is_an_error_not_a_silent_start_from_elsewhere(serve):
    server, client = serve([Answer({"message": "unknown cursor", "code": "invalid_events_request"}, 400)])
    with pytest.raises(errors.BadRequest):
        list(client.events(after="event_gone"))
    assert len(server.requests) == 1


def test_unknown_event_names_are_questioned_and_still_asked_for(serve):
    """EVT-08: a name that never existed, or that this version does not know yet."""
    server, client = serve([listing([])])
    list(client.events(events=["dsync.deactivated", "dsync.user.created"]))
    notice = client.receipts[-1].notices[0]
    assert notice.startswith("dsync.deactivated is not a known event")
    assert "dsync.activated" in notice
    assert server.requests[0].query["events"] == "dsync.deactivated,dsync.user.created"


# Receipts -----------------------------------------------------------------------------------------------


def test_a_receipt_reads_as_one_line(serve):
    _, client = serve(paged(users(27)))
    list(client.users(directory_id="d1"))
    line = repr(client.receipts[-1])
    assert line.startswith("<Receipt /directory_users (directory=d1): 27 rows, 1 page, 1 request, ")
    assert line.endswith(" s, complete>")


def test_records_that_come_twice_are_yielded_once(serve):
    people = users(3)
    _, client = serve([listing(people[:2], after="u001"), listing(people[1:])])
    assert [row["id"] for row in client.users(directory_id="d1")] == ["u000", "u001", "u002"]
    assert (client.receipts[-1].duplicates, client.receipts[-1].rows) == (1, 3)
