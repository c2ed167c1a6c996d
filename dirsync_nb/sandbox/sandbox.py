"""The sandbox as a Python object: start it, make things happen in it, look at the truth, stop it."""

from __future__ import annotations

import atexit
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

from .directory.refusal import Invalid, NotRunning
from .environment import Environment, ScimAccess, Truth
from .http.app import API_KEY
from .http.server import Server
from .seeding import seed as seeds
from .settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from types import TracebackType

    from .directory.objects import Object
    from .directory.recorder import InactivePolicy, Removals
    from .directory.roles import DefaultMappings, RoleMode
    from .scim.profiles import Profile
    from .seeding.copies import Copy
    from .seeding.worlds import World
    from .settings import Clock, Order, Team


__all__ = ["API_KEY", "Environment", "Sandbox", "ScimAccess", "Truth"]


class Sandbox(Environment):
    """Be WorkOS Directory Sync on this machine: a server, and the environment behind its first key.

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
    default_order : {"normal", "desc", "asc"}
        The order of lists when the request names none.
    strict
        Refuse unknown parameters instead of ignoring them, as the real service does.
    scim_profile : {"workos", "lenient", "strict", "naive-total"}
        What the SCIM door lets pass, see ``scim.service``.
    world
        Which organizations and directories there are: "harbour" (of all examples), "okta" (its first directory
        alone), "empty", a YAML file as in ``worlds``, or a .jsonl file that ``ds.save_world`` wrote.
    roles : {"single", "multiple"}
        Whether a user in several mapped groups has the highest of their roles, as environments have it by
        default, or all of them.
    database
        A file to keep the sandbox in, webhook endpoints with it. It is reopened if the same settings made it.
        Faults and logs are of one run.
    webhook_writes
        Let the API create, change and delete ``/webhook_endpoints``, as an SDK does; else it only reads.
    removals : {"none", "before", "after", "doubled"}
        Which ``dsync.group.user_removed`` tell of the memberships that end when a user or group is deleted.
        None are documented; in production they have come before the deletion, after it, and twice.
    default_mappings : {"last", "ranked"}
        What a group without a mapping counts for: the default role where no group is mapped, or the default
        role by its rank, which may then be higher than that of a mapped group.
    clock : {"fixed", "now"}
        Whether the story ends on 3 August 2026, where time then stands still, or within the last 24 hours, from
        where time passes as it does outside. The ids are the same in both.
    allow_hosts
        Names besides those of this machine by which requests may ask for it, such as that of a container.

    Examples
    --------
    >>> with ds.sandbox.Sandbox(seed=2, users=50) as sandbox:
    ...     sandbox.url.startswith("http://127.0.0.1")
    True
    """

    def __init__(
        self,
        seed: int = 1,
        users: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        team: Team = "new",
        inactive_policy: InactivePolicy = "delete",
        limits: bool = False,
        default_order: Order = "normal",
        strict: bool = False,
        scim_profile: Profile = "workos",
        world: str | os.PathLike[str] | World | Copy = "harbour",
        roles: RoleMode = "single",
        database: str | os.PathLike[str] | None = None,
        webhook_writes: bool = False,
        removals: Removals = "none",
        default_mappings: DefaultMappings = "last",
        clock: Clock = "fixed",
        allow_hosts: Iterable[str] = (),
    ) -> None:
        settings = Settings(
            seed=seed, users=users, team=team, inactive_policy=inactive_policy, limits=limits,
            default_order=default_order, strict=strict, scim_profile=scim_profile, world=world, roles=roles,
            database=database, webhook_writes=webhook_writes, removals=removals,
            default_mappings=default_mappings, clock=clock,
        )  # fmt: skip
        super().__init__(settings, name="", api_key=API_KEY, address=self._own_address, end=self._end_server)
        self.users = users
        self._host, self._port, self._hosts = host, port, {host, *allow_hosts}
        self._server: Server | None = None
        self.environments: dict[str, Environment] = {}

    def start(self) -> Self:
        """Open the store and serve it; starting twice is no error."""
        with self._lock:
            if self._server is not None:
                return self
            doors: dict[tuple[str, str], Any] = {
                ("GET", "/environments"): self._describe_environments,
                ("POST", "/environments"): self._ask_for_environment,
            }
            app = self.make_app(self._hosts, doors)
            try:
                self._server = Server(app, self._host, self._port)
            except BaseException:
                self.close()
                raise
            self._server.start()
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """End the thread, free the port, close the store and remove its temporary file."""
        with self._lock:
            super().stop()
            for environment in list(self.environments.values()):
                environment.stop()

    def _end_server(self, _: Environment) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            atexit.unregister(self.stop)

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

    def _own_address(self) -> str:
        if self._server is None:
            raise NotRunning("the sandbox is not running: start() it first")
        own = {"localhost": "127.0.0.1", "::1": "127.0.0.1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 (shown, not bound)
        host = own.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.port}"

    # -- further environments ---------------------------------------------------------------------------

    def add_environment(self, name: str, **settings: Any) -> Environment:
        """Serve another environment at the same address, behind a key of its own.

        It shares nothing with the first: its data, faults, limits and settings are its own. The key is
        ``sk_test_<name>``, the settings are those of ``Sandbox``, and the seed is the next one not in use.
        """
        if not name.isascii() or not name.isidentifier() or f"sk_test_{name}" == API_KEY:
            raise Invalid(f"the name of an environment must be letters, digits and _; got {name!r}")
        known = [one.name for one in fields(Settings)]
        for setting in settings:
            if setting in ("host", "port", "allow_hosts"):
                raise Invalid(f"an environment has the {setting} of its sandbox")
            if setting not in known:
                raise Invalid(f"there is no setting {setting!r}; known are {', '.join(known)}")
        with self._lock:
            shared = self.app
            if shared is None:
                raise NotRunning("environments are added to a running sandbox: start() it first")
            if name in self.environments:
                raise Invalid(f"there is an environment {name!r} already")
            used = {self.seed, *(one.seed for one in self.environments.values())}
            seed = settings.pop("seed", max(used) + 1)
            if seed in used:  # ids are made from it, and a SCIM address must mean one directory
                raise Invalid(f"seed {seed} is in use: two environments need different seeds")
            made = Environment(
                Settings(seed=seed, **settings),
                name=name,
                api_key=f"sk_test_{name}",
                address=self._own_address,
                end=self._let_go,
            )
            try:
                shared.environments.append(made.make_app(self._hosts, {}))
            except BaseException:
                made.close()
                raise
            self.environments[name] = made
            return made

    def _let_go(self, environment: Environment) -> None:
        self.environments.pop(environment.name, None)
        if environment.app is not None and self.app is not None:
            self.app.environments.remove(environment.app)

    def _describe_environments(self) -> list[Object]:
        every = {"": self, **self.environments}
        return [{"name": name, "api_key": one.api_key, **one.info()} for name, one in every.items()]

    def _ask_for_environment(self, name: str, **settings: Any) -> Object:
        """Add an environment over HTTP. What would read or make a file is for whoever runs the sandbox."""
        if "database" in settings:
            raise Invalid("database is a path, and none is taken over HTTP")
        if not seeds.has_name(settings.get("world", "harbour")):
            raise Invalid("world must be one that has a name: no path is taken over HTTP")
        made = self.add_environment(name, **settings)
        return {"name": made.name, "api_key": made.api_key, **made.info()}
