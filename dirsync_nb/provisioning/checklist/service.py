"""The service as the key meets it: what it sees, and how long things take within its limits."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ... import errors
from ...client import DirectoryClient, Pacer
from ...load.memberships import estimate_routes
from ...text import plural, some
from .facts import Environment, Verdict, attention, minutes, ok, unclear

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
    if seconds <= LONG:
        return ok(told)
    return attention(told, "Load once, in the background, and follow events from then on.")


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
    if dearest.seconds <= LONG:
        return ok(told)
    return attention(
        told, "Compare it at night and follow events in between; a full comparison every hour does not fit."
    )


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
    rows = pd.DataFrame(
        {"name": directories["name"], "users": _users_in(directories), "groups": directories["groups"]}
    ).dropna(subset=["users", "groups"])
    return [
        _cheapest(name, int(users), int(groups))
        for name, users, groups in zip(rows["name"], rows["users"], rows["groups"], strict=True)
    ]


def _cheapest(name: str, users: int, groups: int) -> _Priced:
    routes = estimate_routes(users, groups, Pacer(), listed=(True, False))
    route = min(routes, key=lambda one: routes[one]["seconds"])
    return _Priced(name, users, route, routes[route]["requests"], routes[route]["seconds"])


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
