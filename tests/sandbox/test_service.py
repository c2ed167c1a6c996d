"""The service as it is since November 2026: scoped reads, removals, roles, and what explains a role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

import dirsync_nb as ds

from .conftest import Http
from .idp import Idp

TOLD = "dsync.user.deleted,dsync.group.deleted,dsync.group.user_removed"


# -- reads of one directory ----------------------------------------------------------------------------


def test_scoped_reads_answer_as_the_flat_ones(http: Http, directories: dict[str, str]) -> None:
    okta = directories["okta"]
    group = http.ids("/directory_groups", directory=okta, limit=1)[0]
    for kind in ("users", "groups"):
        flat = http.get(f"/directory_{kind}", directory=okta, limit=7, order="asc").json()
        assert http.get(f"/directories/{okta}/{kind}", limit=7, order="asc").json() == flat
        one = flat["data"][0]
        assert http.get(f"/directories/{okta}/{kind}/{one['id']}").json() == one
        assert len(http.walk(f"/directories/{okta}/{kind}")) == len(
            http.walk(f"/directory_{kind}", directory=okta)
        )
    assert http.ids(f"/directories/{okta}/users", group=group) == http.ids("/directory_users", group=group)


def test_an_object_of_another_directory_is_not_found(http: Http, directories: dict[str, str]) -> None:
    okta, azure = directories["okta"], directories["azure"]
    for kind in ("users", "groups"):
        one = http.ids(f"/directory_{kind}", directory=okta, limit=1)[0]
        assert http.get(f"/directories/{azure}/{kind}/{one}").json()["code"] == "entity_not_found"
        assert http.get(f"/directories/directory_none/{kind}").status_code == 404


# -- removals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", ["user.deleted"]),
        ("before", ["group.user_removed", "user.deleted"]),
        ("after", ["user.deleted", "group.user_removed"]),
        ("doubled", ["group.user_removed", "user.deleted", "group.user_removed"]),
    ],
)
def test_a_deletion_is_told_with_removals_as_asked(http: Http, how: Any, expected: list[str]) -> None:
    idp = Idp(http)
    one, other = idp.new_user("ann@acme.test"), idp.new_user("bo@acme.test")
    group = idp.new_group("Crew", one, other)
    idp.told()
    http.sandbox.delete_user(one, removals=how)
    assert idp.told_names() == expected
    http.sandbox.delete_group(group, removals=how)
    assert idp.told_names() == [name.replace("user.deleted", "group.deleted") for name in expected]
    assert idp.members() == set()


def test_the_setting_holds_for_the_scim_door_too(make: Callable[..., Http]) -> None:
    idp = Idp(make(removals="after"))
    one = idp.new_user()
    idp.new_group("Crew", one)
    idp.told()
    idp.patch(f"/Users/{one}", {"op": "replace", "path": "active", "value": False})
    assert idp.told_names() == ["user.deleted", "group.user_removed"]
    with pytest.raises(ValueError, match="removals must be one of"):
        make(removals="sometimes")


def test_late_removals_are_a_scenario(http: Http) -> None:
    scenes = http.sandbox.play("late removals")
    assert len(scenes) == 13
    assert list(scenes[-1]["events"]) == ["dsync.group.user_removed"]
    told = Counter[str]()
    for scene in scenes:
        told.update(scene["events"])
    assert told["dsync.user.deleted"] == 8
    assert told["dsync.group.user_removed"] > 12


def test_the_end_of_a_membership_nobody_was_told_of_changes_nothing_and_is_counted(http: Http) -> None:
    """A consumer that waited for the group of such an event tried it for ever."""
    directory = http.sandbox.truth.directories()[0]["id"]
    with ds.connect(http.sandbox.api_key, base_url=http.sandbox.url) as client:
        before = ds.take_snapshot(client, directory)
        http.sandbox.end_unknown_membership(directory)
        after = before.refresh(client)
    assert after.news["outcome"].tolist() == ["unknown"]
    for one in ("users", "groups", "memberships"):
        assert len(getattr(after, one)) == len(getattr(before, one))
    assert "stray@unknown.example" not in {user["email"] for user in http.sandbox.truth.users(directory)}


# -- roles ---------------------------------------------------------------------------------------------


def slugs(user: dict[str, Any]) -> list[str]:
    return [role["slug"] for role in user["roles"]]


def test_an_organization_with_a_role_of_its_own_has_its_own_ranking_and_default(http: Http) -> None:
    idp, sandbox = Idp(http), http.sandbox
    organization = next(d["organization_id"] for d in sandbox.truth.directories() if d["id"] == idp.directory)
    one = idp.new_user()
    group, other = idp.new_group("Desk", one), idp.new_group("Admins", one)
    with pytest.raises(ValueError, match="role of its own"):
        sandbox.rank_roles(["member", "auditor", "admin"], organization_id=organization)
    sandbox.add_role("org-desk", name="Desk", organization_id=organization)
    sandbox.map_role(group, "org-desk")
    sandbox.map_role(other, "admin")
    assert slugs(idp.api(one)) == ["admin"]
    order = ["org-desk", "admin", "auditor", "member"]
    assert sandbox.rank_roles(order, default="auditor", organization_id=organization) == 1
    assert slugs(idp.api(one)) == ["org-desk"]
    assert slugs(idp.api(idp.new_user("bo@acme.test"))) == ["auditor"]
    sandbox.add_role("guest", name="Guest")  # of the environment, later: lowest everywhere
    assert sandbox.store.roles.ranking(organization).order == [*order, "guest"]
    elsewhere = sandbox.truth.directories()[0]
    with pytest.raises(ValueError, match="role must be one of"):
        sandbox.add_group(elsewhere["id"], name="Desk", role="org-desk")


def test_a_deleted_role_leaves_the_default_and_the_mapping_goes(http: Http) -> None:
    idp, sandbox = Idp(http), http.sandbox
    one = idp.new_user()
    for name, role in (("Admins", "admin"), ("Auditors", "auditor")):
        sandbox.map_role(idp.new_group(name, one), role)
    before = sum("admin" in slugs(u) for d in sandbox.truth.directories() for u in sandbox.truth.users(d["id"])
                 if "roles" in u)  # fmt: skip
    idp.told()
    assert sandbox.delete_role("admin") == before
    assert slugs(idp.api(one)) == ["member"]
    assert idp.told()[-1]["data"]["previous_attributes"]["role"] == {"slug": "admin"}
    sandbox.add_member(idp.new_group("Other"), one)  # the next change of a membership counts the groups again
    assert slugs(idp.api(one)) == ["auditor"]
    with pytest.raises(ValueError, match="default role"):
        sandbox.delete_role("member")
    with pytest.raises(LookupError):
        sandbox.delete_role("admin")


def test_a_change_of_mode_keeps_the_highest(make: Callable[..., Http]) -> None:
    idp = Idp(make(roles="multiple"))
    one = idp.new_user()
    for name, role in (("Auditors", "auditor"), ("Admins", "admin")):
        idp.sandbox.map_role(idp.new_group(name, one), role)
    assert slugs(idp.api(one)) == ["admin", "auditor"]
    assert idp.sandbox.set_role_mode("single") > 0
    assert slugs(idp.api(one)) == ["admin"]
    idp.sandbox.reset()
    assert idp.sandbox.changes.roles == "multiple"


def test_an_unmapped_group_competes_with_the_rank_of_the_default_where_that_is_so(
    make: Callable[..., Http],
) -> None:
    for default_mappings, expected in (("last", "auditor"), ("ranked", "member")):
        idp = Idp(make(default_mappings=default_mappings))
        idp.sandbox.rank_roles(["admin", "member", "auditor"])
        one = idp.new_user()
        idp.sandbox.map_role(idp.new_group("Auditors", one), "auditor")
        idp.new_group("Unmapped", one)
        assert slugs(idp.api(one)) == [expected]


# -- what explains a role ------------------------------------------------------------------------------


def test_memberships_agree_with_the_directory_users(http: Http, directories: dict[str, str]) -> None:
    okta = http.get(f"/directories/{directories['okta']}").json()
    organization = okta["organization_id"]
    path = "/user_management/organization_memberships"
    found = http.walk(path, organization_id=organization)
    inside = [d["id"] for d in http.sandbox.truth.directories() if d["organization_id"] == organization]
    users = [user for one in inside for user in http.sandbox.truth.users(one) if user["email"]]
    managed = [one for one in found if one["directory_managed"]]
    assert {one["user"]["email"].casefold() for one in managed} == {u["email"].casefold() for u in users}
    assert len(found) == len(managed) + 1
    for user in users:
        if user.get("role", {}).get("slug") not in (None, "member"):
            one = next(m for m in managed if m["user"]["email"].casefold() == user["email"].casefold())
            assert one["role"] == user["role"]
    gone = http.sandbox.truth.users(directories["okta"])[0]
    http.sandbox.delete_user(gone["id"])
    assert len(http.walk(path, organization_id=organization)) == len(found) - 1
    assert http.get(path).status_code == 422


def test_groups_of_workos_are_no_directory_groups_and_say_where_a_role_comes_from(
    http: Http, directories: dict[str, str]
) -> None:
    organization = http.get(f"/directories/{directories['okta']}").json()["organization_id"]
    groups = http.walk(f"/organizations/{organization}/groups")
    assert all(http.get(f"/directory_groups/{group['id']}").status_code == 404 for group in groups)
    billing = next(group for group in groups if group["name"] == "Billing Contacts")
    assert http.get(f"/organizations/{organization}/groups/{billing['id']}").json() == billing
    (given,) = http.data(f"/authorization/groups/{billing['id']}/role_assignments")
    assert http.get(f"/authorization/groups/{billing['id']}/role_assignments/{given['id']}").json() == given
    members = http.walk(f"/organizations/{organization}/groups/{billing['id']}/organization-memberships")
    assert "role" not in members[0]
    sources = set()
    for member in members:
        (one,) = http.data(f"/authorization/organization_memberships/{member['id']}/role_assignments")
        whole = http.get(f"/user_management/organization_memberships/{member['id']}").json()
        assert one["role"] == whole["role"]
        sources.add(one["source"]["type"])
        inside = http.ids(f"/user_management/organization_memberships/{member['id']}/groups")
        assert billing["id"] in inside
    assert "group" in sources


def test_roles_are_one_list_without_priority(http: Http) -> None:
    http.sandbox.add_role("guest", name="Guest", permissions=["logs:read"])
    page = http.get("/authorization/roles").json()
    assert "list_metadata" not in page
    assert [role["slug"] for role in page["data"]] == ["admin", "auditor", "member", "guest"]
    assert http.get("/authorization/roles/guest").json()["permissions"] == ["logs:read"]
    organization = http.ids("/organizations", limit=1)[0]
    http.sandbox.add_role("org-desk", name="Desk", organization_id=organization)
    listed = http.get(f"/authorization/organizations/{organization}/roles").json()["data"]
    assert [role["type"] for role in listed[-2:]] == ["EnvironmentRole", "OrganizationRole"]
    path = f"/authorization/organizations/{organization}/roles/"
    assert [http.get(path + slug).status_code for slug in ("org-desk", "admin", "org-none")] == [200, 200, 404]
    assert http.session.post(http.sandbox.url + "/authorization/roles", json={}).status_code == 403


# -- the clock -----------------------------------------------------------------------------------------


def test_the_present_has_the_ids_of_the_fixed_story(make: Callable[..., Http], http: Http) -> None:
    now = make(clock="now")
    events = {"events": "dsync.user.created,dsync.group.user_added", "range_start": None}
    assert [d["id"] for d in now.sandbox.truth.directories()] == [
        d["id"] for d in http.sandbox.truth.directories()
    ]
    okta = http.sandbox.truth.directories()[0]["id"]
    assert [u["id"] for u in now.sandbox.truth.users(okta)] == [u["id"] for u in http.sandbox.truth.users(okta)]
    assert {e["id"] for e in now.walk("/events", **events)} == {e["id"] for e in http.walk("/events", **events)}
    assert now.sandbox.identity != http.sandbox.identity
    assert make(clock="now").sandbox.identity == now.sandbox.identity
    before = now.sandbox.info()["clock"]
    user = now.sandbox.add_user(okta, email="a@acme.test")
    assert now.get(f"/directory_users/{user}").json()["created_at"] >= before > "2026-08-04"


def test_an_identity_is_of_the_world_and_not_of_the_port(make: Callable[..., Http]) -> None:
    first, second, other = make(seed=3), make(seed=3), make(seed=4)
    assert first.sandbox.url != second.sandbox.url
    assert first.sandbox.identity == second.get("/_sandbox").json()["identity"] != other.sandbox.identity
