"""Who is who in a comparison: ids before addresses, several sources of one person, words for on and off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dirsync_nb import errors, onboarding
from dirsync_nb.frames import users_frame
from dirsync_nb.provisioning import TooManyDeactivations, compare
from dirsync_nb.provisioning.people import People
from dirsync_nb.provisioning.status import StatusWords, is_on

from ..frame_zoo import user


def people(*records: dict[str, Any]) -> pd.DataFrame:
    return users_frame(records)


def app(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, index=[f"app_{n}" for n, _ in enumerate(rows)])


def told(plan: Any) -> list[tuple[Any, ...]]:
    rows = plan.rows[["action", "app_key", "user_id"]].astype(object)
    return list(rows.where(rows.notna(), None).itertuples(index=False, name=None))


LEAVER = user("u10", "desk@acme.test", idp_id="10", state="inactive")
HIRE = user("u22", "desk@acme.test", idp_id="22")
BOTH = {"idp": "idp_id", "email": "address"}


@pytest.mark.parametrize("listed", [[LEAVER, HIRE], [HIRE]])
@pytest.mark.parametrize("on", [BOTH, dict(reversed(BOTH.items()))])
@pytest.mark.parametrize("account", [10, "10", 10.0])
def test_a_new_hire_never_gets_the_account_of_the_leaver_whose_address_they_have(listed, on, account):
    """CMP-03: whatever the order of the keys, and whether the leaver's record is still there."""
    plan = compare(people(*listed), app({"idp": account, "email": "Desk@acme.test"}), on=on)
    assert plan.counts | {"create": 0, "deactivate": 0} == dict.fromkeys(plan.counts, 0)
    (create,), (deactivate,) = plan.create.to_dict("records"), plan.deactivate.to_dict("records")
    assert (create["user_id"], create["after"]) == ("u22", {"idp": "22", "email": "desk@acme.test"})
    assert deactivate["app_key"] == "app_0"
    assert "u22 has this email now, and is another person by idp" in deactivate["reason"]
    assert "another person: 'app_0' of the app has this email, and another idp" in create["reason"]


def test_after_that_plan_nothing_is_left_to_do():
    mine = app(
        {"idp": "10", "email": "desk@acme.test", "on": False},
        {"idp": "22", "email": "desk@acme.test", "on": True},
    )
    plan = compare(people(LEAVER, HIRE), mine, on=BOTH, active="on")
    assert (len(plan), plan.unchanged) == (0, 2)


def test_an_address_alone_does_not_say_whether_it_is_the_leaver_or_the_hire():
    plan = compare(people(LEAVER, HIRE), app({"email": "desk@acme.test"}), on="email")
    assert told(plan) == [("cannot_compare", "app_0", None)]
    assert "u10, who left, and u22; an id in `on`" in plan.rows["reason"].iloc[0]


def test_a_users_own_id_contradicts_as_well():
    mine = app({"workos": "u10", "email": "desk@acme.test"})
    plan = compare(people(HIRE), mine, on={"workos": "user_id", "email": "address"})
    assert told(plan) == [("create", None, "u22"), ("deactivate", "app_0", None)]


def test_of_two_ids_that_differ_the_first_is_named():
    mine = app({"workos": "u10", "idp": "10", "email": "desk@acme.test"})
    plan = compare(people(HIRE), mine, on={"workos": "user_id"} | BOTH)
    assert "is another person by workos" in plan.deactivate["reason"].iloc[0]


def test_the_same_organization_makes_nobody_the_same_person():
    mine = app({"org": HIRE["organization_id"], "idp": "10", "email": "desk@acme.test"})
    on = {"org": "organization_id"} | BOTH
    assert told(compare(people(HIRE), mine, on=on)) == [("create", None, "u22"), ("deactivate", "app_0", None)]
    assert compare(people(HIRE), mine.assign(idp="22"), on=on).unchanged == 1


