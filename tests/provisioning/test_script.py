"""A plan as SQL: run on SQLite and PostgreSQL, whole or not at all, and the table is then as the plan says."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.frames import users_frame
from dirsync_nb.provisioning import TooManyDeactivations, compare, compare_organizations, load_app_users

from ..frame_zoo import user

HOSTILE = "O'Brien; DROP TABLE people; -- 100% \\' \\n\n:x $1 %s \u202e"
PEOPLE = users_frame(
    [
        user("u0", "p0@acme.test", idp_id="0", name="P0"),
        user("u1", "p1@acme.test", idp_id="1", name=HOSTILE),
        user("u2", "p2@acme.test", idp_id="2", name="P2", custom_attributes={"department_name": HOSTILE}),
        user("u3", "p3@acme.test", idp_id="3", name="P3", state="inactive"),
        user("u4", "p4@acme.test", idp_id="4", name="P4", custom_attributes={"department_name": None}),
        user("u6", "desk@acme.test", idp_id="6", name="P6"),
        user("u7", "desk@acme.test", idp_id="7", name="P7", state="inactive"),
    ]
)
ROWS = [
    (10, "p0@acme.test", "P0", True, "0", "org_1", "Ops"),
    (11, "P1@acme.test", "P1", False, "1", "org_1", None),
    (13, "p3@acme.test", "P3", True, "3", "org_1", HOSTILE),
    (14, "p4@acme.test", "P4", True, None, "org_1", "Old"),
    (15, "gone@acme.test", HOSTILE, True, "9", "org_1", None),
    (16, "off@acme.test", "Off", False, "8", "org_1", None),
    (17, "desk@acme.test", "P7", True, "7", "org_1", None),
]
ASKED: dict[str, Any] = {
    "on": {"idp": "idp_id", "email": "address"},
    "fields": {"name": "name", "department": "custom_attributes.department_name"},
    "active": "active",
    "guard": 0.6,
}


class Shop:
    """An app's own table in a database, and what runs a script on it."""

    def __init__(self, url: str) -> None:
        self.url, self.dialect = url, "sqlite" if url.startswith("sqlite") else "postgresql"
        self.engine = sa.create_engine(
            url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.pool.NullPool
        )
        meta = sa.MetaData()
        self.table = sa.Table(
            "people",
            meta,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("email", sa.String(120), nullable=False),
            sa.Column("name", sa.Text),
            sa.Column("active", sa.Boolean, nullable=False),
            sa.Column("idp", sa.Text),
            sa.Column("org", sa.Text, nullable=False, server_default="org_1"),
            sa.Column("department", sa.Text),
        )
        meta.drop_all(self.engine)
        meta.create_all(self.engine)
        with self.engine.begin() as connection:
            names = [column.name for column in self.table.columns]
            connection.execute(sa.insert(self.table), [dict(zip(names, row, strict=True)) for row in ROWS])
            if self.dialect == "postgresql":
                connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('people', 'id'), 100)"))

    def read(self) -> pd.DataFrame:
        return load_app_users(self.url, table="people")

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(
            self.read().astype(object).where(lambda f: f.notna(), None).itertuples(index=False, name=None)
        )

    def run(self, script: str) -> None:
        """Run a script as a person would, who feeds it to the database's own program."""
        if self.dialect == "sqlite":
            connection = sqlite3.connect(self.engine.url.database or "")
            try:
                connection.executescript(script)
            finally:
                connection.close()
            return
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(script.encode())

    def change(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement))


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request, tmp_path) -> Shop:
    if request.param == "sqlite":
        return Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    return Shop(request.getfixturevalue("postgres"))


def test_the_script_makes_the_table_what_the_plan_says(shop):
    plan = compare(PEOPLE, shop.read(), **ASKED)
    assert plan.counts == {"create": 2, "update": 2, "same_person": 0, "deactivate": 3, "tombstone": 1,
                           "cannot_compare": 0}  # fmt: skip
    shop.run(plan.to_sql(shop.dialect))
    held = {row[0]: row for row in shop.rows()}
    assert held[10] == (10, "p0@acme.test", "P0", 1, "0", "org_1", "Ops")  # absent never erases
    assert held[11] == (11, "p1@acme.test", HOSTILE, 1, "1", "org_1", None)
    assert [held[one][3] for one in (13, 15, 16, 17)] == [0, 0, 0, 0]
    assert held[14] == (14, "p4@acme.test", "P4", 1, "4", "org_1", None)  # null does
    new = sorted(row[1:] for key, row in held.items() if key > 17)
    assert new == [
        ("desk@acme.test", "P6", 1, "6", "org_1", None),
        ("p2@acme.test", "P2", 1, "2", "org_1", HOSTILE),
    ]
    again = compare(PEOPLE, shop.read(), **ASKED)
    assert again.counts == {action: int(action == "tombstone") * 2 for action in again.counts}


