from __future__ import annotations

import inspect
import itertools
import sys
from functools import partial
from types import SimpleNamespace

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames, sync
from dirsync_nb.load import progress
from dirsync_nb.load.lists import load_list

from ..foreign import Answer, listing, paged, users


def test_a_short_list_takes_one_request_of_a_hundred(serve):
    """HTTP-01: the API's own page size is ten; nobody should meet it."""
    server, client = serve(paged(users(27)))
    frame = ds.load_users(client, directory_id="d1")
    receipt = client.receipts[-1]
    assert len(frame) == 27
    assert [request.query["limit"] for request in server.requests] == ["100"]
    assert (receipt.pages, receipt.rows, receipt.requests, receipt.complete) == (1, 27, 1, True)


def test_a_stuck_cursor_ends_in_an_error_that_keeps_the_rows(client, sandbox, okta):
    """HTTP-02: from page 2 the sandbox gives the same page with the same cursor for ever."""
    sandbox.faults.add("stuck_cursor", path="/directory_users", skip=1)
    client.max_pages = 20  # so that a walk without the check fails here instead of never ending
    with pytest.raises(errors.CursorStuck, match=r"/directory_users gave the cursor directory_user_") as caught:
        ds.load_users(client, directory_id=okta)
    receipt = client.receipts[-1]
    assert receipt.requests == 3
    assert len(receipt.partial) == receipt.partial.index.nunique() == 200
    assert not receipt.complete
    assert "incomplete" in receipt.partial.attrs
    assert caught.value.partial is receipt.partial


def test_the_three_ways_to_name_a_directory_give_equal_frames(client, okta):
    """HTTP-04."""
    directories = ds.load_directories(client)
    frame = ds.load_users(client, directory_id=okta)
    for same in (
        ds.load_users(client, directory=okta),
        ds.load_users(client, directory_id=client.directory(okta)),
        ds.load_users(client, directory_id=directories.loc[okta]),
    ):
        pd.testing.assert_frame_equal(same, frame)
    with pytest.raises(errors.ArgumentError, match="directroy"):
        ds.load_users(client, directroy=okta)


def test_a_wait_for_the_rate_limit_stands_on_the_receipt(client, sandbox, okta):
    """HTTP-06: request 2 is answered with 429, one second, and a bare JSON string."""
    sandbox.faults.add(
        "status",
        path="/directory_users",
        skip=1,
        times=1,
        status=429,
        body="Ratelimited",
        headers={"Retry-After": "1"},
    )
    assert len(ds.load_users(client, directory_id=okta)) == 260
    receipt = client.receipts[-1]
    assert [(wait.cause, round(wait.seconds, 3)) for wait in receipt.waits] == [("429", 1.0)]
    assert receipt.seconds_waited == pytest.approx(1.0)


def test_a_server_that_fails_for_good_leaves_what_was_read_and_a_way_on(serve):
    """HTTP-09: 600 users, page 4 answers 500 to every try; resuming reads the rest once."""
    people, broken = users(600), [True]

    def script(request):
        if broken[0] and request.query.get("after") == "u299":
            return Answer({"message": "boom"}, 500)
        return paged(people)(request)

    server, client = serve(script)
    with pytest.raises(errors.ServerFailure, match=r"page 4.*500.*Tried 4 times") as caught:
        ds.load_users(client, directory_id="d1")
    receipt = client.receipts[-1]
    assert len(receipt.partial) == receipt.rows == 300
    assert caught.value.receipt is receipt
    assert "300 rows were read and are kept" in str(caught.value)
    broken[0] = False
    asked = len(server.requests)
    frame = ds.load_users(client, directory_id="d1", resume=receipt)
    assert [request.query.get("after") for request in server.requests[asked:]] == ["u299", "u399", "u499", None]
    assert frame.index.tolist() == [row["id"] for row in people]
    assert client.receipts[-1].complete
    assert "incomplete" not in frame.attrs


