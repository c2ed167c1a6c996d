"""Whom to invite, and what their accounts and teams can be filled with."""

from __future__ import annotations

import csv
import sqlite3

import openpyxl
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, files, onboarding
from dirsync_nb.frames import groups_frame, users_frame

from ..frame_zoo import company, group, memberships, partial, user, zoo


def people(*records):
    return users_frame(records)


def verdicts(invites):
    return dict(zip(invites.index, invites["verdict"].astype("str"), strict=True))


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.fixture
def three():
    """Three people, two groups of one name in two directories, one group beside them."""
    users = people(
        user("u1", "ann@acme.test", name="Ann Lee", custom_attributes={"department_name": "Sales"}),
        user(
            "u2",
            "bo@acme.test",
            name="Bo Holm",
            custom_attributes={"department_name": "Legal", "on_call": True},
        ),
        user("u3", "zoe@other.test", name="Zoé Åberg", state="inactive", directory_id="directory_2"),
    )
    groups = groups_frame(
        [
            group("g_one_aaaa", "Sales"),
            group("g_two_bbbb", "Sales", directory_id="directory_2"),
            group("g_all_cccc", "Everyone"),
        ]
    )
    pairs = memberships(("u1", "g_one_aaaa"), ("u3", "g_two_bbbb"), ("u1", "g_all_cccc"), ("u2", "g_all_cccc"))
    return users, groups, pairs


# Whom -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["u1", "u2", "u3"]),
        ({"search": "zoe aberg"}, ["u3"]),
        ({"search": "ACME lee"}, ["u1"]),
        ({"search": "nobody"}, []),
        ({"state": "active"}, ["u1", "u2"]),
        ({"domain": "@Acme.test"}, ["u1", "u2"]),
        ({"domain": ["other.test", "acme.test"]}, ["u1", "u2", "u3"]),
        ({"domain": "test"}, []),
        ({"attributes": {"department_name": "Sales"}}, ["u1"]),
        ({"attributes": {"department_name": ["Sales", "Legal"]}}, ["u1", "u2"]),
        ({"attributes": {"on_call": True}}, ["u2"]),
        ({"attributes": {"on_call": True, "department_name": "Sales"}}, []),
        ({"in_groups": ["g_one_aaaa"]}, ["u1"]),
        ({"in_groups": ["g_one_aaaa", "g_two_bbbb"]}, ["u1", "u3"]),
        ({"in_groups": ["g_one_aaaa", "g_all_cccc"], "match": "all"}, ["u1"]),
        ({"in_groups": ["g_one_aaaa", "g_two_bbbb"], "match": "all"}, []),
        ({"but_users": ["u2"]}, ["u1", "u3"]),
        ({"but_groups": ["g_one_aaaa"]}, ["u2", "u3"]),
        ({"in_groups": ["g_all_cccc"], "but_groups": ["g_one_aaaa"], "but_users": ["u2"]}, []),
    ],
)
def test_a_selection_holds_those_who_fit_everything(three, asked, found):
    selected = onboarding.select_users(*three, **asked)
    assert list(selected.index) == found
    assert dtypes(selected) == dtypes(three[0])


def test_a_group_is_asked_for_by_id_since_names_are_shared(three):
    """MEM-08."""
    with pytest.raises(errors.ArgumentError, match="known by id: g_one_aaaa, g_two_bbbb"):
        onboarding.select_users(*three, in_groups=["Sales"])
    with pytest.raises(errors.ArgumentError, match="no group 'g9' among the 3 given$"):
        onboarding.select_users(*three, but_groups=["g9"])
    with pytest.raises(errors.ArgumentError, match="only be asked for with memberships"):
        onboarding.select_users(three[0], in_groups=["g_one_aaaa"])
    with pytest.raises(errors.ArgumentError, match="no user 'u9' among the 3 given"):
        onboarding.select_users(*three, but_users=["u9"])
    with pytest.raises(errors.ArgumentError, match="'any' or 'all'; got 'both'"):
        onboarding.select_users(*three, match="both")


