"""Opening directories for onboarding: reading their people, then who is in which group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from ...client import DirectoryClient
from .._base.jobs import Job
from .._base.reading import read_memberships
from .people import People, read_people

__all__ = ["Finder", "Frames", "Run"]

Frames = tuple[pd.DataFrame | None, pd.DataFrame | None, pd.DataFrame | None]


class Run(Protocol):
    """Does slow work beside the loop; what goes wrong is said by the widget."""

    def __call__(self, name: str, work: Callable[[Job], Any], done: Callable[[Any], None]) -> None: ...


class Finder:
    """The people of the open directories, once they are read.

    Parameters
    ----------
    client
        Where to read.
    given
        Users, groups and memberships as whole frames: nothing is read then.
    app
        What a roster wants to know of the app besides.
    run
        Does the reading.
    arrived, joined
        Called when people, and when their memberships, are here.

    Attributes
    ----------
    people
        The people, or None while they are not known.
    """

    def __init__(
        self,
        client: DirectoryClient,
        given: Frames,
        app: Mapping[str, Any],
        *,
        run: Run,
        arrived: Callable[[People], None],
        joined: Callable[[], None],
    ) -> None:
        self.app = app
        self.people: People | None = None
        self._client, self._given = client, given
        self._run, self._tell_arrived, self._tell_joined = run, arrived, joined

    @property
    def reads(self) -> bool:
        """Whether people are read, and were not given."""
        return self._given[0] is None

    @property
    def homes(self) -> tuple[str, ...]:
        """The directories of the people that were given."""
        users = self._given[0]
        return () if users is None else tuple(dict.fromkeys(users["directory_id"].dropna()))

    @property
    def whole(self) -> bool:
        """Whether people and, where they are read, their memberships are here."""
        return self.people is not None and not (self.reads and self.people.roster.memberships is None)

    def forget(self) -> None:
        """Know nobody."""
        self.people = None

    def read_on(self, directories: pd.DataFrame, homes: Sequence[str]) -> None:
        """Read what comes next: people, or else who of them is in which group."""
        users, groups, memberships = self._given
        if self.people is not None:
            self._read_memberships(self.people)
        elif users is not None:
            self._run("people", lambda _: People(users, groups, memberships, self.app), self._arrived)
        else:
            self._run(
                "people",
                lambda job: read_people(self._client, directories, homes, self.app, job),
                self._arrived,
            )

    def _arrived(self, people: People) -> None:
        self.people = people
        self._tell_arrived(people)
        if not self.whole:
            self._read_memberships(people)

    def _read_memberships(self, people: People) -> None:
        users, groups = people.roster.users, people.roster.groups
        if groups is not None:
            self._run(
                "memberships",
                lambda job: read_memberships(self._client, users, groups, job),
                lambda memberships: self._joined(people, memberships),
            )

    def _joined(self, people: People, memberships: pd.DataFrame) -> None:
        if people is self.people:
            people.join(memberships)
            self._tell_joined()
