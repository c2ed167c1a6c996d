"""An app's own table of users, read and recognised, as the ``mapping.py`` of a generated project.

A column is recognised by its name where only one can be meant, and held against what stands in it. Nothing is
guessed: what is needed and not recognised is asked for, what is not needed is left alone and told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import errors
from ..frames import looks_like_address, near_names, one_of
from ..provisioning.app_table import table_of
from ..provisioning.database import open_app, read_table, reflect, why_read_only
from ..provisioning.script import column_facts
from ..provisioning.status import BLANK, StatusWords
from ..text import is_missing

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["ROLES", "OwnTable", "read_own_table"]

OFF_NAMES = ("disabled", "is_disabled", "inactive", "is_inactive", "suspended", "is_suspended", "deactivated")
NAMES = {
    "address": ("email", "e_mail", "mail", "email_address", "mail_address", "user_email", "work_email"),
    "idp_id": ("idp_id", "idp_user_id", "directory_idp_id"),
    "name": ("name", "full_name", "display_name"),
    "first_name": ("first_name", "given_name"),
    "last_name": ("last_name", "family_name", "surname"),
    "active": (
        *("active", "is_active", "enabled", "is_enabled", "status", "account_status", "user_status", "state"),
        *OFF_NAMES,
    ),
    "deleted_at": ("deleted_at", "removed_at", "archived_at", "deactivated_at", "disabled_at"),
    "organization": ("organization_id", "org_id", "workos_organization_id", "workos_org_id"),
}
ROLES = ("key", *NAMES)
"""What a column may be to the worker."""
KINDS = {"active": ("boolean", "integer", "text"), "deleted_at": ("time",)}  # the others hold text
NEEDED = (("address", "idp_id"), ("active", "deleted_at"))
UUID = "uuid4"  # a default of this name: each new row gets one of its own


@dataclass
class OwnTable:
    """An app's table as the worker will keep it.

    Attributes
    ----------
    roles
        The column of each role that has one.
    words
        What each value of the column ``active`` means; ``on`` and ``off`` are what is written there.
    notes
        What was not recognised and is left alone, one sentence each.
    """

    table: sa.Table
    url: str
    roles: dict[str, str]
    on: Any = None
    off: Any = None
    words: dict[Any, bool] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def source(self) -> str:
        """Return the text of ``mapping.py``."""
        wanted = dict.fromkeys([*self.roles.values(), *self.defaults])
        columns = {name: _type(self.table.c[name].type) for name in wanted}
        imports = {"Column", "MetaData", "Table", *(text.partition("(")[0] for text in columns.values())}
        given = {role: _text(self.roles[role]) for role in ROLES if role in self.roles}
        if "active" in self.roles:
            words = {_text(word): str(means) for word, means in self.words.items()}
            given |= {"on": _text(self.on), "off": _text(self.off), "words": _braced(words)}
        if self.defaults:
            given["defaults"] = _braced({_text(name): self._made(name) for name in self.defaults})
        listed = [f"    Column({_text(name)}, {kind}{self._more(name)}),\n" for name, kind in columns.items()]
        form = Path(__file__).with_name("mapping.txt").read_text("utf-8")
        return form.format(
            table=self.table.fullname,
            uuid="from uuid import uuid4\n\n" if UUID in self.defaults.values() else "",
            imports=", ".join(sorted(imports)),
            name=_text(self.table.name),
            schema=f"schema={_text(self.table.schema)}" if self.table.schema else "",
            columns="".join(listed),
            notes="".join(f"# {note}\n" for note in self.notes),
            given="".join(f"    {name}={text},\n" for name, text in given.items()),
        )

    def _made(self, name: str) -> str:
        """Return what new rows get in a column: a value, or what makes one."""
        if self.defaults[name] != UUID:
            return _text(self.defaults[name])
        is_uuid = _type(self.table.c[name].type).startswith("Uuid")
        return "lambda: uuid4()" if is_uuid else "lambda: str(uuid4())"

    def _more(self, name: str) -> str:
        column = self.table.c[name]
        return (", primary_key=True" if name == self.roles["key"] else "") + (
            "" if column.nullable or column.primary_key else ", nullable=False"
        )


def read_own_table(
    url: str,
    table: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    status_words: Mapping[Any, bool] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> OwnTable:
    """Return how an app's table says who somebody is, for a worker that keeps it; nothing is written.

    Parameters
    ----------
    url, table
        As for :func:`dirsync_nb.load_app_users`.
    columns
        By hand, the column of a role: ``{"address": "login", "active": "is_active"}``; roles are ``key``,
        ``address``, ``idp_id``, ``name``, ``first_name``, ``last_name``, ``active``, ``deleted_at``,
        ``organization``. An empty one is left alone.
    status_words
        What further values of the column ``active`` mean: ``{"on leave": True}``.
    defaults
        What new rows get in further columns: ``{"plan": "free"}``; ``"uuid4"`` is a new UUID for each.

    Raises
    ------
    ArgumentError
        Something needed was not recognised, or does not fit: no key or one that rows share, a column of another
        type, a word that is known neither as on nor as off, a column that new rows need and nobody fills.
    ConfigurationError
        The database cannot be reached, has no such table, or cannot be written.
    """
    with open_app(url, table or "the table of users") as connection:
        found = reflect(connection, table)
        frame = read_table(connection, found)
        if (why := why_read_only(connection, found)) is not None:
            raise errors.ConfigurationError(f"{found.fullname} is to be kept and cannot be written: {why}")
        shown = _shown(connection.engine.url)
    reader = _Reader(found, frame, dict(columns or {}), dict(status_words or {}), dict(defaults or {}))
    return reader.read(shown)


class _Reader:
    """Finds out what each column is."""

    def __init__(
        self,
        table: sa.Table,
        frame: pd.DataFrame,
        given: dict[str, str],
        words: dict[Any, bool],
        defaults: dict[str, Any],
    ) -> None:
        self.table, self.frame, self.given, self.words, self.defaults = table, frame, given, words, defaults
        self.facts = column_facts(table)
        self.notes: list[str] = []

    def read(self, url: str) -> OwnTable:
        """Return the table, or raise for what is missing."""
        for role, column in self.given.items():
            one_of("a role of a column", role, ROLES)
            if column and column not in self.facts:
                raise self._refusal(f"has no column {column!r}{near_names(column, self.facts)}")
        for column in self.defaults:
            one_of(f"a column of {self.table.fullname}", column, self.facts)
        roles = {"key": self._key()}
        for role in NAMES:
            if (named := self._recognised(role)) is not None:
                roles[role] = named
        for choice in NEEDED:
            if not roles.keys() & set(choice):
                raise self._asked(*choice)
        self.notes += [
            f"Left alone: {role}, which no column was recognised as (--columns {role}=COLUMN)."
            for role in ("idp_id", "organization")
            if role not in roles
            and role not in self.given
            and not any(f": {role}" in one for one in self.notes)
        ]
        own = OwnTable(self.table, url, roles, defaults=self.defaults, notes=self.notes)
        if "active" in roles:
            self._status(own)
        self._require_filled(own)
        return own

    def _refusal(self, why: str) -> errors.ArgumentError:
        return errors.ArgumentError(f"{self.table.fullname} {why}")

    def _asked(self, *roles: str) -> errors.ArgumentError:
        told = " ".join(note.removeprefix("Left alone: ") for note in self.notes)
        return self._refusal(
            f"has no column that was recognised as {' or '.join(roles)}; it has {', '.join(self.facts)}. Say "
            f"it: --columns {roles[0]}=COLUMN{f' ({told})' if told else ''}"
        )

    def _key(self) -> str:
        primary = list(self.table.primary_key.columns.keys())
        key = self.given.get("key") or (primary[0] if len(primary) == 1 else None)
        if key is None:
            what = f"a key of {len(primary)} columns" if primary else "no key"
            unique = [name for name, fact in self.facts.items() if fact["unique"]]
            hint = unique[0] if unique else "COLUMN"
            raise self._refusal(f"has {what}: say which column tells rows apart, --columns key={hint}")
        held = self.frame[key]
        if doubled := int(held.duplicated().sum()):
            raise self._refusal(f"cannot be kept by {key}: {doubled:,} rows have the {key} of another")
        if empty := int(held.isna().sum()):
            raise self._refusal(f"cannot be kept by {key}: {empty:,} rows have none")
        if _type(self.table.c[key].type) == "":
            raise self._refusal(f"has a key of type {self.table.c[key].type}, which the worker cannot hold")
        return key

    def _recognised(self, role: str) -> str | None:
        if role in self.given:
            column = self.given[role] or None
            if column is not None and (why := self._unfit(role, column)):
                raise self._refusal(f"cannot have {column} as {role}: {why}")
            return column
        named = [name for name in self.facts if _plain(name) in NAMES[role]]
        named = [name for name in named if name not in self.given.values()]
        fits = [name for name in named if not self._unfit(role, name)]
        if len(fits) == 1:
            return fits[0]
        if len(fits) > 1:
            raise self._refusal(
                f"has {len(fits)} columns that may be {role}: {', '.join(fits)}. Say which: --columns "
                f"{role}={fits[0]}, or {role}= for none"
            )
        self.notes += [
            f"Left alone: {role}, which {name} is not: {self._unfit(role, name)}." for name in named if not fits
        ]
        return None

    def _unfit(self, role: str, column: str) -> str | None:
        """Return why a column is not what its name says; None where it may be."""
        kind = self.facts[column]["kind"]
        kinds = KINDS.get(role, ("text",))
        if kind not in kinds:
            return f"it holds {kind if kind != 'other' else self.table.c[column].type} values, not {kinds[-1]}"
        held = [str(one).strip() for one in self.frame[column].dropna() if str(one).strip()]
        if role == "address" and held and sum(map(looks_like_address, held)) * 2 < len(held):
            return "most of its values are no addresses"
        if role == "organization" and not all(one.startswith("org_") for one in held):
            return "its values are no ids of WorkOS organizations (org_...)"
        return None

    def _status(self, own: OwnTable) -> None:
        """Find out what each value means, and what to write."""
        column = own.roles["active"]
        numeric = self.facts[column]["kind"] in ("boolean", "integer")
        turned = numeric and _plain(column) in OFF_NAMES
        values = [_value(one) for one in self.frame[column].astype(object)]
        given = {
            int(word) if numeric and str(word).lstrip("-").isdecimal() else word: is_on
            for word, is_on in self.words.items()
        }
        words = StatusWords(({1: False, 0: True} if turned else {}) | given, column=column)
        means = words.read_column(values)
        if words.unknown:
            unknown = next(iter(words.unknown)).replace(BLANK, "")
            raise self._refusal(f"has unknown words. {words.sentence} Here: --status-words '{unknown}=on'")
        known = table_of(self.frame.assign(**{column: values}), own.roles["key"], column, means)
        own.on, own.off = known.on, known.off
        if numeric and {one for one in values if one is not None} <= {0, 1}:
            own.on, own.off = (0, 1) if turned else (1, 0)
        for word, is_on in given.items():
            own.on = word if own.on is None and is_on else own.on
            own.off = word if own.off is None and not is_on else own.off
        if self.facts[column]["kind"] == "boolean":
            own.on, own.off = bool(own.on), bool(own.off)
        listed = getattr(self.table.c[column].type, "enums", None)
        for says, value in (("on", own.on), ("off", own.off)):
            if value is None or (listed and value not in listed):
                raise self._refusal(
                    f"has no row that shows how {column} says {says}: --status-words WORD={says}"
                )
        own.words = {_folded(value): bool(one) for value, one in zip(values, means, strict=True)}
        own.words |= {_folded(word): is_on for word, is_on in given.items()}
        own.words |= {_folded(own.on): True, _folded(own.off): False}
        own.words |= {None: turned} if numeric else {}
        own.words = dict(sorted(own.words.items(), key=lambda one: (not one[1], str(one[0]))))

    def _require_filled(self, own: OwnTable) -> None:
        given = {
            *self.defaults,
            *(column for role, column in own.roles.items() if role not in ("key", "deleted_at")),
        }
        for name, fact in self.facts.items():
            if (
                name in given
                or fact["filled"]
                or fact["computed"]
                or (fact["nullable"] and name != own.roles["key"])
            ):
                continue
            example = UUID if name == own.roles["key"] else "VALUE"
            raise self._refusal(
                f"needs {name} in new rows, and nothing fills it: say what, --defaults {name}={example}"
            )
        for name in self.defaults:
            if _type(self.table.c[name].type) == "":
                raise self._refusal(f"has {name} of type {self.table.c[name].type}, which no default here fits")
        if "active" in own.roles and self.facts[own.roles["active"]]["kind"] == "text":
            length = self.facts[own.roles["active"]]["length"]
            long = [one for one in (own.on, own.off) if length is not None and len(str(one)) > length]
            if long:
                raise self._refusal(f"has {length} characters for {own.roles['active']}; {long[0]!r} has more")


def _plain(name: str) -> str:
    """Return a column's name as the lists have it: ``isActive`` and ``IS_ACTIVE`` are one."""
    split = "".join(f"_{one}" if one.isupper() and not name.isupper() else one for one in name)
    return re.sub("[-_ ]+", "_", split).casefold().strip("_")