def test_a_record_made_anew_is_the_same_person_where_the_providers_id_says_so():
    mine = app({"workos": "gone", "idp": "22", "email": "desk@acme.test"})
    plan = compare(people(HIRE), mine, on={"workos": "user_id"} | BOTH)
    assert told(plan) == [("same_person", "app_0", "u22")]
    assert plan.rows["after"].iloc[0] == {"workos": "u22"}


def test_an_id_that_leads_to_a_leaver_wins_over_an_address_that_leads_elsewhere():
    leaver, active = LEAVER | {"email": "old@acme.test"}, user("u5", "desk@acme.test", idp_id=None)
    on = dict(reversed(BOTH.items()))
    plan = compare(people(leaver, active), app({"email": "desk@acme.test", "idp": "10"}), on=on)
    assert told(plan) == [("create", None, "u5"), ("deactivate", "app_0", "u10")]


def test_ids_that_lead_to_different_people_cannot_be_compared():
    users = people(user("u1", "a@acme.test", state="inactive"), user("u2", "b@acme.test"))
    mine = app({"workos": "u1", "idp": "idp-u2"})
    plan = compare(users, mine, on={"workos": "user_id", "idp": "idp_id"})
    assert plan.rows["reason"].tolist() == ["workos and idp point to different people"]


# Several sources --------------------------------------------------------------------------------------------

OKTA = user("u1", "ann@acme.test", idp_id="00u1", name="Ann Okta")
ENTRA = user("u2", "Ann@Acme.test", idp_id="8f-e", name="Ann Entra", directory_id="directory_2")


def test_one_person_in_two_directories_is_one_account_with_the_precedence_stated():
    """CMP-04."""
    plan = compare(
        people(OKTA, ENTRA), app({"email": "x"}).iloc[:0].assign(name=""), on="email", fields=["name"]
    )
    assert told(plan) == [("create", None, "u1")]
    assert plan.rows["after"].iloc[0] == {"email": "ann@acme.test", "name": "Ann Okta"}
    assert "active in 2 directories, of which directory_1 counts" in plan.rows["reason"].iloc[0]
    assert "1 person is active in several directories" in plan.notices[0]
    other = compare(people(ENTRA, OKTA), app({"email": "x"}).iloc[:0], on="email")
    assert told(other) == [("create", None, "u2")]
    alone = compare(people(ENTRA, OKTA | {"state": "inactive"}), app({"email": "x"}).iloc[:0], on="email")
    assert (alone.rows["reason"].tolist(), alone.notices) == (["not in the app"], ())


@pytest.mark.parametrize("known", [{"idp": "00u1"}, {"idp": "8f-e"}, {"email": "ann@acme.test"}])
@pytest.mark.parametrize(("one", "two"), [("active", "inactive"), ("inactive", "active"), ("active", "active")])
def test_access_lasts_until_the_last_active_source_goes(one, two, known):
    """CMP-04."""
    users = people(OKTA | {"state": one}, ENTRA | {"state": two})
    on = {"idp": "idp_id"} if "idp" in known else "email"
    assert compare(users, app(known), on=on).counts["deactivate"] == 0
    gone = users.assign(state="inactive")
    assert compare(gone, app(known), on=on, confirm=1).counts["deactivate"] == 1


def test_an_address_names_a_person_and_no_record_of_theirs():
    """An id does: of two rows that have an address each, neither is told to follow the record that has it."""
    old = user("u1", "ann.l@acme.test", idp_id="1", state="inactive")
    new = user("u2", "ann@acme.test", idp_id="1")
    mine = app({"email": "ann.l@acme.test"}, {"email": "ann@acme.test"})
    plan = compare(people(old, new), mine, on="email")
    assert plan.rows["reason"].tolist() == ["2 rows of the app are this person"] * 2


def test_in_two_organizations_the_same_address_is_two_people():
    users = people(OKTA, ENTRA | {"organization_id": "org_2"})
    plan = compare(users, app({"idp": "x"}).iloc[:0], on={"idp": "idp_id"})
    assert plan.counts["create"] == 2


