"""Fleets brought up to date from events: the same as taken anew, at a cost that follows from what changed."""

from __future__ import annotations

import os
import random
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.fleet import open_fleet, refresh_fleet, take_fleet
from dirsync_nb.guard import TooManyGone

from .taking import asked_for, fail_at

KILLS = int(os.environ.get("DIRSYNC_KILLS", "3"))  # 100 on demand
LONGEST = 1.0 if KILLS < 10 else 4.0  # seconds until a refresh is killed: some finish before that


def same_people(ours: Any, theirs: Any) -> None:
    """Hold two fleets against each other; events do not carry the deprecated list of a user's groups."""
    assert set(ours.directory_ids) == set(theirs.directory_ids)
    for kind in ("users", "groups", "memberships"):
        one, other = (
            getattr(fleet, kind).compute().drop(columns="groups", errors="ignore") for fleet in (ours, theirs)
        )
        keys = ["group_id", "user_id"] if kind == "memberships" else [str(one.index.name)]
        one, other = (frame.reset_index().sort_values(keys, ignore_index=True) for frame in (one, other))
        columns = [name for name in one if str(one[name].dtype) == "json"]
        pd.testing.assert_frame_equal(
            one.astype(dict.fromkeys(columns, object)).drop(columns="index", errors="ignore"),
            other.astype(dict.fromkeys(columns, object)).drop(columns="index", errors="ignore"),
            check_categorical=False,
        )


def change(sandbox: Any, client: Any, home: str) -> None:
    """Let somebody come, somebody leave, somebody be renamed and a group get a member."""
    users, groups = ds.load_users(client, directory_id=home), ds.load_groups(client, directory_id=home)
    sandbox.delete_user(users.index[0])
    sandbox.update_user(users.index[1], email="new@acme.test")
    newcomer = sandbox.add_user(home, email="newcomer@acme.test")
    sandbox.add_member(groups.index[0], newcomer if isinstance(newcomer, str) else newcomer["id"])


def test_a_refreshed_fleet_is_the_one_that_would_be_taken_and_reads_only_what_changed(small):
    sandbox, client, folder = small
    before = take_fleet(client, folder)
    home = before.directory_ids[4]
    change(sandbox, client, home)
    seen = len(sandbox.requests)
    fleet = refresh_fleet(client, folder)
    paths = [line.path for line in sandbox.requests[seen:]]
    assert [path.partition("?")[0] for path in paths] == ["/events", f"/directories/{home}"]
    assert fleet.run["requests"] == 2
    assert (fleet.run["did"], fleet.run["changed"]) == ("refresh", 1)
    same_people(fleet, take_fleet(client, folder.parent / "anew"))
    assert (fleet.taken["at"] > before.taken["at"]).all()
    assert (fleet.taken["read_at"] == before.taken["read_at"]).all()
    assert len(set(fleet.taken["event_id"])) == 1
    assert not fleet.notices
    seen = len(sandbox.requests)
    again = refresh_fleet(client, folder)
    assert [line.path.partition("?")[0] for line in sandbox.requests[seen:]] == ["/events"]
    assert again.run["changed"] == 0
    changes = again.history.groupby("directory_id").size()
    assert changes.sum() == 6 + (len(fleet.users) != 120) or changes[home] == 2


def test_new_directories_are_loaded_and_deleted_ones_go(small):
    sandbox, client, folder = small
    before = take_fleet(client, folder)
    organization = before.directories["organization_id"].iloc[0]
    made = sandbox.add_directory(organization, type="okta scim v2.0", name="Acquired")
    new = made if isinstance(made, str) else made["id"]
    sandbox.add_user(new, email="first@acquired.test")
    quiet = sandbox.add_directory(organization, type="okta scim v2.0", name="Quiet")  # no event tells of it
    quiet = quiet if isinstance(quiet, str) else quiet["id"]
    gone = before.directory_ids[2]
    sandbox.delete_directory(gone)
    fleet = refresh_fleet(client, folder)
    assert set(fleet.directory_ids) == {*before.directory_ids, new, quiet} - {gone}
    assert fleet.complete
    assert len(fleet.directory(new).users) == 1
    same_people(fleet, take_fleet(client, folder.parent / "anew"))


def test_most_directories_going_is_stopped_at(small):
    sandbox, client, folder = small
    ids = take_fleet(client, folder).directory_ids
    for home in ids[:4]:
        sandbox.delete_directory(home)
    with pytest.raises(TooManyGone, match="confirm=4"):
        refresh_fleet(client, folder)
    assert len(open_fleet(folder).users) == 120
    assert set(refresh_fleet(client, folder, confirm=4).directory_ids) == set(ids[4:])