def test_members_who_are_not_among_the_users_change_nothing(three):
    users, groups, pairs = three
    more = pd.concat([pairs, memberships(("stranger", "g_one_aaaa"), ("u2", "g_nowhere"))], ignore_index=True)
    assert list(onboarding.select_users(users, groups, more, in_groups=["g_one_aaaa"]).index) == ["u1"]
    assert onboarding.invite_list(users, groups, more).loc["u2", "groups"] == ("Everyone",)


# Who can be invited -----------------------------------------------------------------------------------------


def test_each_person_has_the_first_verdict_that_applies_and_the_counts_add_up():
    users = people(
        user("u1", "ann@acme.test", name="Ann"),
        user("u2", " Ann@ACME.test ", name="Ann again", directory_id="directory_2"),
        user("u3", None, name="Kiosk"),
        user("u4", "nowhere", name="Odd"),
        user("u5", "gone@acme.test", state="inactive"),
        user("u6", "staged@acme.test", state="staged"),
        user("u7", "KIM@acme.test", name="Kim"),
        user("u8", "kim@acme.test", name="Kim's other record", directory_id="directory_2"),
        user("u9", "last@acme.test"),
        user("u10", "later@acme.test"),
    )
    app = pd.DataFrame({"email": ["kim@acme.test ", "boss@acme.test"]})
    invites = onboarding.invite_list(users, app_users=app, seats=4)
    assert verdicts(invites) == {
        "u1": "invite",
        "u2": "duplicate address",
        "u3": "no address",
        "u4": "no address",
        "u5": "inactive",
        "u6": "inactive",
        "u7": "already known",
        "u8": "already known",
        "u9": "invite",
        "u10": "over the seats",
    }
    assert invites["reason"].to_dict() == {
        "u1": "",
        "u2": "the same address as Ann of another directory (u1)",
        "u3": "no address is known",
        "u4": "'nowhere' is not an e-mail address",
        "u5": "inactive in the directory",
        "u6": "staged in the directory",
        "u7": "in the app already",
        "u8": "in the app already",
        "u9": "",
        "u10": "no seat is left",
    }
    counts = onboarding.invite_counts(invites, app_users=app, seats=4)
    assert counts == {
        "selected": 10,
        "invite": 2,
        "already known": 2,
        "duplicate address": 1,
        "no address": 2,
        "inactive": 2,
        "over the seats": 1,
        "seats left": 0,
    }
    assert sum(counts[name] for name in onboarding.VERDICTS) == counts["selected"]


@pytest.mark.parametrize("name", zoo())
def test_any_company_gets_the_declared_columns_and_counts_that_add_up(name):
    held = zoo()[name]
    invites = onboarding.invite_list(held.users, held.groups, held.memberships, seats=5)
    assert dtypes(invites) == onboarding.INVITE_COLUMNS
    assert list(invites["verdict"].cat.categories) == list(onboarding.VERDICTS)
    assert list(invites.index) == list(held.users.index)
    counts = onboarding.invite_counts(invites, seats=5)
    assert sum(counts[verdict] for verdict in onboarding.VERDICTS) == counts["selected"] == len(held.users)
    assert counts["invite"] <= 5
    accounts = onboarding.account_prefill(held.users, invites, attributes=["department_name"])
    wanted = onboarding.ACCOUNT_COLUMNS | {"custom_attributes.department_name": "str"}
    assert dtypes(accounts) == wanted
    assert len(accounts) == counts["invite"]
    teams = onboarding.team_prefill(held.groups, held.memberships, invites)
    rows = onboarding.team_members(held.groups, held.memberships, invites)
    assert dtypes(teams) == onboarding.TEAM_COLUMNS
    assert dtypes(rows) == onboarding.TEAM_MEMBER_COLUMNS
    assert teams["label"].is_unique
    assert teams["accounts"].sum() == len(rows)
    assert (teams["accounts"] <= teams["members"]).all()