def test_an_account_for_each_source_follows_its_own():
    mine = app({"workos": "u1", "on": True}, {"workos": "u2", "on": True})
    plan = compare(people(OKTA | {"state": "inactive"}, ENTRA), mine, on={"workos": "user_id"}, active="on")
    assert told(plan) == [("deactivate", "app_0", "u1")]
    assert plan.unchanged == 1


def joined(users: pd.DataFrame) -> str:
    """Who is who, each person's record that counts first: ``"u1 u3 | u2"``."""
    records = sorted(People(users).records.items())
    return " | ".join(" ".join(users.index[place] for place in places) for _, places in records)


SHARED, OTHER, OFF = "desk@acme.test", {"directory_id": "directory_2"}, {"state": "inactive"}
NO_ID, NO_OWNER = {"idp_id": None}, {"organization_id": None}
TWO = (user("u1", SHARED), user("u2", SHARED))  # one directory has both active: two people


def numbered(number: Any) -> dict[str, Any]:
    return {"custom_attributes": {"employee_number": number}}


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        # the provider's id in one directory
        ([user("u1", SHARED, idp_id="1", **OFF), user("u2", SHARED, idp_id="1")], "u2 u1"),
        ([user("u1", "a@x.test", idp_id="1"), user("u2", "b@x.test", idp_id="1")], "u1 | u2"),
        ([user("u1", "a@x.test", idp_id="1", **OFF), user("u2", "b@x.test", idp_id="1", **OTHER)], "u1 | u2"),
        ([user("u1", "a@x.test", **NO_ID, **OFF), user("u2", "b@x.test", **NO_ID)], "u1 | u2"),
        # the address in one directory
        ([user("u1", SHARED, **OFF), user("u2", SHARED, **NO_ID)], "u2 u1"),
        ([user("u1", SHARED, **NO_ID), user("u2", SHARED, **OFF)], "u1 u2"),
        ([user("u1", SHARED, **OFF), user("u2", SHARED)], "u1 | u2"),
        ([user("u1", None, **OFF), user("u2", None, **OTHER)], "u1 | u2"),
        # in two of one organization, and of nobody's
        ([user("u1", SHARED), user("u2", SHARED, **OTHER)], "u1 u2"),
        ([user("u1", SHARED, **NO_OWNER), user("u2", SHARED, **NO_OWNER, **OTHER)], "u1 | u2"),
        ([user("u1", SHARED, **NO_OWNER), user("u2", SHARED, **NO_OWNER, **OTHER), user("u3")], "u1 | u2 | u3"),
        # the employee number tells apart, where both have one
        ([user("u1", SHARED, **numbered("7")), user("u2", SHARED, **numbered(7), **OTHER)], "u1 u2"),
        ([user("u1", SHARED, **numbered("7")), user("u2", SHARED, **numbered("8"), **OTHER)], "u1 | u2"),
        ([user("u1", SHARED, **numbered("7")), user("u2", SHARED, **numbered(None), **OTHER)], "u1 u2"),
        ([user("u1", SHARED, **numbered("7")), user("u2", SHARED, **OTHER)], "u1 u2"),
        # of two who may be meant none is taken, unless nobody is active: not by an old record of theirs either
        ([*TWO, user("u3", SHARED, **OTHER)], "u1 | u2 | u3"),
        ([*TWO, user("u3", SHARED, **OTHER, **OFF)], "u1 u3 | u2"),
        (
            [*TWO, user("u3", SHARED, idp_id="3", **OTHER), user("u4", SHARED, idp_id="3", **OTHER, **OFF)],
            "u1 | u2 | u3 u4",
        ),
        (
            [*TWO, user("u3", "c@x.test", idp_id="3", **OTHER), user("u4", SHARED, idp_id="3", **OTHER, **OFF)],
            "u1 | u2 | u3 u4",
        ),
        # an inactive record in the directory of an active one, met first through another address
        (
            [
                user("u1", "a@x.test", idp_id="9", **OTHER, **OFF),
                user("u2", "a@x.test", **NO_ID, **OFF),
                user("u3", SHARED, idp_id="9", **OTHER),
                user("u4", SHARED, **NO_ID),
            ],
            "u3 u4 u1 u2",
        ),
    ],
)
def test_records_are_one_persons_by_an_id_or_by_an_address_that_no_id_contradicts(records, expected):
    assert joined(people(*records)) == expected


