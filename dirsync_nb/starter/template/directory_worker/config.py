"""Settings from environment variables. The API key is not among them: only the SDK reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

InactiveUsers = Literal["delete", "keep"]
LocalAccounts = Literal["keep", "off"]


class ConfigError(ValueError):
    """A variable that cannot be right."""


@dataclass(frozen=True)
class Config:
    """What may be set. Secrets stay out of its repr."""

    database_url: str = field(default="sqlite:///directory.db", repr=False)
    inactive_users: InactiveUsers = "delete"
    grace_days: float = 0.0  # how long who left stays ``retained``; 0: as ``inactive_users`` says
    app_database_url: str = field(default="", repr=False)  # of your own table, see mapping.py
    local_accounts: LocalAccounts = "keep"  # rows of your table that no directory ever gave an id
    guard_share: float = 0.5  # of the people who are on in your table, at most so many are switched off
    confirm_off: int | None = None  # the exact number that may be, once you have looked
    poll_seconds: float = 30.0
    reconcile_hours: float = 6.0
    users_per_second: float = 4.0  # WorkOS's limit for each directory
    webhook_secret: str = field(default="", repr=False)
    webhook_port: int = 8080
    serves: bool = False  # whether it listens: where a secret or a port is set
    healthy_minutes: float = 15.0  # how old the last good turn may be

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Config:
        """Read the variables; blank ones count as not set."""
        given = {name: value.strip() for name, value in variables.items() if value.strip()}
        if "WORKOS_API_KEY" not in given:
            raise ConfigError("WORKOS_API_KEY is not set")
        confirmed = given.get("CONFIRM_OFF")
        if confirmed is not None and not confirmed.isdecimal():
            raise ConfigError("CONFIRM_OFF must be a whole number")
        return cls(
            database_url=given.get("DATABASE_URL", "sqlite:///directory.db"),
            inactive_users=cast(InactiveUsers, _one_of(given, "INACTIVE_USERS", ("delete", "keep"))),
            grace_days=_number(given, "GRACE_DAYS", cls.grace_days),
            app_database_url=given.get("APP_DATABASE_URL", ""),
            local_accounts=cast(LocalAccounts, _one_of(given, "LOCAL_ACCOUNTS", ("keep", "off"))),
            guard_share=_number(given, "GUARD_SHARE", cls.guard_share, most=1.0),
            confirm_off=None if confirmed is None else int(confirmed),
            poll_seconds=_positive(given, "POLL_SECONDS", cls.poll_seconds),
            reconcile_hours=_positive(given, "RECONCILE_HOURS", cls.reconcile_hours),
            users_per_second=_positive(given, "USERS_PER_SECOND", cls.users_per_second),
            webhook_secret=given.get("WEBHOOK_SECRET", ""),
            webhook_port=int(_positive(given, "WEBHOOK_PORT", cls.webhook_port)),
            serves=bool(given.keys() & {"WEBHOOK_SECRET", "WEBHOOK_PORT"}),
            healthy_minutes=_positive(given, "HEALTHY_MINUTES", cls.healthy_minutes),
        )


def _one_of(given: Mapping[str, str], name: str, words: tuple[str, ...]) -> str:
    if (word := given.get(name, words[0])) not in words:
        raise ConfigError(f"{name} must be {' or '.join(words)}")
    return word


def _number(given: Mapping[str, str], name: str, default: float, most: float = 36_500.0) -> float:
    value = _read(given, name, default)
    if not 0 <= value <= most:
        raise ConfigError(f"{name} must be a number from 0 to {most:g}")
    return value


def _positive(given: Mapping[str, str], name: str, default: float) -> float:
    value = _read(given, name, default)
    if not 0 < value < float("inf"):
        raise ConfigError(f"{name} must be a number above 0")
    return value


def _read(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(given.get(name, default))
    except ValueError:
        return -1.0
