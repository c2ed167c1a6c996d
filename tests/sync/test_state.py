"""Events lead to the state the service has, in whatever order, number and delay they come."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dirsync_nb import errors, history
from dirsync_nb.frames import (
    GROUP_COLUMNS,
    MEMBERSHIP_COLUMNS,
    USER_COLUMNS,
    directories_frame,
    events_frame,
    groups_frame,
    users_frame,
)
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sync import moment_of
from dirsync_nb.sync import state as sync

from ..histories import STEPS, History, comparable

HISTORIES = int(os.environ.get("DIRSYNC_HISTORIES", "200"))  # 10,000 on demand: 6 minutes of CPU
POSITION = sync.Moment(1785747610000000, "event_10")  # at second 10
D, U, G, H = "directory_1", "user_1", "group_1", "group_2"


# By hand ------------------------------------------------------------------------------------------------


def time_of(second: int) -> str:
    return f"2026-08-03T09:00:{second:02}.000Z"


def user_record(user_id: str = U, second: int = 0, **fields: Any) -> dict[str, Any]:
    record = {"object": "directory_user", "id": user_id, "directory_id": D, "idp_id": f"idp of {user_id}"}
    record |= {"email": f"{user_id}@x.example", "state": "active", "custom_attributes": {}}
    return record | {"created_at": time_of(0), "updated_at": time_of(second), **fields}


def group_record(group_id: str = G, second: int = 0, **fields: Any) -> dict[str, Any]:
    record = {"object": "directory_group", "id": group_id, "directory_id": D, "name": group_id}
    return record | {"created_at": time_of(0), "updated_at": time_of(second), **fields}


def event(
    kind: str, second: int, data: Any = None, *, event_id: str | None = None, **fields: Any
) -> dict[str, Any]:
    if data is None:
        data = user_record(second=second, **fields) if "user" in kind else group_record(second=second, **fields)
    name = event_id or f"event_{second:02}"
    return {"id": name, "event": f"dsync.{kind}", "created_at": time_of(second), "data": data, "context": {}}


def member(
    second: int, group_id: str = G, user_id: str = U, *, kind: str = "added", at: int = 0
) -> dict[str, Any]:
    """A membership event; the user inside was last updated at second ``at``."""
    data = {"directory_id": D, "user": user_record(user_id, at), "group": group_record(group_id)}
    return event(f"group.user_{kind}", second, data)


def outcomes(state: sync.State) -> list[str]:
    return state.report["outcome"].tolist()


def pairs(state: sync.State) -> set[tuple[str, str]]:
    return set(zip(state.memberships["user_id"], state.memberships["group_id"], strict=True))


def test_nothing_leads_to_empty_frames_with_every_column():
    state = sync.replay([])
    assert state.users.dtypes.astype(str).to_dict() == USER_COLUMNS
    assert state.groups.dtypes.astype(str).to_dict() == GROUP_COLUMNS
    assert state.memberships.dtypes.astype(str).to_dict() == MEMBERSHIP_COLUMNS
    assert state.people().empty
    assert repr(state) == "<State after 0 events: none yet>"


def test_evt_01_a_removal_told_twice_creates_nobody():
    twice = [member(2, kind="removed"), event("user.deleted", 3)]
    state = sync.replay([event("user.created", 0), member(1), *twice, *twice])
    assert state.users.empty
    assert pairs(state) == set()
    assert outcomes(state)[-2:] == ["duplicate", "duplicate"]


def test_a_membership_that_ends_after_the_deletion_brings_nobody_back():
    late = member(4, kind="removed")
    state = sync.replay([event("user.created", 0), member(1), event("user.deleted", 3), late])
    assert state.users.empty


GONE = {
    "user": lambda second: event("user.deleted", second),
    "group": lambda second: event("group.deleted", second),
    "directory": lambda second: event("deleted", second, {"object": "directory", "id": D}),
}
KNOWN = [event("user.created", 0, event_id="event_u"), event("group.created", 0, event_id="event_g")]


@pytest.mark.parametrize("gone", ["user", "group", "directory"])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_his_01_a_membership_after_a_deletion_lifts_no_tombstone(gone, known, backwards):
    events = [*(KNOWN if known else []), GONE[gone](3), member(4)]
    state = sync.replay(events[::-1] if backwards else events)
    assert pairs(state) == set()
    assert state.attention[["user_id", "group_id", "event_id", "reason"]].to_numpy().tolist() == [
        [U, G, "event_04", f"added after the {gone} was deleted"]
    ]
    assert sum("announced after" in notice for notice in state.notices) == 1
    here = {"user": (0, 1), "group": (1, 0), "directory": (0, 0)}[gone]
    assert (len(state.users), len(state.groups)) == here
    if not backwards:
        assert outcomes(state)[-1] == "dormant"


@pytest.mark.parametrize("backwards", [True, False])
def test_his_01_the_same_holds_on_top_of_a_snapshot(backwards):
    events = [event("user.deleted", 11), member(12)]
    state = sync.replay(events[::-1] if backwards else events, base=Base())
    assert state.users.index.tolist() == ["user_2"]
    assert pairs(state) == {("user_2", G)}
    assert state.attention["user_id"].tolist() == [U]


def test_a_dormant_membership_counts_once_its_user_comes_back():
    state = sync.replay([*KNOWN, event("user.deleted", 3), member(4), event("user.updated", 5)])
    assert pairs(state) == {(U, G)}
    assert state.attention.empty
    assert state.attention.dtypes.astype(str).to_dict() == sync.ATTENTION_COLUMNS


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("gone", ["user", "group"])
def test_removals_beside_a_deletion_change_nothing_in_any_order(gone, order):
    """Two removals and a deletion have been seen for one departure, and a removal after the group was gone."""
    end = [member(2, kind="removed"), GONE[gone](3), member(4, kind="removed")]
    end.append({**end[2], "id": "event_again"})
    told = [end[place] for place in order]
    state = sync.replay([*KNOWN, member(1), *told, *told])
    assert pairs(state) == set()
    assert (len(state.users), len(state.groups)) == ((0, 1) if gone == "user" else (1, 0))
    assert state.attention.empty
    assert outcomes(state).count("duplicate") == 4


@pytest.mark.parametrize("base", [True, False])
def test_a_removal_for_somebody_nobody_spoke_of_changes_nothing_and_is_counted(base):
    before = sync.replay([], base=Base() if base else None)
    late = member(21, "group_unknown", "user_unknown", kind="removed")
    state = sync.replay([late, {**late, "id": "event_22"}], base=Base() if base else None)
    for name in ("users", "groups", "memberships"):
        pd.testing.assert_frame_equal(getattr(state, name), getattr(before, name))
    pd.testing.assert_frame_equal(state.people(), before.people())
    assert outcomes(state) == ["unknown", "unknown"]
    assert "2 unknown" in repr(state)
    assert state.notices == []


def test_a_removal_that_overtakes_what_announces_its_user_still_ends_the_membership():
    state = sync.replay([member(3, kind="removed"), member(2), *KNOWN])
    assert (state.users.index.tolist(), pairs(state)) == ([U], set())


def test_evt_02_a_late_deletion_never_erases_a_newer_membership():
    gone = event("user.deleted", 1, state="inactive")
    back, finance = event("user.updated", 2), member(3, at=2)
    state = sync.replay([back, finance, gone])
    assert state.people()["lifecycle"].tolist() == ["active"]
    assert pairs(state) == {(U, G)}
    assert outcomes(state) == ["applied", "applied", "superseded"]


def test_evt_04_a_deletion_that_overtook_the_creation_wins():
    state = sync.replay([event("user.deleted", 2), event("user.created", 1)])
    assert state.users.empty
    assert outcomes(state) == ["applied", "superseded"]
    assert state.report["reason"].iloc[1] == "something newer was known"


def test_evt_08_events_of_unknown_kinds_are_kept_as_other():
    token = {"object": "directory_token", "id": "directory_token_1", "directory_id": D}
    state = sync.replay([event("token.created", 1, token), event("user.merged", 2), event("user.created", 3)])
    assert outcomes(state) == ["other", "other", "applied"]
    assert state.report["event"].tolist()[1] == "dsync.user.merged"
    assert len(state.users) == 1


def test_evt_14_one_broken_event_stops_nothing():
    events = [event("user.created", n, user_record(f"user_{n}", n)) for n in range(10)]
    events[4] = event("group.user_added", 4, {"directory_id": D, "group": group_record()})
    state = sync.replay(events)
    failed = state.report[state.report["outcome"] == "failed"]
    assert len(state.users) == 9
    assert failed["reason"].to_dict() == {"event_04": "no user with an id inside"}
    assert state.moment.event_id == "event_09"


def test_a_broken_event_at_the_end_does_not_hold_the_position():
    assert (
        sync.replay([event("user.created", 1), event("user.updated", 2, {"id": ""})]).moment.event_id
        == "event_02"
    )


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"event": "dsync.user.created"}, "no event id"),
        ({"id": "e", "event": "dsync.user.created", "created_at": "soon"}, "no readable created_at"),
        ({"id": "e", "event": 7, "created_at": time_of(1)}, "no event name"),
        ({"id": "e", "event": "dsync.user.created", "created_at": time_of(1), "data": []}, "no data"),
        (
            {"id": "e", "event": "dsync.deleted", "created_at": time_of(1), "data": {}},
            "no directory with an id inside",
        ),
    ],
)
def test_what_cannot_be_placed_says_why(broken, reason):
    state = sync.replay([broken])
    assert state.report["reason"].tolist() == [reason]
    assert outcomes(state) == ["failed"]


ODD = [
    None,
    7,
    True,
    [],
    {},
    ["a"],
    "",
    "\ud800",
    "a\0b",
    "9999-12-31T23:59:59.999999-23:59",
    "2026-13-45",
    10**30,
]
INSIDE = [("id",), ("event",), ("created_at",), ("data",)]
INSIDE += [("data", name) for name in ("id", "directory_id", "idp_id", "state", "updated_at", "user", "group")]
INSIDE += [("data", "user", name) for name in ("id", "directory_id")]


@pytest.mark.parametrize("inside", INSIDE, ids=".".join)
def test_whatever_stands_in_a_field_the_events_behind_it_are_applied(inside):
    shaped = member(1) if inside[-1] in ("user", "group") or len(inside) == 3 else event("user.created", 1)
    events = []
    for number, value in enumerate(ODD):
        one = json.loads(json.dumps(shaped)) | {"id": f"event_{number}"}
        holder = one
        for name in inside[:-1]:
            holder = holder[name]
        holder[inside[-1]] = value
        events.append(one)
    state = sync.replay([*events, event("user.created", 9, user_record("user_9", directory_id="directory_9"))])
    assert "user_9" in state.users.index
    assert len(state.report) == len(ODD) + 1
    assert isinstance(state.notices, list)
    assert not state.people().empty
    assert (
        "user_9"
        in history.timeline([*events, event("user.created", 9, user_record("user_9"))])["user_id"].array
    )


def test_evt_16_whoever_is_switched_on_again_is_back_in_their_groups():
    """The policy "keep": nothing re-announces the memberships."""
    off = event("user.updated", 3, state="inactive")
    events = [event("user.created", 0), member(1), member(2, H), off]
    state = sync.replay(events, inactive_policy="keep")
    assert state.people()["lifecycle"].tolist() == ["inactive"]
    state.apply([event("user.updated", 4)])
    assert state.people()["lifecycle"].tolist() == ["active"]
    assert pairs(state) == {(U, G), (U, H)}
    assert state.notices == []


def test_evt_16_a_deletion_undone_under_the_same_id_restores_the_groups_and_asks_for_a_snapshot():
    events = [event("user.created", 0), member(1), member(2, H), event("user.deleted", 3, state="inactive")]
    state = sync.replay(events)
    assert state.people()["lifecycle"].tolist() == ["retained"]
    assert pairs(state) == set()
    state.apply([event("user.updated", 4)])
    assert pairs(state) == {(U, G), (U, H)}
    assert "2 from before count again. Take a snapshot" in state.notices[0]


def test_evt_16_a_user_created_again_under_the_same_id_begins_without_groups_and_a_snapshot_is_asked_for():
    events = [event("user.created", 0), member(1), member(2, H), event("user.deleted", 3, state="inactive")]
    state = sync.replay([event("user.created", 4), member(5, H, at=4), *events])
    assert pairs(state) == {(U, H)}
    assert "created again under the same id: only memberships announced since" in state.notices[0]
    gone_again = [event("user.deleted", 6), event("user.updated", 7)]
    assert pairs(state.apply(gone_again)) == {(U, H)}


def test_a_user_created_again_under_the_same_id_is_as_in_the_sandbox():
    sandbox = sandbox_of("delete")
    sandbox.reset()
    history = History(sandbox, a_directory(sandbox, "OneLogin"))
    history.run([("join", 1), ("group", 1), ("group", 2), ("member", 0), ("member", 7), ("off", 0)])
    sandbox.add_user(history.directory_id, email="back@x.example", user_id=history.off[0])
    state = sync.replay(history.events[::-1])
    assert_as_the_service(state, history)
    assert len(state.users) == 1


def test_evt_16_a_return_under_a_new_id_is_the_same_person_and_asks_for_a_snapshot():
    again = event("user.created", 4, user_record("user_2", 4, idp_id=f"idp of {U}"))
    state = sync.replay([event("user.created", 0), member(1), event("user.deleted", 3), again])
    assert state.people()["lifecycle"].to_dict() == {"user_2": "active", U: "removed"}
    assert "1 came back under a new id" in state.notices[0]


def test_a_deletion_means_gone_where_inactive_users_are_kept():
    events = [event("user.created", 0), event("user.deleted", 1)]
    assert sync.replay(events, inactive_policy="keep").people()["lifecycle"].tolist() == ["removed"]
    assert sync.replay(events, inactive_policy="delete").people()["lifecycle"].tolist() == ["retained"]
    with pytest.raises(errors.ArgumentError, match="must be 'delete' or 'keep'; got 'both'"):
        sync.replay(events, inactive_policy="both")  # type: ignore[arg-type]


def test_a_deleted_group_takes_its_memberships_and_leaves_the_people():
    """Nothing is sent for the memberships."""
    events = [event("user.created", 0), member(1), member(2, H), event("group.deleted", 3)]
    state = sync.replay(events)
    assert pairs(state) == {(U, H)}
    assert state.users.index.tolist() == [U]
    assert outcomes(state.apply([member(1, kind="added") | {"id": "event_late"}]))[-1] == "superseded"
    assert pairs(state) == {(U, H)}


def test_a_group_that_is_created_again_begins_empty():
    again = [event("group.deleted", 3), event("group.created", 4)]
    state = sync.replay([event("user.created", 0), member(1), *again])
    assert state.groups.index.tolist() == [G]
    assert pairs(state) == set()


def test_two_deletions_in_the_wrong_order_are_one_departure():
    events = [event("user.deleted", 5), event("user.created", 3), event("user.deleted", 1)]
    assert sync.replay(events).users.empty


def test_mem_08_a_renamed_group_keeps_its_people_and_a_namesake_is_another_group():
    renamed = event("group.updated", 2, group_record(second=2, name="Revenue"))
    namesake = event("group.created", 3, group_record(H, 3, name="Revenue", directory_id="directory_2"))
    state = sync.replay([namesake, renamed, member(1)])
    assert state.groups["name"].to_dict() == {G: "Revenue", H: "Revenue"}
    assert pairs(state) == {(U, G)}


def test_a_deleted_directory_takes_everything():
    short = {"object": "directory", "id": D, "name": "One", "state": "deleting", "updated_at": time_of(3)}
    state = sync.replay(
        [event("user.created", 0), member(1), event("deleted", 3, short), event("user.created", 2)]
    )
    assert (len(state.users), len(state.groups), len(state.memberships), len(state.directories)) == (0, 0, 0, 0)
    assert state.people()["lifecycle"].tolist() == ["removed"]


def test_his_03_the_end_of_a_directory_is_one_notice_with_the_numbers_and_the_time_of_everybodys_end():
    gone = GONE["directory"](5)
    state = sync.replay([*KNOWN, member(1), event("user.created", 2, user_record("user_2", 2)), gone, gone])
    assert state.notices == [
        f"The directory {D} was deleted, and with it what was inside: 2 users, 1 group and 1 membership."
    ]
    assert set(state.people()["since"]) == {pd.Timestamp(time_of(5))}
    trailing = [member(6, kind="removed"), event("user.deleted", 7), event("group.deleted", 8)]
    assert "2 users, 1 group and 1 membership" in state.apply(trailing).notices[0]


def test_his_03_whoever_went_before_the_directory_did_not_go_with_it():
    went = [event("user.deleted", 2), event("group.deleted", 3)]
    (notice,) = sync.replay([*KNOWN, member(1), *went, GONE["directory"](5)]).notices
    assert "0 users, 0 groups and 0 memberships" in notice


def test_his_03_the_numbers_of_a_snapshot_count_as_well():
    news = [event("user.created", 11, user_record("user_3", 11)), event("user.deleted", 12)]
    state = sync.replay([*news, GONE["directory"](13)], base=Base())
    assert "2 users, 2 groups and 1 membership." in state.notices[0]
    since = state.people()["since"]
    assert since.to_dict() == {
        U: pd.Timestamp(time_of(12)), "user_2": pd.Timestamp(time_of(13)), "user_3": pd.Timestamp(time_of(13))
    }  # fmt: skip


def test_mem_09_a_member_whom_the_list_does_not_hold_is_kept_marked_and_no_person():
    base = Base(users=users_frame([user_record(second=5)]))
    unlisted = [("user_2", G)]
    for events in ([], [member(11, H, "user_2", kind="removed")], [event("user.updated", 12)]):
        state = sync.replay(events, base=base)
        assert pairs(state) == {(U, G), ("user_2", G), (U, H)}
        assert [tuple(row) for row in state.unlisted[["user_id", "group_id"]].to_numpy()] == unlisted
        assert state.people().index.tolist() == [U]
        assert [n for n in state.notices if "not in the list of users (1 membership)" in n] == state.notices
    met = sync.replay([member(11, H, "user_2")], base=base)
    assert met.unlisted.empty
    assert ("user_2", H) in pairs(met)
    gone = sync.replay([event("user.deleted", 12, user_record("user_2", 12))], base=base)
    assert pairs(gone) == {(U, G), (U, H)}


def test_a_membership_brings_the_people_and_groups_it_speaks_of():
    state = sync.replay([member(1)])
    assert (state.users.index.tolist(), state.groups.index.tolist()) == ([U], [G])


def test_an_older_record_does_not_replace_a_newer_one():
    newer = event("user.updated", 2, user_record(second=20, email="new@x.example"))
    late = event("user.updated", 3, user_record(second=10, email="old@x.example"))
    assert sync.replay([newer, late]).users["email"].tolist() == ["new@x.example"]


def test_among_equal_times_of_change_the_later_event_counts():
    first = event("user.updated", 2, user_record(second=2, email="first@x.example"))
    second = event("user.updated", 3, user_record(second=2, email="second@x.example"))
    assert sync.replay([second, first]).users["email"].tolist() == ["second@x.example"]


def test_previous_attributes_are_no_part_of_the_record():
    changed = event("user.updated", 2, user_record(second=2) | {"previous_attributes": {"email": None}})
    assert sync.replay([changed]).users["extra"].tolist() == [None]


def test_times_are_read_in_every_form_the_api_has_used():
    forms = ["2026-08-03T09:00:01.000Z", "2026-08-03T09:00:02.000+0000", "2026-08-03 09:00:03.000"]
    events = [event("user.updated", n, email=f"{n}@x.example") | {"created_at": t} for n, t in enumerate(forms)]
    assert outcomes(sync.replay(events)) == ["applied"] * 3


def test_frames_and_records_lead_to_the_same_state():
    events = [event("user.created", 0), member(1), event("user.deleted", 3, state="inactive")]
    pd.testing.assert_frame_equal(sync.replay(events).people(), sync.replay(events_frame(events)).people())


def test_only_the_directories_asked_for_count():
    elsewhere = event("user.created", 1, user_record("user_2", directory_id="directory_2"))
    state = sync.replay([event("user.created", 0), elsewhere], directory_id=[D])
    assert outcomes(state) == ["applied", "elsewhere"]
    assert state.users.index.tolist() == [U]


def test_a_partial_events_frame_is_refused():
    frame = events_frame([event("user.created", 0)])
    frame.attrs["incomplete"] = "/events broke off"
    with pytest.raises(errors.IncompleteError, match="a replay needs whole frames"):
        sync.replay(frame)


def test_a_frame_of_something_else_is_refused():
    with pytest.raises(errors.ArgumentError, match="must be an events frame"):
        sync.replay(users_frame([user_record()]))


# From a snapshot ----------------------------------------------------------------------------------------


@dataclass
class Base:
    """Frames to start from, without a service."""

    directories: pd.DataFrame = field(default_factory=lambda: directories_frame([{"id": D, "name": "One"}]))
    users: pd.DataFrame = field(
        default_factory=lambda: users_frame([user_record(second=5), user_record("user_2")])
    )
    groups: pd.DataFrame = field(default_factory=lambda: groups_frame([group_record(), group_record(H)]))
    memberships: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            [(U, G, D), ("user_2", G, D), (U, H, D)], columns=list(MEMBERSHIP_COLUMNS)
        ).astype(MEMBERSHIP_COLUMNS)
    )
    moment: sync.Moment = POSITION


def test_without_news_the_base_stays_as_it_is():
    base = Base()
    state = sync.replay([], base=base)
    for name in ("directories", "users", "groups"):
        pd.testing.assert_frame_equal(getattr(state, name), getattr(base, name))
    assert len(state.memberships) == 3


def test_what_the_snapshot_already_holds_is_superseded():
    state = sync.replay([event("user.deleted", 3), event("user.deleted", 10)], base=Base())
    assert outcomes(state) == ["superseded", "superseded"]
    assert state.report["reason"].iloc[0] == "the snapshot already holds it"
    assert len(state.users) == 2


def test_a_record_read_during_the_load_may_be_newer_than_an_event():
    """The position is taken before the load, so events of the meantime come again."""
    base = Base(users=users_frame([user_record(second=30, email="read@x.example")]))
    state = sync.replay([event("user.updated", 20, email="told@x.example")], base=base)
    assert state.users["email"].tolist() == ["read@x.example"]


def test_deletions_end_what_the_base_held():
    state = sync.replay(
        [event("group.deleted", 11), event("user.deleted", 12, user_record("user_2", 12))], base=Base()
    )
    assert pairs(state) == {(U, H)}
    assert state.people()["lifecycle"].to_dict() == {U: "active", "user_2": "retained"}


def test_a_deleted_directory_ends_all_of_the_base():
    state = sync.replay([event("deleted", 11, {"object": "directory", "id": D})], base=Base())
    assert (len(state.users), len(state.groups), len(state.memberships)) == (0, 0, 0)
    assert state.people()["lifecycle"].tolist() == ["removed", "removed"]


def test_somebody_of_the_base_who_is_created_again_begins_without_groups():
    state = sync.replay([event("user.created", 12), event("user.deleted", 11)], base=Base())
    assert pairs(state) == {("user_2", G)}


def test_a_return_within_the_base_keeps_its_memberships_and_says_so():
    state = sync.replay([event("user.deleted", 11), event("user.updated", 12)], base=Base())
    assert pairs(state) == {(U, G), ("user_2", G), (U, H)}
    assert "2 from before count again" in state.notices[0]


def test_a_partial_base_is_refused():
    base = Base()
    base.users.attrs["incomplete"] = "/directory_users broke off"
    with pytest.raises(errors.IncompleteError):
        sync.replay([], base=base)


# Any history, in any order -------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def _sandboxes():
    with ExitStack() as stack:
        for policy in ("delete", "keep"):
            stack.callback(sandbox_of(policy).stop)
        yield
    sandbox_of.cache_clear()


@cache
def sandbox_of(policy: str) -> Sandbox:
    """One sandbox a policy, not served: histories and truth need no HTTP."""
    return Sandbox(seed=1, inactive_policy=policy)  # type: ignore[arg-type]


def a_directory(sandbox: Sandbox, name: str) -> str:
    return next(d["id"] for d in sandbox.truth.directories() if name in d["name"])


steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 60)), min_size=1, max_size=40)
anyhow = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def delivered(data: st.DataObject, events: list[Any]) -> list[Any]:
    """Some order of all events, some of them several times, in one to four deliveries."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=10)) if events else []
    return data.draw(st.permutations(events + again))