def test_addresses_come_in_the_stated_order_with_their_source():
    """DF-11, SCIM-13, SCIM-17."""
    work = [{"type": "work", "value": "work@acme.test"}]
    two = [{"primary": True, "value": "one@acme.test"}, {"primary": True, "value": "two@acme.test"}]
    blank = [{"primary": True, "value": " "}, {"type": "home", "value": "home@acme.test"}]
    users = people(
        user("email", "mail@acme.test"),
        user("work", None, custom_attributes={"emails": work}),
        user("two", None, custom_attributes={"emails": two}),
        user("blank", "  ", custom_attributes={"emails": blank}),
        user("none", None),
        user("name", "", custom_attributes={"username": " Ann@Acme.test "}),
        user("service", " ", custom_attributes={"username": "svc-backup"}),
        user("malformed", "ann at acme.test"),
    )
    invites = onboarding.invite_list(users)
    told = invites[["verdict", "address", "address_source"]].astype("object")
    assert {
        row.Index: (row.verdict, row.address, row.address_source) for row in told.dropna().itertuples()
    } == {
        "email": ("invite", "mail@acme.test", "email"),
        "work": ("invite", "work@acme.test", "custom_attributes.emails (work)"),
        "two": ("invite", "one@acme.test", "custom_attributes.emails (primary)"),
        "blank": ("invite", "home@acme.test", "custom_attributes.emails (home)"),
        "name": ("invite", "Ann@Acme.test", "custom_attributes.username"),
        "malformed": ("no address", "ann at acme.test", "email"),
    }
    assert verdicts(invites)["none"] == verdicts(invites)["service"] == "no address"


def test_the_app_is_matched_as_in_a_comparison():
    """SCIM-15: a new user name is the same person, whose address nobody in the app has."""
    users = people(
        user("u1", "ann.l@acme.test", idp_id="7", state="inactive"),
        user("u2", "ann.lee@acme.test", idp_id="7"),
        user("u3", "bo@acme.test", idp_id="8"),
        user("u4", "off@acme.test", idp_id="9"),
        user("u5", "bo@acme.test", idp_id="10", directory_id="directory_2"),
    )
    app = pd.DataFrame(
        {"email": ["ann.l@acme.test", "bo@acme.test", "off@acme.test"], "on": ["active", "active", "disabled"]}
    )
    invites = onboarding.invite_list(users, app_users=app, active="on", seats=3)
    assert verdicts(invites) == {
        "u1": "inactive",
        "u2": "already known",
        "u3": "already known",
        "u4": "already known",
        "u5": "already known",
    }
    assert "the same person under another email" in invites.loc["u2", "reason"]
    assert invites.loc["u4", "reason"] == "in the app already: switched off there"
    # Only accounts that are on take a seat.
    assert onboarding.invite_counts(invites, app_users=app, active="on", seats=3)["seats left"] == 1

    by_id = onboarding.invite_list(users, app_users=pd.DataFrame({"id": ["8"]}), on={"id": "idp_id"})
    assert verdicts(by_id)["u3"] == "already known"
    assert verdicts(by_id)["u5"] == "duplicate address"  # of an account the app has
    assert by_id.loc["u5", "reason"].endswith("(u3), who is in the app already")
    with pytest.raises(errors.ArgumentError, match="app_users has no column 'email'"):
        onboarding.invite_list(users, app_users=pd.DataFrame({"mail": []}))


def test_of_two_records_the_inactive_one_does_not_stand_in_the_way():
    users = people(user("u1", "ann@acme.test", state="inactive"), user("u2", "ann@acme.test"))
    assert verdicts(onboarding.invite_list(users)) == {"u1": "inactive", "u2": "invite"}


