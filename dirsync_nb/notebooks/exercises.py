"""The exercises at the end of the guided notebooks: a question each, its truth, and what is right.

The truth is what the sandbox holds, read past the API. For directories of your own, and for a sandbox that
another process runs, it is read from the API in another way than a notebook does it: raw records, no frames.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors
from ..client import needs_client
from ..client.calls import every_call
from ..client.client import RedactedClient
from ..load import largest_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..client import DirectoryClient, Record

__all__ = ["EXERCISES", "Exercise", "Verdict", "check_answer"]

Pairs = set[tuple[str, str]]
SANDBOX = "client = ds.connect_sandbox()"


class Source(Protocol):
    """Where the truth is read: the sandbox's store has these methods."""

    def directories(self) -> Iterable[Record]:
        """Return all directories."""

    def users(self, directory_id: str) -> Iterable[Record]:
        """Return all users of a directory."""

    def memberships(self, directory_id: str) -> Pairs:
        """Return all (user id, group id) of a directory."""


@dataclass(frozen=True)
class Facts:
    """What an exercise is judged by."""

    client: DirectoryClient
    source: Source

    def everybody(self) -> list[Record]:
        """Return the users of all directories."""
        return [user for home in self.homes() for user in self.source.users(home)]

    def largest(self) -> str | None:
        """Return the id of the largest directory."""
        return largest_directory(self.client)

    def people(self) -> list[Record]:
        """Return the users of the largest directory."""
        largest = self.largest()
        return [] if largest is None else list(self.source.users(largest))

    def pairs(self) -> Pairs:
        """Return the memberships of the largest directory."""
        largest = self.largest()
        return set() if largest is None else self.source.memberships(largest)

    def members(self) -> dict[str, set[str]]:
        """Return who is in each group of the largest directory."""
        members: dict[str, set[str]] = {}
        for user, group in self.pairs():
            members.setdefault(group, set()).add(user)
        return members

    def homes(self) -> list[str]:
        """Return the ids of all directories."""
        return [str(one["id"]) for one in self.source.directories()]


