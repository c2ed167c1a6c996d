"""Columns of a flat table, such as a CSV a provider exports, as the SCIM fields they stand for.

What is not understood is named, never guessed: no row is judged by a column that was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...frames.tools import rows_frame

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
COLUMN_COLUMNS = {"read_as": "str", "understood": "bool"}

# Without case, spaces and signs.
_FIELDS = {
    "userName": "login user userprincipalname",
    "emails.value": "email emailaddress emailsvalue mail primaryemail workemail",
    "name.givenName": "firstname givenname",
    "name.familyName": "lastname familyname surname",
    "title": "jobtitle",
    "externalId": "objectid oktaid",
    f"{ENTERPRISE}.department": "department",
    f"{ENTERPRISE}.division": "division",
    f"{ENTERPRISE}.organization": "organization",
    f"{ENTERPRISE}.costCenter": "costcenter",
    f"{ENTERPRISE}.employeeNumber": "employeenumber employeeid",
}
SYNONYMS = {word: field for field, words in _FIELDS.items() for word in words.split()}


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
    return rows_frame([(field, field is not None) for field in columns.values()], COLUMN_COLUMNS, index)