@pytest.mark.parametrize("moment", ["while waiting for page 3", "while packing page 3"])
def test_an_interrupt_keeps_the_rows_and_stays_an_interrupt(serve, monkeypatch, moment):
    """HTTP-10."""
    people = users(600)
    _, client = serve(paged(people))
    calls = itertools.count(1)
    if moment == "while waiting for page 3":
        get = client.transport.get

        def interrupted(*args, **kwargs):
            if next(calls) == 3:
                raise KeyboardInterrupt
            return get(*args, **kwargs)

        monkeypatch.setattr(client.transport, "get", interrupted)
    else:
        add = frames.FrameBuilder.add

        def interrupted(self, page):
            if next(calls) == 3:
                raise KeyboardInterrupt
            add(self, page)

        monkeypatch.setattr(frames.FrameBuilder, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ds.load_users(client, directory_id="d1")
    monkeypatch.undo()
    receipt = client.receipts[-1]
    assert len(receipt.partial) == 200
    assert not receipt.complete
    with pytest.raises(errors.IncompleteError, match="broke off after 200 rows"):
        frames.require_complete(receipt.partial, "comparison")
    frame = ds.load_users(client, directory_id="d1", resume=receipt)
    assert frame.index.tolist() == [row["id"] for row in people]


def test_a_receipt_resumes_only_the_load_it_came_from(serve):
    _, client = serve([listing(users(1), after="u000"), Answer("no", 403), listing([])])
    with pytest.raises(errors.Forbidden):
        ds.load_users(client, directory_id="d1")
    receipt = client.receipts[-1]
    for other in ({"directory_id": "d2"}, {"directory_id": "d1", "order": "desc"}):
        with pytest.raises(errors.ArgumentError, match="same load"):
            ds.load_users(client, **other, resume=receipt)
    ds.load_users(client, directory_id="d1", resume=receipt)
    with pytest.raises(errors.ArgumentError, match="complete"):
        ds.load_users(client, directory_id="d1", resume=client.receipts[-1])


def test_a_walk_by_hand_leaves_nothing_to_resume(serve):
    """Its rows went to the caller; going on from its cursor would lose them without a word."""
    _, client = serve(paged(users(300)))
    for number, _ in enumerate(client.users(directory_id="d1")):
        if number == 150:
            break
    with pytest.raises(errors.ArgumentError, match="kept no rows"):
        ds.load_users(client, directory_id="d1", resume=client.receipts[-1])


@pytest.mark.parametrize("where", ["frame", "partial"])
def test_an_interrupt_in_the_last_step_loses_nothing(serve, monkeypatch, where):
    """While the frame is made at the end, or while the partial one is: a second Ctrl-C."""
    people = users(300)
    _, client = serve(paged(people))
    real, calls = frames.FrameBuilder.frame, itertools.count(1)
    times = 1 if where == "frame" else 2

    def interrupted(self):
        if next(calls) <= times:
            raise KeyboardInterrupt
        return real(self)

    monkeypatch.setattr(frames.FrameBuilder, "frame", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ds.load_users(client, directory_id="d1")
    monkeypatch.undo()
    receipt = client.receipts[-1]
    assert not receipt.complete
    frame = ds.load_users(client, directory_id="d1", resume=receipt)
    assert frame.index.tolist() == [row["id"] for row in people]


def test_writing_into_a_partial_frame_does_not_reach_the_resumed_one(serve):
    _, client = serve(paged(users(20)), max_rows=10)
    with pytest.raises(errors.CapReached):
        ds.load_users(client, directory_id="d1")
    receipt = client.receipts[-1]
    receipt.partial.loc[:, "name"] = "mine"
    client.max_rows = None
    assert "mine" not in set(ds.load_users(client, directory_id="d1", resume=receipt)["name"])


def test_a_cap_counts_rows_that_come_twice_once(serve):
    people = users(25)
    pages = [people[0:10], people[9:19], people[18:25]]
    script = [listing(page, after=page[-1]["id"] if n < 2 else None) for n, page in enumerate(pages)]
    _, client = serve(script, page_size=10, max_rows=25)
    assert len(ds.load_users(client, directory_id="d1")) == 25


def test_a_load_leaves_the_collector_alone(serve, monkeypatch):
    """It belongs to the person's own cell, and an interrupt could leave it off."""
    import gc

    seen = []
    add = frames.FrameBuilder.add
    monkeypatch.setattr(
        frames.FrameBuilder, "add", lambda self, page: (seen.append(gc.isenabled()), add(self, page))[1]
    )
    _, client = serve(paged(users(5)))
    ds.load_users(client, directory_id="d1")
    assert seen == [True]


def test_events_resume_only_from_the_same_place(serve):
    def script(request):
        return (
            Answer("no", 403)
            if request.query["after"] == "event_2"
            else listing([{"id": "event_2"}], after="event_2")
        )

    _, client = serve(script)
    with pytest.raises(errors.Forbidden):
        ds.load_events(client, after="event_1")
    with pytest.raises(errors.ArgumentError, match="same load"):
        ds.load_events(client, after="event_9", resume=client.receipts[-1])


@pytest.mark.parametrize(
    ("caps", "rows"),
    [({"max_rows": 10}, 10), ({"max_pages": 2, "page_size": 4}, 8), ({"max_rows": 8, "page_size": 4}, 8)],
)
def test_a_cap_ends_a_load_with_an_error_that_names_it(serve, caps, rows):
    """SCL-02: what was not seen must not count as gone."""
    _, client = serve(paged(users(11)), **caps)
    name = next(iter(caps))
    with pytest.raises(
        errors.CapReached, match=rf"{name}={caps[name]} with {rows} rows kept.*connect\({name}="
    ):
        ds.load_users(client, directory_id="d1")
    receipt = client.receipts[-1]
    assert len(receipt.partial) == rows
    client.max_rows = client.max_pages = None
    whole = ds.load_users(client, directory_id="d1", resume=receipt)
    assert whole.index.tolist() == [row["id"] for row in users(11)]


def test_a_cap_that_is_just_enough_is_no_error(serve):
    _, client = serve(paged(users(10)), max_rows=10)
    assert len(ds.load_users(client, directory_id="d1")) == 10


def test_rows_that_come_again_on_the_next_page_are_dropped_and_counted(client, sandbox, okta):
    """DF-15: the last row of one page is the first of the next."""
    sandbox.faults.add("overlap", path="/directory_users", rows=1, times=None)
    client.page_size = 100
    frame = ds.load_users(client, directory_id=okta)
    assert len(frame) == frame.index.nunique() == 260
    assert client.receipts[-1].duplicates == 2


def test_twenty_five_users_by_tens_with_overlap_give_twenty_five_rows(serve):
    """DF-15, in its own numbers, from a foreign server."""
    people = users(25)
    pages = [people[0:10], people[9:19], people[18:25]]
    _, client = serve(
        [listing(page, after=page[-1]["id"] if n < 2 else None) for n, page in enumerate(pages)], page_size=10
    )
    frame = ds.load_users(client, directory_id="d1")
    assert len(frame) == 25
    assert client.receipts[-1].duplicates == 2
    assert client.receipts[-1].rows == 25


@pytest.mark.parametrize("kind", ["reset", "truncate", "truncated_json", "html"])
def test_a_passing_fault_on_any_page_costs_no_row(client, sandbox, okta, kind):
    sandbox.faults.add(kind, path="/directory_users", skip=1, times=1)
    assert len(ds.load_users(client, directory_id=okta)) == 260


def test_every_loader_gives_the_declared_columns(client, okta):
    group = ds.load_groups(client, directory_id=okta).index[0]
    user = ds.load_users(client, directory_id=okta).index[0]
    for frame, columns, name in (
        (ds.load_organizations(client), frames.ORGANIZATION_COLUMNS, "organization_id"),
        (ds.load_directories(client), frames.DIRECTORY_COLUMNS, "directory_id"),
        (ds.load_users(client, group_id=group), frames.USER_COLUMNS, "user_id"),
        (ds.load_groups(client, user_id=user), frames.GROUP_COLUMNS, "group_id"),
        (ds.load_events(client), frames.EVENT_COLUMNS, "event_id"),
    ):
        assert len(frame) > 0
        assert frame.index.name == name
        assert frame.dtypes.astype(str).to_dict() == dict(columns)
        assert frame["extra"].isna().all()


def test_single_lookups_give_one_named_row_equal_to_the_lists(client, okta):
    directories = ds.load_directories(client)
    users_frame = ds.load_users(client, directory_id=okta)
    groups = ds.load_groups(client, directory_id=okta)
    organizations = ds.load_organizations(client)
    for row, frame in (
        (ds.load_directory(client, okta), directories),
        (ds.load_user(client, users_frame.index[3]), users_frame),
        (ds.load_group(client, groups.index[3]), groups),
        (ds.load_organization(client, organizations.index[1]), organizations),
    ):
        pd.testing.assert_series_equal(row, frame.loc[row.name].astype(object), check_names=True)
    external = organizations["external_id"].dropna().iloc[0]
    assert ds.load_organization(client, external_id=external)["external_id"] == external
    with pytest.raises(errors.ArgumentError, match="either"):
        ds.load_organization(client)


def test_a_lookup_of_nobody_is_not_found_and_says_what_to_do(client):
    with pytest.raises(errors.NotFound, match="another environment") as caught:
        ds.load_user(client, "directory_user_nobody")
    assert caught.value.code == "entity_not_found"


def test_an_old_and_a_new_team_load_into_the_same_columns(serve):
    """The same user as customers of 2025 and of summer 2026 see it; section 4 of the API notes."""
    old = users(
        1,
        job_title="Dispatcher",
        username="ines.okafor",
        emails=[{"primary": True, "type": "work", "value": "ines@acme.test"}],
        raw_attributes={"title": "Dispatcher"},
        groups=[{"object": "directory_group", "id": "g1", "name": "Night Crew"}],
    )
    new = users(1, job_title=None, username=None, emails=[], custom_attributes={"job_title": "Dispatcher"})
    bare = [{k: v for k, v in users(1)[0].items() if k not in ("raw_attributes", "groups")}]
    loaded = []
    for people in (old, new, bare):
        _, client = serve(paged(people))
        loaded.append(ds.load_users(client, directory_id="d1"))
    assert all(frame.dtypes.equals(loaded[0].dtypes) for frame in loaded[1:])
    assert loaded[0]["job_title"].tolist() == ["Dispatcher"]
    assert loaded[2]["job_title"].isna().all()
    assert loaded[0]["raw_attributes"].tolist() == [{"title": "Dispatcher"}]


def test_loaders_share_their_words():
    """Frame-wide habits: the client first, then the id, everything else by keyword, resume on every list."""
    by_id = {"users": "directory_id", "groups": "directory_id", "memberships": "directory_id"}
    by_id |= {"directories": "organization_id", "organizations": "search", "events": "events"}
    for name, second in by_id.items():
        parameters = inspect.signature(getattr(ds, f"load_{name}")).parameters
        assert "resume" in parameters
        positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert positional == ["client", second]


ULID = "01JYXEMCM0M4F6NYR18TC59WD8"


@pytest.mark.parametrize(
    ("kind", "filters", "words"),
    [
        ("directories", {"organization_id": "Harbourline"}, "organization, such as org_01.*that is a name"),
        ("directories", {"organization_id": "Harbour Line 2"}, "that is a name"),
        ("directories", {"organization_id": "it@acme.test"}, "that is an address"),
        ("events", {"organization_id": f"directory_{ULID}"}, "a directory's id: load_users"),
        ("events", {"after": f"org_{ULID}"}, "an organization's id: load_directories"),
        ("users", {"directory_id": f"org_{ULID}"}, r"load_directories\(client, organization_id=...\)"),
        ("users", {"directory_id": {"id": f"directory_user_{ULID}"}}, "a directory user's id"),
        ("users", {"directory_id": [f"directory_{ULID}", "Okta Harbour"]}, "that is a name"),
        ("users", {"group_id": f"directory_user_{ULID}"}, "a directory user's id: load_user"),
        ("groups", {"user_id": "ada@acme.test"}, r"that is an address. find\(client"),
        ("memberships", {"directory_id": f"directory_group_{ULID}"}, "a directory group's id"),
    ],
)
def test_what_cannot_be_the_id_asked_for_is_refused_before_any_request(serve, kind, filters, words):
    server, client = serve(listing([]))
    with pytest.raises(errors.ArgumentError, match=words):
        getattr(ds, f"load_{kind}")(client, **filters)
    assert server.requests == []


@pytest.mark.parametrize("group_id", ["7b1f5d52-0c2e", "org_sales", "everyone", "directory_admins"])
def test_ids_that_another_server_gave_out_are_taken(serve, group_id):
    whole = paged(users(1))
    server, client = serve(lambda r: whole(r) if r.query["group"] == group_id else listing([]))
    assert len(ds.load_users(client, group_id=group_id)) == 1
    assert server.requests[0].query["group"] == group_id


# What a person sees -------------------------------------------------------------------------------------


class FakeBar:
    shown: list[FakeBar] = []

    def __init__(self, noun, total):
        self.noun, self.total, self.n, self.closed, self.beside = noun, total, 0, False, []
        FakeBar.shown.append(self)

    def update(self, count):
        self.n += count

    def reset(self, total):
        self.n, self.total = 0, total

    def set_postfix_str(self, words):
        self.beside.append(words)

    def close(self):
        self.closed = True


@pytest.fixture
def watched(monkeypatch):
    """Somebody watches, and every load counts as long."""
    FakeBar.shown = []
    monkeypatch.setattr(progress, "is_interactive", lambda: True)
    monkeypatch.setattr(progress, "SHOW_AFTER", 0.0)
    monkeypatch.setattr(progress, "_bar", FakeBar)


def test_a_long_load_shows_one_bar_with_the_directorys_own_count(watched, client, okta):
    ds.load_users(client, directory_id=okta)
    (bar,) = FakeBar.shown
    assert (bar.noun, bar.total, bar.n, bar.closed) == ("users", 260, 260, True)
    assert client.receipts[-1].requests == 4  # three pages, and the question for the total


def test_the_total_is_asked_for_whole_directories_only_and_without_patience(watched, serve, clock):
    whole = paged(users(5, email="one@acme.test"))
    server, client = serve(lambda r: whole(r) if r.path == "/directory_users" else Answer("no", 500))
    ds.load_users(client, directory_id="d1", email="one@acme.test")
    assert len(server.requests) == 1
    ds.load_users(client, directory_id="d1")
    assert [r.path for r in server.requests].count("/directories/d1") == 1
    assert clock.sleeps == []
    assert FakeBar.shown[-1].total is None


def test_a_bar_without_a_known_total_counts_all_the_same(watched, client):
    ds.load_events(client)
    (bar,) = FakeBar.shown
    assert bar.total is None
    assert bar.n == client.receipts[-1].rows


def test_the_bar_says_what_is_waited_for_as_soon_as_it_is(watched, serve, capsys, monkeypatch):
    monkeypatch.setattr(progress, "SHOW_AFTER", 60.0)  # a pause is told of all the same
    wait = Answer({"message": "slow down"}, 429, {"Retry-After": "7"})
    _, client = serve([wait, listing(users(3))])
    ds.load_users(client, directory_id="d1")
    (bar,) = FakeBar.shown
    assert bar.beside == ["the rate limit is used up: waiting 7 s", ""]
    assert bar.closed
    assert client.receipts[-1].tell is None
    assert capsys.readouterr() == ("", "")


def test_a_bar_that_a_pause_made_counts_on_from_what_there_is(watched, serve):
    whole, sent = paged(users(250)), []

    def script(request):
        sent.append(request)
        return Answer("busy", 503) if len(sent) == 1 else whole(request)

    _, client = serve(script)
    ds.load_groups(client, directory_id="d1")
    (bar,) = FakeBar.shown
    assert bar.n == 250
    assert bar.beside == ["no answer yet (503): waiting 1 s", ""]


def test_the_real_bar_leaves_no_thread_behind(monkeypatch, client, okta, capsys):
    import threading

    monkeypatch.setattr(progress, "is_interactive", lambda: True)
    monkeypatch.setattr(progress, "SHOW_AFTER", 0.0)
    before = set(threading.enumerate())
    ds.load_users(client, directory_id=okta)
    assert "Loading users" in capsys.readouterr().err
    assert set(threading.enumerate()) <= before


def test_nobody_watching_sees_nothing(client, okta, capsys, monkeypatch):
    """NBC-01: neither bar nor notice reaches a pipe."""
    monkeypatch.setattr(progress, "SHOW_AFTER", 0.0)
    monkeypatch.setattr(progress, "is_interactive", lambda: False)
    ds.load_events(client, events=["dsync.deactivated"])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "bars"), [({"allow_stdin": False}, 0), ({"allow_stdin": True}, 1), ({}, 1)]
)
def test_a_notebook_that_nobody_looks_at_gets_no_bar(watched, client, okta, monkeypatch, content, bars):
    """nbval and papermill tell the kernel that it cannot ask; a click in a page says nothing of it."""
    kernel = SimpleNamespace(get_parent=lambda: {"content": content})
    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    ds.load_users(client, directory_id=okta)
    assert len(FakeBar.shown) == bars


