"""A snapshot as a sandbox: what is read there is what was read before, and events go on from it."""

from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.seeding import copies
from dirsync_nb.sync.worlds import copy_of

FRAMES = ("organizations", "directories", "users", "groups", "memberships")


@pytest.fixture(scope="module")
def taken():
    """The snapshot of an environment in which much has happened, after which the sandbox is gone."""
    client = ds.connect_sandbox(seed=3, world="okta", users=30, roles="multiple", inactive_policy="keep")
    client.sandbox.play()
    snapshot = ds.take_snapshot(client)
    client.sandbox.stop()
    return snapshot


@pytest.fixture(scope="module")
def hidden(taken):
    return ds.redact(taken)


@pytest.fixture
def copy(taken):
    client = ds.connect_sandbox(snapshot=taken)
    yield client
    client.sandbox.stop()


def assert_reads_equal(client, snapshot):
    pd.testing.assert_frame_equal(ds.load_organizations(client), snapshot.organizations)
    pd.testing.assert_frame_equal(ds.load_directories(client), snapshot.directories)
    for directory_id in snapshot.directories.index:
        users, groups, memberships = (
            frame[frame["directory_id"] == directory_id]
            for frame in (snapshot.users, snapshot.groups, snapshot.memberships)
        )
        read = ds.load_users(client, directory_id=directory_id)
        pd.testing.assert_frame_equal(read, users.astype(read.dtypes.to_dict()))
        pd.testing.assert_frame_equal(ds.load_groups(client, directory_id=directory_id), groups)
        pairs = ds.load_memberships(client, directory_id=directory_id, users=read)
        order = ["group_id", "user_id"]
        pd.testing.assert_frame_equal(
            pairs.sort_values(order, ignore_index=True), memberships.sort_values(order, ignore_index=True)
        )


def test_reads_equal_the_snapshot_frame_by_frame(copy, taken):
    assert_reads_equal(copy, taken)
    assert copy.sandbox.info()["inactive_policy"] == "keep"


def test_reads_equal_a_redacted_snapshot_which_its_own_sandbox_brings_up_to_date(hidden, tmp_path):
    client = ds.connect_sandbox(snapshot=hidden)
    assert_reads_equal(client, hidden)
    first = client.sandbox.add_user(hidden.directories.index[0], email="new@acme.test")
    assert hidden.refresh(client).users.index.difference(hidden.users.index).tolist() == [first]
    client.sandbox.stop()
    rounded = ds.redact(hidden, round_times="month")
    with Sandbox(world=copy_of(rounded)) as sandbox:
        assert sandbox.info()["clock"] == "2026-08-01T00:00:00.000Z"


def test_events_go_on_from_the_place_of_the_snapshot(copy, taken):
    place = taken.position.event_id
    assert ds.load_events(copy, after=place).empty
    okta, group = taken.groups["directory_id"].iloc[0], taken.groups.index[0]
    user = copy.sandbox.add_user(okta, email="new@acme.test", first_name="New")
    copy.sandbox.add_member(group, user)
    batch = next(iter(ds.follow_events(copy, after=place, sleep=lambda _: None)))
    assert batch["event"].tolist() == ["dsync.user.created", "dsync.group.user_added"]
    assert (batch["created_at"] > taken.as_of).all()
    fresh = taken.refresh(copy)
    assert (fresh.notices, fresh.server) == ((), copy.server)
    assert fresh.users.index.difference(taken.users.index).tolist() == [user]
    assert fresh.refresh(copy).users.index.equals(fresh.users.index)
    with pytest.raises(errors.ArgumentError, match="this snapshot is of"):
        taken.refresh(ds.connect_sandbox(seed=1))


def test_roles_stay_as_read_until_a_group_is_mapped(copy, taken):
    sandbox, users = copy.sandbox, taken.users
    admin = users.index[users["role"] == "admin"][0]
    home = users.loc[admin, "directory_id"]
    first, second = taken.groups.index[taken.groups["directory_id"] == home][:2]
    for group in (first, second):
        sandbox.add_member(group, admin) or sandbox.remove_member(group, admin)
    told = ds.load_events(copy, after=taken.position.event_id)["event"]
    assert not told.str.startswith("dsync.user.").any()
    sandbox.add_member(first, admin)
    sandbox.map_role(first, "auditor")
    read = ds.load_users(copy, directory_id=home)
    assert read.loc[admin, "roles"] == ("auditor",)


