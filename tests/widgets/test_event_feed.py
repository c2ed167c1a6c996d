from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import traitlets as t

import dirsync_nb as ds
from dirsync_nb import widgets
from dirsync_nb.widgets._base.events import sentence

from ..foreign import listing
from .conftest import HOSTILE, markup_of, state_size, until


@pytest.fixture
def feed(client):
    return widgets.EventFeed(client)


def test_what_happens_arrives_in_words_newest_first(sandbox, okta, feed):
    user = sandbox.add_user(okta, email="kim@harbourline.example", name="Kim Vale")
    group = sandbox.add_group(okta, name="Night Crew")
    sandbox.add_member(group, user)
    sandbox.update_user(user, custom_attributes={"job_title": "Pilot"})
    sandbox.remove_member(group, user)
    sandbox.rename_group(group, "Day Crew")
    sandbox.delete_user(user)
    feed.poll()
    assert [(line.what, line.text) for line in feed.lines[:7]] == [
        ("Left", "Kim Vale left (deleted, or made inactive)"),
        ("Groups", "Group Day Crew: idp_id Night Crew → Day Crew; name Night Crew → Day Crew"),
        ("Removed", "Kim Vale was removed from Night Crew"),
        ("Changed", "Kim Vale: job_title (none) → Pilot"),
        ("Added", "Kim Vale was added to Night Crew"),
        ("Groups", "Group Night Crew was created"),
        ("Joined", "Kim Vale joined"),
    ]


def test_each_look_goes_on_from_the_cursor_and_nothing_comes_twice(client, sandbox, okta, feed):
    sandbox.add_user(okta, name="Kim Vale")
    feed.poll()
    kept, cursor = list(feed.lines), feed.cursor
    assert cursor == feed.lines[0].event_id
    before, receipts = len(sandbox.requests), len(client.receipts)
    feed.poll()
    feed.poll()
    assert feed.lines == kept
    assert all(f"after={cursor}" in query for _, _, query in sandbox.requests[before:])
    assert len(client.receipts) <= receipts + 1  # looks that found nothing leave no pile of receipts


def test_it_goes_on_where_another_feed_stopped(client, sandbox, okta, feed):
    user = sandbox.add_user(okta, name="Kim Vale")
    later = widgets.EventFeed(client, after=feed.cursor)
    assert [line.user_id for line in later.lines] == [user]


def test_filters_by_kind_and_words(sandbox, okta, feed):
    sandbox.add_user(okta, name="Kim Vale")
    sandbox.add_group(okta, name="Night Crew")
    feed.poll()
    feed.kind_menu.value = "Joined"
    assert {line.what for line in feed.shown_lines()} == {"Joined"}
    feed.find_field.value = "kim"
    assert feed.table.column("text") == ["Kim Vale joined"]
    with pytest.raises(t.TraitError):
        feed.kind = "Promoted"


def test_clear_empties_the_list_and_keeps_the_place(sandbox, okta, feed):
    cursor = feed.cursor
    feed.clear_button.click()
    assert (feed.lines, feed.cursor) == ([], cursor)
    assert feed.table.empty == "Nothing yet."
    sandbox.add_user(okta, name="Kim Vale")
    feed.poll()
    assert [line.text for line in feed.lines] == ["Kim Vale joined"]


def test_only_one_directory_where_asked(client, sandbox, okta):
    other = next(d["id"] for d in sandbox.truth.directories() if d["id"] != okta and d["state"] == "linked")
    feed = widgets.EventFeed(client, directory_id=other)
    feed.clear()
    sandbox.add_user(okta, name="Not Shown")
    sandbox.add_user(other, name="Is Shown")
    feed.poll()
    assert [line.text for line in feed.lines] == ["Is Shown joined"]


def test_on_a_kernels_loop_it_looks_by_itself_until_paused(client, sandbox, okta):
    async def person():
        feed = widgets.EventFeed(client, interval=0.2)
        feed.clear()
        sandbox.add_user(okta, name="Kim Vale")
        await until(lambda: feed.lines)
        assert [line.text for line in feed.lines] == ["Kim Vale joined"]
        feed.pause_button.value = True
        assert feed.pause_button.description == "Resume"
        assert feed.status.text.startswith("Paused.")
        sandbox.add_user(okta, name="Nobody Looks")
        asked = len(sandbox.requests)
        await asyncio.sleep(0.5)
        assert len(sandbox.requests) == asked
        feed.paused = False
        await until(lambda: len(feed.lines) == 2)
        assert len(feed.lines) == 2
        feed.retire()
        asked = len(sandbox.requests)
        await asyncio.sleep(0.5)
        assert len(sandbox.requests) == asked

    asyncio.run(person())


