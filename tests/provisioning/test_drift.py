"""Drift: what an app, a snapshot and the service disagree about, and since when."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd
import pytest
import sqlalchemy as sa

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.cli import main
from dirsync_nb.provisioning import drift as drift_room
from dirsync_nb.provisioning import find_drift
from dirsync_nb.sync.events import Unusable

FIELDS = {"name": "name"}


def app_in_line(users: pd.DataFrame) -> pd.DataFrame:
    """The table of an app that follows the directory to the letter."""
    app = users[["idp_id", "name", "address", "state"]].rename(columns={"address": "email"})
    return app.assign(active=app.pop("state").astype("str") == "active").reset_index(drop=True)


@pytest.fixture
def app(client, sandbox, okta) -> pd.DataFrame:
    return app_in_line(ds.load_users(client, directory_id=okta))


def drift(client, app, okta, **more):
    return find_drift(client, app, directory_id=okta, on="idp_id", fields=FIELDS, active="active", **more)


def test_where_both_agree_there_is_no_drift(client, app, okta):
    found = drift(client, app, okta)
    assert len(found) == 0
    assert "agree on" in found.sentence


def test_each_change_is_told_with_the_moment_of_its_event(client, sandbox, app, okta):
    users = ds.load_users(client, directory_id=okta)
    active = users[(users["state"] == "active") & users["first_name"].notna()]
    renamed, gone = active.index[:2]
    sandbox.update_user(renamed, first_name="Renamed")
    sandbox.delete_user(gone)
    joined = sandbox.add_user(okta, email="new.person@acme.test", first_name="New", last_name="Person")
    found = drift(client, app, okta)
    rows = found.rows.set_index("action")
    assert set(rows.index) == {"create", "update", "deactivate"}
    events = ds.load_events(client).groupby("user_id")["created_at"].max()
    assert rows.loc["create", "user_id"] == joined
    assert rows.loc["create", "since"] == events[joined]
    assert rows.loc["update", "user_id"] == renamed
    assert rows.loc["update", "since"] == events[renamed]
    assert rows.loc["deactivate", "since"] == events[gone]
    assert rows.loc["deactivate", "name"] == users.loc[gone, "name"]  # as the app calls whoever is gone
    assert found.rows["snapshot"].isna().all()
    assert "3 differences, the oldest since" in found.sentence


def test_a_snapshot_tells_what_is_new_and_what_is_settled(client, sandbox, app, okta):
    behind = app.drop(index=app.index[app["active"]][:2])  # two that the app never made
    snapshot = ds.take_snapshot(client, directory_id=okta)
    users = ds.load_users(client, directory_id=okta)
    missing = users.index[~users["idp_id"].isin(behind["idp_id"])]
    sandbox.delete_user(missing[0])  # the service gave way
    joined = sandbox.add_user(okta, email="new.person@acme.test")
    found = drift(client, behind, okta, snapshot=snapshot)
    assert found.rows.set_index("user_id")["snapshot"].to_dict() == {missing[1]: "known", joined: "new"}
    assert found.settled == 1


def test_a_page_and_a_file_say_the_same_and_text_stays_text(client, sandbox, app, okta, tmp_path):
    sandbox.add_user(okta, email="x@acme.test", first_name="<script>alert(1)</script>", last_name="$a$")
    found = drift(client, app, okta)
    page = found.to_html(tmp_path / "drift.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    told = json.loads(found.to_json(tmp_path / "drift.json").read_text(encoding="utf-8"))
    assert (told["in_line"], told["counts"]) == (False, {"create": 1})
    assert told["rows"][0]["since"].startswith("20")


def test_a_row_that_is_nobody_is_a_difference_of_no_known_moment(client, app, okta, tmp_path):
    keyless = pd.concat([app, app.iloc[:1].assign(idp_id=None)], ignore_index=True)
    found = drift(client, keyless, okta)
    assert found.rows["action"].tolist() == ["cannot_compare"]
    (row,) = json.loads(found.to_json(tmp_path / "drift.json").read_text(encoding="utf-8"))["rows"]
    assert (row["since"], row["user_id"]) == (None, None)


def test_an_event_that_cannot_be_read_tells_no_moment(client, sandbox, app, okta, monkeypatch):
    joined = sandbox.add_user(okta, email="new.person@acme.test")
    assert drift(client, app, okta).rows["user_id"].tolist() == [joined]

    def unusable(_: object) -> None:
        raise Unusable("of another shape")

    monkeypatch.setattr(drift_room, "parse_event", unusable)
    assert drift(client, app, okta).rows["user_id"].tolist() == [joined]


def test_what_cannot_be_told_is_an_error_and_no_drift(client, app):
    with pytest.raises(errors.ArgumentError, match="no directory 'directory_01"):
        find_drift(client, app, directory_id="directory_01JYXEMCM0M4F6NYR18TC59WD9")
    with pytest.raises(errors.ArgumentError, match="no column"):
        find_drift(client, app, on="mail")
    with pytest.raises(errors.ArgumentError, match="empty list"):
        find_drift(client, app, directory_id=[])


def test_without_a_directory_or_the_whole_app_nothing_is_looked_for(client, sandbox, app):
    whole, asked = app.copy(), len(sandbox.requests)
    app.attrs["incomplete"] = "the first rows"
    with pytest.raises(errors.IncompleteError, match="a search for drift"):
        find_drift(client, app)
    assert len(sandbox.requests) == asked
    with ds.sandbox.Sandbox(world="empty") as empty, ds.connect(empty.api_key, base_url=empty.url) as nobody:
        with pytest.raises(errors.ArgumentError, match="has no directory yet"):
            find_drift(nobody, whole, on="idp_id")


@pytest.fixture
def served(shared_sandbox, monkeypatch, app, tmp_path):
    """The app as a file, and the sandbox as the server that the command asks."""
    monkeypatch.setenv("DIRSYNC_SANDBOX_URL", shared_sandbox.url)
    with sqlite3.connect(tmp_path / "app.db") as connection:
        app.to_sql("users", connection, index=False)
    connection.close()
    return tmp_path, f"sqlite:///{tmp_path / 'app.db'}"


def test_the_command_ends_with_what_cron_wants_to_know(served, okta, sandbox, capsys):
    folder, url = served
    asked = ["drift", "--on", "idp_id", "--active", "active", "--directory", okta]
    assert main([*asked, "--app", url, "--fields", "name"]) == 0
    assert "agree on" in capsys.readouterr().out
    sandbox.add_user(okta, email="new.person@acme.test", first_name="Somebody")
    files = ["--json", str(folder / "drift.json"), "--html", str(folder / "drift.html")]
    assert main([*asked, "--app", url, *files]) == 1
    told = capsys.readouterr().out
    assert "create 1" in told
    assert "Somebody" not in told + url
    assert json.loads((folder / "drift.json").read_text(encoding="utf-8"))["rows"][0]["name"] == "Somebody"
    assert main([*asked, "--app", f"sqlite:///{folder / 'nowhere.db'}"]) == 2
    assert "there is no database file" in capsys.readouterr().err
    assert main([*asked, "--app", url, "--table", "people"]) == 2
    assert "table must be of the database: 'users'; got 'people'" in capsys.readouterr().err
    assert main(asked) == 2
    assert "APP_DATABASE_URL" in capsys.readouterr().err


def test_the_command_knows_words_that_are_in_no_list(served, okta, capsys):
    folder, url = served
    with sqlite3.connect(folder / "app.db") as connection:
        connection.execute("ALTER TABLE users ADD COLUMN status TEXT DEFAULT 'Pending'")
    connection.close()
    asked = ["drift", "--on", "idp_id", "--active", "status", "--directory", okta, "--app", url]
    assert main(asked) == 1
    told = capsys.readouterr().out
    assert "'Pending'" in told
    assert "Who, and why: --html FILE or --json FILE" in told
    assert main([*asked, "--status-words", "Pending=on,Left=off"]) == 0
    for wrong in ("Pending", "Pending=maybe", "=on=", "Pending=on,Left"):
        assert main([*asked, "--status-words", wrong]) == 2
    assert "written as Pending=on,Left=off" in capsys.readouterr().err


def test_an_app_on_postgresql_is_watched_like_any_other(
    postgres, app, okta, sandbox, shared_sandbox, monkeypatch, capsys
):
    """By its address in the environment; the password is in no line."""
    monkeypatch.setenv("DIRSYNC_SANDBOX_URL", shared_sandbox.url)
    monkeypatch.setenv("APP_DATABASE_URL", postgres)
    engine = sa.create_engine(
        postgres.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.pool.NullPool
    )
    app.to_sql("watched", engine, index=False, if_exists="replace")
    asked = ["drift", "--table", "watched", "--on", "idp_id", "--active", "active", "--directory", okta]
    assert main([*asked, "--fields", "name"]) == 0
    sandbox.add_user(okta, email="new.person@acme.test")
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE watched SET name = 'Another' WHERE idp_id = :one"), {"one": app["idp_id"][0]}
        )
    assert main([*asked, "--fields", "name"]) == 1
    told = capsys.readouterr()
    assert "create 1" in told.out
    assert "update 1" in told.out
    assert main([*asked, "--app", postgres, "--table", "nowhere"]) == 2
    assert "hunter2" not in told.out + told.err + capsys.readouterr().err


def test_a_database_of_several_tables_must_be_told_which(tmp_path):
    url = f"sqlite:///{tmp_path / 'app.db'}"
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY)")
    assert list(ds.load_app_users(url)) == ["id"]
    with connection:
        connection.execute("CREATE TABLE teams (id INTEGER PRIMARY KEY)")
    with pytest.raises(errors.ArgumentError, match="people, teams"):
        ds.load_app_users(url)
    with connection:
        connection.execute("CREATE TABLE users (email TEXT)")
    assert list(ds.load_app_users(url)) == ["email"]
    connection.close()
