"""A sandbox in a prospect's own shape: their name, their provider, as many people as they have."""

from __future__ import annotations

import re
from typing import Any

from ... import errors
from ...connect import connect_sandbox
from ...sandbox.directory import create
from ...sandbox.seeding.worlds import DirectoryPlan, OrganizationPlan, World

__all__ = ["connect_demo", "provider_name"]

NAMES = {
    "okta scim v2.0": "Okta",
    "azure scim v2.0": "Entra ID",
    "gsuite directory": "Google Workspace",
    "workday": "Workday",
    "onelogin scim v2.0": "OneLogin",
    "jump cloud scim v2.0": "JumpCloud",
    "bamboohr": "BambooHR",
    "hibob": "HiBob",
    "generic scim v2.0": "the provider",
}
MOST_PEOPLE = 1_000_000
AGE = 100  # days since the directory was made


def provider_name(kind: str) -> str:
    """Return what people call the provider of a type."""
    return NAMES.get(kind, kind.removesuffix(" scim v2.0").title())


def connect_demo(
    company: str = "Acme",
    provider: str | None = None,
    users: int = 400,
    *,
    people: Any = None,
    groups: Any = (),
    seed: int = 1,
    **options: Any,
) -> Any:
    """Connect to a sandbox in somebody's own shape, with the present as its clock.

    Parameters
    ----------
    company, provider, users
        Name, provider (``okta``, ``entra``, ``google``, ``workday`` ... or a type in the API's words; default:
        what the form of the files says, or Okta) and size.
    people, groups
        Files of an export instead of invented people, as for :func:`dirsync_nb.connect_sandbox`.
    seed
        Of the invented people.
    **options
        As for :func:`dirsync_nb.connect_sandbox`.

    Raises
    ------
    ArgumentError
        No such provider, a size that cannot be, or a file that cannot be read.

    Examples
    --------
    >>> from dirsync_nb.widgets._demo.worlds import connect_demo
    >>> client = connect_demo("Acme", "entra", 40)
    >>> ds.load_directories(client)["name"].tolist()
    ['Acme Entra ID']
    >>> client.sandbox.stop()
    """
    company = company.strip() or "Acme"
    options = {"clock": "now", "seed": seed, **options}
    if people is not None:
        return connect_sandbox(people=people, groups=groups, provider=provider, company=company, **options)
    if not 1 <= users <= MOST_PEOPLE:
        raise errors.ArgumentError(f"users must be a number from 1 to {MOST_PEOPLE:,}; got {users}")
    options["world"] = _world(company, create.provider_type(provider or "okta"), users)
    return connect_sandbox(**options)


def _world(company: str, kind: str, users: int) -> World:
    domain = re.sub(r"[^a-z0-9]+", "-", company.casefold()).strip("-") or "customer"
    directory = DirectoryPlan(
        key="demo", organization="demo", type=kind, name=f"{company} {provider_name(kind)}", state="linked",
        people=users, age=AGE, domain=f"{domain}.example", departments=min(6, 1 + users // 10),
        locations=min(3, users // 40),
    )  # fmt: skip
    return World((OrganizationPlan("demo", company, (f"{domain}.example",)),), (directory,))
