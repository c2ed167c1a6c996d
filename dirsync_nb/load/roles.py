"""Roles, who has them in AuthKit, and the WorkOS groups that give some.

What stands here explains the ``role`` of an organization membership, and names the roles there are. Which
directory group gives which role, and which role outranks which, cannot be read: :mod:`dirsync_nb.what_if` takes
them from whoever knows.

WorkOS groups and directory groups are two things. A directory group comes from the provider and holds directory
users; a WorkOS group is made in the dashboard and holds organization memberships. Neither feeds the other, so
their ids and frames have names of their own here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, Receipt, needs_client
from ..client.endpoints import filters_of
from ..frames import MEMBERSHIP_STATUSES
from .lists import load_list


@needs_client
@filters_of("organization_roles")
def load_roles(
    client: DirectoryClient, organization_id: Any = None, *, resume: Receipt | None = None
) -> pd.DataFrame:
    """Load the definitions of roles, one row each: those of the environment, or all of one organization.

    The service tells neither their priority nor which one is the default, nor which directory groups are
    mapped to them.

    Parameters
    ----------
    organization_id
        With it, the roles that apply to this organization, its custom roles too.
    resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``role_id``, columns ``dirsync_nb.frames.ROLE_COLUMNS``. ``slug`` is what the ``role``
        of users holds.

    Raises
    ------
    NotFound
        No such organization in this environment.
    LoadError
        The load broke.

    Examples
    --------
    >>> ds.load_roles(client)["slug"].tolist()
    ['admin', 'auditor', 'member']
    """
    if organization_id is None:
        return load_list(client.context, "roles", {}, resume=resume)
    filters = {"organization_id": organization_id}
    return load_list(client.context, "organization_roles", filters, resume=resume)


@needs_client
@filters_of("organization_memberships")
def load_organization_memberships(
    client: DirectoryClient,
    organization_id: Any = None,
    *,
    authkit_user_id: Any = None,
    statuses: str | Iterable[str] = MEMBERSHIP_STATUSES,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load organization memberships (AuthKit users in an organization), one row each, oldest first.

    No id leads from one to a directory user: join on the organization and the address, knowing that the address
    here stays when the directory's changes.

    Parameters
    ----------
    organization_id
        Of this organization. It or ``authkit_user_id`` is needed.
    authkit_user_id
        Of this AuthKit user (``user_...``), who is no directory user.
    statuses
        Those with any of these. The service alone would give active ones only; here all are the default.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``organization_membership_id``, columns ``dirsync_nb.frames.ORGANIZATION_MEMBERSHIP_COLUMNS``.

    Raises
    ------
    ArgumentError
        A filter that is missing, or that cannot be right.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> company = directories["organization_id"].iloc[0]
    >>> people = ds.load_organization_memberships(client, company, statuses="active")
    >>> people["directory_managed"].value_counts()[False].item()
    1
    """
    filters = {"organization_id": organization_id, "authkit_user_id": authkit_user_id, "statuses": statuses}
    return load_list(client.context, "organization_memberships", filters, (limit, before, after), order, resume)