def test_a_copy_is_told_by_what_is_in_it_and_can_be_written_to_by_its_provider(taken):
    one, other = (ds.connect_sandbox(snapshot=taken) for _ in range(2))
    assert one.sandbox is other.sandbox
    with Sandbox(world=copy_of(taken)) as again:
        assert again.identity == one.server
        okta = taken.directories.index[taken.directories["type"] == "okta scim v2.0"][0]
        assert again.scim(okta).url.endswith(taken.directories.loc[okta, "external_key"])
        assert again.scim_report(okta)["validating"] == []
    with Sandbox(world=copy_of(taken), clock="now") as running:
        assert running.info()["clock"] > "2026-08-03T19"
    one.sandbox.stop()


def test_what_no_column_holds_comes_back_and_so_do_odd_values(taken):
    directories, users = taken.directories.copy(), taken.users.copy()
    directories["extra"] = pd.Series([{"plan": 7}] + [None] * (len(directories) - 1), directories.index, "json")
    first = users.index[0]
    users["extra"] = pd.Series(
        [{"role": "plain text", "later": [1]}] + [None] * (len(users) - 1), users.index, "json"
    )
    users.loc[first, "role"] = "plain text"
    odd = dataclasses.replace(taken, directories=directories, users=users, position=None)
    client = ds.connect_sandbox(snapshot=odd)
    assert ds.load_directories(client)["extra"].iloc[0] == {"plan": 7}
    read = ds.load_users(client, directory_id=users.loc[first, "directory_id"])
    assert read.loc[first, ["role", "extra"]].tolist() == ["plain text", {"role": "plain text", "later": [1]}]
    client.sandbox.stop()


@pytest.mark.parametrize("team", ["new", "legacy"])
def test_what_was_read_by_a_team_of_before_is_read_again_by_either(team):
    source = ds.connect_sandbox(world="empty", team="legacy", inactive_policy="keep")
    organization = source.sandbox.add_organization(name="Tern")
    for kind, state in (
        ("okta scim v2.0", "unlinked"),
        ("gsuite directory", "invalid_credentials"),
        ("sftp", "linked"),
    ):
        home = source.sandbox.add_directory(organization_id=organization, type=kind, name=kind)
        if kind != "sftp":  # which stays empty
            group = source.sandbox.add_group(home, name="Crew")
            odd = {"job_title": "Net", "username": "mira", "odd": [1, None, {"x": [2.5, True]}], "none": None}
            user = source.sandbox.add_user(home, email="mira@tern.test", custom_attributes=odd)
            source.sandbox.add_member(group, user)
            source.sandbox.deactivate_user(user)
        source.sandbox.set_directory_state(home, state)
    taken = ds.take_snapshot(source)
    # Redacted ones lose their raw attributes, which a team of before is then given anew, from pseudonyms.
    for snapshot in [taken, ds.redact(taken)][: 2 if team == "new" else 1]:
        client = ds.connect_sandbox(snapshot=snapshot, team=team)
        assert_reads_equal(client, snapshot)
        client.sandbox.stop()
    source.sandbox.stop()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, "snapshot= takes what ds.take_snapshot"),
        (pd.DataFrame(), "snapshot= takes what ds.take_snapshot"),
        ("nowhere.snapshot", "there is no file nowhere.snapshot"),
        (".", "a folder without a fleet"),
    ],
)
def test_what_is_no_snapshot_is_told(given, words):
    with pytest.raises(errors.ArgumentError, match=words):
        ds.connect_sandbox(snapshot=given)


def test_a_snapshot_that_is_not_whole_is_told(taken):
    for name, words in (("users", "is in a group and not among the users"), ("directories", "not there")):
        less = dataclasses.replace(taken, **{name: getattr(taken, name).iloc[5:]})
        with pytest.raises(errors.ArgumentError, match=f"makes no sandbox: line .*{words}"):
            ds.connect_sandbox(snapshot=less)
    with pytest.raises(errors.ArgumentError, match="people and snapshot are two worlds"):
        ds.connect_sandbox(people="a.csv", snapshot=taken)


