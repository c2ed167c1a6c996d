"""Create organizations and directories: rows that everything else hangs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import clock, objects, provider_traits
from .ids import make_id
from .refusal import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .store import Store

TYPES: tuple[str, ...] = tuple(provider_traits.FACTS["types"])
"""The types a directory can have, from the specification."""

PROVIDERS: dict[str, str] = provider_traits.FACTS["words"]
"""Types by the words people say."""


def provider_type(word: str) -> str:
    """Return the type of directory that a word means, or that it is; Invalid names the words there are."""
    spoken = str(word).strip().casefold().removesuffix(" id")
    kind = PROVIDERS.get(spoken, str(word).strip().casefold())
    if kind not in TYPES:
        raise Invalid(
            f"provider must be one of {', '.join(PROVIDERS)}, or a type in the API's words "
            f"({', '.join(TYPES)}); got {word!r}"
        )
    return kind


def add_organization(
    store: Store,
    seed: int,
    *,
    name: str,
    domains: Iterable[str] = (),
    external_id: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Store an organization made now; return its id."""
    named, stamps = store.now - store.shift, dict.fromkeys(("created_at", "updated_at"), clock.iso(store.now))
    organization_id = make_id("org", named, seed, store.next_number())
    verified = [
        {
            "object": "organization_domain",
            "id": make_id("org_domain", named, seed, store.next_number()),
            "organization_id": organization_id,
            "domain": domain,
            "state": "verified",
            "verification_strategy": "dns",
            **stamps,
        }
        for domain in domains
    ]
    organization = {
        "object": "organization",
        "id": organization_id,
        "name": name,
        "allow_profiles_outside_organization": False,
        "domains": verified,
        "metadata": dict(metadata or {}),
        "external_id": external_id,
        **stamps,
    }
    named_domains = [(one["domain"], one["id"]) for one in verified]
    store.organizations.add(organization, store.now, named_domains, objects.text(organization))
    return organization_id


def add_directory(
    store: Store,
    seed: int,
    created: int,
    *,
    type: str,  # noqa: A002 (the API's own word)
    **columns: str | None,
) -> str:
    """Store an empty directory of an organization, with name, state and domain; return its id."""
    directory_id = make_id("directory", created - store.shift, seed, store.next_number())
    key, has_roles = directory_id[-16:].swapcase(), int(provider_traits.has_roles(type))
    store.directories.add(
        id=directory_id, created_at=created, type=type, external_key=key, has_roles=has_roles, **columns
    )
    return directory_id
