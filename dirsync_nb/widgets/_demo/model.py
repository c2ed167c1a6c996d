"""A demonstration: what is done at the provider, and what each of four stations makes of it, with its delay.

The stations are the real ones: SCIM requests over HTTP (or a poll), ``/events``, a signed webhook to a receiver
on this machine, and an app's own table that follows it. No widget in here.
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd

from ... import errors
from ...client import DirectoryClient, Record
from ...client.client import RedactedClient
from ...provisioning.sample import RowChange, SampleApp
from ...sandbox.providers.base import Sent
from ...sandbox.providers.desk import PolledDesk, ScimDesk
from ...sandbox.providers.scenarios import NAMES, WEEK, Beat, mail_name
from ...sync.follow import latest_event
from ...sync.webhooks import Receiver
from ...text import fold, name_label
from .._base.events import Line, sentence
from .._base.jobs import Job
from .._base.reading import read_frame
from .worlds import provider_name

__all__ = ["Arrived", "Delivered", "Demo", "Followed", "Step", "sandbox_of"]

PATIENCE = 5.0  # seconds for webhooks to arrive
NOT_PUSHED = "dsync.token."
FALLBACK = "Operations"


@dataclass(frozen=True)
class Arrived:
    """An event as ``/events`` lists it."""

    record: Record
    line: Line
    milliseconds: float


@dataclass(frozen=True)
class Delivered:
    """A webhook as the receiver took it."""

    event_id: str
    event: str
    signature: str
    status: int
    size: int
    milliseconds: float


@dataclass(frozen=True)
class Followed:
    """What the app made of a webhook."""

    change: RowChange
    event: str
    milliseconds: float


@dataclass
class Step:
    """One thing that was done at the provider, and what came of it.

    Attributes
    ----------
    title, at
        What, and the time of day on this machine.
    provider
        What people call the provider.
    polled
        Whether the provider is polled: there is no SCIM request then.
    changes
        What the next poll is still to find.
    requests, events, deliveries, rows
        The four stations, in order.
    problem
        What went wrong, in a sentence; empty if nothing did.
    """

    title: str
    at: str
    provider: str
    polled: bool
    changes: list[Callable[[], object]] = field(default_factory=list, repr=False)
    requests: list[Sent] = field(default_factory=list)
    events: list[Arrived] = field(default_factory=list)
    deliveries: list[Delivered] = field(default_factory=list)
    rows: list[Followed] = field(default_factory=list)
    problem: str = ""

    @property
    def waiting(self) -> bool:
        """Whether the next poll is still to find it."""
        return bool(self.changes)

    @property
    def milliseconds(self) -> float:
        """How long it took until the app had it."""
        came: list[Arrived | Delivered | Followed] = [*self.events, *self.deliveries, *self.rows]
        return max((one.milliseconds for one in came), default=0.0)


class _Watch(Receiver):
    """A receiver that notes when each delivery came, and how it was signed."""

    def __init__(self) -> None:
        super().__init__()
        self.came: dict[str, tuple[float, str, int, bytes]] = {}
        self._more = threading.Condition()

    def take(self, body: bytes, header: str | None) -> int:
        at, status = time.perf_counter(), super().take(body, header)
        if status == 200:
            with self._more:
                self.came.setdefault(str(json.loads(body)["id"]), (at, header or "", status, body))
                self._more.notify_all()
        return status

    def wait_for(self, ids: list[str], seconds: float) -> None:
        """Wait until all of these have come, or not."""
        with self._more:
            self._more.wait_for(lambda: all(one in self.came for one in ids), seconds)


class Demo:
    """One directory of a sandbox, the desk of its provider, and an app that follows.

    Parameters
    ----------
    client
        Of a sandbox, in this process or another.
    directory_id
        Default: the directory with the most people.

    Attributes
    ----------
    steps
        What was done, oldest first.
    people
        Who is active, by the provider's id.
    groups
        Names of the groups.
    app
        The sample app, whose database is in a folder of its own until ``close``.
    beats, beat
        The story, step by step, and how many of them were played.
    cursor
        Id of the last event that was read.
    """

    beats = WEEK

    def __init__(
        self, client: DirectoryClient, directory_id: str | None = None, job: Job | None = None
    ) -> None:
        self.client, self.sandbox = client, sandbox_of(client)
        job = job or Job(lambda _: None)
        directory_id = directory_id or _largest(read_frame(client, "directories", job))
        self.directory = client.directory(directory_id)
        self.provider = provider_name(self.directory["type"])
        users = read_frame(client, "users", job, directory_id=directory_id)
        here = users.loc[users["state"] == "active", ["idp_id", "name", "address", "custom_attributes"]]
        self.people: dict[str, Record] = {
            str(row[0]): _person(*row) for row in here.itertuples(index=False, name=None)
        }
        self.groups = self._group_names()
        self.steps: list[Step] = []
        self.beat = 0
        self._cast: dict[str, str] = {}
        self._names: dict[str, str] = {}  # of the cast, who may be gone
        self._hired = 0
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="dirsync-demo-")
        self.app = SampleApp(users, Path(self._folder.name, "app.db"))
        self._desk = self._at_desk()  # which may make a token, and that is an event of before
        self.cursor: str | None = (latest_event(client) or {}).get("id")
        self._watch = _Watch()
        endpoint = self.sandbox.add_webhook(self._watch.url)
        self._watch.secret = endpoint["secret"]
        # At the end of the process too: a sandbox in another one would go on delivering.
        self._end = weakref.finalize(self, _end, self.sandbox, endpoint["id"], self._watch, self._folder)

    def close(self) -> None:
        """End the receiver, and remove the app's database; closing twice is no error."""
        self._end()

    def _at_desk(self) -> ScimDesk | PolledDesk:
        kind, directory_id = self.directory["type"], self.directory["id"]
        if "scim" in kind:
            return ScimDesk(kind, *self.sandbox.scim(directory_id))
        users, groups = self.client.users, self.client.groups
        return PolledDesk(
            kind,
            directory_id,
            self.sandbox,
            lambda person_id: next(users(directory_id=directory_id, idp_id=person_id), None),
            lambda name: next((one for one in groups(directory_id=directory_id) if one["name"] == name), None),
        )

    def _group_names(self) -> list[str]:
        return sorted({str(one["name"]) for one in self.client.groups(directory_id=self.directory["id"])})

    @property
    def polled(self) -> bool:
        """Whether the provider is polled."""
        return self._desk.polled

    @property
    def waiting(self) -> int:
        """How many steps the next poll is still to find."""
        return sum(step.waiting for step in self.steps)

    def found(self, text: str, most: int) -> tuple[list[Record], int]:
        """Return the first people by name whose name or address holds these words, and how many there are."""
        words = fold(text).split()
        people = [one for one in self.people.values() if all(word in one["folded"] for word in words)]
        return nsmallest(most, people, key=itemgetter("folded")), len(people)

    def find(self, who: str) -> str:
        """Return the provider's id of somebody, by that id, an address or a name.

        Raises
        ------
        ArgumentError
            Nobody is called so, or several are.
        """
        if who in self.people:
            return who
        same = [
            one["id"] for one in self.people.values() if fold(who) in (fold(one["address"]), fold(one["name"]))
        ]
        if len(same) != 1:
            raise errors.ArgumentError(f"{who!r} is {'nobody' if not same else f'{len(same)} people'} here")
        return str(same[0])

    @property
    def teams(self) -> list[str]:
        """Where somebody can move: groups, and departments without a group."""
        departments = {person["department"] for person in self.people.values() if person["department"]}
        return [*self.groups, *sorted(departments - set(self.groups))]

    @property
    def next_name(self) -> str:
        """An invented name for whoever is hired next."""
        return NAMES[(4 + self._hired) % len(NAMES)]

    # -- at the provider ----------------------------------------------------------------------------------

    def hire(self, name: str = "", team: str | None = None, *, title: str = "") -> Step:
        """Let somebody begin, in a team if you say so."""
        name = name.strip() or self.next_name
        first, last = _names(name)
        self._hired += 1
        email = self._free_address(name)
        into = f" into {team}" if team else ""

        def act() -> None:
            group = team if team in self.groups else None
            person_id = self._desk.hire(email, first, last, department=self._department(team), group=group)
            self._cast["newcomer"] = person_id

        return self._step(title or f"{name} is hired{into}", act)

    def move(self, person_id: str, team: str, *, title: str = "") -> Step:
        """Move somebody into a team: its group, its department, or both."""
        person = self._somebody(person_id)
        if not team:
            raise errors.ArgumentError("say where to: one of the teams")

        def act() -> None:
            department = self._department(team)
            if department and department != person["department"]:
                self._desk.change(person_id, department=department)
            if team in self.groups:
                leaves = department and person["department"] in self._groups_of(person_id)
                former = person["department"] if leaves and person["department"] != team else None
                self._desk.move(person_id, into=team, out_of=former)

        return self._step(title or f"{person['name']} moves to {team}", act)

    def rename(self, person_id: str, name: str, *, email: str | None = None, title: str = "") -> Step:
        """Give somebody another name, and another address if you say so."""
        person, (first, last) = self._somebody(person_id), _names(name.strip())
        if not name.strip():
            raise errors.ArgumentError("type the new name first")
        changes = {"first_name": first, "last_name": last, **({"email": email} if email else {})}
        told = title or f"{person['name']} is called {name.strip()} from now on"
        return self._step(told, lambda: self._desk.change(person_id, **changes))

    def let_go(self, person_id: str, *, title: str = "") -> Step:
        """Let somebody go."""
        person = self._somebody(person_id)
        return self._step(title or f"{person['name']} is let go", lambda: self._desk.let_go(person_id))

    def poll(self) -> list[Step]:
        """Let the poll come that finds what waits; return the steps it completed."""
        found = [step for step in self.steps if step.waiting]
        for step in found:
            changes, step.changes = step.changes, []
            self._complete(step, lambda changes=changes: [change() for change in changes])  # type: ignore[misc]
        return found

    # -- the story ----------------------------------------------------------------------------------------

    def play(self) -> Step | None:
        """Play the next step of the story, at a polled provider with its poll; None where it is over."""
        if self.beat >= len(WEEK):
            return None
        beat = WEEK[self.beat]
        self.beat += 1
        step = self._act(beat)
        if step.waiting:
            self.poll()
        return step

    def _act(self, beat: Beat) -> Step:
        if beat.verb == "hire":
            name = self.next_name
            return self.hire(name, next(iter(self._departments()), None), title=beat.title.format(who=name))
        person_id = self._cast.get(beat.who) or self._cast.setdefault(beat.who, self._colleague())
        title = beat.title.format(who=self._names.get(person_id, "somebody"))
        if beat.verb == "rehire":
            return self._step(title, lambda: self._desk.rehire(person_id))
        person = self._somebody(person_id)
        if beat.verb == "marry":
            last = "Lund" if not person["name"].endswith("Lund") else "Berg"
            name = f"{_names(person['name'])[0]} {last}"
            return self.rename(person_id, name, email=self._free_address(name), title=title)
        if beat.verb == "move":
            others = [team for team in self._departments() if team != person["department"]]
            return self.move(person_id, next(iter(others), FALLBACK), title=title)
        return self.let_go(person_id, title=title)

    def _colleague(self) -> str:
        """Choose somebody who was there before, with a department if anybody has one."""
        others = [one for one in self.people.values() if one["id"] != self._cast.get("newcomer")]
        if not others:
            raise errors.ArgumentError("the story needs a colleague, and nobody is left")
        chosen = next((one for one in others if one["department"]), others[0])
        self._names[chosen["id"]] = chosen["name"]
        return str(chosen["id"])

    def _departments(self) -> list[str]:
        """Name the departments, those with a group first."""
        counts = Counter(person["department"] for person in self.people.values() if person["department"])
        found = [name for name, _ in counts.most_common()]
        return sorted(found, key=lambda name: name not in self.groups) or self.groups[:2]

    # -- one step -----------------------------------------------------------------------------------------

    def _step(self, title: str, act: Callable[[], object]) -> Step:
        """Do something at the provider, and follow it through all stations."""
        step = Step(title, f"{datetime.now():%H:%M:%S}", self.provider, self._desk.polled)
        if isinstance(self._desk, PolledDesk):
            act()
            step.changes = self._desk.take()
        else:
            self._complete(step, act)
        self.steps.append(step)
        return step

    def _complete(self, step: Step, act: Callable[[], object]) -> None:
        with self._lock:
            sent = len(self._sent())
            began = time.perf_counter()
            try:
                act()
            except (errors.DirsyncError, OSError) as problem:
                step.problem = str(problem)
            step.requests = self._sent()[sent:]
            step.events = list(self._new_events(began))
            self._receive(step, began)
        self._note(step)

    def _sent(self) -> list[Sent]:
        return self._desk.persona.sent if isinstance(self._desk, ScimDesk) else []

    def _new_events(self, began: float) -> Iterator[Arrived]:
        found = list(self.client.events(after=self.cursor) if self.cursor else self.client.events())
        taken = (time.perf_counter() - began) * 1000
        for record in found:
            self.cursor = record["id"]
            line = sentence(record)
            if line.directory_id == self.directory["id"]:
                yield Arrived(record, line, taken)

    def _receive(self, step: Step, began: float) -> None:
        """Wait for the webhooks, and let the app take each in the order of arrival."""
        ids = [one.record["id"] for one in step.events if not one.record["event"].startswith(NOT_PUSHED)]
        self._watch.wait_for(ids, PATIENCE)
        came = sorted((self._watch.came[one][0], one) for one in ids if one in self._watch.came)
        for at, event_id in came:
            _, header, status, body = self._watch.came[event_id]
            event = json.loads(body)
            taken = (at - began) * 1000
            step.deliveries.append(Delivered(event_id, event["event"], header, status, len(body), taken))
            change = self.app.follow(event)
            step.rows.append(Followed(change, event["event"], (time.perf_counter() - began) * 1000))
        if len(came) < len(ids):
            late = len(ids) - len(came)
            step.problem = step.problem or f"{late} webhooks did not come within {PATIENCE:g} seconds"

    def _note(self, step: Step) -> None:
        """Keep in mind who is there and which groups, as the events tell."""
        for record in (one.record for one in step.events):
            data, name = record["data"], record["event"]
            if name.startswith("dsync.user."):
                person_id = data["idp_id"]
                self.people.pop(person_id, None)
                if not name.endswith("deleted") and data["state"] == "active":
                    address = data.get("email")
                    self.people[person_id] = _person(
                        person_id, data["name"], address, data["custom_attributes"]
                    )
                    self._names[person_id] = self.people[person_id]["name"]
            elif name in ("dsync.group.created", "dsync.group.updated", "dsync.group.deleted"):
                self.groups = self._group_names()

    # -- small parts --------------------------------------------------------------------------------------

    def _somebody(self, person_id: str) -> Record:
        if person_id not in self.people:
            raise errors.ArgumentError("choose somebody who is here first")
        return self.people[person_id]

    def _department(self, team: str | None) -> str | None:
        """Return the department that a team is: any but a group whose name is nobody's department."""
        return team if team is None or team in self._departments() or team not in self.groups else None

    def _groups_of(self, person_id: str) -> list[str]:
        directory_id = self.directory["id"]
        user = next(self.client.users(directory_id=directory_id, idp_id=person_id), None)
        return [] if user is None else [group["name"] for group in self.client.groups(user_id=user["id"])]

    def _free_address(self, name: str) -> str:
        addresses = {str(person["address"]).casefold() for person in self.people.values()}
        domains = Counter(address.rpartition("@")[2] for address in addresses if "@" in address)
        domain = domains.most_common(1)[0][0] if domains else "customer.example"
        local = re.sub(r"[^a-z0-9.-]+", "", mail_name(name)).strip(".") or "somebody"
        wishes = (f"{local}{number or ''}@{domain}" for number in range(len(addresses) + 2))
        return next(wish for wish in wishes if wish not in addresses)


