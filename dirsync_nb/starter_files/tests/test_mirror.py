"""Events in any order, doubled and late, lead to the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from directory_worker.mirror import Mirror, Unusable
from directory_worker.tables import Directory, Group, Membership, User

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
        with pytest.raises(Unusable):
            Mirror(session, "delete").take(broken)
        assert not session.new


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
