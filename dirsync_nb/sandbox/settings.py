"""What an environment is told when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from .directory import clock
from .directory.recorder import InactivePolicy, Removals
from .directory.refusal import Invalid
from .directory.roles import DefaultMappings, RoleMode
from .directory.store import FORMAT
from .scim.profiles import Profile
from .seeding import seed as seeds
from .seeding.copies import Copy

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from .seeding.worlds import World

Team = Literal["new", "legacy"]
Order = Literal["desc", "asc", "normal"]
Clock = Literal["fixed", "now"]

_CHOICES = {
    "team": Team,
    "clock": Clock,
    "inactive_policy": InactivePolicy,
    "default_order": Order,
    "scim_profile": Profile,
    "roles": RoleMode,
    "removals": Removals,
    "default_mappings": DefaultMappings,
}

_KINDS: dict[str, Any] = {
    "seed": int, "users": int | None, "limits": bool, "strict": bool, "webhook_writes": bool,
}  # fmt: skip
_SPOKEN = {int: "a whole number", int | None: "a whole number or None", bool: "True or False"}


class Options(TypedDict, total=False):
    """What ``connect_sandbox`` hands on to ``Sandbox``, named so that a type checker finds a typo."""

    port: int
    team: Team
    inactive_policy: InactivePolicy
    limits: bool
    default_order: Order
    strict: bool
    scim_profile: Profile
    world: str | os.PathLike[str] | World | Copy
    roles: RoleMode
    database: str | os.PathLike[str] | None
    webhook_writes: bool
    removals: Removals
    default_mappings: DefaultMappings
    clock: Clock
    allow_hosts: Iterable[str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """Hold what two sandboxes must agree on to begin with the same data."""

    seed: int
    users: int | None
    inactive_policy: InactivePolicy
    plan: World | Copy
    roles: RoleMode
    clock: Clock
    shift: int
    """Milliseconds by which the story is moved: not a mark, so that a kept file is reopened on any day."""

    def expected_users(self) -> int:
        """Return about how many users there will be."""
        return max(self.users or 0, self.plan.people())

    def marks(self) -> dict[str, str]:
        """Return it as text: what a kept file must agree on to be reopened."""
        own = {name: getattr(self, name) for name in ("seed", "users", "inactive_policy", "roles")}
        made_by = {"format": FORMAT, **own, "world": self.plan.digest, "clock": self.clock}
        return {key: str(value) for key, value in made_by.items()}


@dataclass(frozen=True)
class Settings:
    """Hold the settings of one environment; ``Sandbox`` says what each means."""

    seed: int = 1
    users: int | None = None
    team: Team = "new"
    inactive_policy: InactivePolicy = "delete"
    limits: bool = False
    default_order: Order = "normal"
    strict: bool = False
    scim_profile: Profile = "workos"
    world: str | os.PathLike[str] | World | Copy = "harbour"
    roles: RoleMode = "single"
    database: str | os.PathLike[str] | None = None
    webhook_writes: bool = False
    removals: Removals = "none"
    default_mappings: DefaultMappings = "last"
    clock: Clock = "fixed"

    def __post_init__(self) -> None:
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(map(repr, get_args(kind)))
                raise Invalid(f"{name} must be one of {allowed}; got {getattr(self, name)!r}")
        for name, kind in _KINDS.items():
            given = getattr(self, name)
            if not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
                raise Invalid(f"{name} must be {_SPOKEN[kind]}; got {given!r}")
        if self.users is not None and self.users < 0:
            raise Invalid(f"users must be 0 or more; got {self.users}")
        self.beginning  # noqa: B018 (a world that cannot be read is an error here)

    @property
    def policy(self) -> InactivePolicy:
        """What becomes of users who are switched off; a copy that holds such users says it for itself."""
        plan = self.plan
        return plan.inactive_policy if isinstance(plan, Copy) else self.inactive_policy

    @cached_property
    def plan(self) -> World | Copy:
        """The world, read from its file if it is in one."""
        return seeds.world_named(self.world)

    @cached_property
    def beginning(self) -> Beginning:
        """What of the settings the first data are made from."""
        plan = self.plan
        shift = clock.days_since_story() if self.clock == "now" else 0
        return Beginning(self.seed, self.users, self.policy, plan, self.roles, self.clock, shift)

    @property
    def origin(self) -> str | None:
        """The server that this is a copy of; None for a world of its own."""
        return self.plan.origin if isinstance(self.plan, Copy) else None

    @property
    def identity(self) -> str:
        """The world this is, whatever port it has: the same settings make the same ids."""
        made_by = repr([*self.beginning.marks().items(), self.team]).encode()
        return f"sandbox_{blake2b(made_by, digest_size=10).hexdigest()}"
