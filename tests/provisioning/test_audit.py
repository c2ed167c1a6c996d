"""The data rules: what each says, and that the sandbox's SCIM door says the same."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pytest
import requests

import dirsync_nb as ds
from dirsync_nb import audit, errors
from dirsync_nb.frames import groups_frame, users_frame
from dirsync_nb.provisioning.audit.rows import ENTERPRISE, EXTENSION, GROUP, IGNORED, USER
from dirsync_nb.sandbox.scim import schemas as scim_forms

from ..frame_zoo import company, group, memberships, partial, user, zoo

ZOO = zoo()


def row(user_name="ann@acme.test", **fields):
    """Write a plain SCIM user; a field given as None is left out."""
    whole = {
        "userName": user_name,
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "emails": [{"primary": True, "type": "work", "value": user_name}],
        "active": True,
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}


def found(report):
    return list(zip(report.findings["row"], report.findings["rule"], strict=True))


def verdicts(report):
    return report.users["verdict"].tolist()


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


# Six rows ---------------------------------------------------------------------------------------------------

SIX = {
    "normal": row(),
    "address-shaped user name": row("bo@acme.test", emails=None),
    "no address": row("svc-backup", emails=[{"type": "work", "value": ""}]),
    "malformed address": row("cy", emails=[{"type": "work", "value": "cy(at)acme", "primary": True}]),
    "no names": row("di@acme.test", name=None),
    "no user name": row(None, emails=[{"type": "work", "value": "eve@acme.test"}]),
}


def test_the_six_rows_get_their_verdicts():
    """SCIM-13."""
    report = audit.check_rows(SIX.values())
    assert verdicts(report) == [
        "pass",
        "pass with note",
        "reject",
        "accepted without primary address",
        "warning",
        "reject",
    ]
    assert found(report) == [
        (1, "address_from_user_name"),
        (2, "address_missing"),
        (3, "address_malformed"),
        (4, "name_missing"),
        (5, "user_name_missing"),
    ]
    assert report.users["address"].isna().tolist() == [False, False, True, True, False, True]
    assert report.sentence.startswith("6 users: 1 pass, 1 pass with note, 1 warning, 1 accepted without")


def test_an_empty_address_is_taken_from_the_user_name_and_trimmed():
    """SCIM-17."""
    report = audit.check_rows([row(" Ann@Acme.test ", emails=[{"type": "work", "value": ""}])])
    assert report.users[["address", "address_source"]].to_numpy().tolist() == [["Ann@Acme.test", "userName"]]
    assert (0, "address_from_user_name") in found(report)


@pytest.mark.parametrize(
    ("emails", "address", "source", "rules"),
    [
        ([{"value": "w@a.test", "type": "work"}], "w@a.test", "emails (work)", []),
        ([{"value": "1@a.test", "primary": True}, {"value": "2@a.test", "primary": True}], "1@a.test",
         "emails (primary)", ["several_primaries"]),
        ([{"value": " ", "primary": True}, {"value": "h@a.test", "type": "Home"}], "h@a.test",
         "emails (home)", []),
        ([{"value": "h@a.test", "type": "home"}, {"value": "w@a.test", "type": "work"}], "w@a.test",
         "emails (work)", []),
        ([{"value": "o@a.test", "type": "other"}], None, None, ["address_unmarked"]),
        ([{"value": "a@b@a.test", "primary": True}, {"value": "w@a.test", "type": "work"}], None, None,
         ["address_malformed"]),
        ([{"value": "x" * 65 + "@a.test", "type": "work"}], "x" * 65 + "@a.test", "emails (work)",
         ["address_too_long"]),
    ],
)  # fmt: skip
def test_the_primary_address_is_chosen_in_the_order_of_the_service(emails, address, source, rules):
    """DF-11."""
    report = audit.check_rows([row("ann", emails=emails)])
    given = report.users[["address", "address_source"]].astype(object).where(report.users.notna(), None)
    assert given.iloc[0].tolist() == [address, source]
    assert [rule for _, rule in found(report)] == rules


# The sandbox's word against ours ----------------------------------------------------------------------------

NAMES = ("ann@acme.test", "Ann@Acme.test", " ann@acme.test", "bo@acme.test", "cy", "svc-backup", "", "  ", 7)
ADDRESSES = (
    "ann@acme.test",
    "ANN@acme.test",
    "bo@acme.test",
    " cy@acme.test ",
    "",
    " ",
    "cy(at)acme",
    "a@b@c.test",
)
BOOLEANS = (True, True, True, False, "True", "False", "false", 0, 1, None)
KINDS = ("work", "Work", "home", "other")


def odd_row(rng, number):
    """Invent a user: mostly plain, with a few fields wrong in any of many ways."""
    name = f"u{number}@acme.test" if rng.random() < 0.7 else rng.choice(NAMES)
    made = row(
        name,
        externalId=rng.choice([None, f"x{number}", f"x{number}", "x0", "", 5 if number % 9 == 0 else None]),
    )
    if rng.random() < 0.4:
        made["emails"] = [odd_entry(rng) for _ in range(rng.randrange(4))]
    for field, chance, values in (
        ("active", 0.2, BOOLEANS),
        ("name", 0.2, ({}, {"givenName": "Bo"}, {"familyName": ""}, {"givenName": None}, "Ann Lee", None)),
        ("emails", 0.06, (None, "ann@acme.test", ["ann@acme.test"], {}, [None])),
        ("title", 0.05, ("Lead", "", None, 3, ["Lead"])),
        ("x-unknown", 0.05, (None, 1, [None], {"a": None})),
        ("phoneNumbers", 0.05, ([{"value": "+47"}], [{"value": 47}], [{"primary": "1"}], [{"type": None}])),
        (ENTERPRISE, 0.1, ({"department": "Ops"}, {"department": None}, {"manager": {"value": 1}}, {}, "Ops",
                           {"manager": {"value": "bo", "$ref": None}}, {"Manager": {"DisplayName": "Bo"}})),
        ("password", 0.05, ("secret", None)),
        ("meta", 0.05, (None, 3)),
        ("displayName", 0.1, ("Ann\x07", "a" * 300, "\ud800", float("nan"))),
    ):  # fmt: skip
        if rng.random() < chance:
            made[field] = rng.choice(values)
    if rng.random() < 0.15:
        made = {key.upper() if rng.random() < 0.3 else key: value for key, value in made.items()}
    return {key: value for key, value in made.items() if rng.random() > 0.03}


def odd_entry(rng):
    entry = {
        "value": rng.choice(ADDRESSES),
        "type": rng.choice(KINDS),
        "primary": rng.choice([True, False, None]),
    }
    if rng.random() < 0.1:
        entry["primary"] = rng.choice(["true", 1])
    return {key: value for key, value in entry.items() if value is not None or rng.random() < 0.02}


class Door:
    """Post to one directory's SCIM door, and look at what became of it."""

    def __init__(self, sandbox, kind="jump cloud scim v2.0"):
        self.sandbox = sandbox
        self.directory = next(d["id"] for d in sandbox.truth.directories() if d["type"] == kind)
        self.url, token = sandbox.scim(self.directory)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"

    def post(self, path, body):
        text = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return self.session.post(self.url + path, data=text, timeout=20)

    def notes(self):
        return {note["id"]: note["note"] for note in self.sandbox.scim_report(self.directory)["notes"]}


