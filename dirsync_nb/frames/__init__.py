"""Records to DataFrames with declared columns.

Reading order: ``schema`` (the columns), ``records`` (how a record becomes a row), ``json_array`` (what records
nest), ``builder`` (pages to one frame), ``tools`` (records in, frame out; frames put together), ``reshape``
(what is nested, spread), ``partial`` and ``checks`` (what is refused), ``dictionary`` and ``shown`` (frames as
people read them).

A notebook typesets what stands between two dollar signs in a DataFrame, and names of a directory are other
people's typing. So with this package the pandas option ``display.html.use_mathjax`` is off; who wants formulas
in tables sets it again. And where ``to_sql`` or ``to_excel`` cannot take a frame, the error says what to call
(``writers``).
"""

import pandas as pd

from ..client.calls import every_call
from .builder import FrameBuilder, text_dtype
from .checks import (
    FRAMES,
    known_attributes,
    listed_ids,
    near_names,
    one_of,
    require_columns,
    require_frame,
    require_ids,
    takes_frames,
)
from .dictionary import describe_columns
from .partial import (
    READ,
    ROUNDED,
    mark_partial,
    require_complete,
    require_order,
    require_same_directories,
    why_incomplete,
)
from .records import (
    DIRECTORIES,
    EVENTS,
    GROUP_ROLE_ASSIGNMENTS,
    GROUPS,
    ORGANIZATION_MEMBERSHIPS,
    ORGANIZATIONS,
    ROLE_ASSIGNMENTS,
    ROLES,
    USERS,
    WORKOS_GROUPS,
    FrameSpec,
    choose_address,
    looks_like_address,
)
from .reshape import attribute_values, emails_frame, spread_attributes, typed_values
from .schema import (
    DIRECTORY_COLUMNS,
    DIRECTORY_STATES,
    DIRECTORY_TYPES,
    EVENT_COLUMNS,
    GROUP_COLUMNS,
    GROUP_ROLE_ASSIGNMENT_COLUMNS,
    JSON,
    MEMBERSHIP_COLUMNS,
    MEMBERSHIP_STATUSES,
    ORGANIZATION_COLUMNS,
    ORGANIZATION_MEMBERSHIP_COLUMNS,
    ROLE_ASSIGNMENT_COLUMNS,
    ROLE_COLUMNS,
    TIME,
    USER_COLUMNS,
    USER_STATES,
    WORKOS_GROUP_COLUMNS,
    Column,
)
from .shown import show
from .tools import (
    concat,
    directories_frame,
    events_frame,
    groups_frame,
    latest,
    organizations_frame,
    receipts_frame,
    users_frame,
)
from .writers import add_hints

__all__ = [
    "DIRECTORIES",
    "DIRECTORY_COLUMNS",
    "DIRECTORY_STATES",
    "DIRECTORY_TYPES",
    "EVENTS",
    "EVENT_COLUMNS",
    "FRAMES",
    "GROUPS",
    "GROUP_COLUMNS",
    "GROUP_ROLE_ASSIGNMENTS",
    "GROUP_ROLE_ASSIGNMENT_COLUMNS",
    "JSON",
    "MEMBERSHIP_COLUMNS",
    "MEMBERSHIP_STATUSES",
    "ORGANIZATIONS",
    "ORGANIZATION_COLUMNS",
    "ORGANIZATION_MEMBERSHIPS",
    "ORGANIZATION_MEMBERSHIP_COLUMNS",
    "READ",
    "ROLES",
    "ROLE_ASSIGNMENTS",
    "ROLE_ASSIGNMENT_COLUMNS",
    "ROLE_COLUMNS",
    "ROUNDED",
    "TIME",
    "USERS",
    "USER_COLUMNS",
    "USER_STATES",
    "WORKOS_GROUPS",
    "WORKOS_GROUP_COLUMNS",
    "Column",
    "FrameBuilder",
    "FrameSpec",
    "attribute_values",
    "choose_address",
    "concat",
    "describe_columns",
    "directories_frame",
    "emails_frame",
    "events_frame",
    "groups_frame",
    "known_attributes",
    "latest",
    "listed_ids",
    "looks_like_address",
    "mark_partial",
    "near_names",
    "one_of",
    "organizations_frame",
    "receipts_frame",
    "require_columns",
    "require_complete",
    "require_frame",
    "require_ids",
    "require_order",
    "require_same_directories",
    "show",
    "spread_attributes",
    "takes_frames",
    "text_dtype",
    "typed_values",
    "users_frame",
    "why_incomplete",
]

pd.set_option("display.html.use_mathjax", False)
add_hints()
every_call(__name__)