@needs_client
@filters_of("role_assignments")
def load_role_assignments(
    client: DirectoryClient,
    organization_membership_id: Any = None,
    *,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load the roles of one organization membership, one row each, with where each comes from.

    ``source`` is ``direct`` or ``group``, a WorkOS group. The service has no word for a role that a directory
    or single sign-on gave.

    Parameters
    ----------
    organization_membership_id
        The membership: an id, a record, or a row of :func:`load_organization_memberships`.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``role_assignment_id``, columns ``dirsync_nb.frames.ROLE_ASSIGNMENT_COLUMNS``.

    Raises
    ------
    NotFound
        No such membership in this environment.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> person = ds.load_organization_memberships(client, directories["organization_id"].iloc[0], limit=1)
    >>> ds.load_role_assignments(client, person.index[0])["source"].tolist()
    ['group']
    """
    filters = {"organization_membership_id": organization_membership_id}
    return load_list(client.context, "role_assignments", filters, (limit, before, after), order, resume)


@needs_client
@filters_of("group_role_assignments")
def load_group_role_assignments(
    client: DirectoryClient,
    workos_group_id: Any = None,
    *,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load the roles that a WorkOS group gives its members, one row each.

    Parameters
    ----------
    workos_group_id
        The WorkOS group: an id, a record, or a row of :func:`load_workos_groups`. A directory group has none of
        these: what it gives is a mapping, which cannot be read.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``group_role_assignment_id``, columns ``dirsync_nb.frames.GROUP_ROLE_ASSIGNMENT_COLUMNS``.

    Raises
    ------
    NotFound
        No such WorkOS group in this environment.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> theirs = ds.load_workos_groups(client, directories["organization_id"].iloc[0], search="billing")
    >>> ds.load_group_role_assignments(client, theirs.index[0])["role"].tolist()
    ['auditor']
    """
    filters = {"workos_group_id": workos_group_id}
    return load_list(client.context, "group_role_assignments", filters, (limit, before, after), order, resume)


@needs_client
@filters_of("workos_groups")
def load_workos_groups(
    client: DirectoryClient,
    organization_id: Any = None,
    *,
    search: str | None = None,
    organization_membership_id: Any = None,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load WorkOS groups, one row each, oldest first. They are no directory groups: see :func:`load_groups`.

    Parameters
    ----------
    organization_id
        Of this organization.
    search
        Only those whose name contains this text.
    organization_membership_id
        In place of the organization: those that this membership is in.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        Index ``workos_group_id``, columns ``dirsync_nb.frames.WORKOS_GROUP_COLUMNS``.

    Raises
    ------
    ArgumentError
        Neither an organization nor a membership, or both.
    NotFound
        No such organization or membership in this environment.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> ds.load_workos_groups(client, directories["organization_id"].iloc[0])["name"].tolist()
    ['Launch Partners', 'Billing Contacts']
    """
    kind, filters = "workos_groups", {"organization_id": organization_id, "search": search}
    if organization_membership_id is not None:
        if organization_id is not None or search is not None:
            raise errors.ArgumentError("organization_membership_id stands alone: its groups are all it names")
        kind, filters = "workos_groups_of_member", {"organization_membership_id": organization_membership_id}
    return load_list(client.context, kind, filters, (limit, before, after), order, resume)


@needs_client
@filters_of("workos_group_members")
def load_workos_group_members(
    client: DirectoryClient,
    organization_id: Any = None,
    workos_group_id: Any = None,
    *,
    limit: int | None = None,
    before: Any = None,
    after: Any = None,
    order: str = "asc",
    resume: Receipt | None = None,
) -> pd.DataFrame:
    """Load the members of a WorkOS group, one row each: organization memberships, and no directory users.

    Parameters
    ----------
    organization_id, workos_group_id
        The organization and its WorkOS group; both are needed.
    limit, before, after, order, resume
        As in :func:`load_organizations`.

    Returns
    -------
    pandas.DataFrame
        As :func:`load_organization_memberships`. ``role`` is missing and ``roles`` empty: the service
        leaves them out here.

    Raises
    ------
    NotFound
        No such organization, or no such WorkOS group in it.
    LoadError
        The load broke; the rows read are on the receipt.

    Examples
    --------
    >>> company = directories["organization_id"].iloc[0]
    >>> group = ds.load_workos_groups(client, company).iloc[0]
    >>> members = ds.load_workos_group_members(client, company, group)
    >>> members.index.name
    'organization_membership_id'
    """
    if organization_id is None or workos_group_id is None:
        raise errors.ArgumentError("members of a WorkOS group need both organization_id and workos_group_id")
    filters = {"organization_id": organization_id, "workos_group_id": workos_group_id}
    return load_list(client.context, "workos_group_members", filters, (limit, before, after), order, resume)