@pytest.mark.parametrize(
    ("column", "own", "expected"),
    [
        ("idp_id", {"idp_id": "1"}, "u1 | u2"),
        ("address", {"address": "1 Main Street"}, "u1 | u2"),
        ("organization_id", {"organization_id": "org_1"}, "u1 | u2"),
        ("directory_id", {}, "u1 | u2"),
    ],
)
def test_an_attribute_called_like_a_column_that_is_missing_joins_nobody(column, own, expected):
    """Two who live in one house; and where no directory is named, an id may be of two providers."""
    shared = {"email": SHARED} if column in ("organization_id", "directory_id") else {}
    elsewhere = OTHER if column in ("organization_id", "address") else {}
    records = [
        user("u1", "a@x.test", custom_attributes=own, idp_id="1") | shared,
        user("u2", "b@x.test", custom_attributes=own, idp_id="1" if column == "directory_id" else "2")
        | OFF
        | shared
        | elsewhere,
    ]
    assert joined(people(*records).drop(columns=column)) == expected


def test_nor_does_it_tell_anybody_apart():
    records = [
        user(f"u{n}", SHARED, custom_attributes={"idp_id": str(n)}) | (OFF if n == 2 else {}) for n in (1, 2)
    ]
    assert joined(people(*records).drop(columns="idp_id")) == "u1 u2"


# Former addresses, numbers, invisible characters ------------------------------------------------------------

RENAMED = user(
    "u1",
    "ann.lee@acme.test",
    custom_attributes={
        "emails": [{"value": "ann.lee@acme.test"}, {"value": "Ann.L@acme.test", "type": "other"}]
    },
)


def test_a_former_address_that_is_still_listed_is_the_same_person():
    """CMP-02."""
    plan = compare(people(RENAMED), app({"email": "ann.l@acme.test"}), on="email")
    assert told(plan) == [("same_person", "app_0", "u1")]
    assert plan.rows["after"].iloc[0] == {"email": "ann.lee@acme.test"}
    assert "which the directory still lists for them" in plan.rows["reason"].iloc[0]
    invites = onboarding.invite_list(people(RENAMED), app_users=app({"email": "ann.l@acme.test"}))
    assert invites["verdict"].tolist() == ["already known"]
    older = RENAMED | {"emails": RENAMED["custom_attributes"]["emails"], "custom_attributes": {}}
    assert told(compare(people(older), app({"email": "ann.l@acme.test"}), on="email")) == told(plan)


@pytest.mark.parametrize(
    ("attributes", "older", "former"),
    [
        ({"emails": [{"value": "old@x.test"}]}, [{"value": "older@x.test"}], ["old"]),
        ({"emails": ({"value": "old@x.test"},)}, None, ["old"]),
        ({"emails": []}, [{"value": "older@x.test"}], ["older"]),
        ({"emails": "old@x.test"}, ({"value": "older@x.test"},), ["older"]),
        (None, [{"value": "older@x.test"}], ["older"]),
        (None, "older@x.test", []),
        ({}, None, []),
        ({"emails": ["old@x.test", None, {"value": None}, {"type": "work"}]}, None, []),
    ],
)
def test_other_addresses_are_read_from_the_attribute_and_else_from_the_older_field(attributes, older, former):
    users = people(user("u1", "ann@x.test"))
    users["custom_attributes"], users["emails"] = [attributes], [older]
    found = People(users)
    assert [n for n in ("old", "older") if found.holding("address", f"{n}@x.test").former] == former


