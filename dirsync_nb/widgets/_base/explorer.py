"""What the widgets that open a directory have in common: how they begin, and the list of directories."""

from __future__ import annotations

import pandas as pd

from ...client import DirectoryClient
from .controls import Controls
from .jobs import PATIENCE
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

    # Reading ------------------------------------------------------------------------------------------------

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
