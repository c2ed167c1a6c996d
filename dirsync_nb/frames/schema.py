"""The declared columns of every frame, and the words the API is known to use.

Every frame has the same columns and dtypes whether it holds no rows, one, or a million. The index is the
object's id. Every column is declared once, with its meaning, source and an example, which
:func:`dirsync_nb.frames.describe_columns` shows. What the API may add tomorrow goes into the column ``extra``
(a dict, or None).

Dtypes: text is pandas ``str`` (ids with leading zeros and numbers that look like dates stay text); times are
``datetime64[us, UTC]``, the unit pandas reads ISO 8601 text into and wide enough for any year the format has;
counts are ``Int64``; states and types are ``category`` over what was seen; what a record nests is ``json``, see
:mod:`dirsync_nb.frames.json_array`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREDEFINED = (
    "addresses",
    "cost_center_name",
    "department_name",
    "display_name",
    "division_name",
    "emails",
    "employee_number",
    "employee_type",
    "employment_start_date",
    "job_title",
    "manager_email",
    "manager_id",
    "manager_name",
    "organization",
    "phone_numbers",
    "username",
)
"""Attributes every environment can switch on: one that nobody has is not enabled, rather than mistyped."""

TIME = "datetime64[us, UTC]"
JSON = "json"


@dataclass(frozen=True)
class Column:
    """What one column of a frame holds.

    Parameters
    ----------
    dtype
        As pandas names it.
    meaning
        In words; ``Deprecated by WorkOS`` stands at the beginning where it is.
    source
        The field of the API's record it comes from, or how it is worked out.
    example
        One value, invented.
    """

    dtype: str
    meaning: str
    source: str
    example: Any

    @property
    def deprecated(self) -> bool:
        """Whether WorkOS gives up the field: null or empty for most."""
        return self.meaning.startswith("Deprecated")


def _id(of: str, kind: str, source: str = "id") -> Column:
    return Column("str", f"Id of the {of} at WorkOS.", source, f"{kind}_01JX9T2M4Q8R7V6W5Y3Z1A2B3C")


def _spread(dtype: str, name: str, example: Any) -> Column:
    meaning = "Deprecated by WorkOS: spread_attributes(users) gives the custom attribute so named."
    return Column(dtype, meaning, name, example)


_CREATED = Column(TIME, "When WorkOS first knew it, in UTC.", "created_at", "2026-01-05 09:00:00+00:00")
_UPDATED = Column(TIME, "When it last changed at WorkOS, in UTC.", "updated_at", "2026-03-02 14:30:00+00:00")
_EXTRA = Column(
    JSON,
    "What no other column holds: unknown fields, and values of another kind than declared.",
    "the rest",
    None,
)
_LAST = {"created_at": _CREATED, "updated_at": _UPDATED, "extra": _EXTRA}  # of every record
_RAW = Column(JSON, "Deprecated by WorkOS: the record as the provider sent it.", "raw_attributes", {})
_IDP_ID = Column("str", "The provider's own id of it.", "idp_id", "00u4k2x9")
_DIRECTORY_ID = _id("directory it is in", "directory", "directory_id")
_ORGANIZATION_ID = _id("organization whose directory it is", "org", "organization_id")
_HOME = {"idp_id": _IDP_ID, "directory_id": _DIRECTORY_ID, "organization_id": _ORGANIZATION_ID}
_USER_ID = _id("directory user", "directory_user", "user_id")
_GROUP_ID = _id("directory group", "directory_group", "group_id")

ORGANIZATIONS = {
    "name": Column("str", "Display name.", "name", "Harbourline"),
    "external_id": Column("str", "Your own id of the organization.", "external_id", "customer-17"),
    "domains": Column("object", "Its domain names, a tuple.", "domains", ("harbourline.test",)),
    "domain_records": Column(JSON, "Its domains as the API gives them.", "domains", [{"state": "verified"}]),
    "metadata": Column(JSON, "What you stored with it.", "metadata", {"plan": "team"}),
    "stripe_customer_id": Column("str", "Its id at Stripe.", "stripe_customer_id", "cus_17"),
    "allow_profiles_outside_organization": Column(
        "boolean",
        "Deprecated by WorkOS: whether people of other domains may sign in.",
        "allow_profiles_outside_organization",
        False,
    ),
    **_LAST,
}

DIRECTORIES = {
    "name": Column("str", "Display name.", "name", "Harbourline Okta"),
    "type": Column("category", "Kind of provider.", "type", "okta scim v2.0"),
    "state": Column("category", "State in the API's words; those of events are translated.", "state", "linked"),
    "organization_id": _ORGANIZATION_ID,
    "active_users": Column("Int64", "Active users by the service's own count.", "metadata.users.active", 412),
    "inactive_users": Column("Int64", "Inactive users by the same count.", "metadata.users.inactive", 3),
    "groups": Column("Int64", "Groups by the same count.", "metadata.groups", 19),
    "domain": Column("str", "Deprecated by WorkOS: a domain of its owner.", "domain", "harbourline.test"),
    "external_key": Column("str", "The directory's key in its address at WorkOS.", "external_key", "x7Yk2"),
    "state_reported": Column("str", "The state exactly as it came.", "state", "active"),
    **_LAST,
}

USERS = {
    "name": Column("str", "Display name.", "name", "Ada Lind"),
    "address": Column(
        "str", "The best e-mail address known.", "chosen, see address_source", "ada.lind@harbourline.test"
    ),
    "address_source": Column("category", "Where the address stood.", "chosen", "email"),
    "state": Column(
        "category",
        "Whether the directory has the person switched on. Most environments delete whom it switches off.",
        "state",
        "active",
    ),
    "email": Column("str", "The primary address exactly as it came.", "email", "ada.lind@harbourline.test"),
    "first_name": Column("str", "Given name.", "first_name", "Ada"),
    "last_name": Column("str", "Family name.", "last_name", "Lind"),
    "role": Column("str", "Slug of the role that groups give.", "role.slug", "admin"),
    "roles": Column("object", "Slugs of all roles, a tuple.", "roles[].slug", ("admin",)),
    **_HOME,
    "custom_attributes": Column(
        JSON,
        "Attributes enabled for the directory, a dict; null is no data, absent is not enabled.",
        "custom_attributes",
        {"department_name": "Nautical"},
    ),
    "job_title": _spread("str", "job_title", None),
    "username": _spread("str", "username", None),
    "emails": _spread(JSON, "emails", []),
    "raw_attributes": _RAW,
    "groups": Column(
        JSON,
        "Deprecated by WorkOS, empty for newer teams: load_memberships(client, directory_id) says it.",
        "groups",
        [],
    ),
    **_LAST,
}

GROUPS = {
    "name": Column("str", "Display name; two groups may share one.", "name", "Night Crew"),
    **_HOME,
    "raw_attributes": _RAW,
    **_LAST,
}

EVENTS = {
    "event": Column("category", "Kind of event.", "event", "dsync.user.created"),
    "created_at": Column(TIME, "When it happened, in UTC.", "created_at", "2026-01-05 09:00:00+00:00"),
    "directory_id": _id("directory it is about", "directory", "data.directory_id, or data.id"),
    "organization_id": _id("organization it is about", "org", "data.organization_id"),
    "user_id": _id("directory user it is about", "directory_user", "data.id, or data.user.id"),
    "user": Column("str", "E-mail address, else name, of that user.", "data", "ada.lind@harbourline.test"),
    "group_id": _id("directory group it is about", "directory_group", "data.id, or data.group.id"),
    "group": Column("str", "Name of that group.", "data.name, or data.group.name", "Night Crew"),
    "previous_attributes": Column(
        JSON, "What changed, with the values before.", "data.previous_attributes", {"state": "active"}
    ),
    "data": Column(JSON, "The payload as it came.", "data", {"object": "directory_user"}),
    "context": Column(JSON, "What WorkOS adds to it.", "context", {}),
    "extra": _EXTRA,
}

MEMBERSHIPS = {
    "user_id": Column("str", "Who: to join, members.merge(users, on='user_id').", "user_id", _USER_ID.example),
    "group_id": Column("str", "In what: to join, merge(groups, on='group_id').", "group_id", _GROUP_ID.example),
    "directory_id": Column("str", "Users and groups have it too: join by the other two.", "directory_id",
                           _DIRECTORY_ID.example),
}  # fmt: skip

_ROLE = Column("str", "Slug of the role, as in the users' column of that name.", "role.slug", "admin")
_RESOURCE = Column(JSON, "What the role is for.", "resource", {"resource_type_slug": "organization"})
_OWNER = _id("organization", "org", "organization_id")

ROLES = {
    "slug": Column("str", "What users, mappings and tables name the role by.", "slug", "admin"),
    "name": Column("str", "Display name.", "name", "Admin"),
    "description": Column("str", "What it is for, in somebody's words.", "description", "Runs the place"),
    "type": Column("category", "Of the environment, or of one organization.", "type", "EnvironmentRole"),
    "permissions": Column("object", "Slugs of its permissions, a tuple.", "permissions", ("users:manage",)),
    "resource_type_slug": Column("str", "Kind of resource it is for.", "resource_type_slug", "organization"),
    **_LAST,
}

ORGANIZATION_MEMBERSHIPS = {
    "email": Column("str", "Address of the AuthKit user; it stays when the directory's changes.", "user.email",
                    "ada.lind@harbourline.test"),
    "first_name": Column("str", "Given name of the AuthKit user.", "user.first_name", "Ada"),
    "last_name": Column("str", "Family name of the AuthKit user.", "user.last_name", "Lind"),
    "status": Column("category", "Whether the membership is on.", "status", "active"),
    "role": Column("str", "Slug of the primary role.", "role.slug", "admin"),
    "roles": Column("object", "Slugs of all roles, a tuple.", "roles[].slug", ("admin",)),
    "directory_managed": Column("boolean", "Whether a directory provisions it.", "directory_managed", True),
    "authkit_user_id": _id("AuthKit user, who is no directory user", "user", "user_id"),
    "organization_id": _OWNER,
    "organization_name": Column("str", "Display name of the organization.", "organization_name", "Harbourline"),
    "custom_attributes": Column(JSON, "Attributes that a directory gave it.", "custom_attributes",
                                {"department_name": "Nautical"}),
    "user": Column(JSON, "The AuthKit user as it came.", "user", {"email_verified": True}),
    **_LAST,
}  # fmt: skip

WORKOS_GROUPS = {
    "name": Column("str", "Display name.", "name", "Launch Partners"),
    "description": Column("str", "What it is for, in somebody's words.", "description", "Sees it first"),
    "organization_id": _OWNER,
    **_LAST,
}

ROLE_ASSIGNMENTS = {
    "role": _ROLE,
    "source": Column("category", "Direct, or by a WorkOS group; a directory has no word here.", "source.type",
                     "group"),
    "workos_group_id": _id("WorkOS group that gives it", "group", "source.group.id"),
    "workos_group": Column("str", "Name of that group.", "source.group.name", "Launch Partners"),
    "group_role_assignment_id": _id("assignment to that group", "gra", "source.group_role_assignment_id"),
    "organization_membership_id": _id("organization membership", "om", "organization_membership_id"),
    "resource": _RESOURCE,
    **_LAST,
}  # fmt: skip

GROUP_ROLE_ASSIGNMENTS = {
    "role": _ROLE,
    "workos_group_id": _id("WorkOS group whose members have it", "group", "group_id"),
    "resource": _RESOURCE,
    **_LAST,
}

EMAILS = {
    "user_id": _USER_ID,
    "value": Column("str", "The address.", "emails[].value", "ada.lind@harbourline.test"),
    "type": Column("str", "Its kind in the provider's words.", "emails[].type", "work"),
    "primary": Column(
        "boolean", "Whether it is the main one; missing if nobody says.", "emails[].primary", True
    ),
    "source": Column("str", "Where the list of addresses stood.", "worked out", "custom_attributes.emails"),
}

RECEIPTS = {
    "endpoint": Column("str", "What was asked.", "receipt", "/directory_users"),
    "filters": Column("object", "With which filters, a dict.", "receipt", {"limit": 100}),
    "requests": Column("Int64", "Requests sent, those repeated included.", "receipt", 26),
    "pages": Column("Int64", "Pages read.", "receipt", 25),
    "rows": Column("Int64", "Rows of the answer.", "receipt", 2_500),
    "duplicates": Column("Int64", "Rows that came twice and were dropped.", "receipt", 0),
    "seconds": Column("float64", "How long it took.", "receipt", 6.4),
    "seconds_waited": Column("float64", "How much of that was waiting for the limit.", "receipt", 0.0),
    "complete": Column("bool", "Whether everything was read.", "receipt", True),
}

INDEXES = {
    "organization_id": _id("organization", "org"),
    "directory_id": _id("directory", "directory"),
    "user_id": _id("directory user", "directory_user"),
    "group_id": _id("directory group", "directory_group"),
    "event_id": _id("event", "event"),
    "role_id": _id("role", "role"),
    "organization_membership_id": _id("organization membership", "om"),
    "workos_group_id": _id("WorkOS group, which is no directory group", "group"),
    "role_assignment_id": _id("role assignment", "role_assignment"),
    "group_role_assignment_id": _id("role assignment of a WorkOS group", "gra"),
}


KINDS: dict[str, tuple[str | None, Mapping[str, Column]]] = {
    "organizations": ("organization_id", ORGANIZATIONS),
    "directories": ("directory_id", DIRECTORIES),
    "users": ("user_id", USERS),
    "groups": ("group_id", GROUPS),
    "events": ("event_id", EVENTS),
    "memberships": (None, MEMBERSHIPS),
    "roles": ("role_id", ROLES),
    "organization memberships": ("organization_membership_id", ORGANIZATION_MEMBERSHIPS),
    "WorkOS groups": ("workos_group_id", WORKOS_GROUPS),
    "role assignments": ("role_assignment_id", ROLE_ASSIGNMENTS),
    "group role assignments": ("group_role_assignment_id", GROUP_ROLE_ASSIGNMENTS),
    "emails": (None, EMAILS),
    "receipts": (None, RECEIPTS),
}
"""Every kind of frame: what it is indexed by, and its columns."""


def dtypes(columns: Mapping[str, Column]) -> dict[str, str]:
    """Return the dtype of each column by its name."""
    return {name: column.dtype for name, column in columns.items()}


ORGANIZATION_COLUMNS = dtypes(ORGANIZATIONS)
DIRECTORY_COLUMNS = dtypes(DIRECTORIES)
USER_COLUMNS = dtypes(USERS)
GROUP_COLUMNS = dtypes(GROUPS)
EVENT_COLUMNS = dtypes(EVENTS)
MEMBERSHIP_COLUMNS = dtypes(MEMBERSHIPS)
ROLE_COLUMNS = dtypes(ROLES)
ORGANIZATION_MEMBERSHIP_COLUMNS = dtypes(ORGANIZATION_MEMBERSHIPS)
WORKOS_GROUP_COLUMNS = dtypes(WORKOS_GROUPS)
ROLE_ASSIGNMENT_COLUMNS = dtypes(ROLE_ASSIGNMENTS)
GROUP_ROLE_ASSIGNMENT_COLUMNS = dtypes(GROUP_ROLE_ASSIGNMENTS)
EMAIL_COLUMNS = dtypes(EMAILS)
RECEIPT_COLUMNS = dtypes(RECEIPTS)

EVENT_STATES = {"active": "linked", "inactive": "unlinked"}  # the words of events for the API's
DIRECTORY_STATES = ("linked", "validating", "invalid_credentials", "unlinked", "deleting")
USER_STATES = ("active", "inactive", "suspended")
ROLE_TYPES = ("EnvironmentRole", "OrganizationRole")
MEMBERSHIP_STATUSES = ("active", "inactive", "pending")
ROLE_SOURCES = ("direct", "group")
DIRECTORY_TYPES = (
    "azure scim v2.0",
    "bamboohr",
    "breathe hr",
    "cezanne hr",
    "cyberark scim v2.0",
    "fourth hr",
    "generic scim v2.0",
    "gsuite directory",
    "hibob",
    "jump cloud scim v2.0",
    "okta scim v2.0",
    "onelogin scim v2.0",
    "people hr",
    "personio",
    "pingfederate scim v2.0",
    "rippling scim v2.0",
    "sailpoint scim v2.0",
    "s3",
    "sftp",
    "sftp workday",
    "workday",
    "gusto",  # the last four only in events or in older data
    "rippling",
    "okta scim v1.1",
    "generic scim v1.1",
)
