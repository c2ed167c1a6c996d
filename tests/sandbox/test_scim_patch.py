"""PATCH in every form that providers send, applied to one resource."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.scim import filter_patch as scim_paths
from dirsync_nb.sandbox.scim.schemas import ENTERPRISE, ScimRefused, check
from dirsync_nb.sandbox.scim.service import ScimRequest

from .conftest import Http
from .idp import Idp, user

WORK, HOME = {"type": "work", "value": "w@a.test", "primary": True}, {"type": "home", "value": "h@a.test"}
BEFORE: dict[str, Any] = {
    "userName": "ann",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [WORK, HOME],
    "title": "Lead",
    ENTERPRISE: {"department": "Ops", "manager": {"value": "m1"}},
}
DEPARTMENT = f"{ENTERPRISE}:department"

FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({"op": "replace", "path": "title", "value": "Head"}, {"title": "Head"}),
    "any case": ({"OP": "Replace", "Path": "TITLE", "Value": "Head"}, {"title": "Head"}),
    "no path": ({"op": "add", "value": {"title": "Head", "nickName": "A"}}, {"title": "Head", "nickName": "A"}),
    "dotted keys": (
        {"op": "replace", "value": {"displayName": "A L", "name.familyName": "Lund", DEPARTMENT: "Night"}},
        {
            "displayName": "A L",
            "name": {"givenName": "Ann", "familyName": "Lund"},
            ENTERPRISE: {"department": "Night", "manager": {"value": "m1"}},
        },
    ),
    "extension as object": (
        {"op": "replace", "value": {ENTERPRISE: {"division": "North"}}},
        {ENTERPRISE: {"department": "Ops", "division": "North", "manager": {"value": "m1"}}},
    ),
    "extension path": (
        {"op": "Add", "path": DEPARTMENT, "value": "Night"},
        {ENTERPRISE: {"department": "Night", "manager": {"value": "m1"}}},
    ),
    "sub-attribute": (
        {"op": "Replace", "path": "name.familyName", "value": "Lund"},
        {"name": {"givenName": "Ann", "familyName": "Lund"}},
    ),
    "manager by id": (
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "m2"},
        {ENTERPRISE: {"department": "Ops", "manager": {"value": "m2"}}},
    ),
    "no manager": (
        {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": ""},
        {ENTERPRISE: {"department": "Ops"}},
    ),
    "filtered value": (
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "n@a.test"},
        {"emails": [{**WORK, "value": "n@a.test"}, HOME]},
    ),
    "filtered value nobody has": (
        {"op": "Add", "path": 'emails[type eq "other"].value', "value": "o@a.test"},
        {"emails": [WORK, HOME, {"type": "other", "value": "o@a.test"}]},
    ),
    "filtered entry": (
        {"op": "replace", "path": 'emails[type eq "home"]', "value": {"type": "home", "value": "x@a.test"}},
        {"emails": [WORK, {"type": "home", "value": "x@a.test"}]},
    ),
    "filtered removal": ({"op": "remove", "path": 'emails[type eq "home"]'}, {"emails": [WORK]}),
    "filtered removal of nothing": ({"op": "remove", "path": 'emails[type eq "x"]'}, {}),
    "removal of a part": (
        {"op": "remove", "path": 'emails[value ew "a.test"].primary'},
        {"emails": [{"type": "work", "value": "w@a.test"}, HOME]},
    ),
    "another primary": (
        {"op": "add", "path": "emails", "value": [{"value": "p@a.test", "primary": True}]},
        {"emails": [{**WORK, "primary": False}, HOME, {"value": "p@a.test", "primary": True}]},
    ),
    "primary as text": (
        {"op": "Replace", "path": 'emails[type eq "home"].primary', "value": "True"},
        {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
    ),
    "added again": ({"op": "add", "path": "emails", "value": [HOME]}, {}),
    "a list replaced": ({"op": "replace", "path": "emails", "value": [HOME]}, {"emails": [HOME]}),
    "removed": ({"op": "remove", "path": "title"}, {"title": None}),
    "removed by value": ({"op": "Remove", "path": "emails", "value": [HOME]}, {"emails": [WORK]}),
    "replaced by null": ({"op": "replace", "path": "title", "value": None}, {"title": None}),
    "wrapped by Entra of old": (
        {"op": "Add", "path": "title", "value": [{"$ref": None, "value": "Head"}]},
        {"title": "Head"},
    ),
    "false as text": ({"op": "Replace", "path": "active", "value": "False"}, {"active": False}),
    "unknown": ({"op": "add", "path": "shoeSize", "value": 38}, {"shoeSize": 38}),
    "extension removed": ({"op": "remove", "path": ENTERPRISE}, {ENTERPRISE: None}),
}


def applied(operation: dict[str, Any]) -> dict[str, Any]:
    resource = copy.deepcopy(BEFORE)
    for op, path, value in scim_paths.operations({"Operations": [operation]}, strict=False):
        for change in scim_paths.spread(op, path, value):
            scim_paths.patch(resource, "User", *change, text_booleans=True)
    return resource


@pytest.mark.parametrize("form", FORMS)
def test_a_form_does_what_it_means(form: str) -> None:
    operation, changes = FORMS[form]
    expected = {key: value for key, value in {**BEFORE, **changes}.items() if value is not None}
    once = applied(operation)
    assert once == expected
    check(once, "User")


REFUSED: dict[str, Any] = {
    "no operations": {},
    "empty": {"Operations": []},
    "not a list": {"Operations": "replace"},
    "no op": {"Operations": [{"path": "title"}]},
    "unknown op": {"Operations": [{"op": "move", "path": "title"}]},
    "remove nothing": {"Operations": [{"op": "remove"}]},
    "value alone": {"Operations": [{"op": "add", "value": "x"}]},
    "broken path": {"Operations": [{"op": "add", "path": "emails[", "value": 1}]},
    "broken filter": {"Operations": [{"op": "remove", "path": "emails[type zz 1]"}]},
    "path of the wrong type": {"Operations": [{"op": "remove", "path": {"a": 1}}]},
    "value of the wrong type": {"Operations": [{"op": "replace", "path": "name", "value": 7}]},
    "entry of the wrong type": {"Operations": [{"op": "add", "path": "emails", "value": ["x"]}]},
    "filter on nothing that can be made": {
        "Operations": [{"op": "add", "path": 'ims[type ne "x"].value', "value": "y"}]
    },
    "no longer a name": {"Operations": [{"op": "remove", "path": "userName"}]},
    "sub of text": {"Operations": [{"op": "add", "path": "title.x", "value": 1}]},
    "filter on text": {"Operations": [{"op": "add", "path": 'title[value eq "Lead"].x', "value": 1}]},
    "a whole list by a filter": {"Operations": [{"op": "add", "path": 'emails[type eq "home"]', "value": "x"}]},
    "extension of text": {"Operations": [{"op": "add", "path": ENTERPRISE, "value": "x"}]},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_patch_that_means_nothing_is_refused_and_changes_nothing(http: Http, body: Any, caplog: Any) -> None:
    idp = Idp(http)
    one = idp.new_user(title="Lead", emails=[{"type": "home", "value": "h@a.test"}])
    before = idp.get(f"/Users/{one}")
    response = idp.send("PATCH", f"/Users/{one}", body)
    assert response.status_code == 400, response.text
    assert idp.get(f"/Users/{one}") == before
    assert not caplog.records


def test_a_work_address_is_made_for_a_user_who_has_none(http: Http) -> None:  # SCIM-03
    idp = Idp(http)
    one = idp.new_user("ann@acme.test", emails=None)
    idp.told()
    add = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ann@acme.test"}
    for _ in range(2):
        assert idp.patch(f"/Users/{one}", add).status_code == 200
        assert idp.get(f"/Users/{one}")["emails"] == [{"type": "work", "value": "ann@acme.test"}]
        assert idp.api(one)["email"] == "ann@acme.test"
    assert idp.told() == []  # it had been made of the user name before


def test_a_filter_of_thousands_of_characters_is_refused() -> None:
    with pytest.raises(ScimRefused, match="longer"):
        scim_paths.parse_filter('userName eq "a" or ' * 200 + 'userName eq "b"')
    with pytest.raises(ScimRefused):
        scim_paths.parse_filter("(" * 900 + "title pr" + ")" * 899)


NAMES = ["userName", "emails", "name", "active", "members", "displayName", "title", ENTERPRISE, "groups", "x"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "False", "a@b.test", "work", "é"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*NAMES, "value", "type", "primary", "manager"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = st.none() | st.builds(
    "{}{}{}".format,
    st.sampled_from([*NAMES, f"{ENTERPRISE}:manager"]),
    st.sampled_from(["", "", '[type eq "work"]', '[value eq "a@b.test"]', "[active pr]", "[", "[x gt 1]"]),
    st.sampled_from(["", "", ".value", ".familyName", ".primary"]),
)
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "Replace", "remove"])}, optional={"path": PATHS, "value": VALUES}
    ),
    max_size=3,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(kind=st.sampled_from(["User", "Group"]), body=st.fixed_dictionaries({"Operations": OPERATIONS}))
def test_no_patch_whatsoever_brings_the_door_down(kind: str, body: dict[str, Any]) -> None:
    door = fuzzed()
    before = door.get(kind)
    answer = door.send("PATCH", kind, body)
    assert answer.status in (200, 400, 409)
    if answer.status == 200:
        json.dumps(answer.body)
    else:
        assert door.get(kind) == before


class Fuzzed:
    """One user and one group behind a door, without HTTP."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.doors, self.store = self.sandbox.doors(), self.sandbox.store
        chosen = next(d for d in self.sandbox.truth.directories() if d["type"].startswith("jump"))
        self.directory = self.store.directories.get(chosen["id"])
        self.ids = {"User": "", "Group": ""}
        self.ids["User"] = self.send("POST", "User", user("ann@acme.test")).body["id"]
        self.ids["Group"] = self.send("POST", "Group", {"displayName": "Crew"}).body["id"]

    def send(self, method: str, kind: str, body: Any) -> Any:
        path = f"/{kind}s/{self.ids[kind]}".rstrip("/")
        return self.doors.answer(self.directory, ScimRequest(method, path, {}, json.dumps(body).encode()))

    def get(self, kind: str) -> Any:
        return self.send("GET", kind, {}).body


