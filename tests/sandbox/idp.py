"""What the tests of the SCIM door share: a provider that sends exactly what a test says, and what it led to."""

from __future__ import annotations

from typing import Any

import requests

from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

from .conftest import Http

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Idp:
    """Write to the door of one directory, and see the directory and its events."""

    def __init__(self, http: Http, kind: str = "jump cloud scim v2.0") -> None:
        self.http, self.sandbox = http, http.sandbox
        self.directory = next(one["id"] for one in self.sandbox.truth.directories() if one["type"] == kind)
        self.url, self.token = self.sandbox.scim(self.directory)
        self.cursor: str | None = None
        self.told()

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        given = {"data": body} if isinstance(body, bytes) else {"json": body}
        return requests.request(method, self.url + path, headers=headers, timeout=20, **given, **more)

    def get(self, path: str, **query: Any) -> Any:
        response = self.send("GET", path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def post_user(self, user_name: str = "ann@acme.test", **fields: Any) -> requests.Response:
        return self.send("POST", "/Users", user(user_name, **fields))

    def new_user(self, user_name: str = "ann@acme.test", **fields: Any) -> str:
        response = self.post_user(user_name, **fields)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def new_group(self, name: str, *members: str, **fields: Any) -> str:
        body = {"displayName": name, "members": [{"value": one} for one in members], **fields}
        response = self.send("POST", "/Groups", body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> requests.Response:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)})

    def api(self, user_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/directory_users/{user_id}").json()
        return found

    def users(self) -> list[dict[str, Any]]:
        return self.sandbox.truth.users(self.directory)

    def members(self) -> set[tuple[str, str]]:
        return self.sandbox.truth.memberships(self.directory)

    def told(self) -> list[dict[str, Any]]:
        """Return the events since the last look."""
        query = {"after": self.cursor} if self.cursor else {}
        found = self.http.walk("/events", events=",".join(DSYNC_EVENTS), **query)
        self.cursor = found[-1]["id"] if found else self.cursor
        return found

    def told_names(self) -> list[str]:
        return [event["event"].removeprefix("dsync.") for event in self.told()]


def user(user_name: str, **fields: Any) -> dict[str, Any]:
    """Write a plain user with one work address; a field given as None is left out."""
    whole = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user_name,
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "emails": [{"primary": True, "type": "work", "value": user_name}],
        "active": True,
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}