def trailing(data: st.DataObject, events: list[Any]) -> list[Any]:
    """Removals beside deletions, doubled, as production has been seen to send them."""
    members = [one for one in events if one["event"] == "dsync.group.user_added"]
    last = {(one["data"]["user"]["id"], one["data"]["group"]["id"]): one["data"] for one in members}
    told = []
    for one in events:
        if one["event"] in ("dsync.user.deleted", "dsync.group.deleted") and data.draw(st.booleans()):
            beside = {**one, "event": "dsync.group.user_removed"}
            pairs = [pair for pair in last if one["data"]["id"] in pair]
            ids = [(pair, f"{one['id']}~{''.join(pair)}~{number}") for pair in pairs for number in range(2)]
            told += [{**beside, "id": event_id, "data": last[pair]} for pair, event_id in ids]
    return told


def assert_as_the_service(state: sync.State, history: History) -> None:
    users, groups, memberships = history.truth()
    for found, truth, make in ((state.users, users, users_frame), (state.groups, groups, groups_frame)):
        expected = make(truth.values()).sort_index()
        assert found.index.sort_values().tolist() == expected.index.tolist()
        without = [c for c in expected.columns if c not in ("groups", "custom_attributes")]
        pd.testing.assert_frame_equal(
            found.sort_index()[without].astype(object), expected[without].astype(object), check_dtype=False
        )
    for user_id, record in state.users["custom_attributes"].items():
        expected_attributes = comparable(users[user_id])["custom_attributes"]
        assert {key: value for key, value in record.items() if value is not None} == expected_attributes
    assert pairs(state) == memberships