def test_nobody_who_is_not_selected_counts():
    users = people(user("u1", "ann@acme.test"), user("u2", "ann@acme.test"), user("u3", "bo@acme.test"))
    assert verdicts(onboarding.invite_list(users, selected=["u2", "u3"], seats=1)) == {
        "u2": "invite",
        "u3": "over the seats",
    }
    assert verdicts(onboarding.invite_list(users, selected=users.iloc[1:])) == {"u2": "invite", "u3": "invite"}
    with pytest.raises(errors.ArgumentError, match="no user 'u9'"):
        onboarding.invite_list(users, selected=["u9"])


@pytest.mark.parametrize("seats", [-1, True, 2.5, "many"])
def test_seats_that_are_no_number_are_refused(seats):
    with pytest.raises(errors.ArgumentError, match="seats must be a number from 0 on"):
        onboarding.invite_list(people(), seats=seats)


def test_more_accounts_than_seats_leave_none():
    app = pd.DataFrame({"email": ["a@acme.test", "b@acme.test"]})
    invites = onboarding.invite_list(people(user("u1", "c@acme.test")), app_users=app, seats=1)
    assert verdicts(invites) == {"u1": "over the seats"}
    assert onboarding.invite_counts(invites)["seats left"] is None


def test_partial_frames_are_refused(three):
    users, groups, pairs = three
    invites = onboarding.invite_list(users)
    for call in (
        lambda: onboarding.select_users(partial(users)),
        lambda: onboarding.select_users(users, groups, partial(pairs)),
        lambda: onboarding.invite_list(users, partial(groups)),
        lambda: onboarding.invite_list(users, app_users=partial(pd.DataFrame({"email": ["a"]}))),
        lambda: onboarding.account_prefill(partial(users)),
        lambda: onboarding.team_prefill(groups, partial(pairs), invites),
    ):
        with pytest.raises(errors.IncompleteError):
            call()


def test_a_person_twice_in_the_frame_is_refused(three):
    with pytest.raises(errors.ArgumentError, match="u1 is in it twice"):
        onboarding.invite_list(pd.concat([three[0], three[0]]))


# Accounts ---------------------------------------------------------------------------------------------------


def test_an_account_is_filled_and_null_and_absent_stay_different():
    users = people(
        user("boss", "boss@acme.test", idp_id="b-1"),
        user(
            "u1",
            "ann@acme.test",
            first_name="Ann",
            last_name="Lee",
            custom_attributes={
                "username": "ann",
                "job_title": "Pilot",
                "department_name": None,
                "manager_id": "b-1",
                "manager_name": "The Boss",
                "desk": None,
                "fte": 1,
            },
        ),
        user(
            "u2",
            "bo@acme.test",
            job_title="Cook",
            username="bo-old",
            custom_attributes={"job_title": None, "manager_email": " BOSS@acme.test"},
        ),
    )
    accounts = onboarding.account_prefill(users, onboarding.invite_list(users), attributes=["desk", "fte"])
    ann, bo = accounts.loc["u1"], accounts.loc["u2"]
    assert (ann["username"], ann["job_title"], ann["first_name"]) == ("ann", "Pilot", "Ann")
    assert (ann["manager_user_id"], ann["manager_name"]) == ("boss", "The Boss")
    assert ann["no_data"] == ("department_name", "desk")
    assert ann["not_enabled"] == ("manager_email",)
    assert (bo["username"], bo["job_title"], bo["manager_user_id"]) == ("bo-old", "Cook", "boss")
    assert bo["no_data"] == ("first_name", "last_name")
    assert bo["not_enabled"] == ("department_name", "manager_name", "desk", "fte")
    assert accounts["custom_attributes.fte"].dtype == "Int64"
    assert accounts["custom_attributes.desk"].isna().all()


def test_a_manager_of_another_directory_or_of_two_is_not_guessed():
    users = people(
        user("b1", "boss@acme.test", idp_id="b", directory_id="directory_2"),
        user("b2", "boss@acme.test"),
        user("u1", "a@acme.test", custom_attributes={"manager_id": "b"}),
        user("u2", "c@acme.test", custom_attributes={"manager_email": "boss@acme.test"}),
    )
    assert onboarding.account_prefill(users)["manager_user_id"].isna().all()


