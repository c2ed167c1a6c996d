"""Fleets: what is on disk, runs that are cut off, questions over all directories, clusters that share a key."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest

import dirsync_nb as ds
from dirsync_nb import analysis, errors
from dirsync_nb.client import DirectoryClient, LoadContext, Pacer, Transport
from dirsync_nb.fleet import Fleet, open_fleet, take_fleet
from dirsync_nb.fleet import comparison as fleet_plans
from dirsync_nb.fleet import fleet as fleets
from dirsync_nb.fleet import load as fleet_load
from dirsync_nb.fleet import take as fleet_take
from dirsync_nb.fleet.dataset import directory_entry, part_of, save_directory
from dirsync_nb.fleet.queries import QUESTIONS
from dirsync_nb.frames import users_frame
from dirsync_nb.provisioning import TooManyDeactivations, compare
from dirsync_nb.sandbox import Sandbox

KINDS = ("users", "groups", "memberships")
KILLS = int(os.environ.get("DIRSYNC_KILLS", "3"))  # 100 on demand


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even a small fleet be worked on in several parts, and in several rounds."""
    monkeypatch.setattr(fleets, "PART_ROWS", 80)
    monkeypatch.setattr(fleets, "AT_ONCE", 2)


def connected(sandbox: Any, **budgets: Any) -> DirectoryClient:
    pacer = Pacer(**{"per_directory": None, "per_key": None, **budgets})
    return DirectoryClient(Transport(sandbox.url, sandbox.api_key, pacer=pacer))


def same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Hold two frames against each other; JSON columns by what they hold."""
    assert ours.dtypes.astype(str).tolist() == theirs.dtypes.astype(str).tolist()
    kinds = {name: object for name in theirs if str(theirs[name].dtype) == "json"}
    pd.testing.assert_frame_equal(ours.astype(kinds), theirs.astype(kinds))


def loaded(client: DirectoryClient, names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Load the same with the loaders: frames in memory, one directory below the other."""
    loaders = {"users": ds.load_users, "groups": ds.load_groups, "memberships": ds.load_memberships}
    return {
        kind: ds.concat([load(client, directory_id=name) for name in names]) for kind, load in loaders.items()
    }


@pytest.fixture(scope="module")
def harbour() -> Iterator[Any]:
    with Sandbox(seed=1, inactive_policy="keep") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def moments(
    harbour: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Fleet, Fleet, dict[str, Any], dict[str, Any]]:
    """Take the same fleet at two moments, with the frames of the same moments in memory."""
    folder = tmp_path_factory.mktemp("fleet")
    with connected(harbour) as client:
        before = take_fleet(client, folder / "before")
        in_memory = loaded(client, before.names)
        change_something(harbour, in_memory)
        after = take_fleet(client, folder / "after")
        return before, after, in_memory, loaded(client, after.names)


def change_something(harbour: Any, frames: dict[str, pd.DataFrame]) -> None:
    users, groups = frames["users"], frames["groups"]
    for place, name in enumerate(users.index[5:400:13]):
        [
            harbour.deactivate_user,
            harbour.delete_user,
            partial(harbour.update_user, email=f"new{place}@acme.test"),
        ][place % 3](name)
    for number in range(12):
        harbour.add_user(users["directory_id"].iloc[number * 40], email=f"alone{number}@acme.test")
    for name in groups.index[1::7]:
        harbour.rename_group(name, "Renamed")
    for home, members in frames["memberships"].groupby("directory_id"):
        here = groups.index[groups["directory_id"] == home]
        for user_id in members["user_id"].unique()[-3:]:
            harbour.add_member(here[-1], user_id)


# On disk ----------------------------------------------------------------------------------------------------


def test_a_fleet_holds_what_the_loaders_give_with_the_same_dtypes(moments, harbour):
    _, fleet, _, frames = moments
    for kind in KINDS:
        lazy = getattr(fleet, kind)
        ours = lazy.compute()
        same(ours.reset_index(drop=True) if kind == "memberships" else ours, frames[kind])
        assert lazy.npartitions > 3
        assert lazy.dtypes.astype(str).to_dict() == frames[kind].dtypes.astype(str).to_dict()
    with connected(harbour) as client:
        same(fleet.directories.sort_index(), ds.load_directories(client).sort_index())
    assert fleet.complete
    assert re.fullmatch(r"<Fleet of 9 directories: \d+ users, \d+ groups, [\d,]+ memberships>", repr(fleet))


def test_one_directory_of_a_fleet_is_what_its_loaders_give(moments, harbour):
    _, fleet, _, _ = moments
    with connected(harbour) as client:
        for name in fleet.names:
            one = fleet.directory(name)
            same(one.users, ds.load_users(client, directory_id=name))
            same(one.groups, ds.load_groups(client, directory_id=name))
            same(one.memberships, ds.load_memberships(client, directory_id=name))
            assert one.directories.index.tolist() == [name]