def keeping(policy):
    return ds.sandbox.Sandbox(users=0, inactive_policy=policy)


STATUS = {"user_name_taken": 409, "address_taken": 409, "group_identity_taken": 409, "body_too_large": 413}


def expected_status(report, about, label):
    rejects = report["reject"]
    mine = rejects[(rejects["about"] == about) & (rejects["row"] == label)]
    return 201 if mine.empty else STATUS.get(mine["rule"].iloc[0], 400)


@pytest.mark.parametrize(("seed", "policy"), [(1, "delete"), (2, "keep"), (3, "delete"), (4, "keep")])
def test_the_sandbox_gives_the_same_verdicts_when_the_rows_are_posted(seed, policy):
    """SCIM-13: status, primary address and what the dashboard would note, for rows wrong in many ways."""
    rng = random.Random(seed)
    rows = [*SIX.values(), *(odd_row(rng, number) for number in range(300))]
    report = audit.check_rows(rows, inactive_policy=policy)
    with keeping(policy) as sandbox:
        door = Door(sandbox)
        answers = [door.post("/Users", each) for each in rows]
        emails = {one["id"]: one["email"] for one in sandbox.truth.users(door.directory)}
        notes = door.notes()
    for label, (answer, judged) in enumerate(zip(answers, report.users.itertuples(), strict=True)):
        assert answer.status_code == expected_status(report, "user", label), (rows[label], answer.text)
        if answer.status_code == 201:
            scim_id = answer.json()["id"]
            assert emails[scim_id] == (None if pd.isna(judged.address) else judged.address), rows[label]
            without = (report.findings["row"] == label) & (report.findings["rule"] == "name_missing")
            assert (scim_id in notes) == without.any(), rows[label]
    counts = report.users["verdict"].value_counts()
    assert counts["reject"] > 50
    assert counts["pass"] > 20
    assert set(report["reject"]["rule"]) >= {
        "user_name_taken", "address_taken", "address_missing", "null_value", "wrong_type", "active_not_boolean",
        "not_json",
    }  # fmt: skip


