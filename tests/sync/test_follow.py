"""Following events: polite, stoppable, and never silently from somewhere else."""

from __future__ import annotations

import asyncio
import json
import threading
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from itertools import islice

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.sandbox.directory import clock as sandbox_clock
from dirsync_nb.sync import follow
from dirsync_nb.sync import state as sync

DAY = sandbox_clock.DAY


@pytest.fixture
def now(client):
    """Id of the newest event of the sandbox."""
    return follow.latest_event(client)["id"]


def following(client, clock, **settings):
    return follow.follow_events(client, clock=clock, sleep=clock.sleep, **settings)


def asked(sandbox, start=0):
    return [line.query for line in sandbox.requests[start:] if line.path == "/events"]


def age(sandbox, days):
    """Let days pass, and what is past retention go."""
    store = sandbox.store
    with store.transaction():
        store.tick(days * DAY)
    store.events.forget_before(store.now - 90 * DAY)


def test_what_happens_arrives_as_frames_and_the_place_moves_on(sandbox, client, clock, okta, now):
    follower = following(client, clock, after=now)
    user = sandbox.add_user(okta, email="a@x.example")
    batches = iter(follower)
    first = next(batches)
    assert first["user_id"].tolist() == [user]
    assert follower.after == now
    sandbox.delete_user(user)
    second = next(batches)
    assert follower.after == first.index[-1]
    assert second["event"].tolist() == ["dsync.user.deleted"]


def test_a_batch_counts_only_when_the_next_is_asked_for(sandbox, client, clock, okta, now, tmp_path):
    """Whoever is killed over a batch gets it again."""
    place = tmp_path / "place.json"
    sandbox.add_user(okta, email="a@x.example")
    batch = next(iter(following(client, clock, after=now, keep=place)))
    assert not place.exists()
    again = following(client, clock, after=now, keep=place)
    batches = iter(again)
    assert next(batches).index.tolist() == batch.index.tolist()
    sandbox.add_user(okta, email="b@x.example")
    next(batches)
    assert json.loads(place.read_text())["after"] == batch.index[-1]


def test_a_kept_place_wins_and_is_of_one_server(sandbox, client, clock, okta, now, tmp_path):
    place = tmp_path / "place.json"
    user = sandbox.add_user(okta, email="a@x.example")
    batches = iter(following(client, clock, after=now, keep=place))
    next(batches)
    sandbox.update_user(user, last_name="B")
    next(batches)
    again = following(client, clock, range_start="2026-07-01", keep=place)
    assert next(iter(again))["event"].tolist() == ["dsync.user.updated"]
    assert again.after == json.loads(place.read_text())["after"]
    place.write_text(json.dumps({"server": "https://elsewhere.example", "after": now}))
    with pytest.raises(errors.ArgumentError, match="holds a place at https://elsewhere.example"):
        following(client, clock, keep=place)
    place.write_text("{")
    with pytest.raises(errors.ArgumentError, match="does not hold a place"):
        following(client, clock, keep=place)


def test_pauses_grow_while_it_is_quiet_and_shrink_when_something_happens(sandbox, client, clock, okta, now):
    sleeps = []

    def sleep(seconds):
        clock.sleep(seconds)
        sleeps.append(seconds)
        if len(sleeps) == 8:
            sandbox.add_user(okta, email="a@x.example")
        if len(sleeps) == 10:
            follower.stop()

    follower = follow.follow_events(client, after=now, every=30, slowest=300, clock=clock, sleep=sleep)
    assert [len(batch) for batch in follower] == [1]
    assert sleeps == [45, 67.5, 101.25, 151.875, 227.8125, 300, 300, 300, 30, 45]
    assert follower.polls == 10


def test_time_spent_on_a_batch_counts_as_pause(sandbox, client, clock, okta, now):
    sandbox.add_user(okta, email="a@x.example")
    follower = following(client, clock, after=now, every=30)
    for _ in follower:
        clock.now += 20
        sandbox.add_user(okta, email="b@x.example")
        if follower.polls == 2:
            break
    assert clock.sleeps == [10]


def test_full_pages_are_read_on_without_waiting(sandbox, client, clock):
    client.page_size = 50
    sizes = [len(batch) for batch in islice(following(client, clock), 5)]
    assert sizes[:-1] == [50] * 4
    assert sum(sizes) == len(ds.load_events(client))
    assert clock.sleeps == []


def test_another_thread_can_stop_it_while_it_waits(client, now):
    follower = follow.follow_events(client, after=now, every=60)
    threading.Timer(0.1, follower.stop).start()
    assert list(follower) == []
    assert follower.stopped
    assert repr(follower).endswith("1 polls, stopped>")


