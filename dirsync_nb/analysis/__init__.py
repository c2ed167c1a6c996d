"""Questions about frames: who is in what, what overlaps, who would lose access, which attributes are filled.

Pure functions from frames to frames: no network, no drawing, no argument is changed. Names of groups and users
are not unique, so every answer is keyed by id and carries the name beside it. Where a partial frame would make
the answer untrue it is refused (``IncompleteError``); where it only makes it smaller, the answer carries
``attrs["incomplete"]`` on. A frame of another kind, or without its ids in the index, is refused
(``ArgumentError``). The comparison of two moments lives in ``diffs`` and is named here too.
"""

from __future__ import annotations

from ..client.calls import every_call
from . import role_mapping as role_mapping
from . import what_if as what_if
from .access import effective_memberships, losing_access
from .attributes import attribute_coverage, attribute_status, group_by_attribute, state_by_group
from .diff import diff_groups, diff_memberships, diff_users
from .graph import group_graph
from .overlap import group_overlap, overlap_matrix
from .role_files import read_mapping, write_mapping
from .role_mapping import RoleMapping
from .sizes import group_sizes, groups_per_user, membership_matrix, users_without_group

__all__ = [
    "RoleMapping",
    "attribute_coverage",
    "attribute_status",
    "diff_groups",
    "diff_memberships",
    "diff_users",
    "effective_memberships",
    "group_by_attribute",
    "group_graph",
    "group_overlap",
    "group_sizes",
    "groups_per_user",
    "losing_access",
    "membership_matrix",
    "overlap_matrix",
    "read_mapping",
    "state_by_group",
    "users_without_group",
    "write_mapping",
]

every_call(__name__)