def test_a_user_name_that_is_a_former_address_of_somebody_is_not_them():
    users = people(RENAMED, user("u2", "bo@acme.test", custom_attributes={"username": "bo"}))
    plan = compare(users, app({"login": "ann.l@acme.test"}), on={"login": "custom_attributes.username"})
    assert plan.deactivate["app_key"].tolist() == ["app_0"]


def test_an_address_that_counts_is_no_former_one_because_it_is_listed():
    mine = app({"login": "old", "email": "ann.lee@acme.test"})
    plan = compare(people(RENAMED | {"username": "new"}), mine, on={"login": "username", "email": "address"})
    assert plan.rows["reason"].tolist() == ["the same person under another login, found by email"]


def test_an_id_called_absent_is_like_nobodys():
    mine = app({"idp": "Absent", "email": "x@acme.test"})
    assert compare(people(RENAMED | {"idp_id": None}), mine, on=BOTH).counts["deactivate"] == 1


def test_a_former_address_that_somebody_else_has_now_is_not_guessed():
    """CMP-02, CMP-03."""
    plan = compare(
        people(RENAMED, user("u2", "ann.l@acme.test")), app({"email": "ann.l@acme.test"}), on="email"
    )
    assert told(plan) == [("cannot_compare", "app_0", None)]


def test_a_column_of_numbers_with_a_blank_takes_nobody_for_gone():
    """CMP-05."""
    users = people(*[user(f"u{n}", f"p{n}@acme.test", idp_id=str(n)) for n in (124, 125, 126)])
    mine = pd.DataFrame(
        {"number": [124.0, np.nan, 126.0], "email": [f"p{n}@acme.test" for n in (124, 125, 126)]}
    )
    plan = compare(users, mine, on={"number": "idp_id", "email": "address"}, fields={"number": "idp_id"})
    assert told(plan) == [("update", 1, "u125")]


def test_a_number_that_was_rounded_is_told_and_finds_nobody():
    users = people(user("u1", "a@acme.test", idp_id="72057594038135102"))
    plan = compare(users, pd.DataFrame({"number": [72057594038135102.0]}), on={"number": "idp_id"})
    assert plan.counts["cannot_compare"] == 1
    assert "number: numbers too large for a float were rounded" in plan.notices[0]


@pytest.mark.parametrize(
    ("ours", "theirs"), [("00U1", "00u1"), (412, "0412"), ("412.0", "412"), ("0412", "412")]
)
def test_an_id_that_only_looks_like_another_is_told(ours, theirs):
    users = people(user("u1", "a@acme.test", idp_id=theirs))
    plan = compare(
        users, pd.DataFrame({"id": [ours], "email": ["a@acme.test"]}), on={"id": "idp_id", "email": "email"}
    )
    assert told(plan) == [("cannot_compare", 0, None)]
    assert "but for case or leading zeros: is it the same id?" in plan.rows["reason"].iloc[0]


def test_an_id_like_one_that_has_its_own_row_belongs_to_somebody_who_left():
    users = people(user("u1", "a@acme.test", idp_id="abc"))
    plan = compare(users, app({"id": "abc"}, {"id": "ABC"}), on={"id": "idp_id"})
    assert told(plan) == [("deactivate", "app_1", None)]


def test_an_address_with_a_character_that_nobody_sees_is_one_person():
    """ADR-01."""
    pasted = user("u2", "ann\u200b@acme.test")
    plan = compare(people(pasted), app({"email": "ann@acme.test"}), on="email")
    assert told(plan) == [("same_person", "app_0", "u2")]
    assert plan.rows["reason"].iloc[0].endswith("differs in characters that nobody sees only")
    beside = people(user("u1", "ann@acme.test"), pasted)
    assert onboarding.invite_list(beside)["verdict"].tolist() == ["invite", "duplicate address"]
    nobody = app({"email": "x"}).iloc[:0]
    assert told(compare(beside, nobody, on="email")) == [("create", None, "u1"), ("cannot_compare", None, "u2")]