def test_any_parquet_reader_takes_a_table_as_one_partitioned_dataset(moments):
    _, fleet, _, frames = moments
    for kind in KINDS:
        files = list((fleet.folder / kind).rglob("*.parquet"))
        schemas = {str(pyarrow.dataset.dataset(file).schema.remove_metadata()) for file in files}
        dataset = pyarrow.dataset.dataset(fleet.folder / kind, partitioning="hive")
        assert len(schemas) == 1
        assert dataset.count_rows() == len(frames[kind])
        chosen = dataset.to_table(filter=pyarrow.dataset.field("directory_id") == fleet.names[0])
        assert chosen.num_rows == (frames[kind]["directory_id"] == fleet.names[0]).sum()


def test_plain_dask_counts_across_directories_as_pandas_does(moments):
    _, fleet, _, frames = moments
    users = frames["users"]
    pd.testing.assert_series_equal(
        fleet.users["state"].value_counts().compute().sort_index(), users["state"].value_counts().sort_index()
    )
    domains = users["address"].str.split("@").str[1].value_counts()
    ours = fleet.users["address"].str.split("@").str[1].value_counts().compute()
    assert ours.to_dict() == domains.to_dict()
    addresses = fleet.users["address"].str.casefold().value_counts().compute()
    assert addresses[addresses > 1].to_dict() == {
        name: count for name, count in users["address"].str.casefold().value_counts().items() if count > 1
    }


def test_taken_says_when_and_after_which_event(moments, harbour):
    _, fleet, _, frames = moments
    with connected(harbour) as client:
        last = ds.load_events(client, range_start="2026-05-05").index[-1]
    taken = fleet.taken
    assert taken["event_id"].tolist() == [last] * 9
    assert str(taken["at"].dtype) == str(taken["event_at"].dtype) == "datetime64[us, UTC]"
    assert taken["users"].sum() == len(frames["users"])


# Questions --------------------------------------------------------------------------------------------------

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("attribute_coverage", {}),
    ("group_by_attribute", {"attribute": "department_name"}),
    ("group_by_attribute", {"attribute": "custom_attributes.job_title", "top": 4}),
    ("group_by_attribute", {"attribute": "languages", "groups": None}),
    ("group_by_attribute", {"attribute": "badge_colour"}),
    ("group_by_attribute", {"attribute": "role", "top": None}),
    ("group_overlap", {}),
    ("group_overlap", {"by": "jaccard", "top": 7}),
    ("group_overlap", {"min_shared": 3, "top": 40, "groups": None}),
    ("group_sizes", {}),
    ("group_sizes", {"groups": None}),
    ("overlap_matrix", {}),
    ("overlap_matrix", {"by": "count", "top": 9}),
    ("overlap_matrix", {"top": None, "groups": None}),
    ("state_by_group", {}),
]


def in_memory(name: str, frames: dict[str, Any], options: dict[str, Any]) -> Any:
    """Ask the function itself, with all frames in memory."""
    function = getattr(analysis, name)
    needs = QUESTIONS[name].needs(options)
    return function(**{**{kind: frames[kind] for kind in needs}, **options})


def test_every_public_question_of_analysis_can_be_asked_of_a_fleet():
    assert sorted(QUESTIONS) == sorted(analysis.__all__)


@pytest.mark.parametrize(("name", "options"), ASKED)
def test_an_answer_is_the_one_pandas_gives_for_all_frames(moments, name, options):
    _, fleet, _, frames = moments
    same(fleet.analyse(getattr(analysis, name), **options), in_memory(name, frames, options))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("attribute_status", {}),
        ("effective_memberships", {}),
        ("groups_per_user", {}),
        ("groups_per_user", {"users": None}),
        ("users_without_group", {}),
    ],
)
def test_an_answer_with_a_row_for_each_user_is_a_dask_frame_of_the_same_rows(moments, name, options):
    _, fleet, _, frames = moments
    if name == "effective_memberships":
        ids = frames["groups"].index
        nesting = pd.DataFrame({"group_id": ids[1:9], "member_group_id": ids[:8]}, dtype="str")
        options = {"nesting": nesting}
    lazy, theirs = fleet.analyse(name, **options), in_memory(name, frames, options)
    ours = lazy.compute()
    assert lazy.dtypes.astype(str).to_dict() == theirs.dtypes.astype(str).to_dict()
    if theirs.index.name is None:
        keys = ["user_id", "group_id"]
        ours, theirs = (one.sort_values(keys, ignore_index=True) for one in (ours, theirs))
    same(ours.sort_index(), theirs.sort_index())
    assert len(theirs) > 10


