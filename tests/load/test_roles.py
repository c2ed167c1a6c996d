"""Roles, organization memberships and WorkOS groups as frames, which directory groups never enter."""

from __future__ import annotations

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames
from dirsync_nb.analysis import what_if
from dirsync_nb.redaction import redact

from ..foreign import Answer, listing

ORG, OM, GROUP = (f"{kind}_01JV3H8K2M4N6P8Q0R2S4T6V8W" for kind in ("org", "om", "group"))
TIMES = {"created_at": "2026-05-11T06:42:19.305Z", "updated_at": "2026-08-02T14:00:07.881Z"}


@pytest.fixture
def company(client):
    return next(iter(client.directories()))["organization_id"]


@pytest.fixture
def loaded(client, company):
    """Load everything that explains roles, by the name of its loader."""
    groups, people = ds.load_workos_groups(client, company), ds.load_organization_memberships(client, company)
    return {
        "roles": ds.load_roles(client),
        "organization_memberships": people,
        "role_assignments": ds.load_role_assignments(client, people.index[0]),
        "workos_groups": groups,
        "workos_group_members": ds.load_workos_group_members(client, company, groups.iloc[0]),
        "group_role_assignments": ds.load_group_role_assignments(client, groups.index[1]),
    }


COLUMNS = {
    "roles": frames.ROLE_COLUMNS,
    "organization_memberships": frames.ORGANIZATION_MEMBERSHIP_COLUMNS,
    "role_assignments": frames.ROLE_ASSIGNMENT_COLUMNS,
    "workos_groups": frames.WORKOS_GROUP_COLUMNS,
    "workos_group_members": frames.ORGANIZATION_MEMBERSHIP_COLUMNS,
    "group_role_assignments": frames.GROUP_ROLE_ASSIGNMENT_COLUMNS,
}


def test_each_has_its_declared_columns_in_the_dictionary_and_nothing_left_over(loaded, client):
    every = ds.describe_columns()
    for name, columns in COLUMNS.items():
        frame = loaded[name]
        assert len(frame) > 0
        assert frame.dtypes.astype(str).to_dict() == columns
        assert frame["extra"].isna().all()
        assert ds.describe_columns(frame)["meaning"].notna().all()
        assert frame.index.name in every.reset_index()["column"].to_list()
    assert all(receipt.complete and not receipt.notices for receipt in client.receipts[1:])


def test_none_has_the_same_columns(serve):
    _, client = serve(lambda request: listing([]))
    for frame, name in (
        (ds.load_roles(client), "roles"),
        (ds.load_roles(client, ORG), "roles"),
        (ds.load_organization_memberships(client, ORG), "organization_memberships"),
        (ds.load_role_assignments(client, OM), "role_assignments"),
        (ds.load_workos_groups(client, ORG), "workos_groups"),
        (ds.load_workos_groups(client, organization_membership_id=OM), "workos_groups"),
        (ds.load_workos_group_members(client, ORG, GROUP), "workos_group_members"),
        (ds.load_group_role_assignments(client, GROUP), "group_role_assignments"),
    ):
        assert frame.dtypes.astype(str).to_dict() == COLUMNS[name]


def test_ids_stand_in_the_path_and_the_rest_in_the_query(serve):
    server, client = serve(lambda request: listing([]))
    ds.load_workos_group_members(client, ORG, GROUP)
    ds.load_workos_groups(client, ORG, search="billing")
    ds.load_organization_memberships(client, ORG)
    ds.load_organization_memberships(client, authkit_user_id="user_1", statuses="active")
    ds.load_roles(client, ORG)
    paging = {"limit": "100", "order": "asc"}
    assert [(request.path, request.query) for request in server.requests] == [
        (f"/organizations/{ORG}/groups/{GROUP}/organization-memberships", paging),
        (f"/organizations/{ORG}/groups", {"search": "billing", **paging}),
        (
            "/user_management/organization_memberships",
            {"organization_id": ORG, "statuses": "active,inactive,pending", **paging},
        ),
        ("/user_management/organization_memberships", {"user_id": "user_1", "statuses": "active", **paging}),
        (f"/authorization/organizations/{ORG}/roles", {}),
    ]
    assert client.receipts[0].endpoint.endswith("/groups/{workos_group_id}/organization-memberships")
    assert client.receipts[0].filters == {"organization_id": ORG, "workos_group_id": GROUP}


def test_a_list_without_pages_may_have_its_cursors_or_none(serve):
    role = {"object": "role", "id": "role_1", "slug": "admin", "name": "Admin", "permissions": ["a:b"], **TIMES}
    _, client = serve(
        [
            Answer({"object": "list", "data": [role]}),
            listing([role], after="role_1"),
            listing([{**role, "id": "2"}]),
        ]
    )
    assert ds.load_roles(client)["permissions"].tolist() == [("a:b",)]
    assert len(ds.load_roles(client)) == 2


