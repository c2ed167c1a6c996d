"""The cost of a page does not grow, and the order of places is the order of the API."""

from __future__ import annotations

from typing import Any

import pytest

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.directory.store import (
    NotFound,
    Selection,
    Store,
    directories_of,
    groups_of,
    organizations_of,
    page_statement,
    users_of,
)

SELECTIONS = {
    "users of a directory": users_of(directory=1),
    "users of a group": users_of(group=1),
    "user by idp_id": users_of(directory=1, idp_id="x"),
    "user by email": users_of(directory=1, email="x"),
    "user by email in a group": users_of(directory=1, group=2, email="x"),
    "groups of a directory": groups_of(directory=1),
    "groups of a user": groups_of(user=1),
    "all organizations": organizations_of(),
    "all directories": directories_of(),
    "directories of an organization": directories_of(organization_id="x"),
}


def plan(store: Store, statement: str, parameters: tuple[Any, ...]) -> str:
    return "; ".join(row[3] for row in store.execute("EXPLAIN QUERY PLAN " + statement, parameters))


@pytest.fixture
def store(sandbox: Sandbox) -> Store:
    return sandbox.store


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("name", SELECTIONS)
def test_a_page_is_a_step_into_an_index(store: Store, name: str, older: bool) -> None:
    selection: Selection = SELECTIONS[name]
    found = plan(store, page_statement(selection, older=older), (*selection.parameters, 5, 100))
    assert "SCAN" not in found
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("scope", ["name = ?", "organization_id = ? AND name = ?"])
def test_events_of_one_name_are_a_step_into_an_index(store: Store, scope: str) -> None:
    statement = f"SELECT n FROM events WHERE {scope} AND n > ? AND n <= ? ORDER BY n LIMIT ?"
    found = plan(store, statement, ("x",) * scope.count("?") + (1, 2, 3))
    assert "COVERING INDEX" in found
    assert "SCAN" not in found
    assert "TEMP B-TREE" not in found


def test_single_objects_are_found_by_index(store: Store) -> None:
    for table in ("users", "groups", "directories", "organizations", "events"):
        assert "SCAN" not in plan(store, f"SELECT * FROM {table} WHERE id = ?", ("x",))


def test_the_order_of_places_is_created_at_and_id(sandbox: Sandbox) -> None:
    truth = sandbox.truth
    for directory in truth.directories():
        for items in (truth.users(directory["id"]), truth.groups(directory["id"])):
            keys = [(item["created_at"], item["id"]) for item in items]
            assert keys == sorted(keys)


def test_counters_of_a_directory_are_what_is_in_it() -> None:
    for policy in ("delete", "keep"):
        with Sandbox(inactive_policy=policy) as sandbox:
            for directory in sandbox.truth.directories():
                users = sandbox.truth.users(directory["id"])
                active = sum(user["state"] == "active" for user in users)
                groups = len(sandbox.truth.groups(directory["id"]))
                counted = {"users": {"active": active, "inactive": len(users) - active}, "groups": groups}
                assert directory["metadata"] == counted


def test_a_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    before = store.dump(), store.now, store.counter

    def fail() -> None:
        with store.transaction():
            store.tick(1000)
            store.execute("DELETE FROM users")
            raise NotFound("Directory", "x")

    with pytest.raises(NotFound):
        fail()
    assert (store.dump(), store.now, store.counter) == before