def test_a_batch_in_hand_is_finished_before_it_stops(sandbox, client, clock, okta, now):
    sandbox.add_user(okta, email="a@x.example")
    follower = following(client, clock, after=now)
    found = []
    for batch in follower:
        follower.stop()
        found += batch.index.tolist()
    assert follower.after == found[-1]
    assert clock.sleeps == []


def test_an_interrupt_reaches_the_user_and_the_place_is_where_it_was(client, clock, now):
    def interrupted(_):
        raise KeyboardInterrupt

    follower = follow.follow_events(client, after=now, clock=clock, sleep=interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(follower)
    assert follower.after == now


def test_other_tasks_go_on_while_it_follows_and_cancelling_ends_its_thread(sandbox, client, okta, now):
    follower = follow.follow_events(client, after=now, every=30)

    async def main():
        found = []

        async def take():
            async for batch in follower:
                found.extend(batch["event"])

        task = asyncio.create_task(take())
        sandbox.add_user(okta, email="a@x.example")
        while not found:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return found

    assert asyncio.run(main()) == ["dsync.user.created"]
    assert follower.stopped


def test_range_rules_are_kept(sandbox, client, clock):
    with pytest.raises(errors.ArgumentError, match="after and range_start both say where to begin"):
        following(client, clock, after="event_1", range_start="2026-07-01")
    start = len(sandbox.requests)
    batches = following(client, clock, range_start=datetime(2026, 7, 20, tzinfo=UTC))
    for _ in batches:
        if len(clock.sleeps) == 0:
            sandbox.add_user(ds.load_directories(client).index[0], email="a@x.example")
        if batches.polls == 2:
            break
    queries = asked(sandbox, start)
    assert "range_start=2026-07-20T00%3A00%3A00.000Z" in queries[0]
    assert all("after=" in query and "range_start" not in query for query in queries[-1:])


def test_evt_08_a_filter_for_an_event_that_never_was_is_questioned(client, clock, monkeypatch, capsys):
    monkeypatch.setattr("dirsync_nb.load.progress.is_interactive", lambda: True)
    following(client, clock, events=["dsync.deactivated"])
    assert "dsync.deactivated is not a known event" in capsys.readouterr().err


@pytest.mark.parametrize(("every", "slowest"), [(0, 10), (-1, 10), (20, 10)])
def test_it_must_wait_between_questions(client, clock, every, slowest):
    with pytest.raises(errors.ArgumentError, match="every must be above 0"):
        following(client, clock, every=every, slowest=slowest)


# A place that is lost -----------------------------------------------------------------------------------


def test_evt_06_a_place_past_retention_is_a_gap_with_both_ends(sandbox, client, clock, okta, now):
    age(sandbox, 90)
    user = sandbox.add_user(okta, email="a@x.example")
    age(sandbox, 10)
    with pytest.raises(follow.LostPlace) as caught:
        list(following(client, clock, after=now))
    gap = caught.value.gap
    assert gap.after_event_id == now
    assert gap.after_time == pd.Timestamp("2026-07-31 16:40:54.198", tz="UTC")
    assert gap.until_time == pd.Timestamp(ds.load_user(client, user)["created_at"]) + pd.Timedelta("40ms")
    assert "Take a snapshot" in str(caught.value)
    assert f"a gap from {now} of 2026-07-31" in str(caught.value)


def test_evt_06_the_gap_ends_with_the_oldest_event_that_is_kept_not_with_the_last_30_days(
    sandbox, client, clock, okta, now
):
    age(sandbox, 60)
    user = sandbox.add_user(okta, email="a@x.example")
    age(sandbox, 40)
    sandbox.update_user(user, last_name="B")
    with pytest.raises(follow.LostPlace) as caught:
        list(following(client, clock, after=now))
    kept = sandbox.store.execute("SELECT id FROM events ORDER BY n")
    assert len(kept) == 2
    assert caught.value.gap.until_event_id == kept[0][0]


def test_a_gap_without_any_event_behind_it_says_so(sandbox, client, clock, now):
    age(sandbox, 200)
    with pytest.raises(follow.LostPlace, match="the service has no events at present"):
        list(following(client, clock, after=now))


def test_an_id_of_no_known_form_has_no_time(client, clock):
    with pytest.raises(follow.LostPlace, match="a gap from wh_old to event_"):
        list(following(client, clock, after="wh_old"))


def test_a_call_that_is_wrong_is_not_taken_for_a_lost_place(client, clock, now):
    """The sandbox refuses unknown names; the place is fine."""
    with pytest.raises(errors.BadRequest, match="Unknown event name"):
        list(following(client, clock, after=now, events=["dsync.user.merged"]))


@pytest.mark.parametrize("status", [400, 422])
def test_a_cursor_that_is_refused_is_a_lost_place_wherever_it_is_sent(
    sandbox, client, clock, okta, now, status
):
    for number in range(150):
        sandbox.add_user(okta, email=f"p{number}@x.example")
    refused = {"path": "/events", "status": status, "body": {"message": "Invalid cursor"}}
    sandbox.faults.add("status", **refused)
    with pytest.raises(follow.LostPlace):
        next(iter(following(client, clock, after=now)))
    sandbox.faults.add("status", skip=1, **refused)  # the cursor of the second page
    batches = iter(following(client, clock, after=now))
    first = next(batches)
    with pytest.raises(follow.LostPlace) as caught:
        next(batches)
    assert caught.value.gap.after_event_id == first.index[-1]


def test_lst_04_events_that_come_newest_first_are_not_followed(sandbox, client, clock):
    sandbox.faults.add("newest_first", path="/events")
    follower = following(client, clock)
    with pytest.raises(errors.BadPayload, match="newest first"):
        next(iter(follower))
    assert follower.after is None


def test_load_since_gives_what_came_or_the_gap(sandbox, client, okta, now):
    assert follow.load_since(client, now).empty
    sandbox.add_user(okta, email="a@x.example")
    assert len(follow.load_since(client, now)) == 1
    with pytest.raises(follow.LostPlace) as caught:
        follow.load_since(client, "event_gone", at=pd.Timestamp("2026-01-01", tz="UTC"))
    assert caught.value.gap.after_time == pd.Timestamp("2026-01-01", tz="UTC")


# The newest event ---------------------------------------------------------------------------------------


def test_the_newest_event_is_found_in_few_requests_however_many_there_are(sandbox, client, okta):
    user = ds.load_users(client, directory_id=okta).index[0]
    for n in range(1500):
        sandbox.update_user(user, last_name=f"N{n}")
    start = len(sandbox.requests)
    newest = follow.latest_event(client)
    assert newest["data"]["last_name"] == "N1499"
    assert len(asked(sandbox, start)) < 30


@pytest.mark.parametrize(
    ("ages", "most"),
    [
        pytest.param([30 * n / 20_000 for n in range(20_000)], 4, id="until now"),
        pytest.param([7 + 23 * n / 2_000 for n in range(2_000)], 10, id="a quiet week"),
        pytest.param([29 + n / 3_000 for n in range(3_000)], 12, id="long ago"),
    ],
)
def test_the_newest_event_is_looked_for_where_events_are_dense(client, monkeypatch, ages, most):
    """Halving what is left of the time takes 8 requests where events went on until now."""
    now, asked = datetime.now(UTC), []
    moments = sorted(now - timedelta(days=age, seconds=5) for age in ages)
    records = [
        {"id": f"event_{n}", "event": "dsync.user.created", "created_at": moment.isoformat()}
        for n, moment in enumerate(moments)
    ]

    def page(context, *, organization_id=None, range_start=None, range_end=None):
        asked.append(range_start)
        first = 0 if range_start is None else bisect_left(moments, range_start)
        last = len(moments) if range_end is None else bisect_right(moments, range_end)
        return records[first : min(last, first + context.page_size)]

    monkeypatch.setattr(follow, "first_events", page)
    assert follow.latest_event(client) == records[-1]
    assert len(asked) <= most


def test_the_newest_of_a_burst_is_found(sandbox, client, okta):
    """Halving time does not tell events of one millisecond apart."""
    client.page_size = 10
    store = sandbox.store
    for n in range(45):
        sandbox.add_user(okta, email=f"{n}@x.example")
    told = "json = CAST(json_set(CAST(json AS TEXT), '$.created_at', ?) AS BLOB)"
    moment = sandbox_clock.iso(store.now)
    changed = f"UPDATE events SET created_at = ?, {told} WHERE created_at > ?"
    store.execute(changed, (store.now, moment, sandbox_clock.NOW))
    assert follow.latest_event(client)["data"]["email"] == "44@x.example"


def test_without_any_event_there_is_no_newest(sandbox, client):
    age(sandbox, 200)
    assert follow.latest_event(client) is None


def test_following_into_a_state_keeps_it_as_the_service_has_it(sandbox, client, clock, okta):
    follower = following(client, clock)
    state = sync.State(directory_id=[okta])
    user = sandbox.add_user(okta, email="a@x.example")
    for batch in follower:
        state.apply(batch)
        if user in state.users.index and batch["user_id"].iloc[-1] == user:
            follower.stop()
    assert state.users.loc[user, "email"] == "a@x.example"
