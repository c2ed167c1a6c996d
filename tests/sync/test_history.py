"""The story that events tell: joiners and leavers, changed fields, and what is missing."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dirsync_nb as ds
from dirsync_nb import errors, history
from dirsync_nb.frames import events_frame
from dirsync_nb.sync import replay

from .test_state import HISTORIES, D, G, U, event, member, time_of, user_record


def test_evt_03_three_leavers_in_three_manners_are_three_rows():
    def joins(user_id, second):
        return event("user.created", second, user_record(user_id, second))

    def goes(user_id, second, kind):
        name = f"{user_id}_{second}"
        return event(f"user.{kind}", second, user_record(user_id, second, state="inactive"), event_id=name)

    events = [joins("a", 1), joins("b", 2), joins("c", 3)]
    events += [
        goes("a", 4, "updated"),
        goes("b", 5, "deleted"),
        goes("c", 6, "updated"),
        goes("c", 7, "deleted"),
    ]
    leavers = history.timeline(events[::-1] + events).query("change == 'left'")
    assert dict(zip(leavers["user_id"], leavers["manner"], strict=True)) == {
        "a": "deactivated",
        "b": "deleted",
        "c": "deactivated, then deleted",
    }
    assert len(leavers) == 3


def test_a_return_is_told_apart_from_joining():
    again = event("user.created", 5, user_record("user_2", 5, idp_id=f"idp of {U}"))
    events = [event("user.created", 1), event("user.updated", 2, state="inactive"), event("user.updated", 3)]
    told = history.timeline([*events, event("user.deleted", 4), again])
    assert told["change"].tolist() == ["joined", "left", "returned", "left", "returned"]
    assert told["manner"].tolist() == ["created", "deactivated", "reactivated", "deleted", "created anew"]
    assert told["previous_user_id"].iloc[-1] == U


def test_the_first_word_about_somebody_may_be_an_update():
    """Whether they were there before then stands in previous_attributes, in the data or in the context."""
    leaves = event(
        "user.updated", 1, user_record(state="inactive") | {"previous_attributes": {"state": "active"}}
    )
    returns = event("user.updated", 2, user_record("user_2")) | {
        "context": {"previous_attributes": {"state": "inactive"}}
    }
    renamed = event("user.updated", 3, user_record("user_3", state="inactive"))
    assert history.timeline([leaves, returns, renamed])["change"].tolist() == ["left", "returned"]


def test_whoever_is_only_known_from_a_group_leaves_too():
    assert history.timeline([member(1), event("user.deleted", 2)])["manner"].tolist() == ["deleted"]


def test_the_end_of_a_directory_is_the_leaving_of_everybody_in_it():
    gone = event("deleted", 3, {"object": "directory", "id": D})
    told = history.timeline([event("user.created", 1), member(2, user_id="user_2"), gone])
    assert told["manner"].tolist() == ["created", "directory deleted", "directory deleted"]


def test_a_quiet_timeline_has_all_its_columns():
    empty = history.timeline([])
    assert empty.columns.tolist() == list(history.TIMELINE_COLUMNS)
    assert str(empty["at"].dtype) == "datetime64[us, UTC]"


def test_the_timeline_of_a_sandbox_has_no_leaver_twice(client, sandbox, okta):
    import dirsync_nb as ds

    told = history.timeline(ds.load_events(client))
    left = told[told["change"] == "left"]
    assert len(left) == 9
    assert not left["user_id"].duplicated().any()


def test_changes_are_told_field_by_field():
    previous = {"email": "old@x.example", "custom_attributes": {"job_title": None}}
    record = user_record(second=2, custom_attributes={"job_title": "Pilot", "kept": 1})
    events = [event("user.updated", 2, record | {"previous_attributes": previous})]
    told = history.changes(events_frame(events))
    assert told[["field", "before", "after"]].to_numpy().tolist() == [
        ["email", "old@x.example", "user_1@x.example"],
        ["custom_attributes.job_title", None, "Pilot"],
    ]


def test_a_missing_event_shows_where_old_and_new_values_do_not_meet():
    created = event("user.created", 1, email="a@x.example")
    second = event(
        "user.updated",
        2,
        user_record(second=2, email="b@x.example") | {"previous_attributes": {"email": "a@x.example"}},
    )
    third = event(
        "user.updated",
        3,
        user_record(second=3, email="c@x.example") | {"previous_attributes": {"email": "b@x.example"}},
    )
    assert history.missed([third, created, second]).empty
    gap = history.missed([third, created]).iloc[0]
    assert gap[["after_event_id", "before_event_id"]].tolist() == ["event_01", "event_03"]
    assert gap[["expected", "found"]].tolist() == ["a@x.example", "b@x.example"]


def test_nothing_is_missing_from_the_events_of_the_sandbox(client, sandbox, okta):
    import dirsync_nb as ds

    user = ds.load_users(client, directory_id=okta).index[0]
    for n in range(5):
        sandbox.update_user(user, last_name=f"N{n}", custom_attributes={"job_title": f"J{n}"})
    events = ds.load_events(client)
    assert history.missed(events).empty
    assert len(history.missed(events.drop(events.index[-2]))) == 3
    assert isinstance(history.changes(events), pd.DataFrame)


def test_his_02_joiners_and_leavers_are_counted_once_for_tables_and_charts():
    joins = [event("user.created", n, user_record(f"user_{n}", n)) for n in (1, 2, 3)]
    leaves = [
        event("user.deleted", 4, user_record("user_1", 4)),
        event("user.updated", 5, user_record("user_2", 5, state="inactive")),
        event("user.updated", 6, user_record("user_3", 6, state="suspended")),
        event("user.deleted", 7, user_record("user_2", 7)),
    ]
    steps = history.arrivals(leaves + joins)
    assert steps.tolist() == [1, 1, 1, -1, -1, -1]
    assert steps.index.tolist() == [pd.Timestamp(time_of(n)) for n in range(1, 7)]
    assert history.arrivals([]).empty


def test_whoever_was_never_in_does_not_leave():
    off = event("user.created", 1, state="inactive")
    assert history.timeline([off, event("user.deleted", 2)]).empty


def test_times_are_in_the_zone_asked_for_whatever_zone_the_frame_is_in():
    events = events_frame([event("user.created", 1), event("user.deleted", 2)])
    elsewhere = events.assign(created_at=events["created_at"].dt.tz_convert("America/New_York"))
    told = history.timeline(elsewhere, tz="Europe/Paris")
    assert str(told["at"].dtype) == "datetime64[us, Europe/Paris]"
    assert told["at"].tolist() == history.timeline(events)["at"].tolist()
    assert str(history.arrivals(events, tz="Asia/Tokyo").index.dtype) == "datetime64[us, Asia/Tokyo]"
    assert str(history.changes(events, tz="Europe/Paris")["at"].dtype) == "datetime64[us, Europe/Paris]"


@pytest.mark.parametrize("tz", ["Europe/Pariss", "", "../etc", 7, None])
def test_a_zone_that_does_not_exist_is_refused(tz):
    with pytest.raises(errors.ArgumentError, match="tz must name a time zone"):
        history.timeline([], tz=tz)


def test_tim_01_the_hour_that_comes_twice_in_autumn_is_two_hours():
    first, second = "2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"  # both 02:30 in Paris
    events = [event("user.created", n, user_record(f"user_{n}")) for n in (1, 2)]
    events = [one | {"created_at": at} for one, at in zip(events, (first, second), strict=True)]
    paris = history.arrivals(events, tz="Europe/Paris")
    assert [str(at) for at in paris.index] == ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00"]
    assert len(paris.resample("h").sum()) == 2


def test_an_old_value_that_is_repeated_is_no_change():
    record = user_record(second=2, custom_attributes={"job_title": "Pilot", "grade": 1, "list": [1, {"a": 2}]})
    repeated = {"email": record["email"], "first_name": None, "custom_attributes": record["custom_attributes"]}
    told = history.changes([event("user.updated", 2, record | {"previous_attributes": repeated})])
    assert told.empty
    flag = {"custom_attributes": {"grade": True, "list": [1, {"a": 3}]}}
    told = history.changes([event("user.updated", 2, record | {"previous_attributes": flag})])
    assert told["field"].tolist() == ["custom_attributes.grade", "custom_attributes.list"]
    whole = history.changes(
        [event("user.updated", 2, record | {"previous_attributes": {"custom_attributes": None}})]
    )
    assert whole[["field", "before"]].to_numpy().tolist() == [["custom_attributes", None]]


kinds = st.sampled_from(
    ["user.created", "user.updated", "off", "user.deleted", "added", "removed", "added", "directory"]
)
stories = st.lists(st.tuples(kinds, st.sampled_from([U, "user_2"])), min_size=1, max_size=10)


@settings(max_examples=HISTORIES // 5, deadline=None)
@given(story=stories, chance=st.randoms(use_true_random=False))
def test_his_01_state_and_timeline_agree_on_every_story_in_every_order(story, chance):
    def told(kind, second, user_id):
        if kind == "directory":
            return event("deleted", second, {"object": "directory", "id": D})
        if kind in ("added", "removed"):
            return member(second, G, user_id, kind=kind)
        on = "inactive" if kind == "off" else "active"
        record = user_record(user_id, second, state=on, idp_id=None)
        return event("user.updated" if kind == "off" else kind, second, record)

    events = [told(kind, second, user_id) for second, (kind, user_id) in enumerate(story, 1)]
    shuffled = chance.sample(events, len(events))
    state = replay(shuffled)
    here = state.users.index[state.users["state"] == "active"]
    last = history.timeline(shuffled).groupby("user_id")["change"].last()
    for user_id, change in last.items():
        assert (user_id in here) == (change != "left")
    pd.testing.assert_frame_equal(state.people(), replay(events).people())
    pd.testing.assert_frame_equal(state.attention, replay(events).attention)
    assert state.notices == replay(events).notices


@pytest.mark.parametrize("how", ["none", "before", "after", "doubled"])
def test_removals_beside_a_deletion_are_no_news_of_coming_and_going(sandbox, client, okta, how):
    """In every way that production has been seen to tell of it, and in any order; nobody unknown appears."""
    group, leaver = sandbox.add_group(okta, name="Crew"), sandbox.add_user(okta, email="ann@acme.test")
    sandbox.add_member(group, leaver)
    place = ds.load_events(client).index[-1]
    sandbox.delete_user(leaver, removals=how)
    sandbox.delete_group(group, removals=how)
    events = ds.load_events(client, after=place)
    for told in (events, events[::-1], events[events["event"] == "dsync.group.user_removed"]):
        left = history.timeline(told)
        deleted = "dsync.user.deleted" in set(told["event"].astype("str"))
        assert left["manner"].tolist() == (["deleted"] if deleted else [])
        assert history.arrivals(told).sum() == -int(deleted)
        assert history.changes(told).empty
        assert history.missed(told).empty