def test_a_notice_is_said_once_and_not_among_the_data(serve, capsys, monkeypatch):
    monkeypatch.setattr(progress, "is_interactive", lambda: True)
    _, client = serve(paged(users(3, state="staged")))
    for _ in range(2):
        ds.load_users(client, directory_id="d1")
        assert len(client.receipts[-1].notices) == 1
    assert capsys.readouterr().err == "Note: state: unknown to this version and kept as they are: 'staged'.\n"


@pytest.mark.parametrize("status", [400, 422])
def test_events_after_one_that_is_forgotten_are_a_lost_place_with_both_ends(sandbox, client, status):
    """Whether the service forgot where the load began or where its next page does."""
    events = ds.load_events(client)
    refused = {"path": "/events", "status": status, "body": {"message": "Invalid cursor"}}
    sandbox.faults.add("status", **refused)
    with pytest.raises(sync.LostPlace, match="Take a snapshot") as lost:
        ds.load_events(client, after=events.index[0])
    assert lost.value.gap.after_event_id == events.index[0]
    assert lost.value.gap.until_event_id is not None
    sandbox.faults.add("status", skip=1, **refused)
    with pytest.raises(sync.LostPlace) as lost:
        ds.load_events(client, after=events.index[0])
    assert lost.value.gap.after_event_id == events.index[100]
    assert len(lost.value.partial) == 100


