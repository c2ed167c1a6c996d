"""Staying in sync: the place kept in the events, what becomes of inactive users, and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from ... import errors
from ...client import DirectoryClient
from ...sync import Moment, follow_events, webhooks
from ...sync.follow import knows
from ...sync.history import timeline
from ...text import plural
from .facts import Environment, Verdict, ago, attention, ok, unclear


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
    listed = int(found.directories["inactive_users"].sum())
    if listed:
        yield f"{plural(listed, 'inactive user is', 'inactive users are')} listed"
    updates = _of_kind(found.events, "dsync.user.updated")
    off = sum(_is_off(data) for data in updates["data"])
    if off:
        yield f"{plural(off, 'update')} to inactive"


def _signs_of_deleting(events: pd.DataFrame) -> Iterator[str]:
    deleted = _of_kind(events, "dsync.user.deleted")
    updated = _of_kind(events, "dsync.user.updated")
    # Whoever was told to be inactive before had been kept: their deletion is one, and no sign of this policy.
    kept = {u for u, data in zip(updated["user_id"], updated["data"], strict=True) if _is_off(data)}
    pairs = zip(deleted["user_id"], deleted["data"], strict=True)
    off = sum(_is_off(data) and user not in kept for user, data in pairs)
    if off:
        yield f"{plural(off, 'deletion')} of somebody just switched off"
    anew = int((timeline(events)["manner"] == "created anew").sum())
    if anew:
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
    sent = int(header.split(",")[0].strip().removeprefix("t=")) / 1000
    late = clock() - sent
    told = f"The delivery is signed with this secret, and came {abs(late) * 1000:,.0f} ms after its time."
    if late < -1:
        told = f"The delivery is signed with this secret, but its time is {-late:,.1f} s ahead of this clock."
        return attention(told, "Set the clock: 180 s either way are allowed, and less is better.")
    return ok(f"{told} 180,000 ms are allowed.")
