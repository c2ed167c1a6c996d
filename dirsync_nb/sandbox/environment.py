"""One environment: its data, what can happen to them, and what answers for them behind one key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

from .directory import objects
from .directory.authkit import AuthKit
from .directory.changes import Changes
from .directory.ids import bearer_token
from .directory.refusal import Invalid
from .http.api import Api, Rules
from .http.app import App, RequestLine
from .http.authkit_api import AuthKitApi
from .http.control import Control
from .http.faults import Faults
from .http.rate_limits import Limits
from .http.webhooks import Deliveries
from .scim.service import ScimDoors
from .storage import Storage

if TYPE_CHECKING:
    from .directory.objects import Object
    from .directory.store import Store
    from .providers.scenarios import Scenario
    from .settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

VERSION = "1"


class ScimAccess(NamedTuple):
    """Hold what a provider needs to write to a directory."""

    url: str
    token: str


class Truth:
    """Read the store as it is, for comparison with what came over the wire.

    Examples
    --------
    >>> sandbox = ds.connect_sandbox(seed=1).sandbox
    >>> len(sandbox.truth.users(directories.index[0])) == len(users)
    True
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def directories(self) -> list[Object]:
        """Return all directories, oldest first."""
        return [objects.directory_object(one) for one in self._store.directories.every()]

    def users(self, directory_id: str) -> list[Object]:
        """Return all users of a directory, oldest first, as teams from May 2026 on see them."""
        return [row.parsed() for row in self._store.users.of(self._number(directory_id))]

    def groups(self, directory_id: str) -> list[Object]:
        """Return all groups of a directory, oldest first."""
        return [row.parsed() for row in self._store.groups.of(self._number(directory_id))]

    def memberships(self, directory_id: str) -> set[tuple[str, str]]:
        """Return all (user id, group id) of a directory."""
        return self._store.memberships.of_directory(self._number(directory_id))

    def _number(self, directory_id: str) -> int:
        return int(self._store.directories.get(directory_id)["n"])


class _Opened(NamedTuple):
    """Hold what there is as long as the store is open."""

    storage: Storage
    changes: Changes
    deliveries: Deliveries


def _does(change: Callable[Concatenate[Changes, P], R]) -> Callable[Concatenate[Environment, P], R]:
    """Make a method of an environment from one of ``Changes``."""

    @wraps(change)
    def do(environment: Environment, *args: P.args, **kwargs: P.kwargs) -> R:
        return change(environment.changes, *args, **kwargs)

    return cast(Callable[..., R], do)


