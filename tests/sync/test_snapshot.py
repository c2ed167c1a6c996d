"""A directory at one moment: taken, saved, opened, and brought up to date from events."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.frames import users_frame
from dirsync_nb.guard import TooManyGone
from dirsync_nb.sandbox.directory import clock as sandbox_clock
from dirsync_nb.sync import snapshot

from ..histories import STEPS, History

FRAMES = snapshot.FRAMES
KILLS = int(os.environ.get("DIRSYNC_KILLS", "6"))  # 100 on demand
FEW_KILLS = KILLS // 2 if "DIRSYNC_KILLS" not in os.environ else KILLS
LONGEST = 1.0 if KILLS < 50 else 3.0  # seconds until a refresh is killed: some finish before that
LARGE = int(os.environ.get("DIRSYNC_LARGE", "3000"))  # 100,000 users on demand


def taken(client, directory_id, **settings) -> snapshot.Snapshot:
    return snapshot.take_snapshot(client, directory_id=directory_id, **settings)


def assert_equal(one: snapshot.Snapshot, other: snapshot.Snapshot) -> None:
    """Equal frames; the deprecated groups of users, which events do not carry, aside."""
    for name in FRAMES:
        left, right = (getattr(which, name).drop(columns="groups", errors="ignore") for which in (one, other))
        if name == "memberships":
            left, right = (
                frame.sort_values(["group_id", "user_id"], ignore_index=True) for frame in (left, right)
            )
        pd.testing.assert_frame_equal(left, right)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def requests_to(sandbox, path: str, start: int = 0) -> list[str]:
    return [line.query for line in sandbox.requests[start:] if line.path == path]


# Taking -------------------------------------------------------------------------------------------------


def test_a_snapshot_holds_what_the_directory_holds(sandbox, client, okta):
    found = taken(client, okta)
    assert set(found.users.index) == {user["id"] for user in sandbox.truth.users(okta)}
    assert set(found.groups.index) == {group["id"] for group in sandbox.truth.groups(okta)}
    pairs = set(zip(found.memberships["user_id"], found.memberships["group_id"], strict=True))
    assert pairs == sandbox.truth.memberships(okta)
    assert found.directories.index.tolist() == [okta]
    assert found.organizations.index.tolist() == found.directories["organization_id"].tolist()
    assert repr(found) == (
        "<Snapshot as of 2026-07-31 16:40:54 UTC: 1 directory, 260 users, 24 groups, 957 memberships>"
    )


def test_the_position_is_taken_before_the_load_and_the_meantime_is_applied(sandbox, client, okta, monkeypatch):
    load = snapshot.load_contents

    def meanwhile(*args):
        contents = load(*args)
        sandbox.delete_user(contents.users.index[0])
        sandbox.add_user(okta, email="late@x.example")
        return contents

    monkeypatch.setattr(snapshot, "load_contents", meanwhile)
    found = taken(client, okta)
    monkeypatch.undo()
    assert_equal(found, taken(client, okta))
    assert "late@x.example" in found.users["email"].tolist()


def test_several_directories_or_all_can_be_taken(sandbox, client, okta):
    whole = snapshot.take_snapshot(client)
    assert len(whole.directories) == 9
    assert len(whole.users) == 534
    assert whole.scope is None
    two = taken(client, whole.directories.index[:2])
    assert two.users["directory_id"].nunique() == 2
    assert len(two.organizations) == 2


def test_an_empty_directory_gives_empty_frames(sandbox, client):
    empty = next(d["id"] for d in sandbox.truth.directories() if "OneLogin" in d["name"])
    found = taken(client, empty)
    assert found.users.empty
    assert found.users.dtypes.astype(str).to_dict() == users_frame([]).dtypes.astype(str).to_dict()
    assert found.memberships.columns.tolist() == ["user_id", "group_id", "directory_id"]


def test_wrong_directories_are_refused(client):
    with pytest.raises(errors.NotFound):
        taken(client, "directory_none")
    with pytest.raises(errors.ArgumentError, match="empty list"):
        taken(client, [])


def test_partial_frames_are_refused(client, okta):
    found = taken(client, okta)
    partial = found.users.copy()
    partial.attrs["incomplete"] = "/directory_users broke off after 7 rows"
    with pytest.raises(errors.IncompleteError, match="a snapshot needs whole frames"):
        dataclasses.replace(found, users=partial)


# Saving and opening -------------------------------------------------------------------------------------


@pytest.fixture
def saved(client, okta, tmp_path) -> Path:
    return taken(client, okta).save(tmp_path / "okta.snapshot")


def test_what_was_saved_is_what_is_opened(client, okta, tmp_path):
    found = taken(client, okta)
    opened = snapshot.open_snapshot(found.save(tmp_path / "okta.snapshot"))
    for name in FRAMES:
        pd.testing.assert_frame_equal(getattr(opened, name), getattr(found, name))
    fields = ("position", "taken_at", "server", "scope", "inactive_policy", "notices")
    assert [getattr(opened, name) for name in fields] == [getattr(found, name) for name in fields]
    assert names_in(tmp_path) == ["okta.snapshot"]


def test_a_changed_byte_anywhere_in_the_data_is_found(saved):
    whole = saved.read_bytes()
    places = random.Random(1).sample(range(len(whole) - 3000), 40)
    for place in places:
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            opened = snapshot.open_snapshot(saved)
        except snapshot.DamagedSnapshot:
            continue
        assert len(opened.users) == 260  # a byte that nothing reads, such as a time in a zip header


def test_a_file_cut_short_is_found_wherever_it_is_cut(saved):
    whole = saved.read_bytes()
    for share in (0, 0.1, 0.5, 0.9, 0.999):
        saved.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(snapshot.DamagedSnapshot, match="not a whole snapshot"):
            snapshot.open_snapshot(saved)


def rewritten(path: Path, **changes: Any) -> None:
    """Write a snapshot again with another manifest or other frames."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(parts["manifest.json"])
    parts |= {name: value for name, value in changes.items() if name.endswith(".parquet")}
    manifest |= {name: value for name, value in changes.items() if not name.endswith(".parquet")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, "manifest.json": json.dumps(manifest)}.items():
            archive.writestr(name, content)