def test_the_membership_matrix_is_the_same_with_the_same_rows_and_columns(moments):
    _, fleet, _, frames = moments
    for withheld in ({}, {"users": None}, {"groups": None}):
        ours = fleet.analyse(analysis.membership_matrix, **withheld)
        theirs = in_memory("membership_matrix", frames, withheld)
        assert (ours[0] != theirs[0]).nnz == 0
        assert ours[0].dtype == theirs[0].dtype
        assert ours[1].equals(theirs[1])
        assert ours[2].equals(theirs[2])


def test_losing_access_asks_only_where_the_groups_are(moments):
    _, fleet, _, frames = moments
    groups = list(frames["groups"].index[[0, 3, 40]])
    for asked in (groups[0], groups):
        theirs = in_memory("losing_access", frames, {"group_id": asked})
        same(fleet.analyse(analysis.losing_access, group_id=asked), theirs)
        assert len(theirs) > 3


@pytest.mark.parametrize("name", ["diff_users", "diff_groups"])
def test_two_fleets_differ_as_their_frames_do(moments, name):
    before, after, earlier, frames = moments
    kind = name.removeprefix("diff_")
    theirs = getattr(analysis, name)(earlier[kind], frames[kind])
    same(after.analyse(name, before=before), theirs)
    assert len(set(theirs["change"])) > 1 or kind == "groups"
    assert len(theirs) > 5


def test_memberships_of_two_fleets_differ_as_their_frames_do(moments):
    before, after, earlier, frames = moments
    pairs = {kind: (earlier[kind], frames[kind]) for kind in ("users", "groups")}
    theirs = analysis.diff_memberships(earlier["memberships"], frames["memberships"], **pairs)
    same(after.analyse(analysis.diff_memberships, before=before), theirs)
    bare = analysis.diff_memberships(earlier["memberships"], frames["memberships"])
    same(after.analyse(analysis.diff_memberships, before=before, users=None, groups=None), bare)
    assert set(theirs["change"]) == {"joined", "left"}


def test_fleets_that_leave_different_directories_out_are_not_compared(moments):
    before, after, earlier, frames = moments
    fewer = before.excluding(before.names[:1])
    with pytest.raises(errors.ArgumentError, match="Exclude them from both"):
        after.analyse("diff_users", before=fewer)
    kept = frames["users"]["directory_id"] != before.names[0]
    was = earlier["users"]["directory_id"] != before.names[0]
    theirs = analysis.diff_users(earlier["users"][was], frames["users"][kept])
    same(after.excluding(before.names[:1]).analyse("diff_users", before=fewer), theirs)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("group_by_attribute", {"attribute": "shoe_size"}),
        ("losing_access", {"group_id": ["directory_group_x"]}),
    ],
)
def test_a_question_that_makes_no_sense_fails_as_it_does_in_memory(moments, name, options):
    _, fleet, _, frames = moments
    with pytest.raises(errors.ArgumentError) as theirs:
        in_memory(name, frames, options)
    with pytest.raises(errors.ArgumentError) as ours:
        fleet.analyse(name, **options)
    counted = r" and \d+ more"  # of how many names, which in a fleet are those of one directory
    assert re.sub(counted, "", str(ours.value)) == re.sub(counted, "", str(theirs.value))


@pytest.mark.parametrize(
    ("question", "options", "told"),
    [
        ("group_size", {}, "question must be one of"),
        (len, {}, "question must be one of"),
        ("group_sizes", {"colour": 1}, "no option 'colour'"),
        ("group_sizes", {"groups": pd.DataFrame()}, "are its own"),
        ("users_without_group", {"users": None}, "are its own"),
        ("losing_access", {}, "needs group_id="),
        ("diff_users", {}, "needs before="),
        ("group_sizes", {"before": 3}, "takes no before="),
    ],
)
def test_a_wrong_question_is_refused_before_anything_is_read(moments, question, options, told):
    with pytest.raises(errors.ArgumentError, match=told):
        moments[1].analyse(question, **options)


# Comparison with an app -------------------------------------------------------------------------------------