@pytest.mark.slow
@settings(max_examples=HISTORIES, **anyhow)
@given(data=st.data(), steps=steps, policy=st.sampled_from(["delete", "keep"]))
def test_any_history_in_any_order_leads_to_the_state_the_service_has(data, steps, policy):
    sandbox = sandbox_of(policy)
    sandbox.reset()
    history = History(sandbox, a_directory(sandbox, "OneLogin"))
    history.run(steps)
    told = [*history.events, *trailing(data, history.events)]
    events = delivered(data, told)
    cut = data.draw(st.integers(0, len(events)))
    state = sync.replay(events[:cut], inactive_policy=policy).apply(events[cut:])
    assert_as_the_service(state, history)
    assert set(outcomes(state)) <= {"applied", "dormant", "unknown", "duplicate", "superseded"}
    assert state.attention.empty
    assert outcomes(state).count("duplicate") == len(events) - len(told)


@pytest.mark.slow
@settings(max_examples=max(20, HISTORIES // 10), **anyhow)
@given(data=st.data(), steps=steps, policy=st.sampled_from(["delete", "keep"]))
def test_the_same_holds_on_top_of_a_snapshot(data, steps, policy):
    """The snapshot may hold part of the history already, as it does after a load that took its time."""
    sandbox = sandbox_of(policy)
    sandbox.reset()
    history = History(sandbox, a_directory(sandbox, "Copperleaf"))
    known = len(history.events)
    position = moment_of(sandbox_events(sandbox)[-1])
    cut = data.draw(st.integers(0, len(steps)))
    history.run(steps[:cut])
    assert known == 0
    users, groups, memberships = history.truth()
    base = Base(
        directories=directories_frame([] if history.ended else [{"id": history.directory_id}]),
        users=users_frame(users.values()),
        groups=groups_frame(groups.values()),
        memberships=pd.DataFrame(
            [(user, group, history.directory_id) for user, group in sorted(memberships)],
            columns=list(MEMBERSHIP_COLUMNS),
        ).astype(MEMBERSHIP_COLUMNS),
        moment=position,
    )
    history.run(steps[cut:])
    events = delivered(data, history.events)
    state = sync.replay(events, base=base, inactive_policy=policy, directory_id=[history.directory_id])
    assert_as_the_service(state, history)


def sandbox_events(sandbox: Sandbox) -> list[dict[str, Any]]:
    history = History(sandbox, a_directory(sandbox, "OneLogin"))
    history.start = 0
    return history.events


@settings(max_examples=max(20, HISTORIES // 10), **anyhow)
@given(data=st.data(), steps=steps, policy=st.sampled_from(["delete", "keep"]))
def test_with_gaps_everybody_whose_last_event_came_is_right(data, steps, policy):
    sandbox = sandbox_of(policy)
    sandbox.reset()
    history = History(sandbox, a_directory(sandbox, "OneLogin"))
    history.run([step for step in steps if step[0] != "end"])
    events = history.events
    kept = [one for one in events if data.draw(st.booleans())]
    last = {one["data"]["id"]: one for one in events if one["event"].startswith("dsync.user.")}
    users, _, _ = history.truth()
    found = sync.replay(data.draw(st.permutations(kept)), inactive_policy=policy).users
    for user_id, one in last.items():
        if one in kept:
            assert (user_id in found.index) == (user_id in users)
            if user_id in users:
                assert found.loc[user_id, "email"] == users[user_id]["email"]
                assert found.loc[user_id, "state"] == users[user_id]["state"]
