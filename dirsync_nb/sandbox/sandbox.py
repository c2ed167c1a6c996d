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
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, NamedTuple, ParamSpec, Self, TypeVar, cast

from .. import extras
from . import objects
from . import seed as seeds
from . import store as stores
from .api import Api, Rules
from .app import API_KEY, App, RequestLine
from .control import Control
from .deliveries import Deliveries, read_event
from .faults import Faults
from .happenings import Happenings, InactivePolicy, RoleMode
from .ids import bearer_token
from .limits import Limits
from .server import Server
from .store import FORMAT, Store

if TYPE_CHECKING:
    from types import TracebackType

    from .environments import Environment
    from .objects import Object
    from .plays import Play
    from .scim import Profile, ScimDoors
    from .worlds import World

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


class ScimAccess(NamedTuple):
    """Hold what a provider needs to write to a directory."""

    url: str
    token: str


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
    scim_profile : {"workos", "lenient", "strict", "naive-total"}
        What the SCIM door lets pass, see ``scim``.
    world
        Which organizations and directories there are: "harbour" (of all examples), "okta" (its first directory
        alone), "empty", or a YAML file as in ``worlds``.
    roles : {"single", "multiple"}
        Whether a user in several mapped groups has the highest of their roles, as environments have it by
        default, or all of them.
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
        scim_profile: Profile = "workos",
        world: str | os.PathLike[str] = "harbour",
        roles: RoleMode = "single",
        database: str | os.PathLike[str] | None = None,
    ) -> None:
        _one_of("team", team, ("new", "legacy"))
        _one_of("inactive_policy", inactive_policy, ("delete", "keep"))
        _one_of("default_order", default_order, ("desc", "asc", "normal"))
        _one_of("scim_profile", scim_profile, ("workos", "lenient", "strict", "naive-total"))
        _one_of("roles", roles, ("single", "multiple"))
        self.roles = roles
        self._world = seeds.world_named(world)
        if users is not None and users < 0:
            raise ValueError(f"users must be 0 or more; got {users}")
        self.seed, self.users, self.team, self.inactive_policy = seed, users, team, inactive_policy
        self.scim_profile = scim_profile
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
        self._deliveries: Deliveries | None = None
        self._scim: ScimDoors | None = None
        self._play: Play | None = None
        self.environments: dict[str, Environment] = {}

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open the store and serve it; starting twice is no error."""
        with self._lock:
            if self._server is not None:
                return self
            app = self._make_app()
            try:
                server = Server(app, self._host, self._port)
            except BaseException:
                self._close()
                raise
            self._server, self._app = server, app
            server.start()
            atexit.register(self.stop)
        return self

    def _make_app(self) -> App:
        store = self._open()
        more: dict[tuple[str, str], Callable[[Object], Any]] = {
            ("GET", "/_sandbox/scim"): lambda _: self.scim_doors(),
            ("POST", "/_sandbox/play"): lambda given: self.play(**given),
            ("GET", "/_sandbox/environments"): lambda _: self._describe_environments(),
            ("POST", "/_sandbox/environments"): self._ask_for_environment,
        }
        control = Control(
            self.info, self.reset, self.faults, lambda: self.happenings, lambda: self.deliveries, more
        )
        return App(
            Api(store, self._rules),
            control,
            self.faults,
            self._limits,
            self._host,
            self.api_key,
            self._doors,
        )

    def stop(self) -> None:
        """End the thread, free the port, close the store and remove its temporary file."""
        with self._lock:
            server, self._server = self._server, None
            if server is not None:
                server.stop()
                atexit.unregister(self.stop)
            for environment in list(self.environments.values()):
                environment.stop()
            self._close()

    def add_environment(self, name: str, **settings: Any) -> Environment:
        """Serve another environment at the same address, behind a key of its own.

        It shares nothing with the first: its data, faults, limits and settings are its own. The key is
        ``sk_test_<name>``, the settings are those of ``Sandbox``, and the seed is the next one not in use.
        """
        if not name.isascii() or not name.isidentifier() or f"sk_test_{name}" == API_KEY:
            raise ValueError(f"the name of an environment must be letters, digits and _; got {name!r}")
        from .environments import Environment

        with self._lock:
            if self._server is None:
                raise RuntimeError("environments are added to a running sandbox: start() it first")
            if name in self.environments:
                raise ValueError(f"there is an environment {name!r} already")
            used = {self.seed, *(one.seed for one in self.environments.values())}
            seed = settings.pop("seed", max(used) + 1)
            if seed in used:  # ids are made from it, and a SCIM address must mean one directory
                raise ValueError(f"seed {seed} is in use: two environments need different seeds")
            made = Environment(self, name, seed=seed, **settings)
            self.environments[name] = made
            try:
                return made.start()
            except BaseException:
                made.stop()
                raise

    def _describe_environments(self) -> list[Object]:
        every = {"": self, **self.environments}
        return [{"name": name, "api_key": one.api_key, **one.info()} for name, one in every.items()]

    def _ask_for_environment(self, given: Object) -> Object:
        made = self.add_environment(**{"name": "", **given})
        return {"name": made.name, "api_key": made.api_key, **made.info()}

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
            self._play = None
            self.faults.clear()
            self.deliveries.clear()
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

    # -- the SCIM door ----------------------------------------------------------------------------------

    def scim(self, directory_id: str) -> ScimAccess:
        """Give what the provider of a directory is configured with: endpoint and newest token.

        A directory whose tokens were all revoked gets a new one.
        """
        store = self._opened()
        with store.transaction():
            directory = store.directory(directory_id)
            if "scim" not in directory["type"]:
                raise ValueError(f"{directory['name']} is pulled from its provider: it has no SCIM door")
            live = store.execute("SELECT id FROM tokens WHERE directory = ? ORDER BY id", (directory["n"],))
            token_id = live[-1][0] if live else self.happenings.create_token(directory_id)
        return ScimAccess(
            f"{self.url}/scim/v2.0/{directory['external_key']}", bearer_token(token_id, self.seed)
        )

    def bearer_token(self, token_id: str) -> str:
        """Give the secret of a token that ``create_token`` made, as the dashboard shows it once."""
        return bearer_token(token_id, self.seed)

    def scim_report(self, directory_id: str) -> Object:
        """Say what the dashboard would list about provisioning: who waits for an address, what was noted."""
        rows = self._doors().rows(directory_id)
        notes = [{"id": scim_id, "note": note} for scim_id, note in rows.notes()]
        return {"validating": rows.validating(), "notes": notes}

    def scim_doors(self) -> list[Object]:
        """List every SCIM directory with what its provider is configured with."""
        return [
            {"directory_id": one["id"], "type": one["type"], "name": one["name"], **access._asdict()}
            for one in self.truth.directories()
            if "scim" in one["type"] and (access := self.scim(one["id"]))
        ]

    def play(self, name: str = "a day at Acme") -> list[Object]:
        """Perform a play: providers write to the SCIM door over HTTP; give the scenes and their events."""
        extras.need("a play", "scim", "scim2_models")
        from .plays import perform

        self._play = perform(name, self, self._opened())
        return [scene.described() for scene in self._play.scenes]

    def purge(self) -> int:
        """Let thirty days pass after a play, and Entra ID delete whom it had switched off; give how many."""
        from .plays import purge

        if self._play is None:
            raise ValueError("nothing was played yet: play() first")
        return purge(self._play)

    def _doors(self) -> ScimDoors:
        extras.need("the SCIM door", "scim", "scim2_models")
        from .scim import ScimDoors  # scim2-models takes half a second to load: only where there is SCIM

        with self._lock:
            if self._scim is None:
                keep = self.inactive_policy == "keep"
                profile = self.scim_profile
                self._scim = ScimDoors(
                    self._opened(), lambda: self.happenings, self.seed, profile, keep_inactive=keep
                )
            return self._scim

    # -- what can happen (see ``happenings``) ----------------------------------------------------------------

    add_user = _does(Happenings.add_user)
    update_user = _does(Happenings.update_user)
    set_user = _does(Happenings.set_user)
    deactivate_user = _does(Happenings.deactivate_user)
    reactivate_user = _does(Happenings.reactivate_user)
    delete_user = _does(Happenings.delete_user)
    add_group = _does(Happenings.add_group)
    rename_group = _does(Happenings.rename_group)
    set_group = _does(Happenings.set_group)
    delete_group = _does(Happenings.delete_group)
    map_role = _does(Happenings.map_role)
    add_member = _does(Happenings.add_member)
    remove_member = _does(Happenings.remove_member)
    set_directory_state = _does(Happenings.set_directory_state)
    delete_directory = _does(Happenings.delete_directory)
    create_token = _does(Happenings.create_token)
    revoke_token = _does(Happenings.revoke_token)
    switch_attribute = _does(Happenings.switch_attribute)
    add_organization = _does(Happenings.add_organization)
    add_directory = _does(Happenings.add_directory)
    wait = _does(Happenings.wait)

    # -- webhooks (see ``deliveries``) -------------------------------------------------------------------

    def add_webhook(self, url: str, **options: Any) -> Object:
        """Push every event from now on to an address of this machine; give the endpoint with its secret.

        Options as in ``Deliveries.add``: ``events``, ``disorder``, ``doubled``, ``pause``, ``retries``.
        """
        return self.deliveries.add(url, **options)

    def remove_webhook(self, id: str) -> None:  # noqa: A002 (the API's own word)
        """Stop pushing to an endpoint."""
        self.deliveries.remove(id)

    def webhook_log(self) -> list[Object]:
        """Give every try to deliver an event, oldest first."""
        return self.deliveries.log()

    @property
    def deliveries(self) -> Deliveries:
        """All webhook endpoints, as one object."""
        self._opened()
        assert self._deliveries is not None
        return self._deliveries

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
                self._happenings = Happenings(self._store, self.seed, self.inactive_policy, self.roles)
                self._deliveries = Deliveries(self._store, self.seed, self._event_shape)
            return self._store

    def _event_shape(self, text: bytes) -> Object:
        event = read_event(text)
        return objects.legacy_event(event) if self._rules.legacy else event

    def _make_store(self) -> Store:
        if self._database is not None:
            return self._open_file(self._database)
        if self._expected_users() > _IN_MEMORY_UP_TO:
            self._files = tempfile.TemporaryDirectory(prefix="dirsync-sandbox-")
            store = Store(str(Path(self._files.name, "sandbox.sqlite")))
        else:
            store = Store()
        self._refill(store)
        return store

    def _refill(self, store: Store) -> None:
        if self._database is None and self._expected_users() <= _CACHED_UP_TO:
            store.restore(_image(self.seed, self.users, self.inactive_policy, self._world, self.roles))
        else:
            self._fill(store)

    def _expected_users(self) -> int:
        return max(self.users or 0, self._world.people())

    def _fill(self, store: Store) -> None:
        with store.lock:
            store.wipe()
            store.create()
            seeds.build(store, self.seed, self.users, self.inactive_policy, self._world, self.roles)
            for key, value in self._marks().items():
                store.set_meta(key, value)

    def _marks(self) -> dict[str, str]:
        """Give what a kept file must agree on to be reopened."""
        made_by = {
            "format": FORMAT,
            "seed": self.seed,
            "users": self.users,
            "inactive_policy": self.inactive_policy,
            "roles": self.roles,
            "world": blake2b(repr(self._world).encode(), digest_size=8).hexdigest(),
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
        deliveries, self._deliveries = self._deliveries, None
        if deliveries is not None:
            deliveries.clear()  # its threads read the store
        store, self._store, self._happenings, self._scim = self._store, None, None, None
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
def _image(seed: int, users: int | None, policy: InactivePolicy, world: World, roles: RoleMode) -> bytes:
    """Build a small seed once, and keep it as bytes."""
    store = Store()
    try:
        store.create()
        seeds.build(store, seed, users, policy, world, roles)
        return store.dump()
    finally:
        store.close()


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
