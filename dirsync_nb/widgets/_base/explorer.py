"""What the widgets that open a directory have in common: how they begin, and the list of directories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import traitlets as t

from ...client import DirectoryClient
from .controls import Controls, only_listed
from .jobs import PATIENCE, Job
from .panel import Panel, Read
from .reading import read_frame

__all__ = ["NO_DIRECTORY", "Explorer"]

NO_DIRECTORY = "No directory in this environment yet: connect one with the Setup widget."


class Explorer(Panel):
    """Base of the widgets that read the directories first, and then what one of them holds.

    A widget of this kind sets its own state, then calls ``begin``.

    Parameters
    ----------
    client
        Where to read.

    Attributes
    ----------
    directories
        The frame of all directories.
    """

    directories = Read()

    def __init__(self, client: DirectoryClient) -> None:
        super().__init__()
        self.client = client
        self._directories = pd.DataFrame()
        self._controls = Controls(self)
        self._patience: float | None = None

    def begin(self) -> None:
        """Make the controls and read what comes first: whoever makes the widget waits a little for that."""
        self._patience = PATIENCE
        self._build()
        self._connect()
        self.again()
        self._patience = None

    # What each kind of widget does for itself -----------------------------------------------------------------

    def _build(self) -> None:
        """Make the controls and put them together."""

    def _connect(self) -> None:
        """Tie controls to traits, and say what follows a change."""

    def _directories_read(self, frame: pd.DataFrame) -> None:
        """Go on with the list of directories."""

    @t.validate("directory_id")
    def _only_a_listed_directory(self, proposal: Any) -> Any:
        if proposal.value is not None:
            self.wait()
            only_listed(proposal.value, self._directories.index, "directory")
        return proposal.value

    # Reading ------------------------------------------------------------------------------------------------

    def _run(self, name: str, work: Callable[[Job], Any], done: Callable[[Any], None]) -> None:
        """Do slow work; what goes wrong is said in the status line."""
        self.jobs.run(name, work, done, self._failed, patience=self._patience)

    def _failed(self, problem: BaseException) -> None:
        self.status.problem(problem)

    def _read_directories(self) -> None:
        self.busy("Reading directories …")
        self._run(
            "directories", lambda job: read_frame(self.client, "directories", job), self._directories_read
        )

    def _ask_for_directory(self) -> None:
        """Say that a directory is to be chosen, unless there is something to say that must stay."""
        if self.status.kind == "error" or self.jobs.busy:
            return
        some = len(self._directories)
        choose = f"Choose one of {some:,} directories." if some > 1 else "Choose the directory."
        self.status.say("empty", choose if some else NO_DIRECTORY)
        self.settled()

    def _say_missing(self, directory_id: str) -> None:
        self.status.say("error", f"There is no directory {directory_id} in this environment.")
