"""People of export files as a world: one organization with one directory, as its provider would fill it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from ...directory import create, provider_traits
from ...directory.refusal import Invalid
from ..worlds import DirectoryPlan, OrganizationPlan, World

if TYPE_CHECKING:
    from .people import People

__all__ = ["world_of"]

AGE = 30  # days since the directory was made


def world_of(people: People, *, provider: str | None = None, company: str | None = None) -> World:
    """Return a world in which these people are the users of one directory.

    Who is off or not yet on at the provider is not sent, as providers do; attributes that it never sends stay
    empty. Both are said in ``people.notices``.

    Parameters
    ----------
    people
        What :func:`read_people` found.
    provider
        Type of the directory, in the API's words. Default: what the form of the files says, else Okta.
    company
        Name of the organization. Default: made from the domain that most people have.

    Raises
    ------
    Invalid
        There is no such provider.
    """
    provider = provider or people.provider or "okta scim v2.0"
    if provider not in create.TYPES:
        raise Invalid(f"provider must be one of {', '.join(create.TYPES)}; got {provider!r}")
    addresses = [str(user["email"]).lower() for user in people.users.values() if user["email"]]
    domains = Counter(address.rpartition("@")[2] for address in addresses)
    domain = domains.most_common(1)[0][0] if domains else "customer.example"
    name = company or domain.partition(".")[0].replace("-", " ").title()
    group_names = _unique_names(people.groups)
    memberships: dict[str, list[str]] = {}
    for user_key, group_id in sorted(people.members):
        memberships.setdefault(user_key, []).append(group_names[group_id])
    never = provider_traits.unsupported(provider)
    sent = {key: user for key, user in people.users.items() if user["status"] in ("on", "unknown")}
    _tell_left_out(people, provider, never)
    users = tuple(
        json.dumps(
            {
                "idp_id": user_key,
                **{field: user[field] for field in ("email", "first_name", "last_name")},
                "custom_attributes": {k: v for k, v in user["custom_attributes"].items() if k not in never},
                "groups": memberships.get(user_key, []),
            }
        )
        for user_key, user in sent.items()
    )
    directory = DirectoryPlan(
        key="people", organization="people", type=provider, name=f"{name} directory", state="linked", people=0,
        age=AGE, domain=domain, departments=0, locations=0,
        groups=tuple((group, None) for group in group_names.values()), users=users,
    )  # fmt: skip
    return World((OrganizationPlan("people", name, tuple(domains)[:10]),), (directory,))


def _unique_names(groups: dict[str, str]) -> dict[str, str]:
    """Return names by id, with the id behind those that several groups have."""
    counts = Counter(groups.values())
    return {
        group_id: name if counts[name] == 1 else f"{name} ({group_id})" for group_id, name in groups.items()
    }


def _tell_left_out(people: People, provider: str, never: frozenset[str]) -> None:
    words = Counter(user["status"] for user in people.users.values())
    for status, told in (("off", "are off at the provider"), ("not_yet", "are not yet on at the provider")):
        if words[status]:
            people.notices.append(f"{words[status]:,} people {told} and are not sent")
    if words["unknown"]:
        people.notices.append(f"{words['unknown']:,} people have a state in an unknown word: sent as active")
    filled = {name for user in people.users.values() for name in user["custom_attributes"]}
    if lost := sorted(filled & never):
        people.notices.append(f"{provider} never sends {', '.join(lost)}: left out")
