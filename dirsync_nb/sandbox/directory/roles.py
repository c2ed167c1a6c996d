"""How a user's roles follow from the groups they are in.

Only a mapping of a directory group to a role counts. An organization follows the ranking of the environment
until it has a role of its own, and from then on one of its own, with a default of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from . import clock, objects
from .ids import make_id
from .refusal import Invalid
from .store.roles import Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .store import Store

RoleMode = Literal["multiple", "single"]
DefaultMappings = Literal["last", "ranked"]
"""What a group counts for that is mapped to no role. The documentation calls it a default mapping, to the
default role: "last" lets it count only where no group is mapped, "ranked" lets it compete by its rank."""

_BUILT_IN = (
    ("admin", "Admin", "Everything, and who may do what", ("users:manage", "billing:manage", "logs:read")),
    ("auditor", "Auditor", "Reads what happened", ("logs:read",)),
    ("member", "Member", None, ()),
)


def settled(
    mapped: Sequence[str],
    ranking: Ranking,
    mode: RoleMode,
    *,
    unmapped: bool = False,
    default_mappings: DefaultMappings = "last",
) -> list[str]:
    """Return the roles of a user, the highest first, from those that the groups are ``mapped`` to.

    ``unmapped`` says whether there is a group that is mapped to none.
    """
    explicit = [slug for slug in ranking.order if slug in mapped]
    if mode == "multiple" or not explicit:
        return explicit or [ranking.default]
    competing = {*explicit, ranking.default} if unmapped and default_mappings == "ranked" else set(explicit)
    return [next(slug for slug in ranking.order if slug in competing)]


def add_built_in(store: Store, seed: int) -> None:
    """Define the roles that every environment here has: admin, auditor and member, which is the default."""
    for slug, name, description, permissions in _BUILT_IN:
        define(store, seed, slug, name=name, description=description, permissions=permissions)
    store.roles.set_ranking("", Ranking([slug for slug, *_ in _BUILT_IN], "member"))


def define(
    store: Store,
    seed: int,
    slug: str,
    *,
    name: str,
    description: str | None = None,
    permissions: Sequence[str] = (),
    organization_id: str = "",
) -> None:
    """Store a role. It ranks lowest, in every organization that has a ranking of its own too."""
    known = {one["slug"] for scope in ("", organization_id) for one in store.roles.of(scope)}
    if slug in known:
        raise Invalid(f"there is a role {slug!r} already")
    if organization_id and not slug.startswith("org-"):
        raise Invalid(f"the slug of a role of one organization begins with org-; got {slug!r}")
    now = clock.iso(store.now)
    role = {
        "object": "role",
        "id": make_id("role", store.now - store.shift, seed, f"{organization_id}/{slug}"),
        "slug": slug,
        "name": name,
        "description": description,
        "type": "OrganizationRole" if organization_id else "EnvironmentRole",
        "resource_type_slug": "organization",
        "permissions": list(permissions),
        "created_at": now,
        "updated_at": now,
    }
    scopes = [organization_id] if organization_id else ["", *store.roles.organizations()]
    rankings = {scope: store.roles.ranking(scope) for scope in scopes}
    store.roles.add(organization_id, slug, objects.text(role))
    for scope, ranking in rankings.items():
        store.roles.set_ranking(scope, Ranking([*ranking.order, slug], ranking.default))