@lru_cache(maxsize=1)
def fuzzed() -> Fuzzed:
    return Fuzzed()


# -- faults that were found ----------------------------------------------------------------------------

ACME = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"
PATCHED = {
    "by a path": ({"op": "add", "path": f"{ACME}:badge", "value": "teal"}, {"badge": "teal"}),
    "without a path": ({"op": "add", "value": {f"{ACME}:badge": "teal"}}, {"badge": "teal"}),
    "the whole of it": ({"op": "replace", "value": {ACME: {"badge": "teal"}}}, {"badge": "teal"}),
    "by the schema alone": ({"op": "add", "path": ACME, "value": {"badge": "teal"}}, {"badge": "teal"}),
}


@pytest.mark.parametrize("how", PATCHED)
def test_a_patch_into_another_extension_is_kept_there(http: Http, how: str) -> None:
    idp = Idp(http)
    one = idp.new_user()
    operation, expected = PATCHED[how]
    shown = idp.patch(f"/Users/{one}", operation).json()
    assert shown[ACME] == expected
    assert ACME in shown["schemas"]
    assert "badge" not in shown
    assert ACME not in idp.patch(f"/Users/{one}", {"op": "remove", "path": f"{ACME}:badge"}).json()


def test_what_was_emptied_goes(http: Http) -> None:
    idp = Idp(http)
    one = idp.new_user(phoneNumbers=[{"type": "work", "value": "+47 55"}], title="Lead")
    path = 'phoneNumbers[type eq "work"].value'
    shown = idp.patch(f"/Users/{one}", {"op": "Replace", "path": path, "value": ""}).json()
    assert "phoneNumbers" not in shown
    idp.patch(f"/Users/{one}", {"op": "Replace", "path": "title", "value": ""})
    attributes = idp.api(one)["custom_attributes"]
    assert (attributes["phone_numbers"], attributes["job_title"]) == (None, None)


