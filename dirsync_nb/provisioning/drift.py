"""Drift: where an app, the service and perhaps an earlier snapshot disagree about people, and since when."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from .. import errors
from ..client import DirectoryClient, needs_client
from ..client.calls import every_call
from ..files import write_text
from ..frames import TIME, require_complete
from ..load import load_directories, load_events, load_users
from ..load.parallel import directory_ids_of
from ..sync import Snapshot, history
from ..sync.events import Unusable, event_records, parse_event
from ..text import is_missing
from .comparison import Columns, by_column, compare, primary_key
from .plan import PLAN_COLUMNS, Plan, html_rows, html_told

__all__ = ["DRIFT_COLUMNS", "Drift", "find_drift"]

DRIFT_COLUMNS = {**PLAN_COLUMNS, "since": TIME, "snapshot": "str"}
IN_LINE = ("tombstone",)  # left and off already: as it should be
SHOWN = ("action", "app_key", "name", "address", "fields", "since", "snapshot", "reason")
USER_EVENTS = ("dsync.user.created", "dsync.user.updated", "dsync.user.deleted")
STYLE = """:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { border-bottom: 1px solid #8886; padding: .3rem .7rem; text-align: left; vertical-align: top }
td:nth-child(6) { white-space: nowrap } td:first-child { font-weight: 600 }
.ok { color: #1a7f37 } .drift { color: #b35900 }
@media (max-width: 50rem) {
  thead { display: none } tr { display: block; border-bottom: 1px solid #8886; padding: .4rem 0 }
  td { display: inline-block; border: 0; padding: 0 .8rem 0 0 } td:empty { display: none }
  td:last-child { display: block }
}
@media (prefers-color-scheme: dark) { .ok { color: #4ac26b } .drift { color: #e3a15c } }"""


@dataclass(frozen=True, repr=False)
class Drift:
    """Where an app and the directories disagree.

    Attributes
    ----------
    rows
        One row a difference: the columns of a plan, and ``since`` (when the directory changed, as far as events
        and the user tell; missing where they do not) and ``snapshot``: ``known`` where the snapshot disagrees
        with the app alike, ``new`` where it does not; missing without one.
    settled
        How many differences of the snapshot are none any more; None without one.
    plan
        What would bring the app in line.
    at, server
        When and where it was read.
    """

    rows: pd.DataFrame
    settled: int | None
    plan: Plan
    at: datetime
    server: str

    def __len__(self) -> int:
        """Return how many differences there are; none: app and directories agree."""
        return len(self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many differences there are of each kind, by the action that would end them."""
        return {str(kind): int(count) for kind, count in self.rows["action"].value_counts().items() if count}

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        if not len(self):
            told = f"App and directories agree on {self.plan.unchanged:,} people."
        else:
            counts = ", ".join(f"{kind} {count:,}" for kind, count in self.counts.items())
            first = self.rows["since"].min()
            since = f", the oldest since {first:%Y-%m-%d %H:%M} UTC" if pd.notna(first) else ""
            told = f"{len(self):,} differences{since} ({counts})."
        if self.settled is None:
            return told
        new = int((self.rows["snapshot"] == "new").sum())
        return f"{told} Against the snapshot {new:,} are new, and {self.settled:,} are settled."

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *self.plan.notices])

    def _repr_html_(self) -> str:
        return html_told((self.sentence, *self.plan.notices), html_rows(self.rows, SHOWN) if len(self) else "")

    def to_html(self, path: str | Path) -> Path:
        """Write a page to look at or to send; it names people."""
        state = "drift" if len(self) else "ok"
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Drift</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
            f'<main><h1 class="{state}">{"Drift" if len(self) else "In line"}</h1>'
            f"<p>{html.escape(self.server)}, {self.at:%Y-%m-%d %H:%M} UTC</p>{self._repr_html_()}</main>\n"
        )
        return write_text(path, page)

    def to_json(self, path: str | Path) -> Path:
        """Write what a program reads: ``in_line``, ``counts``, ``notices`` and ``rows``; it names people."""
        rows = [
            {name: _plain(value) for name, value in row.items()} for row in self.rows.to_dict(orient="records")
        ]
        content = {
            "what": "dirsync_nb drift",
            "at": self.at.isoformat(timespec="seconds"),
            "server": self.server,
            "in_line": not len(self),
            "settled": self.settled,
            "counts": self.counts,
            "notices": self.plan.notices,
            "rows": rows,
        }
        return write_text(path, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")


@needs_client
def find_drift(
    client: DirectoryClient,
    app_users: pd.DataFrame,
    *,
    directory_id: Any = None,
    snapshot: Snapshot | None = None,
    on: Columns = "email",
    fields: Columns = (),
    active: str | None = None,
    status_words: Mapping[Any, bool] | None = None,
    key: str | None = None,
) -> Drift:
    """Return where an app disagrees with the service and with a snapshot, and since when. Nothing is changed.

    Reads directories, users and the events of users of the last 30 days.

    Parameters
    ----------
    app_users, on, fields, active, status_words, key
        As for :func:`compare`. No guard stops it: that everybody would go is a finding here.
    directory_id
        One directory or several. Default: all of the environment; then users of the app that belong to none
        of them count as having left.
    snapshot
        What the app was brought in line with: tells which differences are newer.

    Raises
    ------
    IncompleteError
        A frame is partial.
    ArgumentError
        As for :func:`compare`, or no directory there is.
    LoadError
        As the loaders.

    Examples
    --------
    >>> app = users[["email", "name"]].head(100)
    >>> drift = ds.find_drift(client, app, directory_id=users["directory_id"].iloc[0])
    >>> len(drift) > 0, "create" in set(drift.rows["action"])
    (True, True)
    """
    require_complete(app_users, "a search for drift")
    directories = load_directories(client)
    if directory_id is not None:
        wanted = directory_ids_of(directory_id, "find_drift")
        if unknown := [one for one in wanted if one not in directories.index]:
            raise errors.ArgumentError(f"no directory {unknown[0]!r} among the {len(directories):,} there are")
        directories = directories[directories.index.isin(wanted)]
    if directories.empty:
        raise errors.ArgumentError("this environment has no directory yet: there is nothing to compare with")
    at = datetime.now(UTC)
    users = load_users(client, directory_id=list(directories.index))
    asked: dict[str, Any] = {"on": on, "fields": fields, "active": active, "status_words": status_words}
    asked |= {"key": key, "guard": None}
    plan = compare(SimpleNamespace(users=users, directories=directories), app_users, **asked)
    rows = plan.rows[~plan.rows["action"].isin(IN_LINE)].reset_index(drop=True)
    rows["since"] = _since(rows, _Times(users, load_events(client, events=USER_EVENTS)), app_users, asked)
    rows, settled = _against(rows, snapshot, directories, app_users, asked)
    return Drift(rows, settled, plan, at, client.server)


def _against(
    rows: pd.DataFrame,
    snapshot: Snapshot | None,
    directories: pd.DataFrame,
    app_users: pd.DataFrame,
    asked: Mapping[str, Any],
) -> tuple[pd.DataFrame, int | None]:
    """Mark what the snapshot knew; return with it how much of that is settled."""
    rows["snapshot"] = pd.Series(pd.NA, index=rows.index, dtype="str")
    if snapshot is None:
        return rows, None
    users = snapshot.users[snapshot.users["directory_id"].isin(directories.index)]
    earlier = compare(SimpleNamespace(users=users, directories=directories), app_users, **asked).rows
    known = {_difference(row) for row in earlier.itertuples() if row.action not in IN_LINE}
    now = [_difference(row) for row in rows.itertuples()]
    rows["snapshot"] = pd.Series(["known" if one in known else "new" for one in now], dtype="str")
    return rows, len(known - set(now))


def _difference(row: Any) -> tuple[str, ...]:
    """Return what makes a difference the same one at two moments: who, and what is to be done."""
    who = (str(row.app_key), "") if row.app_key is not None else ("", str(row.user_id))
    return (str(row.action), *who, *sorted(map(str, row.fields or ())))


class _Times:
    """When people came, went and changed, as events tell it; by their own times where no event does."""

    def __init__(self, users: pd.DataFrame, events: pd.DataFrame) -> None:
        self.users = users
        told, changed = history.timeline(events), history.changes(events)
        self.came = told[told["change"] != "left"].groupby("user_id")["at"].max().to_dict()
        self.went = told[told["change"] == "left"].groupby("user_id")["at"].max().to_dict()
        self.changed = changed.groupby(["object_id", "field"])["at"].max().to_dict()
        # An app's row about somebody who is gone holds an id or address that only events still know.
        self.known_as = {
            _folded(value): record["id"]
            for record in _user_records(events)
            for value in (record["id"], record.get("idp_id"), record.get("email"))
            if isinstance(value, str)
        }

    def of(self, row: Any, keys: Sequence[Any], names: Mapping[str, str]) -> Any:
        """Return since when a row of the plan is a difference; ``keys`` are what the app knows them by."""
        user_id = row.user_id if isinstance(row.user_id, str) else ""
        if row.action == "deactivate":
            ids = [user_id, *(self.known_as.get(_folded(key), "") for key in keys)]
            return next((self.went[one] for one in ids if one in self.went), None)
        if user_id not in self.users.index:
            return None
        if row.action == "create":
            return self.came.get(user_id, self.users.loc[user_id, "created_at"])
        fields = [names.get(name, name) for name in row.fields or ()]
        found = [self.changed[user_id, name] for name in fields if (user_id, name) in self.changed]
        return max(found) if found else self.users.loc[user_id, "updated_at"]


def _user_records(events: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    for record in event_records(events):
        try:
            user = parse_event(record).user
        except Unusable:
            continue
        if user is not None:
            yield user


def _folded(value: Any) -> str:
    return str(value).strip().casefold()


def _since(rows: pd.DataFrame, times: _Times, app_users: pd.DataFrame, asked: Mapping[str, Any]) -> pd.Series:
    """Return since when each row is a difference."""
    key = asked["key"] or primary_key(app_users)
    held = app_users[[*by_column(asked["on"])]].set_axis(app_users.index if key is None else app_users[key])
    keys = {who: list(values) for who, values in zip(held.index, held.to_numpy(dtype=object), strict=True)}
    names = by_column(asked["fields"])
    since = [times.of(row, keys.get(row.app_key, ()), names) for row in rows.itertuples()]
    moments = pd.DatetimeIndex(pd.to_datetime(since, utc=True)).as_unit("us")
    return pd.Series(moments, index=rows.index)


def _plain(value: Any) -> Any:
    return None if is_missing(value) else value.item() if hasattr(value, "item") else value


every_call(__name__)
