"""The items, and what they look at: the service, staying in sync, and the data as an app meets it.

What several of them look at is read once. Each answers with a verdict and its words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ... import errors
from ...analysis import attribute_coverage
from ...analysis.identity import address_key
from ...client import DirectoryClient, Pacer, Record, read_pages
from ...frames import concat, users_frame
from ...load import load_directories, load_events
from ...load.memberships import estimate_routes
from ...sync import Moment, follow_events, webhooks
from ...sync.follow import knows
from ...sync.history import timeline
from ...text import plural, some

SAMPLED = 25  # directories of which a page of users is read
ASKED_GROUPS = 5  # groups asked for members until one has any


class Verdict(NamedTuple):
    """How one item stands."""

    state: str
    finding: str
    what_to_do: str = ""


ok, attention, unclear = (partial(Verdict, state) for state in ("ok", "attention", "not checked"))


@dataclass
class Environment:
    """What several items look at, read once and only if needed."""

    client: DirectoryClient
    given_users: pd.DataFrame | None
    given_events: pd.DataFrame | None

    @cached_property
    def directories(self) -> pd.DataFrame:
        """Return all directories the key sees."""
        return load_directories(self.client)

    @cached_property
    def events(self) -> pd.DataFrame:
        """Return the events handed in, or those of the last 30 days."""
        return self.given_events if self.given_events is not None else load_events(self.client)

    @cached_property
    def users(self) -> pd.DataFrame:
        """Return the users handed in, or the first page of each of the first directories."""
        if self.given_users is not None:
            return self.given_users
        pages = [_page(self.client, directory_id=one) for one in self.directories.index[:SAMPLED]]
        return concat([users_frame([]), *(users_frame(page) for page in pages if page)])

    @cached_property
    def members(self) -> list[Record]:
        """Return the users of the first group found that has any: they are in a group for sure."""
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
        return next(read_pages(client.context, client.context.open(kind, filters, log=False)), [])
    except errors.NotFound:
        return []


# Words ------------------------------------------------------------------------------------------------------


def minutes(seconds: float) -> str:
    """Write a length of time in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def ago(span: pd.Timedelta) -> str:
    """Write how long ago something was in minutes, hours or days."""
    if span < pd.Timedelta(hours=2):
        return f"{span / pd.Timedelta(minutes=1):.0f} min"
    return f"{span / pd.Timedelta(hours=1):.0f} h" if span < pd.Timedelta(days=2) else f"{span.days} days"


# The service ------------------------------------------------------------------------------------------------

PER_DIRECTORY = 4.0  # requests a second on one directory's users
PER_KEY = 100.0  # requests a second on everything
PAGE = 100
LONG = 3600.0  # seconds; WorkOS suggests a full comparison every one to six hours

STATE_ADVICE = {
    "invalid_credentials": "the customer's admin has to connect it again",
    "validating": "the first sync is under way; look again later",
    "unlinked": "the customer's admin has not finished the setup",
    "deleting": "it will be gone soon, with one event for everything in it",
}
_UNCOUNTED = unclear("No directory says how many users and groups it holds.")


def key(client: DirectoryClient, found: Environment) -> Verdict:
    """Tell the kind of key by its beginning, of which only ``sk_`` is promised; ask whether it works."""
    kind = client.transport.key_environment
    try:
        seen = len(found.directories)
    except (errors.NotAuthorized, errors.Forbidden) as problem:
        return attention(f"The service refuses it: {problem}", "Copy it again from the dashboard.")
    works = f"It works, and sees {plural(seen, 'directory', 'directories')}."
    if kind == "live environment":
        return ok(f"{works} By its beginning it is of a live environment.")
    if kind == "test environment":
        return attention(
            f"{works} By its beginning it is of a test environment.",
            "Production has a key of its own, at the same address: the key alone decides which one you meet.",
        )
    return unclear(f"{works} Its beginning does not tell of which environment.", "Look it up.")


def directory_states(directories: pd.DataFrame) -> Verdict:
    """Name the directories that are not linked, and who has to act."""
    if directories.empty:
        return attention("There is no directory.", "Set one up in the dashboard, or ask an admin to.")
    off = directories[directories["state"] != "linked"]
    if off.empty:
        return ok(f"All {len(directories):,} are linked.")
    words = [f"{name} is {state}" for name, state in zip(off["name"], off["state"].astype(str), strict=True)]
    states = off["state"].astype(str).unique()
    advice = [f"{state}: {STATE_ADVICE.get(state, 'a state this version does not know')}" for state in states]
    told = f"{len(off):,} of {len(directories):,} are not linked: {some(words)}. What they hold may be old."
    return attention(told, f"{'; '.join(advice)}.")


