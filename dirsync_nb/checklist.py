"""What stands between a notebook and production, looked up in the environment at hand instead of asked.

Each item is read from the service, from the receipts of this client or from what is handed in, and ends in one
of three words: ``ok``, ``attention``, or ``not checked`` where nothing here can tell. Nothing is written, sent
or configured anywhere.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from . import errors, webhooks
from .analysis import attribute_coverage
from .client import DirectoryClient, Record
from .evidence import Moment
from .follow import follow_events, knows
from .frames import concat, require_complete, users_frame
from .history import timeline
from .load import load_directories, load_events
from .memberships import estimate_routes
from .pacing import Pacer

__all__ = ["CHECK_COLUMNS", "STATES", "Checklist", "to_production"]

STATES = ("ok", "attention", "not checked")
COLOURS = {"ok": "#2a7f4f", "attention": "#b3541e", "not checked": "#6b7280"}
CHECK_COLUMNS = {"state": "category", "finding": "str", "what_to_do": "str"}

PER_DIRECTORY = 4.0  # requests a second on one directory's users
PER_KEY = 100.0  # requests a second on everything
PAGE = 100
LONG = 3600.0  # seconds; WorkOS suggests a full comparison every one to six hours
SAMPLED = 25  # directories of which a page of users is read
ASKED_GROUPS = 5  # groups asked for members until one has any


class Verdict(NamedTuple):
    """How one item stands."""

    state: str
    finding: str
    what_to_do: str = ""


class Checklist:
    """The items with what was found, as a table to read. Made by :func:`to_production`.

    Attributes
    ----------
    frame
        One row an item: index ``item``; ``state`` (``ok``, ``attention``, ``not checked``), ``finding``,
        ``what_to_do`` (empty where nothing is to be done).
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    @property
    def open(self) -> pd.DataFrame:
        """The items that are not ``ok``."""
        return self.frame[self.frame["state"] != "ok"]

    def __repr__(self) -> str:
        counts = self.frame["state"].value_counts()
        lines = [", ".join(f"{counts[state]} {state}" for state in STATES)]
        for item, state, finding, what_to_do in self._rows():
            lines.append(f"[{state}] {item}: {finding}")
            if what_to_do:
                lines.append(f"    {what_to_do}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left, firm = "text-align: left; vertical-align: top", "white-space: nowrap"
        heads = "".join(
            f'<th style="{left}">{name}</th>' for name in ("item", "state", "finding", "what to do")
        )
        rows = "".join(
            f'<tr><th style="{left}; {firm}">{html.escape(item)}</th>'
            f'<td style="{left}; {firm}; color: {COLOURS[state]}"><b>{state}</b></td>'
            f'<td style="{left}">{html.escape(finding)}</td>'
            f'<td style="{left}">{html.escape(what_to_do)}</td></tr>'
            for item, state, finding, what_to_do in self._rows()
        )
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        frame = self.frame
        columns = (frame.index, frame["state"], frame["finding"], frame["what_to_do"])
        yield from zip(*(column.astype(str) for column in columns), strict=True)


def to_production(
    client: DirectoryClient,
    *,
    keep: str | Path | None = None,
    after: str | None = None,
    webhook_secret: str | None = None,
    delivery: tuple[bytes | str, str] | None = None,
    inactive_policy: str | None = None,
    attributes: Sequence[str] = (),
    users: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    clock: Callable[[], float] = time.time,
) -> Checklist:
    """Check what an app should know about an environment before it goes live.

    It costs a request for each hundred directories, one for each hundred events of the last 30 days, one page
    of users for each of the first 25 directories, and a few more. Nothing is written.

    Parameters
    ----------
    keep, after
        Where your app is in the stream of events: the file of :func:`dirsync_nb.follow_events`, or the id of
        the last event it dealt with.
    webhook_secret, delivery
        The endpoint's secret, and the body and signature header of one delivery to it.
    inactive_policy
        What your app takes the environment to do with users who are switched off: ``"delete"`` or ``"keep"``.
    attributes
        Custom attributes that your app needs.
    users, events
        Frames you have, instead of the sample and the last 30 days.
    clock
        For tests.

    Returns
    -------
    Checklist
        Its ``frame`` has one row an item, with the declared columns ``CHECK_COLUMNS``.

    Raises
    ------
    ArgumentError
        An unknown policy, or both ``keep`` and ``after``.
    IncompleteError
        A partial frame of events: what it lacks would pass for not having happened.
    """
    if inactive_policy not in (None, "delete", "keep"):
        raise errors.ArgumentError(f"inactive_policy must be 'delete' or 'keep'; got {inactive_policy!r}")
    if keep is not None and after is not None:
        raise errors.ArgumentError("keep and after both say where your app is; give one")
    if events is not None:
        require_complete(events, "a checklist")
    found = _Environment(client, users, events)
    checks: dict[str, Callable[[], Verdict]] = {
        "API key": lambda: _key(client, found),
        "directory states": lambda: _directory_states(found.directories),
        "empty directories": lambda: _empty_directories(found.directories),
        "first load": lambda: _first_load(found.directories),
        "memberships": lambda: _memberships(found.directories),
        "following events": lambda: _following(found.events),
        "events cursor": lambda: _cursor(client, keep, after, found),
        "inactive users": lambda: _inactive_users(found, inactive_policy),
        "webhooks": lambda: _webhooks(webhook_secret, delivery, clock),
        "attributes": lambda: _attributes(found.users, attributes),
        "addresses": lambda: _addresses(found.users),
        "deprecated fields": lambda: _deprecated_fields(found),
        "refusals": lambda: _refusals(client),
    }
    return Checklist(_frame({name: _checked(check) for name, check in checks.items()}))


def _checked(check: Callable[[], Verdict]) -> Verdict:
    """Look at one item; what cannot be read is no reason to leave out the others."""
    try:
        return check()
    except errors.LoadError as problem:
        told = f"It could not be read: {type(problem).__name__}."
        return Verdict("not checked", told, "See the first item, and run this again.")


def _frame(verdicts: Mapping[str, Verdict]) -> pd.DataFrame:
    index = pd.Index(list(verdicts), dtype="str", name="item")
    frame = pd.DataFrame(list(verdicts.values()), index=index, columns=list(CHECK_COLUMNS))
    frame["state"] = pd.Categorical(frame["state"], categories=list(STATES))
    return frame.astype({"finding": "str", "what_to_do": "str"})


@dataclass
class _Environment:
    """What several items look at, read once and only if needed."""

    client: DirectoryClient
    given_users: pd.DataFrame | None
    given_events: pd.DataFrame | None

    @cached_property
    def directories(self) -> pd.DataFrame:
        return load_directories(self.client)

    @cached_property
    def events(self) -> pd.DataFrame:
        return self.given_events if self.given_events is not None else load_events(self.client)

    @cached_property
    def users(self) -> pd.DataFrame:
        """Give the users handed in, or the first page of each of the first directories."""
        if self.given_users is not None:
            return self.given_users
        pages = [_page(self.client, directory_id=one) for one in self.directories.index[:SAMPLED]]
        return concat([users_frame([]), *(users_frame(page) for page in pages if page)])

    @cached_property
    def members(self) -> list[Record]:
        """Give the users of the first group found that has any: they are in a group for sure."""
        linked = self.directories.index[self.directories["groups"].fillna(0) > 0]
        for directory_id in linked[:1]:
            groups = _page(self.client, "groups", directory_id=directory_id)
            for group in groups[:ASKED_GROUPS]:
                if page := _page(self.client, group_id=group["id"]):
                    return page
        return []


def _page(client: DirectoryClient, kind: str = "users", **filters: str) -> list[Record]:
    """Read the first page of a list; somebody may have deleted what it is about just now."""
    try:
        return next(client.walk(client.receipt(kind, filters, log=False)), [])
    except errors.NotFound:
        return []


# The environment ------------------------------------------------------------------------------------------


def _key(client: DirectoryClient, found: _Environment) -> Verdict:
    """Tell the kind of key by its beginning, of which only ``sk_`` is promised; ask whether it works."""
    kind = client.transport.key_environment
    try:
        count = len(found.directories)
    except (errors.NotAuthorized, errors.Forbidden) as problem:
        return Verdict("attention", f"The service refuses it: {problem}", "Copy it again from the dashboard.")
    works = f"It works, and sees {_count(count, 'directory', 'directories')}."
    if kind == "live environment":
        return Verdict("ok", f"{works} By its beginning it is of a live environment.")
    if kind == "test environment":
        return Verdict(
            "attention",
            f"{works} By its beginning it is of a test environment.",
            "Production has a key of its own, at the same address: the key alone decides which one you meet.",
        )
    return Verdict("not checked", f"{works} Its beginning does not tell of which environment.", "Look it up.")


STATE_ADVICE = {
    "invalid_credentials": "the customer's admin has to connect it again",
    "validating": "the first sync is under way; look again later",
    "unlinked": "the customer's admin has not finished the setup",
    "deleting": "it will be gone soon, with one event for everything in it",
}


def _directory_states(directories: pd.DataFrame) -> Verdict:
    if directories.empty:
        return Verdict(
            "attention", "There is no directory.", "Set one up in the dashboard, or ask an admin to."
        )
    off = directories[directories["state"] != "linked"]
    if off.empty:
        return Verdict("ok", f"All {len(directories):,} are linked.")
    words = [f"{name} is {state}" for name, state in zip(off["name"], off["state"].astype(str), strict=True)]
    states = off["state"].astype(str).unique()
    advice = [f"{state}: {STATE_ADVICE.get(state, 'a state this version does not know')}" for state in states]
    told = f"{len(off):,} of {len(directories):,} are not linked: {_some(words)}. What they hold may be old."
    return Verdict("attention", told, f"{'; '.join(advice)}.")


def _empty_directories(directories: pd.DataFrame) -> Verdict:
    linked = directories[directories["state"] == "linked"]
    counts = linked["active_users"] + linked["inactive_users"]
    if counts.isna().all():
        return Verdict("not checked", "No linked directory says how many users it holds.")
    empty = linked[(counts == 0).fillna(False)]
    if empty.empty:
        return Verdict("ok", f"Every linked directory holds users: {int(counts.sum()):,} in all.")
    return Verdict(
        "attention",
        f"Linked, but without users: {_some(list(empty['name']))}.",
        "Nobody may be assigned to the app at the provider yet. An empty list is no proof that all left.",
    )


# Limits ---------------------------------------------------------------------------------------------------


def _first_load(directories: pd.DataFrame) -> Verdict:
    """Reckon requests and time from the directories' own counts: side by side, each at its own limit."""
    counts = directories["active_users"] + directories["inactive_users"]
    known = counts.notna() & directories["groups"].notna()
    if not known.any():
        return Verdict("not checked", "No directory says how many users and groups it holds.")
    requests, slowest = 0.0, 0.0
    for users, groups in zip(counts[known], directories["groups"][known], strict=True):
        route = _cheapest(int(users), int(groups))[1]
        pages = -(-int(users) // PAGE) or 1
        requests += pages + route["requests"]
        slowest = max(slowest, pages / PER_DIRECTORY + route["seconds"])
    seconds = max(slowest, requests / PER_KEY)
    told = (
        f"About {int(requests):,} requests and {_minutes(seconds)} for {int(counts[known].sum()):,} users with "
        f"their memberships, {_count(int(known.sum()), 'directory', 'directories')} side by side."
    )
    if not known.all():
        told += f" {int((~known).sum())} without counts are left out."
    if seconds <= LONG:
        return Verdict("ok", told)
    return Verdict("attention", told, "Load once, in the background, and follow events from then on.")


def _cheapest(users: int, groups: int) -> tuple[str, dict[str, float]]:
    routes = estimate_routes(users, groups, Pacer(), listed=(True, False))
    name = min(routes, key=lambda route: routes[route]["seconds"])
    return name, routes[name]


def _memberships(directories: pd.DataFrame) -> Verdict:
    """Reckon the dearest directory, since a full comparison is as slow as that one."""
    counts = (directories["active_users"] + directories["inactive_users"]).fillna(-1)
    rows = zip(directories["name"], counts, directories["groups"].fillna(-1), strict=True)
    priced = [(name, *_cheapest(int(u), int(g))) for name, u, g in rows if u >= 0 and g >= 0]
    if not priced:
        return Verdict("not checked", "No directory says how many users and groups it holds.")
    name, route, cost = max(priced, key=lambda one: one[2]["seconds"])
    told = (
        f"The dearest is {name}: {route.replace('_', ' ')}, about {int(cost['requests']):,} requests, "
        f"{_minutes(cost['seconds'])}."
    )
    if cost["seconds"] <= LONG:
        return Verdict("ok", told)
    return Verdict(
        "attention",
        told,
        "Compare it at night and follow events in between; a full comparison every hour does not fit.",
    )


def _following(events: pd.DataFrame) -> Verdict:
    """Reckon requests a day from the events there were."""
    if events.empty:
        return Verdict(
            "attention",
            "There was no event in 30 days.",
            "Let somebody join in a test directory, and look again.",
        )
    span = (events["created_at"].max() - events["created_at"].min()) / pd.Timedelta(days=1)
    days = max(float(span), 1.0)
    daily = events["created_at"].dt.floor("D").value_counts()
    polls, pages = 86_400 // 30, -(-int(daily.max()) // PAGE)
    told = (
        f"{len(events):,} events in {days:.0f} days, {int(daily.max()):,} on the busiest. Asking every 30 s is "
        f"{polls:,} requests a day, and {pages:,} more on a day like that: {(polls + pages) / 86_400:.2f} a "
        f"second, of {PER_KEY:.0f} allowed."
    )
    crowded = (polls + pages) / 86_400 > PER_KEY / 4
    return Verdict("attention", told, "Ask less often, or for fewer kinds.") if crowded else Verdict("ok", told)


def _refusals(client: DirectoryClient) -> Verdict:
    """Count the pauses after 429 among everything this client has loaded."""
    waits = [wait for receipt in client.receipts for wait in receipt.waits if "429" in wait.cause]
    loads = len(client.receipts)
    if not waits:
        return Verdict("ok", f"In {_count(loads, 'load', 'loads')} of this client no request came too fast.")
    return Verdict(
        "attention",
        f"In {_count(loads, 'load', 'loads')} of this client, {len(waits):,} requests met a 429.",
        "Something else lives on the same limits. They count for the key, not for the machine.",
    )


# Staying in sync --------------------------------------------------------------------------------------------


def _cursor(
    client: DirectoryClient, keep: str | Path | None, after: str | None, found: _Environment
) -> Verdict:
    """Ask the service whether it can still go on from where the app is, and say how far behind that is."""
    place = after if keep is None else _kept(client, Path(keep))
    if isinstance(place, Verdict):
        return place
    if place is None:
        return Verdict(
            "not checked",
            "Nothing says where your app is in the stream of events.",
            "Keep the id of the last event dealt with, together with its rows. Give it as after= or keep=.",
        )
    if not knows(client, Moment(0, place)):
        what = "Load everything (take_snapshot), and follow on from its position."
        return Verdict("attention", f"The service does not know {place} any more.", what)
    times = found.events["created_at"]
    if place not in times.index:
        told = "A place is kept, and it is older than the last 30 days of events."
        return Verdict("attention", told, "The service forgets events after 90 days: catch up now.")
    told = f"A place is kept, {_ago(times.max() - times[place])} behind the newest event."
    return Verdict("ok", f"{told} The service can go on from it.")


def _kept(client: DirectoryClient, path: Path) -> str | Verdict | None:
    """Read the place in a file of ``follow_events``, or say what is wrong with it."""
    if not path.exists():
        return Verdict(
            "attention", "There is no file with a place yet.", "follow_events(client, keep=...) writes it."
        )
    try:
        return follow_events(client, keep=path).after
    except errors.ArgumentError:
        return Verdict(
            "attention",
            "The file holds no place in the events of this server.",
            "Each environment, and each consumer, needs a place of its own.",
        )


def _inactive_users(found: _Environment, expected: str | None) -> Verdict:
    """Tell the policy from what it leaves behind; the API does not say it."""
    signs = {"keep": list(_signs_of_keeping(found)), "delete": list(_signs_of_deleting(found.events))}
    seen = [policy for policy, told in signs.items() if told]
    evidence = "; ".join(told for policy in seen for told in signs[policy])
    if not seen:
        return Verdict(
            "not checked",
            "Nobody was switched off in 30 days: no event and no count tells.",
            "Switch a test user off at the provider, and look again. Until then a deletion may mean either.",
        )
    if len(seen) == 2:
        return Verdict(
            "attention",
            f"Signs of both: {evidence}.",
            "It may have been switched meanwhile. Ask WorkOS support.",
        )
    policy = seen[0]
    told = f"It looks like {policy!r}: {evidence}."
    if expected is not None and expected != policy:
        return Verdict(
            "attention", f"{told} Your app takes it to be {expected!r}.", "Correct the one or the other."
        )
    return Verdict("ok", told)


def _signs_of_keeping(found: _Environment) -> Iterator[str]:
    listed = int(found.directories["inactive_users"].sum())
    if listed:
        yield f"{_count(listed, 'inactive user is', 'inactive users are')} listed"
    updates = found.events[found.events["event"] == "dsync.user.updated"]
    off = sum(_is_off(data) for data in updates["data"])
    if off:
        yield f"{_count(off, 'update', 'updates')} to inactive"


def _signs_of_deleting(events: pd.DataFrame) -> Iterator[str]:
    deleted = events[events["event"] == "dsync.user.deleted"]
    updated = events[events["event"] == "dsync.user.updated"]
    # Whoever was told to be inactive before had been kept: their deletion is one, and no sign of this policy.
    kept = {u for u, data in zip(updated["user_id"], updated["data"], strict=True) if _is_off(data)}
    pairs = zip(deleted["user_id"], deleted["data"], strict=True)
    off = sum(_is_off(data) and user not in kept for user, data in pairs)
    if off:
        yield f"{_count(off, 'deletion', 'deletions')} of somebody just switched off"
    anew = int((timeline(events)["manner"] == "created anew").sum())
    if anew:
        yield f"{anew:,} came back under a new id"


def _is_off(data: object) -> bool:
    return isinstance(data, dict) and data.get("state") in ("inactive", "suspended")


def _webhooks(
    secret: str | None, delivery: tuple[bytes | str, str] | None, clock: Callable[[], float]
) -> Verdict:
    """Verify a delivery, or, without one, that the secret can sign."""
    if secret is None:
        return Verdict(
            "not checked",
            "No endpoint's secret was given.",
            "Not needed to follow events. If you use them, give webhook_secret= and one delivery=.",
        )
    if not secret.startswith("whsec_") or secret != secret.strip():
        return Verdict("attention", "The secret does not begin with whsec_, or has spaces.", "Copy it again.")
    if delivery is None:
        header = webhooks.sign(b"{}", secret, at=clock())
        webhooks.verify(b"{}", header, secret, clock=clock)
        return Verdict(
            "not checked",
            "The secret signs and verifies here; no delivery shows that it is the endpoint's.",
            "Give the body and the header of one delivery as delivery=.",
        )
    return _delivery(secret, *delivery, clock)


def _delivery(secret: str, body: bytes | str, header: str, clock: Callable[[], float]) -> Verdict:
    try:
        webhooks.verify(body, header, secret, clock=clock)
    except errors.DirsyncError:
        reason = webhooks.explain(body, header, secret, clock=clock)
        return Verdict(
            "attention", f"The delivery was refused. {reason}", "Do not act on deliveries until it is right."
        )
    sent = int(header.split(",")[0].strip().removeprefix("t=")) / 1000
    late = clock() - sent
    told = f"The delivery is signed with this secret, and came {abs(late) * 1000:,.0f} ms after its time."
    if late < -1:
        told = f"The delivery is signed with this secret, but its time is {-late:,.1f} s ahead of this clock."
        return Verdict("attention", told, "Set the clock: 180 s either way are allowed, and less is better.")
    return Verdict("ok", f"{told} 180,000 ms are allowed.")


# The data ---------------------------------------------------------------------------------------------------


def _attributes(users: pd.DataFrame, wanted: Sequence[str]) -> Verdict:
    """Say which custom attributes come; null means no value, absent means not enabled."""
    if users.empty:
        return Verdict("not checked", "There is no user to look at.")
    coverage = attribute_coverage(users)
    rows = coverage[coverage.index.str.startswith("custom_attributes.")]
    names = rows.index.str.removeprefix("custom_attributes.")
    missing, listed = [name for name in wanted if name not in set(names)], _some(list(names))
    blank = list(names[rows["filled"] == 0])
    partly = list(names[(rows["absent"] > 0)])
    if missing:
        return Verdict(
            "attention",
            f"Absent for all {len(users):,} users looked at: {', '.join(missing)}. Enabled: {listed}.",
            "Enable it in the dashboard, User Attributes; it takes up to an hour to show.",
        )
    if not len(names):
        return Verdict("attention", f"None comes, for {len(users):,} users.", "Enable what the app needs.")
    told = f"{len(names)} come, for {len(users):,} users: {listed}."
    told += f" Null for everybody: {_some(blank)}." if blank else ""
    if not partly:
        return Verdict("ok", told)
    return Verdict(
        "attention",
        f"{told} Absent for some: {_some(partly)}.",
        "Enabled for some directories only, or switched within the hour. Read each with a default.",
    )


def _addresses(users: pd.DataFrame) -> Verdict:
    if users.empty:
        return Verdict("not checked", "There is no user to look at.")
    without = int(users["address"].isna().sum())
    elsewhere = int((users["address_source"].notna() & (users["address_source"] != "email")).sum())
    folded = users["address"].str.casefold()
    doubled = int((folded.notna() & folded.duplicated(keep=False)).sum())
    parts = [
        f"{without:,} have no address" if without else "",
        f"{elsewhere:,} have one only outside email" if elsewhere else "",
        f"{doubled:,} share theirs with another user" if doubled else "",
    ]
    told = ", ".join(part for part in parts if part)
    if not told:
        return Verdict("ok", f"Each of {len(users):,} users has an address of their own in email.")
    return Verdict(
        "attention",
        f"Of {len(users):,} users, {told}.",
        "Let user_id be the key of your table, not the address; directory_id and idp_id tell who returns.",
    )


def _deprecated_fields(found: _Environment) -> Verdict:
    """Tell a team from before May 2026, whose old fields are still filled, from a newer one."""
    users, members = found.users, found.members
    old = {
        "groups": any(member.get("groups") for member in members),
        "emails": any(map(len, users["emails"].dropna())),
        "raw_attributes": any(map(bool, users["raw_attributes"].dropna())),
        "job_title": bool(users["job_title"].notna().any()),
        "username": bool(users["username"].notna().any()),
    }
    filled = [name for name, has in old.items() if has]
    if filled:
        return Verdict(
            "attention",
            f"Still filled here: {', '.join(filled)}. A team made before May 2026; newer ones see them empty.",
            "Read memberships from the group side, and the rest from custom_attributes.",
        )
    if not members:
        return Verdict("not checked", "No group with members was found to tell by.")
    return Verdict(
        "ok",
        f"Empty, as newer teams see them: {len(members):,} members of a group list no group.",
    )


# Words ------------------------------------------------------------------------------------------------------


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _some(names: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _ago(span: pd.Timedelta) -> str:
    if span < pd.Timedelta(hours=2):
        return f"{span / pd.Timedelta(minutes=1):.0f} min"
    return f"{span / pd.Timedelta(hours=1):.0f} h" if span < pd.Timedelta(days=2) else f"{span.days} days"
