"""People of export files as a world: one organization with one directory, as its provider would fill it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from ...directory import create, provider_traits
from ..worlds import ArrivalPlan, OrganizationPlan, World
from .arrival import arrive, told

if TYPE_CHECKING:
    from .people import People

__all__ = ["world_of"]

AGE, OLD = 7, 100  # days since the directory was made: OLD is past the retention of events
ANNOUNCED = 5_000  # people whose first sync is among the events


def world_of(people: People, *, provider: str | None = None, company: str | None = None) -> World:
    """Return a world in which these people are the users of one directory.

    They arrive as that provider sends them, see ``arrival``: who is off or not yet on is not sent, attributes
    that it never sends stay empty, and what the SCIM door refuses is refused. All is said in
    ``people.notices``. Of 5,000 people or fewer the first sync, a week ago, is among the events; more are
    there since longer than events are kept.

    Parameters
    ----------
    people
        What :func:`read_people` found.
    provider
        Type of the directory: ``okta``, ``entra`` ... or in the API's words. Default: what the form of the
        files says, else Okta.
    company
        Name of the organization. Default: made from the domain that most people have.

    Raises
    ------
    Invalid
        There is no such provider.
    """
    provider = create.provider_type(provider or people.provider or "okta")
    addresses = [str(user["email"]).lower() for user in people.users.values() if user["email"]]
    domains = Counter(address.rpartition("@")[2] for address in addresses)
    domain = domains.most_common(1)[0][0] if domains else "customer.example"
    name = company or domain.partition(".")[0].replace("-", " ").title()
    group_names = _unique_names(people.groups)
    memberships: dict[str, list[str]] = {}
    for user_key, group_id in sorted(people.members):
        memberships.setdefault(user_key, []).append(group_names[group_id])
    sent = {key: user for key, user in people.users.items() if user["status"] in ("on", "unknown")}
    arrivals = arrive(sent, provider)
    _tell_left_out(people, provider)
    people.notices += told(arrivals, sent, provider)
    few = len(sent) <= ANNOUNCED
    directory = ArrivalPlan(
        key="people", organization="people", type=provider, name=f"{name} directory", state="linked", people=0,
        age=AGE if few else OLD, domain=domain, departments=0, locations=0,
        groups=tuple((group, None) for group in group_names.values()),
        users=tuple(
            json.dumps([fields, memberships.get(key, [])], ensure_ascii=False)
            for key, fields in arrivals.users.items()
        ),
        waiting=tuple(json.dumps(one, ensure_ascii=False) for one in arrivals.waiting),
    )  # fmt: skip
    return World((OrganizationPlan("people", name, tuple(domains)[:10]),), (directory,))


def _unique_names(groups: dict[str, str]) -> dict[str, str]:
    """Return names by id, with the id behind those that several groups have."""
    counts = Counter(groups.values())
    return {
        group_id: name if counts[name] == 1 else f"{name} ({group_id})" for group_id, name in groups.items()
    }


def _tell_left_out(people: People, provider: str) -> None:
    words = Counter(user["status"] for user in people.users.values())
    for status, state in (("off", "off"), ("not_yet", "not yet on")):
        if words[status]:
            people.notices.append(f"{words[status]:,} people are {state} at the provider and are not sent")
    if words["unknown"]:
        people.notices.append(f"{words['unknown']:,} people have a state in an unknown word: sent as active")
    filled = {name for user in people.users.values() for name in user["custom_attributes"]}
    if lost := sorted(filled & provider_traits.unsupported(provider)):
        people.notices.append(f"{provider} never sends {', '.join(lost)}: left out")
