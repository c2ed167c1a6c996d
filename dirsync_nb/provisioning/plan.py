"""What would have to be done to an app's users: to read, to hand on, and to turn into a script to review."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from .. import errors
from ..files import write_text
from ..frames.tools import rows_frame
from ..guard import TooManyGone
from ..text import is_missing, plural
from .app_table import AppTable
from .prefill import FORMATS, save_lists

ACTIONS = ("create", "update", "same_person", "deactivate", "tombstone", "cannot_compare")
PLAN_COLUMNS = {
    "action": "category",
    "app_key": "object",
    **dict.fromkeys(("user_id", "name", "address", "matched_by"), "str"),
    **dict.fromkeys(("fields", "before", "after"), "object"),
    "reason": "str",
}
SHOWN_ROWS = 50
SHOWN = ("action", "app_key", "user_id", "name", "address", "fields", "reason")


class TooManyDeactivations(TooManyGone):
    """A plan would switch off so many people that the directory is more likely broken than empty.

    Attributes
    ----------
    plan
        The plan, for looking at.
    """

    def __init__(self, message: str, plan: Plan, gone: int = 0, of: int = 0) -> None:
        super().__init__(message, gone, of)
        self.plan = plan

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with the plan and the numbers."""
        return type(self), (*self.args, self.plan, self.gone, self.of)


@dataclass(frozen=True, repr=False)
class Plan:
    """What would have to be done to an app's users. Nothing was done.

    Its rows of one action are a frame each: ``plan.create``, ``plan.update``, ``plan.same_person``,
    ``plan.deactivate``, ``plan.tombstone``, ``plan.cannot_compare``, or ``plan["create"]``; ``len(plan)`` is
    how many rows it has in all.

    Attributes
    ----------
    rows
        One row a person something is to be done about, see :func:`compare`.
    unchanged
        How many are as they should be.
    notices
        What a reader should know, one sentence each.
    not_enabled
        Columns of ``fields`` that nobody in the directory has; the app's are left as they are.
    unknown_status
        Words of the app's status that are known neither as on nor as off, with how often each stands.
    table
        What is known of the app's table, for :meth:`to_sql`.

    Examples
    --------
    >>> plan = ds.compare(users, app_users, on="email")
    >>> plan.counts["create"], plan.rows["action"].iloc[0]
    (29, 'create')
    """

    rows: pd.DataFrame
    unchanged: int
    notices: tuple[str, ...] = ()
    not_enabled: tuple[str, ...] = ()
    unknown_status: Mapping[str, int] = field(default_factory=dict)
    table: AppTable = field(default_factory=AppTable)

    def __getitem__(self, action: str) -> pd.DataFrame:
        """Return the rows of one action."""
        if action not in ACTIONS:
            raise errors.ArgumentError(f"an action is one of {', '.join(ACTIONS)}; got {action!r}")
        return self.rows[self.rows["action"] == action]

    def __len__(self) -> int:
        """Return how many rows there are, of all actions."""
        return len(self.rows)

    @property
    def create(self) -> pd.DataFrame:
        """Who is active in the directory and not in the app."""
        return self["create"]

    @property
    def update(self) -> pd.DataFrame:
        """Who is in both, and differs."""
        return self["update"]

    @property
    def same_person(self) -> pd.DataFrame:
        """Who only has another name, case or id."""
        return self["same_person"]

    @property
    def deactivate(self) -> pd.DataFrame:
        """Who is on in the app and has left the directory."""
        return self["deactivate"]

    @property
    def tombstone(self) -> pd.DataFrame:
        """Who left and is off already."""
        return self["tombstone"]

    @property
    def cannot_compare(self) -> pd.DataFrame:
        """Who cannot be told without guessing."""
        return self["cannot_compare"]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each action has."""
        found = self.rows["action"].value_counts()
        return {action: int(found.get(action, 0)) for action in ACTIONS}

    @property
    def sentence(self) -> str:
        """The plan in plain words."""
        counts = self.counts
        told = (
            f"create {counts['create']:,}, update {counts['update']:,}{_most_common(self['update'])}, "
            f"deactivate {counts['deactivate']:,}"
        )
        others = {
            "only under another name, case or id": counts["same_person"],
            "left and off already, whose rows should be kept": counts["tombstone"],
            "not to be compared": counts["cannot_compare"],
        }
        also = [f"{plural(count, 'person', 'people')} {how}" for how, count in others.items() if count]
        also.append(f"{self.unchanged:,} unchanged")
        return f"To follow the directory: {told}. Besides: {'; '.join(also)}."

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *self.notices])

    def _repr_html_(self) -> str:
        more = len(self.rows) - SHOWN_ROWS
        rest = f"<p>{more:,} more rows: plan.rows has them all.</p>" if more > 0 else ""
        table = html_rows(self.rows.iloc[:SHOWN_ROWS], SHOWN)
        return html_told((self.sentence, *self.notices), table + rest)

    def save(self, folder: str | Path, *, kind: str = "csv") -> list[Path]:
        """Write the plan as files to hand on: one of each action that has rows, ``<action>.<kind>``.

        ``before`` and ``after`` become a column for each field. Text is kept from being run as a formula; see
        :func:`dirsync_nb.provisioning.onboarding.save_lists` for folder, kinds and errors.
        """
        if (ending := Path(folder).suffix.lower().lstrip(".")) in FORMATS:
            raise errors.ArgumentError(
                f"{folder} is named like a file, and a plan is a folder of files: "
                f"save('plan', kind={ending!r}); one table alone: plan.rows"
            )
        lists = {action: _flat(self[action]) for action, count in self.counts.items() if count}
        return save_lists(folder, lists, kind=kind)

    def to_sql(
        self,
        dialect: str,
        table: Any = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        path: str | Path | None = None,
    ) -> str:
        """Return the plan as an SQL script to review: one transaction, that stops if the table changed since.

        It creates, updates and deactivates; rows are never deleted, and what cannot be compared is left alone.
        Nothing is run here. Needs the extra ``sql``.

        Parameters
        ----------
        dialect
            "sqlite" or "postgresql".
        table
            Name of the table (``schema.table`` too), or a SQLAlchemy ``Table``, whose types and key are then
            followed. Default: the one that :func:`dirsync_nb.load_app_users` read.
        defaults
            What new rows get in further columns: ``{"plan": "free"}``.
        path
            Write it here as well, whole or not at all.

        Raises
        ------
        ArgumentError
            An unknown dialect; no key to find rows by, or one that several rows have; a value that does not
            fit its column; a column that new rows need and nobody fills. Nothing is written then.
        MissingExtra
            SQLAlchemy is not installed.
        """
        from .script import write_script

        told = "\n".join([self.sentence, *self.notices])
        script = write_script(self.rows, self.table, dialect, table, told=told, defaults=defaults or {})
        if path is not None:
            write_text(path, script)
        return script


def plan_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the rows of a plan a frame, by action."""
    frame = rows_frame(rows, PLAN_COLUMNS, action=ACTIONS)
    return frame.sort_values("action", kind="stable", ignore_index=True)