@pytest.fixture
def app(moments) -> pd.DataFrame:
    """An app that is behind in every way."""
    earlier = moments[2]["users"]
    table = pd.DataFrame(
        {
            "workos_id": earlier.index,
            "mail": earlier["address"].str.upper().where(np.arange(len(earlier)) % 5 == 0, earlier["address"]),
            "name": earlier["name"].where(np.arange(len(earlier)) % 7 > 0, "Somebody"),
            "directory_id": earlier["directory_id"].array,
            "on": np.arange(len(earlier)) % 11 > 0,
        }
    )
    return table.iloc[np.arange(len(table)) % 13 > 0].set_index(np.arange(100, 100 + len(table) * 12 // 13 + 0))


def test_a_comparison_is_what_pandas_gives_directory_by_directory(moments, app):
    _, fleet, _, frames = moments
    asked = {"on": {"workos_id": "user_id", "mail": "address"}, "fields": ["name"], "active": "on"}
    ours = fleet.compare(app, within="directory_id", guard=None, **asked)
    parts = [
        compare(
            frames["users"][frames["users"]["directory_id"] == name],
            app[app["directory_id"] == name],
            guard=None,
            **asked,
        )
        for name in fleet.names
    ]
    theirs = pd.concat([part.rows for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(ours.rows, theirs.sort_values("action", kind="stable", ignore_index=True))
    assert ours.unchanged == sum(part.unchanged for part in parts)
    assert all(ours.counts[action] for action in ("create", "update", "same_person", "deactivate", "tombstone"))
    assert any("invalid_credentials" in notice for notice in ours.notices)


def test_where_nobody_is_at_two_customers_it_is_the_plan_of_one_comparison_of_all(moments, app):
    _, fleet, _, frames = moments
    asked = {"on": {"workos_id": "user_id"}, "fields": ["name"], "active": "on", "guard": None}
    ours, theirs = fleet.compare(app, within="directory_id", **asked), compare(frames["users"], app, **asked)
    assert ours.counts == theirs.counts
    assert ours.unchanged == theirs.unchanged
    keys = ["action", "app_key", "user_id"]
    pd.testing.assert_frame_equal(
        ours.rows.sort_values(keys, ignore_index=True), theirs.rows.sort_values(keys, ignore_index=True)
    )


def test_organizations_may_be_what_an_app_knows_its_customers_by(moments, app):
    _, fleet, _, frames = moments
    owners = fleet.directories["organization_id"]
    tenants = app.assign(tenant=app["directory_id"].map(owners))
    asked = {"on": {"workos_id": "user_id", "mail": "address"}, "active": "on", "guard": None}
    ours = fleet.compare(tenants, within={"tenant": "organization_id"}, **asked)
    everyone = frames["users"]
    parts = [
        compare(everyone[everyone["organization_id"] == owner], tenants[tenants["tenant"] == owner], **asked)
        for owner in owners.unique()
    ]
    assert ours.counts == {a: sum(part.counts[a] for part in parts) for a in ours.counts}
    assert owners.duplicated().any()


def test_hundreds_of_directories_that_do_not_work_are_not_told_one_by_one(moments, app, monkeypatch):
    _, fleet, _, _ = moments
    asked = {"within": "directory_id", "on": {"workos_id": "user_id"}, "guard": None}
    every = fleet.compare(app, **asked).notices
    monkeypatch.setattr(fleet_plans, "MOST_NOTICES", 1)
    few = fleet.compare(app, **asked).notices
    told = f"The same goes for {len(every) - 1} more: fleet.directories has their states."
    assert few == (every[0], told)
    assert len(every) > 2


def test_the_guard_says_in_which_directory_everybody_would_go(moments, app):
    _, fleet, _, _ = moments
    lost = fleet.names[0]
    broken = app.assign(workos_id=app["workos_id"].where(app["directory_id"] != lost, "nobody"))
    with pytest.raises(TooManyDeactivations, match=lost) as stopped:
        fleet.compare(broken, within="directory_id", on={"workos_id": "user_id"})
    assert stopped.value.plan.counts["deactivate"] > 100


def test_the_apps_users_of_an_excluded_directory_are_left_out_and_counted(moments, app):
    _, fleet, _, _ = moments
    name = app["directory_id"].mode()[0]
    few = fleet.excluding([name])
    plan = few.compare(app, within="directory_id", on={"workos_id": "user_id"}, guard=None)
    told = f"{(app['directory_id'] == name).sum():,} users of the app belong to what is excluded"
    assert any(told in notice for notice in plan.notices)
    assert not plan.rows["app_key"].isin(app.index[app["directory_id"] == name]).any()


def test_the_apps_users_of_a_directory_that_is_not_there_have_left(moments, app):
    _, fleet, _, _ = moments
    lost = app.assign(directory_id=app["directory_id"].where(np.arange(len(app)) > 9, "directory_gone"))
    asked = {"within": "directory_id", "on": {"workos_id": "user_id"}}
    with pytest.raises(TooManyDeactivations, match="directory_gone"):
        fleet.compare(lost, **asked)
    plan = fleet.compare(lost, guard=None, **asked)
    assert plan["deactivate"]["app_key"].isin(app.index[:10]).sum() == 10


def test_rows_of_the_app_that_belong_to_nobody_are_refused(moments, app):
    _, fleet, _, _ = moments
    for within, told in (({"tenant": "directory_id"}, "no column"), ({"mail": "address"}, "must lead to")):
        with pytest.raises(errors.ArgumentError, match=told):
            fleet.compare(app, within=within, on="workos_id")
    nobodys = app.assign(directory_id=app["directory_id"].where(np.arange(len(app)) > 1))
    with pytest.raises(errors.ArgumentError, match="2 rows of app_users have no directory_id"):
        fleet.compare(nobodys, within="directory_id", on="workos_id")


# Runs that do not end well ----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Any, DirectoryClient, Path]]:
    with Sandbox(world="fleet:6x20") as sandbox, connected(sandbox) as client:
        yield sandbox, client, tmp_path / "fleet"


def fail_at(monkeypatch: pytest.MonkeyPatch, name: str, problem: BaseException) -> None:
    """Let loading one directory end badly."""
    whole = fleet_load.load_contents

    def load(context: LoadContext, directory_id: str) -> Any:
        if directory_id == name:
            raise problem
        return whole(context, directory_id)

    monkeypatch.setattr(fleet_load, "load_contents", load)


def asked_for(requests: list[Any]) -> set[str]:
    """Return the directories that requests were about."""
    return {name for line in requests for name in re.findall(r"directory=(\w+)", str(line))}


def test_a_directory_that_fails_harms_no_other_is_named_and_is_all_that_is_loaded_next(small, monkeypatch):
    sandbox, client, folder = small
    name = ds.load_directories(client).index[3]
    with monkeypatch.context() as broken:
        fail_at(broken, name, errors.BadPayload("the answer is not a list"))
        fleet = take_fleet(client, folder)
    assert dict(fleet.missing) == {name: "BadPayload: the answer is not a list"}
    assert not fleet.complete
    assert "5 of 6 directories, NOT complete" in repr(fleet)
    seen = len(sandbox.requests)
    assert take_fleet(client, folder).complete
    assert asked_for(sandbox.requests[seen:]) == {name}


def test_what_needs_a_whole_fleet_refuses_one_that_is_not_unless_it_is_said_what_to_leave_out(
    small, monkeypatch
):
    _, client, folder = small
    name = ds.load_directories(client).index[3]
    fail_at(monkeypatch, name, errors.BadPayload("cut short"))
    fleet = take_fleet(client, folder)
    app = pd.DataFrame({"user_id": ["x"], "directory_id": [name]})
    for ask in (
        lambda: fleet.users,
        lambda: fleet.memberships,
        lambda: fleet.directories,
        lambda: fleet.analyse("group_sizes"),
        lambda: fleet.compare(app, within="directory_id", on="user_id"),
        lambda: fleet.directory(name),
    ):
        with pytest.raises(errors.IncompleteError, match=f"{name}.*cut short"):
            ask()
    rest = fleet.excluding(fleet.missing)
    assert rest.complete
    assert len(rest.directories) == 5
    assert rest.users["directory_id"].nunique().compute() == 5
    assert set(rest.analyse("group_sizes")["directory_id"]) == set(rest.names)
    with pytest.raises(errors.ArgumentError, match="no directory 'directory_x'"):
        fleet.excluding(["directory_x"])


def test_an_interrupted_run_goes_on_with_the_directories_that_are_missing(small, monkeypatch):
    sandbox, client, folder = small
    names = ds.load_directories(client).index
    with monkeypatch.context() as broken:
        fail_at(broken, names[0], KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            take_fleet(client, folder, workers=1)
    held = open_fleet(folder)
    assert names[0] in held.missing
    assert held.entries
    assert set(held.missing.values()) == {"not loaded yet"}
    seen = len(sandbox.requests)
    fleet = take_fleet(client, folder)
    assert asked_for(sandbox.requests[seen:]) == set(held.missing)
    assert len(fleet.users) == 120


KILLED = """
import sys
import dirsync_nb as ds
from dirsync_nb.fleet import load as fleet_load, take as fleet_take
whole, count = fleet_load.load_contents, []
def load(context, directory_id):
    count.append(directory_id)
    if len(count) == 4:
        print("three", flush=True)
        sys.stdin.read()
    return whole(context, directory_id)
fleet_load.load_contents = load
fleet_take.take_fleet(ds.connect(sys.argv[2], base_url=sys.argv[1]), sys.argv[3], workers=1)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_killed_run_leaves_whole_directories_and_never_half_of_one(small):
    sandbox, client, folder = small
    command = [sys.executable, "-c", KILLED, sandbox.url, sandbox.api_key, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "three\n"
        victim.send_signal(signal.SIGKILL)
    held = open_fleet(folder)
    assert len(held.entries) == 3
    half = next(iter(held.entries))
    part_of(folder, "memberships", half).unlink()  # as if the kill had come before its last file
    assert half in open_fleet(folder).missing
    fleet = take_fleet(client, folder)
    assert fleet.complete
    assert len(fleet.users) == 120


def test_a_fleet_killed_at_any_moment_loses_no_whole_directory_and_ends_right(small, victims):
    """A hundred kills with DIRSYNC_KILLS=100."""
    sandbox, client, folder = small
    names = tuple(ds.load_directories(client).index)
    truth, rng = loaded(client, names), random.Random(KILLS)
    job = {"do": "fleet", "url": sandbox.url, "key": sandbox.api_key, "path": str(folder)}
    kills, taken, whole = 0, 0, set()
    while kills < KILLS or not taken:
        ended = victims.do(rng.uniform(0.02, 1.0) if kills < KILLS else None, **job)
        kills += ended == -9
        held = open_fleet(folder) if (folder / "fleet.json").exists() else None
        entries = set() if held is None else set(held.entries)
        assert whole <= entries  # what was whole before the kill is so still
        whole = entries
        for name in sorted(entries)[:2]:
            users = held.excluding(held.missing).directory(name).users
            assert list(users.index) == list(truth["users"].query("directory_id == @name").index)
        if ended == 0:
            assert held.complete
            for kind in KINDS:
                keys = ["group_id", "user_id"] if kind == "memberships" else f"{kind[:-1]}_id"
                ours, theirs = (one.sort_values(keys) for one in (getattr(held, kind).compute(), truth[kind]))
                same(*(one.reset_index(drop=kind == "memberships") for one in (ours, theirs)))
            taken, whole = taken + 1, set()
            shutil.rmtree(folder)
    print(f"{kills} kills, {taken} fleets taken to their end")


def test_a_directory_written_anew_is_not_whole_until_all_of_it_is(small):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    name = fleet.names[4]
    one = fleet.directory(name)
    frames = {"users": one.users, "groups": one.groups.drop(columns="name"), "memberships": one.memberships}
    assert directory_entry(folder, name) is not None
    with pytest.raises(KeyError, match="name"):
        save_directory(folder, name, frames, {})
    assert directory_entry(folder, name) is None


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[" * 200_000,
        '{"what": "dirsync_nb fleet"}',
        '{"what": "dirsync_nb fleet", "format": "1"}',
        '{"what": "dirsync_nb fleet", "format": 1, "directories": 5, "server": 1, "scope": null}',
    ],
)
def test_a_crafted_manifest_is_refused(tmp_path, text):
    (tmp_path / "fleet.json").write_text(text)
    with pytest.raises(errors.ArgumentError, match=r"fleet\.json is not the manifest of a fleet"):
        open_fleet(tmp_path)


def test_a_damaged_part_is_named(small):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    part_of(folder, "users", fleet.names[0]).write_bytes(b"PAR1 something else PAR1")
    with pytest.raises(errors.DirsyncError, match=r"part\.parquet is damaged .*take the fleet again"):
        open_fleet(folder).users.compute()
    (folder / "directories.parquet").write_bytes(b"PAR1 something else PAR1")
    with pytest.raises(errors.DirsyncError, match="not a whole Parquet file"):
        open_fleet(folder).directories  # noqa: B018


def test_a_refused_key_ends_the_run_at_once(small):
    sandbox, client, folder = small
    names = ds.load_directories(client).index
    take_fleet(client, folder, directories=list(names[:2]))
    wrong = DirectoryClient(Transport(sandbox.url, "sk_test_other", pacer=Pacer.unlimited()))
    with wrong, pytest.raises(errors.NotAuthorized):
        take_fleet(wrong, folder, directories=list(names[:2]), resume=False)


def test_a_directory_that_goes_during_the_run_is_no_failure(small, monkeypatch):
    sandbox, client, folder = small
    name = ds.load_directories(client).index[2]
    whole = fleet_take.load_here

    def load(*arguments: Any) -> Any:
        sandbox.delete_directory(name)
        return whole(*arguments)

    monkeypatch.setattr(fleet_take, "load_here", load)
    fleet = take_fleet(client, folder)
    assert fleet.complete
    assert name not in fleet.names
    assert len(fleet.names) == 5


def test_some_directories_by_name_in_any_form(small):
    _, client, folder = small
    listing = ds.load_directories(client)
    one = take_fleet(client, folder / "one", directories=listing.iloc[1])
    assert one.names == (listing.index[1],)
    two = take_fleet(client, folder / "two", directories=listing.iloc[[4, 2]])
    assert set(two.names) == set(listing.index[[2, 4]])
    with pytest.raises(errors.NotFound, match="directory_x"):
        take_fleet(client, folder / "none", directories=["directory_x"])
    with pytest.raises(errors.ArgumentError, match="empty list"):
        take_fleet(client, folder / "none", directories=[])


def test_a_folder_of_something_else_is_left_alone(small):
    sandbox, client, folder = small
    names = list(ds.load_directories(client).index)
    take_fleet(client, folder, directories=names[:2])
    with pytest.raises(errors.ArgumentError, match="other directories"):
        take_fleet(client, folder)
    with pytest.raises(errors.ArgumentError, match="other directories"):
        take_fleet(client, folder, directories=names[1:3])
    stranger = DirectoryClient(Transport("http://127.0.0.1:1", "sk_test_other"))
    with stranger, pytest.raises(errors.ArgumentError, match="and the client reads"):
        fleet_take._begin(folder, stranger, ds.load_directories(client), None, resume=True)
    assert open_fleet(folder).complete
    assert len(take_fleet(client, folder, resume=False).names) == 6
    other_folder = folder.parent / "mine"
    other_folder.mkdir()
    (other_folder / "letter.txt").write_text("dear")
    with pytest.raises(errors.ArgumentError, match="something else than a fleet"):
        take_fleet(client, other_folder, resume=False)
    with pytest.raises(errors.ArgumentError, match="holds no fleet"):
        open_fleet(other_folder)
    (other_folder / "fleet.json").write_text("{}")
    with pytest.raises(errors.ArgumentError, match="not the manifest"):
        open_fleet(other_folder)
    assert (other_folder / "letter.txt").read_text() == "dear"


def test_an_environment_without_directories_is_an_empty_fleet(tmp_path):
    with Sandbox(world="empty") as sandbox, connected(sandbox) as client:
        fleet = take_fleet(client, tmp_path / "none")
    assert fleet.complete
    same(fleet.users.compute(), users_frame([]))
    assert fleet.analyse("group_sizes").empty
    assert fleet.analyse("attribute_coverage")["users"].tolist() == [0] * 4
    assert fleet.taken.empty
    app = pd.DataFrame({"user_id": ["a"], "directory_id": ["directory_1"]})
    assert fleet.compare(app, within="directory_id", on="user_id", guard=None).counts["deactivate"] == 1


# Clusters ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def limited() -> Iterator[tuple[str, str]]:
    """A sandbox of 8 directories that enforces the limits, in a process of its own: its address and key."""
    command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", "0", "--limits", "--world", "fleet:8x30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        url, key = (re.findall(r"=(\S+)", line)[0] for line in lines[2:])
        yield url, key
        process.terminate()


@pytest.fixture(scope="module")
def cluster(limited) -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        env={"WORKOS_API_KEY": limited[1]},
    ) as cluster:
        yield cluster


def test_workers_of_a_cluster_share_one_keys_budget_and_meet_no_429(limited, cluster, tmp_path, monkeypatch):
    from distributed import Client

    url, key = limited
    sent: list[bytes] = []
    whole = Client.map

    def spied(self: Any, function: Any, *lists: Any, **options: Any) -> Any:
        sent.append(cloudpickle.dumps((function, lists, options)))
        return whole(self, function, *lists, **options)

    monkeypatch.setattr(Client, "map", spied)
    pacer = Pacer(per_directory=3.0, per_key=14.0)  # below the server's 4, for a busy machine sends unevenly
    with DirectoryClient(Transport(url, key, pacer=pacer)) as client:
        fleet = take_fleet(client, tmp_path / "fleet", cluster=cluster.scheduler_address)
        seconds = (pd.Timestamp.now("UTC") - fleet.taken["at"].min()).total_seconds()
        same(fleet.directory(fleet.names[5]).users, ds.load_users(client, directory_id=fleet.names[5]))
    assert fleet.complete
    assert len(fleet.users) == 8 * 30
    costs = [entry["cost"] for entry in fleet.entries.values()]
    assert sum(cost["refused"] for cost in costs) == 0
    assert sum(cost["requests"] for cost in costs) / seconds < 14.0
    logs = f"{cluster.get_logs()}"
    assert sent
    assert not any(key.encode() in text for text in sent)
    assert key not in logs


def test_questions_on_a_cluster_have_the_same_answers(cluster, moments):
    from distributed import Client

    _, fleet, _, frames = moments
    there = open_fleet(fleet.folder, cluster=cluster.scheduler_address)
    same(there.analyse("group_sizes"), analysis.group_sizes(frames["memberships"], frames["groups"]))
    with Client(cluster, set_as_default=False) as client:
        there = open_fleet(fleet.folder, cluster=client)
        same(there.analyse("group_overlap", top=5), fleet.analyse("group_overlap", top=5))
        theirs = analysis.groups_per_user(frames["memberships"], frames["users"])
        ours = client.compute(there.analyse("groups_per_user")).result()
        same(ours.sort_index(), theirs.sort_index())


def test_a_worker_that_does_not_find_the_folder_says_so(tmp_path):
    job = fleet_load.Job(str(tmp_path / "elsewhere"), "http://127.0.0.1:1", {})
    with pytest.raises(errors.ArgumentError, match="by the same path"):
        fleet_load._load_batch(["directory_1"], job=job, rates=(4, 50), workers=1, connect_worker=None)


def test_a_worker_without_a_key_is_refused_and_meets_no_sandbox(tmp_path):
    (tmp_path / "fleet.json").write_text("{}")
    job = fleet_load.Job(str(tmp_path), "http://127.0.0.1:1", {})
    with pytest.raises(errors.ConfigurationError, match="WORKOS_API_KEY"):
        fleet_load._load_batch(["directory_1"], job=job, rates=(4, 50), workers=1, connect_worker=None)


def test_batches_are_few_and_of_one_mixture_with_the_largest_first():
    names = [f"directory_{size}" for size in range(1_000, 0, -1)]
    batches = fleet_load._dealt(names, 2, 16)
    assert sorted(name for batch in batches for name in batch) == sorted(names)
    assert len(batches) == 8
    sizes = [[int(name.split("_")[1]) for name in batch] for batch in batches]
    assert all(batch == sorted(batch, reverse=True) for batch in sizes)
    assert max(map(sum, sizes)) < 1.02 * min(map(sum, sizes))
    assert fleet_load._dealt(names[:1], 4, 16) == [names[:1]]


def test_a_batch_that_is_begun_anew_loads_only_what_is_not_whole_yet(small):
    sandbox, client, folder = small
    names = list(ds.load_directories(client).index)
    take_fleet(client, folder, directories=names[:2])
    job = fleet_load.Job(str(folder), sandbox.url, {"position": None})

    def connect_worker(server: str, pacer: Pacer) -> DirectoryClient:
        return connected(sandbox)

    seen = len(sandbox.requests)
    outcomes = fleet_load._load_batch(
        names[:3], job=job, rates=(None, None), workers=2, connect_worker=connect_worker
    )
    assert asked_for(sandbox.requests[seen:]) == {names[2]}
    assert all(isinstance(outcomes[name], dict) for name in names[:3])


def test_a_process_has_one_client_for_a_share_of_the_budget_whatever_its_threads(harbour):
    made = []

    def connect_worker(server: str, pacer: Pacer) -> DirectoryClient:
        made.append((server, pacer.per_directory, pacer.per_key))
        return connected(harbour)

    first = fleet_load._worker_client(harbour.url, (4.0, 25.0), connect_worker)
    assert fleet_load._worker_client(harbour.url, (4.0, 25.0), connect_worker) is first
    assert made == [(harbour.url, 4.0, 25.0)]


def test_a_fleet_of_a_sandbox_goes_on_with_the_same_world_at_another_port(tmp_path):
    with ds.connect_sandbox(seed=1, world="fleet:2x3") as first:
        fleet = take_fleet(first, tmp_path)
        first.sandbox.stop()
    with (
        ds.connect_sandbox(seed=1, world="fleet:2x3") as same,
        ds.connect_sandbox(seed=1, world="fleet:3x3") as other,
    ):
        assert take_fleet(same, tmp_path).server == fleet.server == same.sandbox.identity
        assert not any("users" in line.path for line in same.sandbox.requests)
        with pytest.raises(errors.ArgumentError, match="holds a fleet of sandbox_"):
            take_fleet(other, tmp_path)
        same.sandbox.stop()
        other.sandbox.stop()


# The extra, and the sandbox's fleets ------------------------------------------------------------------------


def test_what_the_extra_brings_is_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(errors.MissingExtra, match=r"needs pyarrow.*pip install .*\[fleet\]"):
        open_fleet(tmp_path)


def test_importing_the_package_loads_neither_dask_nor_arrow_of_ours():
    code = "import sys, dirsync_nb; print(sorted({'dask', 'distributed'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("count", "people"), [(1, 7), (13, 50), (30, 0)])
def test_a_fleet_of_the_sandbox_has_as_many_people_as_its_name_says(count, people):
    with Sandbox(world=f"fleet:{count}x{people}") as sandbox:
        directories = sandbox.truth.directories()
        sizes = [sum(one["metadata"]["users"].values()) for one in directories]
        assert (len(sizes), sum(sizes)) == (count, count * people)
        assert [one["id"] for one in directories] == sorted(one["id"] for one in directories)
        assert len({one["created_at"] for one in directories}) == count
        assert sandbox.info()["clock"] < "2026-08-04"


def test_a_fleet_of_the_sandbox_is_the_same_each_time(tmp_path):
    def people() -> list[Any]:
        with Sandbox(
            seed=4, world="fleet:5x30", database=tmp_path / f"{time.monotonic_ns()}.sqlite"
        ) as sandbox:
            return [sandbox.truth.users(one["id"]) for one in sandbox.truth.directories()]

    assert people() == people()


def test_a_world_that_is_none_says_how_fleets_are_written():
    with pytest.raises(ValueError, match="fleet:5000x1000"):
        Sandbox(world="fleet:many")
