"""The SCIM 2.0 door of a directory: what identity providers write to, with the service's rules.

Every write becomes a change, so that the events come out right; what was sent is kept beside it, so that a
GET gives it back. Profiles differ in what they let pass:

=========== ===================================================================================================
workos      ``active`` is a boolean in POST and PUT, and may be text in PATCH, as Entra ID sends it
lenient     text is taken for a boolean everywhere
strict      text is refused everywhere, and ``op`` must be in lower case
naive-total as workos, but ``totalResults`` counts the page only, as some servers do
=========== ===================================================================================================
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..directory import clock, objects
from ..directory.ids import bearer_token
from . import filter_patch, mapping
from . import schemas as forms
from .projection import project
from .schemas import MOST_RESULTS, ScimRefused, canonical, check, schema_of, syntax
from .urns import ENTERPRISE, MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..directory.changes import Changes
    from ..directory.objects import Object
    from ..directory.store import Store
    from ..directory.store.resources import Kind, Record, Resources, State
    from .filter_patch import Target
    from .profiles import Profile

MOST_BYTES = 2_000_000
CONTENT_TYPE = "application/scim+json; charset=utf-8"

_KINDS: dict[str, Kind] = {"Users": "User", "Groups": "Group"}
_MIGRATED = re.compile(r"[\w.~:@-]{1,255}", re.ASCII)


_BARE_MANAGER = (
    f'{ENTERPRISE}:manager must be an object such as {{"value": "..."}}; got a bare id. In Entra ID, map the '
    f"manager to {ENTERPRISE}:manager.value under Provisioning, Mappings."
)


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """Hold a request to the door of one directory. ``path`` comes after the directory's key."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""
    migrated_id: str | None = None


@dataclass(frozen=True, slots=True)
class ScimAnswer:
    """Hold an answer; no body is no content."""

    status: int
    body: Object | None = None
    headers: dict[str, str] = field(default_factory=dict)


class ScimDoors:
    """Answer SCIM requests for every directory of an environment, in which ``changes`` make things happen."""

    def __init__(self, changes: Changes, profile: Profile) -> None:
        self._changes, self._profile = changes, profile
        self._store, self._seed = changes.store, changes.seed

    def open(self, external_key: str, authorization: str) -> Object | None:
        """Return the directory a key and a token open together, or None."""
        directory = self._store.directories.with_door(external_key)
        if directory is None:
            return None
        kind, _, given = authorization.partition(" ")
        known = [bearer_token(token_id, self._seed) for token_id in self._store.tokens.of(directory["n"])]
        right = [hmac.compare_digest(token.encode(), given.strip().encode()) for token in known]
        return directory if kind.lower() == "bearer" and any(right) else None

    def answer(self, directory: Object, request: ScimRequest) -> ScimAnswer:
        """Answer one request: all of its changes are made, or none."""
        try:
            with self._store.transaction():
                return Door(self._changes, directory, self._profile).answer(request)
        except ScimRefused as refusal:
            return ScimAnswer(refusal.status, refusal.body)

    def resources(self, directory_id: str) -> Resources:
        """Return the SCIM resources of a directory."""
        with self._store.transaction():
            return resources_of(self._store, self._store.directories.get(directory_id))


def unauthorized() -> ScimAnswer:
    """Refuse a wrong key or token."""
    refusal = ScimRefused(401, "The bearer token is not one of this directory's.")
    return ScimAnswer(401, refusal.body, {"WWW-Authenticate": "Bearer"})


def too_large() -> ScimAnswer:
    """Refuse a body that is too large."""
    return ScimAnswer(413, ScimRefused(413, f"The body is larger than {MOST_BYTES // 1_000:,} KB.").body)


