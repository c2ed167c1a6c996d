"""Settings from environment variables. The API key is not among them: only the SDK reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

InactiveUsers = Literal["delete", "keep"]


class ConfigError(ValueError):
    """A variable that cannot be right."""


@dataclass(frozen=True)
class Config:
    """What may be set. Secrets stay out of its repr."""

    database_url: str = field(default="sqlite:///directory.db", repr=False)
    inactive_users: InactiveUsers = "delete"
    poll_seconds: float = 30.0
    reconcile_hours: float = 6.0
    users_per_second: float = 4.0  # WorkOS's limit for each directory
    webhook_secret: str = field(default="", repr=False)
    webhook_port: int = 8080

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Config:
        """Read the variables; blank ones count as not set."""
        given = {name: value.strip() for name, value in variables.items() if value.strip()}
        if "WORKOS_API_KEY" not in given:
            raise ConfigError("WORKOS_API_KEY is not set")
        policy = given.get("INACTIVE_USERS", cls.inactive_users)
        if policy not in ("delete", "keep"):
            raise ConfigError("INACTIVE_USERS must be delete or keep")
        return cls(
            database_url=given.get("DATABASE_URL", "sqlite:///directory.db"),
            inactive_users=cast(InactiveUsers, policy),
            poll_seconds=_positive(given, "POLL_SECONDS", cls.poll_seconds),
            reconcile_hours=_positive(given, "RECONCILE_HOURS", cls.reconcile_hours),
            users_per_second=_positive(given, "USERS_PER_SECOND", cls.users_per_second),
            webhook_secret=given.get("WEBHOOK_SECRET", ""),
            webhook_port=int(_positive(given, "WEBHOOK_PORT", cls.webhook_port)),
        )


def _positive(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(given.get(name, default))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ConfigError(f"{name} must be a number above 0")
    return value
