"""Every answer has the shape the published specification gives it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

from .conftest import Http

Schema = Callable[[str], Any]


@pytest.fixture(
    params=[("new", "delete"), ("new", "keep"), ("legacy", "delete"), ("legacy", "keep")], ids="-".join
)
def world(request: pytest.FixtureRequest, make: Callable[..., Http]) -> Http:
    team, policy = request.param
    http = make(team=team, inactive_policy=policy)
    sandbox = http.sandbox
    directory = http.walk("/directories")[0]["id"]
    sandbox.delete_directory(http.walk("/directories")[-1]["id"])
    user = sandbox.add_user(directory, email=None, custom_attributes={"deep": {"er": [1, None, True]}})
    sandbox.update_user(user, email="new@harbourline.example", custom_attributes={"deep": None})
    sandbox.deactivate_user(user)
    sandbox.reactivate_user(user)
    return http


def test_everything_on_a_walk_over_all_endpoints_is_valid(world: Http, schema: Schema) -> None:
    lists: list[tuple[str, dict[str, str], str, str]] = [
        ("/organizations", {}, "OrganizationList", "Organization"),
        ("/directories", {}, "DirectoryList", "Directory"),
    ]
    for directory in world.walk("/directories"):
        query = {"directory": directory["id"]}
        lists.append(("/directory_users", query, "DirectoryUserList", "DirectoryUserWithGroups"))
        lists.append(("/directory_groups", query, "DirectoryGroupList", "DirectoryGroup"))
    for path, query, many, one in lists:
        page = world.get(path, limit=100, order="asc", **query).json()
        schema(many).validate(page)
        for item in page["data"][:3]:
            single = world.get(f"{path}/{item['id']}").json()
            schema(one).validate(single)
            assert single == item


def test_every_event_is_valid(world: Http, schema: Schema) -> None:
    validator = schema("EventList")
    ends = ["2026-05-06", "2026-06-05", "2026-07-05", "2026-08-04"]
    seen = set()
    for start, end in pairwise(ends):
        window = {"range_start": f"{start}T00:00:00Z", "range_end": f"{end}T00:00:00Z"}
        query: dict[str, Any] = {"events": ",".join(DSYNC_EVENTS), "limit": 100, **window}
        while True:
            page = world.get("/events", **query).json()
            validator.validate(page)
            seen |= {event["event"] for event in page["data"]}
            query["after"] = page["list_metadata"]["after"]
            if query["after"] is None:
                break
    assert seen == set(DSYNC_EVENTS)


def test_a_new_team_gets_deprecated_fields_empty(http: Http, directories: dict[str, str]) -> None:
    user = http.data("/directory_users", directory=directories["okta"], limit=1)[0]
    old = ("raw_attributes", "emails", "job_title", "username", "groups")
    assert [user[key] for key in old] == [{}, [], None, None, []]
    assert user["custom_attributes"]["job_title"]


def test_a_legacy_team_gets_deprecated_fields_filled(make: Callable[..., Http]) -> None:
    http = make(team="legacy")
    directory = http.walk("/directories")[0]["id"]
    user = next(u for u in http.walk("/directory_users", directory=directory) if len(u["groups"]) > 2)
    assert [g["id"] for g in user["groups"]] == [
        g["id"] for g in http.walk("/directory_groups", user=user["id"])
    ]
    assert user["emails"] == [{"type": "work", "value": user["email"], "primary": True}]
    assert user["raw_attributes"]["title"] == user["job_title"]
    assert "job_title" not in user["custom_attributes"]