def test_a_forgotten_feed_pauses(client):
    async def person():
        feed = widgets.EventFeed(client, interval=0.2, minutes=0.005)
        await until(lambda: feed.paused)
        assert "Press Resume" in feed.status.text
        feed.retire()

    asyncio.run(person())


def test_an_interval_without_sense_is_refused(client):
    with pytest.raises(t.TraitError, match="at least 0.2 seconds"):
        widgets.EventFeed(client, interval=0)


def test_offboarding_by_an_update_counts_as_leaving():
    """EVT-03."""
    user = {"object": "directory_user", "id": "u1", "name": "Kim Vale", "state": "inactive"}
    event = {
        "id": "e1",
        "event": "dsync.user.updated",
        "data": {**user, "previous_attributes": {"state": "active"}},
    }
    assert sentence(event).what == "Left"
    assert "made inactive" in sentence(event).text
    back = {**event, "data": {**user, "state": "active", "previous_attributes": {"state": "inactive"}}}
    assert sentence(back).what == "Joined"


def test_unknown_events_are_kept_as_other_and_broken_ones_stop_nothing():
    """EVT-08, EVT-14."""
    assert sentence({"id": "e", "event": "dsync.user.merged", "data": {"id": "u"}}).what == "Other"
    for data in (None, {}, [], {"user": None}, {"group": {"name": "A"}}, {"user": {"id": "u"}, "group": 7}):
        for name in (
            "dsync.user.created",
            "dsync.group.user_added",
            "dsync.group.updated",
            "dsync.deleted",
            None,
        ):
            assert sentence({"id": "e", "event": name, "data": data}).text


def test_a_lost_place_is_reported_with_both_ends_and_not_passed_over(client, feed, sandbox):
    """EVT-06."""
    last = feed.lines[0].when
    feed.cursor = "event_long_gone"
    feed.poll()
    assert feed.status.kind == "error"
    assert "There is a gap" in feed.status.text
    assert last in feed.status.text
    assert feed.cursor == "event_long_gone"
    feed.status.again_button.click()
    assert feed.status.kind == "ready"
    assert feed.cursor != "event_long_gone"


def test_at_most_fifty_rows_and_five_hundred_lines_are_kept(client, sandbox, okta, feed):
    feed.limit = 60
    feed.clear()
    for number in range(70):
        sandbox.add_user(okta, name=f"Person {number}")
    feed.poll()
    assert len(feed.lines) == len(feed.records) == 60
    feed.table.size = 50
    assert len(feed.table.rows) == 50
    feed.table.page = 2
    assert len(feed.table.rows) == 10
    assert feed.lines[0].text == "Person 69 joined"
    assert state_size(feed) < 100_000


def test_a_row_shows_the_event_as_it_came(feed):
    feed.table.picked = feed.table.ids[0]
    assert feed.lines[0].event_id in feed.record_view.value


def test_hostile_names_are_text(client, hostile, sandbox):
    feed = widgets.EventFeed(client, directory_id=hostile["directory"])
    sandbox.update_user(hostile["users"][0], custom_attributes={"department_name": HOSTILE[1], "x": HOSTILE[0]})
    for name in HOSTILE:
        sandbox.rename_group(hostile["groups"][0], name)
    feed.poll()
    for line in feed.lines:
        feed.table.picked = line.event_id
        seen = markup_of(feed) + feed.static_html()
        assert "<img" not in seen
        assert "<b>" not in seen


def test_a_real_service_is_asked_for_the_last_hour_only(serve, monkeypatch):
    monkeypatch.setattr(widgets.event_feed, "is_loopback", lambda _: False)
    server, client = serve(lambda _: listing([]))
    feed = widgets.EventFeed(client)
    asked = datetime.fromisoformat(server.requests[-1].query["range_start"])
    assert timedelta(minutes=59) < datetime.now(UTC) - asked < timedelta(minutes=61)
    assert feed.status.kind == "empty"