def odd_group(rng, number, people):
    name = rng.choice(["Crew", "crew", " Crew ", "Sales", "", " ", f"Team {number}", 4])
    made = {"displayName": name, "externalId": rng.choice([None, "", "g-1", f"g-{number}"])}
    made["members"] = [{"value": rng.choice(people)} for _ in range(rng.randrange(5))]
    if rng.random() < 0.15:
        made["members"] = rng.choice(
            [None, "u1", [{}], [{"value": None}], [{"display": "Ann"}], ["u1"], [{"value": 1}]]
        )
    return {key: value for key, value in made.items() if value is not None or rng.random() < 0.05}


@pytest.mark.parametrize("provider", ["jump cloud scim v2.0", "okta scim v2.0"])
def test_the_sandbox_keeps_and_drops_the_same_members_and_groups(provider):
    """SCIM-12: members of refused or unknown users are dropped, and the audit names them."""
    rng = random.Random(7)
    rows = [row(f"u{n}@acme.test", externalId=f"x{n}", emails=[] if n % 3 else None) for n in range(12)]
    rows += [row("svc-1", externalId="x-svc", emails=None)]
    people = [*(f"x{n}" for n in range(12)), "x-svc", "nobody"]
    groups = [odd_group(rng, number, people) for number in range(150)]
    with ds.sandbox.Sandbox(users=0) as sandbox:
        door = Door(sandbox, provider)
        there = [one["name"] for one in sandbox.truth.groups(door.directory)]
        report = audit.check_rows(rows, groups, provider=provider, taken_identities=there)
        ids = {}
        for each in rows:
            answer = door.post("/Users", each)
            if answer.status_code == 201:
                ids[each["externalId"]] = answer.json()["id"]
        for label, (each, judged) in enumerate(zip(groups, report.groups.itertuples(), strict=True)):
            answer = door.post("/Groups", json.loads(json.dumps(each), object_hook=lambda one: _sent(one, ids)))
            assert answer.status_code == expected_status(report, "group", label), (each, answer.text)
            if answer.status_code == 201:
                assert len(answer.json().get("members", [])) == judged.members, each
    dropped = report.findings[report.findings["rule"] == "member_unknown"]
    assert set(dropped["about"]) == {"member"}
    assert dropped["message"].str.contains("'nobody'").any()
    assert dropped["message"].str.contains("'x-svc'").any()
    assert report.groups["dropped"].sum() == len(dropped)


def _sent(one, ids):
    return {**one, "value": ids.get(one["value"], one["value"])} if isinstance(one.get("value"), str) else one


def test_three_members_of_whom_nobody_knows_the_third():
    """SCIM-12."""
    crew = {"displayName": "Crew", "members": [{"value": "u1"}, {"value": "u2"}, {"value": "u-unknown"}]}
    people = [row("u1@acme.test", id="u1"), row("u2@acme.test", id="u2")]
    report = audit.check_rows(people, [crew])
    (finding,) = report.findings.to_dict("records")
    assert (finding["about"], finding["row"], finding["rule"]) == ("member", 0, "member_unknown")
    assert "u-unknown" in finding["message"]
    assert report.groups[["members", "dropped"]].to_numpy().tolist() == [[2, 1]]
    assert audit.check_rows(people, [crew], known_users=["u-unknown"]).findings.empty


