"""Identity providers that really send HTTP: what they share. How each one writes is in its own module.

A provider is configured like its real self, with an endpoint and a token, and keeps the ids the service gave
it. It knows nothing of the sandbox, so it can be pointed at any other SCIM server too.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import urlencode, urlsplit

from ...errors import DirsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..directory.objects import Object

CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_TIMEOUT = 30.0
_MOST_BYTES = 20_000_000  # of an answer


class ScimError(DirsyncError, RuntimeError):
    """Say that a SCIM server refused a request, or does not answer as one; its status, 0 for no answer."""

    def __init__(self, status: int, method: str, path: str, detail: str) -> None:
        super().__init__(f"{method} {path} was answered {status or 'by nobody'}: {detail}")
        self.status = status


class Sent(NamedTuple):
    """Hold one request that went out, the status that came back, and how long that took."""

    method: str
    path: str
    body: Object | None
    status: int
    milliseconds: float = 0.0


class Count(NamedTuple):
    """Hold how many users there are, and how that was found."""

    users: int
    how: str


@dataclass(frozen=True, slots=True)
class Employee:
    """Hold somebody at the provider. ``id`` is the provider's own; ``more`` is what else the service has."""

    id: str
    email: str
    first_name: str
    last_name: str
    title: str | None = None
    department: str | None = None
    manager: str | None = None
    number: str | None = None
    more: Object = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


def opaque(kind: str, name: str) -> str:
    """Make an id that is the same on every run: a GUID for Entra ID and JumpCloud, letters for Okta."""
    digits = blake2b(f"{kind}/{name}".encode(), digest_size=16).hexdigest()
    if kind == "okta":
        return "00u" + digits[:17]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class ScimClient:
    """Send requests to one SCIM endpoint, and remember what was sent."""

    def __init__(self, url: str, token: str, *, agent: str, content_type: str) -> None:
        self._base = urlsplit(url.rstrip("/"))
        plain = {"User-Agent": agent, "Content-Type": content_type, "Accept": content_type}
        # In no attribute, so that neither a dump of this object nor its pickle has the token.
        self._headers: Callable[[], dict[str, str]] = lambda: {"Authorization": f"Bearer {token}", **plain}
        self.sent: list[Sent] = []

    def __repr__(self) -> str:
        return f"<ScimClient {self._base.geturl()}>"

    def send(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        query: Mapping[str, str] | None = None,
        holding: Sequence[str] = (),
    ) -> Any:
        """Send one request and give the parsed answer, which has what it must hold; else ScimError."""
        where = path + ("?" + urlencode(query) if query else "")
        began = time.perf_counter()
        status, answer = self._exchange(method, where, body)
        self.sent.append(Sent(method, where, body, status, (time.perf_counter() - began) * 1000))
        held = answer if isinstance(answer, dict) else {}
        if status >= 400:
            raise ScimError(status, method, where, str(held.get("detail", "")))
        needed = {*holding, "id"} if method == "POST" else {*holding}
        if not (answer is None or isinstance(answer, dict)) or not held.keys() >= needed:
            raise ScimError(status, method, where, "not as SCIM answers: is this the endpoint?")
        return answer

    def known(self, resource: str, attribute: str, value: str) -> Object | None:
        """Look up what this provider wrote long ago, and so knows; that is no request of today."""
        sent, self.sent = self.sent, []
        try:
            return self.find(resource, attribute, value)
        finally:
            self.sent = sent

    def _exchange(self, method: str, where: str, body: Object | None) -> tuple[int, Any]:
        kind = HTTPSConnection if self._base.scheme == "https" else HTTPConnection
        connection = kind(self._base.hostname or "", self._base.port, timeout=_TIMEOUT)
        try:
            text = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, self._base.path + where, text, self._headers())
            response = connection.getresponse()
            content = response.read(_MOST_BYTES)
        except (OSError, HTTPException) as problem:
            raise ScimError(0, method, where, str(problem)) from None
        finally:
            connection.close()
        try:
            return response.status, json.loads(content or b"null")
        except (ValueError, RecursionError):
            return response.status, content

    def find(self, resource: str, attribute: str, value: str, **query: str) -> Object | None:
        """Look something up by one attribute; None if there is nothing."""
        wanted = {"filter": f"{attribute} eq {json.dumps(value, ensure_ascii=False)}", **query}
        found = self.send("GET", f"/{resource}", query=wanted, holding=["Resources"])["Resources"]
        first: Object | None = found[0] if isinstance(found, list) and found else None
        return first

    def count_users(self, page: int = 100) -> Count:
        """Count the users without trusting ``totalResults``, which on some servers counts the page only."""
        first = {"startIndex": "1", "count": "1"}
        stated = int(self.send("GET", "/Users", query=first, holding=["totalResults"])["totalResults"])
        if stated > 1:
            return Count(stated, "totalResults of a page of one")
        seen = 0
        while found := self.send("GET", "/Users", query={"startIndex": str(seen + 1), "count": str(page)}):
            if not found["Resources"]:
                break
            seen += len(found["Resources"])
        return Count(seen, f"walked in pages of {page}")


