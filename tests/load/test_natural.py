"""What people type first: it works, or says what to type instead."""

from __future__ import annotations

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors


def test_the_id_comes_second_in_every_loader(client, okta):
    for load in (ds.load_users, ds.load_groups, ds.load_memberships):
        pd.testing.assert_frame_equal(load(client, okta), load(client, directory_id=okta))
    organization = ds.load_directory(client, okta)["organization_id"]
    assert okta in ds.load_directories(client, organization).index


@pytest.mark.parametrize("load", [ds.load_users, ds.load_groups, ds.load_memberships])
def test_a_list_without_its_directory_says_where_the_ids_are(client, load):
    with pytest.raises(errors.ArgumentError, match=r"directory_id= \(ds\.load_directories\(client\)\.index"):
        load(client)
    assert not client.receipts


CALLS = [getattr(ds, name) for name in ds.__all__ if name.startswith(("load_", "take_")) or name == "find"]
CALLS = [call for call in CALLS if call is not ds.load_app_users]
CALLS += [ds.explain_access, ds.follow_events, ds.checklist.to_production]
CALLS += [getattr(ds.widgets, name) for name in ds.widgets.__all__ if name != "Setup"]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_forgotten_client_is_told_by_every_call(call):
    for given in ((), (ds,), ("directory_1",), (ds, "directory_1")):
        with pytest.raises(errors.ArgumentError, match=rf"client = ds\.connect\(\).*{call.__name__}\(client"):
            call(*given)


def test_the_setup_needs_no_client_but_takes_nothing_else():
    with pytest.raises(errors.ArgumentError, match=r"Setup\(client"):
        ds.widgets.Setup(ds)


def test_swapped_frames_are_named(client, okta):
    people, groups = ds.load_users(client, okta), ds.load_groups(client, okta)
    members = ds.load_memberships(client, okta, users=people, groups=groups)
    of_groups, of_users = "got a frame of groups, indexed by 'group_id'", "got a frame of users"
    for ask, said in (
        (lambda: ds.load_memberships(client, okta, users=groups), of_groups),
        (lambda: ds.load_memberships(client, okta, groups=people), of_users),
        (lambda: ds.load_memberships(client, okta, users=members), "got a frame of memberships"),
        (lambda: ds.load_memberships(client, okta, users=people.index), "got one of type Index"),
        (lambda: ds.analysis.group_sizes(members, people), of_users),
        (lambda: ds.analysis.group_sizes(people, members), "this is a frame of users"),
        (lambda: ds.analysis.users_without_group(members, groups), of_groups),
        (lambda: ds.show(members, users=groups), of_groups),
    ):
        with pytest.raises(errors.ArgumentError, match=said):
            ask()


@pytest.mark.parametrize("at_hand", [False, True])
def test_memberships_can_come_with_names(client, okta, at_hand):
    people, groups = ds.load_users(client, okta), ds.load_groups(client, okta)
    frames = {"users": people, "groups": groups} if at_hand else {}
    named = ds.load_memberships(client, okta, names=True, **frames)
    bare = ds.load_memberships(client, okta)
    pd.testing.assert_frame_equal(named[list(bare)], bare)
    assert list(named)[len(bare.columns) :] == ["user_name", "group_name"]
    assert (named["group_name"] == groups["name"][named["group_id"]].array).all()
    whom = people["name"].fillna(people["address"])
    assert (named["user_name"] == whom[named["user_id"]].array).all()
    assert named.dtypes["user_name"] == named.dtypes["group_name"] == people.dtypes["name"]


def test_names_are_redacted_with_the_rest(client, okta):
    named = ds.load_memberships(client, okta, names=True)
    hidden = ds.redact(named)
    assert set(hidden["user_name"]).isdisjoint(named["user_name"])
    assert set(hidden["group_name"]).isdisjoint(named["group_name"])


def test_names_of_several_directories_and_of_none(client):
    directories = ds.load_directories(client)
    named = ds.load_memberships(client, directories, names=True)
    assert named["group_name"].notna().all()
    assert list(ds.load_memberships(client, directories[:0], names=True)) == list(named)
