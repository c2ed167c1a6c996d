"""An app's own users against the directory: a plan, in words and in rows, and nothing written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

import dirsync_nb as ds
from dirsync_nb import comparison, errors
from dirsync_nb.frames import users_frame
from dirsync_nb.provisioning import compare, database, load_app_users
from dirsync_nb.sync import snapshot


def person(number: int, **fields: Any) -> dict[str, Any]:
    record = {
        "object": "directory_user",
        "id": f"user_{number}",
        "idp_id": f"idp_{number}",
        "directory_id": "d",
    }
    record |= {"email": f"p{number}@x.example", "name": f"P{number}", "state": "active"}
    return record | {"custom_attributes": {"job_title": "Pilot"}, "role": {"slug": "member"}, **fields}


def directory(*records: dict[str, Any]) -> pd.DataFrame:
    return users_frame(records)


def app(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=[f"app_{n}" for n, _ in enumerate(rows)])


def told(plan: comparison.Plan, *columns: str) -> list[Any]:
    return plan.rows[["action", *columns]].astype(object).to_numpy().tolist()


EVERYBODY = directory(*[person(n) for n in range(4)])
SAME = app(*[{"email": f"p{n}@x.example", "name": f"P{n}", "on": True} for n in range(4)])


def test_an_app_that_follows_the_directory_has_nothing_to_do():
    plan = compare(EVERYBODY, SAME, on="email", fields=["name"], active="on")
    assert plan.rows.empty
    assert plan.sentence == "To follow the directory: create 0, update 0, deactivate 0. Besides: 4 unchanged."
    assert plan.rows.dtypes.astype(str).to_dict() == comparison.PLAN_COLUMNS


def test_whoever_is_only_in_the_directory_is_to_be_created_with_their_fields():
    plan = compare(EVERYBODY, SAME.iloc[:3], on="email", fields=["name"])
    assert told(plan, "user_id", "reason") == [["create", "user_3", "not in the app"]]
    assert plan.rows["after"].iloc[0] == {"email": "p3@x.example", "name": "P3"}


def test_an_inactive_person_is_not_created():
    assert compare(directory(person(1, state="inactive")), SAME.iloc[:0], on="email").rows.empty


def test_what_differs_is_told_field_by_field():
    mine = SAME.assign(job=["Pilot", "Clerk", None, "Pilot"]).rename(columns={"email": "mail"})
    fields = {"name": "name", "job": "custom_attributes.job_title"}
    plan = compare(EVERYBODY, mine, on={"mail": "address"}, fields=fields)
    assert told(plan, "app_key", "fields", "before", "after") == [
        ["update", "app_1", ("job",), {"job": "Clerk"}, {"job": "Pilot"}],
        ["update", "app_2", ("job",), {"job": None}, {"job": "Pilot"}],
    ]
    assert "update 2 (job 2)" in plan.sentence


def test_leavers_are_told_apart_by_how_they_left():
    people = directory(person(0), person(1, state="inactive"))
    plan = compare(people, SAME.iloc[:3], on="email", active="on", guard=None)
    assert told(plan, "app_key", "reason") == [
        ["deactivate", "app_1", "inactive in the directory"],
        ["deactivate", "app_2", "not in the directory"],
    ]


def test_whoever_left_and_is_off_already_is_a_tombstone():
    plan = compare(directory(person(0)), SAME.iloc[:2].assign(on=[True, False]), on="email", active="on")
    assert told(plan, "app_key") == [["tombstone", "app_1"]]
    assert "1 person left and off already, whose rows should be kept" in plan.sentence


def test_whoever_is_off_in_both_is_unchanged():
    people = directory(person(0), person(1, state="inactive"))
    plan = compare(people, SAME.iloc[:2].assign(on=["active", "disabled"]), on="email", active="on")
    assert plan.unchanged == 2


def test_whoever_is_back_is_to_be_switched_on():
    plan = compare(EVERYBODY, SAME.assign(on=[1, 0, 1, 1]), on="email", active="on")
    assert told(plan, "app_key", "fields", "after") == [["update", "app_1", ("on",), {"on": "active"}]]


def test_another_case_is_the_same_person():
    mine = SAME.assign(email=[" P0@X.Example", *SAME["email"][1:]])
    plan = compare(EVERYBODY, mine, on="email")
    assert told(plan, "app_key", "reason") == [
        ["same_person", "app_0", "the same person: email differs in case or spaces only"]
    ]


def test_another_address_of_the_same_id_is_the_same_person():
    mine = SAME.assign(idp=[f"idp_{n}" for n in range(4)], email=["old@x.example", *SAME["email"][1:]])
    plan = compare(EVERYBODY, mine, on={"idp": "idp_id", "email": "email"})
    assert told(plan, "app_key", "matched_by", "after") == [
        ["same_person", "app_0", "idp", {"email": "p0@x.example"}]
    ]
    assert plan.rows["reason"].iloc[0] == "the same person under another email, found by idp"


def test_scim_15_a_new_record_of_the_same_person_is_neither_leaver_nor_joiner():
    old = person(1, email="ann.l@acme.test", state="inactive")
    new = person(2, email="ann.lee@acme.test", idp_id="idp_1")
    mine = app({"workos": "user_1", "email": "ann.l@acme.test"})
    plan = compare(directory(old, new), mine, on={"workos": "user_id", "email": "email"})
    assert told(plan, "fields", "after") == [
        ["same_person", ("workos", "email"), {"workos": "user_2", "email": "ann.lee@acme.test"}]
    ]
    assert "found by the provider's id" in plan.rows["reason"].iloc[0]


@pytest.mark.parametrize(
    ("people", "mine", "reason"),
    [
        ([person(0)], [{"email": None}], "it has no key to look for"),
        (
            [person(0), person(1, email="p0@x.example")],
            [{"email": "p0@x.example"}],
            "2 people in the directory have",
        ),
        (
            [person(0)],
            [{"email": "p0@x.example"}, {"email": "P0@x.example"}],
            "2 rows of the app are this person",
        ),
        ([person(0, email=None)], [], "user_0 has none of the keys in the directory"),
    ],
)
def test_what_cannot_be_compared_says_why_and_nobody_is_created_twice(people, mine, reason):
    rows = pd.DataFrame(mine, columns=["email"], dtype=object)
    plan = compare(directory(*people), rows, on="email", guard=None)
    assert set(plan.rows["action"]) == {"cannot_compare"} | ({"create"} if mine == [{"email": None}] else set())
    assert any(reason in text for text in plan.rows["reason"])


def test_keys_that_point_to_different_people_cannot_be_compared():
    mine = app({"workos": "user_0", "email": "p1@x.example"})
    plan = compare(EVERYBODY.iloc[:2], mine, on={"workos": "user_id", "email": "email"})
    assert told(plan, "reason") == [["cannot_compare", "workos and email point to different people"]]


def test_numbers_and_nothings_of_all_kinds_are_read():
    people = directory(person(0, idp_id="7"), person(1, idp_id="8"))
    mine = pd.DataFrame(
        {"number": [7, 8], "on": pd.array([True, None], dtype="boolean"), "job": [np.nan, pd.NA]}
    )
    plan = compare(people, mine, on={"number": "idp_id"}, fields={"job": "job_title"}, active="on")
    assert told(plan, "app_key", "fields") == [["update", 1, ("on",)]]


@pytest.mark.parametrize("word", [0, False, "0", "No", " INACTIVE ", "disabled", "", None, pd.NA, "deleted"])
def test_every_way_to_say_off_is_understood(word):
    assert not comparison.is_on(word)
    assert comparison.is_on("active")
    assert comparison.is_on(1)


def test_everybody_left_is_not_believed():
    mine = app(*[{"email": f"x{n}@x.example"} for n in range(10)])
    with pytest.raises(
        comparison.TooManyDeactivations, match=r"switch off 10 of 10 active users \(100%\)"
    ) as caught:
        compare(EVERYBODY, mine, on="email")
    assert caught.value.plan.counts["deactivate"] == 10
    assert compare(EVERYBODY, mine, on="email", guard=None).counts["deactivate"] == 10


def test_an_empty_directory_stops_even_a_small_plan():
    with pytest.raises(comparison.TooManyDeactivations):
        compare(EVERYBODY.iloc[:0], SAME.iloc[:1], on="email")


def test_a_few_leavers_of_a_small_app_are_believed():
    assert (
        compare(EVERYBODY, app({"email": "x@x.example"}, {"email": "y@x.example"}), on="email").counts[
            "deactivate"
        ]
        == 2
    )


def test_partial_frames_are_refused():
    """SCL-02: a plan of leavers from half a list would switch off the other half."""
    partial = EVERYBODY.copy()
    partial.attrs["incomplete"] = "/directory_users broke off after 4 rows"
    with pytest.raises(errors.IncompleteError, match="a comparison needs whole frames"):
        compare(partial, SAME, on="email")
    part_of_app = SAME.iloc[:2].copy()
    part_of_app.attrs["incomplete"] = "the first 2 rows"
    with pytest.raises(errors.IncompleteError, match="a comparison needs whole frames"):
        compare(EVERYBODY, part_of_app, on="email")


def test_scl_02_a_capped_load_gives_no_plan(sandbox, okta):
    with ds.connect(sandbox.api_key, base_url=sandbox.url, max_rows=10) as capped:
        with pytest.raises(errors.CapReached):
            ds.load_users(capped, directory_id=okta)
        with pytest.raises(errors.IncompleteError):
            compare(capped.receipts[-1].partial, SAME, on="email")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on": "mail"}, "on: app_users has no column 'mail'"),
        ({"on": {"email": "adress"}}, "on: 'adress' is no column of users"),
        ({"on": []}, "on must name at least one column"),
        ({"on": "email", "fields": ["shoe"]}, "fields: app_users has no column 'shoe'"),
        ({"on": "email", "active": "shoe"}, "active='shoe' is not a column"),
        ({"on": "email", "key": "shoe"}, "key='shoe' is not a column"),
        ({"on": "email", "guard": 3}, "guard is a share from 0 to 1"),
        ({"on": "email", "confirm": "all"}, "confirm is the exact number"),
        ({"on": "email", "fields": {"name": "custom_attributes.shoe"}}, "shoe"),
        ({"on": {"blob": "address"}}, "holds type bytes, by which nobody is found"),
        ({"directory": 3, "on": "email"}, "directory must be a frame; got one of type int"),
        ({"directory": EVERYBODY.drop(columns="state"), "on": "email"}, "state"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(settings, message):
    asked = {"directory": EVERYBODY, "app_users": SAME.assign(blob=b"x")} | settings
    with pytest.raises(errors.ArgumentError, match=message):
        compare(**asked)


def test_the_first_problem_of_a_row_is_told():
    twice = app(*[{"email": "p1@x.example", "on": "gone fishing"}] * 2)
    plan = compare(directory(person(1)), twice, on="email", active="on")
    assert plan.cannot_compare["reason"].tolist() == ["2 rows of the app are this person"] * 2


def test_actions_are_picked_by_name():
    plan = compare(EVERYBODY, SAME.iloc[:3], on="email")
    assert plan["create"]["user_id"].tolist() == ["user_3"]
    with pytest.raises(errors.ArgumentError, match="an action is one of create, update"):
        plan["delete"]


def test_nothing_given_is_changed():
    people, mine = EVERYBODY.copy(deep=True), SAME.copy(deep=True)
    compare(EVERYBODY, SAME, on="email", fields=["name"], active="on")
    pd.testing.assert_frame_equal(people, EVERYBODY)
    pd.testing.assert_frame_equal(mine, SAME)


def test_a_snapshot_tells_which_directory_is_not_working(sandbox, client, okta):
    sandbox.set_directory_state(okta, "invalid_credentials")
    found = snapshot.take_snapshot(client, directory_id=okta)
    mine = found.users[["address", "name"]].reset_index(drop=True)
    plan = compare(found, mine, on="address", fields=["name"])
    assert "Harbourline Okta is invalid_credentials" in repr(plan)
    assert plan.counts["deactivate"] == 0


# From a database ----------------------------------------------------------------------------------------


def test_an_apps_table_is_read_and_compared(url):
    mine = load_app_users(url, table="users").set_index("id")
    plan = compare(EVERYBODY.iloc[:3], mine, on="email", fields=["name"], active="active")
    assert told(plan, "app_key", "user_id")[:2] == [["create", None, "user_2"], ["update", 2, "user_1"]]
    assert plan.counts["tombstone"] == 1
    assert plan.unchanged == 1


def test_a_query_chooses_rows_and_columns(url):
    found = load_app_users(url, query="SELECT email FROM users WHERE active = 1 ORDER BY id")
    assert found["email"].tolist() == ["p0@x.example", "P1@x.example"]
    assert str(found["email"].dtype) == "str"


@pytest.mark.parametrize("query", ["DELETE FROM users", "UPDATE users SET name = 'x'", "DROP TABLE users"])
def test_a_query_that_writes_is_refused_by_the_database(url, query):
    with pytest.raises(errors.ConfigurationError, match=r"read.?only"):
        load_app_users(url, query=query)
    assert len(load_app_users(url, table="users")) == 3


def test_a_table_that_is_not_there_is_named(url):
    with pytest.raises(
        errors.ArgumentError, match=r"table must be of the database: .*'users'.*got 'user'.*mean 'users'"
    ):
        load_app_users(url, table="user")


def test_a_schema_can_be_named(postgres_url):
    assert len(load_app_users(postgres_url, table="crm.users")) == 3


def test_no_password_is_shown(postgres_url):
    wrong = postgres_url.replace("/postgres?", "/hunter2?")
    with pytest.raises(errors.ConfigurationError) as caught:
        load_app_users(wrong, table="users")
    assert "hunter2@" not in str(caught.value)
    assert ":hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_driver_that_repeats_a_password_is_not_believed_with_it():
    address = database.address_of("postgres://clerk:hunter2@host/app")
    assert address.drivername == "postgresql+psycopg"
    with pytest.raises(errors.ConfigurationError, match=r"\*\*\* is wrong") as caught:
        with database.refusals("reading", address):
            raise sa.exc.OperationalError("SELECT 1", None, Exception("hunter2 is wrong"))
    assert "hunter2" not in str(caught.value)


def test_an_organization_among_the_keys_is_nobody():
    people = directory(*[person(n, organization_id="org_1") for n in range(2)])
    mine = app(*[{"org": "org_1", "email": f"p{n}@x.example"} for n in range(2)])
    plan = compare(people, mine, on={"org": "organization_id", "email": "address"})
    assert (plan.unchanged, len(plan)) == (2, 0)


def test_a_wrong_address_is_refused_without_making_a_file(tmp_path):
    missing = tmp_path / "none.db"
    with pytest.raises(errors.ConfigurationError, match="there is no database file"):
        load_app_users(f"sqlite:///{missing}", table="users")
    assert not missing.exists()
    with pytest.raises(errors.ArgumentError, match="not a database address"):
        load_app_users("the app's database", table="users")
    with pytest.raises(errors.ArgumentError, match="either table or query"):
        load_app_users("sqlite:///x", table="a", query="SELECT 1")


def test_a_large_comparison_finds_everybody():
    people = directory(*[person(n) for n in range(20_000)])
    mine = pd.DataFrame({"email": people["email"].str.upper(), "name": people["name"]}).reset_index(drop=True)
    plan = compare(people, mine, on="email", fields=["name"])
    assert plan.counts["same_person"] == 20_000


@pytest.mark.parametrize(
    "gone",
    [
        [pd.Timestamp("2026-01-01"), pd.NaT],
        [pd.Timestamp("2026-01-01", tz="UTC"), None],
        ["2026-01-01 10:00:00", None],
        ["2026-01-01T10:00:00Z", ""],
        [pd.Timestamp("2026-01-01").date(), None],
    ],
)
def test_a_time_in_a_column_named_for_an_end_means_off_and_in_any_other_nothing(gone):
    table = app({"id": 1, "email": "p1@x.example"}, {"id": 2, "email": "p2@x.example"}).assign(
        deleted_at=gone, confirmed_at=gone
    )
    users = directory(person(1), person(2), person(3))
    plan = ds.compare(users, table, on="email", active="deleted_at")
    assert told(plan, "app_key") == [["create", None], ["update", "app_0"]]
    assert plan.update["after"].iloc[0] == {"deleted_at": "active"}
    with pytest.raises(errors.ArgumentError, match=r"confirmed_at holds times.*\['confirmed_at'\]\.notna\(\)"):
        ds.compare(users, table, on="email", active="confirmed_at")
    with pytest.raises(errors.ArgumentError, match="confirmed_at holds times"):
        ds.compare_organizations(users, table, on="email", active="confirmed_at", organization="id")


def test_an_empty_column_named_for_an_end_says_that_all_are_on():
    table = app({"id": 1, "email": "p1@x.example", "deleted_at": None})
    plan = ds.compare(directory(person(2)), table, on="email", active="deleted_at", guard=None)
    assert told(plan, "app_key") == [["create", None], ["deactivate", "app_0"]]


def test_times_of_an_end_that_nobody_said_to_look_at_are_told():
    """Who left long ago would count as somebody who has an account."""
    table = app(
        {"email": "p1@x.example", "deleted_at": "2026-01-01", "on": True}, {"email": "p2@x.example", "on": True}
    )
    for active in (None, "on"):
        plan = ds.compare(directory(person(1), person(2)), table, on="email", active=active)
        assert any("deleted_at has a time in 1 of the rows that count as on" in one for one in plan.notices)


def test_a_column_that_is_not_there_is_told_with_how_to_map_one():
    mine = app({"id": 1, "mail": "p1@x.example"})
    for on, table, sentence in (
        ("email", mine, r"it has 'id', 'mail'. To map one of them: on=\{'mail': 'address'\}"),
        ({"address": "mail"}, mine, r"the other way round: \{'mail': 'address'\}"),
        ("mail", mine.set_index("mail"), "it is the index: app_users.reset_index"),
        ("mail", directory(person(1)), "the directory comes first, the app second"),
    ):
        with pytest.raises(errors.ArgumentError, match=sentence):
            ds.compare(directory(person(1)), table, on=on)


def test_two_columns_of_one_name_are_named():
    table = app({"id": 1, "email": "p1@acme.test"})
    with pytest.raises(errors.ArgumentError, match="app_users has two columns named 'email'"):
        ds.compare(directory(person(1)), pd.concat([table, table[["email"]]], axis=1), on="email")
