"""The worker against the sandbox: the tables are what the service has, whatever happens in between."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import workos
from sqlalchemy import select
from sqlalchemy.orm import Session

from directory_worker.mirror import Mirror
from directory_worker.tables import Directory, Failed, Group, User
from directory_worker.worker import Overtaken

from .conftest import PEOPLE, Desk


@pytest.fixture
def synced(desk: Desk) -> Desk:
    """A desk after the first load."""
    desk.worker.run_once()
    return desk


def test_the_first_load_reads_everything(desk: Desk) -> None:
    desk.worker.run_once()
    desk.check()
    assert len(desk.ids(User)) == PEOPLE
    assert desk.place().cursor is not None


def test_running_again_asks_for_events_only_and_changes_nothing(synced: Desk) -> None:
    before, asked = synced.everything(), len(synced.sandbox.requests)
    synced.worker.run_once()
    assert synced.everything() == before
    assert [path for _, path, _ in synced.sandbox.requests[asked:]] == ["/events"]


def test_a_day_of_changes_is_followed_by_events_alone(synced: Desk) -> None:
    sandbox, home = synced.sandbox, synced.home
    users = [user["id"] for user in sandbox.truth.users(home)]
    groups = [group["id"] for group in sandbox.truth.groups(home)]
    ada = sandbox.add_user(home, email="ada@acme.test", first_name="Ada", last_name="Quay")
    crew = sandbox.add_group(home, name="Crew")
    for user in (ada, *users[:3]):
        sandbox.add_member(crew, user)
    sandbox.update_user(users[0], last_name="Lindqvist", custom_attributes={"job_title": "Cook"})
    sandbox.deactivate_user(users[1])
    sandbox.reactivate_user(users[1])
    sandbox.delete_user(users[2])
    sandbox.remove_member(crew, ada)
    sandbox.delete_group(groups[0])
    asked = len(sandbox.requests)
    synced.worker.run_once()
    synced.check()
    assert {path for _, path, _ in sandbox.requests[asked:]} == {"/events"}
    assert synced.user(users[0]).custom_attributes["job_title"] == "Cook"


def test_more_than_a_page_of_events_is_read_to_the_end(synced: Desk) -> None:
    for number in range(230):
        synced.sandbox.add_user(synced.home, email=f"q{number}@acme.test")
    synced.worker.run_once()
    synced.check()


def test_what_happens_during_a_load_is_not_missed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox, home = desk.sandbox, desk.home
    worker = desk.worker
    groups, first = worker._source.groups, sandbox.truth.users(home)[0]["id"]

    def interrupted(directory_id: str) -> Any:
        found = list(groups(directory_id))
        sandbox.delete_group(found[0]["id"])  # listed, and gone when its members are asked for
        sandbox.delete_user(first)
        return iter(found)

    def interrupted_again(directory_id: str, group_id: str | None = None) -> Any:
        found = list(users(directory_id, group_id))
        if group_id is None:  # listed without somebody who is in a group when its members are asked for
            late = sandbox.add_user(home, email="late@acme.test")
            sandbox.add_member(sandbox.truth.groups(home)[0]["id"], late)
        return iter(found)

    users = worker._source.users
    monkeypatch.setattr(worker._source, "users", interrupted_again)
    monkeypatch.setattr(worker._source, "groups", interrupted)
    worker.load()
    assert {user for user, _ in desk.pairs()} <= desk.ids(User)  # the late one as well
    worker.follow()
    desk.check()


def test_a_deleted_directory_takes_everything_along(synced: Desk) -> None:
    sandbox = synced.sandbox
    other = sandbox.add_directory(sandbox.add_organization(name="Bright"), type="okta scim v2.0", name="B")
    bo = sandbox.add_user(other, email="bo@acme.test")
    sandbox.add_member(sandbox.add_group(other, name="All"), bo)
    synced.worker.run_once()
    sandbox.delete_directory(other)
    synced.worker.run_once()
    synced.check()
    assert synced.user(bo).status == "removed"


@pytest.mark.parametrize(("policy", "status"), [("delete", "retained"), ("keep", "removed")])
def test_a_deletion_means_what_the_policy_says_and_keeps_the_row(desk: Desk, policy: Any, status: str) -> None:
    desk.config = desk.config.__class__(inactive_users=policy)
    desk.worker.run_once()
    leaver = desk.sandbox.truth.users(desk.home)[0]["id"]
    desk.sandbox.delete_user(leaver)
    desk.worker.run_once()
    row = desk.user(leaver)
    assert (row.status, row.present) == (status, False)
    assert row.email is not None


def test_somebody_who_returns_under_a_new_id_has_the_same_idp_id(synced: Desk) -> None:
    leaver = synced.sandbox.truth.users(synced.home)[0]["id"]
    synced.sandbox.deactivate_user(leaver)
    again = synced.sandbox.reactivate_user(leaver)
    synced.worker.run_once()
    assert synced.user(again).idp_id == synced.user(leaver).idp_id
    assert (synced.user(leaver).status, synced.user(again).status) == ("retained", "active")


def test_a_renamed_group_is_the_same_and_a_namesake_is_not(synced: Desk) -> None:
    """A group keeps its id and members under another name; a second one of that name is another."""
    sandbox = synced.sandbox
    sales = sandbox.truth.groups(synced.home)[0]["id"]
    synced.sandbox.rename_group(sales, "Revenue")
    synced.worker.run_once()
    before = {pair for pair in synced.pairs() if pair[1] == sales}
    other = sandbox.add_group(synced.home, name="Revenue")
    synced.worker.run_once()
    with Session(synced.engine) as session:
        assert {session.get_one(Group, one).name for one in (sales, other)} == {"Revenue"}
    assert before
    assert {pair for pair in synced.pairs() if pair[1] in (sales, other)} == before


def test_silent_changes_are_found_by_the_next_full_load(synced: Desk) -> None:
    leaver, gone = (user["id"] for user in synced.sandbox.truth.users(synced.home)[:2])
    group = synced.sandbox.truth.groups(synced.home)[0]["id"]
    synced.sandbox.delete_user(leaver)
    synced.sandbox.delete_group(group)
    synced.sandbox.delete_user(gone)
    newest = synced.worker._source.newest_event()
    assert newest is not None
    synced.move_place(newest["id"])  # as if these events had never come
    synced.worker.run_once()
    assert leaver in synced.ids(User)
    synced.now += timedelta(hours=7)
    synced.worker.run_once()
    synced.check()


def test_a_lost_place_is_said_and_leads_to_a_full_load(synced: Desk, caplog: pytest.LogCaptureFixture) -> None:
    synced.sandbox.delete_user(synced.sandbox.truth.users(synced.home)[0]["id"])
    synced.move_place("event_01HZZZZZZZZZZZZZZZZZZZZZZZ")
    with caplog.at_level(logging.WARNING, "directory_worker"):
        synced.worker.run_once()
    synced.check()
    assert [record.msg for record in caplog.records] == ["place_lost"]


def test_a_lost_place_stays_lost_until_a_full_load_is_through(synced: Desk) -> None:
    leaver = synced.sandbox.truth.users(synced.home)[0]["id"]
    synced.sandbox.delete_user(leaver)
    synced.move_place("event_01HZZZZZZZZZZZZZZZZZZZZZZZ")
    synced.sandbox.faults.add("status", path="/directories", status=500, times=3)
    with pytest.raises(workos.ServerError):
        synced.worker.run_once()
    synced.worker.run_once()
    synced.check()
    assert synced.user(leaver).status == "retained"


def test_one_broken_event_is_noted_and_stops_nothing_behind_it(
    synced: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [synced.sandbox.add_user(synced.home, email=f"u{number}@acme.test") for number in range(10)]
    worker = synced.worker
    pages = list(worker._source.event_pages(synced.place().cursor))
    broken = pages[0][4] = {**pages[0][4], "data": {}}
    pages[0][-1] = {**pages[0][-1], "created_at": "yesterday"}
    monkeypatch.setattr(worker._source, "event_pages", lambda _: iter(pages))
    worker.run_once()
    assert set(users) & synced.ids(User) == set(users) - {users[4], users[9]}
    assert synced.place().cursor == pages[0][-2]["id"]  # the last has no place in the order
    with Session(synced.engine) as session:
        assert session.get_one(Failed, broken["id"]).reason == "no whole user inside"


def test_a_page_whose_events_have_no_id_does_not_hold_the_worker_up(
    synced: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = synced.sandbox.add_user(synced.home, email="ada@acme.test")
    worker, cursor = synced.worker, synced.place().cursor
    ((real,),) = worker._source.event_pages(cursor)
    pages = [[{**real, "id": None}, "text", None], [real]]
    monkeypatch.setattr(worker._source, "event_pages", lambda _: iter(pages))
    worker.run_once()
    assert ada in synced.ids(User)
    assert synced.place().cursor == real["id"]


def test_a_poisoned_record_of_a_list_is_kept_and_the_others_are_loaded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = desk.worker
    page, home = worker._source._page, desk.home
    poison = {"directory_users": {"role": "admin", "roles": None}, "directory_groups": {"name": "\ud800"}}
    hurt: set[str] = set()

    def poisoned(path: str, **query: Any) -> tuple[list[Any], str | None]:
        records, after = page(path, **query)
        if path in poison and not query.get("group") and query.get("after") is None:
            hurt.add(records[0]["id"])
            records = [{**records[0], **poison[path]}, *records[1:], {"object": "?"}, "text"]
        if path == "directories":
            records = [{"name": "no id"}, *records]
        return records, after

    monkeypatch.setattr(worker._source, "_page", poisoned)
    worker.load()
    assert desk.ids(User) == {user["id"] for user in desk.sandbox.truth.users(home)} - hurt
    assert len(desk.ids(User)) == PEOPLE - 1
    assert len(desk.ids(Group)) == 3
    with Session(desk.engine) as session:
        reasons = {failed.id: failed.reason for failed in session.scalars(select(Failed))}
    assert hurt <= set(reasons)
    assert len(reasons) == 5  # and what has no id, once
    monkeypatch.undo()
    desk.worker.load()
    desk.check()


def test_who_is_listed_in_a_form_that_cannot_be_read_is_not_taken_for_gone(
    synced: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, before = synced.worker, synced.ids(User)
    page = worker._source._page

    def poisoned(path: str, **query: Any) -> tuple[list[Any], str | None]:
        records, after = page(path, **query)
        return [{**one, "custom_attributes": 7} for one in records] if "user" in path else records, after

    monkeypatch.setattr(worker._source, "_page", poisoned)
    worker.load()
    assert synced.ids(User) == before


def test_an_answer_that_is_no_list_is_not_an_empty_one(synced: Desk) -> None:
    before = synced.everything()
    synced.now += timedelta(hours=7)
    synced.sandbox.faults.add("status", path="/directory_users", status=200, body={"data": None}, times=None)
    with pytest.raises(workos.WorkOSError, match="without the list"):
        synced.worker.run_once()
    assert synced.everything() == before


def test_a_return_under_the_same_id_leads_to_a_full_load(synced: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = synced.sandbox.truth.users(synced.home)[0]
    synced.sandbox.delete_user(gone["id"])
    worker = synced.worker
    (page,) = worker._source.event_pages(synced.place().cursor)
    back = {**page[0], "id": "event_x", "event": "dsync.user.updated", "created_at": "2027-01-01T00:00:00Z"}
    with monkeypatch.context() as patch:
        patch.setattr(worker._source, "event_pages", lambda _: iter([[*page, back]]))
        worker.follow()
    assert gone["id"] in synced.ids(User)
    assert synced.place().doubtful
    synced.move_place(page[0]["id"])  # the invented one is not known to the sandbox
    asked = len(synced.sandbox.requests)
    synced.worker.run_once()
    assert "/directory_users" in {path for _, path, _ in synced.sandbox.requests[asked:]}
    assert not synced.place().doubtful
    synced.check()


def test_rows_and_place_change_together_or_not_at_all(synced: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    before = synced.everything()
    synced.sandbox.add_user(synced.home, email="ada@acme.test")

    def take_and_end(mirror: Mirror, event: Any) -> None:
        take(mirror, event)
        raise KeyboardInterrupt

    take = Mirror.take
    with monkeypatch.context() as patch:
        patch.setattr(Mirror, "take", take_and_end)  # the row is there, and not yet committed
        with pytest.raises(KeyboardInterrupt):
            synced.worker.run_once()
    assert synced.everything() == before
    synced.worker.run_once()
    synced.check()


def test_a_second_worker_that_moved_on_meanwhile_is_noticed(
    synced: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.sandbox.add_user(synced.home, email="ada@acme.test")
    slow = synced.worker
    pages = list(slow._source.event_pages(synced.place().cursor))
    monkeypatch.setattr(slow._source, "event_pages", lambda _: (synced.worker.run_once(), iter(pages))[1])
    with pytest.raises(Overtaken):
        slow.run_once()
    synced.check()


def test_a_429_with_a_bare_string_is_waited_for(synced: Desk) -> None:
    """The SDK alone fails on such a body with an AttributeError once its tries are used up."""
    synced.sandbox.faults.add("status", status=429, retry_after=7, body="Ratelimited", times=2)
    synced.worker.run_once()
    assert synced.waits[-2:] == [7.0, 7.0]
    synced.sandbox.faults.add("status", status=429, retry_after=0, body="Ratelimited", times=None)
    with pytest.raises(workos.RateLimitExceededError):
        synced.worker.run_once()
    assert synced.waits[-1] == 1.0


@pytest.mark.parametrize("path", ["/directory_users", "/directory_groups", "/directories"])
@pytest.mark.parametrize("fault", ["truncated_json", "truncate", "html", "reset", "empty_page", "overlap"])
def test_no_mishap_on_the_way_makes_anything_vanish(synced: Desk, fault: str, path: str) -> None:
    """The SDK takes an unreadable list for an empty one, and an empty page for the last."""
    before = synced.everything()
    synced.now += timedelta(hours=7)
    rule = synced.sandbox.faults.add(fault, path=path, skip=1 if path == "/directory_users" else 0)
    synced.worker.run_once()
    assert rule.fired or fault == "overlap"  # which takes two pages
    synced.check()
    assert synced.everything()["users"] == before["users"]
    assert synced.everything()["memberships"] == before["memberships"]


def test_a_list_that_never_ends_stops_the_load_and_changes_nothing(synced: Desk) -> None:
    before = synced.everything()
    synced.now += timedelta(hours=7)
    synced.sandbox.faults.add("stuck_cursor", path="/directory_users")
    with pytest.raises(workos.WorkOSError, match="second time"):
        synced.worker.run_once()
    assert synced.everything() == before


def test_users_of_a_directory_are_asked_for_four_times_a_second(desk: Desk) -> None:
    desk.worker.run_once()
    asked = sum(path == "/directory_users" for _, path, _ in desk.sandbox.requests)
    assert desk.waits == [turn * 0.25 for turn in range(1, asked)]


def test_nothing_but_get_leaves(desk: Desk) -> None:
    with pytest.raises(ValueError, match="only reads"):
        desk.client.directory_sync.delete_directory(desk.home)
    desk.worker.run_once()
    assert {method for method, _, _ in desk.sandbox.requests} == {"GET"}
    assert desk.ids(Directory) == {desk.home}


def test_who_leaves_is_switched_off_now_and_removed_only_after_the_days_of_grace(desk: Desk) -> None:
    sandbox, home = desk.sandbox, desk.home
    desk.config = replace(desk.config, grace_days=30)
    leaver, back, deleted = (one["id"] for one in sandbox.truth.users(home)[:3])
    desk.worker.run_once()
    sandbox.delete_user(leaver)
    sandbox.deactivate_user(back)
    sandbox.delete_user(deleted)
    desk.worker.run_once()
    assert {desk.user(one).status for one in (leaver, back, deleted)} == {"retained"}
    left = desk.user(leaver).left_at
    assert left is not None
    again = sandbox.reactivate_user(back)
    desk.now += timedelta(days=29)
    desk.worker.run_once()
    assert desk.user(leaver).status == "retained"
    assert desk.user(leaver).left_at == left
    desk.now += timedelta(days=2)
    desk.worker.run_once()
    assert [desk.user(one).status for one in (leaver, deleted)] == ["removed", "removed"]
    assert desk.user(leaver).removed_at is not None
    # Who is back within the days under a new id is no case for deletion.
    assert (desk.user(back).status, desk.user(again).status) == ("retained", "active")
    removed = desk.user(leaver).removed_at
    desk.now += timedelta(days=1)
    desk.worker.run_once()
    assert (desk.user(leaver).status, desk.user(leaver).removed_at) == ("removed", removed)
    desk.config = replace(desk.config, grace_days=0)
    desk.worker.load()
    assert (desk.user(leaver).status, desk.user(back).status) == ("removed", "retained")


def test_a_return_under_the_same_id_undoes_the_leaving_and_the_removal(desk: Desk) -> None:
    desk.config = replace(desk.config, grace_days=30)
    user = desk.sandbox.truth.users(desk.home)[0]["id"]
    desk.worker.run_once()
    for days in (1, 40):
        with Session(desk.engine) as session:
            row = session.get_one(User, user)
            row.present, row.status, row.dead = False, "retained", row.alive
            session.commit()
        worker = desk.worker
        worker._end_grace()
        assert desk.user(user).left_at is not None
        desk.now += timedelta(days=days)
        worker._end_grace()
        assert desk.user(user).status == ("removed" if days > 30 else "retained")
        worker.load()
        row = desk.user(user)
        assert (row.status, row.left_at, row.removed_at) == ("active", None, None)


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_grace_is_given_whatever_the_policy_and_when_a_directory_goes(desk: Desk, policy: Any) -> None:
    desk.config = replace(desk.config, inactive_users=policy, grace_days=30)
    desk.worker.run_once()
    first, second = (one["id"] for one in desk.sandbox.truth.users(desk.home)[:2])
    desk.sandbox.delete_user(first)
    desk.worker.run_once()
    assert desk.user(first).status == "retained"
    desk.sandbox.delete_directory(desk.home)
    desk.worker.run_once()
    assert {desk.user(one).status for one in (first, second)} == {"retained"}
    desk.now += timedelta(days=30)
    desk.worker.run_once()
    assert {desk.user(one).status for one in (first, second)} == {"removed"}


def test_your_own_table_is_looked_at_again_until_nothing_is_left_and_when_something_happened(
    desk: Desk,
) -> None:
    answers, looked = [False, True, True], []
    keeper: Any = SimpleNamespace(keep=lambda *_: looked.append(1) or answers[len(looked) - 1])
    desk.keeper = keeper
    worker = desk.worker
    for seen in (1, 2, 2):
        worker.run_once()
        assert len(looked) == seen
    desk.sandbox.add_user(desk.home, email="ada@acme.test")
    worker.run_once()
    assert len(looked) == 3
