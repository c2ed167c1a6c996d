"""From a client to frames: one call, one whole DataFrame, or an error that keeps what was read.

Reading order: ``progress``, ``parallel`` (many directories side by side), ``lists``, ``memberships``.
"""

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

__all__ = [
    "FOUND_COLUMNS",
    "find",
    "largest_directory",
    "load_directories",
    "load_directory",
    "load_events",
    "load_group",
    "load_groups",
    "load_memberships",
    "load_organization",
    "load_organizations",
    "load_user",
    "load_users",
]
