"""A plan as an SQL script to review: one transaction that changes a table only if it is still as it was read.

SQL alone has no way to stop in the middle, so the script counts into a table of its own whose constraint fails
where a number is not the expected one. In SQLite a failed statement does not end a script: there the failure
rolls everything back, that table with it, and each later statement refers to it and so fails too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import errors, extras
from ..analysis.identity import WEAK_KEYS, id_key
from ..frames import one_of
from ..guard import STOP_FROM
from ..text import is_missing, is_sendable
from .app_table import AppTable

if TYPE_CHECKING:
    import sqlalchemy as sa

DIALECTS = ("sqlite", "postgresql")
CHECKS = "dirsync_plan_checks"
NOW = object()  # the moment in which the script runs
AT_ONCE = 100  # rows in one condition: SQLite allows expressions of a thousand levels
CHANGES = ("deactivate", "update", "same_person")  # in this order: an address may pass from one to the next


def column_facts(table: sa.Table) -> dict[str, dict[str, Any]]:
    """Return what is known of the columns of a table, as plain values that a file can hold."""
    import sqlalchemy as sa

    alone = {tuple(one.columns.keys()) for one in table.constraints if isinstance(one, sa.UniqueConstraint)}
    alone |= {tuple(one.columns.keys()) for one in table.indexes if one.unique}
    alone.add(tuple(table.primary_key.columns.keys()))
    return {
        column.name: {
            "kind": _kind(column.type),
            "length": getattr(column.type, "length", None),
            "nullable": bool(column.nullable),
            "filled": column.server_default is not None
            or column.identity is not None
            or (table.autoincrement_column is column and _kind(column.type) == "integer"),
            "computed": column.computed is not None,
            "unique": (column.name,) in alone,
        }
        for column in table.columns
    }


def _kind(type_: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "text", datetime: "time", date: "time"}
    try:
        return names.get(type_.python_type, "number" if type_.python_type.__name__ == "Decimal" else "other")
    except NotImplementedError:
        return "other"


def write_script(
    rows: pd.DataFrame, known: AppTable, dialect: str, table: Any, *, told: str, defaults: Mapping[str, Any]
) -> str:
    """Write what :meth:`Plan.to_sql` returns."""
    extras.need("an SQL script", "sql", "sqlalchemy")
    one_of("dialect", dialect, DIALECTS)
    return "\n".join(_Script(rows, known, dialect, table, defaults).lines(told)) + "\n"


class _Script:
    """One script under way."""

    def __init__(
        self, rows: pd.DataFrame, known: AppTable, dialect: str, table: Any, defaults: Mapping[str, Any]
    ) -> None:
        import sqlalchemy as sa
        from sqlalchemy.dialects import postgresql, sqlite

        self.sa, self.rows = sa, rows
        self.dialect: Any = {"sqlite": sqlite, "postgresql": postgresql}[dialect].dialect()
        self.is_sqlite = dialect == "sqlite"
        self.facts: Mapping[str, Mapping[str, Any]] = known.columns
        self.key = known.key
        if isinstance(table, sa.Table):
            self.facts = column_facts(table)
            keys = list(table.primary_key.columns.keys())
            self.key = self.key if self.key is not None else keys[0] if len(keys) == 1 else None
            table = table.fullname
        self.known = known = _with_status(known, self.facts)
        self.name = table if table is not None else known.name
        self.defaults = {**known.scope, **defaults}
        self._require()
        schema, _, name = str(self.name).rpartition(".")
        wanted = dict.fromkeys([*self.facts, str(self.key), *self._columns(), *self.defaults])
        columns = [sa.column(column, self._type(column)) for column in wanted]
        self.table = sa.table(name, *columns, schema=schema or None)
        self.checks = sa.table(CHECKS, sa.column("what"), sa.column("expected"), sa.column("found"))

    # What is refused ----------------------------------------------------------------------------------------

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(name for held in self.rows["after"] for name in held))

    def _require(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise errors.ArgumentError("to_sql needs the name of the table: plan.to_sql('sqlite', 'users')")
        if self.name.casefold().endswith(".sql") or "/" in self.name or "\\" in self.name:
            raise errors.ArgumentError(
                f"{self.name!r} looks like a file, and here is the table's place: path={self.name!r}"
            )
        if self.key is None:
            raise errors.ArgumentError(
                "this plan does not know by which column of the table a row is found: compare(..., key='id')"
            )
        changed = self.rows[self.rows["action"].isin(CHANGES)]
        keys = [id_key(key) for key in changed["app_key"]]
        if None in keys:
            raise errors.ArgumentError(
                f"{keys.count(None):,} rows to change have no {self.key}: nothing finds them"
            )
        twice = next((key for key in keys if key in self.known.doubled or keys.count(key) > 1), None)
        if twice is not None:
            raise errors.ArgumentError(f"{self.key} does not tell rows apart: {twice!r} stands more than once")
        if self.facts:
            for name in dict.fromkeys([str(self.key), *self._columns(), *self.defaults]):
                one_of(f"a column of {self.name}", name, self.facts)
            if computed := [name for name in self._columns() if self.facts[name].get("computed")]:
                raise errors.ArgumentError(f"{computed[0]} of {self.name} is computed: no script can set it")
        self._require_status()
        self._require_filled()
        if self.known.part_of is not None and len(self._of("create")):
            raise errors.ArgumentError(
                f"a part of {self.name} was compared, and of its {self.known.part_of:,} rows the others may be "
                "those people: compare the whole frame that load_app_users gave"
            )

    def _require_status(self) -> None:
        """Refuse a status for which the column shows no value: what the app writes there would be a guess."""
        for word, value in (("active", self.known.on), ("inactive", self.known.off)):
            used = any(held.get(self.known.active) == word for held in self.rows["after"] if held)
            used |= word == "active" and len(self._of("create")) > 0 and self.known.active not in self.defaults
            if self.known.active is not None and used and value is None and not self.known.until:
                raise errors.ArgumentError(
                    f"no row shows how {self.known.active} says {word}: set it in rows['after'], or give the "
                    "column a row that has it"
                )

    def _require_filled(self) -> None:
        """Refuse new rows that lack what the table demands."""
        given = {*self.defaults, *([self.known.active] if self._counts_status else [])}
        for after in self._of("create")["after"]:
            for name, fact in self.facts.items():
                empty = after.get(name) is None and name not in given
                if empty and not fact.get("nullable", True) and not fact.get("filled"):
                    raise errors.ArgumentError(
                        f"{name} of {self.name} must not be empty, and nothing here fills it for new rows: "
                        f"to_sql(..., defaults={{{name!r}: ...}})"
                    )

    def _of(self, action: str) -> pd.DataFrame:
        return self.rows[self.rows["action"] == action]

    # Values -------------------------------------------------------------------------------------------------

    def _type(self, column: str) -> Any:
        sa = self.sa
        kinds = {"boolean": sa.Boolean(), "integer": sa.Integer(), "text": sa.Text()}
        return kinds.get(str(self.facts.get(column, {}).get("kind")), sa.types.NullType())

    def value(self, column: str, value: Any) -> Any:
        """Return a value as its column takes it; refuse what does not fit."""
        if is_missing(value):
            return None
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, str) and ("\0" in value or not is_sendable(value)):
            raise errors.ArgumentError(f"{column}: {value!r:.80} holds what no database takes as text")
        if isinstance(value, (dict, list, tuple)):
            raise errors.ArgumentError(f"{column}: {value!r:.80} is no single value, which a column could hold")
        fact = self.facts.get(column, {})
        kind = fact.get("kind")
        try:
            fitting = _AS[kind](value) if kind in _AS else value
        except (TypeError, ValueError):
            raise errors.ArgumentError(
                f"{column} of {self.name} holds {kind} values; {value!r:.80} does not fit"
            ) from None
        length = fact.get("length")
        if isinstance(fitting, str) and length is not None and len(fitting) > length:
            raise errors.ArgumentError(
                f"{column} of {self.name} has {length} characters; {fitting!r:.80} has more"
            )
        return fitting

    def _status(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """Put the column's own way to say on or off in place of the plan's."""
        own = {"active": self.known.on, "inactive": NOW if self.known.until else self.known.off}
        return {
            name: own.get(value, value) if name == self.known.active and isinstance(value, str) else value
            for name, value in held.items()
        }

    def _literal(self, column: str, value: Any) -> Any:
        if value is NOW:
            return self.sa.func.current_timestamp()
        value = self.value(column, value)
        kind = self._type(column)
        return self.sa.literal(value, None if isinstance(kind, self.sa.types.NullType) else kind)

    def _equals(self, column: str, value: Any) -> Any:
        held = self.table.c[column]
        if self.known.until and column == self.known.active and not pd.isna(value):
            return held.is_not(None)  # which time it is makes no difference, and databases write it differently
        value = self.value(column, value)
        return held.is_(None) if value is None else held == self._literal(column, value)

    # Statements ---------------------------------------------------------------------------------------------

    def lines(self, told: str) -> Iterator[str]:
        """Write the script, line by line."""
        deactivated = len(self._of("deactivate"))
        yield from _comment(f"Brings {self.name} in line with the directory. Review it before you run it.")
        yield from _comment(told)
        yield from _comment("It runs whole or not at all, and stops if the table changed since it was read.")
        run = "sqlite3 -bail app.db < plan.sql" if self.is_sqlite else "psql -v ON_ERROR_STOP=1 -f plan.sql"
        yield from _comment(f"Run it so that it ends at the first error: {run}")
        yield "BEGIN IMMEDIATE;" if self.is_sqlite else "BEGIN;"
        if not self.is_sqlite:
            yield "SET LOCAL standard_conforming_strings = on;"
            yield from _comment("Nobody else writes between the counts and the changes.")
            yield f"LOCK TABLE {self._quoted()} IN SHARE ROW EXCLUSIVE MODE;"
        on_commit = "" if self.is_sqlite else " ON COMMIT DROP"
        yield (
            f"CREATE TEMPORARY TABLE {CHECKS} (what TEXT, expected INTEGER, found INTEGER, "
            f"CHECK (expected = found)){on_commit};"
        )
        yield from self._before(deactivated)
        for action in CHANGES:
            yield from self._changed(action)
        yield from self._created()
        yield from self._after()
        if self.is_sqlite:
            yield f"DROP TABLE {CHECKS};"
        yield "COMMIT;"

    def _before(self, deactivated: int) -> Iterator[str]:
        yield from _comment("The table is as it was read.")
        if self.known.rows is not None:
            yield self._check("rows", self.known.rows, self._count())
        if self.known.on_rows is not None and self._counts_status:
            yield self._check("rows that are on", self.known.on_rows, self._count(self._is_on))
        if self.known.confirmed is not None:
            yield from _comment(f"Confirmed: {self.known.confirmed:,} people to switch off.")
        elif self._counts_status and self.known.guard is not None and deactivated >= STOP_FROM:
            yield from _comment(f"The guard: at most {self.known.guard:.0%} of those who are on go.")
            most = self._count(self._is_on).scalar_subquery() * self.known.guard
            allowed = self.sa.select(self.sa.case((most >= deactivated, 1), else_=0))
            yield self._check("the guard allows it", 1, allowed)
        changed = self.rows[self.rows["action"].isin(CHANGES)]
        for some in _some([*map(self._as_read, changed["app_key"], changed["before"])]):
            yield self._check("rows to change, as they were read", len(some), self._count(self.sa.or_(*some)))
        yield from self._not_there()

    @property
    def _counts_status(self) -> bool:
        return self.known.active is not None and (self.known.on is not None or self.known.until)

    @property
    def _is_on(self) -> Any:
        return self._equals(str(self.known.active), self.known.on)

    def _not_there(self) -> Iterator[str]:
        """Count whoever is to be created: by an id if there is one, for addresses are handed on."""
        keys: dict[str, list[Any]] = {}
        for after in self._of("create")["after"]:
            known = [name for name in after if name in self.known.keys]
            ids = [name for name in known if self.known.keys[name] not in WEAK_KEYS and after[name]]
            weak = [name for name in known if after[name] is not None]
            for name in (ids or weak)[:1]:
                keys.setdefault(name, []).append(after[name])
        for name, values in keys.items():
            for some in _some(values):
                there: Any = self.table.c[name].in_([self._literal(name, value) for value in some])
                if all(isinstance(value, str) for value in some) and self.known.keys.get(name) in WEAK_KEYS:
                    # As they are compared: an address that the table spells otherwise is there.
                    spelled = self.sa.func.lower(self.sa.func.trim(self.table.c[name]))
                    there |= spelled.in_([self._literal(name, value.strip().lower()) for value in some])
                yield self._check(f"new people, by {name}", 0, self._count(there))

    def _as_read(self, key: Hashable, before: Mapping[str, Any]) -> Any:
        held = [(str(self.key), key), *before.items()]
        return self.sa.and_(*(self._equals(name, value) for name, value in held))

    def _changed(self, action: str) -> Iterator[str]:
        rows = self._of(action)
        if len(rows):
            yield from _comment(f"{action}: {len(rows):,}")
        for key, before, after, reason in zip(
            rows["app_key"], rows["before"], rows["after"], rows["reason"], strict=True
        ):
            if not after:
                raise errors.ArgumentError(
                    f"the row {key!r} is to be switched off, and no column says who is on: "
                    "compare(..., active=...)"
                )
            yield from _comment(str(reason))
            values = {name: self._literal(name, value) for name, value in self._status(after).items()}
            statement = self.sa.update(self.table).where(self._as_read(key, before)).values(values)
            yield self._text(statement.where(self._running) if self.is_sqlite else statement)

    def _created(self) -> Iterator[str]:
        rows = self._of("create")
        if len(rows):
            yield from _comment(f"create: {len(rows):,}")
        for after, reason in zip(rows["after"], rows["reason"], strict=True):
            on = {self.known.active: self.known.on} if self._counts_status else {}
            given = {**self.defaults, **on, **after}
            values = {name: self._literal(name, value) for name, value in given.items()}
            yield from _comment(str(reason))
            insert = self.sa.insert(self.table)
            if self.is_sqlite:
                chosen = [value.label(name) for name, value in values.items()]
                yield self._text(insert.from_select([*values], self.sa.select(*chosen).where(self._running)))
            else:
                yield self._text(insert.values(values))

    def _after(self) -> Iterator[str]:
        created = len(self._of("create"))
        yield from _comment("Exactly so much was done.")
        if self.known.rows is not None:
            yield self._check("rows afterwards", self.known.rows + created, self._count())
        if self.known.on_rows is not None and self._counts_status:
            column, on = self.known.active, self.known.on
            back = sum(held.get(column) == "active" for held in self.rows["after"])
            gone = sum(held.get(column) == on for held in self._of("deactivate")["before"])
            expected = self.known.on_rows - gone + created + back
            yield self._check("rows that are on afterwards", expected, self._count(self._is_on))

    # Parts --------------------------------------------------------------------------------------------------

    @property
    def _running(self) -> Any:
        """True while the transaction is under way; refers to what a rollback takes away."""
        return self.sa.exists(self.sa.select(self.sa.text("1")).select_from(self.checks))

    def _count(self, condition: Any = None) -> Any:
        scope = [self._equals(name, value) for name, value in self.known.scope.items()]
        counted = self.sa.select(self.sa.func.count().label("number")).select_from(self.table)
        return counted.where(*scope, *([] if condition is None else [condition]))

    def _check(self, what: str, expected: int, found: Any) -> str:
        source = self.sa.select(
            self.sa.literal(what).label("what"),
            self.sa.literal(expected).label("expected"),
            found.scalar_subquery().label("found"),
        )
        statement = self.sa.insert(self.checks).from_select(["what", "expected", "found"], source)
        return self._text(statement.prefix_with("OR ROLLBACK") if self.is_sqlite else statement)

    def _text(self, statement: Any) -> str:
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        # For PostgreSQL a percent sign is doubled, as its drivers want it and a script does not.
        return (str(compiled) if self.is_sqlite else str(compiled).replace("%%", "%")) + ";"

    def _quoted(self) -> str:
        return str(self.dialect.identifier_preparer.format_table(self.table))


def _whole(value: Any) -> int:
    text = str(int(value)) if isinstance(value, bool) else id_key(value) or ""
    if str(int(text)) != text:  # 0412 would become 412, another person's number
        raise ValueError
    return int(text)


def _truth(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):  # 'True' is what no app writes into a column of words
        raise ValueError
    return value if isinstance(value, str) else id_key(value)


def _moment(value: Any) -> Any:
    """Return a date or time as it is; refuse a text that is none."""
    if isinstance(value, str):
        datetime.fromisoformat(value)
    elif not isinstance(value, date):
        raise ValueError
    return value


_AS: dict[Any, Callable[[Any], Any]]
_AS = {"integer": _whole, "boolean": _truth, "number": float, "time": _moment, "text": _as_text}


def _with_status(known: AppTable, facts: Mapping[str, Mapping[str, Any]]) -> AppTable:
    """Let truth values and whole numbers say on and off where no row shows how."""
    says = {"boolean": (True, False), "integer": (1, 0)}.get(str(facts.get(known.active or "", {}).get("kind")))
    if says is None:
        return known
    on = says[0] if known.on is None else known.on
    off = says[1] if known.off is None else known.off
    return replace(known, on=on, off=off)


def _comment(text: str) -> list[str]:
    """Write comment lines; other people's text may hold line ends, which would end the comment."""
    return [f"-- {' '.join(line.split())}" for line in text.splitlines() if line.strip()]


def _some(values: Sequence[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(values), AT_ONCE):
        yield list(values[first : first + AT_ONCE])