def test_an_assignment_says_where_it_comes_from_and_keeps_what_is_new(serve):
    rows = [
        {"source": {"type": "direct", "group_role_assignment_id": None}},
        {
            "source": {
                "type": "group",
                "group_role_assignment_id": "gra_1",
                "group": {"id": "group_1", "name": "Crew"},
            }
        },
        {"source": {"type": "directory", "directory_group": {"id": "directory_group_1"}}},
    ]
    whole = [
        {"object": "role_assignment", "id": f"ra_{place}", "organization_membership_id": OM,
         "role": {"slug": "admin"}, "resource": {}, **TIMES, **row}
        for place, row in enumerate(rows)
    ]  # fmt: skip
    _, client = serve(lambda request: listing(whole))
    found = ds.load_role_assignments(client, OM)
    assert found["source"].astype("str").tolist() == ["direct", "group", "directory"]
    assert found["workos_group"].fillna("").tolist() == ["", "Crew", ""]
    assert found["role"].tolist() == ["admin"] * 3
    assert found["extra"].iloc[2] == {"source": rows[2]["source"]}
    assert any("directory" in notice for notice in client.receipts[-1].notices)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda client: ds.load_organization_memberships(client),
            "give organization_id= .* or authkit_user_id=",
        ),
        (lambda client: ds.load_workos_groups(client), r"give organization_id= \(ds.load_organizations"),
        (lambda client: ds.load_workos_groups(client, ORG, organization_membership_id=OM), "stands alone"),
        (lambda client: ds.load_workos_group_members(client, ORG), "need both"),
        (lambda client: ds.load_role_assignments(client), "give organization_membership_id="),
        (lambda client: ds.load_group_role_assignments(client), "give workos_group_id="),
        (lambda client: ds.load_roles(client, "Acme"), "that is a name"),
        (lambda client: ds.load_roles(client, GROUP), "that is a WorkOS group's id"),
        (
            lambda client: ds.load_organization_memberships(client, ORG, statuses=[]),
            "a name or a list of names",
        ),
        (lambda client: ds.load_roles(client, organisation_id=ORG), "Did you mean organization_id"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(serve, call, words):
    server, client = serve([])
    with pytest.raises(errors.ArgumentError, match=words):
        call(client)
    assert server.requests == []


# Directory groups and WorkOS groups ---------------------------------------------------------------------


def test_a_directory_group_is_no_workos_group(client, okta, company, loaded):
    groups, theirs = ds.load_groups(client, okta), loaded["workos_groups"]
    with pytest.raises(errors.ArgumentError, match="that is a directory group's id"):
        ds.load_group_role_assignments(client, groups.index[0])
    with pytest.raises(errors.ArgumentError, match="that is a directory group's id"):
        ds.load_workos_group_members(client, company, groups.iloc[0])
    with pytest.raises(errors.ArgumentError, match="that is a directory user's id"):
        ds.load_organization_memberships(client, authkit_user_id=ds.load_users(client, okta, limit=1).index[0])
    # Ids of a directory that was moved to WorkOS may look like anything, so the service is asked.
    with pytest.raises(errors.NotFound):
        ds.load_users(client, group_id=theirs.index[0])
    assert not set(groups.index) & set(theirs.index)


def test_what_if_takes_no_workos_groups(client, okta, loaded):
    users, pairs = ds.load_users(client, okta), ds.load_memberships(client, okta)
    with pytest.raises(errors.ArgumentError, match="group_id"):
        what_if.Roles(users, pairs, {"Launch Partners": "admin"}, loaded["workos_groups"])
    with pytest.raises(errors.ArgumentError, match="user_id"):
        what_if.Roles(users, loaded["workos_group_members"], {})


# Redacted -----------------------------------------------------------------------------------------------


def test_redacted_frames_agree_and_their_pseudonyms_can_be_asked_for(client, company, loaded):
    key = "a key of sixteen and more"
    veiled = client.redacted(key=key)
    name = ds.load_organizations(veiled).index[list(ds.load_organizations(client).index).index(company)]
    groups, people = ds.load_workos_groups(veiled, name), ds.load_organization_memberships(veiled, name)
    made = {
        "roles": ds.load_roles(veiled),
        "organization_memberships": people,
        "role_assignments": ds.load_role_assignments(veiled, people.index[0]),
        "workos_groups": groups,
        "workos_group_members": ds.load_workos_group_members(veiled, name, groups.iloc[0]),
        "group_role_assignments": ds.load_group_role_assignments(veiled, groups.index[1]),
    }
    for kind, frame in made.items():
        pd.testing.assert_frame_equal(redact(loaded[kind], key=key), frame)
    words = str(made) + str([vars(receipt) for receipt in veiled.receipts])
    assert "Launch Partners" not in words
    assert company not in words
    assert set(people["status"].astype("str")) <= {"active", "inactive", "pending"}
    users = ds.load_users(veiled, ds.load_directories(veiled).index[0])
    assert set(users["role"].dropna()) <= set(made["roles"]["slug"])
