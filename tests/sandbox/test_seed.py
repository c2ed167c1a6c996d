"""The world a seed makes: always the same, believable, and its events lead to its state."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.directory.store import Store

from .conftest import Http

SCRIPT = """
import hashlib, sys
from dirsync_nb.sandbox import Sandbox
with Sandbox(seed=int(sys.argv[1])) as sandbox:
    directory = sandbox.truth.directories()[0]["id"]
    user = sandbox.add_user(directory, email="a@b.example")
    sandbox.deactivate_user(user)
    print(hashlib.sha256(sandbox.store.dump()).hexdigest())
"""


def fingerprint(seed: int) -> str:
    command = [sys.executable, "-c", SCRIPT, str(seed)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_same_seed_gives_the_same_bytes_in_two_processes_and_another_seed_differs() -> None:
    first, again, other = fingerprint(1), fingerprint(1), fingerprint(2)
    assert first == again != other


def test_a_reset_goes_back_to_the_seed(http: Http, directories: dict[str, str]) -> None:
    def content() -> list[str]:
        return list(http.sandbox.store._connection.iterdump())

    before = content()
    http.sandbox.delete_directory(directories["okta"])
    assert content() != before
    http.sandbox.reset()
    assert content() == before


def test_directories_of_many_kinds_and_every_state(http: Http) -> None:
    every = http.walk("/directories")
    assert {one["state"] for one in every} == {
        "linked",
        "validating",
        "invalid_credentials",
        "unlinked",
        "deleting",
    }
    sizes = {one["type"]: one["metadata"]["users"]["active"] for one in every if one["state"] == "linked"}
    assert sizes == {
        "okta scim v2.0": 260,
        "azure scim v2.0": 120,
        "workday": 50,
        "gsuite directory": 70,
        "generic scim v2.0": 12,
    }
    assert len({one["organization_id"] for one in every}) == len(every) - 1


def test_only_reserved_domains_are_used(http: Http, directories: dict[str, str]) -> None:
    for directory in directories.values():
        for user in http.walk("/directory_users", directory=directory):
            assert user["email"] is None or user["email"].endswith((".example", ".test"))


def test_unusual_people_are_there_to_be_met(http: Http, directories: dict[str, str]) -> None:
    users = http.walk("/directory_users", directory=directories["okta"])
    assert any(user["email"] is None for user in users)
    assert any(user["name"] is None for user in users)
    assert any(user["first_name"] and not user["last_name"] for user in users)
    assert any("'" in (user["last_name"] or "") for user in users)
    assert any(len(user["name"] or "") > 80 for user in users)
    assert any(user["custom_attributes"]["badge_colour"] is None for user in users)
    assert len({user["email"] for user in users if user["email"]}) == sum(u["email"] is not None for u in users)


def test_names_come_in_many_scripts(http: Http, directories: dict[str, str]) -> None:
    users = [u for d in directories.values() for u in http.walk("/directory_users", directory=d)]
    text = "".join(user["name"] or "" for user in users)
    samples = ["АБВЛОабвл", "αλνς", "الم", "נתו", "शरम", "陈王李", "김박이지", "สมท"]
    assert all(any(letter in text for letter in script) for script in samples)


def test_a_directory_may_lack_attributes_the_others_have(http: Http, directories: dict[str, str]) -> None:
    generic = http.data("/directory_users", directory=directories["generic"], limit=1)[0]["custom_attributes"]
    google = http.data("/directory_users", directory=directories["gsuite"], limit=1)[0]["custom_attributes"]
    assert "division_name" not in generic
    assert google["division_name"] is None


def test_groups_are_of_many_sizes_and_names(http: Http, directories: dict[str, str]) -> None:
    okta = directories["okta"]
    sizes = Counter(group for _, group in http.sandbox.truth.memberships(okta))
    groups = http.walk("/directory_groups", directory=okta)
    assert max(sizes.values()) > 200
    assert sum(sizes[group["id"]] == 0 for group in groups) >= 3
    names = {group["name"] for group in groups}
    assert {"R&D", "<b>Bold</b> Ideas", "$ Budget $ Owners"} <= names
    assert names & {g["name"] for g in http.walk("/directory_groups", directory=directories["azure"])}
    assert all(group["idp_id"] == group["name"] for group in groups)


def test_roles_follow_from_mapped_groups_where_the_provider_has_them(
    http: Http, directories: dict[str, str]
) -> None:
    roles = Counter(u["role"]["slug"] for u in http.walk("/directory_users", directory=directories["okta"]))
    assert roles["member"] > roles["auditor"] > 0
    assert roles["admin"] > 0
    assert all("role" not in u for u in http.walk("/directory_users", directory=directories["workday"]))


def test_managers_lead_up_to_one_person(http: Http, directories: dict[str, str]) -> None:
    users = http.walk("/directory_users", directory=directories["azure"])
    boss = {u["idp_id"]: u["custom_attributes"]["manager_id"] for u in users}
    top = [idp_id for idp_id, above in boss.items() if above is None]
    assert len(top) == 1


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_events_replayed_lead_to_the_state_that_is(make: Callable[..., Http], policy: str) -> None:
    http = make(inactive_policy=policy)
    store: Store = http.sandbox.store
    events = [json.loads(text) for (text,) in store.execute("SELECT json FROM events ORDER BY n")]
    users: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    members: dict[tuple[str, str], bool] = {}
    for event in events:
        data = event["data"]
        kind = event["event"].removeprefix("dsync.")
        if kind in ("user.created", "user.updated", "user.deleted"):
            users[data["id"]] = None if kind == "user.deleted" else data
        elif kind in ("group.created", "group.updated", "group.deleted"):
            groups[data["id"]] = None if kind == "group.deleted" else data
        elif kind.startswith("group.user_"):
            members[data["user"]["id"], data["group"]["id"]] = kind == "group.user_added"
    truth = http.sandbox.truth
    ids = [directory["id"] for directory in truth.directories()]
    now_users = {user["id"]: user for one in ids for user in truth.users(one)}
    now_groups = {group["id"]: group for one in ids for group in truth.groups(one)}
    now_members = set().union(*(truth.memberships(one) for one in ids))
    for known, now in ((users, now_users), (groups, now_groups)):
        for key, told in known.items():
            expected = now.get(key)
            assert _plain(told) == _plain(expected)
    for (user, group), member in members.items():
        alive = user in now_users and group in now_groups
        assert ((user, group) in now_members) == (member and alive)


def _plain(item: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave out what only one of event and object has."""
    return item and {k: v for k, v in item.items() if k not in ("groups", "previous_attributes")}