class Persona:
    """Be one provider: people are assigned, changed and unassigned, and groups pushed, as it would write it."""

    agent: ClassVar[str]
    content_type: ClassVar[str] = "application/scim+json"
    _user_query: ClassVar[dict[str, str]] = {}  # with which it looks a user up
    _group_query: ClassVar[dict[str, str]] = {}
    _query: Mapping[str, str] | None = None  # with which it does all else

    def __init__(self, url: str, token: str) -> None:
        self.client = ScimClient(url, token, agent=self.agent, content_type=self.content_type)
        self.people: dict[str, Employee] = {}
        self.groups: dict[str, list[str]] = {}  # the provider's own truth: name -> ids of employees
        self._users: dict[str, str] = {}  # the service's ids, by the provider's
        self._group_ids: dict[str, str] = {}

    @property
    def sent(self) -> list[Sent]:
        """Every request so far."""
        return self.client.sent

    def adopt(self, person_id: str) -> Employee:
        """Return somebody by the provider's id, also one whom it wrote long ago; ScimError if nobody has it."""
        if person_id not in self.people:
            found = self.client.known("Users", "externalId", person_id)
            if found is None:
                raise ScimError(404, "GET", "/Users", f"nobody has the id {person_id!r}")
            self.people[person_id], self._users[person_id] = employee_of(found), found["id"]
        return self.people[person_id]

    def adopt_group(self, name: str) -> None:
        """Take a group for one that this provider pushes; ScimError if there is none of this name."""
        if name not in self._group_ids:
            found = self.client.known("Groups", "displayName", name)
            if found is None:
                raise ScimError(404, "GET", "/Groups", f"no group is called {name!r}")
            self._group_ids[name] = found["id"]
            self.groups.setdefault(name, [])

    # -- what all do alike -------------------------------------------------------------------------------

    def assign(self, person: Employee) -> None:
        """Give somebody access: they are looked up, and created, or brought back."""
        self.people[person.id] = person
        query = {**self._user_query, **(self._query or {})}
        found = self.client.find("Users", "userName", person.email, **query)
        if found is None:
            made = self.client.send("POST", "/Users", self._new_user(person), self._query)
            self._users[person.id] = made["id"]
        else:
            self._users[person.id] = found["id"]
            self._bring_back(person)

    def push_group(self, name: str, members: list[str]) -> None:
        """Look a group up, create it empty if there is none, and add its members afterwards."""
        query = {**self._group_query, **(self._query or {})}
        found = self.client.find("Groups", "displayName", name, **query)
        if found is None:
            found = self.client.send("POST", "/Groups", self._new_group(name), self._query)
        self._group_ids[name], self.groups[name] = found["id"], []
        if members:
            self.change_members(name, add=members)

    def rename_group(self, name: str, new: str) -> None:
        """Give a group another name, by PATCH."""
        self.groups[new], self._group_ids[new] = self.groups.pop(name), self._group_ids.pop(name)
        self._patch(self._group(new), [self._naming(new)])

    def drop_group(self, name: str) -> None:
        """Stop pushing a group, and delete it at the service."""
        self.client.send("DELETE", self._group(name), query=self._query)
        del self.groups[name], self._group_ids[name]

    def change_members(self, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Let people into a group, and others out of it, by PATCH."""
        now = [one for one in self.groups[name] if one not in remove]
        self.groups[name] = now + [one for one in add if one not in now]
        self._patch_members(self._group(name), name, list(add), list(remove))

    # -- what each provider writes in its own way --------------------------------------------------------

    def change(self, person_id: str, **changes: str | None) -> None:
        """Change somebody's profile."""
        raise NotImplementedError

    def unassign(self, person_id: str) -> None:
        """Take access away, or block the sign-in."""
        raise NotImplementedError

    def _new_user(self, person: Employee) -> Object:
        raise NotImplementedError

    def _bring_back(self, person: Employee) -> None:
        raise NotImplementedError

    def _new_group(self, name: str) -> Object:
        return {"schemas": [CORE + "Group"], "displayName": name}

    def _naming(self, name: str) -> Object:
        raise NotImplementedError

    def _patch_members(self, path: str, name: str, add: list[str], remove: list[str]) -> None:
        raise NotImplementedError

    # -- small parts --------------------------------------------------------------------------------------

    def _changed(self, person_id: str, changes: Mapping[str, str | None]) -> tuple[Employee, Employee]:
        before = self.people[person_id]
        self.people[person_id] = after = replace(before, **changes)  # type: ignore[arg-type]
        return before, after

    def _user(self, person_id: str) -> str:
        return f"/Users/{self._users[person_id]}"

    def _group(self, name: str) -> str:
        return f"/Groups/{self._group_ids[name]}"

    def _patch(self, path: str, operations: list[Object]) -> None:
        self.client.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": operations}, self._query)

    def _removal(self, person_id: str) -> Object:
        return {"op": "remove", "path": f'members[value eq "{self._users[person_id]}"]'}


def employee_of(resource: Object) -> Employee:
    """Read somebody out of what the service has of them."""
    name, extension = resource.get("name", {}), resource.get(ENTERPRISE, {})
    emails = resource.get("emails", [])
    first = next((one for one in emails if one.get("primary")), emails[0] if emails else {})
    address = first.get("value") or resource["userName"]
    more = {key: value for key, value in resource.items() if key not in ("id", "meta", "groups", "active")}
    if more["userName"] == address:
        del more["userName"]
    return Employee(
        id=resource["externalId"],
        email=address,
        first_name=name.get("givenName") or "",
        last_name=name.get("familyName") or "",
        title=resource.get("title"),
        department=extension.get("department"),
        manager=extension.get("manager", {}).get("value"),
        number=extension.get("employeeNumber"),
        more=more,
    )


def core_user(person: Employee) -> Object:
    """Write what every provider sends of a user."""
    user: Object = {
        "schemas": [CORE + "User"],
        "userName": person.email,
        "externalId": person.id,
        "name": {"givenName": person.first_name, "familyName": person.last_name},
        "displayName": person.name,
        "emails": [{"primary": True, "value": person.email, "type": "work"}],
        **({"title": person.title} if person.title else {}),
    }
    if not person.more:
        return user
    own, others = person.more, [one for one in person.more.get("emails", []) if not one.get("primary")]
    kept = {"userName": own.get("userName", person.email), "emails": [*user["emails"], *others]}
    if "displayName" not in own:
        del user["displayName"]
    return {**{key: value for key, value in own.items() if key != ENTERPRISE}, **user, **kept}


def enterprise(person: Employee) -> Object:
    """Write the enterprise extension, as far as there is anything in it."""
    own = person.more.get(ENTERPRISE, {})
    manager = own.get("manager") or ({"value": person.manager} if person.manager else None)
    known = {"department": person.department, "employeeNumber": person.number, "manager": manager}
    return {**own, **{key: value for key, value in known.items() if value}}


def with_extension(body: Object, person: Employee) -> Object:
    """Add the enterprise extension to a user, if there is anything in it."""
    extension = enterprise(person)
    if not extension:
        return body
    return {**body, "schemas": [CORE + "User", ENTERPRISE], ENTERPRISE: extension}