# Attributes -------------------------------------------------------------------------------------------------

CLERK = user("u1", "ann@acme.test", custom_attributes={"department_name": "Sales", "badge": None})
MINE = app({"email": "ann@acme.test", "department": "Sales"})


def test_a_mistyped_attribute_is_refused_with_the_near_names():
    """CMP-01: it would have emptied everybody's department."""
    for name in ("departmnt_name", "Department_Name"):
        with pytest.raises(errors.ArgumentError, match=r"fields: no user has an attribute.*'department_name'"):
            compare(people(CLERK), MINE, on="email", fields={"department": f"custom_attributes.{name}"})
    with pytest.raises(errors.ArgumentError, match=r"on: no user has an attribute 'bagde'; near it: 'badge'"):
        compare(people(CLERK), MINE, on={"email": "email", "department": "custom_attributes.bagde"})
    with pytest.raises(errors.ArgumentError, match=r"'departmnt' is no column of users.*department_name"):
        compare(people(CLERK), MINE, on="email", fields={"department": "departmnt"})


@pytest.mark.parametrize("name", ["custom_attributes.cost_center_name", "job_title", "username", "first_name"])
def test_what_nobody_was_sent_never_erases(name):
    """CMP-01."""
    plan = compare(people(CLERK), MINE, on="email", fields={"department": name})
    assert (len(plan), plan.unchanged, plan.not_enabled) == (0, 1, ("department",))
    assert f"nobody in the directory has {name}" in plan.notices[0]


def test_a_field_that_newer_teams_no_longer_get_erases_nothing_of_those_without_it():
    users = people(user("u1", "ann@acme.test", job_title="Pilot"), user("u2", "bo@acme.test"))
    mine = app(*[{"email": f"{n}@acme.test", "title": "Clerk"} for n in ("ann", "bo")])
    plan = compare(users, mine, on="email", fields={"title": "job_title"})
    assert [(row.user_id, row.after) for row in plan.rows.itertuples()] == [("u1", {"title": "Pilot"})]


def test_several_values_are_compared_as_lists():
    users = people(user("u1", "ann@acme.test", custom_attributes={"teams": ["a", "b"]}))
    users["custom_attributes"] = [{"teams": ("a", "b")}]
    mine = app({"email": "ann@acme.test", "teams": ["a", "b"]})
    assert compare(users, mine, on="email", fields={"teams": "custom_attributes.teams"}).unchanged == 1


@pytest.mark.parametrize(
    ("column", "actions"),
    [
        ("custom_attributes", []),
        ("idp_id", []),
        ("address", ["create"]),
        ("directory_id", ["cannot_compare"]),
        ("organization_id", ["cannot_compare"]),
    ],
)
def test_a_frame_that_lacks_a_column_is_compared_by_the_others(column, actions):
    users, mine = people(OKTA, ENTRA), app({"idp": "00u1", "email": "ann@acme.test"})
    on = {"idp": "idp_id"} if column == "address" else "email"
    plan = compare(users.drop(columns=column), mine, on=on)
    assert plan.rows["action"].tolist() == actions
    assert compare(users.assign(custom_attributes=None), mine, on=on).unchanged == 1


def test_null_erases_and_absent_for_some_does_not():
    users = people(
        CLERK | {"custom_attributes": {"department_name": None}},
        user("u2", "bo@acme.test"),
        user("u3", "cy@acme.test", custom_attributes={"department_name": "Ops"}),
    )
    mine = app(*[{"email": f"{n}@acme.test", "department": "Old"} for n in ("ann", "bo", "cy")])
    plan = compare(users, mine, on="email", fields={"department": "custom_attributes.department_name"})
    after = {row.user_id: row.after for row in plan.update.itertuples()}
    assert after == {"u1": {"department": None}, "u3": {"department": "Ops"}}