def test_frames_that_are_not_those_of_the_manifest_are_refused(saved):
    rewritten(saved, **{"users.parquet": b"something else"})
    with pytest.raises(snapshot.DamagedSnapshot, match="users.parquet is not what was saved"):
        snapshot.open_snapshot(saved)


def test_a_newer_format_asks_for_a_newer_version(saved):
    rewritten(saved, format=99)
    with pytest.raises(errors.ArgumentError, match="has format 99, and this version reads up to 1: upgrade"):
        snapshot.open_snapshot(saved)


def test_other_files_are_no_snapshots(tmp_path):
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("manifest.json", "{}")
    with pytest.raises(snapshot.DamagedSnapshot, match="not a snapshot of dirsync_nb"):
        snapshot.open_snapshot(other)
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("photo.txt", "hello")
    with pytest.raises(snapshot.DamagedSnapshot, match="not a whole snapshot"):
        snapshot.open_snapshot(other)
    with pytest.raises(errors.ArgumentError, match="there is no file"):
        snapshot.open_snapshot(tmp_path / "none")


CRAFTED = {
    "a list": "[]",
    "nothing": "null",
    "deep": "[" * 200_000,
    "a format as text": '{"what": "dirsync_nb snapshot", "format": "x"}',
    "no format": '{"what": "dirsync_nb snapshot"}',
    "files as a list": {"files": []},
    "a position as text": {"position": "x"},
    "a time as text": {"position": ["x", "event_1"]},
    "a time beyond the calendar": {"position": [10**30, "event_1"]},
    "a number for the time": {"taken_at": 5},
    "a time without a zone": {"taken_at": "2026-01-01T00:00:00"},
    "a number for the scope": {"scope": 5},
    "a number for the notices": {"notices": 5},
    "another policy": {"inactive_policy": "x"},
    "a number for the server": {"server": 5},
}