def _value(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if is_missing(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _braced(items: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {text}' for name, text in items.items())}}}"


def _folded(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


def _text(value: Any) -> str:
    """Return a value as Python has it, text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _type(type_: Any) -> str:
    """Return a column's type as SQLAlchemy has it for any database; nothing where it has none."""
    import sqlalchemy as sa

    if isinstance(type_, sa.Enum):
        named = [f"name={_text(type_.name)}"] if type_.name else []
        schema = [f"schema={_text(type_.schema)}"] if type_.schema else []
        return f"Enum({', '.join([*map(_text, type_.enums), *named, *schema])})"
    for kind, text in (
        (sa.Boolean, "Boolean()"),
        (sa.BigInteger, "BigInteger()"),
        (sa.Integer, "Integer()"),
        (sa.Uuid, "Uuid()"),
        (sa.Date, "Date()"),
        (sa.Numeric, "Numeric()"),
    ):
        if isinstance(type_, kind):
            return text
    if isinstance(type_, sa.DateTime):
        return "DateTime(timezone=True)" if type_.timezone else "DateTime()"
    if isinstance(type_, sa.String):
        return f"String({type_.length})" if type_.length else "String()"
    return ""


def _shown(url: sa.URL) -> str:
    """Return the address to write down: a file by its whole path, and nothing where it holds a password."""
    if url.password:
        return ""
    file = url.database
    if url.get_backend_name() == "sqlite" and file and not file.startswith("file:") and file != ":memory:":
        url = url.set(database=str(Path(file).resolve()))
    return url.render_as_string()