@dataclass(frozen=True)
class Exercise:
    """One question.

    Parameters
    ----------
    question, hint
        What is asked, and what helps whoever was wrong.
    truth
        Works out the right answers: several where more than one is right, none where there is nothing to find.
    """

    question: str
    hint: str
    truth: Callable[[Facts], list[Any]]


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: ``right`` is None where it was not judged."""

    right: bool | None
    text: str

    def __bool__(self) -> bool:
        return bool(self.right)

    def __repr__(self) -> str:
        return self.text


@needs_client
def check_answer(client: DirectoryClient, exercise: str, answer: Any) -> Verdict:
    """Return whether the answer to an exercise of a guided notebook is right, with a hint where it is not.

    On the embedded sandbox it is held against what the sandbox holds; on directories of your own, against the
    API's raw records, which are read for it. ``...`` is no answer yet, and gives the question.

    Parameters
    ----------
    client
        The client that the answer was found with.
    exercise
        Which: a name in ``dirsync_nb.notebooks.exercises.EXERCISES``.
    answer
        A number, an id, or several ids in any order: a list, an Index, a frame.

    Raises
    ------
    ArgumentError
        There is no such exercise.
    LoadError
        As the loaders, on directories of your own.

    Examples
    --------
    >>> ds.check_answer(client, "states", directories.index)
    Not yet. Look at the column state of load_directories; every other word than linked needs somebody.
    """
    if exercise not in EXERCISES:
        raise errors.ArgumentError(f"there is no exercise {exercise!r}; there are {', '.join(EXERCISES)}")
    asked = EXERCISES[exercise]
    if answer is ...:
        return Verdict(None, f"Your turn. {asked.question}")
    right = asked.truth(Facts(client, _source(client)))
    if not right:
        return Verdict(None, f"Here is nothing to find. The sandbox has something: {SANDBOX}")
    given = _plain(answer)
    if any(given == _plain(one) for one in right):
        return Verdict(True, "Right.")
    return Verdict(False, f"Not yet. {asked.hint}")


def _plain(answer: Any) -> Any:
    """Return a number as it is, an id as text, and several of them as a set."""
    answer = getattr(answer, "index", answer) if hasattr(answer, "columns") else answer
    if isinstance(answer, str):
        return answer
    if hasattr(answer, "__iter__"):
        return frozenset(map(_plain, answer))
    return answer.item() if hasattr(answer, "item") else answer


def _source(client: DirectoryClient) -> Source:
    truth = getattr(client.sandbox, "truth", None)
    return _Records(client) if truth is None or isinstance(client, RedactedClient) else truth


@dataclass(frozen=True)
class _Records:
    """The raw records of the API."""

    client: DirectoryClient

    def directories(self) -> Iterable[Record]:
        return self.client.directories()

    def users(self, directory_id: str) -> Iterable[Record]:
        return self.client.users(directory_id=directory_id)

    def memberships(self, directory_id: str) -> Pairs:
        groups = [str(one["id"]) for one in self.client.groups(directory_id=directory_id)]
        of_group = self.client.users
        return {
            (str(user["id"]), one)
            for one in groups
            for user in of_group(directory_id=directory_id, group_id=one)
        }


# -- the truths ----------------------------------------------------------------------------------------------


def _without_usual_role(facts: Facts) -> list[Any]:
    roles = Counter((user.get("role") or {}).get("slug") for user in facts.people())
    return [roles.total() - max(roles.values())] if roles else []


def _not_linked(facts: Facts) -> list[Any]:
    states = {str(one["id"]): one.get("state") for one in facts.source.directories()}
    return [[one for one, state in states.items() if state not in ("linked", "active")]] if states else []


def _without_email(facts: Facts) -> list[Any]:
    everybody = facts.everybody()
    return [sum(not user.get("email") for user in everybody)] if everybody else []


def _in_most_groups(facts: Facts) -> list[Any]:
    counts = Counter(user for user, _ in facts.pairs())
    return [user for user, count in counts.items() if count == max(counts.values())]


def _closest_groups(facts: Facts) -> list[Any]:
    members = facts.members()
    shared = {pair: len(members[pair[0]] & members[pair[1]]) for pair in combinations(members, 2)}
    most = max(shared.values(), default=0)
    return [pair for pair, count in shared.items() if count == most > 0]


def _shared_addresses(facts: Facts) -> list[Any]:
    addresses = Counter(str(user["email"]).casefold() for user in facts.everybody() if user.get("email"))
    return [sum(count for count in addresses.values() if count > 1)] if addresses else []


def _deleted(facts: Facts) -> list[Any]:
    return [len({event["data"]["id"] for event in facts.client.events(events="dsync.user.deleted")})]


def _most_tries(facts: Facts) -> list[Any]:
    log = [] if facts.client.sandbox is None else facts.client.sandbox.webhook_log()
    return [max(one["try"] for one in log)] if log else []


def _first_load(facts: Facts) -> list[Any]:
    sizes = [len(list(facts.source.users(home))) for home in facts.homes()]
    return [sum(max(1, -(-size // 100)) for size in sizes)] if sizes else []


def _active_without_group(facts: Facts) -> list[Any]:
    inside = {user for user, _ in facts.pairs()}
    people = facts.people()
    out = [user for user in people if user.get("state") == "active" and user["id"] not in inside]
    return [len(out)] if people else []


def _all_memberships(facts: Facts) -> list[Any]:
    pairs = [len(facts.source.memberships(home)) for home in facts.homes()]
    return [sum(pairs)] if pairs else []


def _in_several_groups(facts: Facts) -> list[Any]:
    counts = Counter(user for home in facts.homes() for user, _ in facts.source.memberships(home))
    return [sum(count > 1 for count in counts.values())] if counts else []


def _in_both(facts: Facts) -> list[Any]:
    here = {user["id"] for user in facts.people() if user.get("state") == "active"}
    members = facts.members()
    sizes = sorted(map(len, members.values()), reverse=True)
    if len(sizes) < 2:
        return []
    largest = [one for one in members.values() if len(one) >= sizes[1]]
    pairs = [pair for pair in combinations(largest, 2) if sum(map(len, pair)) == sizes[0] + sizes[1]]
    return list({len(one & other & here) for one, other in pairs})


_TRUTHS: dict[str, Callable[[Facts], list[Any]]] = {
    "roles": _without_usual_role,
    "states": _not_linked,
    "no email": _without_email,
    "most groups": _in_most_groups,
    "closest groups": _closest_groups,
    "shared addresses": _shared_addresses,
    "deleted": _deleted,
    "tries": _most_tries,
    "first load": _first_load,
    "no group": _active_without_group,
    "memberships": _all_memberships,
    "several groups": _in_several_groups,
    "clash": _in_both,
}
_ASKED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
EXERCISES = {name: Exercise(**asked, truth=_TRUTHS[name]) for name, asked in _ASKED.items()}
"""Every exercise by its name."""

every_call(__name__)
