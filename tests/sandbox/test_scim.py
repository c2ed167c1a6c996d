"""The SCIM door: what providers send, what becomes of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from .conftest import Http
from .idp import ENTERPRISE, Idp, user

INACTIVE = {
    "put": lambda idp, u: idp.send("PUT", f"/Users/{u}", user("ann@acme.test", active=False)),
    "path": lambda idp, u: idp.patch(f"/Users/{u}", {"op": "replace", "path": "active", "value": False}),
    "no path": lambda idp, u: idp.patch(f"/Users/{u}", {"op": "replace", "value": {"active": False}}),
    "capital": lambda idp, u: idp.patch(f"/Users/{u}", {"op": "Replace", "path": "active", "value": "False"}),
}


@pytest.fixture
def idp(http: Http) -> Idp:
    return Idp(http)


@pytest.fixture
def keeping(make: Callable[..., Http]) -> Idp:
    return Idp(make(inactive_policy="keep"))


# -- the door itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic {}", "Bearer é"])
def test_without_the_directorys_token_the_door_stays_shut(idp: Idp, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    response = requests.get(idp.url + "/Users", headers=headers, timeout=5)
    assert response.status_code == 401
    assert response.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert response.json()["status"] == "401"


def test_a_token_opens_its_own_directory_only(http: Http, idp: Idp) -> None:
    other = Idp(http, "okta scim v2.0")
    headers = {"Authorization": f"Bearer {other.token}"}
    assert requests.get(idp.url + "/Users", headers=headers, timeout=5).status_code == 401
    assert requests.get(other.url + "/Users?count=1", headers=headers, timeout=5).status_code == 200
    key = {"Authorization": f"Bearer {http.sandbox.api_key}"}
    assert requests.get(idp.url + "/Users", headers=key, timeout=5).status_code == 401


def test_two_tokens_live_at_once_so_that_one_can_be_changed(idp: Idp) -> None:
    first = idp.token
    second_id = idp.sandbox.create_token(idp.directory)
    second = idp.sandbox.bearer_token(second_id)
    with pytest.raises(ValueError, match="at most 2"):
        idp.sandbox.create_token(idp.directory)
    for idp.token in (first, second):
        assert idp.send("GET", "/Users").status_code == 200
    (created,) = idp.told()
    assert created["event"] == "dsync.token.created"
    assert created["data"]["token_suffix"] == second[-4:]
    idp.sandbox.revoke_token(second_id)
    assert idp.send("GET", "/Users").status_code == 401
    assert idp.told_names() == ["token.revoked"]
    assert second not in json.dumps(idp.sandbox.info()) + str(idp.sandbox.truth.directories())


def test_the_first_write_links_a_directory_that_waited_for_it(idp: Idp) -> None:
    idp.new_user()
    assert idp.told_names() == ["activated", "user.created"]


def test_a_pulled_directory_has_no_door(http: Http) -> None:
    google = next(one for one in http.sandbox.truth.directories() if one["type"] == "gsuite directory")
    with pytest.raises(ValueError, match="no SCIM door"):
        http.sandbox.scim(google["id"])
    url = f"{http.sandbox.url}/scim/v2.0/{google['external_key']}/Users"
    assert requests.get(url, timeout=5).status_code == 401


def test_the_control_door_tells_other_languages_where_to_write(http: Http, idp: Idp) -> None:
    doors = requests.get(http.sandbox.url + "/_sandbox/scim", timeout=5).json()
    mine = next(door for door in doors if door["directory_id"] == idp.directory)
    assert (mine["url"], mine["token"]) == (idp.url, idp.token)


@pytest.mark.parametrize("path", ["", "/", "/Nothing", "/Users/a/b", "/Users/none", "/Schemas/none", "/%00"])
def test_what_is_not_there_is_a_scim_404(idp: Idp, path: str) -> None:
    response = idp.send("GET", path)
    assert response.status_code == 404
    assert response.json()["status"] == "404"
    assert response.headers["Content-Type"].startswith("application/scim+json")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/Users"), ("POST", "/Users/x"), ("PUT", "/Schemas"), ("GET", "/.search")]
)
def test_a_verb_that_does_not_fit_is_a_405(idp: Idp, method: str, path: str) -> None:
    assert idp.send(method, path, {}).status_code == 405


BROKEN = [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"userName": "\\ud800"}', b'{"userName": NaN}',
    b'{"userName": 1e999}', b"[" * 100_000, b'{"a":' * 100_000, b'{"userName": 7}', b'{"userName": null}',
    b'{"userName": "a@b.test", "emails": "a@b.test"}', b'{"userName": "a@b.test", "emails": ["a@b.test"]}',
    b'{"userName": "a@b.test", "name": "Ann"}', b'{"userName": "a@b.test", "active": 1}',
    b'{"userName": "a@b.test", "name": {"givenName": null}}', b'{"userName": ["a@b.test"]}',
    b'{"userName": "a@b.test", "URN:IETF:PARAMS:SCIM:SCHEMAS:EXTENSION:ENTERPRISE:2.0:USER": "Ops"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN, ids=lambda body: body[:40].decode("latin-1"))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_body_brings_the_door_down(idp: Idp, method: str, body: bytes, caplog: Any) -> None:
    path = "/Users" if method == "POST" else "/Users/" + idp.new_user()
    before = idp.users()
    response = idp.send(method, path, body)
    assert response.status_code == 400
    assert response.json()["scimType"] in ("invalidSyntax", "invalidValue")
    assert idp.users() == before
    assert not caplog.records


def test_a_body_above_the_limit_is_a_413(idp: Idp) -> None:  # SCL-07
    group = idp.new_group("Crew")
    members = [{"value": f"directory_user_{number:026d}"} for number in range(40_000)]
    body = json.dumps({"displayName": "Crew", "members": members}).encode()
    assert len(body) > 2_000_000
    response = idp.send("PUT", f"/Groups/{group}", body)
    assert response.status_code == 413
    assert "2,000 KB" in response.json()["detail"]
    assert idp.send("PUT", f"/Groups/{group}", body[:1_900_000] + b" ").status_code == 400


@pytest.mark.slow
def test_256_members_come_in_one_patch_of_a_large_group(make: Callable[..., Http]) -> None:  # SCL-07
    idp = Idp(make(users=10_300), "okta scim v2.0")
    ids = [one["id"] for one in idp.users()]
    group = idp.new_group("Everybody", *ids[:10_000])
    extra = [{"value": one} for one in ids[10_000:10_256]]
    response = idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": extra})
    assert response.status_code == 200
    assert len(response.json()["members"]) == 10_256


# -- discovery and lists ------------------------------------------------------------------------------


def test_the_documents_describe_the_service(idp: Idp) -> None:
    assert idp.get("/ServiceProviderConfig")["patch"] == {"supported": True}
    assert {one["id"] for one in idp.get("/ResourceTypes")["Resources"]} == {"User", "Group"}
    schemas = {one["id"]: one for one in idp.get("/Schemas")["Resources"]}
    assert ENTERPRISE in schemas
    assert idp.get(f"/Schemas/{ENTERPRISE}")["name"] == schemas[ENTERPRISE]["name"]


def test_paging_parameters_left_out_zero_or_past_the_end(idp: Idp) -> None:  # SCIM-09
    ids = [idp.new_user(f"u{number}@acme.test") for number in range(8)]

    def listed(**query: Any) -> tuple[list[str], int, int]:
        page = idp.get("/Users", **query)
        assert page["itemsPerPage"] == len(page["Resources"])
        return [one["id"] for one in page["Resources"]], page["totalResults"], page["startIndex"]

    assert listed() == (ids, 8, 1)
    assert listed(startIndex=0) == (ids, 8, 1)
    assert listed(startIndex=-3, count=2) == (ids[:2], 8, 1)
    assert listed(startIndex=9) == ([], 8, 9)
    assert listed(count=0) == ([], 8, 1)
    assert listed(count=-1) == ([], 8, 1)
    assert listed(startIndex=3, count=2) == (ids[2:4], 8, 3)
    assert listed(startIndex=3, count=2, filter='userName co "acme"') == (ids[2:4], 8, 3)
    assert idp.send("GET", "/Users", params={"count": "many"}).status_code == 400


def test_a_naive_total_counts_the_page_only(make: Callable[..., Http]) -> None:  # SCIM-10
    idp = Idp(make(scim_profile="naive-total", users=201), "okta scim v2.0")
    assert idp.get("/Users", count=1)["totalResults"] == 1
    assert len(idp.get("/Users", count=300)["Resources"]) == 201


FILTERS = {
    'userName eq "BOB@acme.test"': ["bob"],
    'userName sw "b" and active eq true': ["bob"],
    'emails[type eq "home" and value co "cy"]': ["cy"],
    "emails.type eq \"home\" or name.familyName eq 'x'": None,
    'emails.type eq "home" or name.familyName eq "Stone"': ["bob", "cy"],
    "title pr": ["bob"],
    "not (title pr)": ["ann", "cy"],
    f'{ENTERPRISE}:department eq "ops"': ["cy"],
    'externalId eq "x-1"': ["ann"],
    'externalId eq "X-1"': [],
    'userName ne "ann@acme.test"': ["bob", "cy"],
    'userName gt "b"': ["bob", "cy"],
    'userName ew "acme.test"': ["ann", "bob", "cy"],
    'meta.created gt "2000-01-01T00:00:00Z"': ["ann", "bob", "cy"],
    "userName": None,
    'userName zz "a"': None,
    "((((": None,
}


@pytest.mark.parametrize("written", FILTERS)
def test_filters_find_what_they_say(idp: Idp, written: str) -> None:
    idp.new_user("ann@acme.test", externalId="x-1")
    idp.new_user("bob@acme.test", title="Lead", name={"givenName": "Bob", "familyName": "Stone"})
    home = [{"type": "home", "value": "cy@home.test"}]
    idp.new_user("cy@acme.test", emails=home, **{ENTERPRISE: {"department": "Ops"}})
    expected = FILTERS[written]
    response = idp.send("GET", "/Users", params={"filter": written})
    if expected is None:
        assert (response.status_code, response.json()["scimType"]) == (400, "invalidFilter")
    else:
        found = [one["userName"].split("@")[0] for one in response.json()["Resources"]]
        assert found == expected


def test_attributes_are_chosen_or_left_out(idp: Idp) -> None:
    one = idp.new_user(title="Lead", **{ENTERPRISE: {"department": "Ops", "division": "North"}})
    path = f"/Users/{one}"
    assert set(idp.get(path, attributes="userName,name.familyName")) == {"schemas", "id", "userName", "name"}
    assert idp.get(path, attributes="name.familyName")["name"] == {"familyName": "Lee"}
    assert "emails" not in idp.get(path, excludedAttributes="emails,id")
    chosen = idp.get(path, attributes=f"{ENTERPRISE}:department")
    assert chosen[ENTERPRISE] == {"department": "Ops"}
    group = idp.new_group("Crew", one)
    assert "members" not in idp.get(f"/Groups/{group}", excludedAttributes="members")


# -- what becomes of a user ---------------------------------------------------------------------------


def test_every_field_becomes_the_right_one(idp: Idp) -> None:
    manager = {"value": "boss-1", "displayName": "Bo Ss"}
    extension = {
        "employeeNumber": "0412", "department": "Harbour", "division": "North", "costCenter": "CC-1",
        "organization": "Acme", "manager": manager,
    }  # fmt: skip
    place = {
        "type": "work", "streetAddress": "4 Quay", "locality": "Bergen", "region": "V", "postalCode": "5003",
        "country": "NO", "formatted": "4 Quay, Bergen", "primary": True,
    }  # fmt: skip
    one = idp.new_user(
        externalId="x-1", displayName="Ann L.", title="Lead", userType="Full Time", addresses=[place],
        phoneNumbers=[{"type": "work", "value": "+47 55"}], **{ENTERPRISE: extension},
    )  # fmt: skip
    found = idp.api(one)
    assert (found["idp_id"], found["email"], found["name"]) == ("x-1", "ann@acme.test", "Ann Lee")
    assert (found["first_name"], found["last_name"], found["state"]) == ("Ann", "Lee", "active")
    assert found["custom_attributes"] == {
        "addresses": [{"type": "work", "street_address": "4 Quay", "locality": "Bergen", "region": "V",
                       "postal_code": "5003", "country": "NO", "raw_address": "4 Quay, Bergen",
                       "primary": True}],
        "cost_center_name": "CC-1", "department_name": "Harbour", "display_name": "Ann L.",
        "division_name": "North", "emails": [{"type": "work", "value": "ann@acme.test", "primary": True}],
        "employee_number": "0412", "employee_type": "Full Time", "employment_start_date": None,
        "job_title": "Lead", "manager_email": None, "manager_id": "boss-1", "manager_name": "Bo Ss",
        "organization": "Acme",
        "phone_numbers": [{"value": "+47 55", "display": None, "type": "work", "primary": False}],
        "username": "ann@acme.test",
    }  # fmt: skip


def test_an_address_as_the_managers_id_is_an_address(idp: Idp) -> None:
    one = idp.new_user(**{ENTERPRISE: {"manager": {"value": "bo@acme.test"}}})
    found = idp.api(one)["custom_attributes"]
    assert (found["manager_email"], found["manager_id"]) == ("bo@acme.test", None)


def test_get_gives_back_what_was_sent(idp: Idp) -> None:
    sent = user("ann@acme.test", externalId="x", locale="en-GB", **{"urn:acme:1.0": {"badge": [1, {"a": 2}]}})
    sent["password"] = "secret-4711"
    answer = idp.send("POST", "/Users", sent)
    got = idp.get("/Users/" + answer.json()["id"])
    assert got == answer.json()
    assert {key: got[key] for key in sent if key not in ("password", "schemas")} == {
        key: sent[key] for key in sent if key not in ("password", "schemas")
    }
    assert "secret-4711" not in json.dumps(got)
    assert answer.headers["Location"] == got["meta"]["location"]


EMAILS = {
    "marked": ([{"type": "work", "value": "w@a.test"}, {"value": "p@a.test", "primary": True}], "p@a.test"),
    "work": ([{"type": "home", "value": "h@a.test"}, {"type": "work", "value": "w@a.test"}], "w@a.test"),
    "home": ([{"type": "other", "value": "o@a.test"}, {"type": "home", "value": "h@a.test"}], "h@a.test"),
    "none": ([{"type": "other", "value": "o@a.test"}], None),
    "malformed": ([{"type": "work", "value": "not-an-address", "primary": True}], None),
    "blank": ([{"type": "work", "value": " "}], "ann@acme.test"),
}


@pytest.mark.parametrize("case", EMAILS)
def test_the_primary_address_is_chosen_by_rule(idp: Idp, case: str) -> None:
    listed, expected = EMAILS[case]
    assert idp.api(idp.new_user(emails=listed))["email"] == expected


def test_without_an_external_id_the_user_name_is_the_id(idp: Idp) -> None:
    assert idp.api(idp.new_user("Ann@Acme.test"))["idp_id"] == "ann@acme.test"


def test_an_address_for_a_user_name_is_trimmed(idp: Idp) -> None:  # SCIM-17
    found = idp.api(idp.new_user(" Ann@Acme.test ", emails=[{"type": "work", "value": ""}]))
    assert found["email"] == "Ann@Acme.test"


ROWS = {
    "normal": (user("ann@acme.test"), 201, "ann@acme.test"),
    "address-shaped name": (user("ann@acme.test", emails=None), 201, "ann@acme.test"),
    "blank address": (user("svc-backup", emails=[{"type": "work", "value": ""}]), 400, None),
    "malformed address": (user("ann", emails=[{"type": "work", "value": "ann(at)acme"}]), 201, None),
    "no names": (user("ann@acme.test", name=None), 201, "ann@acme.test"),
    "no user name": (user("", userName=None), 400, None),
}


@pytest.mark.parametrize("row", ROWS)
def test_rows_get_the_verdict_of_the_service(idp: Idp, row: str) -> None:  # SCIM-13
    body, status, email = ROWS[row]
    response = idp.send("POST", "/Users", body)
    assert response.status_code == status
    if status == 201:
        assert idp.api(response.json()["id"])["email"] == email
    else:
        assert response.json()["detail"].startswith("Required attributes missing: ")
        assert idp.users() == []
    noted = [note["note"] for note in idp.sandbox.scim_report(idp.directory)["notes"]]
    assert (noted == ["Missing: first_name, last_name"]) == (row == "no names")


def test_a_user_without_an_address_is_kept_unseen_until_there_is_one(idp: Idp) -> None:
    assert idp.post_user("svc", emails=[]).status_code == 400
    assert idp.post_user("svc", emails=[]).status_code == 400
    assert [one["userName"] for one in idp.sandbox.scim_report(idp.directory)["validating"]] == ["svc"]
    assert idp.get("/Users")["totalResults"] == 0
    assert idp.told_names() == ["activated"]
    one = idp.new_user("svc", emails=[{"type": "work", "value": "svc@acme.test"}])
    assert idp.told_names() == ["user.created"]
    assert idp.sandbox.scim_report(idp.directory)["validating"] == []
    assert [user["id"] for user in idp.users()] == [one]


def test_user_names_are_unique_whatever_their_case(idp: Idp) -> None:  # SCIM-07
    one = idp.new_user("Ann@Acme.test")
    clash = idp.post_user("ann@acme.TEST", emails=[{"type": "work", "value": "other@acme.test"}])
    assert (clash.status_code, clash.json()["scimType"]) == (409, "uniqueness")
    (found,) = idp.get("/Users", filter='userName eq "ANN@ACME.TEST"')["Resources"]
    assert (found["id"], found["userName"]) == (one, "Ann@Acme.test")


def test_two_active_users_cannot_share_an_address(keeping: Idp) -> None:
    shared = [{"type": "work", "value": "crew@acme.test"}]
    one = keeping.new_user("ann@acme.test", emails=shared)
    assert keeping.post_user("bob@acme.test", emails=shared).status_code == 409
    assert keeping.post_user("cy@acme.test", emails=shared, active=False).status_code == 201
    INACTIVE["path"](keeping, one)
    assert keeping.post_user("bob@acme.test", emails=shared).status_code == 201
    assert keeping.patch(f"/Users/{one}", {"op": "replace", "path": "active", "value": True}).status_code == 409


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_active_must_be_a_boolean_on_post_and_put(idp: Idp, verb: str) -> None:
    path = "/Users" if verb == "POST" else "/Users/" + idp.new_user()
    response = idp.send(verb, path, user("ann@acme.test", active="true"))
    assert (response.status_code, response.json()["scimType"]) == (400, "invalidSyntax")


def test_nobody_is_created_inactive_unless_inactive_users_are_kept(idp: Idp, keeping: Idp) -> None:
    assert idp.post_user(active=False).status_code == 400
    one = keeping.new_user(active=False)
    assert keeping.api(one)["state"] == "inactive"
    assert keeping.get(f"/Users/{one}")["active"] is False


# -- deactivation, in four shapes ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", INACTIVE)
def test_four_shapes_of_deactivation_come_to_the_same_end(keeping: Idp, shape: str) -> None:  # SCIM-02
    one = keeping.new_user()
    keeping.told()
    assert INACTIVE[shape](keeping, one).status_code == 200
    (event,) = keeping.told()
    assert event["event"] == "dsync.user.updated"
    assert event["data"]["previous_attributes"] == {"state": "active"}
    assert keeping.api(one)["state"] == "inactive"
    assert keeping.get(f"/Users/{one}")["active"] is False
    counted = keeping.http.get(f"/directories/{keeping.directory}").json()["metadata"]["users"]
    assert counted == {"active": 0, "inactive": 1}


@pytest.mark.parametrize("shape", INACTIVE)
def test_where_inactive_means_gone_all_shapes_delete(idp: Idp, shape: str) -> None:  # SCIM-02
    one = idp.new_user()
    idp.told()
    assert INACTIVE[shape](idp, one).status_code == 200
    (event,) = idp.told()
    assert (event["event"], event["data"]["state"]) == ("dsync.user.deleted", "inactive")
    assert idp.users() == []
    assert idp.get(f"/Users/{one}")["active"] is False  # the provider can still find, delete or bring back
    INACTIVE[shape](idp, one)
    assert idp.told() == []


@pytest.mark.parametrize("value", ["False", "false", False])
def test_false_is_false_in_text_too(make: Callable[..., Http], value: object) -> None:  # SCIM-01
    idp = Idp(make(scim_profile="lenient", inactive_policy="keep"))
    one = idp.new_user(active="true")
    assert idp.api(one)["state"] == "active"
    assert idp.patch(f"/Users/{one}", {"op": "Replace", "path": "active", "value": value}).status_code == 200
    assert idp.api(one)["state"] == "inactive"


@pytest.mark.parametrize("value", ["False", "false", "true", "no", 0])
def test_the_strict_profile_refuses_text_with_the_reason(make: Callable[..., Http], value: object) -> None:
    idp = Idp(make(scim_profile="strict", inactive_policy="keep"))  # SCIM-01
    one = idp.new_user()
    response = idp.patch(f"/Users/{one}", {"op": "replace", "path": "active", "value": value})
    assert response.status_code == 400
    assert "active must be of type boolean" in response.json()["detail"]
    assert idp.api(one)["state"] == "active"
    assert idp.post_user("bob@acme.test", active="true").status_code == 400
    capital = idp.patch(f"/Users/{one}", {"op": "Replace", "path": "active", "value": False})
    assert capital.status_code == 400


def test_a_rehired_user_is_a_new_one_where_inactive_means_gone(idp: Idp) -> None:  # EVT-16
    one = idp.new_user()
    groups = [idp.new_group("A", one), idp.new_group("B", one)]
    INACTIVE["no path"](idp, one)
    idp.told()
    assert idp.patch(f"/Users/{one}", {"op": "replace", "value": {"active": True}}).status_code == 200
    (created,) = idp.told()
    assert created["event"] == "dsync.user.created"
    assert created["data"]["id"] != one
    assert idp.members() == set()  # nothing announces memberships, and there are none to announce
    idp.patch(f"/Groups/{groups[0]}", {"op": "add", "path": "members", "value": [{"value": one}]})
    assert idp.members() == {(created["data"]["id"], groups[0])}


def test_a_rehired_user_is_the_same_and_in_both_groups_where_they_are_kept(keeping: Idp) -> None:  # EVT-16
    one = keeping.new_user()
    groups = [keeping.new_group("A", one), keeping.new_group("B", one)]
    keeping.told()
    INACTIVE["no path"](keeping, one)
    keeping.patch(f"/Users/{one}", {"op": "replace", "value": {"active": True}})
    assert keeping.told_names() == ["user.updated", "user.updated"]
    assert keeping.api(one)["state"] == "active"
    assert keeping.members() == {(one, groups[0]), (one, groups[1])}


def test_deleting_tells_once_also_after_a_soft_delete(idp: Idp) -> None:
    one, two = idp.new_user(), idp.new_user("bob@acme.test")
    INACTIVE["capital"](idp, one)
    idp.told()
    assert idp.send("DELETE", f"/Users/{one}").status_code == 204
    assert idp.told() == []
    assert idp.send("DELETE", f"/Users/{two}").status_code == 204
    assert idp.told_names() == ["user.deleted"]
    for verb in ("GET", "PUT", "PATCH", "DELETE"):
        assert idp.send(verb, f"/Users/{two}", {}).status_code == 404


def test_a_renamed_user_may_come_as_a_second_with_the_same_id(keeping: Idp) -> None:  # SCIM-15
    one = keeping.new_user("ann.l@acme.test", externalId="x-1")
    INACTIVE["path"](keeping, one)
    two = keeping.new_user("ann.lee@acme.test", externalId="x-1")
    assert {(u["id"], u["state"], u["idp_id"]) for u in keeping.users()} == {
        (one, "inactive", "x-1"),
        (two, "active", "x-1"),
    }


# -- groups -------------------------------------------------------------------------------------------


def test_members_nobody_knows_are_dropped_and_a_later_write_restores_them(idp: Idp) -> None:  # SCIM-12
    one, two = idp.new_user("u1@acme.test"), idp.new_user("u2@acme.test")
    idp.post_user("u3", emails=[])  # validating: unseen, hence no member either
    group = idp.new_group("Crew", one, two, "u-unknown")
    assert idp.members() == {(one, group), (two, group)}
    three = idp.new_user("u3", emails=[{"type": "work", "value": "u3@acme.test"}])
    assert len(idp.members()) == 2
    everybody = [{"value": each} for each in (one, two, three)]
    idp.send("PUT", f"/Groups/{group}", {"displayName": "Crew", "members": everybody})
    assert (three, group) in idp.members()


def test_a_group_put_with_its_own_name_does_not_clash(idp: Idp) -> None:  # SCIM-05
    one, two = idp.new_user("u1@acme.test"), idp.new_user("u2@acme.test")
    group = idp.new_group("Crew", one)
    idp.told()
    body = {"displayName": "Crew", "members": [{"value": one}, {"value": two}]}
    assert idp.send("PUT", f"/Groups/{group}", body).status_code == 200
    assert idp.told_names() == ["group.user_added"]
    assert idp.members() == {(one, group), (two, group)}


def test_a_member_added_or_listed_twice_is_one_edge_and_one_event(idp: Idp) -> None:  # SCIM-06
    one, group = idp.new_user(), idp.new_group("Crew")
    idp.told()
    add = {"op": "add", "path": "members", "value": [{"value": one}]}
    assert idp.patch(f"/Groups/{group}", add).status_code == 200
    assert idp.patch(f"/Groups/{group}", add).status_code == 200
    twice = {"displayName": "Crew", "members": [{"value": one}, {"value": one}]}
    assert idp.send("PUT", f"/Groups/{group}", twice).status_code == 200
    assert idp.told_names() == ["group.user_added"]
    assert idp.members() == {(one, group)}


REMOVALS: dict[str, Callable[[str], dict[str, Any]]] = {
    "filter": lambda one: {"op": "remove", "path": f'members[value eq "{one}"]'},
    "list": lambda one: {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": one}]},
    "single": lambda one: {"op": "remove", "path": "members", "value": {"value": one}},
    "replace": lambda one: {"op": "replace", "path": "members", "value": []},
    "no path": lambda one: {"op": "replace", "value": {"members": []}},
    "all": lambda one: {"op": "remove", "path": "members"},
}


@pytest.mark.parametrize("form", REMOVALS)
def test_members_are_removed_in_every_form(idp: Idp, form: str) -> None:
    one = idp.new_user()
    group = idp.new_group("Crew", one)
    idp.told()
    assert idp.patch(f"/Groups/{group}", REMOVALS[form](one)).status_code == 200
    assert idp.told_names() == ["group.user_removed"]
    assert idp.members() == set()


def test_okta_renames_with_every_change_of_members(http: Http) -> None:
    idp = Idp(http, "okta scim v2.0")
    one = idp.users()[0]["id"]
    group = idp.new_group("Night Watch", one, externalId="ignored")
    idp.told()
    rename: dict[str, Any] = {"op": "replace", "value": {"id": group, "displayName": "Night Watch"}}
    idp.patch(f"/Groups/{group}", rename, {"op": "remove", "path": f'members[value eq "{one}"]'})
    assert idp.told_names() == ["group.user_removed"]
    assert http.get(f"/directory_groups/{group}").json()["idp_id"] == "Night Watch"
    rename["value"]["displayName"] = "Night Watch North"
    idp.patch(f"/Groups/{group}", rename)
    (event,) = idp.told()
    assert event["data"]["idp_id"] == "Night Watch North"
    assert event["data"]["previous_attributes"] == {"name": "Night Watch", "idp_id": "Night Watch"}


def test_entra_gets_no_content_for_a_group_patch_and_keeps_its_object_id(http: Http) -> None:
    idp = Idp(http, "azure scim v2.0")
    group = idp.new_group("Night Crew", externalId="b27e44c0")
    response = idp.patch(f"/Groups/{group}", {"op": "Replace", "path": "displayName", "value": "North"})
    assert (response.status_code, response.content) == (204, b"")
    found = http.get(f"/directory_groups/{group}").json()
    assert (found["name"], found["idp_id"]) == ("North", "b27e44c0")


def test_a_groups_identity_is_unique_also_against_former_names(idp: Idp) -> None:
    group = idp.new_group("Crew")
    clash = idp.send("POST", "/Groups", {"displayName": "Crew"})
    assert (clash.status_code, clash.json()["scimType"]) == (409, "uniqueness")
    idp.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Night Crew"})
    assert idp.send("POST", "/Groups", {"displayName": "Crew"}).status_code == 409
    assert idp.send("POST", "/Groups", {"displayName": "Crew", "externalId": "other"}).status_code == 201
    back = idp.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Crew"})
    assert back.status_code == 200
    assert idp.send("DELETE", f"/Groups/{group}").status_code == 204
    assert idp.send("POST", "/Groups", {"displayName": "Crew"}).status_code == 201


@pytest.mark.parametrize("body", [{}, {"displayName": ""}, {"displayName": " "}])
def test_a_group_needs_a_name(idp: Idp, body: dict[str, Any]) -> None:
    assert idp.send("POST", "/Groups", body).status_code == 400


def test_a_group_goes_with_one_event_and_its_members_stay(idp: Idp) -> None:
    one = idp.new_user()
    group = idp.new_group("Crew", one)
    idp.told()
    assert idp.send("DELETE", f"/Groups/{group}").status_code == 204
    assert idp.told_names() == ["group.deleted"]
    assert [user["id"] for user in idp.users()] == [one]
    assert "groups" not in idp.get(f"/Users/{one}")


# -- moving in, and what did not come through the door ------------------------------------------------


def test_a_directory_moving_in_keeps_its_ids(idp: Idp) -> None:
    moving = {"X-WorkOS-Migrated-Id": "7f1c-legacy"}
    response = idp.send("POST", "/Users", user("ann@acme.test"), headers=moving)
    assert (response.status_code, response.json()["id"]) == (201, "7f1c-legacy")
    assert idp.api("7f1c-legacy")["email"] == "ann@acme.test"
    assert idp.send("POST", "/Users", user("b@acme.test"), headers=moving).status_code == 409
    group = idp.send("POST", "/Groups", {"displayName": "C"}, headers={"X-WorkOS-Migrated-Id": "g/1"})
    assert group.status_code == 400


def test_users_of_the_seed_can_be_read_and_changed_by_one_field(http: Http) -> None:
    idp = Idp(http, "okta scim v2.0")
    before = next(u for u in idp.users() if u["custom_attributes"]["manager_email"] and u["email"])
    found = idp.get("/Users", filter=f'userName eq "{before["custom_attributes"]["username"].upper()}"')
    assert [one["id"] for one in found["Resources"]] == [before["id"]]
    idp.patch("/Users/" + before["id"], {"op": "replace", "path": "title", "value": "Harbour Pilot"})
    (event,) = idp.told()
    old = before["custom_attributes"]["job_title"]
    assert event["data"]["previous_attributes"] == {"custom_attributes": {"job_title": old}}
    now = idp.api(before["id"])["custom_attributes"]
    assert now == {**before["custom_attributes"], "job_title": "Harbour Pilot"}


def test_what_happens_by_hand_shows_at_the_door(http: Http) -> None:
    idp = Idp(http, "okta scim v2.0")
    total = idp.get("/Users", count=0)["totalResults"]
    one = http.sandbox.add_user(idp.directory, email="new@harbourline.example", first_name="New")
    assert idp.get("/Users", count=0)["totalResults"] == total + 1
    assert idp.get(f"/Users/{one}")["userName"] == "new@harbourline.example"
    http.sandbox.delete_user(one)
    assert idp.send("GET", f"/Users/{one}").status_code == 404
    assert idp.get("/Users", count=0)["totalResults"] == total


def test_deleting_the_directory_shuts_the_door(idp: Idp) -> None:
    idp.new_user()
    idp.sandbox.delete_directory(idp.directory)
    assert idp.send("GET", "/Users").status_code == 401


def test_faults_reach_the_door_too(idp: Idp) -> None:
    idp.sandbox.faults.add("status", status=503, path="/scim/")
    assert idp.send("GET", "/Users").status_code == 503
    assert idp.send("GET", "/Users").status_code == 200
    idp.sandbox.faults.add("reset", path="/scim/")
    with pytest.raises(requests.ConnectionError):
        idp.send("GET", "/Users")


# -- predefined attributes on and off -----------------------------------------------------------------


def test_switching_an_attribute_tells_of_each_user_whose_data_changed(idp: Idp) -> None:
    one = idp.new_user(title="Lead")
    idp.new_user("bob@acme.test")
    idp.told()
    told = idp.sandbox.switch_attribute("job_title", on=False)
    mine = [event for event in idp.told() if event["data"]["directory_id"] == idp.directory]
    assert told > 300  # the whole environment, not this directory only
    assert [event["data"]["id"] for event in mine] == [one]  # bob had none: null to absent is silent
    assert mine[0]["data"]["previous_attributes"] == {"custom_attributes": {"job_title": "Lead"}}
    assert all("job_title" not in user["custom_attributes"] for user in idp.users())

    idp.patch(f"/Users/{one}", {"op": "replace", "path": "title", "value": "Head"})
    assert idp.told() == []
    idp.sandbox.switch_attribute("job_title", on=True)
    found = [user["custom_attributes"]["job_title"] for user in idp.users()]
    assert found == ["Head", None]
    again = [event for event in idp.told() if event["data"]["directory_id"] == idp.directory]
    assert [event["data"]["previous_attributes"] for event in again] == [
        {"custom_attributes": {"job_title": None}}
    ]


def test_switching_off_and_on_leaves_everything_as_it_was(http: Http) -> None:
    before = [http.sandbox.truth.users(one["id"]) for one in http.sandbox.truth.directories()]
    for on in (False, True):
        http.sandbox.switch_attribute("addresses", on=on)
    after = [http.sandbox.truth.users(one["id"]) for one in http.sandbox.truth.directories()]

    def attributes(listed: list[list[dict[str, Any]]]) -> list[Any]:
        return [one["custom_attributes"] for users in listed for one in users]

    assert attributes(before) == attributes(after)
    with pytest.raises(ValueError, match="must be one of"):
        http.sandbox.switch_attribute("shoe_size", on=True)