@pytest.mark.parametrize("what", CRAFTED)
def test_a_crafted_manifest_is_a_damaged_snapshot(saved, tmp_path, what):
    crafted, path = CRAFTED[what], tmp_path / "crafted"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(path, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "manifest.json":
                given = crafted if isinstance(crafted, dict) else {}
                content = json.dumps({**json.loads(content), **given}) if given else crafted
            archive.writestr(name, content)
    with pytest.raises(snapshot.DamagedSnapshot):
        snapshot.open_snapshot(path)


@pytest.mark.parametrize("member", ["manifest.json", "users.parquet"])
def test_a_snapshot_does_not_blow_up(saved, tmp_path, member):
    path = tmp_path / "crafted"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in whole.namelist():
            archive.writestr(name, b" " * 2**25 if name == member else whole.read(name))
    with pytest.raises(snapshot.DamagedSnapshot, match="too large|is compressed"):
        snapshot.open_snapshot(path)


@pytest.mark.parametrize(
    "text", ["[]", "null", "[" * 200_000, "{}", '{"load": 5}', '{"load": {}, "position": 5}']
)
def test_a_crafted_beginning_of_a_load_is_refused(client, okta, tmp_path, text):
    folder = tmp_path / "x.loading"
    folder.mkdir()
    (folder / "about.json").write_text(text)
    with pytest.raises(errors.ArgumentError, match="does not hold the beginning of a load; remove it"):
        taken(client, okta, path=tmp_path / "x")


@pytest.mark.parametrize(
    "line", ["{}", '{"head": true, "page": 5}', '{"head": true, "page": [5], "cursor": null}']
)
def test_crafted_lines_of_a_checkpoint_are_refused(client, okta, tmp_path, monkeypatch, line):
    anew = snapshot._Keeper.anew

    def prepared(*args):
        keeper = anew(*args)
        for kind in ("groups", "users"):
            with keeper.checkpoints(okta)(kind) as checkpoint:
                checkpoint.add(json.loads(line))
        return keeper

    monkeypatch.setattr(snapshot._Keeper, "anew", prepared)
    with pytest.raises(errors.ArgumentError, match="does not hold what a load has read: remove it"):
        taken(client, okta, path=tmp_path / "x")


def test_a_save_that_fails_leaves_the_old_one(saved, client, okta, monkeypatch):
    before = saved.read_bytes()
    found = taken(client, okta)
    monkeypatch.setattr(snapshot, "_checksum", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        found.save(saved)
    assert saved.read_bytes() == before
    assert names_in(saved.parent) == [saved.name]


# Refreshing ---------------------------------------------------------------------------------------------


def test_a_refresh_is_what_a_new_snapshot_would_be(sandbox, client, okta):
    found = taken(client, okta)
    rng = random.Random(7)
    History(sandbox, okta).run([(rng.choice(STEPS[:-1]), rng.randrange(300)) for _ in range(60)])
    assert_equal(found.refresh(client), taken(client, okta))


def test_a_refresh_takes_requests_by_changes_and_not_by_users(large, large_client):
    """100,000 users with DIRSYNC_LARGE=100000: two requests for ten changes all the same."""
    directory = next(d["id"] for d in large.truth.directories() if d["type"] == "okta scim v2.0")
    found = taken(large_client, directory)
    assert len(found.users) == LARGE
    users, group = found.users.index, found.groups.index[-1]
    for n in range(4):
        large.update_user(users[n], last_name=f"N{n}")
    large.add_user(directory, email="new@x.example")
    large.delete_user(users[5])
    large.delete_group(found.groups.index[0])
    for n in range(10, 13):
        large.remove_member(group, users[n]) or large.add_member(group, users[n])
    start = len(large.requests)
    began = time.monotonic()
    fresh = found.refresh(large_client)
    seconds = time.monotonic() - began
    made = large.requests[start:]
    print(f"{LARGE:,} users: {len(made)} requests, {seconds:.2f} s; taken_at {fresh.taken_at:%H:%M}")
    assert [line.path.split("/")[1] for line in made] == ["events", "directories", "organizations"]
    assert set(fresh.users.index) == {user["id"] for user in large.truth.users(directory)}
    pairs = set(zip(fresh.memberships["user_id"], fresh.memberships["group_id"], strict=True))
    assert pairs == large.truth.memberships(directory)
    assert fresh.notices == ()


@pytest.fixture
def large() -> Iterator[Any]:
    with ds.sandbox.Sandbox(seed=2, users=LARGE) as sandbox:
        yield sandbox


@pytest.fixture
def large_client(large) -> Iterator[Any]:
    with ds.connect(large.api_key, base_url=large.url) as client:
        yield client


def test_a_refresh_without_news_changes_nothing(sandbox, client, okta):
    found = taken(client, okta)
    start = len(sandbox.requests)
    again = found.refresh(client)
    assert_equal(found, again)
    assert again.news.empty
    assert len(requests_to(sandbox, "/events", start)) == 1


def test_events_of_other_directories_are_seen_and_left_alone(sandbox, client, okta):
    found = taken(client, okta)
    organization = found.directories["organization_id"].iloc[0]
    sibling = ds.load_directories(client, organization_id=organization).index.difference([okta])[0]
    sandbox.add_user(sibling, email="elsewhere@x.example")
    fresh = found.refresh(client)
    assert fresh.news["outcome"].tolist() == ["elsewhere"]
    assert_equal(fresh, taken(client, okta))


def test_a_deleted_directory_leaves_an_empty_snapshot(sandbox, client, okta):
    found = taken(client, okta)
    sandbox.delete_directory(okta)
    fresh = found.refresh(client)
    assert (len(fresh.directories), len(fresh.users), len(fresh.memberships)) == (0, 0, 0)


def test_all_directories_are_refreshed_at_once(sandbox, client, okta):
    found = snapshot.take_snapshot(client)
    for directory in found.directories.index[:3]:
        sandbox.add_user(directory, email=f"new@{directory[-4:].lower()}.example")
    sandbox.delete_directory(found.directories.index[3])
    assert_equal(found.refresh(client), snapshot.take_snapshot(client))


def test_past_retention_everything_is_loaded_again_and_it_says_so(sandbox, client, okta):
    found = taken(client, okta)
    user = sandbox.add_user(okta, email="missed@x.example")
    store = sandbox.store
    with store.transaction():
        store.tick(100 * sandbox_clock.DAY)
    store.events.forget_before(store.now - 90 * sandbox_clock.DAY)
    start = len(sandbox.requests)
    fresh = found.refresh(client)
    assert user in fresh.users.index
    assert "Everything was loaded again instead of catching up from events: a gap" in fresh.notices[0]
    assert len(requests_to(sandbox, "/directory_users", start)) > 3
    assert_equal(fresh.refresh(client), fresh)


def test_without_any_event_the_last_30_days_are_enough_and_later_they_are_not(sandbox, client, okta):
    store = sandbox.store
    store.events.forget_before(store.now + 1)
    found = taken(client, okta)
    assert found.position is None
    user = sandbox.add_user(okta, email="first@x.example")
    fresh = found.refresh(client)
    assert user in fresh.users.index
    assert fresh.position is not None
    old = dataclasses.replace(found, taken_at=found.taken_at - timedelta(days=40))
    assert "Everything was loaded again" in old.refresh(client).notices[0]


def test_a_missed_event_shows_in_the_counts(sandbox, client, okta):
    found = taken(client, okta)
    short = dataclasses.replace(found, users=found.users.iloc[1:])
    assert "The service counts 260 users" in " ".join(short.refresh(client).notices)


def test_events_that_cannot_be_placed_are_counted(sandbox, client, okta):
    found = taken(client, okta)
    user = sandbox.add_user(okta, email="a@x.example")
    store = sandbox.store
    without = "CAST(replace(CAST(json AS TEXT), ?, '') AS BLOB)"
    store.execute(f"UPDATE events SET json = {without} WHERE n = (SELECT max(n) FROM events)", (user,))
    assert "1 events could not be placed" in found.refresh(client).notices[0]


def test_a_refresh_that_loses_all_groups_is_stopped_at_until_the_number_is_confirmed(sandbox, client, okta):
    """CMP-06."""
    found = taken(client, okta)
    for group in found.groups.index:
        sandbox.delete_group(group)
    sandbox.delete_user(found.users.index[0])
    with pytest.raises(TooManyGone, match=r"24 of 24 groups \(100%\).*confirm=24") as caught:
        found.refresh(client)
    assert (caught.value.gone, caught.value.of) == (24, 24)
    with pytest.raises(TooManyGone, match="confirm=23 names another number"):
        found.refresh(client, confirm=23)
    for settings in ({"confirm": 24}, {"guard": None}):
        fresh = found.refresh(client, **settings)
        assert (len(fresh.users), len(fresh.groups), len(fresh.memberships)) == (259, 0, 0)


def test_memberships_that_end_alone_are_counted_alone(sandbox, client, okta):
    """CMP-06."""
    found = taken(client, okta)
    pairs = found.memberships.iloc[: len(found.memberships) // 2 + 1]
    for user, group in zip(pairs["user_id"], pairs["group_id"], strict=True):
        sandbox.remove_member(group, user)
    with pytest.raises(TooManyGone, match=f"{len(pairs)} of 957 memberships"):
        found.refresh(client)
    assert len(found.refresh(client, guard=0.6).memberships) == 957 - len(pairs)
    with pytest.raises(errors.ArgumentError, match="guard is a share"):
        found.refresh(client, guard=60)


def test_a_snapshot_of_another_server_is_not_refreshed(client, okta):
    found = dataclasses.replace(taken(client, okta), server="https://api.workos.com")
    with pytest.raises(errors.ArgumentError, match="is of https://api.workos.com"):
        found.refresh(client)


def test_what_was_kept_of_a_sandbox_goes_on_with_the_same_world_at_another_port(tmp_path):
    path, place = tmp_path / "all.snapshot", tmp_path / "place.json"

    def follower(client):
        return ds.follow_events(client, keep=place, sleep=lambda _: None)

    with ds.connect_sandbox(seed=41, users=5) as first:
        snapshot.take_snapshot(first, path=path)
        batches = iter(follower(first))
        next(batches)
        next(batches)
        first.sandbox.stop()
    with ds.connect_sandbox(seed=41, users=5) as same, ds.connect_sandbox(seed=42, users=5) as other:
        assert same.base_url != first.base_url
        found = snapshot.open_snapshot(path)
        assert found.server == same.sandbox.identity == same.server
        assert_equal(found.refresh(same), found)
        assert follower(same).after == json.loads(place.read_text())["after"]
        with pytest.raises(errors.ArgumentError, match="is of sandbox_.*reads sandbox_"):
            found.refresh(other)
        with pytest.raises(errors.ArgumentError, match="holds a place at sandbox_"):
            follower(other)
        same.sandbox.stop()
        other.sandbox.stop()


# Interrupted and killed ---------------------------------------------------------------------------------


def test_http_10_an_interrupted_load_goes_on_where_it_was(sandbox, client, okta, tmp_path, monkeypatch):
    path = tmp_path / "okta.snapshot"
    client.page_size = 50
    add, pages = snapshot.Checkpoint.add, []

    def interrupted(journal, line):
        pages.append(line)
        if len([one for one in pages if "page" in one]) == 4:
            raise KeyboardInterrupt
        add(journal, line)

    monkeypatch.setattr(snapshot.Checkpoint, "add", interrupted)
    with pytest.raises(KeyboardInterrupt):
        taken(client, okta, path=path)
    monkeypatch.undo()
    assert not path.exists()
    start = len(sandbox.requests)
    sandbox.delete_user(sandbox.truth.users(okta)[0]["id"])
    assert_equal(taken(client, okta, path=path), taken(client, okta))
    lists = requests_to(sandbox, "/directory_users", start)[:4]
    assert "after=" in lists[0]
    assert names_in(tmp_path) == ["okta.snapshot"]


def test_the_beginning_of_another_load_is_refused(client, okta, tmp_path):
    path = tmp_path / "one.snapshot"
    folder = tmp_path / "one.snapshot.loading"
    folder.mkdir()
    (folder / "about.json").write_text(json.dumps({"load": {"server": "x"}, "position": None}))
    with pytest.raises(errors.ArgumentError, match="beginning of another load"):
        taken(client, okta, path=path)


def test_a_beginning_in_another_form_is_told_and_begun_anew(client, okta, tmp_path):
    path = tmp_path / "okta.snapshot"
    keeper = snapshot._Keeper.anew(Path(f"{path}.loading"), client, (okta,))
    about = keeper.folder / "about.json"
    held = json.loads(about.read_text())
    del held["pages"]
    about.write_text(json.dumps(held))
    with keeper.checkpoints(okta)("users") as users:
        users.add({"records": "of another form"})
    found = taken(client, okta, path=path)
    assert len(found.users) == 260
    assert "begun by another version of dirsync_nb" in found.notices[0]
    assert snapshot.open_snapshot(path).notices == found.notices


def test_a_beginning_past_retention_is_begun_anew(sandbox, client, okta, tmp_path):
    path = tmp_path / "okta.snapshot"
    keeper = snapshot._Keeper.anew(Path(f"{path}.loading"), client, (okta,))
    (keeper.folder / "users-x.jsonl").write_text("{}\n")
    store = sandbox.store
    store.events.forget_before(store.now + 1)
    assert len(taken(client, okta, path=path).users) == 260


def whole_lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl"))


def test_a_load_killed_at_any_moment_loses_nothing_and_passes_for_nothing(
    sandbox, client, okta, victims, tmp_path
):
    """A hundred kills with DIRSYNC_KILLS=100. The directory changes all the while."""
    path, folder = tmp_path / "okta.snapshot", tmp_path / "okta.snapshot.loading"
    job = {"do": "load", "url": sandbox.url, "key": sandbox.api_key, "directory_id": okta, "path": str(path)}
    rng, kills, finished, read, kept = random.Random(KILLS), 0, 0, 0, 0
    while kills < KILLS or not finished:
        changes = [(rng.choice(("rename", "join", "member", "unmember", "leave")), rng.randrange(300))]
        History(sandbox, okta).run(changes)
        ended = victims.do(rng.uniform(0.01, 0.5) if kills < KILLS else None, **job)
        if ended == 0:
            assert not folder.exists()
            assert_equal(snapshot.open_snapshot(path), taken(client, okta))
            path.unlink()
            finished, read = finished + 1, 0
            continue
        assert ended == -9
        kills += 1
        if path.exists():  # killed between saving and clearing up: what is there is whole
            assert len(snapshot.open_snapshot(path).users) > 200
        now = whole_lines(folder) if folder.exists() else 0
        assert now >= read or path.exists()
        kept += now > read
        read = now
    print(f"{kills} kills, {kept} of them with lists half read; {finished} loads finished")


def test_a_save_killed_at_any_moment_leaves_a_whole_snapshot(sandbox, client, okta, victims, tmp_path):
    first = taken(client, okta)
    first.save(tmp_path / "first")
    sandbox.add_user(okta, email="second@x.example")
    second = first.refresh(client)
    second.save(tmp_path / "second")
    path = first.save(tmp_path / "target.snapshot")
    rng, seen = random.Random(KILLS), []
    for _ in range(KILLS):
        sources = [str(tmp_path / "first"), str(tmp_path / "second")]
        assert victims.do(rng.uniform(0.1, 0.4), do="save", sources=sources, path=str(path)) == -9
        opened = snapshot.open_snapshot(path)
        assert_equal(opened, second if len(opened.users) == 261 else first)
        seen.append(len(opened.users))
    print(f"{len(seen)} kills; found {seen.count(260)} times the first, {seen.count(261)} times the second")


@pytest.mark.parametrize("how", ["before", "after", "doubled"])
def test_removals_beside_deletions_lead_a_refresh_to_what_is_so(sandbox, client, okta, how):
    group, leaver = sandbox.add_group(okta, name="Crew"), sandbox.add_user(okta, email="ann@acme.test")
    sandbox.add_member(group, leaver)
    sandbox.add_member(group, sandbox.truth.users(okta)[0]["id"])
    snap = ds.take_snapshot(client, directory_id=okta)
    sandbox.delete_user(leaver, removals=how)
    sandbox.delete_group(group, removals=how)
    fresh = snap.refresh(client)
    assert set(fresh.memberships[["user_id", "group_id"]].itertuples(index=False, name=None)) == (
        sandbox.truth.memberships(okta)
    )
    assert leaver not in fresh.users.index
    assert group not in fresh.groups.index
    told = fresh.news["event"].eq("dsync.group.user_removed")
    assert told.sum() == (4 if how == "doubled" else 2)
    assert not fresh.news["outcome"].isin(["failed", "unknown"]).any()


def test_a_refresh_killed_at_any_moment_leaves_a_snapshot_that_catches_up(
    sandbox, client, okta, victims, tmp_path
):
    """A hundred kills with DIRSYNC_KILLS=100. What is saved catches up with what is so."""
    path = taken(client, okta).save(tmp_path / "okta.snapshot")
    job = {"do": "refresh", "url": sandbox.url, "key": sandbox.api_key, "path": str(path)}
    rng, positions = random.Random(KILLS), set()
    for _ in range(FEW_KILLS):
        changes = [(rng.choice(("rename", "join", "member", "unmember", "leave")), rng.randrange(300))]
        History(sandbox, okta).run(changes)
        assert victims.do(rng.uniform(0.05, LONGEST), **job) == -9
        held = snapshot.open_snapshot(path)
        positions.add(held.position)
        assert_equal(held.refresh(client, guard=None), taken(client, okta))
    print(f"{FEW_KILLS} kills; found at {len(positions)} places")
