"""How records of each kind become columns: which fields are copied, and what is worked out from them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard

from ..client import DSYNC_EVENTS, Record
from . import schema

Page = Sequence[Record]


@dataclass(frozen=True)
class FrameSpec:
    """How records of one kind become a frame.

    Parameters
    ----------
    index
        Name of the index.
    object_name
        What the records call themselves in ``object``.
    columns
        Column name to dtype, in order.
    derived
        Functions from a page to further columns, each with the fields it uses up. All other columns are
        copied from the field of the same name.
    known
        Values that categories are known to have; others are noticed.
    shapes
        The form in which a used-up field is fully represented by its columns; in any other it is kept in
        ``extra`` as well.
    """

    index: str
    object_name: str
    columns: Mapping[str, str]
    derived: tuple[tuple[tuple[str, ...], Callable[[Page], dict[str, list[Any]]]], ...] = ()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shapes: Mapping[str, Callable[[Any], bool]] = field(default_factory=dict)
    copied: tuple[str, ...] = field(init=False)
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        made = {name for _, derive in self.derived for name in derive(())}
        copied = [name for name in self.columns if name not in made and name != "extra"]
        used = {name for names, _ in self.derived for name in names}
        object.__setattr__(self, "copied", tuple(copied))
        object.__setattr__(self, "fields", frozenset({"id", "object", *copied, *used}))
        object.__setattr__(self, "shapes", {"object": partial(operator.eq, self.object_name), **self.shapes})


# Derived columns ----------------------------------------------------------------------------------------


def _directory_columns(page: Page) -> dict[str, list[Any]]:
    reported = [record.get("state") for record in page]
    counts = [as_dict(record.get("metadata")) for record in page]
    users = [as_dict(one.get("users")) for one in counts]
    return {
        "state": [schema.EVENT_STATES.get(one, one) if _text(one) else one for one in reported],
        "state_reported": reported,
        "active_users": [_count(one.get("active")) for one in users],
        "inactive_users": [_count(one.get("inactive")) for one in users],
        "groups": [_count(one.get("groups")) for one in counts],
    }


def _organization_columns(page: Page) -> dict[str, list[Any]]:
    lists = [as_tuple(record.get("domains")) for record in page]
    names = [
        tuple(d["domain"] if isinstance(d, dict) else d for d in domains if _has_domain(d)) for domains in lists
    ]
    return {"domains": names, "domain_records": lists}


def _has_domain(entry: object) -> bool:
    return _text(entry.get("domain")) if isinstance(entry, dict) else _text(entry)


def _role_columns(page: Page) -> dict[str, list[Any]]:
    roles = [tuple([_slug(role) for role in as_tuple(record.get("roles"))]) for record in page]
    return {"role": [_slug(record.get("role")) for record in page], "roles": _shared(roles)}


def _shared(tuples: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return equal tuples as one object: most people of a company have the same few roles."""
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    try:
        return [known.setdefault(one, one) for one in tuples]
    except TypeError:  # a slug that is a list
        return tuples


def _one_role(page: Page) -> dict[str, list[Any]]:
    return {"role": [_slug(record.get("role")) for record in page]}


def _permissions(page: Page) -> dict[str, list[Any]]:
    return {"permissions": _shared([as_tuple(record.get("permissions")) for record in page])}


def _authkit_columns(page: Page) -> dict[str, list[Any]]:
    people = [as_dict(record.get("user")) for record in page]
    return {
        **{name: [one.get(name) for one in people] for name in ("email", "first_name", "last_name")},
        "authkit_user_id": [record.get("user_id") for record in page],
    }


def _source_columns(page: Page) -> dict[str, list[Any]]:
    sources = [as_dict(record.get("source")) for record in page]
    groups = [as_dict(source.get("group")) for source in sources]
    return {
        "source": [source.get("type") for source in sources],
        "workos_group_id": [group.get("id") for group in groups],
        "workos_group": [group.get("name") for group in groups],
        "group_role_assignment_id": [source.get("group_role_assignment_id") for source in sources],
    }


