"""find: whatever somebody has in hand, a name, an address, any id, leads to where it is and what to type."""

from __future__ import annotations

import pytest

import dirsync_nb as ds
from dirsync_nb import errors


@pytest.fixture(scope="module")
def people(shared_sandbox):
    client = ds.connect_sandbox()
    directories = ds.load_directories(client)
    return client, directories, ds.load_users(client, directory_id=directories.index[0])


def test_each_kind_of_id_is_recognised_by_itself(people):
    client, directories, users = people
    groups = ds.load_groups(client, directory_id=directories.index[0])
    organizations = ds.load_organizations(client)
    for index, kind in (
        (users.index, "directory user"),
        (groups.index, "group"),
        (directories.index, "directory"),
        (organizations.index, "organization"),
    ):
        found = ds.find(client, index[0])
        assert (found["kind"].tolist(), found.index.tolist()) == ([kind], [index[0]])
        assert index[0] in found["next"].iloc[0]


def test_an_address_and_a_providers_id_lead_to_one_person(people):
    client, _, users = people
    for what, how in ((users["address"].iloc[5], "email"), (users["idp_id"].iloc[5], "idp_id")):
        found = ds.find(client, f" {what} ")
        assert (found.index.tolist(), found["matched_by"].tolist()) == ([users.index[5]], [how])
        assert found["directory"].iloc[0] == "Harbourline Okta"


def test_a_name_is_found_in_parts_without_case_and_accents(people):
    client, _, users = people
    name = users["name"].iloc[3]
    found = ds.find(client, name.upper())
    assert users.index[3] in found[found["matched_by"] == "name"].index
    assert set(ds.find(client, "harbourl")["kind"]) >= {"organization", "directory"}


def test_the_next_call_of_everything_found_runs(people):
    client, _, users = people
    for what in (users.index[0], "Harbourline Okta", "Engineering"):
        for call in ds.find(client, what)["next"].head(2):
            eval(call, {"ds": ds, "client": client})


def test_nothing_found_is_an_empty_frame_and_names_left_out_are_told(people):
    client, _, users = people
    assert ds.find(client, "directory_user_01NOBODY").empty
    assert list(ds.find(client, "xyzzy nobody").columns) == list(ds.load.FOUND_COLUMNS)
    few = ds.find(client, users["name"].iloc[0], most_people=10)
    assert "were not looked through" in few.attrs["left_out"]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("nobody@acme.test", "'nobody@acme.test': looked through primary addresses in every directory."),
        ("xyzzy", "'xyzzy': looked through names and provider's ids in every directory."),
        ("directory_user_01NOBODY", "there is no directory user 'directory_user_01NOBODY' in this environment"),
        ("org_01NOBODY", "there is no organization 'org_01NOBODY' in this environment: it was deleted, or"),
    ],
)
def test_where_nothing_is_found_a_sentence_says_where_it_was_looked_for(
    shared_sandbox, monkeypatch, capsys, what, told
):
    monkeypatch.setattr("dirsync_nb.load.progress.is_interactive", lambda: True)
    assert ds.find(ds.connect_sandbox(), what).empty
    assert told in "".join(capsys.readouterr())


@pytest.mark.parametrize("what", ["", "  ", None, 7, ["a"]])
def test_what_is_no_text_is_refused(people, what):
    with pytest.raises(errors.ArgumentError, match="name, an address or an id"):
        ds.find(people[0], what)