def html_told(lines: Iterable[str], table: str) -> str:
    """Return lines and a table as HTML."""
    told = "".join(f"<p>{html.escape(text)}</p>" for text in lines)
    # tex2jax_ignore: directory text may hold dollars, which JupyterLab would set as formulas.
    return f'<div class="tex2jax_ignore">{told}{table}</div>'


def html_rows(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return rows as an HTML table, with the text of other people as text."""
    style = 'style="text-align: left; vertical-align: top"'
    heads = "".join(f"<th {style}>{name}</th>" for name in columns)
    lines = "".join(
        "<tr>" + "".join(f"<td {style}>{html.escape(_shown(value))}</td>" for value in row) + "</tr>"
        for row in rows[list(columns)].astype(object).itertuples(index=False)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _flat(rows: pd.DataFrame) -> pd.DataFrame:
    """Spread what differs into columns, as spreadsheets have it."""
    flat = rows.drop(columns=["fields", "before", "after"]).reset_index(drop=True)
    for side in ("before", "after"):
        for name in dict.fromkeys(name for held in rows[side] for name in held):
            flat[f"{side}: {name}"] = [held.get(name) for held in rows[side]]
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    if is_missing(value):
        return ""
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, pd.Timestamp) else str(value)


def _most_common(updates: pd.DataFrame) -> str:
    counts = updates["fields"].explode().value_counts().head(3)
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f" ({told})" if told else ""
