"""Rows that are to be provisioned over SCIM, judged as the service would when they are posted in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ... import errors
from ...analysis.identity import address_key
from ...client.calls import listed_records
from ...frames import DIRECTORY_TYPES, FRAMES, one_of, require_complete, require_ids
from ...frames.tools import rows_frame
from . import rulebook
from .rulebook import COLUMN_COLUMNS, MOST_BYTES, Audit, Findings, Tell

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
IGNORED = frozenset({"id", "meta", "schemas", "groups", "password"})  # the service's own, or not kept

Row = dict[str, Any]
Rows = pd.DataFrame | Iterable[Mapping[str, Any]]


class Attribute(NamedTuple):
    """What SCIM says a field is: its spelling, its type, whether it is a list, and what is inside."""

    name: str
    type: type
    many: bool = False
    inside: Mapping[str, Attribute] = {}


class Refusal(Exception):
    """Say which rule refuses a row, and why."""

    def __init__(self, rule: str, field: str, message: str) -> None:
        super().__init__(message)
        self.rule, self.field, self.message = rule, field, message


def _texts(*names: str) -> dict[str, Attribute]:
    return {name.lower(): Attribute(name, str) for name in names}


def _listed(name: str, *inside: str) -> dict[str, Attribute]:
    subs = {**_texts(*(inside or ("value", "display", "type"))), "primary": Attribute("primary", bool)}
    return {name.lower(): Attribute(name, dict, many=True, inside=subs)}


_PARTS = _texts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
_PLACE = ("formatted", "streetAddress", "locality", "region", "postalCode", "country", "type")
USER = {
    **_texts("userName", "displayName", "nickName", "profileUrl", "title", "userType"),
    **_texts("preferredLanguage", "locale", "timezone", "externalId"),
    "name": Attribute("name", dict, inside=_PARTS),
    "active": Attribute("active", bool),
    **_listed("emails"), **_listed("phoneNumbers"), **_listed("ims"), **_listed("photos"),
    **_listed("addresses", *_PLACE), **_listed("entitlements"), **_listed("roles"),
    **_listed("x509Certificates"),
}  # fmt: skip
EXTENSION = {
    **_texts("employeeNumber", "costCenter", "organization", "division", "department"),
    "manager": Attribute("manager", dict, inside=_texts("value", "$ref", "displayName")),
}
MEMBER = _texts("value", "$ref", "type")
GROUP = {
    **_texts("displayName", "externalId"),
    "members": Attribute("members", dict, many=True, inside=MEMBER),
}
# Without case, spaces and signs.
_FIELDS = {
    "userName": "login user userprincipalname",
    "emails.value": "email emailaddress emailsvalue mail primaryemail workemail",
    "name.givenName": "firstname givenname",
    "name.familyName": "lastname familyname surname",
    "title": "jobtitle",
    "externalId": "objectid oktaid",
    f"{ENTERPRISE}.department": "department",
    f"{ENTERPRISE}.division": "division",
    f"{ENTERPRISE}.organization": "organization",
    f"{ENTERPRISE}.costCenter": "costcenter",
    f"{ENTERPRISE}.employeeNumber": "employeenumber employeeid",
}
SYNONYMS = {word: field for field, words in _FIELDS.items() for word in words.split()}
GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
ID_FORMS = {"okta": re.compile(r"00u[0-9A-Za-z]{17}"), "azure": re.compile(GUID)}
BRANDS = tuple(kind.split()[0] for kind in DIRECTORY_TYPES)
WORDS = {str: "text", bool: "true or false", dict: "an object"}


def check_rows(
    users: Rows,
    groups: Rows = (),
    *,
    provider: str = "generic scim v2.0",
    inactive_policy: str = "delete",
    known_users: Iterable[str] = (),
    taken_identities: Iterable[str] = (),
    most_members: int = rulebook.MOST_MEMBERS,
) -> Audit:
    """Judge users and groups before they are provisioned over SCIM, as the service would judge them.

    Rows are taken in the order given: of two with one user name the first is accepted, the second refused.

    Parameters
    ----------
    users
        SCIM users as dicts (``userName``, ``emails``, ``name``, ``active``, ``externalId`` ...), or a frame
        with such columns, where a missing value is a field left out and ``name.givenName`` a part of ``name``.
        Flat names of exports are read too (``login``, ``email``, ``firstName``, ``emails.value``); the answer's
        ``columns`` say what each was read as.
    groups
        SCIM groups likewise: ``displayName``, ``externalId``, ``members``. A member's ``value`` names a user
        by the ``id`` of its row, else by ``externalId``, else by ``userName``.
    provider
        The directory's type: at ``okta scim v2.0`` a group's identity is its name, elsewhere its
        ``externalId``, else its name.
    inactive_policy
        ``"delete"`` as environments have it by default, or ``"keep"``.
    known_users
        Ids that members may name besides the rows: users the directory has already.
    taken_identities
        Names and external ids that groups of the directory have, or had before a rename.
    most_members
        Note groups with more members than this.

    Returns
    -------
    Audit
        ``users`` and ``groups`` have the index of what was handed in.

    Raises
    ------
    IncompleteError
        A frame is partial: the rest of it may clash with these rows.

    Examples
    --------
    >>> rows = [{"userName": "ada", "emails": [{"value": "ada@acme.test"}]}]
    >>> ds.audit.check_rows(rows).users["verdict"].tolist()
    ['accepted without primary address']
    """
    one_of("inactive_policy", inactive_policy, ("delete", "keep"))
    if not str(provider).startswith(BRANDS):
        one_of("provider", provider, DIRECTORY_TYPES)
    columns = _columns(users)
    user_index, user_rows = _given(users, "users", columns)
    group_index, group_rows = _given(groups, "groups")
    check = _Check(provider, inactive_policy == "keep", set(known_users), set(taken_identities), most_members)
    if isinstance(users, pd.DataFrame):
        check.read = {field.split(".")[0] for field in columns.values() if field is not None}
    judged = [check.user(label, row) for label, row in zip(user_index, user_rows, strict=True)]
    pushed = [check.group(label, row) for label, row in zip(group_index, group_rows, strict=True)]
    return Audit(
        check.findings.frame(),
        rulebook.verdicts_frame(judged, user_index, rulebook.USER_COLUMNS),
        rulebook.verdicts_frame(pushed, group_index, rulebook.GROUP_COLUMNS),
        columns_frame(columns),
    )


def _columns(users: Rows) -> dict[str, str | None]:
    """Return for each column of a frame the field it stands for."""
    if not isinstance(users, pd.DataFrame):
        return {}
    return {str(name): read_as(str(name), USER, IGNORED) for name in users.columns}


def _given(rows: Rows, name: str, read: Mapping[str, str | None] | None = None) -> tuple[pd.Index, list[Any]]:
    """Return labels and rows of what was handed in."""
    if not isinstance(rows, pd.DataFrame):
        listed = listed_records(rows, f"{name} must be a frame, or a list of dicts as SCIM has them")
        return pd.RangeIndex(len(listed)), listed
    require_complete(rows, "an audit")
    ours, known = f"{name.removesuffix('s')}_id", rows.index.name
    if known in FRAMES.values() and known != ours:
        require_ids(name, rows, ours)
    if rows.index.has_duplicates:
        raise errors.ArgumentError(
            f"{name} must have an index without repeats, so that a finding names its row"
        )
    columns = {str(name): rows[name].tolist() for name in rows.columns}
    fields = {column: column for column in columns} if read is None else read
    return rows.index, [_row(columns, fields, place) for place in range(len(rows))]


def _row(columns: Mapping[str, list[Any]], fields: Mapping[str, str | None], place: int) -> Row:
    """Return one row of a frame as SCIM would have it: what is missing is left out."""
    row: Row = {}
    for name, values in columns.items():
        value = values[place]
        if value is None or value is pd.NA or value is pd.NaT or value != value:
            continue
        value = value.item() if isinstance(value, np.generic) else value
        field = fields[name]
        if field is not None:
            set_field(row, field, value)
    return row


class _Check:
    """One audit under way: what was accepted so far, and what was found."""

    def __init__(
        self, provider: str, keeps_inactive: bool, known: set[str], identities: set[str], most_members: int
    ) -> None:
        self.findings = Findings()
        self._by_name = provider.startswith("okta")
        self._keeps_inactive, self._most_members = keeps_inactive, most_members
        self._members, self._identities = known, dict.fromkeys(identities, "a group that is or was there")
        self._user_names: dict[str, Any] = {}
        self._alike: dict[str, Any] = {}
        self._addresses: dict[str, Any] = {}
        self._external: dict[str, Any] = {}
        self._group_names: dict[str, Any] = {}
        self._address_forms: dict[str, tuple[str, Any]] = {}
        self._id_form = next((form for kind, form in ID_FORMS.items() if provider.startswith(kind)), None)
        self.read: set[str] | None = None  # fields that were read; None: rows are SCIM, whole as they are

    def _was_read(self, *fields: str) -> bool:
        return self.read is None or not self.read.isdisjoint(fields)

    # -- users ------------------------------------------------------------------------------------------

    def user(self, label: Any, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Judge one user: subject, verdict, address and where it comes from, number of findings."""
        subject = _shown(row.get("userName"))
        tell = self.findings.of("user", label, subject)
        address = source = None
        try:
            resource = _read(row, USER, tell)
            address, source = self._accept(label, resource, tell)
            self._members.add(_called(row, resource))
        except Refusal as refusal:
            tell(refusal.rule, refusal.field, refusal.message)
        found = self.findings
        verdict = found.verdict("user", label, has_address=address is not None)
        return subject, verdict, address, source, found.count["user", label]

    def _accept(self, label: Any, resource: Row, tell: Tell) -> tuple[str | None, str | None]:
        """Apply the rules about one user, and keep what others may not have too."""
        name = resource.get("userName", "")
        if not name.strip() and self._was_read("userName"):
            raise Refusal("user_name_missing", "userName", "there is no userName")
        other = self._user_names.get(name.casefold()) if name else None
        if other is not None:
            raise Refusal("user_name_taken", "userName", f"{name!r:.80} is the user name of row {other!r} too")
        active = resource.get("active", True)
        if not active and not self._keeps_inactive:
            raise Refusal("created_inactive", "active", "active is false")
        address, source, told = _address(resource) if self._was_read("userName", "emails") else (None, None, [])
        holder = self._addresses.get(address.casefold()) if address and active else None
        if holder is not None:
            raise Refusal("address_taken", "emails", f"{address!r:.80} is the address of row {holder!r} too")
        self._keep(label, resource, tell, address if active else None)
        for rule, message in told:
            tell(rule, "emails", message)
        self._look_at_names(resource, tell)
        return address, source

    def _keep(self, label: Any, resource: Row, tell: Tell, address: str | None) -> None:
        name, external = resource.get("userName", ""), resource.get("externalId")
        alike = self._alike.setdefault(rulebook.folded(name), label) if name else label
        if name:
            self._user_names[name.casefold()] = label
        if alike != label:
            how = "differ in spaces or what nobody sees"
            tell("user_name_alike", "userName", f"{name!r:.80} and the user name of row {alike!r} {how}")
        if address:
            form = address.casefold()
            self._addresses[form] = label
            seen, first = self._address_forms.setdefault(address_key(address) or address, (form, label))
            if seen != form:
                message = f"{address!r:.80} and that of row {first!r} differ in what nobody sees"
                tell("address_alike", "emails", message)
        wanted = self._id_form if self._was_read("externalId") else None
        if wanted is not None and not (isinstance(external, str) and wanted.fullmatch(external)):
            message = f"externalId is {external!r:.80}" if external else "there is no externalId"
            tell("external_id_malformed", "externalId", message)
        if external and (first := self._external.setdefault(external, label)) != label:
            tell("external_id_taken", "externalId", f"{external!r:.80} is the externalId of row {first!r} too")

    def _look_at_names(self, resource: Row, tell: Tell) -> None:
        parts = resource.get("name", {})
        missing = [part for part in ("givenName", "familyName") if not str(parts.get(part, "")).strip()]
        if missing and self._was_read("name"):
            tell("name_missing", f"name.{missing[0]}", f"no {' and no '.join(missing)}")
        texts = {f"name.{part}": text for part, text in parts.items()}
        texts |= {field: resource[field] for field in ("userName", "displayName") if field in resource}
        for field, text in texts.items():
            for rule, message in rulebook.oddities(text) if isinstance(text, str) else ():
                if (field, rule) != ("userName", "invisible_characters"):  # it is looked at as an address is
                    tell(rule, field, message)
        addresses = {"userName": resource.get("userName", "")}
        for place, one in enumerate(resource.get("emails", [])):
            addresses[f"emails[{place}].value"] = one.get("value")
        for field, text in addresses.items():
            if isinstance(text, str) and (hidden := rulebook.unseen(text)):
                tell("invisible_characters", field, f"{', '.join(hidden)} in {text!r:.80}")

    # -- groups -----------------------------------------------------------------------------------------

    def group(self, label: Any, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Judge one group: subject, verdict, members kept and dropped, number of findings."""
        subject = _shown(row.get("displayName"))
        tell, tell_of_member = (self.findings.of(about, label, subject) for about in ("group", "member"))
        kept = dropped = 0
        try:
            ids = self._identified(label, _read(row, GROUP, tell), tell)
            unknown = [one for one in ids if one not in self._members]
            kept, dropped = len(ids) - len(unknown), len(unknown)
            for one in unknown:
                message = f"{one!r:.80} is no user that would be accepted: it is dropped without a word"
                tell_of_member("member_unknown", "members", message)
            if not kept:
                tell("group_empty", "members", "nobody would be in it")
            elif kept > self._most_members:
                tell("group_large", "members", large(kept))
        except Refusal as refusal:
            tell(refusal.rule, refusal.field, refusal.message)
        found = self.findings
        return subject, found.verdict("group", label), kept, dropped, found.count["group", label]

    def _identified(self, label: Any, resource: Row, tell: Tell) -> list[str]:
        """Check name and identity of a group, and give its members, each once."""
        name = resource.get("displayName", "")
        if not name.strip():
            raise Refusal("group_name_missing", "displayName", "there is no displayName")
        identity = name if self._by_name else resource.get("externalId") or name
        if identity in self._identities:
            other = self._identities[identity]
            raise Refusal("group_identity_taken", "displayName", f"{identity!r:.80} is the identity of {other}")
        members = [one.get("value") for one in resource.get("members", [])]
        ids = [one for one in members if isinstance(one, str)]
        if len(ids) < len(members):
            raise Refusal("member_without_value", "members", "a member has no value")
        self._identities[identity] = f"row {label!r}"
        if (first := self._group_names.setdefault(rulebook.folded(name), label)) != label:
            message = f"{name!r:.80} is, but for case and spaces, the name of row {first!r} too"
            tell("group_name_repeated", "displayName", message)
        for rule, message in rulebook.oddities(name):
            tell(rule, "displayName", message)
        return list(dict.fromkeys(ids))


# The form of a row ----------------------------------------------------------------------------------------


def _read(row: Mapping[str, Any], known: Mapping[str, Attribute], tell: Tell) -> Row:
    """Return a row with its fields spelled as SCIM does, or refuse it for its form."""
    body = {str(name): value for name, value in row.items()}
    size = _size(body)
    resource = {name: value for name, value in _spelled(body, known).items() if name.lower() not in IGNORED}
    for name, value in resource.items():
        if known is USER and name.lower() == ENTERPRISE.lower():
            _check_extension(name, value)
        else:
            _check(name, value, known.get(name.lower()))
    if size > MOST_BYTES:
        tell("body_may_be_too_large", "", f"{size / 1_000:,.0f} kB with spaces and \\u")
    return resource


def _check_extension(path: str, held: Any) -> None:
    if not isinstance(held, dict):
        raise Refusal("wrong_type", path, f"the enterprise extension must be an object; got {held!r:.60}")
    for name, value in _spelled(held, EXTENSION).items():
        if name == "manager" and isinstance(value, str):
            raise Refusal("manager_not_object", "manager", f"manager is the bare text {value!r:.60}")
        _check(name, value, EXTENSION.get(name.lower()))


# Small parts ----------------------------------------------------------------------------------------------


def large(members: int) -> str:
    """Return what a large group costs whoever loads it."""
    pages = -(-members // 100)
    return f"{members:,} members: {pages:,} pages, {pages / 4:,.0f} s at 4 a second"


def _called(row: Mapping[str, Any], resource: Row) -> str:
    """Return what a member's value calls a user: the id, if the row has one already."""
    names = (row.get("id"), resource.get("externalId"), resource.get("userName"))
    return next((name for name in names if isinstance(name, str) and name), "")


def _address(resource: Row) -> tuple[str | None, str | None, list[tuple[str, str]]]:
    """Choose the primary address: the address, where it comes from, and what there is to say about it."""
    listed = [one for one in resource.get("emails", []) if str(one.get("value", "")).strip()]
    name = resource.get("userName", "").strip()
    if not listed:
        if not rulebook.is_address(name):
            raise Refusal("address_missing", "emails", f"no address, and the user name {name!r:.80} is none")
        told = [("address_from_user_name", f"no address; the user name {name!r:.80} stands in")]
        return name, "userName", [*told, *_length(name)]
    chosen, why = _chosen(listed)
    primaries = sum(one.get("primary") is True for one in listed)
    told = [("several_primaries", f"{primaries} addresses are primary")] if primaries > 1 else []
    if chosen is None:
        return None, None, [*told, ("address_unmarked", "no address is primary, or of type work or home")]
    address = str(chosen["value"]).strip()
    if not rulebook.is_address(address):
        return None, None, [*told, ("address_malformed", f"{address!r:.80} is not an address")]
    return address, f"emails ({why})", [*told, *_length(address)]


def _chosen(listed: list[Row]) -> tuple[Row | None, str]:
    """Choose the entry marked primary, else the first for work, else the first for home."""
    for why in ("primary", "work", "home"):
        for one in listed:
            kind = str(one.get("type", "")).lower()
            if one.get("primary") is True if why == "primary" else kind == why:
                return one, why
    return None, ""


def _length(address: str) -> list[tuple[str, str]]:
    if not rulebook.is_too_long(address):
        return []
    return [
        ("address_too_long", f"{len(address):,} characters, {len(address.rpartition('@')[0]):,} before the @")
    ]


def _spelled(body: Mapping[str, Any], known: Mapping[str, Attribute]) -> Row:
    """Spell known names as SCIM does, at this level and one below; of two spellings the last counts."""
    spelled: Row = {}
    for name, value in body.items():
        attribute = known.get(name.lower())
        if attribute is None:
            spelled[name] = value
            continue
        if attribute.inside and isinstance(value, dict):
            value = _spelled(value, attribute.inside)
        elif attribute.inside and isinstance(value, list):
            value = [_spelled(one, attribute.inside) if isinstance(one, dict) else one for one in value]
        spelled[attribute.name] = value
    return spelled


def _check(path: str, value: Any, attribute: Attribute | None) -> None:
    """Refuse null, and what is not of the type SCIM says."""
    if value is None:
        raise Refusal("null_value", path, f"{path} is null")
    if attribute is None:
        return
    if not attribute.many:
        _check_one(path, value, attribute)
        return
    if not isinstance(value, list):
        raise Refusal("wrong_type", path, f"{path} must be a list; got {value!r:.60}")
    for one in value:
        _check_one(path, one, attribute)


def _check_one(path: str, value: Any, attribute: Attribute) -> None:
    wrong = not isinstance(value, attribute.type) or (isinstance(value, bool) and attribute.type is not bool)
    if wrong and path == "active":
        raise Refusal("active_not_boolean", path, f"active is {value!r:.60}, which is neither true nor false")
    if wrong:
        raise Refusal("wrong_type", path, f"{path} must be {WORDS[attribute.type]}; got {value!r:.60}")
    if attribute.type is not dict:
        return
    for name, inner in value.items():
        if inner is None and name.lower() != "$ref":  # Entra ID writes "$ref": null beside each member
            raise Refusal("null_value", f"{path}.{name}", f"{path}.{name} is null")
        known = attribute.inside.get(str(name).lower())
        if known is not None and inner is not None:
            _check_one(f"{path}.{name}", inner, known)


def _size(body: Row) -> int:
    """Return the most bytes a body has, however it is written; refuse one that has too many at the least."""
    try:
        least = len(json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise Refusal("not_json", "", f"it cannot be written as JSON: {error}"[:200]) from None
    if least > MOST_BYTES:
        raise Refusal("body_too_large", "", f"{least / 1_000:,.0f} kB, more than {MOST_BYTES // 1_000:,} kB")
    # Six characters, as \u00e9, are the most that JSON makes of one byte or two.
    return len(json.dumps(body)) if least * 3 + 64 > MOST_BYTES else least


def _shown(value: Any) -> str | None:
    """Return a name to recognise a row by; half characters, which no text column holds, as their escapes."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "backslashreplace").decode()[:200]


# Columns of a flat table ------------------------------------------------------------------------------------
# What is not understood is named, never guessed: no row is judged by a column that was not read.


def read_as(column: str, known: Mapping[str, Any], own: Iterable[str]) -> str | None:
    """Return the SCIM field a column stands for (``userName``, ``name.givenName``), or None."""
    lower = column.strip().lower()
    if lower in own or lower == ENTERPRISE.lower():
        return column
    if lower in known:
        return str(known[lower].name)
    first, _, rest = lower.partition(".")
    if first == "name" and known.get("name") and rest in known["name"].inside:
        return f"name.{known['name'].inside[rest].name}"
    if lower.startswith(ENTERPRISE.lower()):
        lower = lower[len(ENTERPRISE) :].lstrip(".:")
    plain = re.sub(r"[^a-z]", "", re.sub(r"\[\d+\]|\.\d+\.", "", lower))
    names = {re.sub(r"[^a-z]", "", name): str(field.name) for name, field in known.items()}
    return SYNONYMS.get(plain) or names.get(plain)


def set_field(row: dict[str, Any], field: str, value: Any) -> None:
    """Put the value of one column where SCIM has it; of several columns for one field the first counts."""
    if field == "emails.value":
        row.setdefault("emails", [{"value": value, "type": "work", "primary": True}])
        return
    outer, _, inner = field.rpartition(".")
    if outer in ("name", ENTERPRISE):
        held = row.setdefault(outer, {})
        if isinstance(held, dict):
            held.setdefault(inner, value)
        return
    row.setdefault(field, value)


def columns_frame(columns: Mapping[str, str | None]) -> pd.DataFrame:
    """Return one row a column: the field it was read as, and whether it was understood."""
    index = pd.Index(list(columns), dtype="str", name="column")
    return rows_frame([(field, field is not None) for field in columns.values()], COLUMN_COLUMNS, index)