def test_two_who_are_both_here_under_one_address_are_called_that():
    """Not one who left and one who is here: the remedy for those, an id, would be the wrong one."""
    users = people(user("u1", "desk@acme.test"), user("u2", "desk@acme.test"))
    plan = compare(users, app({"email": "desk@acme.test"}), on="email")
    assert plan.cannot_compare["reason"].tolist() == ["2 people in the directory have this email"]


def test_a_key_that_the_directory_does_not_know_stays_in_the_app():
    """An id that the app has from elsewhere: null in a key is no wish to lose it, unlike null in a field."""
    users = people(user("u1", "ann@acme.test", idp_id=None), user("u2", "bo@acme.test", idp_id="2"))
    mine = app({"email": "ann@acme.test", "idp": "from elsewhere"}, {"email": "bo@acme.test", "idp": "2"})
    keys = {"idp": "idp_id", "email": "address"}
    assert compare(users, mine, on=keys).unchanged == 2
    assert compare(users, mine, on=keys, fields={"idp": "idp_id"}).rows["after"].tolist() == [{"idp": None}]


def test_a_key_that_the_customer_has_not_enabled_takes_nobody_for_gone():
    plan = compare(people(CLERK), app({"number": "7"}), on={"number": "custom_attributes.employee_number"})
    assert told(plan) == [("cannot_compare", "app_0", None), ("cannot_compare", None, "u1")]
    assert plan.rows["reason"][0] == "nobody in the directory has the keys by which it could be found"


@pytest.mark.parametrize("key", ["address", "idp_id", "custom_attributes.employee_number"])
def test_in_a_directory_without_users_everybody_is_gone(key):
    plan = compare(people(CLERK).iloc[:0], app({"key": "7"}), on={"key": key}, confirm=1)
    assert told(plan) == [("deactivate", "app_0", None)]


def test_a_selection_by_what_there_is_not_is_refused():
    users = people(CLERK)
    with pytest.raises(
        errors.ArgumentError, match=r"attributes: no user has an attribute 'departmnt_name'; near"
    ):
        onboarding.select_users(users, attributes={"departmnt_name": "Sales"})
    with pytest.raises(errors.ArgumentError, match=r"got 'Active'. Did you mean 'active' or 'inactive'"):
        onboarding.select_users(users, state="Active")
    assert onboarding.select_users(users, state="suspended").empty
    assert onboarding.select_users(users, attributes={"cost_center_name": "7"}).empty


# On and off -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "means"),
    [("DEPROVISIONED", False), ("STAGED", False), ("Pending user action", False), ("LOCKED_OUT", True),
     ("PASSWORD_EXPIRED", True), ("Recovery", True), ("Terminated", False), ("Archived", False),
     ("Sorti", False), ("Aktiv", True), ("blocked_pending_approval", False),
     ("Primary Owner", True), (1.0, True), ("t", True),
     (True, True), (np.False_, False), ("weird", None), ("", None), (514, None), ("On Leave", None)],
)  # fmt: skip
def test_a_status_word_is_on_off_or_nobodys_guess(word, means):
    """STA-01."""
    assert is_on(word) is means


@pytest.mark.parametrize(
    ("column", "values", "means"),
    [
        ("status", [None, "active", "  "], [None, True, None]),  # among words, a missing one is blank
        ("status", [None, True, np.nan], [False, True, False]),
        ("status", [None, ""], [None, None]),  # nothing held is no column of times
        ("deleted_at", [None, "", "2026-01-01"], [True, True, False]),
        ("deleted_at", [None, "off"], [None, False]),
        ("deleted_at", [1, None], [True, False]),
        ("", ["", "2026-01-01, on"], [None, None]),
    ],
)
def test_a_column_is_read_by_all_of_its_values(column, values, means):
    words = StatusWords(column=column)
    assert words.read_column(values) == means
    assert (words.sentence is None) == (None not in means)


