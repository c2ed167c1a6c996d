"""Each change changes what is so and sends the events the API would send."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.directory.store import NotFound
from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

from .conftest import Http


class Told:
    """Tell which events came since the last look."""

    def __init__(self, http: Http) -> None:
        self.http = http
        self.cursor = http.walk("/events", events=",".join(DSYNC_EVENTS))[-1]["id"]

    def events(self) -> list[dict[str, Any]]:
        found = self.http.walk("/events", events=",".join(DSYNC_EVENTS), after=self.cursor)
        self.cursor = found[-1]["id"] if found else self.cursor
        return found

    def names(self) -> list[str]:
        return [event["event"].removeprefix("dsync.") for event in self.events()]


@pytest.fixture
def told(http: Http) -> Told:
    return Told(http)


@pytest.fixture
def okta(directories: dict[str, str]) -> str:
    return directories["okta"]


def test_a_new_user_is_served_counted_and_told_of(http: Http, told: Told, okta: str) -> None:
    user_id = http.sandbox.add_user(okta, email="ada@harbourline.example", first_name="Ada", last_name="Quay")
    user = http.get(f"/directory_users/{user_id}").json()
    (event,) = told.events()
    assert user["name"] == "Ada Quay"
    assert event["event"] == "dsync.user.created"
    assert event["data"] == {key: value for key, value in user.items() if key != "groups"}
    assert http.get(f"/directories/{okta}").json()["metadata"]["users"]["active"] == 261


def test_an_update_tells_old_values_one_level_deep(http: Http, told: Told, okta: str) -> None:
    user = http.sandbox.add_user(okta, email="a@x.example", first_name="A", custom_attributes={"a": 1, "b": 2})
    told.events()
    assert http.sandbox.update_user(user, last_name="B", custom_attributes={"a": 3, "c": 4})
    (event,) = told.events()
    previous = {"last_name": None, "name": "A", "custom_attributes": {"a": 1, "c": None}}
    assert event["data"]["previous_attributes"] == previous
    assert event["data"]["custom_attributes"] == {"a": 3, "b": 2, "c": 4}


def test_null_and_absent_are_the_same_to_events(http: Http, told: Told, okta: str) -> None:
    user = http.sandbox.add_user(okta, email="a@x.example", custom_attributes={"a": None, "b": 1})
    told.events()
    before = http.get(f"/directory_users/{user}").json()["updated_at"]
    assert not http.sandbox.update_user(user, custom_attributes={"new": None}, drop=["a"])
    after = http.get(f"/directory_users/{user}").json()
    assert told.names() == []
    assert after["custom_attributes"] == {"b": 1, "new": None}
    assert after["updated_at"] == before


def test_a_membership_leaves_updated_at_alone(http: Http, told: Told, okta: str) -> None:
    group = http.sandbox.add_group(okta, name="Choir")
    user = http.sandbox.add_user(okta, email="a@x.example")
    told.events()
    before = http.get(f"/directory_users/{user}").json()
    assert http.sandbox.add_member(group, user)
    assert not http.sandbox.add_member(group, user)
    assert http.sandbox.remove_member(group, user)
    assert told.names() == ["group.user_added", "group.user_removed"]
    assert http.get(f"/directory_users/{user}").json() == before


def test_a_mapped_group_changes_the_role_and_tells_the_old_one(http: Http, told: Told, okta: str) -> None:
    admins = http.sandbox.add_group(okta, name="Bosses", role="admin")
    user = http.sandbox.add_user(okta, email="a@x.example")
    told.events()
    http.sandbox.add_member(admins, user)
    added, updated = told.events()
    assert added["event"] == "dsync.group.user_added"
    assert updated["data"]["role"] == {"slug": "admin"}
    assert updated["data"]["previous_attributes"] == {
        "role": {"slug": "member"},
        "roles": [{"slug": "member"}],
    }
    http.sandbox.delete_group(admins)
    assert told.names() == ["group.deleted", "user.updated"]
    assert http.get(f"/directory_users/{user}").json()["role"] == {"slug": "member"}


def test_a_deleted_user_takes_memberships_along_without_a_word(http: Http, told: Told, okta: str) -> None:
    group = http.sandbox.add_group(okta, name="Choir")
    user = http.sandbox.add_user(okta, email="a@x.example")
    http.sandbox.add_member(group, user)
    told.events()
    http.sandbox.delete_user(user)
    assert told.names() == ["user.deleted"]
    assert http.data("/directory_users", group=group) == []
    assert http.get(f"/directory_users/{user}").status_code == 404


def test_a_deleted_group_ends_memberships_without_a_word(http: Http, told: Told, okta: str) -> None:
    group = http.sandbox.add_group(okta, name="Choir")
    user = http.sandbox.add_user(okta, email="a@x.example")
    http.sandbox.add_member(group, user)
    told.events()
    http.sandbox.delete_group(group)
    assert told.names() == ["group.deleted"]
    assert http.get(f"/directory_users/{user}").status_code == 200


def test_deactivation_deletes_and_return_makes_a_new_user(http: Http, told: Told, okta: str) -> None:
    user = http.sandbox.add_user(okta, email="a@x.example", idp_id="00uX")
    told.events()
    http.sandbox.deactivate_user(user)
    again = http.sandbox.reactivate_user(user)
    deleted, created = told.events()
    assert (deleted["event"], deleted["data"]["state"]) == ("dsync.user.deleted", "inactive")
    assert created["data"]["id"] == again != user
    assert created["data"]["idp_id"] == "00uX"


def test_with_policy_keep_a_user_turns_inactive_and_active_again(make: Callable[..., Http]) -> None:
    http = make(inactive_policy="keep")
    told = Told(http)
    okta = http.walk("/directories")[0]
    user = http.sandbox.truth.users(okta["id"])[0]["id"]
    http.sandbox.deactivate_user(user)
    users = http.get(f"/directories/{okta['id']}").json()["metadata"]["users"]
    assert users["inactive"] == okta["metadata"]["users"]["inactive"] + 1
    assert http.sandbox.reactivate_user(user) == user
    off, on = told.events()
    assert off["data"]["previous_attributes"] == {"state": "active"}
    assert on["data"]["previous_attributes"] == {"state": "inactive"}


def test_an_okta_group_changes_its_idp_id_with_its_name(http: Http, told: Told, okta: str) -> None:
    group = http.sandbox.add_group(okta, name="Choir")
    told.events()
    http.sandbox.rename_group(group, "Band")
    (event,) = told.events()
    assert event["data"]["idp_id"] == "Band"
    assert event["data"]["previous_attributes"] == {"name": "Choir", "idp_id": "Choir"}


def test_linking_tells_in_the_words_of_events(http: Http, told: Told, directories: dict[str, str]) -> None:
    directory = directories["jump"]
    http.sandbox.set_directory_state(directory, "linked")
    (event,) = told.events()
    assert (event["event"], event["data"]["state"]) == ("dsync.activated", "active")
    assert http.get(f"/directories/{directory}").json()["state"] == "linked"
    http.sandbox.set_directory_state(directory, "invalid_credentials")
    assert told.names() == []


def test_a_deleted_directory_is_told_of_once(http: Http, told: Told, okta: str) -> None:
    user = http.sandbox.truth.users(okta)[0]["id"]
    http.sandbox.delete_directory(okta)
    assert told.names() == ["deleted"]
    assert http.get(f"/directory_users/{user}").status_code == 404
    assert http.get("/directory_users", directory=okta).status_code == 404


def test_an_id_that_somebody_has_is_not_given_again_but_one_that_was_deleted_may_be(
    http: Http, sandbox: Sandbox, okta: str
) -> None:
    user = sandbox.add_user(okta, user_id="kept-from-elsewhere")
    group = sandbox.add_group(okta, name="Choir")
    with pytest.raises(ValueError, match="is taken"):
        sandbox.add_user(okta, user_id=user)
    with pytest.raises(ValueError, match="is taken"):
        sandbox.add_group(okta, name="Band", group_id=group)
    for _ in range(2):  # deleted for the second time as well
        sandbox.delete_user(user)
        sandbox.delete_group(group)
        assert http.get(f"/directory_users/{user}").status_code == 404
        assert sandbox.add_user(okta, user_id=user) == user
        assert sandbox.add_group(okta, name="Band", group_id=group) == group
        assert http.get(f"/directory_users/{user}").status_code == 200


def test_changes_refuse_what_makes_no_sense(sandbox: Sandbox, directories: dict[str, str]) -> None:
    okta, azure = directories["okta"], directories["azure"]
    user = sandbox.add_user(okta, email="a@x.example")
    with pytest.raises(NotFound, match="Directory not found"):
        sandbox.add_user("directory_none", email="a@x.example")
    with pytest.raises(ValueError, match="different directories"):
        sandbox.add_member(sandbox.add_group(azure, name="Choir"), user)
    with pytest.raises(ValueError, match="must be one of"):
        sandbox.update_user(user, shoe_size="44")
    with pytest.raises(ValueError, match="must be one of"):
        sandbox.set_directory_state(okta, "happy")
    with pytest.raises(ValueError, match="must be text"):
        sandbox.add_user(okta, email=7)  # type: ignore[arg-type]


def test_many_threads_may_make_things_happen_while_the_server_serves(
    http: Http, directories: dict[str, str]
) -> None:
    directory = directories["jump"]

    def hire(team: int) -> None:
        for n in range(20):
            http.sandbox.add_user(directory, email=f"{team}.{n}@quince.example")

    threads = [threading.Thread(target=hire, args=(team,)) for team in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        http.walk("/directory_users", directory=directory)
    users = http.walk("/directory_users", directory=directory)
    assert len({user["id"] for user in users}) == 80
    keys = [(user["created_at"], user["id"]) for user in users]
    assert keys == sorted(keys)
