"""People of export files as a world: one organization with one directory, as its provider would fill it.

They are written through the SCIM door, or come as a poll finds them. What the door refuses is refused here, in
its words; who has no usable address waits unseen, as there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...directory import create, provider_traits
from ...directory.attributes import PREDEFINED
from ...providers.polled import HrSystem
from ...scim import mapping
from ...scim.urns import ENTERPRISE, USER
from ..worlds import ArrivalPlan, OrganizationPlan, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...directory.objects import Object
    from .people import People

AGE, OLD = 7, 100  # days since the directory was made: OLD is past the retention of events
ANNOUNCED = 5_000  # people whose first sync is among the events

MAPPED_BY_HAND = {"azure scim v2.0": ("cost_center_name", "division_name", "employee_type", "manager_name")}
"""What a provider sends only where an admin mapped it: Entra ID, under Provisioning, Mappings."""

_INVENTED_IDS = ("okta", "azure", "gsuite")  # providers whose ids stand in no file that lacks them


def world_of(people: People, *, provider: str | None = None, company: str | None = None) -> World:
    """Return a world in which these people are the users of one directory.

    They arrive as that provider sends them: who is off or not yet on is not sent, attributes
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


# -- arriving ------------------------------------------------------------------------------------------------


@dataclass
class Arrivals:
    """Who arrives: fields of directory users by the key of a person, who waits, and who is refused."""

    users: dict[str, Object] = field(default_factory=dict)
    waiting: list[Object] = field(default_factory=list)
    nameless: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    invented_ids: int = 0


def arrive(people: Mapping[str, Object], provider: str) -> Arrivals:
    """Return what becomes of people at the door of a provider, in the order of the file."""
    found = Arrivals()
    names: set[str] = set()
    addresses: set[str] = set()
    scim = "scim" in provider
    for number, (key, person) in enumerate(people.items()):
        idp_id = person["idp_id"]
        if idp_id is None and provider.startswith(_INVENTED_IDS):
            idp_id = provider_traits.user_idp_id(provider, number)
            found.invented_ids += 1
        if not scim:
            number_there = person["custom_attributes"].get("employee_number")
            found.users[key] = _polled(person, idp_id or number_there or key, provider)
            continue
        resource = user_resource(person, idp_id, provider)
        if not resource["userName"]:
            found.refused.append((key, "Required attributes missing: userName is required."))
        elif (name := resource["userName"].casefold()) in names:
            found.refused.append((key, f"Another user has the userName {resource['userName']!r}."))
        elif not mapping.emails(resource):
            names.add(name)
            found.waiting.append(resource)
        else:
            fields = mapping.user_fields(resource)
            address = (fields["email"] or "").casefold()
            if address and address in addresses:
                found.refused.append((key, f"Another active user has the e-mail {fields['email']!r}."))
                continue
            names.add(name)
            addresses.add(address)
            found.nameless += not (fields["first_name"] and fields["last_name"])
            fields["custom_attributes"] |= person["mapped"]
            found.users[key] = fields
    return found


def user_resource(person: Object, idp_id: str | None, provider: str) -> Object:
    """Return the SCIM resource by which a provider writes somebody."""
    attributes = person["custom_attributes"]
    name = {"givenName": person["first_name"], "familyName": person["last_name"]}
    shown = attributes.get("display_name") or " ".join(filter(None, name.values()))
    manager = {
        "value": attributes.get("manager_email") or attributes.get("manager_id"),
        "displayName": attributes.get("manager_name"),
    }
    if provider.startswith("azure"):  # which sends the id of the manager and nothing beside it
        manager = {"value": attributes.get("manager_id") or attributes.get("manager_email")}
    plain = {
        "externalId": idp_id,
        "name": _filled(name),
        "displayName": shown,
        "title": attributes.get("job_title"),
        "userType": attributes.get("employee_type"),
        "emails": _emails(person, provider),
        "addresses": [mapping.written_place(one) for one in attributes.get("addresses") or []],
        ENTERPRISE: mapping.enterprise(attributes, manager),
    }
    written = _filled(plain)
    schemas = [USER, ENTERPRISE] if ENTERPRISE in written else [USER]
    return {"schemas": schemas, "userName": attributes.get("username") or person["email"] or "", **written}


def _emails(person: Object, provider: str) -> list[Object]:
    """Return the addresses a provider sends: Okta and Entra ID the primary one alone."""
    entries = person["custom_attributes"].get("emails") or []
    if person["email"] is None or (provider.startswith("azure") and not person["mail"]):
        return []  # Entra ID takes the address from Exchange, and not from the user name
    return entries[:1] if provider.startswith(("okta", "azure")) else entries


def _polled(person: Object, idp_id: str, provider: str) -> Object:
    """Return the fields of somebody whom a poll finds: every predefined attribute, those never sent null."""
    attributes = person["custom_attributes"]
    if provider == "gsuite directory":
        names = (person["first_name"], person["last_name"])
        shown = attributes.get("display_name") or " ".join(filter(None, names))
        given = {**attributes, "display_name": shown or None, "username": person["email"]}
    else:
        row = {
            **attributes,
            "employee_id": idp_id,
            "first_name": person["first_name"],
            "last_name": person["last_name"],
            "primary_work_email": person["email"],
            "user_name": attributes.get("username"),
        }
        given = HrSystem([row]).roster().users[idp_id]["custom_attributes"]
        given |= {name: attributes.get(name) for name in ("addresses", "employee_number")}
        given["employment_start_date"] = _as_time(given["employment_start_date"])
    never = provider_traits.unsupported(provider)
    every: dict[str, Any] = {**dict.fromkeys(PREDEFINED), **given}
    return {
        "email": person["email"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "idp_id": idp_id,
        "custom_attributes": {name: None if name in never else value for name, value in every.items()}
        | person["mapped"],
    }


def _as_time(date: str | None) -> str | None:
    return f"{date}T00:00:00.000Z" if date and re.fullmatch(r"\d{4}-\d\d-\d\d", date) else date


def _filled(given: Mapping[str, Any]) -> Object:
    return {name: value for name, value in given.items() if value}


def told(found: Arrivals, people: Mapping[str, Object], provider: str) -> Iterable[str]:
    """Yield a sentence for each thing of an arrival that a reader should know."""
    if found.invented_ids:
        yield f"{found.invented_ids:,} people have no id in the file: invented ones in {provider}'s form"
    for key, why in found.refused[:_TOLD]:
        yield f"{people[key]['row']} ({key}): refused as the SCIM door refuses it: {why}"
    if (more := len(found.refused) - _TOLD) > 0:
        yield f"and {more:,} more are refused so"
    if found.waiting:
        yield (
            f"{len(found.waiting):,} people have no usable address and wait unseen, as at WorkOS: "
            "Required attributes missing: emails"
        )
    if found.nameless:
        yield f"{found.nameless:,} people have no first or no last name: WorkOS notes that in its dashboard"
    filled = {name for one in people.values() for name, value in one["custom_attributes"].items() if value}
    if by_hand := [name for name in MAPPED_BY_HAND.get(provider, ()) if name in filled]:
        yield f"Entra ID sends {', '.join(by_hand)} only where an admin maps it (Provisioning, Mappings)"


_TOLD = 5
