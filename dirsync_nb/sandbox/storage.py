"""Where an environment's data lie: in memory, in a temporary file, or in a file that is kept."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .directory.refusal import Invalid
from .directory.store import Store
from .seeding import seed as seeds

if TYPE_CHECKING:
    from .settings import Beginning, Settings

CACHED_UP_TO = 5_000  # users; a seed of this size is kept as bytes, so that the next one costs nothing
IN_MEMORY_UP_TO = 50_000  # users; more go to a temporary file


class Storage:
    """Open a store with the data that settings ask for, and leave nothing behind."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self.store = self._open()

    def refill(self) -> None:
        """Go back to the seed."""
        settings = self._settings
        if settings.database is None and settings.beginning.expected_users() <= CACHED_UP_TO:
            self.store.restore(_image(settings.beginning))
        else:
            _fill(self.store, settings.beginning)

    def close(self) -> None:
        """Close the store and remove its temporary file."""
        self.store.close()
        if self._files is not None:
            with contextlib.suppress(OSError):
                self._files.cleanup()

    def _open(self) -> Store:
        if self._settings.database is not None:
            return _open_file(Path(self._settings.database), self._settings)
        if self._settings.beginning.expected_users() > IN_MEMORY_UP_TO:
            self._files = tempfile.TemporaryDirectory(prefix="dirsync-sandbox-")
            self.store = Store(str(Path(self._files.name, "sandbox.sqlite")))
        else:
            self.store = Store()
        self.refill()
        return self.store


def _fill(store: Store, beginning: Beginning) -> None:
    with store.lock:
        store.wipe()
        store.create()
        seeds.build(
            store, beginning.seed, beginning.users, beginning.inactive_policy, beginning.plan, beginning.roles,
            shift=beginning.shift, live=beginning.clock == "now",
        )  # fmt: skip
        for key, value in beginning.marks().items():
            store.set_meta(key, value)


@lru_cache(maxsize=4)
def _image(beginning: Beginning) -> bytes:
    """Build a small seed once, and keep it as bytes."""
    store = Store()
    try:
        _fill(store, beginning)
        return store.dump()
    finally:
        store.close()


def _open_file(path: Path, settings: Settings) -> Store:
    """Reopen a kept sandbox, or make it beside its place and move it there when it is whole."""
    try:
        if not path.exists():
            _make_file(path, settings.beginning)
        store = Store(str(path), keep=True)
    except sqlite3.OperationalError as problem:
        if "locked" in str(problem):
            raise Invalid(
                f"{path} is kept by a sandbox that runs: stop that one, or name another file"
            ) from None
        raise Invalid(f"{path} cannot be opened or written: {problem}") from None
    except sqlite3.DatabaseError:
        raise Invalid(f"{path} is not a sandbox database; name another file") from None
    except OSError as problem:
        raise Invalid(f"{path} cannot be written: {problem.strerror}") from None
    try:
        _check_marks(store, path, settings.beginning.marks())
    except BaseException:
        store.close()
        raise
    store.load_clock()
    return store


def _make_file(path: Path, beginning: Beginning) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    store = Store(str(part))
    try:
        _fill(store, beginning)
    finally:
        store.close()
    part.replace(path)


def _check_marks(store: Store, path: Path, marks: dict[str, str]) -> None:
    for key, wanted in marks.items():
        found = store.meta(key) if store.has_meta() else None
        if found is None:
            raise Invalid(f"{path} is not a sandbox database; name another file")
        if found != wanted:
            raise Invalid(
                f"{path} was made with {key}={found}, not {wanted}: name another file, or remove this one"
            )