CHANGES = {
    "a row changed": "UPDATE people SET name = 'other' WHERE id = 11",
    "somebody is off already": "UPDATE people SET active = false WHERE id = 15",
    "a new row": "INSERT INTO people (id, email, active, idp) VALUES (50, 'new@acme.test', false, '50')",
    "a row is gone": "DELETE FROM people WHERE id = 16",
    "the new person is there": "UPDATE people SET idp = '2' WHERE id = 16",
    "somebody came back": "UPDATE people SET active = true WHERE id = 16",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_plan_older_than_the_table_writes_nothing(shop, change):
    script = compare(PEOPLE, shop.read(), **ASKED).to_sql(shop.dialect)
    shop.change(CHANGES[change])
    before = shop.rows()
    with pytest.raises(Exception, match=r"(?i)check constraint"):
        shop.run(script)
    assert shop.rows() == before


@pytest.mark.parametrize("change", CHANGES)
def test_a_program_that_goes_on_after_an_error_writes_nothing_either(tmp_path, change):
    """The sqlite3 program does, unless it is told to bail."""
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    script = compare(PEOPLE, shop.read(), **ASKED).to_sql("sqlite")
    shop.change(CHANGES[change])
    before, statement, failed = shop.rows(), "", 0
    connection = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            try:
                connection.execute(statement)
            except sqlite3.Error:
                failed += 1
            statement = ""
    connection.close()
    assert failed > 1
    assert shop.rows() == before


def test_a_trigger_that_adds_rows_is_noticed_at_the_end(tmp_path):
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    shop.change("CREATE TRIGGER more AFTER UPDATE ON people WHEN new.id = 11 BEGIN "
                "INSERT INTO people (email, active) VALUES ('t@acme.test', 1); END")  # fmt: skip
    before = shop.rows()
    with pytest.raises(sqlite3.IntegrityError):
        shop.run(compare(PEOPLE, shop.read(), **ASKED).to_sql("sqlite"))
    assert shop.rows() == before


def test_the_guard_and_the_confirmed_number_stand_in_the_script(shop):
    app = shop.read()
    plan = compare(PEOPLE, app, **ASKED)
    assert "-- The guard: at most 60% of those who are on go." in plan.to_sql(shop.dialect)
    confirmed = compare(PEOPLE, app, **ASKED | {"guard": 0.1, "confirm": 3}).to_sql(shop.dialect)
    assert "-- Confirmed: 3 people to switch off." in confirmed
    shop.run(confirmed)
    # The counts of a script whose guard was loosened by hand still hold.
    tampered = plan.to_sql(shop.dialect)
    with pytest.raises(Exception, match=r"(?i)check constraint"):
        shop.run(tampered)


GUARDS = ("rows", "rows that are on", "the guard allows it", "rows to change, as they were read",
          "new people, by idp", "rows afterwards", "rows that are on afterwards")  # fmt: skip


def test_every_guard_stands_in_the_script_before_and_after_the_changes(tmp_path):
    """One behind the other: where one is taken out by hand, the next still holds."""
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    script = compare(PEOPLE, shop.read(), **ASKED).to_sql("sqlite")
    before, _, after = script.partition("UPDATE people")
    assert [name for name in GUARDS if f"'{name}'" in before] == list(GUARDS[:5])
    assert [name for name in GUARDS if f"'{name}'" in after] == list(GUARDS[5:])


class Unknown(sa.types.NullType):
    """A type that says of no Python type that it is its own, as most did before SQLAlchemy 2.1."""

    @property
    def python_type(self) -> type:
        raise NotImplementedError


@pytest.mark.parametrize(("column", "value", "sentence"), [
    ("desk", "0412", "integer values; '0412' does not fit"),
    ("desk", "a\0b", "holds what no database takes as text"),
    ("desk", "\ud800", "holds what no database takes as text"),
    ("desk", [1], "is no single value"),
    ("desk", {"a": 1}, "is no single value"),
    ("since", 3, "time values; 3 does not fit"),
    ("since", "soon", "time values; 'soon' does not fit"),
    ("note", True, "text values; True does not fit"),
])  # fmt: skip
def test_a_value_that_would_become_another_is_refused(column, value, sentence):
    table = frame_of(name=sa.Text(), desk=sa.Integer(), since=sa.DateTime(), note=sa.Text(), odd=Unknown())
    plan = compare(PEOPLE, BLANK, **NAMED)
    with pytest.raises(errors.ArgumentError, match=sentence):
        plan.to_sql("sqlite", table, defaults={column: value})
    assert "2026-05-11" in plan.to_sql("sqlite", table, defaults={"since": "2026-05-11", "odd": None})


def test_the_script_keeps_others_out_and_leaves_nothing_of_its_own_behind(tmp_path):
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    plan = compare(PEOPLE, shop.read(), **ASKED)
    first = plan.to_sql("postgresql").partition("CREATE TEMPORARY")[0]
    assert "LOCK TABLE people IN SHARE ROW EXCLUSIVE MODE;" in first
    assert "standard_conforming_strings = on;" in first
    headings = [
        line for line in plan.to_sql("sqlite").splitlines() if line.startswith("-- ") and line[-3:-1] == ": "
    ]
    assert headings == ["-- deactivate: 3", "-- update: 2", "-- create: 2"]
    assert "-- create" not in compare(PEOPLE.iloc[3:4], shop.read().iloc[2:3], **ASKED).to_sql("sqlite")
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.executescript(plan.to_sql("sqlite"))
    connection.executescript(compare(PEOPLE, shop.read(), **ASKED).to_sql("sqlite"))
    connection.close()


def test_a_read_only_database_is_read_and_refuses_the_script(tmp_path):
    path = tmp_path / "shop.db"
    shop = Shop(f"sqlite:///{path}")
    before = shop.rows()
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    script = compare(PEOPLE, load_app_users(url, table="people"), **ASKED).to_sql("sqlite")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.executescript(script)
    connection.close()
    assert shop.rows() == before


def app(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": [1, 2], "email": ["p0@acme.test", "x@acme.test"], "on": [True, True], **columns})


def frame_of(**columns: Any) -> sa.Table:
    kinds = {"id": sa.Integer(), "email": sa.Text(), "on": sa.Boolean(), **columns}
    return sa.Table("t", sa.MetaData(), *[sa.Column(n, k, primary_key=n == "id") for n, k in kinds.items()])


NAMED = {"on": "email", "fields": ["name"], "active": "on", "key": "id"}
BLANK = app(name=None)
NEEDY = sa.Table(
    "t",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    *[sa.Column(name, sa.Text) for name in ("email", "name", "on")],
    sa.Column("plan", sa.Text, nullable=False),
)
COMPUTED = frame_of(name=sa.Text())
COMPUTED.c["name"].computed = sa.Computed("'x'")
BAD = {
    "no table": (BLANK, {}, {}, "needs the name of the table"),
    "a blank for a table": (BLANK, {}, {"table": " "}, "needs the name of the table"),
    "no key": (BLANK, {"key": None}, {"table": "t"}, r"by which column.*key='id'"),
    "doubled keys": (BLANK.assign(id=[1, 1]), {}, {"table": "t"}, "'1' stands more than once"),
    "a row without a key": (BLANK.assign(id=[1, None]), {}, {"table": "t"}, "1 rows to change have no id"),
    "a dialect we do not write": (
        BLANK,
        {},
        {"dialect": "oracle"},
        "dialect must be one of 'sqlite', 'postgresql'; got 'oracle'",
    ),
    "nobody says who is on": (BLANK, {"active": None}, {"table": "t"}, "no column says who is on"),
    "no such column": (BLANK, {}, {"table": frame_of(nme=sa.Text())}, "got 'name'. Did you mean 'nme'"),
    "text in a number": (
        BLANK,
        {},
        {"table": frame_of(name=sa.Integer())},
        "integer values; 'P0' does not fit",
    ),
    "too long": (BLANK, {}, {"table": frame_of(name=sa.String(1))}, "has 1 characters; 'P0' has more"),
    "a key that another row has": (
        BLANK.assign(id=[2, 2]).assign(name="P0"),
        {},
        {"table": "t"},
        "'2' stands more",
    ),
    "a date where a name goes": (
        BLANK,
        {},
        {"table": frame_of(name=sa.Date())},
        "time values; 'P0' does not fit",
    ),
    "a computed column": (BLANK, {}, {"table": COMPUTED}, "name of t is computed"),
    "an empty column": (BLANK, {}, {"table": NEEDY}, r"plan of t must not be empty.*defaults=\{'plan'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_a_sentence_and_no_file(case, tmp_path):
    mine, asked, given, sentence = BAD[case]
    plan = compare(PEOPLE, mine, **NAMED | asked)
    target = tmp_path / "plan.sql"
    with pytest.raises(errors.ArgumentError, match=sentence):
        plan.to_sql(given.get("dialect", "sqlite"), given.get("table"), path=target)
    assert list(tmp_path.iterdir()) == []


UNREADABLE = {
    "keys that are bytes": (app(email=[b"p0@acme.test", b"x"]), {}, "type bytes, by which nobody is found"),
    "keys that are lists": (app(email=[["p0@acme.test"], []]), {}, "type list, by which nobody is found"),
    "a column that stands twice": (pd.concat([app(), app()[["on"]]], axis=1), {}, "two columns named 'on'"),
    "no such key": (app(), {"key": "ids"}, "key='ids' is not a column of app_users; near it: 'id'"),
    "no such status": (app(), {"active": "onn"}, "active='onn' is not a column of app_users; near it: 'on'"),
    "no such column": (app(), {"on": "mail"}, "on: app_users has no column 'mail'"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_table_that_cannot_be_compared_is_a_sentence(case):
    mine, asked, sentence = UNREADABLE[case]
    with pytest.raises(errors.ArgumentError, match=sentence):
        compare(PEOPLE, mine, **{"on": "email", "active": "on", "key": "id"} | asked)


def test_a_place_where_nothing_can_be_written_is_a_sentence(tmp_path):
    plan = compare(PEOPLE, app(name=None), **NAMED)
    for place, sentence in ((tmp_path / "no" / "x.sql", "there is no folder"), (tmp_path, "is a folder")):
        with pytest.raises(errors.ArgumentError, match=sentence):
            plan.to_sql("sqlite", "t", path=place)
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.ArgumentError, match="is a file"):
        plan.save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == ""


def test_defaults_fill_what_new_rows_need_and_a_file_holds_the_same_script(tmp_path):
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    shop.change("ALTER TABLE people ADD COLUMN plan TEXT NOT NULL DEFAULT 'free'")
    plan = compare(PEOPLE, shop.read(), **ASKED)
    script = plan.to_sql("sqlite", defaults={"plan": "paid"}, path=tmp_path / "plan.sql")
    assert (tmp_path / "plan.sql").read_text(encoding="utf-8") == script
    shop.run(script)
    assert shop.read()["plan"].value_counts().to_dict() == {"free": 7, "paid": 2}


@pytest.mark.parametrize("words", [("enabled", "disabled"), ("ACTIVE", "INACTIVE"), ("yes", "no"), ("1", "0")])
def test_a_status_is_written_in_the_columns_own_words(tmp_path, words):
    path = tmp_path / "app.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, status TEXT)")
    connection.executemany("INSERT INTO users (email, status) VALUES (?, ?)", [("x@acme.test", words[0])])
    connection.commit()
    plan = compare(
        PEOPLE.iloc[:1], load_app_users(f"sqlite:///{path}", table="users"), on="email", active="status"
    )
    connection.executescript(plan.to_sql("sqlite"))
    assert connection.execute("SELECT email, status FROM users").fetchall() == [
        ("x@acme.test", words[1]), ("p0@acme.test", words[0])]  # fmt: skip
    connection.close()


def test_a_status_whose_other_word_nobody_has_seen_is_refused():
    mine = pd.DataFrame({"id": [1], "email": ["x@acme.test"], "status": ["recovery"]})
    plan = compare(PEOPLE, mine, on="email", active="status", key="id")
    with pytest.raises(errors.ArgumentError, match="no row shows how status says inactive"):
        plan.to_sql("sqlite", "t")


def test_a_column_of_the_time_since_when_somebody_is_gone_is_filled_and_emptied(shop):
    """Soft deletion: who goes gets the time, who comes back loses it."""
    shop.change("ALTER TABLE people ADD COLUMN deleted_at TIMESTAMP")
    shop.change("UPDATE people SET deleted_at = '2026-01-01 10:00:00' WHERE NOT active")
    asked = ASKED | {"active": "deleted_at", "guard": None}
    shop.run(compare(PEOPLE, shop.read(), **asked).to_sql(shop.dialect, defaults={"active": True}))
    table = shop.read().set_index("id")
    assert table["deleted_at"].notna()[[10, 11, 13, 14, 15, 16, 17]].tolist() == [0, 0, 1, 0, 1, 1, 1]
    assert table["deleted_at"].isna()[table.index > 17].all()
    again = compare(PEOPLE, shop.read(), **asked)
    assert again.counts == {action: int(action == "tombstone") * 2 for action in again.counts}


def test_a_plan_of_a_part_of_the_table_creates_nobody(shop):
    """Those left out would be made anew, whatever made somebody leave them out."""
    part = shop.read().query("id > 11")
    with pytest.raises(
        errors.ArgumentError, match="a part of people was compared, and of its 7 rows the others"
    ):
        compare(PEOPLE, part, **ASKED | {"guard": None}).to_sql(shop.dialect)


def test_a_new_person_who_is_there_in_another_spelling_stops_the_script(tmp_path):
    asked = {"on": {"email": "address"}, "active": "active", "guard": None}
    for place, email in enumerate(("off@acme.test", " P2@ACME.test ")):
        shop = Shop(f"sqlite:///{tmp_path / f'{place}.db'}")
        script = compare(PEOPLE.iloc[:3], shop.read(), **asked).to_sql("sqlite")
        shop.change(f"UPDATE people SET email = '{email}' WHERE id = 16")  # somebody the plan leaves alone
        if place == 0:
            shop.run(script)
            assert len(shop.rows()) == len(ROWS) + 1
        else:
            with pytest.raises(sqlite3.IntegrityError):
                shop.run(script)
            assert len(shop.rows()) == len(ROWS)


def test_a_plan_named_like_one_file_is_told_that_it_is_several(tmp_path):
    plan = compare(PEOPLE, BLANK, **NAMED)
    with pytest.raises(errors.ArgumentError, match=r"named like a file.*save\('plan', kind='xlsx'\)"):
        plan.save(tmp_path / "plan.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_table_is_named():
    plan = compare(PEOPLE, BLANK, **NAMED)
    for given in ("plan.sql", "out/plan", "out\\plan"):
        with pytest.raises(
            errors.ArgumentError, match="looks like a file, and here is the table's place: path="
        ):
            plan.to_sql("sqlite", given)


def test_truth_is_not_written_into_a_column_of_words():
    plan = compare(PEOPLE, BLANK, **NAMED)
    with pytest.raises(errors.ArgumentError, match="on of t holds text values; (True|False) does not fit"):
        plan.to_sql("sqlite", frame_of(name=sa.Text(), on=sa.Text()))


# As a thing to read and hand on -----------------------------------------------------------------------------


def test_a_plan_is_frames_a_table_and_files(tmp_path):
    mine = app(name="$x$ <b>=1+1</b>", department="Old").set_index("id")
    plan = compare(PEOPLE, mine, on="email", fields=["name"], active="on")
    assert len(plan) == len(plan.rows) == sum(plan.counts.values())
    for action in plan.counts:
        pd.testing.assert_frame_equal(getattr(plan, action), plan[action])
    shown = plan._repr_html_()
    assert "<b>" not in shown
    assert 'class="tex2jax_ignore"' in shown
    cells = [re.sub("<.*?>", "", cell) for cell in re.findall("<td.*?</td>", shown)]
    assert {"", "name"} < set(cells)
    assert not {"('name',)", "nan", "None", "&lt;NA&gt;"} & set(cells)
    files = plan.save(tmp_path)
    assert sorted(file.name for file in files) == ["create.csv", "deactivate.csv", "update.csv"]
    update = pd.read_csv(tmp_path / "update.csv", dtype=str)
    assert update[["app_key", "before: name", "after: name"]].to_numpy().tolist() == [
        ["1", "$x$ <b>=1+1</b>", "P0"]
    ]


# Organizations ----------------------------------------------------------------------------------------------


def test_each_organization_has_its_plan_and_a_script_for_its_rows_alone(shop):
    other = users_frame([user("v1", "p0@acme.test", idp_id="v1", name="V1", organization_id="org_2")])
    shop.change("INSERT INTO people (id, email, active, idp, org) VALUES (60, 'a@b.test', true, 'z', 'org_9')")
    table = shop.read()
    plans = compare_organizations(ds.concat([PEOPLE, other]), table, organization="org", **ASKED)
    assert (list(plans), len(plans), plans.stopped) == (["org_1", "org_2"], 2, [])
    assert plans.summary.loc["org_2", ["create", "deactivate", "active_users"]].tolist() == [1, 0, 0]
    assert plans.summary["create"].tolist() == [2, 1]
    assert plans["org_1"].counts == compare(PEOPLE, table[table["org"] == "org_1"], **ASKED).counts
    assert "1 users of the app are left out: their org (org_9)" in plans.notices[0]
    for plan in plans.values():
        shop.run(plan.to_sql(shop.dialect))
    done = shop.read()
    assert sorted(done.loc[done["email"] == "p0@acme.test", "org"]) == ["org_1", "org_2"]
    assert len(done) == len(ROWS) + 1 + 3
    assert table.attrs["app_table"]["rows"] == 8


def test_of_a_part_of_the_table_an_organizations_script_counts_only_what_it_changes(shop):
    part = shop.read().query("id != 10")
    plan = compare_organizations(PEOPLE, part, organization="org", **ASKED | {"guard": None})["org_1"]
    leavers = replace(plan, rows=plan.deactivate)
    shop.run(leavers.to_sql(shop.dialect))
    assert not any(row[3] for row in shop.rows() if row[0] in (13, 15, 17))


def test_rows_of_no_organization_are_refused_and_never_left_out_in_silence():
    mine = pd.DataFrame({"email": ["p0@acme.test", "x@acme.test"], "org": ["org_1", None]})
    with pytest.raises(errors.ArgumentError, match="1 rows of app_users have no org"):
        compare_organizations(PEOPLE, mine, organization="org", on="email")


def test_organizations_are_asked_for_by_name_and_compared_whole():
    mine = pd.DataFrame({"email": ["p0@acme.test"], "org": ["org_1"]})
    homeless = users_frame([user("v1", "v@b.test", organization_id=None)])
    plans = compare_organizations(ds.concat([PEOPLE, homeless]), mine, organization="org")
    assert any("1 users of the directory belong to no organization" in one for one in plans.notices)
    with pytest.raises(errors.ArgumentError, match="no plan of an organization 'org_2'.*'org_1'"):
        plans["org_2"]
    for asked, sentence in (
        ({"fields": {"email": "custom_attributes.shoe"}}, "shoe"),
        ({"guard": 3}, "guard is a share"),
    ):
        with pytest.raises(errors.ArgumentError, match=sentence):
            compare_organizations(
                PEOPLE if "fields" in asked else PEOPLE.iloc[:0], mine, organization="org", **asked
            )
    for users, table in ((homeless, mine), (homeless.copy(), mine.copy())):
        (users if table is mine else table).attrs["incomplete"] = "the first rows"
        with pytest.raises(errors.IncompleteError, match="a comparison"):
            compare_organizations(users, table, organization="org")


def test_the_guard_stops_at_one_customer_and_leaves_the_others_alone():
    mine = pd.DataFrame(
        {"email": ["p0@acme.test"] + [f"x{n}@b.test" for n in range(3)], "org": ["org_1"] + ["org_2"] * 3}
    )
    both = ds.concat([PEOPLE, users_frame([user("v1", "v@b.test", organization_id="org_2")])])
    plans = compare_organizations(both, mine, organization="org")
    assert plans.stopped == ["org_2"]
    assert plans.summary["stopped"].tolist() == [False, True]
    assert plans["org_1"].unchanged == 1
    with pytest.raises(TooManyDeactivations, match="3 of 3 active users of org_2"):
        plans["org_2"]
    assert "stopped at org_2" in repr(plans)
    confirmed = compare_organizations(both, mine, organization="org", confirm={"org_2": 3})
    assert confirmed["org_2"].counts["deactivate"] == 3
    with pytest.raises(errors.ArgumentError, match="no organization 'org_3' is compared"):
        compare_organizations(both, mine, organization="org", confirm={"org_3": 3})
    with pytest.raises(
        errors.ArgumentError, match="organization='orgg' is not a column of app_users; near it: 'org'"
    ):
        compare_organizations(both, mine, organization="orgg")


def test_a_file_of_the_script_is_replaced_whole(tmp_path: Path):
    shop = Shop(f"sqlite:///{tmp_path / 'shop.db'}")
    target = tmp_path / "plan.sql"
    target.write_text("older")
    compare(PEOPLE, shop.read(), **ASKED).to_sql("sqlite", path=target)
    assert target.read_text(encoding="utf-8").startswith("-- Brings people in line")
    assert not list(tmp_path.glob("*.part"))