# Teams ------------------------------------------------------------------------------------------------------


def test_two_groups_of_one_name_are_two_teams_told_apart(three):
    """MEM-08."""
    users, groups, pairs = three
    users.loc["u3", "state"] = "active"
    invites = onboarding.invite_list(users, groups, pairs)
    teams = onboarding.team_prefill(groups, pairs, invites)
    assert teams["label"].to_dict() == {
        "g_one_aaaa": "Sales · …e_aaaa",
        "g_two_bbbb": "Sales · …o_bbbb",
        "g_all_cccc": "Everyone",
    }
    assert teams["name"].tolist() == ["Sales", "Sales", "Everyone"]
    assert invites.loc["u1", "groups"] == ("Sales · …e_aaaa", "Everyone")


def test_a_team_lists_accounts_once_and_names_the_empty_only_where_asked():
    users = people(
        user("u1", "ann@acme.test"),
        user("u2", "Ann@acme.test", directory_id="directory_2"),
        user("u3", None),
        user("u4", "kim@acme.test"),
    )
    groups = groups_frame([group("g1", "Crew"), group("g2", "Kiosks"), group("g3", "Nobody")])
    pairs = memberships(("u1", "g1"), ("u2", "g1"), ("u3", "g1"), ("u4", "g1"), ("u3", "g2"))
    app = pd.DataFrame({"email": ["kim@acme.test"]})
    invites = onboarding.invite_list(users, groups, pairs, app_users=app)
    rows = onboarding.team_members(groups, pairs, invites)
    assert rows[["user_id", "group_id", "verdict"]].astype("object").to_numpy().tolist() == [
        ["u1", "g1", "invite"],
        ["u4", "g1", "already known"],
    ]
    teams = onboarding.team_prefill(groups, pairs, invites)
    assert teams[["members", "accounts"]].to_numpy().tolist() == [[4, 2]]
    everything = onboarding.team_prefill(groups, pairs, invites, empty=True)
    assert everything["accounts"].to_dict() == {"g1": 2, "g2": 0, "g3": 0}
    # In a group only by the second record: the account belongs to it all the same.
    other = memberships(("u2", "g2"))
    assert onboarding.team_members(groups, other, invites)["address"].tolist() == ["Ann@acme.test"]
    # But not where the account got no seat.
    seatless = onboarding.invite_list(users, groups, pairs, app_users=app, seats=1)
    assert verdicts(seatless)["u2"] == "duplicate address"
    assert onboarding.team_members(groups, other, seatless).empty


# Files ------------------------------------------------------------------------------------------------------

SIGNS = ["=1+1", "+44 20 0000 0000", "-2", "@cmd", "\tTab", "\rReturn"]


@pytest.fixture
def hostile_lists():
    users = people(
        *(
            user(
                f"u{n}",
                f"h{n}@acme.test",
                name=name,
                first_name=name,
                custom_attributes={"job_title": name, "n": -n},
            )
            for n, name in enumerate(SIGNS)
        )
    )
    groups = groups_frame([group(f"g{n}", name) for n, name in enumerate(SIGNS)])
    pairs = memberships(*((f"u{n}", f"g{n}") for n in range(len(SIGNS))))
    invites = onboarding.invite_list(users, groups, pairs)
    return {
        "invites": invites,
        "accounts": onboarding.account_prefill(users, invites, attributes=["n"]),
        "teams": onboarding.team_prefill(groups, pairs, invites),
        "team_members": onboarding.team_members(groups, pairs, invites),
    }


