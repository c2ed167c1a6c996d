"""The sandbox as a Python object: start it, make things happen in it, look at the truth, stop it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, Self, TypeVar, cast

from . import objects
from . import seed as seeds
from . import store as stores
from .api import Api, Rules
from .app import API_KEY, App, RequestLine
from .control import Control
from .faults import Faults
from .happenings import Happenings, InactivePolicy
from .limits import Limits
from .server import Server
from .store import FORMAT, Store

if TYPE_CHECKING:
    from types import TracebackType

    from .objects import Object

P = ParamSpec("P")
R = TypeVar("R")

VERSION = "1"
_CACHED_UP_TO = 5_000  # users; a seed of this size is kept as bytes, so that the next one costs nothing
_IN_MEMORY_UP_TO = 50_000  # users; more go to a temporary file


def _does(
    happening: Callable[Concatenate[Happenings, P], R],
) -> Callable[Concatenate[Sandbox, P], R]:
    """Make a method of the sandbox from one of ``Happenings``."""

    @wraps(happening)
    def do(sandbox: Sandbox, *args: P.args, **kwargs: P.kwargs) -> R:
        return happening(sandbox.happenings, *args, **kwargs)

    return cast(Callable[..., R], do)


class Sandbox:
    """Be WorkOS Directory Sync on this machine.

    Parameters
    ----------
    seed
        Same seed: same ids, people, clock and bytes.
    users
        How many users the Okta directory has, from 0 to millions; None for the 260 of the story.
    port
        0 lets the system choose.
    team : {"new", "legacy"}
        Teams from before the deprecations of 2026 still get ``groups``, ``emails`` and ``raw_attributes``.
    inactive_policy : {"delete", "keep"}
        What becomes of users the provider deactivates.
    limits
        Enforce the rate limits.
    default_order : {"desc", "normal", "asc"}
        The order of lists when the request names none.
    strict
        Refuse unknown parameters instead of ignoring them, as the real service does.
    database
        A file to keep the sandbox in. It is reopened if the same settings made it.
    """

    def __init__(
        self,
        seed: int = 1,
        users: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        team: Literal["new", "legacy"] = "new",
        inactive_policy: InactivePolicy = "delete",
        limits: bool = False,
        default_order: Literal["desc", "asc", "normal"] = "desc",
        strict: bool = False,
        database: str | os.PathLike[str] | None = None,
    ) -> None:
        _one_of("team", team, ("new", "legacy"))
        _one_of("inactive_policy", inactive_policy, ("delete", "keep"))
        _one_of("default_order", default_order, ("desc", "asc", "normal"))
        if users is not None and users < 0:
            raise ValueError(f"users must be 0 or more; got {users}")
        self.seed, self.users, self.team, self.inactive_policy = seed, users, team, inactive_policy
        self.faults = Faults()
        self.api_key = API_KEY
        self._host, self._port = host, port
        self._rules = Rules(legacy=team == "legacy", default_order=default_order, strict=strict)
        self._limits = Limits() if limits else None
        self._database = None if database is None else Path(database)
        self._lock = threading.RLock()
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._store: Store | None = None
        self._server: Server | None = None
        self._app: App | None = None
        self._happenings: Happenings | None = None

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open the store and serve it; starting twice is no error."""
        with self._lock:
            if self._server is not None:
                return self
            store = self._open()
            control = Control(self.info, self.reset, self.faults, lambda: self.happenings)
            app = App(Api(store, self._rules), control, self.faults, self._limits, self._host)
            try:
                server = Server(app, self._host, self._port)
            except BaseException:
                self._close()
                raise
            self._server, self._app = server, app
            server.start()
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """End the thread, free the port, close the store and remove its temporary file."""
        with self._lock:
            server, self._server = self._server, None
            if server is not None:
                server.stop()
                atexit.unregister(self.stop)
            self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox seed={self.seed} {self.url if self.running else 'not running'}>"

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self._server is not None and self._server.running

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running: start() it first")
        own = {"localhost": "127.0.0.1", "::1": "127.0.0.1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 (shown, not bound)
        host = own.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.port}"

    def reset(self) -> Object:
        """Go back to the seed, without faults; give what ``info`` gives."""
        with self._lock:
            self.faults.clear()
            if self._limits is not None:
                self._limits.clear()
            if self._app is not None:
                self._app.requests.clear()
            self._refill(self._opened())
            return self.info()

    # -- what is so -------------------------------------------------------------------------------------

    @property
    def requests(self) -> list[RequestLine]:
        """The last 10,000 requests to the API as (method, path, query), oldest first."""
        return list(self._app.requests) if self._app is not None else []

    @property
    def truth(self) -> Truth:
        """What is so right now, read from the store and not through the API."""
        return Truth(self._opened())

    def info(self) -> Object:
        """Say what this sandbox is and how much is in it."""
        return {
            "version": VERSION,
            "seed": self.seed,
            "team": self.team,
            "inactive_policy": self.inactive_policy,
            "limits": self._limits is not None,
            **self._opened().info(),
        }

    # -- what can happen (see ``happenings``) ----------------------------------------------------------------

    add_user = _does(Happenings.add_user)
    update_user = _does(Happenings.update_user)
    deactivate_user = _does(Happenings.deactivate_user)
    reactivate_user = _does(Happenings.reactivate_user)
    delete_user = _does(Happenings.delete_user)
    add_group = _does(Happenings.add_group)
    rename_group = _does(Happenings.rename_group)
    delete_group = _does(Happenings.delete_group)
    add_member = _does(Happenings.add_member)
    remove_member = _does(Happenings.remove_member)
    set_directory_state = _does(Happenings.set_directory_state)
    delete_directory = _does(Happenings.delete_directory)
    create_token = _does(Happenings.create_token)
    revoke_token = _does(Happenings.revoke_token)

    # -- the store --------------------------------------------------------------------------------------

    def _opened(self) -> Store:
        if self._store is None:
            self._open()
        assert self._store is not None
        return self._store

    @property
    def happenings(self) -> Happenings:
        """Everything that can happen, as one object."""
        self._opened()
        assert self._happenings is not None
        return self._happenings

    def _open(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = self._make_store()
                self._happenings = Happenings(self._store, self.seed, self.inactive_policy)
            return self._store

    def _make_store(self) -> Store:
        if self._database is not None:
            return self._open_file(self._database)
        if (self.users or 0) > _IN_MEMORY_UP_TO:
            self._files = tempfile.TemporaryDirectory(prefix="dirsync-sandbox-")
            store = Store(str(Path(self._files.name, "sandbox.sqlite")))
        else:
            store = Store()
        self._refill(store)
        return store

    def _refill(self, store: Store) -> None:
        if self._database is None and (self.users or 0) <= _CACHED_UP_TO:
            store.restore(_image(self.seed, self.users, self.inactive_policy))
        else:
            self._fill(store)

    def _fill(self, store: Store) -> None:
        with store.lock:
            store.wipe()
            store.create()
            seeds.build(store, self.seed, self.users, self.inactive_policy)
            for key, value in self._marks().items():
                store.set_meta(key, value)

    def _marks(self) -> dict[str, str]:
        """Give what a kept file must agree on to be reopened."""
        made_by = {
            "format": FORMAT,
            "seed": self.seed,
            "users": self.users,
            "inactive_policy": self.inactive_policy,
        }
        return {key: str(value) for key, value in made_by.items()}

    def _open_file(self, path: Path) -> Store:
        """Reopen a kept sandbox, or make it beside its place and move it there when it is whole."""
        if not path.exists():
            part = path.with_name(path.name + ".part")
            part.unlink(missing_ok=True)
            store = Store(str(part))
            try:
                self._fill(store)
            finally:
                store.close()
            part.replace(path)
        try:
            store = Store(str(path))
        except sqlite3.DatabaseError:
            raise ValueError(f"{path} is not a sandbox database; name another file") from None
        try:
            self._check_marks(store, path)
        except BaseException:
            store.close()
            raise
        store.load_clock()
        return store

    def _check_marks(self, store: Store, path: Path) -> None:
        for key, wanted in self._marks().items():
            found = store.meta(key) if store.has_meta() else None
            if found is None:
                raise ValueError(f"{path} is not a sandbox database; name another file")
            if found != wanted:
                raise ValueError(
                    f"{path} was made with {key}={found}, not {wanted}: name another file, or remove this one"
                )

    def _close(self) -> None:
        store, self._store, self._happenings = self._store, None, None
        if store is not None:
            store.close()
        files, self._files = self._files, None
        if files is not None:
            with contextlib.suppress(OSError):
                files.cleanup()


class Truth:
    """Read the store as it is, for comparison with what came over the wire."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def directories(self) -> list[Object]:
        """Give all directories, oldest first."""
        rows = self._store.execute("SELECT * FROM directories ORDER BY n")
        return [objects.directory_object(stores.as_directory(row)) for row in rows]

    def users(self, directory_id: str) -> list[Object]:
        """Give all users of a directory, oldest first, as teams from May 2026 on see them."""
        return self._of("SELECT json FROM users WHERE directory = ? ORDER BY n", directory_id)

    def groups(self, directory_id: str) -> list[Object]:
        """Give all groups of a directory, oldest first."""
        return self._of("SELECT json FROM groups WHERE directory = ? ORDER BY n", directory_id)

    def memberships(self, directory_id: str) -> set[tuple[str, str]]:
        """Give all (user id, group id) of a directory."""
        n = self._store.directory(directory_id)["n"]
        rows = self._store.execute(
            "SELECT users.id, groups.id FROM groups JOIN memberships ON memberships.group_n = groups.n"
            " JOIN users ON users.n = memberships.user_n WHERE groups.directory = ?",
            (n,),
        )
        return {(user_id, group_id) for user_id, group_id in rows}

    def _of(self, statement: str, directory_id: str) -> list[Object]:
        n = self._store.directory(directory_id)["n"]
        return [json.loads(text) for (text,) in self._store.execute(statement, (n,))]


@lru_cache(maxsize=4)
def _image(seed: int, users: int | None, policy: InactivePolicy) -> bytes:
    """Build a small seed once, and keep it as bytes."""
    store = Store()
    try:
        store.create()
        seeds.build(store, seed, users, policy)
        return store.dump()
    finally:
        store.close()


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