def test_a_feed_whose_page_was_closed_pauses_and_goes_on_when_it_is_opened_again(feed, clock, sandbox, okta):
    feed.clock = clock
    feed.pulse.beat()
    clock.now += 170
    feed.poll()
    assert not feed.paused
    clock.now += 20
    feed.poll()
    assert feed.paused
    assert feed.status.text.startswith("Paused: the page was closed.")
    sandbox.add_user(okta, name="Kim Vale")
    feed.pulse.beat()
    assert not feed.paused
    assert feed.lines[0].text == "Kim Vale joined"


def test_a_pause_of_ones_own_is_not_ended_by_a_page_that_opens(feed, clock):
    feed.clock = clock
    feed.paused = True
    feed.pulse.beat()
    assert feed.paused


def test_where_no_page_ever_showed_it_a_feed_goes_on(feed, clock):
    feed.clock = clock
    feed.touch()
    clock.now += 3_000
    feed.poll()
    assert not feed.paused


def test_counts_of_one_read_right(feed, sandbox, okta):
    feed.clear()
    sandbox.add_group(okta, name="Night Crew")
    feed.poll()
    assert feed.status.text.endswith(" 1 event (1 group).")
    sandbox.add_group(okta, name="Day Crew")
    sandbox.add_user(okta, name="Kim Vale")
    feed.poll()
    assert feed.status.text.endswith(" 3 events (2 groups, 1 joined).")


def test_a_feed_of_the_sandbox_begins_with_all_it_has_page_by_page(client, feed):
    assert len(feed.lines) == len(ds.load_events(client))
    assert feed.table.pages > 1
    assert list(feed.rows.index) == [line.event_id for line in feed.lines]


def test_a_change_is_shown_with_before_and_after(sandbox, okta, feed):
    user = sandbox.add_user(okta, name="Kim Vale", custom_attributes={"job_title": "Cook"})
    sandbox.update_user(user, custom_attributes={"job_title": "Pilot"})
    feed.poll()
    feed.table.click(feed.table.ids[0])
    for piece in ("Before", "After", "<bdi>Cook</bdi>", "<bdi>Pilot</bdi>"):
        assert piece in feed.record_view.value


def test_what_was_cleared_comes_back_under_what_came_since(feed, sandbox, okta):
    before = [line.event_id for line in feed.lines]
    feed.clear_button.click()
    assert feed.lines == []
    sandbox.add_group(okta, name="Night Crew")
    feed.poll()
    feed.undo_button.click()
    assert [line.event_id for line in feed.lines][1:] == before
    assert feed.undo_button.layout.display == "none"


def test_older_events_are_loaded_in_turn(client):
    feed = widgets.EventFeed(client, limit=20)
    whole = ds.load_events(client)
    assert len(feed.lines) == 20
    feed.older_button.click()
    assert [line.event_id for line in feed.lines] == list(whole.index[::-1][: len(feed.lines)])
    assert len(feed.lines) == min(520, len(whole))
    assert feed.lines[-1].event_id in feed.records


def test_away_from_the_sandbox_a_feed_looks_further_back_step_by_step(client, sandbox, okta, monkeypatch):
    from dirsync_nb.widgets import event_feed

    asked = []

    def read(_client, _kind, _job, **filters):
        asked.append(filters)
        return [], True

    monkeypatch.setattr(event_feed, "is_loopback", lambda _: False)
    monkeypatch.setattr(event_feed, "read_records", read)
    feed = widgets.EventFeed(client)
    while feed.older_button.layout.display == "":
        feed.older_button.click()
    spans = [(one.get("range_end", None), one["range_start"]) for one in asked]
    assert [later for later, _ in spans[1:]] == [earlier for _, earlier in spans[:-1]]
    assert (spans[0][1] - spans[-1][1]).days == 29


def test_a_directory_that_there_is_not_is_told(client):
    """Nothing would ever come of it, and an empty feed looks like a quiet one."""
    feed = widgets.EventFeed(client, "directory_01JYXEMCM0M4F6NYR18TC59WD9")
    assert feed.status.kind == "error"
    assert "directory_01JYXEMCM0M4F6NYR18TC59WD9" in feed.status.text
