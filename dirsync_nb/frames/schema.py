"""The declared columns of every frame, and the words the API is known to use.

Every frame has the same columns and dtypes whether it holds no rows, one, or a million. The index is the
object's id. What the API may add tomorrow goes into the column ``extra`` (a dict, or None).

Dtypes: text is pandas ``str`` (ids with leading zeros and numbers that look like dates stay text); times are
``datetime64[us, UTC]``, the unit pandas reads ISO 8601 text into and wide enough for any year the format has;
counts are ``Int64``; states and types are ``category`` over what was seen; what a record nests is ``json``, see
:mod:`dirsync_nb.frames.json_array`.
"""

from __future__ import annotations

__all__ = [
    "DIRECTORY_COLUMNS",
    "DIRECTORY_STATES",
    "DIRECTORY_TYPES",
    "EVENT_COLUMNS",
    "EVENT_STATES",
    "GROUP_COLUMNS",
    "JSON",
    "MEMBERSHIP_COLUMNS",
    "ORGANIZATION_COLUMNS",
    "TIME",
    "USER_COLUMNS",
    "USER_STATES",
]

TIME = "datetime64[us, UTC]"
JSON = "json"

ORGANIZATION_COLUMNS = {
    "name": "str",
    "external_id": "str",
    "domains": "object",  # tuple of domain names
    "domain_records": JSON,  # the same as the API gives them
    "metadata": JSON,
    "stripe_customer_id": "str",
    "allow_profiles_outside_organization": "boolean",  # deprecated by WorkOS
    "created_at": TIME,
    "updated_at": TIME,
    "extra": JSON,
}

DIRECTORY_COLUMNS = {
    "name": "str",
    "type": "category",
    "state": "category",  # the API's words; "active" and "inactive" of events become linked and unlinked
    "organization_id": "str",
    "active_users": "Int64",
    "inactive_users": "Int64",
    "groups": "Int64",
    "domain": "str",  # deprecated by WorkOS
    "external_key": "str",
    "state_reported": "str",  # the word as it came
    "created_at": TIME,
    "updated_at": TIME,
    "extra": JSON,
}

USER_COLUMNS = {
    "name": "str",
    "address": "str",  # the best e-mail address known, see `address_source`
    "address_source": "category",
    "state": "category",
    "email": "str",  # the primary address exactly as it came
    "first_name": "str",
    "last_name": "str",
    "role": "str",
    "roles": "object",  # tuple of slugs
    "idp_id": "str",
    "directory_id": "str",
    "organization_id": "str",
    "custom_attributes": JSON,
    "job_title": "str",  # from here on deprecated by WorkOS: null or empty for most
    "username": "str",
    "emails": JSON,
    "raw_attributes": JSON,
    "groups": JSON,  # never a source of memberships: empty for newer WorkOS teams
    "created_at": TIME,
    "updated_at": TIME,
    "extra": JSON,
}

GROUP_COLUMNS = {
    "name": "str",
    "idp_id": "str",
    "directory_id": "str",
    "organization_id": "str",
    "raw_attributes": JSON,  # deprecated by WorkOS
    "created_at": TIME,
    "updated_at": TIME,
    "extra": JSON,
}

EVENT_COLUMNS = {
    "event": "category",
    "created_at": TIME,
    "directory_id": "str",
    "organization_id": "str",
    "user_id": "str",
    "user": "str",  # e-mail address or name of the user it is about
    "group_id": "str",
    "group": "str",  # name of the group it is about
    "previous_attributes": JSON,
    "data": JSON,
    "context": JSON,
    "extra": JSON,
}

MEMBERSHIP_COLUMNS = {"user_id": "str", "group_id": "str", "directory_id": "str"}

EVENT_STATES = {"active": "linked", "inactive": "unlinked"}  # the words of events for the API's
DIRECTORY_STATES = ("linked", "validating", "invalid_credentials", "unlinked", "deleting")
USER_STATES = ("active", "inactive", "suspended")
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