def test_previous_attributes_are_what_the_event_before_said(http: Http) -> None:
    store: Store = http.sandbox.store
    last: dict[str, dict[str, Any]] = {}
    checked = 0
    rows = store.execute("SELECT json FROM events WHERE name LIKE 'dsync.user.%' ORDER BY n")
    for data in (json.loads(text)["data"] for (text,) in rows):
        before, previous = last.get(data["id"]), data.get("previous_attributes")
        if before and previous:
            for key, value in previous.items():
                if key == "custom_attributes":
                    assert all(before[key].get(name) == old for name, old in value.items())
                else:
                    assert before.get(key) == value
                checked += 1
        last[data["id"]] = data
    assert checked > 20


def test_events_lie_within_retention_and_before_now(sandbox: Sandbox) -> None:
    rows = sandbox.store.execute("SELECT json FROM events ORDER BY n")
    times = [json.loads(text)["created_at"] for (text,) in rows]
    assert times == sorted(times)
    assert times[0] > "2026-05-05T09:00:00.000Z"
    assert times[-1] < "2026-08-03T09:00:00.000Z"
    assert 500 < len(times) < 2500


@pytest.mark.parametrize("policy", ["delete", "keep"])
@pytest.mark.parametrize("users", [0, 1, 5, 27, 150, 1000])
def test_the_okta_directory_has_exactly_the_users_asked_for(users: int, policy: Any) -> None:
    with Sandbox(users=users, inactive_policy=policy) as sandbox:
        okta = sandbox.truth.directories()[0]
        assert sum(okta["metadata"]["users"].values()) == len(sandbox.truth.users(okta["id"])) == users


def test_inactive_users_are_shown_only_where_they_are_kept(make: Callable[..., Http], http: Http) -> None:
    def states(http: Http) -> Counter[str]:
        directory = http.walk("/directories")[0]["id"]
        return Counter(user["state"] for user in http.walk("/directory_users", directory=directory))

    assert set(states(http)) == {"active"}
    assert states(make(inactive_policy="keep"))["inactive"] > 5
