"""Providers write what their makers document, over HTTP."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from dirsync_nb.sandbox.providers.base import Count, Employee, Persona, ScimClient, ScimError
from dirsync_nb.sandbox.providers.entra import EntraId
from dirsync_nb.sandbox.providers.okta import Okta
from dirsync_nb.sandbox.providers.others import JumpCloud, OneLogin

from ..foreign import Answer, ForeignServer
from .conftest import Http
from .idp import ENTERPRISE, PATCH_OP, Idp

INES = Employee("e-1", "ines@acme.test", "Ines", "Okafor", "Dispatcher", "Harbour", "boss-1", "0412")
MIRA = Employee("e-2", "mira@acme.test", "Mira", "Solheim")
TYPES = {
    Okta: "okta scim v2.0",
    EntraId: "azure scim v2.0",
    OneLogin: "onelogin scim v2.0",
    JumpCloud: "jump cloud scim v2.0",
}


def staged(http: Http, make: type[Persona], **settings: Any) -> tuple[Any, Idp]:
    idp = Idp(http, TYPES[make])
    return make(idp.url, idp.token, **settings), idp


def bodies(persona: Persona, since: int = 0) -> list[tuple[str, Any]]:
    return [(sent.method, sent.body) for sent in persona.sent[since:]]


def patch(*operations: dict[str, Any]) -> tuple[str, Any]:
    return "PATCH", {"schemas": [PATCH_OP], "Operations": list(operations)}


def test_okta_looks_creates_puts_and_patches_without_a_path(http: Http) -> None:
    okta, idp = staged(http, Okta)
    okta.assign(INES)
    look, create = okta.sent
    assert look.path.startswith("/Users?filter=userName+eq+%22ines%40acme.test%22&startIndex=1&count=100")
    assert create.body is not None
    assert create.body["active"] is True
    assert create.body[ENTERPRISE]["manager"] == {"value": "boss-1"}
    okta.change("e-1", last_name="Lund")
    assert [sent.method for sent in okta.sent[2:]] == ["GET", "PUT"]
    okta.unassign("e-1")
    assert bodies(okta, 4) == [patch({"op": "replace", "value": {"active": False}})]
    assert not [sent for sent in okta.sent if sent.method == "DELETE"]
    assert idp.told_names() == ["user.created", "user.updated", "user.deleted"]


def test_okta_names_the_group_in_every_change_of_members(http: Http) -> None:
    okta, idp = staged(http, Okta)
    okta.assign(INES)
    okta.assign(MIRA)
    okta.push_group("Quay", ["e-1"])
    start = len(okta.sent)
    okta.change_members("Quay", add=["e-2"], remove=["e-1"])
    one, two, group = okta._users["e-1"], okta._users["e-2"], okta._group_ids["Quay"]
    assert bodies(okta, start) == [
        patch(
            {"op": "replace", "value": {"id": group, "displayName": "Quay"}},
            {"op": "remove", "path": f'members[value eq "{one}"]'},
            {"op": "add", "path": "members", "value": [{"value": two, "display": "mira@acme.test"}]},
        )
    ]
    assert {user for user, found in idp.members() if found == group} == {two}
    assert http.get(f"/directory_groups/{group}").json()["idp_id"] == "Quay"


def test_entra_creates_then_updates_with_capitals_and_text(http: Http) -> None:
    entra, idp = staged(http, EntraId)
    entra.assign(INES)
    assert idp.told_names() == ["user.created", "user.updated"]
    start = len(entra.sent)
    entra.change("e-1", last_name="Lund", email="lund@acme.test", department="Night")
    entra.unassign("e-1")
    changed, blocked = bodies(entra, start)
    assert changed == patch(
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "lund@acme.test"},
        {"op": "Replace", "path": "userName", "value": "lund@acme.test"},
        {"op": "Replace", "path": "name.familyName", "value": "Lund"},
        {"op": "Replace", "path": "displayName", "value": "Ines Lund"},
        {"op": "Replace", "path": f"{ENTERPRISE}:department", "value": "Night"},
    )
    assert blocked == patch({"op": "Replace", "path": "active", "value": "False"})
    updated, deleted = idp.told()
    assert updated["data"]["email"] == "lund@acme.test"
    assert deleted["event"] == "dsync.user.deleted"
    entra.purge("e-1")
    assert entra.sent[-1].method == "DELETE"
    assert idp.told() == []


def test_entra_with_the_flag_is_modern(http: Http) -> None:
    entra, idp = staged(http, EntraId, modern=True)
    entra.assign(INES)
    entra.push_group("Quay", ["e-1"])
    start = len(entra.sent)
    entra.change("e-1", last_name="Lund", email="lund@acme.test")
    entra.change_members("Quay", remove=["e-1"])
    entra.unassign("e-1")
    bundled = {"userName": "lund@acme.test", "name.familyName": "Lund", "displayName": "Ines Lund"}
    assert bodies(entra, start) == [
        patch(
            {"op": "replace", "path": 'emails[type eq "work"].value', "value": "lund@acme.test"},
            {"op": "replace", "value": bundled},
        ),
        patch({"op": "remove", "path": f'members[value eq "{entra._users["e-1"]}"]'}),
        patch({"op": "replace", "path": "active", "value": False}),
    ]
    assert all("aadOptscim062020" in sent.path for sent in entra.sent)
    assert idp.told_names()[-3:] == ["user.updated", "group.user_removed", "user.deleted"]


def test_entra_creates_groups_empty_with_its_object_id(http: Http) -> None:
    entra, idp = staged(http, EntraId)
    entra.assign(INES)
    start = len(entra.sent)
    entra.push_group("Quay", ["e-1"])
    entra.rename_group("Quay", "Pier")
    look, create, add, rename = entra.sent[start:]
    assert "excludedAttributes=members" in look.path
    assert create.body is not None
    assert "members" not in create.body
    assert (add.status, rename.status) == (204, 204)
    found = http.get("/directory_groups/" + entra._group_ids["Pier"]).json()
    assert (found["name"], found["idp_id"]) == ("Pier", create.body["externalId"])
    entra.drop_group("Pier")
    assert idp.told_names()[-2:] == ["group.updated", "group.deleted"]


def test_onelogin_says_nothing_of_a_group_that_goes(http: Http) -> None:
    onelogin, idp = staged(http, OneLogin)
    onelogin.assign(INES)
    onelogin.assign(MIRA)
    onelogin.push_group("Quay", ["e-1", "e-2"])
    onelogin.push_group("Pier", ["e-2"])
    idp.told()
    start = len(onelogin.sent)
    onelogin.drop_group("Quay")
    assert [(sent.method, sent.path) for sent in onelogin.sent[start:]] == [
        ("PUT", f"/Users/{onelogin._users['e-1']}")
    ]
    assert idp.told_names() == ["user.deleted"]


def test_jumpcloud_adds_twice_and_deletes_groups(http: Http) -> None:
    jumpcloud, idp = staged(http, JumpCloud)
    jumpcloud.assign(INES)
    jumpcloud.push_group("Quay", ["e-1"])
    adds = [sent for sent in jumpcloud.sent if sent.method == "PATCH"]
    assert len(adds) == 2
    assert idp.told_names() == ["activated", "user.created", "group.created", "group.user_added"]
    jumpcloud.drop_group("Quay")
    assert idp.told_names() == ["group.user_removed", "group.deleted"]


def test_a_token_is_in_no_dump_and_no_pickle(http: Http) -> None:
    okta, idp = staged(http, Okta)
    assert idp.token not in repr(vars(okta)) + repr(vars(okta.client)) + str(okta.client)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(okta)


def test_a_refusal_is_an_error_with_the_reason(http: Http) -> None:
    okta, _ = staged(http, Okta)
    taken = http.sandbox.truth.users(http.sandbox.truth.directories()[0]["id"])[0]["email"]
    body = {"userName": "other@acme.test", "emails": [{"value": taken, "primary": True}]}
    with pytest.raises(ScimError, match="409: Another active user") as refused:
        okta.client.send("POST", "/Users", body)
    assert refused.value.status == 409


def test_a_naive_total_is_not_believed(make: Callable[..., Http]) -> None:  # SCIM-10
    naive = Idp(make(scim_profile="naive-total", users=201), "okta scim v2.0")
    client = ScimClient(naive.url, naive.token, agent="test", content_type="application/json")
    assert client.count_users() == Count(201, "walked in pages of 100")
    honest = Idp(make(users=201), "okta scim v2.0")
    client = ScimClient(honest.url, honest.token, agent="test", content_type="application/json")
    assert client.count_users() == Count(201, "totalResults of a page of one")


@pytest.mark.parametrize(
    "answer",
    [Answer(b"<html>"), Answer([1]), Answer({}), Answer(b"[" * 10_000), Answer(status=502), Answer(reset=True)],
)
def test_a_server_that_is_none_of_scim_is_a_sentence(answer: Answer) -> None:
    with ForeignServer(lambda _: answer) as server:
        okta = Okta(server.url, "token")
        for act in (lambda: okta.assign(INES), lambda: okta.push_group("Quay", []), okta.client.count_users):
            with pytest.raises(ScimError, match="was answered"):
                act()