def test_a_former_name_of_another_group_is_refused_by_both(sandbox):
    door = Door(sandbox)
    first = door.post("/Groups", {"displayName": "Sales"}).json()["id"]
    body = {"displayName": "Revenue"}
    door.session.put(f"{door.url}/Groups/{first}", json=body, timeout=20)
    assert door.post("/Groups", {"displayName": "Sales"}).status_code == 409
    report = audit.check_rows([], [{"displayName": "Sales"}], taken_identities=["Sales", "Revenue"])
    assert found(report) == [(0, "group_identity_taken")]


def test_a_body_above_2000_kb_is_refused_by_both(sandbox):
    """SCL-07."""
    members = [{"value": f"directory_user_{number:026d}"} for number in range(40_000)]
    crew = {"displayName": "Crew", "members": members}
    report = audit.check_rows([], [crew])
    assert found(report) == [(0, "body_too_large")]
    assert Door(sandbox).post("/Groups", crew).status_code == 413
    # 33,000 fit when written compactly, and do not with spaces
    closer = {"displayName": "Crew", "members": members[:36_500]}
    rules = set(audit.check_rows([], [closer], known_users=[m["value"] for m in members]).findings["rule"])
    assert rules == {"body_may_be_too_large", "group_large"}


def test_our_table_of_scim_fields_is_that_of_scim2_models():
    for ours, schema in (
        (USER, scim_forms.USER),
        (GROUP, scim_forms.GROUP),
        (EXTENSION, scim_forms.ENTERPRISE),
    ):
        theirs = scim_forms.attributes(schema)
        assert set(ours) == {name for name in theirs if name not in IGNORED}
        for name, attribute in ours.items():
            other = theirs[name]
            assert (attribute.name, attribute.many) == (other["name"], other["multiValued"])
            kinds = {str: ("string", "reference", "binary"), bool: ("boolean",), dict: ("complex",)}
            assert other["type"] in kinds[attribute.type]
            assert {key: sub.name for key, sub in attribute.inside.items()} == {
                key: sub["name"] for key, sub in other["subs"].items()
            }


# Rows in frames ---------------------------------------------------------------------------------------------


def test_rows_may_come_as_a_frame_whose_missing_values_are_left_out():
    listed = [[{"value": "a@acme.test", "type": "work"}], None, np.nan]
    frame = pd.DataFrame(
        {
            "userName": ["ann", "bo@acme.test", "cy@acme.test"],
            "name.givenName": ["Ann", "Bo", pd.NA],
            "name.familyName": ["Lee", "Holm", None],
            "emails": listed,
            "active": pd.array([True, None, False], dtype="boolean"),
        },
        index=["r1", "r2", "r3"],
    )
    report = audit.check_rows(frame)
    assert report.users.index.tolist() == ["r1", "r2", "r3"]
    assert verdicts(report) == ["pass", "pass with note", "reject"]
    assert found(report) == [("r2", "address_from_user_name"), ("r3", "created_inactive")]
    kept = audit.check_rows(frame, inactive_policy="keep")
    assert found(kept)[-1] == ("r3", "name_missing")


@pytest.mark.parametrize("text", ["True", "False", "false", "no"])
def test_a_boolean_in_text_is_refused_and_the_remedy_says_what_to_send(text):
    (finding,) = audit.check_rows([row(active=text)]).findings.to_dict("records")
    assert (finding["rule"], finding["level"], finding["field"]) == ("active_not_boolean", "reject", "active")
    assert repr(text) in finding["message"]
    assert "without quotation marks" in finding["remedy"]


def test_of_two_rows_with_one_user_name_the_second_is_refused_and_names_the_first():
    report = audit.check_rows([row("svc", emails=None), row("SVC@acme.test"), row("svc@ACME.test")])
    assert verdicts(report) == ["reject", "pass", "reject"]
    assert "row 1" in report.findings["message"].iloc[-1]