def sandbox_of(client: DirectoryClient) -> Any:
    """Return the sandbox of a client; refuse one that reads real people, or pseudonyms."""
    if isinstance(client, RedactedClient) or client.sandbox is None:
        raise errors.ArgumentError(
            "the console changes people, so it needs the client of a sandbox: connect_sandbox(), not redacted"
        )
    return client.sandbox


def _largest(directories: pd.DataFrame) -> str:
    people = directories[["active_users", "inactive_users"]].sum(axis="columns")
    if not people.gt(0).any():
        raise errors.ArgumentError("nobody is in any directory of this sandbox: give it people first")
    return str(people.idxmax())


def _end(sandbox: Any, webhook: str, watch: Receiver, folder: tempfile.TemporaryDirectory[str]) -> None:
    with suppress(OSError, errors.DirsyncError):  # the sandbox is gone, or was reset
        sandbox.remove_webhook(webhook)
    watch.close()
    folder.cleanup()


def _person(person_id: Any, name: Any, address: Any, attributes: Any) -> Record:
    held = attributes if isinstance(attributes, dict) else {}
    department = held.get("department_name")
    return {
        "id": str(person_id),
        "name": name_label(name if isinstance(name, str) and name else address),
        "address": address if isinstance(address, str) else "",
        "folded": fold(f"{name} {address}"),
        "department": department if isinstance(department, str) else "",
    }


def _names(name: str) -> tuple[str, str]:
    first, _, last = name.rpartition(" ")
    return (first, last) if first else (last, "")