class Door:
    """Answer for one directory, inside one transaction."""

    def __init__(self, changes: Changes, directory: Object, profile: Profile) -> None:
        self._changes, self._store, self._directory, self._profile = changes, changes.store, directory, profile
        self._keep_inactive = changes.policy == "keep"  # else nobody can be created inactive
        self._id: str = directory["id"]
        self._type: str = directory["type"]
        self._resources = resources_of(self._store, directory)
        self._base = ""

    def answer(self, request: ScimRequest) -> ScimAnswer:
        """Answer one request, or raise ScimRefused."""
        self._base = request.base
        parts = [part for part in request.path.split("/") if part]
        if parts and parts[0] in _KINDS and len(parts) <= 2 and parts[1:] != [".search"]:
            return self._resource(_KINDS[parts[0]], parts[1] if len(parts) == 2 else None, request)
        if parts[-1:] == [".search"] and (len(parts) == 1 or (len(parts) == 2 and parts[0] in _KINDS)):
            _only(request, "POST")
            kinds = [_KINDS[parts[0]]] if len(parts) == 2 else list(_KINDS.values())
            return self._search(kinds, _read(request.body))
        if parts in (["Bulk"], ["Me"]):
            raise ScimRefused(501, f"/{parts[0]} is not supported.")
        return self._discovery(parts, request)

    def _discovery(self, parts: list[str], request: ScimRequest) -> ScimAnswer:
        if parts == ["ServiceProviderConfig"]:
            _only(request, "GET")
            return ScimAnswer(200, self._with_location(forms.provider_config(), "ServiceProviderConfig", ""))
        if not parts or parts[0] not in ("ResourceTypes", "Schemas") or len(parts) > 2:
            raise ScimRefused(404, f"There is nothing at {request.path!r}.")
        _only(request, "GET")
        found = forms.schemas() if parts[0] == "Schemas" else forms.resource_types()
        every = [self._with_location(one, parts[0][:-1], key) for key, one in found.items()]
        if len(parts) == 1:
            return ScimAnswer(200, _listed(every, len(every), 1))
        if parts[1] not in found:
            raise ScimRefused(404, f"There is no {parts[0][:-1]} {parts[1]!r}.")
        return ScimAnswer(200, every[list(found).index(parts[1])])

    def _with_location(self, document: Object, kind: str, key: str) -> Object:
        where = f"{self._base}/{kind}s/{key}" if key else f"{self._base}/{kind}"
        return {**document, "meta": {"resourceType": kind, "location": where}}

    def _resource(self, kind: Kind, scim_id: str | None, request: ScimRequest) -> ScimAnswer:
        if scim_id is None:
            _only(request, "GET", "POST")
            if request.method == "GET":
                return self._search([kind], dict(request.query))
            self._link()
            return self._create(kind, _read(request.body), request.migrated_id)
        _only(request, "GET", "PUT", "PATCH", "DELETE")
        record = self._resources.find(kind, scim_id)
        if record is None:
            raise ScimRefused(404, f"There is no {kind} {scim_id!r}.")
        if request.method == "GET":
            return ScimAnswer(200, project(self._shown(kind, record), request.query))
        self._link()
        if request.method == "DELETE":
            return self._delete(kind, record)
        body = _read(request.body)
        if request.method == "PUT":
            return self._replace(kind, record, body)
        return self._patch(kind, record, body)

    def _link(self) -> None:
        """Let the first write of a provider end the setting up of a directory."""
        if self._directory["state"] in ("validating", "unlinked"):
            self._changes.set_directory_state(self._id, "linked")

    # -- reading ----------------------------------------------------------------------------------------

    def _search(self, kinds: list[Kind], wanted: Mapping[str, Any]) -> ScimAnswer:
        start = max(1, _whole(wanted, "startIndex", 1))
        count = min(max(0, _whole(wanted, "count", MOST_RESULTS)), MOST_RESULTS)
        written = wanted.get("filter")
        if written is None:
            total, found = self._unfiltered(kinds, start - 1, count)
        else:
            every = [pair for kind in kinds for pair in self._filtered(kind, str(written))]
            total, found = len(every), every[start - 1 : start - 1 + count]
        resources = [project(self._shown(kind, record), wanted) for kind, record in found]
        if self._profile == "naive-total":
            total = len(resources)
        return ScimAnswer(200, _listed(resources, total, start))

    def _unfiltered(self, kinds: list[Kind], skip: int, limit: int) -> tuple[int, list[tuple[Kind, Record]]]:
        total = 0
        found: list[tuple[Kind, Record]] = []
        for kind in kinds:
            page = self._resources.page(kind, max(0, skip - total), limit - len(found))
            found += [(kind, one) for one in page]
            total += self._resources.count(kind)
        return total, found

    def _filtered(self, kind: Kind, written: str) -> Iterable[tuple[Kind, Record]]:
        node = filter_patch.parse_filter(written)
        alone = not ("groups" in written.lower() or "members" in written.lower())
        return [
            (kind, record)
            for record in self._candidates(kind, filter_patch.looked_up(node))
            if filter_patch.matches(node, self._shown(kind, record, alone=alone))
        ]

    def _candidates(self, kind: Kind, look_up: tuple[str, str] | None) -> Iterable[Record]:
        """Return what can fit a filter, by an index where there is one."""
        attribute, value = look_up or ("", "")
        if attribute == ("username" if kind == "User" else "displayname"):
            return self._resources.named(kind, value)
        if attribute == "externalid" and kind == "User":
            return self._resources.external(kind, value)
        if attribute == "id":
            found = self._resources.find(kind, value)
            return [found] if found else []
        return self._resources.every(kind)

    def _raw(self, kind: Kind, record: Record) -> Object:
        """Return a resource as the provider sent it, or as it would have."""
        if record.sent is not None:
            return record.sent
        assert record.object is not None
        if kind == "User":
            return mapping.user_resource(record.object)
        return mapping.group_resource(record.object, self._type)

    def _shown(self, kind: Kind, record: Record, *, alone: bool = False) -> Object:
        """Return a resource as GET shows it; ``alone`` leaves out its groups or members, which cost a query."""
        raw = self._raw(kind, record)
        shown = {"schemas": raw["schemas"], "id": record.id, **raw}
        if kind == "User":
            shown["active"] = self._is_active(record)
            groups = self._resources.groups_of(record.target) if record.target and not alone else []
            if groups:
                shown["groups"] = [{**self._reference("Group", key), "display": name} for key, name in groups]
        elif record.target is not None and not alone:
            members = self._resources.members(record.target)
            shown["members"] = [{**self._reference("User", key), "type": "User"} for key, _ in members]
        shown["meta"] = {
            "resourceType": kind,
            "created": clock.iso(record.created),
            "lastModified": clock.iso(record.changed),
            "location": f"{self._base}/{kind}s/{record.id}",
        }
        return shown

    def _is_active(self, record: Record) -> bool:
        return record.object is not None and bool(record.object["state"] == "active")

    def _reference(self, kind: Kind, scim_id: str) -> Object:
        return {"value": scim_id, "$ref": f"{self._base}/{kind}s/{scim_id}"}

    # -- writing ----------------------------------------------------------------------------------------

    def _create(self, kind: Kind, body: Object, migrated_id: str | None) -> ScimAnswer:
        resource = self._checked(kind, body)
        if migrated_id is not None:
            self._check_migrated(migrated_id)
        if kind == "Group":
            return self._create_group(resource, migrated_id)
        self._check_user_name(resource, None)
        if not self._keep_inactive and resource.get("active") is False:
            raise ScimRefused(400, "A user cannot be created inactive here.", "invalidValue")
        if not mapping.emails(resource):
            return self._validate_later(resource)
        fields = mapping.user_fields(resource)
        active = resource.get("active", True)
        if active:
            self._check_email(fields["email"], None)
        self._resources.forget_validating(resource["userName"])
        state = "active" if active else "inactive"
        user_id = self._changes.add_user(self._id, **fields, state=state, user_id=migrated_id)
        self._keep("User", user_id, resource, user_id, new=True, note=_missing_names(fields))
        return self._answer_with("User", user_id, 201)

    def _create_group(self, resource: Object, migrated_id: str | None) -> ScimAnswer:
        identity = self._check_identity(resource, None)
        members = self._member_ids(resource.pop("members", []))
        group_id = self._changes.add_group(
            self._id, name=resource["displayName"], idp_id=identity, group_id=migrated_id
        )
        self._keep("Group", group_id, resource, group_id, new=True)
        for user_id in self._resources.users_of(members).values():
            self._changes.add_member(group_id, user_id)
        return self._answer_with("Group", group_id, 201)

    def _replace(self, kind: Kind, record: Record, body: Object) -> ScimAnswer:
        resource = self._checked(kind, body)
        if kind == "User":
            if "active" not in resource and not self._is_active(record):
                resource["active"] = False
            self._write_user(record, resource)
        else:
            self._set_members(record, self._member_ids(resource.pop("members", [])))
            self._write_group(record, resource)
        return self._answer_with(kind, record.id, 200)

    def _patch(self, kind: Kind, record: Record, body: Object) -> ScimAnswer:
        resource = json.loads(json.dumps(self._raw(kind, record)))
        strict = self._profile == "strict"
        for op, path, value in filter_patch.operations(body, strict=strict):
            for change in filter_patch.spread(op, path, value):
                self._apply(kind, record, resource, change, strict=strict)
        write = self._write_user if kind == "User" else self._write_group
        write(record, self._checked(kind, resource))
        if kind == "Group" and self._type.startswith("azure"):
            return ScimAnswer(204)  # what Entra ID expects
        return self._answer_with(kind, record.id, 200)

    def _apply(
        self, kind: Kind, record: Record, resource: Object, change: tuple[str, Target, Any], *, strict: bool
    ) -> None:
        op, target, value = change
        attr = (target.attr or "").lower()
        if kind == "Group" and attr == "members":
            self._patch_members(record, op, target, value)
        elif attr not in ("id", "schemas", "meta", "groups", "password"):
            filter_patch.patch(resource, kind, op, target, value, text_booleans=not strict)

    def _delete(self, kind: Kind, record: Record) -> ScimAnswer:
        if kind == "Group" and record.target is not None:
            self._changes.delete_group(record.target)
        elif record.target is not None:
            self._changes.delete_user(record.target)
        self._resources.remove(record.id)
        return ScimAnswer(204)

    def _answer_with(self, kind: Kind, scim_id: str, status: int) -> ScimAnswer:
        record = self._resources.find(kind, scim_id)
        assert record is not None
        shown = self._shown(kind, record)
        return ScimAnswer(status, shown, {"Location": shown["meta"]["location"]})

    def _keep(
        self, kind: Kind, scim_id: str, resource: Object, target: str | None, *, new: bool = False,
        note: str | None = None, state: State | None = None,
    ) -> None:  # fmt: skip
        """Keep what a resource is now, and whom it stands for."""
        if kind == "User":
            name, external = resource["userName"], resource.get("externalId")
        else:
            name, external = resource["displayName"], mapping.group_identity(resource, self._type)
        columns = {
            "target": target, "state": state or ("live" if target else "hidden"), "folded": name.casefold(),
            "external": external, "note": note, "json": objects.text(resource).decode(),
        }  # fmt: skip
        if new:
            self._resources.add(kind, scim_id, **columns)
        else:
            self._resources.save(scim_id, **columns)

    # -- users ------------------------------------------------------------------------------------------

    def _write_user(self, record: Record, resource: Object) -> None:
        """Tell the directory what is different from what the provider said last."""
        self._check_user_name(resource, record)
        if not mapping.emails(resource):
            raise _no_emails()
        before, after = mapping.user_fields(self._raw("User", record)), mapping.user_fields(resource)
        active = resource.get("active", True)
        if active:
            self._check_email(after["email"], record.target)
        target = record.target
        if target is not None:
            changes = _difference(before, after)
            self._changes.set_user(target, state="active" if active else "inactive", **changes)
            if not active and not self._keep_inactive:
                target = None
        elif active:
            target = self._changes.add_user(self._id, **after)
        self._keep("User", record.id, resource, target, note=_missing_names(after))

    def _check_user_name(self, resource: Object, record: Record | None) -> None:
        name = resource.get("userName")
        if not isinstance(name, str) or not name.strip():
            raise ScimRefused(400, "Required attributes missing: userName is required.", "invalidValue")
        others = [one for one in self._resources.named("User", name) if record is None or one.id != record.id]
        if others:
            raise ScimRefused(409, f"Another user has the userName {name!r}.", "uniqueness")

    def _check_email(self, email: str | None, besides: str | None) -> None:
        others = self._store.users.active_with_email(self._directory["n"], email) if email else []
        if any(one != besides for one in others):
            raise ScimRefused(409, f"Another active user has the e-mail {email!r}.", "uniqueness")

    def _validate_later(self, resource: Object) -> ScimAnswer:
        """Keep a user without a usable address unseen, and refuse the request all the same."""
        self._resources.forget_validating(resource["userName"])
        key = f"validating/{self._directory['n']}/{resource['userName'].casefold()}"
        self._keep("User", key, resource, None, new=True, note=_no_emails().detail, state="validating")
        return ScimAnswer(400, _no_emails().body)

    # -- groups -----------------------------------------------------------------------------------------

    def _write_group(self, record: Record, resource: Object) -> None:
        identity = self._check_identity(resource, record)
        resource.pop("members", None)
        assert record.target is not None
        former = self._store.groups.get(record.target).parsed()["idp_id"]
        if self._changes.set_group(record.target, name=resource["displayName"], idp_id=identity):
            self._resources.remember_identity(record.id, former)
        self._keep("Group", record.id, resource, record.target)

    def _check_identity(self, resource: Object, record: Record | None) -> str:
        name = resource.get("displayName")
        if not isinstance(name, str) or not name.strip():
            raise ScimRefused(400, "Required attributes missing: displayName is required.", "invalidValue")
        identity = mapping.group_identity(resource, self._type)
        if self._resources.had_identity(identity, record.id if record else None):
            raise ScimRefused(409, f"Another group has or had the identity {identity!r}.", "uniqueness")
        return identity

    def _member_ids(self, members: Any) -> list[str]:
        """Read SCIM ids out of what a provider calls members; a plain text is taken for one."""
        listed = members if isinstance(members, list) else [members]
        given = [one.get("value") if isinstance(one, dict) else one for one in listed if one is not None]
        ids = [one for one in given if isinstance(one, str)]
        if len(ids) < len(given):
            raise syntax("Each member needs a value, which is text.")
        return ids

    def _patch_members(self, record: Record, op: str, target: Target, value: Any) -> None:
        if target.sub is not None:
            raise ScimRefused(400, "Members are added and removed, not changed.", "invalidPath")
        if target.filter is not None:
            if op != "remove":
                raise ScimRefused(400, "Members are added by value.", "invalidPath")
            shown = self._shown("Group", record)["members"]
            chosen = [one["value"] for one in shown if filter_patch.matches(target.filter, one, "members")]
        else:
            chosen = self._member_ids([] if value is None else value)
        assert record.target is not None
        if op == "replace" or (op == "remove" and target.filter is None and value is None):
            self._set_members(record, chosen)
            return
        act = self._changes.add_member if op == "add" else self._changes.remove_member
        for user_id in self._resources.users_of(chosen).values():
            act(record.target, user_id)

    def _set_members(self, record: Record, scim_ids: list[str]) -> None:
        assert record.target is not None
        wanted = self._resources.users_of(scim_ids)
        now = {user_id for _, user_id in self._resources.members(record.target)}
        for user_id in sorted(now - set(wanted.values())):
            self._changes.remove_member(record.target, user_id)
        for user_id in wanted.values():
            if user_id not in now:
                self._changes.add_member(record.target, user_id)

    # -- rules ------------------------------------------------------------------------------------------

    def _checked(self, kind: Kind, body: Object) -> Object:
        """Return a body with known names spelled right and all types right, or refuse it."""
        if self._profile == "lenient" and isinstance(body.get("active"), str):
            body = {**body, "active": filter_patch.as_boolean("active", body["active"])}
        resource = canonical(body, kind)
        if self._profile == "strict" and isinstance((body.get(ENTERPRISE) or {}).get("manager"), str):
            raise syntax(_BARE_MANAGER)
        check(resource, kind)
        stated = body.get("schemas")
        known = [one for one in stated if isinstance(one, str)] if isinstance(stated, list) else []
        needed = [schema_of(kind), *(key for key in resource if key.lower().startswith("urn:"))]
        return {"schemas": list(dict.fromkeys([*needed, *known])), **resource}

    def _check_migrated(self, migrated_id: str) -> None:
        if not _MIGRATED.fullmatch(migrated_id):
            raise ScimRefused(400, "X-WorkOS-Migrated-Id is not a usable id.", "invalidValue")
        if self._store.has_id(migrated_id):
            raise ScimRefused(409, f"The id {migrated_id!r} is taken.", "uniqueness")