def test_a_directory_that_events_would_empty_stays_as_it_was_and_is_told(small):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.taken["users"].idxmax()
    users = fleet.directory(home).users.index
    for user_id in users[: len(users) * 3 // 4]:
        sandbox.delete_user(user_id)
    held = refresh_fleet(client, folder)
    assert len(held.directory(home).users) == len(users)
    assert "take_fleet with the same folder reads it whole" in held.notices[home][0]
    taken = take_fleet(client, folder)
    assert len(taken.directory(home).users) == len(users) - len(users) * 3 // 4
    assert not taken.notices


def test_a_place_that_the_service_no_longer_knows_is_loaded_again(small):
    sandbox, client, folder = small
    home = take_fleet(client, folder).directory_ids[0]
    sandbox.add_user(home, email="late@acme.test")
    take_fleet(client, folder, directory_id=home, resume=False)  # a place of its own, and a later one
    refused = {"path": "/events", "status": 400, "body": {"message": "Invalid cursor"}}
    sandbox.faults.add("status", **refused)
    seen = len(sandbox.requests)
    fleet = refresh_fleet(client, folder)
    assert asked_for(sandbox.requests[seen:]) == set(fleet.directory_ids) - {home}
    same_people(fleet, take_fleet(client, folder.parent / "anew"))


def test_a_refresh_that_breaks_leaves_the_fleet_as_good_as_before(small, monkeypatch):
    sandbox, client, folder = small
    before = take_fleet(client, folder)
    change(sandbox, client, before.directory_ids[1])
    with monkeypatch.context() as broken:
        broken.setattr("dirsync_nb.fleet.refresh.save_directory", _full)
        held = refresh_fleet(client, folder)
    assert held.complete
    assert "No space left" in held.notices[before.directory_ids[1]][0]
    sandbox.faults.add("status", path="/events", status=422, times=None)
    with pytest.raises(errors.LoadError):
        refresh_fleet(client, folder)
    sandbox.faults.clear()
    same_people(refresh_fleet(client, folder), take_fleet(client, folder.parent / "anew"))


def _full(*_: Any) -> Any:
    raise errors.DirsyncError("No space left on device")


def test_states_are_read_where_they_are_asked_for(small):
    sandbox, client, folder = small
    home = take_fleet(client, folder).directory_ids[5]
    sandbox.set_directory_state(home, "invalid_credentials")
    assert refresh_fleet(client, folder, states=True).directories["state"][home] == "invalid_credentials"


def test_what_was_never_taken_is_not_refreshed(small):
    _, client, folder = small
    with pytest.raises(errors.ArgumentError, match="take_fleet writes one"):
        refresh_fleet(client, folder)


def test_somebody_who_comes_back_is_no_guess_but_read(small, monkeypatch):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.taken["users"].idxmax()
    monkeypatch.setattr("dirsync_nb.sync.State.notices", ["X came back. Take a snapshot to be sure."])
    users = fleet.directory(home).users.index
    sandbox.delete_user(users[0])
    seen = len(sandbox.requests)
    assert refresh_fleet(client, folder).complete
    assert asked_for(sandbox.requests[seen:]) == {home}
    fail_at(monkeypatch, home, errors.BadPayload("cut short"))
    sandbox.delete_user(users[1])
    assert "cut short" in refresh_fleet(client, folder).notices[home][0]


def test_a_fleet_killed_at_any_moment_of_a_refresh_catches_up(small, victims):
    """A hundred kills with DIRSYNC_KILLS=100. The directories change all the while."""
    sandbox, client, folder = small
    homes = take_fleet(client, folder).directory_ids
    job = {"do": "fresh_fleet", "url": sandbox.url, "key": sandbox.api_key, "path": str(folder)}
    rng, places = random.Random(KILLS), set()
    for number in range(KILLS):
        for home in rng.sample(homes, 3):
            sandbox.add_user(home, email=f"new{number}@acme.test")
            users = ds.load_users(client, home)
            sandbox.update_user(rng.choice(users.index), email=f"other{number}@acme.test")
            if len(users) > 15:
                sandbox.delete_user(users.index[3])
        assert victims.do(rng.uniform(0.05, LONGEST), **job) == -9
        held = open_fleet(folder)
        assert held.complete
        places.add(str(sorted(held.taken.items())))
    same_people(refresh_fleet(client, folder, guard=None), take_fleet(client, folder.parent / "anew"))
    print(f"{KILLS} kills; found at {len(places)} places")