def test_files_for_people_run_no_text_as_a_formula(hostile_lists, tmp_path):
    """SEC-05."""
    target = tmp_path / "new" / "lists"
    paths = onboarding.save_lists(target, hostile_lists)
    assert [path.name for path in paths] == ["invites.csv", "accounts.csv", "teams.csv", "team_members.csv"]
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        texts = [value for row in rows for name, value in row.items() if name != "custom_attributes.n"]
        assert rows
        assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=1+1" in paths[0].read_text(encoding="utf-8-sig")
    for path in onboarding.save_lists(target, hostile_lists, kind="xlsx"):
        cells = [cell for row in openpyxl.load_workbook(path).active for cell in row]
        assert not [cell for cell in cells if cell.data_type == "f"]
        assert any(cell.value == "'=1+1" for cell in cells)
    numbers = [cell.value for cell in list(openpyxl.load_workbook(target / "accounts.xlsx").active.columns)[-1]]
    assert numbers == ["custom_attributes.n", 0, -1, -2, -3, -4, -5]


def test_parquet_gives_the_same_frames_back(hostile_lists, tmp_path):
    for name, path in zip(
        hostile_lists, onboarding.save_lists(tmp_path, hostile_lists, kind="parquet"), strict=True
    ):
        pd.testing.assert_frame_equal(files.open_frame(path), hostile_lists[name])


def test_a_kind_or_name_that_cannot_be_is_refused_before_anything_is_written(hostile_lists, tmp_path):
    with pytest.raises(errors.ArgumentError, match="kind must be one of 'csv', 'xlsx', 'parquet'; got 'pdf'"):
        onboarding.save_lists(tmp_path / "a", hostile_lists, kind="pdf")
    for name in ("../up", "", ".hidden", "a/b"):
        with pytest.raises(errors.ArgumentError, match="must be that of a file"):
            onboarding.save_lists(tmp_path / "a", {name: hostile_lists["teams"]})
    assert not (tmp_path / "a").exists()


# Whole ------------------------------------------------------------------------------------------------------


def test_the_sandbox_is_onboarded_from_an_apps_own_table(client, sandbox, tmp_path):
    """Two directories of one organization, some people in both; an app that knows some of them."""
    homes = ds.load_directories(client)
    two = homes.index[homes["name"].str.startswith("Harbourline")]
    users = ds.concat([ds.load_users(client, directory_id=home) for home in two])
    with sqlite3.connect(tmp_path / "app.db") as database:
        known = users["address"].iloc[:20].str.upper()
        pd.DataFrame({"email": known.to_numpy()}).to_sql("people", database, index=False)
    database.close()
    app = ds.load_app_users(f"sqlite:///{tmp_path / 'app.db'}", table="people")
    invites = onboarding.invite_list(users, app_users=app, seats=200)
    counts = onboarding.invite_counts(invites, app_users=app, seats=200)
    keys = invites["address"].str.strip().str.casefold()
    fresh = keys[~keys.isin(app["email"].str.casefold())]
    assert counts["duplicate address"] == fresh.duplicated().sum() > 0
    assert counts["invite"] == 180
    assert counts["over the seats"] == fresh.nunique() - 180
    assert keys[invites["verdict"] == "invite"].is_unique


def test_a_roster_answers_again_and_again_as_the_functions_do():
    held = company(2_000, 30)
    app = pd.DataFrame({"email": held.users["address"].iloc[::7].to_numpy()})
    roster = onboarding.Roster(held.users, held.groups, held.memberships, app_users=app, seats=1_000)
    for part in (slice(0, 0), slice(3, 900), slice(None)):
        chosen = held.users.index[part]
        expected = onboarding.invite_list(
            held.users, held.groups, held.memberships, selected=chosen, app_users=app, seats=1_000
        )
        mask = roster.mask(chosen)
        pd.testing.assert_frame_equal(roster.invites(mask), expected)
        pd.testing.assert_frame_equal(
            roster.invites(mask, most=20)[["verdict", "reason", "groups"]],
            expected[["verdict", "reason", "groups"]].head(20),
        )
        assert roster.counts(mask) == onboarding.invite_counts(expected, app_users=app, seats=1_000)