def test_arguments_that_make_no_sense_are_refused():
    with pytest.raises(errors.ArgumentError, match="inactive_policy must be"):
        audit.check_rows([], inactive_policy="maybe")
    with pytest.raises(errors.ArgumentError, match="list of dicts"):
        audit.check_rows(["ann@acme.test"])
    with pytest.raises(errors.ArgumentError, match="without repeats"):
        audit.check_rows(pd.DataFrame({"userName": ["a", "b"]}, index=[1, 1]))
    with pytest.raises(errors.ArgumentError, match="a level is one of"):
        audit.check_rows([])["fatal"]
    with pytest.raises(errors.IncompleteError):
        audit.check_rows(partial(pd.DataFrame({"userName": ["a"]})))


# A directory ------------------------------------------------------------------------------------------------


def test_what_a_directory_holds_is_judged_rule_by_rule():
    users = users_frame(
        [
            user("u1", "ann@acme.test", first_name="Ann", last_name="Lee", name="Ann Lee"),
            user("u2", "ANN@acme.test ", first_name="Bo", last_name="Holm", name="Bo Holm"),
            user("u3", None, first_name="Cy\x07", last_name=" Aas", name="Cy Aas"),
            user("u4", None, first_name="Di", last_name="Berg", custom_attributes={"username": "di@acme.test"}),
            user("u5", "eve(at)acme", first_name="Eve", last_name=None, custom_attributes={"boss": "False"}),
            user("u6", "ann@acme.test", first_name="Ann", last_name="Lee", state="inactive"),
        ]
    )
    report = audit.check_directory(users)
    assert {(row, rule) for row, rule in found(report)} == {
        ("u1", "address_shared"),
        ("u2", "address_shared"),
        ("u3", "no_address"),
        ("u3", "control_characters"),
        ("u3", "outer_spaces"),
        ("u4", "address_fallback"),
        ("u5", "address_malformed"),
        ("u5", "name_missing"),
        ("u5", "text_boolean"),
    }
    assert verdicts(report) == [
        "warning", "warning", "accepted without primary address", "pass with note", "warning", "pass",
    ]  # fmt: skip
    assert report["reject"].empty


def test_twins_are_looked_for_within_one_directory():
    """SCIM-15: a renamed person is two records of one idp_id, one of them inactive."""
    users = users_frame(
        [
            user("u1", "ann.l@acme.test", idp_id="x1", state="inactive", first_name="Ann", last_name="Lee"),
            user("u2", "ann.lee@acme.test", idp_id="x1", first_name="Ann", last_name="Lee"),
            user("u3", "bo@acme.test", idp_id="x3", first_name="Bo", last_name="Aas"),
            user("u4", "cy@acme.test", idp_id="x3", first_name="Cy", last_name="Aas"),
            user("u5", "cy@acme.test", idp_id="x1", first_name="Cy", last_name="Aas", directory_id="other"),
        ]
    )
    report = audit.check_directory(users)
    assert found(report) == [
        ("u1", "person_twice"),
        ("u2", "person_twice"),
        ("u3", "external_id_taken"),
        ("u4", "external_id_taken"),
    ]
    assert "u2" in report.findings["message"].iloc[0]


def test_groups_of_one_name_renamed_ones_and_those_with_nobody_are_named():
    """MEM-08."""
    before = groups_frame([group("g1", "Sales"), group("g2", "Ops")])
    groups = groups_frame(
        [
            group("g1", "Revenue"),
            group("g2", "Ops"),
            group("g3", "revenue "),
            group("g4", "Ops", directory_id="directory_2"),
            group("g5", None),
        ]
    )
    users = users_frame([user("u1", "a@acme.test", first_name="A", last_name="B")])
    edges = memberships(("u1", "g1"), ("gone", "g1"), ("u1", "nowhere"), ("u1", "g1"))
    report = audit.check_directory(users, groups, edges, before=before)
    assert {
        rule: [r for r, other in found(report) if other == rule] for rule in dict(map(reversed, found(report)))
    } == {
        "group_name_repeated": ["g1", "g3"],
        "group_name_elsewhere": ["g2", "g4"],
        "outer_spaces": ["g3"],
        "group_name_missing": ["g5"],
        "group_renamed": ["g1"],
        "member_unknown": ["g1"],
        "group_unknown": ["nowhere"],
        "group_empty": ["g2", "g3", "g4", "g5"],
    }
    assert report.groups.loc["g1", ["members", "dropped"]].tolist() == [1, 1]
    assert audit.check_directory(users, groups).groups["members"].isna().all()