# -- small parts --------------------------------------------------------------------------------------


def resources_of(store: Store, directory: Object) -> Resources:
    """Return the SCIM resources of a directory, those included that came without the door since the last look.

    A resource has the id of its user or group, except where that one went and came back as another: the
    provider keeps its id, the directory gives a new one. What nobody sent has a row without a text, and is
    written out from the directory.
    """
    resources = store.resources(directory["n"])
    newcomers = [(kind, one) for kind in _KINDS.values() for one in resources.newcomers(kind)]
    for kind, found in newcomers:
        folded = (mapping.user_name(found) if kind == "User" else found["name"]).casefold()
        if kind == "Group" or not resources.bring_back(folded, found["id"]):
            resources.add(
                kind, found["id"], target=found["id"], state="live", folded=folded, external=found["idp_id"]
            )
    return resources


def _only(request: ScimRequest, *methods: str) -> None:
    if request.method not in methods:
        raise ScimRefused(405, f"{request.method} is not one of {', '.join(methods)}.")


def _read(body: bytes) -> Object:
    """Read a JSON object that can be stored: no half characters, no infinite numbers."""
    try:
        given = json.loads(body)
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise syntax(f"The body is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise syntax("The body must be a JSON object.")
    return given


def _whole(wanted: Mapping[str, Any], name: str, default: int) -> int:
    given = wanted.get(name)
    if given is None or given == "":
        return default
    text = str(given).strip()
    if not re.fullmatch(r"[+-]?\d{1,9}", text, re.ASCII):
        raise ScimRefused(400, f"{name} must be a whole number; got {text[:40]!r}.", "invalidValue")
    return int(text)


def _listed(resources: list[Object], total: int, start: int) -> Object:
    return {
        "schemas": [MESSAGES + "ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def _no_emails() -> ScimRefused:
    return ScimRefused(400, "Required attributes missing: emails", "invalidValue")


def _missing_names(fields: Object) -> str | None:
    missing = [name for name in ("first_name", "last_name") if not fields[name]]
    return f"Missing: {', '.join(missing)}" if missing else None


def _difference(before: Object, after: Object) -> Object:
    """Return what is different, so that a change made here by hand outlives a provider's next write."""
    changed = {key: after[key] for key in after if key != "custom_attributes" and before[key] != after[key]}
    old, new = before["custom_attributes"], after["custom_attributes"]
    attributes = {key: new[key] for key in new if new[key] != old[key]}
    return {**changed, "custom_attributes": attributes} if attributes else changed