class Environment:
    """Be one environment of a sandbox, behind a key of its own.

    Parameters
    ----------
    name, api_key
        What it is called, and what opens it.
    address
        Gives the base URL of the sandbox it is in; RuntimeError while that does not run.
    end
        Called by ``stop``: the sandbox lets go of it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        name: str,
        api_key: str,
        address: Callable[[], str],
        end: Callable[[Environment], None],
    ) -> None:
        self.settings, self.name, self.api_key = settings, name, api_key
        self.seed, self.team, self.inactive_policy = settings.seed, settings.team, settings.policy
        self.faults = Faults()
        self.app: App | None = None
        self._address, self._end = address, end
        legacy = settings.team == "legacy"
        self._rules = Rules(legacy, settings.default_order, settings.strict)
        self._limits = Limits() if settings.limits else None
        self._lock = threading.RLock()
        self._open: _Opened | None = None
        self._scenario: Scenario | None = None

    def __repr__(self) -> str:
        return f"<Environment {self.name!r} seed={self.seed} {self.url if self.running else 'not running'}>"

    def make_app(self, hosts: Collection[str], more: Mapping[tuple[str, str], Callable[..., Any]]) -> App:
        """Open the store, and make what answers for it; ``more`` are further doors under ``/_sandbox``."""
        api = Api(self.store, self._rules, lambda: self.deliveries.describe())
        control = Control({**self._control_doors(), **more}, lambda: self.changes)
        webhooks = self.deliveries if self.settings.webhook_writes else None
        authkit = AuthKitApi(api, AuthKit(self.store, self.seed, lambda: self.changes.roles))
        self.app = App(
            api, authkit, control, self.faults, self._limits, hosts, self.api_key, self.doors, webhooks
        )
        return self.app

    def _control_doors(self) -> dict[tuple[str, str], Callable[..., Any]]:
        return {
            ("GET", ""): self.info,
            ("POST", "/reset"): self.reset,
            ("GET", "/faults"): self.faults.describe,
            ("POST", "/faults"): self.faults.add_described,
            ("DELETE", "/faults"): self.faults.clear,
            ("GET", "/webhooks"): self.deliveries.describe,
            ("POST", "/webhooks"): self.deliveries.add,
            ("DELETE", "/webhooks"): self.deliveries.remove,
            ("GET", "/webhooks/log"): self.deliveries.log,
            ("GET", "/scim"): self.scim_doors,
            ("POST", "/play"): self.play,
        }

    def stop(self) -> None:
        """Answer no more; the sandbox goes on."""
        self._end(self)
        self.close()

    def close(self) -> None:
        """Close the store and end all that reads it."""
        self.app = None
        opened, self._open = self._open, None
        if opened is not None:
            opened.deliveries.end()  # its threads read the store
            opened.storage.close()

    def reset(self) -> Object:
        """Go back to the seed, without faults; return what ``info`` returns."""
        with self._lock:
            self._scenario = None
            self.faults.clear()
            self.deliveries.clear()
            if self._limits is not None:
                self._limits.clear()
            if self.app is not None:
                self.app.requests.clear()
            self._opened().storage.refill()
            return self.info()

    # -- what is so -------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self.app is not None

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return self._address()

    @property
    def identity(self) -> str:
        """The world this is, the same at any port and on any day; kept places and snapshots are of it."""
        return self.settings.identity

    @property
    def origin(self) -> str | None:
        """The server whose copy this is, as its snapshot named it; None for a world of its own."""
        return self.settings.origin

    @property
    def requests(self) -> list[RequestLine]:
        """The last 10,000 requests to the API as (method, path, query), oldest first."""
        return list(self.app.requests) if self.app is not None else []

    @property
    def truth(self) -> Truth:
        """What is so right now, read from the store and not through the API."""
        return Truth(self.store)

    def info(self) -> Object:
        """Return what this is and how much is in it."""
        return {
            "version": VERSION,
            "identity": self.identity,
            "origin": self.origin,
            "seed": self.seed,
            "team": self.team,
            "inactive_policy": self.inactive_policy,
            "limits": self._limits is not None,
            "clock_runs": self.settings.clock == "now",
            **self.store.info(),
        }

    # -- the SCIM door ----------------------------------------------------------------------------------

    def scim(self, directory_id: str) -> ScimAccess:
        """Return what the provider of a directory is configured with: endpoint and newest token.

        A directory whose tokens were all revoked gets a new one.
        """
        store = self.store
        with store.transaction():
            directory = store.directories.get(directory_id)
            if "scim" not in directory["type"]:
                raise Invalid(f"{directory['name']} is polled from its provider: it has no SCIM door")
            live = store.tokens.of(directory["n"])
            token_id = live[-1] if live else self.changes.create_token(directory_id)
        address = f"{self.url}/scim/v2.0/{directory['external_key']}"
        return ScimAccess(address, bearer_token(token_id, self.seed))

    def bearer_token(self, token_id: str) -> str:
        """Return the secret of a token that ``create_token`` made, as the dashboard shows it once."""
        return bearer_token(token_id, self.seed)

    def scim_report(self, directory_id: str) -> Object:
        """Return what the dashboard would list about provisioning: who waits for an address, what was noted."""
        resources = self.doors().resources(directory_id)
        notes = [{"id": scim_id, "note": note} for scim_id, note in resources.notes()]
        return {"validating": resources.validating(), "notes": notes}

    def scim_doors(self) -> list[Object]:
        """Return every SCIM directory with what its provider is configured with."""
        return [
            {"directory_id": one["id"], "type": one["type"], "name": one["name"], **access._asdict()}
            for one in self.truth.directories()
            if "scim" in one["type"] and (access := self.scim(one["id"]))
        ]

    def play(self, name: str = "a day at Acme") -> list[Object]:
        """Play a scenario: providers write to the SCIM door over HTTP; return the scenes and their events."""
        from .providers.scenarios import perform

        self._scenario = perform(name, self, self.store)
        return [scene._asdict() for scene in self._scenario.scenes]

    def purge(self) -> int:
        """Let thirty days pass after a scenario: Entra ID deletes whom it switched off. Return how many."""
        from .providers.scenarios import purge

        if self._scenario is None:
            raise Invalid("nothing was played yet: play() first")
        return purge(self._scenario)

    @property
    def scenario(self) -> Scenario | None:
        """The scenario that was played last, with its providers."""
        return self._scenario

    def doors(self) -> ScimDoors:
        """Return the SCIM doors of all directories, as one object."""
        return ScimDoors(self.changes, self.settings.scim_profile)

    # -- what can happen (see ``changes``) ---------------------------------------------------------------

    add_user = _does(Changes.add_user)
    update_user = _does(Changes.update_user)
    set_user = _does(Changes.set_user)
    deactivate_user = _does(Changes.deactivate_user)
    reactivate_user = _does(Changes.reactivate_user)
    delete_user = _does(Changes.delete_user)
    add_group = _does(Changes.add_group)
    rename_group = _does(Changes.rename_group)
    set_group = _does(Changes.set_group)
    delete_group = _does(Changes.delete_group)
    map_role = _does(Changes.map_role)
    add_role = _does(Changes.add_role)
    delete_role = _does(Changes.delete_role)
    rank_roles = _does(Changes.rank_roles)
    set_role_mode = _does(Changes.set_role_mode)
    add_member = _does(Changes.add_member)
    remove_member = _does(Changes.remove_member)
    end_unknown_membership = _does(Changes.end_unknown_membership)
    set_directory_state = _does(Changes.set_directory_state)
    delete_directory = _does(Changes.delete_directory)
    create_token = _does(Changes.create_token)
    revoke_token = _does(Changes.revoke_token)
    switch_attribute = _does(Changes.switch_attribute)
    add_organization = _does(Changes.add_organization)
    add_directory = _does(Changes.add_directory)
    wait = _does(Changes.wait)

    # -- webhooks (see ``webhooks``) ---------------------------------------------------------------------

    def add_webhook(self, url: str, **options: Any) -> Object:
        """Push every event from now on to an address of this machine; return the endpoint with its secret.

        Options as in ``Deliveries.add``: ``events``, ``disorder``, ``doubled``, ``pause``, ``retries``.
        """
        return self.deliveries.add(url, **options)

    def remove_webhook(self, id: str) -> None:  # noqa: A002 (the API's own word)
        """Stop pushing to an endpoint."""
        self.deliveries.remove(id)

    def webhook_log(self) -> list[Object]:
        """Return every try to deliver an event, oldest first."""
        return self.deliveries.log()

    @property
    def deliveries(self) -> Deliveries:
        """All webhook endpoints, as one object."""
        return self._opened().deliveries

    # -- the store --------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """The tables."""
        return self._opened().storage.store

    @property
    def changes(self) -> Changes:
        """Everything that can happen, as one object."""
        return self._opened().changes

    def _opened(self) -> _Opened:
        with self._lock:
            if self._open is None:
                made, storage = self.settings, Storage(self.settings)
                rules = (self.inactive_policy, made.roles, made.removals, made.default_mappings)
                changes = Changes(storage.store, self.seed, *rules)
                self._open = _Opened(storage, changes, Deliveries(storage.store, self.seed, self._event_shape))
            return self._open

    def _event_shape(self, text: bytes) -> Object:
        event: Object = json.loads(text)
        return objects.legacy_event(event) if self._rules.legacy else event
