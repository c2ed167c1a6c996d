"""Events in any order, doubled and late, lead to the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from directory_worker.mirror import Mirror
from directory_worker.tables import Directory, Failed, Group, Membership, User

from .conftest import Desk

Event = dict[str, Any]
D, U, G, H = "directory_1", "user_1", "group_1", "group_2"


def at(second: int) -> str:
    return f"2026-08-03T09:00:{second:02}.000Z"


def user(second: int = 0, user_id: str = U, **fields: Any) -> dict[str, Any]:
    record = {"object": "directory_user", "id": user_id, "directory_id": D, "idp_id": "00123"}
    return {**record, "state": "active", "created_at": at(0), "updated_at": at(second), **fields}


def group(second: int = 0, group_id: str = G, **fields: Any) -> dict[str, Any]:
    return {"id": group_id, "directory_id": D, "name": "Crew", "updated_at": at(second), **fields}


def event(kind: str, second: int, data: Any = None, **fields: Any) -> Event:
    if data is None:
        data = user(second, **fields) if kind.startswith("user") else group(second, **fields)
    return {"id": f"event_{second:02}", "event": f"dsync.{kind}", "created_at": at(second), "data": data}


def member(second: int, kind: str = "added", group_id: str = G) -> Event:
    data = {"directory_id": D, "user": user(), "group": group(group_id=group_id)}
    return event(f"group.user_{kind}", second, data)


Outcome = tuple[dict[str, str], set[tuple[str, str]]]


@pytest.fixture
def outcome(engine: Engine) -> Callable[[Iterable[Event]], Outcome]:
    """Apply events in the order given, each in a transaction of its own; give statuses and memberships."""

    def apply(events: Iterable[Event]) -> Outcome:
        for table in (Directory, User, Group, Membership):
            with Session(engine) as session:
                for row in session.scalars(select(table)):
                    session.delete(row)
                session.commit()
        for one in events:
            with Session(engine) as session:
                Mirror(session, "delete").take(one)
                session.commit()
        with Session(engine) as session:
            statuses = {row.id: row.status for row in session.scalars(select(User))}
            pairs = {(row.user_id, row.group_id) for row in session.scalars(select(Membership)) if row.present}
            return statuses, pairs

    return apply


def test_a_removal_that_comes_twice_creates_nobody(outcome: Callable[..., Outcome]) -> None:
    story = [event("user.created", 1), member(2)]
    end = [member(3, "removed"), event("user.deleted", 4)]
    assert outcome(story + end) == outcome(story + end + end) == ({U: "retained"}, set())


def test_a_removal_that_trails_a_deletion_brings_nobody_back(outcome: Callable[..., Outcome]) -> None:
    story = [event("user.created", 1), member(2), event("user.deleted", 3), member(4, "removed")]
    assert outcome(story) == outcome(story[::-1]) == ({U: "retained"}, set())


def test_what_comes_late_from_a_deleted_directory_stays_removed(outcome: Callable[..., Outcome]) -> None:
    record = {"id": D, "state": "deleting", "updated_at": at(5)}
    end = {"id": "event_05", "event": "dsync.deleted", "created_at": at(5), "data": record}
    story = [event("user.created", 1), member(2), end]
    assert outcome(story) == outcome(story[::-1]) == ({U: "removed"}, set())


def test_a_late_deletion_does_not_undo_what_came_after_it(outcome: Callable[..., Outcome]) -> None:
    off, on, joined = event("user.deleted", 1, state="inactive"), event("user.updated", 2), member(3)
    assert outcome([on, joined, off]) == ({U: "active"}, {(U, G)})


def test_a_deletion_that_overtakes_the_creation_wins(outcome: Callable[..., Outcome]) -> None:
    assert outcome([event("user.deleted", 2), event("user.created", 1)]) == ({U: "retained"}, set())


def test_offboarding_is_an_update_a_deletion_or_both(outcome: Callable[..., Outcome]) -> None:
    def leaver(name: str, second: int, *kinds: str) -> list[Event]:
        told = [event("user.created", second, user_id=name)]
        for later, kind in enumerate(kinds, second + 1):
            told.append(event(kind, later, user_id=name, state="inactive"))
        return told

    events = leaver("a", 1, "user.updated") + leaver("b", 4, "user.deleted")
    events += leaver("c", 7, "user.updated", "user.deleted")
    assert outcome(events)[0] == {"a": "inactive", "b": "retained", "c": "retained"}


def test_a_deleted_group_ends_its_memberships_without_further_events(
    outcome: Callable[..., Outcome],
) -> None:
    events = [event("user.created", 1), member(2), member(3, group_id=H), event("group.deleted", 4)]
    assert outcome(events) == outcome(events[::-1]) == ({U: "active"}, {(U, H)})


def test_memberships_survive_being_switched_off_and_on(outcome: Callable[..., Outcome]) -> None:
    events = [event("user.created", 1), member(2), event("user.updated", 3, state="inactive")]
    assert outcome(events)[0] == {U: "inactive"}
    assert outcome([*events, event("user.updated", 4)]) == ({U: "active"}, {(U, G)})


def test_a_return_under_the_same_id_asks_for_a_full_load(engine: Engine) -> None:
    """Nothing announces the memberships that WorkOS may have kept behind the scenes."""
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        for one in (event("user.created", 1), member(2), event("user.deleted", 3)):
            mirror.take(one)
        assert not mirror.doubtful
        mirror.take(event("user.updated", 4))
        assert mirror.doubtful


def test_older_content_never_replaces_newer(engine: Engine) -> None:
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        mirror.take(event("user.updated", 5, email="new@acme.test"))
        mirror.take(event("user.updated", 3, email="old@acme.test"))
        mirror.take(member(9))  # its user was read at second 0
        assert session.get_one(User, U).email == "new@acme.test"


def test_kinds_that_are_not_known_yet_change_nothing(engine: Engine) -> None:
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        for kind in ("token.created", "sync.completed"):
            mirror.take(event(kind, 1, {"id": "x"}))
        assert not session.new


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "event_1", "event": "dsync.user.created", "created_at": at(1)},
        {**event("user.created", 1), "created_at": "yesterday"},
        {**event("user.created", 1), "id": None},
        event("user.created", 1, updated_at="soon"),
        event("user.created", 1, state=None),
        event("group.user_added", 1, {"directory_id": D, "user": user()}),
    ],
    ids=["no data", "no time", "no id", "no readable time inside", "no state", "no group"],
)
def test_a_broken_event_is_refused_before_it_changes_anything(engine: Engine, broken: Event) -> None:
    with Session(engine) as session:
        assert not Mirror(session, "delete").take(broken)
        session.commit()
        assert not list(session.scalars(select(User)))
        assert len(list(session.scalars(select(Failed)))) == 1


def inside(second: int = 1, **fields: Any) -> Event:
    return event("user.created", second, **fields)


DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]

POISON: dict[str, Any] = {
    "no object": "text",
    "nothing": None,
    "a list": [1],
    "no id": {**inside(), "id": None},
    "an id that is a number": {**inside(), "id": 7},
    "an empty id": {**inside(), "id": ""},
    "half a character in the id": {**inside(), "id": "event_\ud800"},
    "NUL in the id": {**inside(), "id": "event_\0"},
    "a long id": {**inside(), "id": "e" * 300},
    "an event name that is a number": {**inside(), "event": 7},
    "no data": {**inside(), "data": None},
    "data that is a list": {**inside(), "data": []},
    "a time that is a number": {**inside(), "created_at": 1},
    "a time beyond the calendar": {**inside(), "created_at": "9999-12-31T23:59:59-23:59"},
    "a month that is none": inside(updated_at="2026-13-01T00:00:00Z"),
    "a change before the calendar": inside(updated_at="0001-01-01T00:00:00+23:59"),
    "a role as text": inside(role="admin"),
    "a role without a slug": inside(role={"name": "admin"}),
    "roles as text": inside(roles="admin"),
    "roles as texts": inside(roles=["admin"]),
    "a slug that is a number": inside(roles=[{"slug": 7}]),
    "attributes as text": inside(custom_attributes="none"),
    "attributes as a list": inside(custom_attributes=[["a", 1]]),
    "attributes nested too deeply": inside(custom_attributes={"deep": DEEP}),
    "a name that is an object": inside(name={"first": "Ann"}),
    "half a character in the name": inside(first_name="\ud800"),
    "half a character in the address": inside(email="ann\udfff@acme.test"),
    "an address that is a list": inside(email=["ann@acme.test"]),
    "a number for the provider's id": inside(idp_id=123),
    "a state that is an object": inside(state={"active": True}),
    "a directory that is a number": inside(directory_id=1),
    "a user id with half a character": inside(user_id="\ud800"),
    "a membership without its user": event("group.user_added", 1, {"directory_id": D, "group": group()}),
    "a group without a time": event("group.created", 1, updated_at=None),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_whatever_an_event_holds_it_is_kept_and_the_one_behind_it_is_applied(
    engine: Engine, poison: Any
) -> None:
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        assert [mirror.take(one) for one in (inside(2, user_id="before"), poison, inside(3))] == [
            True,
            False,
            True,
        ]
        session.commit()
    with Session(engine) as session:
        assert set(session.scalars(select(User.id))) == {"before", U}
        (failed,) = session.scalars(select(Failed))
        assert failed.reason
        assert failed.kept.isascii()


def test_an_event_that_fails_again_is_listed_once(engine: Engine) -> None:
    for poison in (POISON["a role as text"], POISON["no id"]) * 2:
        with Session(engine) as session:
            Mirror(session, "delete").take(poison)
            session.commit()
    with Session(engine) as session:
        assert len(list(session.scalars(select(Failed)))) == 2


def test_what_was_done_before_a_poisoned_event_is_not_committed_by_it(engine: Engine) -> None:
    """A savepoint is no commit: whoever is killed in the middle of a page has none of it."""
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        mirror.take(POISON["a role as text"])
        mirror.take(inside())
        session.rollback()
    with Session(engine) as session:
        assert not list(session.scalars(select(User)))


def test_roles_are_kept_where_there_is_no_first_role(engine: Engine) -> None:
    both = [{"slug": "admin"}, {"slug": "auditor"}]
    told: list[tuple[dict[str, Any], list[str]]] = [
        ({"roles": both}, ["admin", "auditor"]),
        ({"roles": both, "role": None}, ["admin", "auditor"]),
        ({"role": both[0]}, ["admin"]),
        ({"role": both[0], "roles": both}, ["admin", "auditor"]),
        ({"role": None, "roles": None}, []),
    ]
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        for number, (fields, _) in enumerate(told):
            mirror.take(inside(number, user_id=f"user_{number}", **fields))
        assert [session.get_one(User, f"user_{number}").roles for number in range(5)] == [r for _, r in told]


@pytest.mark.parametrize("gone", ["user", "group", "directory"])
def test_a_membership_after_a_deletion_brings_nobody_back_and_asks_for_a_full_load(
    engine: Engine, gone: str
) -> None:
    record = {"id": D, "state": "deleting", "updated_at": at(3)}
    end = event("deleted", 3, record) if gone == "directory" else event(f"{gone}.deleted", 3)
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        for one in (event("user.created", 1), event("group.created", 1), end):
            mirror.take({**one, "id": f"{one['id']} {one['event']}"})
        assert not mirror.doubtful
        mirror.take(member(4))
        assert mirror.doubtful
        assert session.get_one(User, U).present is (gone == "group")
        assert session.get_one(Group, G).present is (gone == "user")
        assert not session.get_one(Membership, (U, G)).present


def test_the_order_of_a_deletion_and_the_membership_behind_it_makes_no_difference(
    outcome: Callable[..., Outcome],
) -> None:
    story = [event("user.created", 1), event("user.deleted", 3), member(4)]
    assert {str(outcome(order)) for order in permutations(story)} == {str(({U: "retained"}, set()))}


def test_a_removal_for_somebody_nobody_spoke_of_is_counted_and_creates_nobody(engine: Engine) -> None:
    with Session(engine) as session:
        mirror = Mirror(session, "delete")
        assert mirror.take(member(1, "removed"))
        assert mirror.unknown == 1
        assert not mirror.doubtful
        for kind in (User, Group):
            assert not list(session.scalars(select(kind.id)))


@pytest.mark.parametrize("seed", range(5))
def test_a_day_shuffled_and_doubled_ends_as_the_service_has_it(desk: Desk, seed: int) -> None:
    sandbox, home, chance = desk.sandbox, desk.home, random.Random(seed)
    desk.worker.run_once()
    after = desk.place().cursor
    users = [one["id"] for one in sandbox.truth.users(home)][:20]
    groups = [sandbox.add_group(home, name=f"G{number}") for number in range(4)]
    for number in range(40):
        one, crew = chance.choice(users), chance.choice(groups)
        step = chance.choice(["add", "add", "add", "remove", "rename", "leave", "join", "end"])
        if step == "join":
            users.append(sandbox.add_user(home, email=f"p{number}@acme.test"))
        elif step == "leave" and len(users) > 5:
            sandbox.delete_user(users.pop(users.index(one)))
        elif step == "end" and len(groups) > 1:
            sandbox.delete_group(groups.pop(groups.index(crew)))
        elif step == "rename":
            sandbox.update_user(one, last_name=f"N{number}")
        else:
            (sandbox.remove_member if step == "remove" else sandbox.add_member)(crew, one)
    events = [one for page in desk.worker._source.event_pages(after) for one in page]
    noise = chance.sample(events * 2, k=len(events) * 2)
    with Session(desk.engine) as session:
        mirror = Mirror(session, "delete", loaded=desk.place().loaded)
        for one in noise:
            mirror.take(one)
        session.commit()
    desk.check()
