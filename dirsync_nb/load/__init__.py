"""From a client to frames: one call, one whole DataFrame, or an error that keeps what was read.

Reading order: ``progress``, ``parallel`` (many directories side by side), ``lists``, ``memberships``,
``roles`` (role definitions, organization memberships and WorkOS groups).
"""

from ..client.calls import every_call
from .lists import (
    load_directories,
    load_directory,
    load_events,
    load_group,
    load_groups,
    load_organization,
    load_organizations,
    load_user,
    load_users,
)
from .lookup import FOUND_COLUMNS, find, largest_directory
from .memberships import load_memberships
from .roles import (
    load_group_role_assignments,
    load_organization_memberships,
    load_role_assignments,
    load_roles,
    load_workos_group_members,
    load_workos_groups,
)

__all__ = [
    "FOUND_COLUMNS",
    "find",
    "largest_directory",
    "load_directories",
    "load_directory",
    "load_events",
    "load_group",
    "load_group_role_assignments",
    "load_groups",
    "load_memberships",
    "load_organization",
    "load_organization_memberships",
    "load_organizations",
    "load_role_assignments",
    "load_roles",
    "load_user",
    "load_users",
    "load_workos_group_members",
    "load_workos_groups",
]

every_call(__name__)