def test_what_a_status_cannot_say_is_told_with_and_without_its_column():
    words = StatusWords()
    assert (words.read(None), words.sentence) == (False, None)
    assert [words.read(" "), words.read("weird ")] == [None, None]
    assert words.sentence == (
        "The status holds what is known neither as on nor as off: '(blank)' (1), 'weird' (1). Say what it "
        "means: status_words={'': True} or False."
    )
    assert [words.read("weird"), "status_words={'weird': True}" in words.sentence] == [None, True]
    with pytest.raises(errors.ArgumentError, match=r"the status holds times.*\['the status'\]"):
        words.read_column(["2026-01-01"])


def test_a_callers_own_words_go_first():
    words = {"On_Leave": True, 514: False, "active": False}
    assert [is_on(word, words) for word in ("on leave", 514, 514.0, "Active")] == [True, False, False, False]
    with pytest.raises(errors.ArgumentError, match="must mean True or False; got 'no'"):
        StatusWords({"x": "no"})


def test_somebody_who_returns_is_switched_on_and_unknown_words_are_told_with_counts():
    """STA-01: a provider's word for off counted as on, so that they stayed off without a word."""
    users = people(*[user(f"u{n}", f"p{n}@acme.test") for n in range(5)])
    words = ["DEPROVISIONED", "ACTIVE", "On Leave", "on leave", None]
    mine = app(*[{"email": f"p{n}@acme.test", "status": word} for n, word in enumerate(words)])
    plan = compare(users, mine, on="email", active="status")
    assert told(plan)[0] == ("update", "app_0", "u0")
    assert plan.cannot_compare["app_key"].tolist() == ["app_2", "app_3", "app_4"]
    assert plan.unknown_status == {"On Leave": 1, "on leave": 1, "(blank)": 1}
    assert "status holds what is known neither as on nor as off: 'On Leave' (1)" in plan.notices[0]
    mapped = compare(users, mine, on="email", active="status", status_words={"on leave": True, "": False})
    assert (mapped.counts["cannot_compare"], mapped.unchanged) == (0, 3)


def test_seats_are_counted_by_those_words_and_never_by_a_guess():
    """STA-01."""
    words = ["ACTIVE", "STAGED", "off", "Bot"]
    mine = pd.DataFrame({"email": [f"x{n}@acme.test" for n in range(4)], "status": words})
    users = people(user("u1", "ann@acme.test"))
    with pytest.raises(errors.ArgumentError, match=r"seats cannot be counted: status holds .*'Bot' \(1\)"):
        onboarding.invite_list(users, app_users=mine, active="status", seats=3)
    asked = {"app_users": mine, "active": "status", "status_words": {"bot": False}, "seats": 3}
    assert onboarding.invite_counts(onboarding.invite_list(users, **asked), **asked)["seats left"] == 1


# The guard --------------------------------------------------------------------------------------------------

GONE = app(*[{"email": f"x{n}@acme.test"} for n in range(140)], {"email": "p@acme.test"})


def test_a_guard_is_a_share_and_a_confirmation_the_exact_number():
    """CMP-06."""
    users = people(user("u1", "p@acme.test"))
    with pytest.raises(errors.ArgumentError, match="guard is a share from 0 to 1"):
        compare(users, GONE, on="email", guard=150)
    with pytest.raises(
        TooManyDeactivations, match=r"switch off 140 of 141 active users.*say confirm=140"
    ) as caught:
        compare(users, GONE, on="email")
    assert (caught.value.gone, caught.value.of, len(caught.value.plan)) == (140, 141, 140)
    assert compare(users, GONE, on="email", confirm=140).counts["deactivate"] == 140
    with pytest.raises(TooManyDeactivations, match="confirm=139 names another number"):
        compare(users, GONE, on="email", confirm=139)
    with pytest.raises(TooManyDeactivations, match="switch off 140 of 140 active users"):
        compare(users, GONE.iloc[:140], on="email", guard=1)
