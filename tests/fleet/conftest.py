"""Small fleets to be taken, in parts as large ones are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dirsync_nb.client import DirectoryClient
from dirsync_nb.fleet import fleet as fleets
from dirsync_nb.sandbox import Sandbox

from .taking import connected


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even a small fleet be worked on in several parts, and in several rounds."""
    monkeypatch.setattr(fleets, "PART_ROWS", 80)
    monkeypatch.setattr(fleets, "AT_ONCE", 2)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Any, DirectoryClient, Path]]:
    """A sandbox of 6 directories, a client of it, and a folder for the fleet."""
    with Sandbox(world="fleet:6x20") as sandbox, connected(sandbox) as client:
        yield sandbox, client, tmp_path / "fleet"
