"""The board of a fleet, its widget, and what goes onward: DuckDB, files for warehouses, the schema."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pyarrow.parquet as pq
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, widgets
from dirsync_nb.fleet import BOARD_COLUMNS, open_fleet, parquet_schema, refresh_fleet, take_fleet

from .taking import fail_at


def test_the_board_has_broken_directories_first_each_with_its_problem_and_remedy(small, monkeypatch):
    sandbox, client, folder = small
    ids = list(ds.load_directories(client).index)
    refused, lost = ids[1], ids[3]
    sandbox.set_directory_state(refused, "invalid_credentials")
    with monkeypatch.context() as broken:
        fail_at(broken, lost, errors.BadPayload("cut short"))
        fleet = take_fleet(client, folder)
    board = fleet.board()
    assert list(board.columns) == list(BOARD_COLUMNS)
    assert board["verdict"].tolist() == ["broken"] * 2 + ["ok"] * 4
    assert board.loc[refused, ["problem", "remedy"]].tolist() == [
        "Its state is invalid_credentials",
        "the customer's admin connects the provider again: it refuses what WorkOS was given",
    ]
    assert "BadPayload: cut short" in board.loc[lost, "problem"]
    assert pd.isna(board.loc[lost, "people"])
    assert board["people"].sum() == len(fleet.users)
    assert board.loc[refused, "customer"] == fleet.organizations["name"][board.loc[refused, "organization_id"]]
    assert (board["age"].dropna() < pd.Timedelta(minutes=5)).all()
    assert board["change"].dropna().eq(0).all()


def test_the_board_tells_changes_ages_and_counts_of_the_service(small):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    home, other = fleet.directory_ids[:2]
    sandbox.add_user(home, email="new@acme.test")
    behind = fleet.board(client)
    assert behind.loc[home, "problem"].startswith("The service counts ")
    assert behind.loc[home, "remedy"] == "refresh_fleet brings it up to date"
    fleet = refresh_fleet(client, folder)
    board = fleet.board(client)
    assert board.loc[[home, other], "change"].tolist() == [1, 0]
    assert board.loc[home, "since"] == fleet.history.set_index("directory_id")["at"][home].iloc[0]
    old = fleet.board(old=timedelta(0))
    assert old["problem"].str.startswith("It is as of ").all()
    sandbox.delete_directory(other)
    gone = fleet.board(client).loc[other]
    assert gone["problem"] == "It is no longer listed"
    assert gone["customer"] == board.loc[other, "customer"]  # whose it was


def test_the_board_shows_how_far_an_app_is_from_each_organization(small):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    users = fleet.users.compute()
    app = pd.DataFrame({"mail": users["address"], "tenant": users["organization_id"]}).iloc[3:]
    left = pd.DataFrame({"mail": ["x@y.test"], "tenant": [app["tenant"].iloc[-1]]})
    app = pd.concat([app, left], ignore_index=True)
    drift = fleet.drift(app, within={"tenant": "organization_id"}, on={"mail": "address"})
    plan = fleet.compare(app, within={"tenant": "organization_id"}, on={"mail": "address"}, guard=None)
    assert drift[list(plan.counts)].sum().to_dict() == plan.counts
    assert drift["unchanged"].sum() == plan.unchanged
    board = fleet.board(drift=drift)
    assert board.loc[board["organization_id"] == left["tenant"][0], "app_deactivate"].tolist() == [1]
    with pytest.raises(errors.ArgumentError, match="drift is what"):
        fleet.board(drift=app)
    for odd in ({"old": 3}, {"old": None}, {"days": "x"}, {"client": "nobody"}):
        with pytest.raises(errors.ArgumentError, match="a timedelta such as|connect"):
            fleet.board(**odd)
    for odd in (None, {}, "tenant", {"tenant": "user_id"}, {"a": "directory_id", "b": "organization_id"}):
        with pytest.raises(errors.ArgumentError, match="within is directory_id or organization_id"):
            fleet.drift(app, within=odd)


def test_the_widget_shows_the_board_and_opens_a_directory_from_the_fleet(small):
    sandbox, client, folder = small
    fleet = take_fleet(client, folder)
    home = fleet.directory_ids[2]
    sandbox.set_directory_state(home, "invalid_credentials")
    board = widgets.FleetBoard(client, fleet)
    assert board.table.ids[0] == home
    assert board.status.text.startswith("6 directories: 1 broken, 0 need attention.")
    board.show_buttons.value = "Broken"
    assert board.rows.index.tolist() == [home]
    board.show, board.sort = "All", "-people"
    assert board.rows["people"].is_monotonic_decreasing
    board.sort, board.find = "", "invalid"
    assert board.rows.index.tolist() == [home]
    seen = len(sandbox.requests)
    board.table.click(home)
    assert board.directory_id == home
    assert board.status.text.endswith(
        "What to do: the customer's admin connects the provider again: it refuses what WorkOS was given."
    )
    assert len(board.explorer.users) == len(fleet.directory(home).users)
    assert not [line for line in sandbox.requests[seen:] if "directory_" in line.path]
    board.close_button.click()
    assert board.explorer is None
    assert "invalid_credentials" in board.static()


def test_one_call_leads_to_duckdb(small):
    pytest.importorskip("duckdb", reason="DuckDB is not installed")
    _, client, folder = small
    fleet = take_fleet(client, folder)
    with pytest.raises(errors.ArgumentError, match="database is a path for DuckDB"):
        fleet.duckdb(folder / "fleet.lock")
    counts = fleet.duckdb().sql("select directory_id, count(*) from users group by all").fetchall()
    assert dict(counts) == fleet.taken["users"].to_dict()
    joined = "select count(*) from users join directories using (directory_id) join organizations o on true"
    assert fleet.duckdb().sql(joined).fetchall() == [(120 * len(fleet.organizations),)]
    one = fleet.excluding(fleet.directory_ids[:5])
    assert one.duckdb().sql("select count(*) from memberships").fetchall() == [(len(one.memberships),)]


def test_without_duckdb_it_says_what_to_install(small, monkeypatch):
    _, client, folder = small
    fleet = take_fleet(client, folder)
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(errors.MissingExtra, match="pip install duckdb"):
        fleet.duckdb()


def test_one_file_for_each_table_with_the_schema_that_is_documented(small, tmp_path, monkeypatch):
    monkeypatch.setattr("dirsync_nb.fleet.onward.GROUP_ROWS", 30)
    _, client, folder = small
    fleet = take_fleet(client, folder)
    written = fleet.write_tables(tmp_path / "tables")
    assert set(written) == {"users", "groups", "memberships", "directories", "organizations"}
    for table in ("users", "groups", "memberships"):
        rows = pd.read_parquet(written[table])
        assert len(rows) == fleet.taken[table].sum()
        schema = pq.read_schema(written[table])
        told = parquet_schema().loc[table]
        assert [(field.name, str(field.type)) for field in schema] == list(told["type"].items())
        assert told["meaning"].str.len().gt(5).all()
    assert pq.ParquetFile(written["users"]).num_row_groups > 1
    assert len(open_fleet(folder).excluding(fleet.directory_ids).write_tables(tmp_path / "none")) == 5