def empty_directories(directories: pd.DataFrame) -> Verdict:
    """Name the linked directories that hold nobody."""
    linked = directories[directories["state"] == "linked"]
    counts = _users_in(linked)
    if counts.isna().all():
        return unclear("No linked directory says how many users it holds.")
    empty = linked[(counts == 0).fillna(False)]
    if empty.empty:
        return ok(f"Every linked directory holds users: {int(counts.sum()):,} in all.")
    return attention(
        f"Linked, but without users: {some(list(empty['name']))}.",
        "Nobody may be assigned to the app at the provider yet. An empty list is no proof that all left.",
    )


def _users_in(directories: pd.DataFrame) -> pd.Series:
    """Add up the users each directory says it holds; missing where it does not say."""
    return directories["active_users"] + directories["inactive_users"]


def order(client: DirectoryClient) -> Verdict:
    """Ask for a list without an order, and say where its cursors lead."""
    answer = client.transport.get("/directories", {"limit": 1}, doing="reading directories without an order")
    try:
        before, after = (answer["list_metadata"][name] for name in ("before", "after"))
    except (KeyError, TypeError):
        return unclear("A list without an order was not answered as one.")
    always = "Send order=asc with every request, as the loaders do."
    if before and not after:
        told = "A list asked for without order begins with the newest, and after is empty on its first page: "
        return attention(f"{told}who follows after stops there. before leads on.", always)
    if after:
        return ok("A list asked for without order is followed by after here.", always)
    return unclear("The list is too short to tell where its cursors lead.", always)


# Limits -----------------------------------------------------------------------------------------------------


def first_load(directories: pd.DataFrame) -> Verdict:
    """Reckon requests and time from the directories' own counts: side by side, each at its own limit."""
    priced = _priced(directories)
    if not priced:
        return _UNCOUNTED
    users = sum(one.users for one in priced)
    requests = sum(one.pages + one.requests for one in priced)
    slowest = max(one.pages / PER_DIRECTORY + one.seconds for one in priced)
    seconds = max(slowest, requests / PER_KEY)
    told = (
        f"About {int(requests):,} requests and {minutes(seconds)} for {users:,} users with their memberships, "
        f"{plural(len(priced), 'directory', 'directories')} side by side."
    )
    if len(priced) < len(directories):
        told += f" {len(directories) - len(priced)} without counts are left out."
    advice = "Load once, in the background, and follow events from then on."
    return ok(told) if seconds <= LONG else attention(told, advice)


def memberships(directories: pd.DataFrame) -> Verdict:
    """Reckon the dearest directory, since a full comparison is as slow as that one."""
    priced = _priced(directories)
    if not priced:
        return _UNCOUNTED
    dearest = max(priced, key=lambda one: one.seconds)
    told = (
        f"The dearest is {dearest.name}: {dearest.route.replace('_', ' ')}, about {int(dearest.requests):,} "
        f"requests, {minutes(dearest.seconds)}."
    )
    advice = "Compare it at night and follow events in between; a full comparison every hour does not fit."
    return ok(told) if dearest.seconds <= LONG else attention(told, advice)