def test_large_groups_are_measured():
    """SCL-07."""
    users = users_frame([user(f"directory_user_{n:026d}", f"a{n}@acme.test") for n in range(40_000)])
    groups = groups_frame([group("g1", "Everyone"), group("g2", "Crew")])
    edges = memberships(*[(u, "g1") for u in users.index], *[(u, "g2") for u in users.index[:300]])
    report = audit.check_directory(users, groups, edges, most_members=256)
    mine = report.findings[report.findings["about"] == "group"]
    assert list(zip(mine["row"], mine["rule"], strict=True)) == [
        ("g1", "group_large"),
        ("g1", "group_body_too_large"),
        ("g2", "group_large"),
    ]
    assert mine["message"].iloc[0] == "40,000 members: 400 pages, 100 s at 4 a second"


def test_a_clean_company_passes():
    c = company(50, 8, directories=1)
    report = audit.check_directory(c.users, c.groups, c.memberships)
    assert verdicts(report) == ["pass"] * 50


@pytest.mark.parametrize("name", list(ZOO))
def test_every_animal_is_audited_and_the_frames_are_as_declared(name):
    c = ZOO[name]
    before = [frame.copy(deep=True) for frame in vars(c).values()]
    report = audit.check_directory(c.users, c.groups, c.memberships)
    nothing = audit.check_rows([])
    for frame in ("findings", "users", "groups"):
        assert dtypes(getattr(report, frame)) == dtypes(getattr(nothing, frame))
        assert dtypes(getattr(nothing, frame)) == getattr(audit, COLUMNS[frame])
    assert report.users.index.equals(c.users.index)
    for frame, copy in zip(vars(c).values(), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


COLUMNS = {"findings": "FINDING_COLUMNS", "users": "USER_COLUMNS", "groups": "GROUP_COLUMNS"}


def test_partial_frames_and_frames_of_another_kind_are_refused():
    """HTTP-10."""
    c = ZOO["a small company"]
    for frames in (
        (partial(c.users), c.groups, c.memberships),
        (c.users, partial(c.groups), c.memberships),
        (c.users, c.groups, partial(c.memberships)),
    ):
        with pytest.raises(errors.IncompleteError, match="an audit"):
            audit.check_directory(*frames)
    with pytest.raises(errors.IncompleteError):
        audit.check_directory(c.users, c.groups, before=partial(c.groups))
    with pytest.raises(errors.ArgumentError, match="users must be indexed by user_id"):
        audit.check_directory(c.groups)
    with pytest.raises(errors.ArgumentError, match="once"):
        audit.check_directory(pd.concat([c.users, c.users]))


def test_the_rules_are_described_with_their_source():
    table = audit.rules()
    assert set(table["sure"]) == {"documented", "inferred", "assumed"}
    assert table.notna().all(axis=None)
    assert (table != "").all(axis=None)
    assert table.loc["address_missing", "level"] == "reject"


def test_shown_in_a_notebook_an_audit_of_20000_rows_stays_small():
    """SCL-03."""
    report = audit.check_rows([row(f"svc-{n}", emails=None) for n in range(20_000)])
    assert len(report.findings) == 20_000
    for frame in (report.findings, report.users):
        html = frame._repr_html_()
        assert len(html) < 200_000
        assert "20000 rows" in html
    assert len(repr(report)) < 1_000


def test_names_that_are_markup_are_shown_as_text():
    """WID-01."""
    hostile = "<img src=x onerror=document.title='!'>"
    report = audit.check_rows([row(hostile, emails=None)], [{"displayName": hostile}, {"displayName": hostile}])
    for frame in (report.findings, report.users, report.groups):
        assert "<img" not in frame._repr_html_()


# Editions, exports, characters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "external", "warned"),
    [
        ("okta scim v2.0", "00u8fj2kd9LmXw4T5e69", False),
        ("okta scim v2.0", "ann@acme.test", True),
        ("okta scim v2.0", None, True),
        ("azure scim v2.0", "6f0c1d8e-2b7a-4e55-9a31-0c4d5e6f7a8b", False),
        ("azure scim v2.0", "ann.lee", True),
        ("generic scim v2.0", "ann@acme.test", False),
    ],
)
def test_while_a_directory_is_set_up_the_external_id_has_the_providers_form(provider, external, warned):
    """AUD-01."""
    report = audit.check_rows([row(externalId=external)], provider=provider)
    assert verdicts(report) == ["warning" if warned else "pass"]
    if warned:
        (finding,) = report.findings.to_dict("records")
        assert finding["rule"] == "external_id_malformed"
        assert "objectId to externalId" in finding["remedy"]