def test_a_wrong_call_with_a_place_is_no_lost_place(client):
    place = ds.load_events(client, limit=1).index[0]
    with pytest.raises(errors.BadRequest, match="Unknown event name"):
        ds.load_events(client, after=place, events=["dsync.user.merged"])


@pytest.mark.parametrize(("counted", "told"), [(130, True), (120, False), (None, False)])
def test_a_count_of_the_service_that_differs_from_the_rows_is_a_notice(serve, counted, told):
    """Rows may be missing without a sign on any page; the service's own count is the only other witness."""
    people = paged(users(120))

    def script(request):
        if request.path == "/directory_users":
            return people(request)
        counts = {} if counted is None else {"users": {"active": counted - 3, "inactive": 3}, "groups": 0}
        return Answer({"object": "directory", "id": "d1", "metadata": counts})

    _, client = serve(script)
    assert len(ds.load_users(client, "d1")) == 120
    receipt = client.receipts[-1]
    assert receipt.complete
    assert (
        any("The service counts 130 users in d1, and 120 were read" in one for one in receipt.notices) is told
    )


@pytest.mark.parametrize(
    ("now", "requests", "told"),
    [(20, 2, None), (19, 2, "counts 19"), (500, 2, "counts 21"), (404, 2, errors.NotFound)],
)
def test_a_count_from_before_is_asked_for_anew_where_other_rows_are_read(serve, now, requests, told):
    people = paged(users(20))

    def script(request):
        if request.path == "/directory_users":
            return people(request)
        if now in (404, 500):
            return Answer({"message": "not now"}, now)
        return Answer({"id": "d1", "metadata": {"users": {"active": now, "inactive": 0}}})

    server, client = serve(script)
    load = partial(load_list, client.context, "users", {"directory_id": "d1"})
    assert len(load(counted=20)) == 20
    assert len(server.requests) == 1
    if told is errors.NotFound:
        with pytest.raises(errors.NotFound):
            load(counted=21)
    else:
        assert len(load(counted=21)) == 20
        assert [told in one for one in client.receipts[-1].notices] == ([True] if told else [])
    assert len(server.requests) == 1 + requests
