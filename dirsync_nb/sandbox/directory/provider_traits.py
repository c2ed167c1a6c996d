"""What differs from provider to provider: the form of ids, and which attributes they never supply."""

from __future__ import annotations

import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Any

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

FACTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("facts.toml").read_text("utf-8"))
_PUSHED_NEVER = ["employment_start_date"]


def unsupported(directory_type: str) -> frozenset[str]:
    """Name the predefined attributes this type of directory never has a value for."""
    return frozenset(FACTS["never"].get(directory_type, _PUSHED_NEVER))


def is_polled(directory_type: str) -> bool:
    """Return whether WorkOS fetches from this provider every half hour, instead of being written to."""
    return "scim" not in directory_type


def has_roles(directory_type: str) -> bool:
    """Return whether groups of this provider can be mapped to roles: SCIM and Google only."""
    return "scim" in directory_type or directory_type == "gsuite directory"


def user_idp_id(directory_type: str, number: int) -> str:
    """Make a user id of the form this provider gives out."""
    if directory_type.startswith("okta"):
        return "00u" + _letters(number, 14) + "5d7"
    if directory_type.startswith("azure"):
        return _guid(number)
    if directory_type == "gsuite directory":
        return f"1{_opaque(number) % 10**20:020d}"
    if "scim" in directory_type:
        return f"usr-{number % 10**7:05d}"
    return f"{number % 10**7:05d}"  # HR systems: employee numbers, leading zeros and all


def group_idp_id(directory_type: str, name: str, number: int) -> str:
    """Make a group id of the form this provider gives out; Okta's is the name of the group."""
    if directory_type.startswith(("azure", "jump cloud")):
        return _guid(number)
    if directory_type == "gsuite directory":
        return "0" + _letters(number, 14).lower()
    return name


def _opaque(number: int) -> int:
    return int.from_bytes(blake2b(str(number).encode(), digest_size=16).digest())


def _letters(number: int, count: int) -> str:
    rest, written = _opaque(number), []
    for _ in range(count):
        rest, digit = divmod(rest, 62)
        written.append(_BASE62[digit])
    return "".join(written)


def _guid(number: int) -> str:
    digits = f"{_opaque(number):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