def test_a_fleet_will_do_if_it_is_whole(tmp_path):
    source = ds.connect_sandbox(world="fleet:4x6")
    fleet = ds.take_fleet(source, tmp_path / "fleet")
    client = ds.connect_sandbox(snapshot=tmp_path / "fleet")
    pd.testing.assert_frame_equal(ds.load_directories(client), fleet.directories)
    one = fleet.directory(fleet.directory_ids[1])
    pd.testing.assert_frame_equal(ds.load_users(client, directory_id=fleet.directory_ids[1]), one.users)
    client.sandbox.stop()
    broken = dataclasses.replace(fleet, missing={fleet.directory_ids[0]: "it broke"})
    with pytest.raises(errors.IncompleteError, match="1 of 4 directories are missing"):
        ds.connect_sandbox(snapshot=broken)


def test_a_saved_world_is_redacted_unless_somebody_says_otherwise_and_says_so(taken, hidden, tmp_path):
    key = "a key of the tests, long enough"
    one = ds.save_world(taken, tmp_path / "one.jsonl", key=key)
    text = one.read_text()
    assert '"people":"redacted: ' in text.splitlines()[0]
    assert not any(
        secret in text for secret in [*taken.users["email"].dropna(), *taken.users.index, taken.server + '"']
    )
    assert ds.save_world(taken, tmp_path / "two.jsonl", key=key).read_text() == text
    assert '"people":"redacted: ' in ds.save_world(hidden, tmp_path / "three.jsonl", redacted=False).read_text()
    plain = ds.save_world(taken, tmp_path / "plain.jsonl", redacted=False)
    assert '"people":"NOT redacted: ' in plain.read_text().splitlines()[0]
    with Sandbox(world=plain) as sandbox:
        assert sandbox.settings.plan == copy_of(taken) == copy_of(plain)
    with pytest.raises(errors.ArgumentError, match=r"ends in \.jsonl; got 'x.json'"):
        ds.save_world(taken, tmp_path / "x.json")
    with pytest.raises(errors.ArgumentError, match="key must have at least 16"):
        ds.save_world(taken, tmp_path / "x.jsonl", key="short")
    assert not (tmp_path / "x.jsonl").exists()


HEAD = {"what": copies.WHAT, "format": copies.FORMAT}
DIRECTORY = {"object": "directory", "id": "d", "name": "D", "type": "sftp", "state": "linked"}
DIRECTORY["created_at"] = "2026-01-01T00:00:00.000Z"
ORGANIZATION = {"object": "organization", "id": "o"}
BAD_LINES = {
    "line 1 must say": [{"what": "else"}],
    "has format 9": [{**HEAD, "format": 9}],
    "line 2 is not JSON": [HEAD, "{"],
    "line 2 must be a mapping": [HEAD, [1]],
    "line 2: 'robot' is not one of": [HEAD, {"object": "robot"}],
    "directory must have type": [HEAD, {"object": "directory", "id": "d"}],
    "is not a time": [{**HEAD, "taken_at": "yesterday"}],
    "there is no group": [HEAD, {"object": "members", "group_id": "g", "user_ids": []}],
    "organization 'o' or with its": [HEAD, ORGANIZATION, ORGANIZATION],
    "in this order": [HEAD, DIRECTORY, ORGANIZATION],
    "position must be microseconds": [{**HEAD, "position": ["event_1", 7]}],
    "line 1: position must be": [{**HEAD, "position": [10**30, "event_1"]}],
    "line 2: id holds half a character": [HEAD, {**ORGANIZATION, "id": "\ud800"}],
    "name must be text": [HEAD, {**ORGANIZATION, "name": 7}],
    "domains must be a list": [HEAD, {**ORGANIZATION, "domains": "acme.test"}],
}


@pytest.mark.parametrize("words", BAD_LINES)
def test_a_bad_file_is_refused_with_its_line(tmp_path, words):
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in BAD_LINES[words]))
    with pytest.raises(ValueError, match=words):
        Sandbox(world=path)
