"""Roles from groups: one with priority, or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Http
from .idp import Idp


def in_two_mapped_groups(idp: Idp) -> tuple[str, str, str]:
    one = idp.new_user()
    admins, auditors = idp.new_group("Admins", one), idp.new_group("Auditors", one)
    assert idp.sandbox.map_role(auditors, "auditor") == 1
    idp.told()
    idp.sandbox.map_role(admins, "admin")
    return one, admins, auditors


def roles_of(user: dict[str, Any]) -> tuple[str, list[str]]:
    return user["role"]["slug"], [role["slug"] for role in user["roles"]]


def test_with_several_roles_a_user_has_all_of_them(make: Callable[..., Http]) -> None:
    idp = Idp(make(roles="multiple"))
    one, admins, auditors = in_two_mapped_groups(idp)
    (event,) = idp.told()
    assert event["event"] == "dsync.user.updated"
    assert event["data"]["previous_attributes"]["role"] == {"slug": "auditor"}
    assert roles_of(idp.api(one)) == ("admin", ["admin", "auditor"])
    idp.send("DELETE", f"/Groups/{admins}")
    assert roles_of(idp.api(one)) == ("auditor", ["auditor"])
    idp.sandbox.map_role(auditors, None)
    assert roles_of(idp.api(one)) == ("member", ["member"])


def test_with_one_role_as_environments_have_it_by_default_the_highest_wins(http: Http) -> None:
    idp = Idp(http)
    one, admins, _ = in_two_mapped_groups(idp)
    assert roles_of(idp.api(one)) == ("admin", ["admin"])
    idp.patch(f"/Groups/{admins}", {"op": "remove", "path": f'members[value eq "{one}"]'})
    assert roles_of(idp.api(one)) == ("auditor", ["auditor"])
    every = [user for d in idp.sandbox.truth.directories() for user in idp.sandbox.truth.users(d["id"])]
    assert max(len(user.get("roles", [])) for user in every) == 1


def test_only_scim_and_google_have_roles(http: Http) -> None:
    workday = next(d for d in http.sandbox.truth.directories() if d["type"] == "workday")
    group = http.sandbox.truth.groups(workday["id"])[0]["id"]
    with pytest.raises(ValueError, match="cannot be mapped"):
        http.sandbox.map_role(group, "admin")
    with pytest.raises(ValueError, match="must be one of"):
        http.sandbox.map_role(group, "king")