@pytest.mark.parametrize("email", ["email", "emails.value", "Primary email", "mail"])
def test_a_flat_export_is_read_and_what_is_not_understood_is_named(email):
    """AUD-02."""
    frame = pd.DataFrame(
        {"login": ["ann", "bo"], email: ["ann@acme.test", "ann@acme.test"], "firstName": ["Ann", "Bo"],
         "lastName": ["Lee", "Aas"], "Shoe size": [38, None]}
    )  # fmt: skip
    report = audit.check_rows(frame)
    assert verdicts(report) == ["pass", "reject"]
    assert found(report) == [(1, "address_taken")]
    assert report.columns["read_as"].tolist()[:4] == [
        "userName", "emails.value", "name.givenName", "name.familyName"]  # fmt: skip
    assert report.columns["understood"].tolist() == [True, True, True, True, False]
    assert report.sentence.endswith("Columns not understood, and not read: Shoe size.")


def test_no_row_is_refused_for_a_column_that_was_not_read():
    """AUD-02."""
    report = audit.check_rows(pd.DataFrame({"Konto": ["ann", "bo"], "Vorname": ["Ann", "Bo"]}))
    assert report.findings.empty
    assert report.columns["understood"].tolist() == [False, False]
    half = audit.check_rows(pd.DataFrame({"email": ["ann@acme.test", None]}))
    assert found(half) == [(1, "address_missing")]


def test_a_manager_as_a_bare_id_gets_a_remedy_for_an_entra_admin():
    """AUD-03."""
    report = audit.check_rows([row(**{ENTERPRISE: {"manager": "6f0c1d8e"}})], provider="azure scim v2.0")
    finding = report["reject"].iloc[0]
    assert finding["rule"] == "manager_not_object"
    assert "Provisioning, Mappings" in finding["remedy"]
    assert "'6f0c1d8e'" in finding["message"]


def test_a_character_that_nobody_sees_is_named_wherever_it_stands():
    """ADR-01."""
    report = audit.check_rows([row(), row("ann\u200b@acme.test")])
    assert {rule for label, rule in found(report) if label == 1} == {
        "user_name_alike", "address_alike", "invisible_characters"}  # fmt: skip
    assert report.findings["message"].str.contains("U+200B ZERO WIDTH SPACE", regex=False).any()
    names = {"first_name": "A\u200bnn", "last_name": "نیک\u200cنام"}  # the joiner belongs to the second
    users = users_frame([user("u1", "ann@acme.test"), user("u2", "ann\u2060@acme.test", **names)])
    held = audit.check_directory(users)
    wanted = ("invisible_characters", "address_shared")
    assert [(label, rule) for label, rule in found(held) if rule in wanted] == [
        ("u2", "invisible_characters"),
        ("u1", "address_shared"),
        ("u2", "address_shared"),
        ("u2", "invisible_characters"),
    ]


def test_twins_of_a_user_name_are_found_in_a_directory():
    users = users_frame(
        [
            user("u1", "a@acme.test", custom_attributes={"username": "Ann"}),
            user("u2", "b@acme.test", custom_attributes={"username": " ann\u200b"}),
            user("u3", "c@acme.test", custom_attributes={"username": "ann"}, directory_id="directory_2"),
            user("u4", "d@acme.test", username="ann", state="inactive"),
        ]
    )
    report = audit.check_directory(users)
    assert [label for label, rule in found(report) if rule == "user_name_shared"] == ["u1", "u2"]