class _Priced(NamedTuple):
    """A directory, and what its memberships cost by the quickest route."""

    name: str
    users: int
    route: str
    requests: float
    seconds: float

    @property
    def pages(self) -> int:
        """Requests for the users themselves; an empty list takes one as well."""
        return -(-self.users // PAGE) or 1


def _priced(directories: pd.DataFrame) -> list[_Priced]:
    """Price the memberships of each directory that says how many users and groups it holds."""
    rows = directories.assign(users=_users_in(directories)).dropna(subset=["users", "groups"])
    priced = []
    for name, users, groups in zip(rows["name"], rows["users"], rows["groups"], strict=True):
        routes = estimate_routes(int(users), int(groups), Pacer(), listed=(True, False))
        route, cost = min(routes.items(), key=lambda one: one[1]["seconds"])
        priced.append(_Priced(name, int(users), route, cost["requests"], cost["seconds"]))
    return priced


def following(events: pd.DataFrame) -> Verdict:
    """Reckon requests a day from the events there were."""
    if events.empty:
        return attention(
            "There was no event in 30 days.", "Let somebody join in a test directory, and look again."
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
    return attention(told, "Ask less often, or for fewer kinds.") if crowded else ok(told)


def refusals(client: DirectoryClient) -> Verdict:
    """Count the pauses after 429 among everything this client has loaded."""
    waits = [wait for receipt in client.receipts for wait in receipt.waits if "429" in wait.cause]
    loads = len(client.receipts)
    if not waits:
        return ok(f"In {plural(loads, 'load')} of this client no request came too fast.")
    return attention(
        f"In {plural(loads, 'load')} of this client, {len(waits):,} requests met a 429.",
        "Something else lives on the same limits. They count for the key, not for the machine.",
    )


# Staying in sync --------------------------------------------------------------------------------------------


def cursor(client: DirectoryClient, keep: str | Path | None, after: str | None, found: Environment) -> Verdict:
    """Ask the service whether it can still go on from where the app is, and say how far behind that is."""
    place = after if keep is None else _kept(client, Path(keep))
    if isinstance(place, Verdict):
        return place
    if place is None:
        return unclear(
            "Nothing says where your app is in the stream of events.",
            "Keep the id of the last event dealt with, together with its rows. Give it as after= or keep=.",
        )
    if not knows(client, Moment(0, place)):
        what = "Load everything (take_snapshot), and follow on from its position."
        return attention(f"The service does not know {place} any more.", what)
    times = found.events["created_at"]
    if place not in times.index:
        told = "A place is kept, and it is older than the last 30 days of events."
        return attention(told, "The service forgets events after 90 days: catch up now.")
    told = f"A place is kept, {ago(times.max() - times[place])} behind the newest event."
    return ok(f"{told} The service can go on from it.")


def _kept(client: DirectoryClient, path: Path) -> str | Verdict | None:
    """Read the place in a file of ``follow_events``, or say what is wrong with it."""
    if not path.exists():
        return attention("There is no file with a place yet.", "follow_events(client, keep=...) writes it.")
    try:
        return follow_events(client, keep=path).after
    except errors.ArgumentError:
        return attention(
            "The file holds no place in the events of this server.",
            "Each environment, and each consumer, needs a place of its own.",
        )


def inactive_users(found: Environment, expected: str | None) -> Verdict:
    """Tell the policy from what it leaves behind; the API does not say it."""
    signs = {"keep": list(_signs_of_keeping(found)), "delete": list(_signs_of_deleting(found.events))}
    seen = [policy for policy, told in signs.items() if told]
    evidence = "; ".join(told for policy in seen for told in signs[policy])
    if not seen:
        return unclear(
            "Nobody was switched off in 30 days: no event and no count tells.",
            "Switch a test user off at the provider, and look again. Until then a deletion may mean either.",
        )
    if len(seen) == 2:
        return attention(
            f"Signs of both: {evidence}.", "It may have been switched meanwhile. Ask WorkOS support."
        )
    policy = seen[0]
    told = f"It looks like {policy!r}: {evidence}."
    if expected is not None and expected != policy:
        return attention(f"{told} Your app takes it to be {expected!r}.", "Correct the one or the other.")
    return ok(told)


def _signs_of_keeping(found: Environment) -> Iterator[str]:
    if listed := int(found.directories["inactive_users"].sum()):
        yield f"{plural(listed, 'inactive user is', 'inactive users are')} listed"
    updates = _of_kind(found.events, "dsync.user.updated")
    if off := sum(map(_is_off, updates["data"])):
        yield f"{plural(off, 'update')} to inactive"


def _signs_of_deleting(events: pd.DataFrame) -> Iterator[str]:
    deleted = _of_kind(events, "dsync.user.deleted")
    updated = _of_kind(events, "dsync.user.updated")
    # Whoever was told to be inactive before had been kept: their deletion is one, and no sign of this policy.
    kept = {u for u, data in zip(updated["user_id"], updated["data"], strict=True) if _is_off(data)}
    pairs = zip(deleted["user_id"], deleted["data"], strict=True)
    if off := sum(_is_off(data) and user not in kept for user, data in pairs):
        yield f"{plural(off, 'deletion')} of somebody just switched off"
    if anew := int((timeline(events)["manner"] == "created anew").sum()):
        yield f"{anew:,} came back under a new id"


def _of_kind(events: pd.DataFrame, kind: str) -> pd.DataFrame:
    return events[events["event"] == kind]


def _is_off(data: object) -> bool:
    return isinstance(data, dict) and data.get("state") in ("inactive", "suspended")


def webhook_delivery(
    secret: str | None, delivery: tuple[bytes | str, str] | None, clock: Callable[[], float]
) -> Verdict:
    """Verify a delivery, or, without one, that the secret can sign."""
    if secret is None:
        return unclear(
            "No endpoint's secret was given.",
            "Not needed to follow events. If you use them, give webhook_secret= and one delivery=.",
        )
    if not secret.startswith("whsec_") or secret != secret.strip():
        return attention("The secret does not begin with whsec_, or has spaces.", "Copy it again.")
    if delivery is None:
        header = webhooks.sign(b"{}", secret, at=clock())
        webhooks.verify(b"{}", header, secret, clock=clock)
        return unclear(
            "The secret signs and verifies here; no delivery shows that it is the endpoint's.",
            "Give the body and the header of one delivery as delivery=.",
        )
    return _delivery(secret, *delivery, clock)


def _delivery(secret: str, body: bytes | str, header: str, clock: Callable[[], float]) -> Verdict:
    try:
        webhooks.verify(body, header, secret, clock=clock)
    except errors.DirsyncError:
        reason = webhooks.explain(body, header, secret, clock=clock)
        return attention(f"The delivery was refused. {reason}", "Do not act on deliveries until it is right.")
    parts = dict(part.strip().split("=", 1) for part in header.split(","))  # in either order
    late = clock() - int(parts["t"]) / 1000
    told = f"The delivery is signed with this secret, and came {abs(late) * 1000:,.0f} ms after its time."
    if late < -1:
        told = f"The delivery is signed with this secret, but its time is {-late:,.1f} s ahead of this clock."
        return attention(told, "Set the clock: 180 s either way are allowed, and less is better.")
    return ok(f"{told} 180,000 ms are allowed.")


# The data ---------------------------------------------------------------------------------------------------


_NOBODY = unclear("There is no user to look at.")


def attributes(users: pd.DataFrame, wanted: Sequence[str]) -> Verdict:
    """Return which custom attributes come; null means no value, absent means not enabled."""
    if users.empty:
        return _NOBODY
    coverage = attribute_coverage(users)
    rows = coverage[coverage.index.str.startswith("custom_attributes.")]
    names = rows.index.str.removeprefix("custom_attributes.")
    missing, listed = [name for name in wanted if name not in set(names)], some(list(names))
    blank = list(names[rows["filled"] == 0])
    partly = list(names[(rows["absent"] > 0)])
    if missing:
        return attention(
            f"Absent for all {len(users):,} users looked at: {', '.join(missing)}. Enabled: {listed}.",
            "Enable it in the dashboard, User Attributes; it takes up to an hour to show.",
        )
    if not len(names):
        return attention(f"None comes, for {len(users):,} users.", "Enable what the app needs.")
    told = f"{len(names)} come, for {len(users):,} users: {listed}."
    told += f" Null for everybody: {some(blank)}." if blank else ""
    if not partly:
        return ok(told)
    return attention(
        f"{told} Absent for some: {some(partly)}.",
        "Enabled for some directories only, or switched within the hour. Read each with a default.",
    )


def addresses(users: pd.DataFrame) -> Verdict:
    """Count the users without an address of their own in the field for it."""
    if users.empty:
        return _NOBODY
    without = int(users["address"].isna().sum())
    elsewhere = int((users["address_source"].notna() & (users["address_source"] != "email")).sum())
    folded = users["address"].map(address_key)
    doubled = int((folded.notna() & folded.duplicated(keep=False)).sum())
    parts = {
        "have no address": without,
        "have one only outside email": elsewhere,
        "share theirs with another user": doubled,
    }
    told = ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
    if not told:
        return ok(f"Each of {len(users):,} users has an address of their own in email.")
    return attention(
        f"Of {len(users):,} users, {told}.",
        "Let user_id be the key of your table, not the address; directory_id and idp_id tell who returns.",
    )


def deprecated_fields(found: Environment) -> Verdict:
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
        return attention(
            f"Still filled here: {', '.join(filled)}. A team made before May 2026; newer ones see them empty.",
            "Read memberships from the group side, and the rest from custom_attributes.",
        )
    if not members:
        return unclear("No group with members was found to tell by.")
    return ok(f"Empty, as newer teams see them: {len(members):,} members of a group list no group.")