def _is_source(value: object) -> bool:
    """Whether the columns hold all of where a role comes from."""
    if not isinstance(value, dict):
        return value is None
    group = value.get("group")
    plain = group is None or (isinstance(group, dict) and group.keys() <= {"id", "name"})
    return plain and value.keys() <= {"type", "group_role_assignment_id", "group"}


def _address_columns(page: Page) -> dict[str, list[Any]]:
    pairs = [choose_address(record) for record in page]
    return {"address": [pair[0] for pair in pairs], "address_source": [pair[1] for pair in pairs]}


def choose_address(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Choose a user's e-mail address, and say where it stood; (None, None) when there is none.

    The order: ``email``; the ``emails`` among the custom attributes, then the deprecated ``emails`` (in each:
    the first primary entry, else the first of type work, else home, else the first); a ``username`` that is
    an address. Blank values are passed over and spaces around an address removed.

    Examples
    --------
    >>> ds.frames.choose_address({"email": None, "username": "ada@acme.test"})
    ('ada@acme.test', 'username')
    """
    email = record.get("email")
    if isinstance(email, str) and (email := email.strip()):
        return email, "email"
    attributes = as_dict(record.get("custom_attributes"))
    lists = {"custom_attributes.emails": attributes.get("emails"), "emails": record.get("emails")}
    for source, entries in lists.items():
        listed = [entry for entry in as_tuple(entries) if isinstance(entry, dict) and _text(entry.get("value"))]
        for why, fits in _ADDRESS_CHOICE:
            for entry in listed:
                if fits(entry):
                    return entry["value"].strip(), f"{source} ({why})"
    for source, value in (
        ("custom_attributes.username", attributes.get("username")),
        ("username", record.get("username")),
    ):
        if _text(value) and looks_like_address(value.strip()):
            return value.strip(), source
    return None, None


_ADDRESS_CHOICE: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    ("primary", lambda entry: entry.get("primary") is True),
    ("work", lambda entry: entry.get("type") == "work"),
    ("home", lambda entry: entry.get("type") == "home"),
    ("first", lambda entry: True),  # noqa: ARG005
)


def looks_like_address(text: str) -> bool:
    """Return whether a text has the shape of an e-mail address: one @, no spaces, a dot in the domain.

    Examples
    --------
    >>> ds.frames.looks_like_address("ada@acme.test"), ds.frames.looks_like_address("ada")
    (True, False)
    """
    return re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text) is not None


def _event_columns(page: Page) -> dict[str, list[Any]]:
    subjects = [_event_subject(record) for record in page]
    return {name: [subject[name] for subject in subjects] for name in _event_subject({})}


def _event_subject(record: Record) -> dict[str, Any]:
    """Find which directory, user and group an event is about, wherever its kind of payload keeps them."""
    data, kind = as_dict(record.get("data")), str(record.get("event"))
    user = as_dict(data.get("user")) if "user" in data else data if kind.startswith("dsync.user.") else {}
    group = as_dict(data.get("group")) if "group" in data else data if kind.startswith("dsync.group.") else {}
    if group is data and "user" in data:
        group = {}
    is_directory = kind in ("dsync.activated", "dsync.deleted", "dsync.deactivated")
    context = as_dict(record.get("context"))
    return {
        "directory_id": data.get("id") if is_directory else data.get("directory_id"),
        "organization_id": data.get("organization_id")
        or user.get("organization_id")
        or group.get("organization_id"),
        "user_id": user.get("id"),
        "user": choose_address(user)[0] or user.get("name") or user.get("idp_id"),
        "group_id": group.get("id"),
        "group": group.get("name"),
        "previous_attributes": data.get("previous_attributes", context.get("previous_attributes")),
    }


def _text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def as_dict(value: object) -> dict[str, Any]:
    """Return a dict as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_tuple(value: object) -> tuple[Any, ...]:
    """Return a list or tuple as a tuple, and an empty one for anything else."""
    # Tuples, since all empty ones are one object: a million users have three million empty lists otherwise.
    return tuple(value) if isinstance(value, list | tuple) else ()


def _slug(value: object) -> Any:
    return value.get("slug") if isinstance(value, dict) else value


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return value if whole else None  # type: ignore[return-value]


def _is_role(value: object) -> bool:
    return value is None or (type(value) is dict and len(value) == 1 and type(value.get("slug")) is str)


def _are_roles(value: object) -> bool:
    return value is None or (type(value) is list and all(map(_is_role, value)))


def _is_user_and_group_counts(value: object) -> bool:
    users = value.get("users") if isinstance(value, dict) else None
    if not isinstance(users, dict) or not isinstance(value, dict):
        return value is None
    counts = [users.get("active"), users.get("inactive"), value.get("groups")]
    return value.keys() == {"users", "groups"} and len(users) == 2 and None not in map(_count, counts)


# The kinds --------------------------------------------------------------------------------------------

ORGANIZATIONS = FrameSpec(
    "organization_id",
    "organization",
    schema.ORGANIZATION_COLUMNS,
    derived=((("domains",), _organization_columns),),
    shapes={"domains": lambda value: isinstance(value, list | None)},
)
DIRECTORIES = FrameSpec(
    "directory_id",
    "directory",
    schema.DIRECTORY_COLUMNS,
    derived=((("state", "metadata"), _directory_columns),),
    known={"type": schema.DIRECTORY_TYPES, "state": schema.DIRECTORY_STATES},
    shapes={"metadata": _is_user_and_group_counts},
)
USERS = FrameSpec(
    "user_id",
    "directory_user",
    schema.USER_COLUMNS,
    derived=(((), _address_columns), (("role", "roles"), _role_columns)),
    known={"state": schema.USER_STATES},
    shapes={"role": _is_role, "roles": _are_roles},
)
GROUPS = FrameSpec("group_id", "directory_group", schema.GROUP_COLUMNS)
EVENTS = FrameSpec(
    "event_id", "event", schema.EVENT_COLUMNS, derived=(((), _event_columns),), known={"event": DSYNC_EVENTS}
)

# Roles, and what AuthKit has. Its groups are no directory groups, nor its users directory users.

ROLES = FrameSpec(
    "role_id",
    "role",
    schema.ROLE_COLUMNS,
    derived=((("permissions",), _permissions),),
    known={"type": schema.ROLE_TYPES},
    shapes={"permissions": lambda value: isinstance(value, list | None)},
)
ORGANIZATION_MEMBERSHIPS = FrameSpec(
    "organization_membership_id",
    "organization_membership",
    schema.ORGANIZATION_MEMBERSHIP_COLUMNS,
    derived=((("user_id",), _authkit_columns), (("role", "roles"), _role_columns)),
    known={"status": schema.MEMBERSHIP_STATUSES},
    shapes={"role": _is_role, "roles": _are_roles},
)
WORKOS_GROUPS = FrameSpec("workos_group_id", "group", schema.WORKOS_GROUP_COLUMNS)
ROLE_ASSIGNMENTS = FrameSpec(
    "role_assignment_id",
    "role_assignment",
    schema.ROLE_ASSIGNMENT_COLUMNS,
    derived=((("role",), _one_role), (("source",), _source_columns)),
    known={"source": schema.ROLE_SOURCES},
    shapes={"role": _is_role, "source": _is_source},
)
GROUP_ROLE_ASSIGNMENTS = FrameSpec(
    "group_role_assignment_id",
    "group_role_assignment",
    schema.GROUP_ROLE_ASSIGNMENT_COLUMNS,
    derived=(
        (("role",), _one_role),
        (("group_id",), lambda page: {"workos_group_id": [record.get("group_id") for record in page]}),
    ),
    shapes={"role": _is_role},
)

_ALL: tuple[FrameSpec, ...] = (ORGANIZATIONS, DIRECTORIES, USERS, GROUPS, EVENTS)
_ALL += (ROLES, ORGANIZATION_MEMBERSHIPS, WORKOS_GROUPS, ROLE_ASSIGNMENTS, GROUP_ROLE_ASSIGNMENTS)
SPECS = {spec.index: spec for spec in _ALL}
"""How records become a frame, by what it is indexed by."""