def test_active_is_always_shown(http: Http) -> None:
    idp = Idp(http)
    one = idp.new_user(active=None)
    assert idp.get(f"/Users/{one}")["active"] is True
    assert idp.get("/Users", filter=f'id eq "{one}"')["Resources"][0]["active"] is True


@pytest.mark.parametrize("written", ['emails.value eq "ANN@Acme.test"', 'emails[value eq "ANN@ACME.TEST"]'])
def test_addresses_are_filtered_without_their_case(http: Http, written: str) -> None:
    idp = Idp(http)
    one = idp.new_user("ann@acme.test", externalId="Ext-1")
    assert [found["id"] for found in idp.get("/Users", filter=written)["Resources"]] == [one]
    assert idp.get("/Users", filter='externalId eq "ext-1"')["totalResults"] == 0


def test_a_manager_as_a_bare_id_is_stored_or_refused_with_the_remedy(make: Any) -> None:
    for profile, status in (("workos", 201), ("strict", 400)):
        idp = Idp(make(scim_profile=profile))
        answer = idp.post_user(**{ENTERPRISE: {"manager": "00u-boss"}})
        assert answer.status_code == status, answer.text
        if status == 400:
            assert "map the manager to" in answer.json()["detail"]
        else:
            assert idp.api(answer.json()["id"])["custom_attributes"]["manager_id"] == "00u-boss"
