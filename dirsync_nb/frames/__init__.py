"""Records to DataFrames with declared columns.

Reading order: ``schema`` (the columns), ``records`` (how a record becomes a row), ``json_array`` (what records
nest), ``builder`` (pages to one frame), ``tools`` (put together, taken apart).
"""

from .builder import FrameBuilder
from .records import (
    DIRECTORIES,
    EVENTS,
    GROUPS,
    ORGANIZATIONS,
    USERS,
    FrameSpec,
    choose_address,
    looks_like_address,
)
from .schema import (
    DIRECTORY_COLUMNS,
    DIRECTORY_STATES,
    DIRECTORY_TYPES,
    EVENT_COLUMNS,
    GROUP_COLUMNS,
    JSON,
    MEMBERSHIP_COLUMNS,
    ORGANIZATION_COLUMNS,
    TIME,
    USER_COLUMNS,
    USER_STATES,
)
from .tools import (
    concat,
    directories_frame,
    emails_frame,
    events_frame,
    groups_frame,
    latest,
    mark_partial,
    organizations_frame,
    receipts_frame,
    require_complete,
    spread_attributes,
    typed_values,
    users_frame,
    why_incomplete,
)

__all__ = [
    "DIRECTORIES",
    "DIRECTORY_COLUMNS",
    "DIRECTORY_STATES",
    "DIRECTORY_TYPES",
    "EVENTS",
    "EVENT_COLUMNS",
    "GROUPS",
    "GROUP_COLUMNS",
    "JSON",
    "MEMBERSHIP_COLUMNS",
    "ORGANIZATIONS",
    "ORGANIZATION_COLUMNS",
    "TIME",
    "USERS",
    "USER_COLUMNS",
    "USER_STATES",
    "FrameBuilder",
    "FrameSpec",
    "choose_address",
    "concat",
    "directories_frame",
    "emails_frame",
    "events_frame",
    "groups_frame",
    "latest",
    "looks_like_address",
    "mark_partial",
    "organizations_frame",
    "receipts_frame",
    "require_complete",
    "spread_attributes",
    "typed_values",
    "users_frame",
    "why_incomplete",
]
