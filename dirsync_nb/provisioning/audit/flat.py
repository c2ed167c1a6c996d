"""Columns of a flat table, such as a CSV a provider exports, as the SCIM fields they stand for.

What is not understood is named, never guessed: no row is judged by a column that was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

__all__ = ["COLUMN_COLUMNS", "columns_frame", "read_as", "set_field"]

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
COLUMN_COLUMNS = {"read_as": "str", "understood": "bool"}

# Without case, spaces and signs.
SYNONYMS = {
    "login": "userName",
    "user": "userName",
    "userprincipalname": "userName",
    "email": "emails.value",
    "emailaddress": "emails.value",
    "emailsvalue": "emails.value",
    "mail": "emails.value",
    "primaryemail": "emails.value",
    "workemail": "emails.value",
    "firstname": "name.givenName",
    "givenname": "name.givenName",
    "lastname": "name.familyName",
    "familyname": "name.familyName",
    "surname": "name.familyName",
    "jobtitle": "title",
    "objectid": "externalId",
    "oktaid": "externalId",
    "department": f"{ENTERPRISE}.department",
    "division": f"{ENTERPRISE}.division",
    "organization": f"{ENTERPRISE}.organization",
    "costcenter": f"{ENTERPRISE}.costCenter",
    "employeenumber": f"{ENTERPRISE}.employeeNumber",
    "employeeid": f"{ENTERPRISE}.employeeNumber",
}


def read_as(column: str, known: Mapping[str, Any], own: Iterable[str]) -> str | None:
    """Return the SCIM field a column stands for (``userName``, ``name.givenName``), or None."""
    lower = column.strip().lower()
    if lower in own or lower == ENTERPRISE.lower():
        return column
    if lower in known:
        return str(known[lower].name)
    first, _, rest = lower.partition(".")
    if first == "name" and known.get("name") and rest in known["name"].inside:
        return f"name.{known['name'].inside[rest].name}"
    if lower.startswith(ENTERPRISE.lower()):
        lower = lower[len(ENTERPRISE) :].lstrip(".:")
    plain = re.sub(r"[^a-z]", "", re.sub(r"\[\d+\]|\.\d+\.", "", lower))
    names = {re.sub(r"[^a-z]", "", name): str(field.name) for name, field in known.items()}
    return SYNONYMS.get(plain) or names.get(plain)


def set_field(row: dict[str, Any], field: str, value: Any) -> None:
    """Put the value of one column where SCIM has it; of several columns for one field the first counts."""
    if field == "emails.value":
        row.setdefault("emails", [{"value": value, "type": "work", "primary": True}])
        return
    outer, _, inner = field.rpartition(".")
    if outer in ("name", ENTERPRISE):
        held = row.setdefault(outer, {})
        if isinstance(held, dict):
            held.setdefault(inner, value)
        return
    row.setdefault(field, value)


def columns_frame(columns: Mapping[str, str | None]) -> pd.DataFrame:
    """Return one row a column: the field it was read as, and whether it was understood."""
    index = pd.Index(list(columns), dtype="str", name="column")
    frame = pd.DataFrame(
        {"read_as": list(columns.values()), "understood": [field is not None for field in columns.values()]},
        index=index,
    )
    return frame.astype(COLUMN_COLUMNS)
