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
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import dirsync_nb as ds
from dirsync_nb import analysis, charts, errors
from dirsync_nb.client import DirectoryClient, Pacer, Transport
from dirsync_nb.fleet import Fleet, open_fleet, take_fleet
from dirsync_nb.fleet import comparison as fleet_plans
from dirsync_nb.fleet import take as fleet_take
from dirsync_nb.fleet.dataset import part_of, save_directory
from dirsync_nb.fleet.queries import QUESTIONS
from dirsync_nb.frames import users_frame
from dirsync_nb.provisioning import TooManyDeactivations, compare
from dirsync_nb.sandbox import Sandbox

from .taking import asked_for, connected, fail_at, same

KINDS = ("users", "groups", "memberships")
KILLS = int(os.environ.get("DIRSYNC_KILLS", "3"))  # 100 on demand


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
        in_memory = loaded(client, before.directory_ids)
        change_something(harbour, in_memory)
        after = take_fleet(client, folder / "after")
        return before, after, in_memory, loaded(client, after.directory_ids)


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


def test_a_directory_costs_a_request_for_each_page_of_its_lists_and_none_more(tmp_path):
    with Sandbox(world="fleet:10x100") as sandbox, connected(sandbox) as client:
        fleet = take_fleet(client, tmp_path / "fleet")
        asked = Counter(line.path for line in sandbox.requests)
        assert fleet.run["requests"] == asked.total()
    members = fleet.memberships.compute()["group_id"].value_counts().reindex(fleet.groups.compute().index)
    pages = sum((-(-size.fillna(0).clip(lower=1) // 100)).sum() for size in (fleet.taken["users"], members))
    # One more, to see that the service looks at who is asked for; the rest are lists of the whole environment.
    assert asked["/directory_groups"] + asked["/directory_users"] == 10 + pages + 1
    assert set(asked) == {"/directories", "/organizations", "/events", "/directory_groups", "/directory_users"}


def test_whether_the_service_looks_at_a_filter_is_asked_once_for_all_directories(small):
    sandbox, client, folder = small
    take_fleet(client, folder)
    asked = [
        str(line) for line in sandbox.requests if re.search(r"/directory_\w+.*[?&]limit=1\b(?!0)", str(line))
    ]
    assert 1 <= len(asked) <= 2  # of groups, and of users


def test_one_directory_of_a_fleet_is_what_its_loaders_give(moments, harbour):
    _, fleet, _, _ = moments
    with connected(harbour) as client:
        for name in fleet.directory_ids:
            one = fleet.directory(name)
            same(one.users, ds.load_users(client, directory_id=name))
            same(one.groups, ds.load_groups(client, directory_id=name))
            same(one.memberships, ds.load_memberships(client, directory_id=name))
            assert one.directories.index.tolist() == [name]


def _with_pandas(folder: Path) -> Any:
    return pd.read_parquet(folder)


def _with_pyarrow(folder: Path) -> Any:
    return pyarrow.parquet.read_table(folder).to_pandas()


def _with_dask(folder: Path) -> Any:
    import dask.dataframe as dd

    return dd.read_parquet(folder).compute()


def _with_duckdb(folder: Path) -> Any:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    return duckdb.sql(f"select * from read_parquet('{folder}/*.parquet')").df()


def _with_polars(folder: Path) -> Any:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    return pd.DataFrame(polars.read_parquet(folder).to_dict(as_series=False))


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask, beside the pandas of today
@pytest.mark.parametrize("read", [_with_pandas, _with_pyarrow, _with_dask, _with_duckdb, _with_polars])
def test_any_parquet_reader_takes_the_folder_of_a_table(moments, read):
    _, fleet, _, frames = moments
    for kind in KINDS:
        rows, theirs = read(fleet.folder / kind), frames[kind]
        assert len(rows) == len(theirs)
        counted = rows["directory_id"].value_counts().to_dict()
        assert counted == theirs["directory_id"].value_counts().to_dict()
    files = [pyarrow.parquet.read_schema(file) for file in (fleet.folder / "users").iterdir()]
    assert len({str(schema.remove_metadata()) for schema in files}) == 1


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
    mappings = {"RoleMapping", "read_mapping", "write_mapping"}  # what a person edits, and no question
    drawn = {"group_graph"}  # how to lay out sizes and overlap of one directory, which can be asked
    assert {*QUESTIONS} == {*analysis.__all__} - mappings - drawn


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


# Charts of a fleet's answers --------------------------------------------------------------------------------

FRAMES_DRAWN = {
    "plot_group_sizes": ("memberships", "groups"),
    "plot_groups_per_user": ("memberships", "users"),
    "plot_group_overlap": ("memberships", "groups"),
    "plot_user_states": ("users", "directories"),
    "plot_onboarding": ("users",),
}


@pytest.fixture(scope="module")
def answers(moments) -> dict[str, tuple[Any, ...]]:
    """What of a fleet each chart draws, and under "others" what none of them does."""
    before, fleet, _, _ = moments
    sizes, people = fleet.analyse("group_sizes"), fleet.users[["state", "directory_id", "created_at"]].compute()
    others = [fleet, fleet.users, fleet.groups, fleet.memberships, fleet.board(), fleet.taken, fleet.history]
    others += [fleet.analyse(one) for one in ("attribute_coverage", "attribute_status", "membership_matrix")]
    others += [
        fleet.analyse("losing_access", group_id=sizes.index[0]),
        fleet.analyse("diff_users", before=before),
    ]
    return {
        "plot_group_sizes": (sizes,),
        "plot_groups_per_user": (fleet.analyse("groups_per_user").compute(),),
        "plot_group_overlap": (fleet.analyse("overlap_matrix"), sizes),
        "plot_user_states": (people, fleet.directories),
        "plot_onboarding": (people,),
        "others": tuple(others),
    }


def _drawn(ax: Any) -> tuple[list[Any], list[str], list[str]]:
    """Return a chart's bars and cells, the names beside them, and the numbers of its text alternative."""
    numbers = [[bar.get_width(), bar.get_height(), bar.get_x()] for bar in ax.patches]
    numbers += [image.get_array().filled(-1).tolist() for image in ax.images]
    names = [label.get_text() for label in (*ax.get_yticklabels(), *ax.get_xticklabels())]
    return numbers, names, re.findall(r"[\d.,]+", charts.alt_text(ax).rpartition(": ")[2])


@pytest.mark.parametrize("chart", FRAMES_DRAWN)
def test_a_chart_takes_a_fleets_answer_as_it_takes_all_frames(moments, answers, chart):
    frames = {**moments[3], "directories": moments[1].directories}
    theirs = getattr(charts, chart)(*(frames[one] for one in FRAMES_DRAWN[chart]))
    assert _drawn(getattr(charts, chart)(*answers[chart])) == _drawn(theirs)


def test_a_chart_of_an_answer_says_what_is_missing_and_orders_what_was_reordered(moments, answers):
    sizes = answers["plot_group_sizes"][0].sample(frac=1, random_state=3)
    sizes.attrs["incomplete"] = "1 of 9 directories is missing"
    partly = charts.plot_group_sizes(sizes, top=4)
    assert partly.get_title().startswith("Partial data:")
    widths = [bar.get_width() for bar in partly.patches]
    assert widths == sorted(sizes["members"], reverse=True)[:4]
    counted = charts.plot_group_overlap(moments[1].analyse("overlap_matrix", by="count"), sizes, top=5)
    assert len(counted.get_yticklabels()) == 5
    assert "overlap most" in charts.alt_text(counted)
    with pytest.raises(errors.ArgumentError, match="drawn with that of group_sizes"):
        charts.plot_group_overlap(answers["plot_group_overlap"][0])


@pytest.mark.parametrize("chart", [name for name in charts.__all__ if name.startswith("plot_")])
def test_what_a_chart_does_not_draw_of_a_fleet_it_says_in_a_sentence_that_names_the_call(answers, chart):
    also = ("directory_user_01",) if chart == "plot_life_line" else ()
    told = r"as (load_\w+|what_if\.role_changes|sandbox\.play) gives it|needs the column"
    for answer in answers["others"]:
        with pytest.raises(errors.ArgumentError, match=told) as refused:
            getattr(charts, chart)(answer, *also)
        if hasattr(answer, "compute") or isinstance(answer, Fleet):
            assert ".compute()" in str(refused.value)


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
    fewer = before.excluding(before.directory_ids[:1])
    with pytest.raises(errors.ArgumentError, match="Exclude them from both"):
        after.analyse("diff_users", before=fewer)
    kept = frames["users"]["directory_id"] != before.directory_ids[0]
    was = earlier["users"]["directory_id"] != before.directory_ids[0]
    theirs = analysis.diff_users(earlier["users"][was], frames["users"][kept])
    same(after.excluding(before.directory_ids[:1]).analyse("diff_users", before=fewer), theirs)


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
        for name in fleet.directory_ids
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
    lost = fleet.directory_ids[0]
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
    for within, told in (
        ({"tenant": "directory_id"}, "no column"),
        ({"mail": "address"}, "within is directory_id or"),
    ):
        with pytest.raises(errors.ArgumentError, match=told):
            fleet.compare(app, within=within, on="workos_id")
    nobodys = app.assign(directory_id=app["directory_id"].where(np.arange(len(app)) > 1))
    with pytest.raises(errors.ArgumentError, match="2 rows of app_users have no directory_id"):
        fleet.compare(nobodys, within="directory_id", on="workos_id")


# Runs that do not end well ----------------------------------------------------------------------------------


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


def test_what_is_there_can_be_asked_while_some_directories_are_missing_and_says_which(small, monkeypatch):
    _, client, folder = small
    lost = ds.load_directories(client).index[3]
    fail_at(monkeypatch, lost, errors.BadPayload("cut short"))
    fleet = take_fleet(client, folder)
    assert lost in fleet.directories.index
    sizes = fleet.analyse("group_sizes")
    assert sizes["directory_id"].nunique() == fleet.users["directory_id"].nunique().compute() == 5
    assert re.match(
        rf"1 of 6 directories is missing: {lost} \(BadPayload: cut short\)", sizes.attrs["incomplete"]
    )
    app = pd.DataFrame({"user_id": ["x"], "directory_id": [lost]})
    for ask in (
        lambda: fleet.compare(app, within="directory_id", on="user_id"),
        lambda: fleet.analyse("diff_users", before=fleet),
        lambda: fleet.directory(lost),
    ):
        with pytest.raises(errors.IncompleteError, match=f"{lost}.*cut short"):
            ask()
    rest = fleet.excluding(fleet.missing)
    assert rest.complete
    assert len(rest.directories) == 5
    assert rest.analyse("group_sizes").attrs == {}
    assert set(rest.analyse("group_sizes")["directory_id"]) == set(rest.directory_ids)
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
def load(context, directory_id, **options):
    count.append(directory_id)
    if len(count) == 4:
        print("three", flush=True)
        sys.stdin.read()
    return whole(context, directory_id, **options)
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


def test_a_run_killed_before_it_wrote_its_manifest_is_begun_anew(small):
    _, client, folder = small
    whole = take_fleet(client, folder)
    shutil.copytree(folder, folder.parent / "cut off", ignore=shutil.ignore_patterns("fleet.json", "staging"))
    fleet = take_fleet(client, folder.parent / "cut off")
    assert fleet.complete
    assert fleet.directory_ids == whole.directory_ids


def test_a_fleet_killed_at_any_moment_loses_no_whole_directory_and_ends_right(small, victims):
    """A hundred kills with DIRSYNC_KILLS=100."""
    sandbox, client, folder = small
    names = tuple(ds.load_directories(client).index)
    truth, rng = loaded(client, names), random.Random(KILLS)
    job = {"do": "fleet", "url": sandbox.url, "key": sandbox.api_key, "path": str(folder)}
    kills, taken, whole = 0, 0, set()
    while kills < KILLS or not taken:
        ended = victims.do(rng.uniform(0.02, 1.0) if kills < KILLS else None, **job)
        assert ended in (0, -9)
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


def test_no_two_ids_share_a_file_on_a_disk_that_ignores_case(tmp_path):
    usual = ["directory_01JYXEMCM0M4F6NYR18TC59WD8", "directory_01JYXEMCM0M4F6NYR18TC59WD9"]
    moved = [
        "directory_abc",
        "Directory_abc",
        "directory_ABC",
        "directory_abc ",
        "a/b",
        "a-b",
        "a\\b",
        "..",
        "_x",
        ".x",
    ]
    moved += ["directory_01jyxemcm0m4f6nyr18tc59wd8", "CON", "ö", "o\u0308", "\udc80", "x" * 400, "x" * 401, ""]
    paths = [part_of(tmp_path, "users", one) for one in (*usual, *moved)]
    assert len({path.name.casefold() for path in paths}) == len(paths)
    assert [path.stem for path in paths[:2]] == usual
    for path in paths:
        assert path.parent == tmp_path / "users"
        assert len(path.name.encode()) < 100
        assert not path.name.startswith((".", "_"))


def test_a_directory_written_anew_stays_as_it_was_until_all_of_it_is_written(small):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.directory_ids[4]
    one = fleet.directory(home)
    frames = {
        "users": one.users.iloc[:1],
        "groups": one.groups.drop(columns="name"),
        "memberships": one.memberships,
    }
    with pytest.raises(KeyError, match="name"):
        save_directory(folder, home, frames, {})
    same(open_fleet(folder).directory(home).users, one.users)
    assert list((folder / "staging").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[" * 200_000,
        '{"what": "dirsync_nb fleet"}',
        '{"what": "dirsync_nb fleet", "format": "1"}',
        '{"what": "dirsync_nb fleet", "format": 2, "directories": 5, "server": 1, "scope": null}',
    ],
)
def test_a_crafted_manifest_is_refused(tmp_path, text):
    (tmp_path / "fleet.json").write_text(text)
    with pytest.raises(errors.ArgumentError, match=r"fleet\.json is not the manifest of a fleet"):
        open_fleet(tmp_path)


def test_a_damaged_list_of_directories_is_named(small):
    _, client, folder = small
    take_fleet(client, folder)
    (folder / "directories.parquet").write_bytes(b"PAR1 something else PAR1")
    with pytest.raises(errors.DirsyncError, match="not a whole Parquet file"):
        open_fleet(folder)


def test_a_refused_key_ends_the_run_at_once(small):
    sandbox, client, folder = small
    names = ds.load_directories(client).index
    take_fleet(client, folder, directory_id=list(names[:2]))
    wrong = DirectoryClient(Transport(sandbox.url, "sk_test_other", pacer=Pacer.unlimited()))
    with wrong, pytest.raises(errors.NotAuthorized):
        take_fleet(wrong, folder, directory_id=list(names[:2]), resume=False)


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
    assert name not in fleet.directory_ids
    assert len(fleet.directory_ids) == 5


def test_some_directories_by_name_in_any_form(small):
    _, client, folder = small
    listing = ds.load_directories(client)
    one = take_fleet(client, folder / "one", directory_id=listing.iloc[1])
    assert one.directory_ids == (listing.index[1],)
    two = take_fleet(client, folder / "two", directory_id=listing.iloc[[4, 2]])
    assert set(two.directory_ids) == set(listing.index[[2, 4]])
    with pytest.raises(errors.NotFound, match="directory_x"):
        take_fleet(client, folder / "none", directory_id=["directory_x"])
    with pytest.raises(errors.ArgumentError, match="empty list"):
        take_fleet(client, folder / "none", directory_id=[])


def test_a_folder_of_something_else_is_left_alone(small):
    _, client, folder = small
    ids = list(ds.load_directories(client).index)
    take_fleet(client, folder, directory_id=ids[:2])
    with pytest.raises(errors.ArgumentError, match="other directories"):
        take_fleet(client, folder, resume=False)
    with pytest.raises(errors.ArgumentError, match="other directories"):
        take_fleet(client, folder, directory_id=ids[1:3])
    with Sandbox(world="empty") as other, connected(other) as stranger:
        with pytest.raises(errors.ArgumentError, match="and the client reads"):
            take_fleet(stranger, folder)
    assert set(open_fleet(folder).directory_ids) == set(ids[:2])
    other_folder = folder.parent / "mine"
    other_folder.mkdir()
    (other_folder / "letter.txt").write_text("dear")
    with pytest.raises(errors.ArgumentError, match="something else than a fleet"):
        take_fleet(client, other_folder, resume=False)
    with pytest.raises(errors.ArgumentError, match="holds no fleet"):
        open_fleet(other_folder)
    for text, told in (
        ("{}", "not the manifest"),
        ('{"what": "dirsync_nb fleet", "format": 1}', "has format 1.*another folder"),
        ('{"what": "dirsync_nb fleet", "format": 99}', "upgrade"),
    ):
        (other_folder / "fleet.json").write_text(text)
        with pytest.raises(errors.ArgumentError, match=told):
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
