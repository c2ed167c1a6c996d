"""The story that events tell: joiners and leavers, changed fields, and what is missing."""

from __future__ import annotations

import pandas as pd

from dirsync_nb import history
from dirsync_nb.frames import events_frame

from .test_state import D, U, event, member, user_record


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
