"""Which server? The one place that knows both WorkOS and the embedded sandbox.

With a key the client meets the real service; without one it meets a sandbox that this process starts on a free
port of this machine, and that every later ``connect()`` shares. Both get the very same client.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import os
import secrets
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, cast
from weakref import WeakValueDictionary

from . import errors
from .client import DirectoryClient, Pacer, RetryPolicy, Transport
from .client.calls import fit, named_arguments, unknown_argument
from .client.credentials import Secret, checked_base_url, is_loopback
from .client.say import say

if TYPE_CHECKING:
    from .sandbox.settings import Options

__all__ = ["connect", "connect_sandbox"]

P = ParamSpec("P")
R = TypeVar("R")

PRODUCTION = "https://api.workos.com"
SHARED_SANDBOX = "DIRSYNC_SANDBOX_URL"  # set by `dirsync-nb lab`, so that all kernels meet one sandbox

SETTINGS = ("page_size", "timeout", "attempts", "max_wait", "max_rows", "max_pages", "pacer", "scoped_lists")
INSTEAD = {
    **dict.fromkeys(
        ("key", "token", "secret", "apikey"), "The key belongs into WORKOS_API_KEY, not into a notebook"
    ),
    **dict.fromkeys(("url", "host", "server", "address"), "The address of a server is base_url="),
    **dict.fromkeys(("sandbox", "seed", "users"), "connect_sandbox(seed=..., users=...) starts the sandbox"),
    "redacted": "client.redacted() hides names",
    "client_id": "It is not needed: the key alone decides which environment is read",
}

_sandboxes: dict[tuple[tuple[str, Any], ...], Any] = {}
_budgets: WeakValueDictionary[bytes, Pacer] = WeakValueDictionary()
_salt = secrets.token_bytes(16)
_lock = threading.Lock()


def _keeps_keys_hidden(call: Callable[P, R]) -> Callable[P, R]:
    """Let a call refuse arguments that do not fit; what may be a key is wrapped, lest a traceback shows it."""
    signature = inspect.signature(call)

    @functools.wraps(call)
    def checked(*args: Any, **given: Any) -> Any:
        args = tuple(Secret(one) if isinstance(one, str) else one for one in args)
        for name in given.keys() - (signature.parameters.keys() - {"api_key"}):
            given[name] = Secret(given[name]) if isinstance(given[name], str) else given[name]
        fit(call.__name__, signature, args, given, INSTEAD)
        return call(*args, **given)

    return cast("Callable[P, R]", checked)


@_keeps_keys_hidden
def connect(
    api_key: str | None = None,
    *,
    base_url: str | None = None,
    page_size: int = 100,
    timeout: float | None = None,
    attempts: int = 4,
    max_wait: float = 60.0,
    max_rows: int | None = None,
    max_pages: int | None = None,
    pacer: Pacer | None = None,
    scoped_lists: bool = False,
    require_key: bool = False,
) -> DirectoryClient:
    """Connect to WorkOS with the key in ``WORKOS_API_KEY``, or to the embedded sandbox when there is none.

    Nothing is sent to WorkOS yet; of a sandbox it is said which clock it has. An argument wins over its
    variable; the variables are those of the official Python library: ``WORKOS_API_KEY``, ``WORKOS_BASE_URL``,
    ``WORKOS_REQUEST_TIMEOUT``.

    Parameters
    ----------
    api_key
        The key. Better left to the variable, so that it never stands in a notebook.
    base_url
        Address of the server. Default: WorkOS.
    page_size
        Rows asked for in one request, 1 to 100.
    timeout
        Seconds to wait for the connection, and again for each piece of an answer. Default: 60.
    attempts
        Tries for each request that fails; with 1, a refused one (429) is not asked again either.
    max_wait
        Patience with a service that asks to wait (429, ``Retry-After``): seconds for one request, all its
        pauses together.
    max_rows, max_pages
        Stop a list that is longer, with an error that keeps what was read.
    pacer
        Budgets. Default: WorkOS's published limits, or none for a server on this machine until it refuses a
        request. All clients of one address and key in this process share them. Other processes have their own:
        where several use one key at a time, each slows down when it is refused and speeds up again.
    scoped_lists
        Read the users and groups of a directory at ``/directories/{id}/users`` and ``/groups``, which WorkOS
        has had since November 2026, where the server has them. Off, since nothing is documented of their limits
        and filters; lists with a filter are read at the flat paths all the same.
    require_key
        Raise an error when no key is set, in place of the embedded sandbox; for scripts.

    Returns
    -------
    DirectoryClient
        For the loaders, and for raw records.

    Raises
    ------
    ConfigurationError
        The key or the address cannot be right, there is an address and no key, or ``require_key`` and none.

    Examples
    --------
    >>> client = ds.connect()  # doctest: +SKIP
    >>> client.base_url.startswith("http")
    True
    """
    settings = {name: one for name, one in locals().items() if name in SETTINGS}
    # Wrapped at once, so that no traceback through this function shows a key among its variables.
    key, source = _from_environment("WORKOS_API_KEY") if api_key is None else (Secret.wrap(api_key), "api_key")
    api_key = None if api_key is None else "given"
    address = base_url if base_url is not None else _from_environment("WORKOS_BASE_URL")[0].reveal()
    address_source = "base_url" if base_url is not None else "WORKOS_BASE_URL"
    if key:
        return _client(address or PRODUCTION, key, source, **settings)
    if api_key is not None:
        raise errors.ConfigurationError("api_key is empty; leave it out to use WORKOS_API_KEY or the sandbox")
    if address:
        raise errors.ConfigurationError(
            f"{address_source} names a server but there is no key: set WORKOS_API_KEY, or leave out the "
            "address to use the embedded sandbox"
        )
    missing = "WORKOS_API_KEY is set but empty" if "WORKOS_API_KEY" in os.environ else "No WORKOS_API_KEY"
    if require_key:
        raise errors.ConfigurationError(
            f"{missing}, and this call wants one: set it to a key of the WorkOS dashboard, API Keys"
        )
    shared = _from_environment(SHARED_SANDBOX)[0].reveal()
    sandbox = _shared_sandbox(shared) if shared else _running_sandbox({"seed": 1, "users": None})
    say(
        f"{missing}: this is the embedded sandbox, with invented people; nothing leaves this machine."
        f"{_clock_of(sandbox)}"
    )
    return _client(sandbox.url, sandbox.api_key, "the sandbox", sandbox=sandbox, **settings)


def _clock_of(sandbox: Any) -> str:
    """Say what time it is in a sandbox; nothing where it does not answer."""
    try:
        told = sandbox.info()
        if told["clock_runs"]:
            return " Its clock is the present."
        now = datetime.fromisoformat(told["clock"])
        return f" Its clock stands still on {now.day} {now:%B %Y}."
    except (errors.DirsyncError, OSError, ValueError, KeyError, TypeError):
        return ""


@named_arguments
def connect_sandbox(
    *,
    seed: int = 1,
    users: int | None = None,
    page_size: int = 100,
    timeout: float | None = None,
    attempts: int = 4,
    max_wait: float = 60.0,
    max_rows: int | None = None,
    max_pages: int | None = None,
    pacer: Pacer | None = None,
    scoped_lists: bool = False,
    people: Any = None,
    groups: Any = (),
    provider: str | None = None,
    company: str | None = None,
    snapshot: Any = None,
    **options: Unpack[Options],
) -> DirectoryClient:
    """Connect to the embedded sandbox, whatever keys are set.

    The first call starts it; later calls with the same options, such as a cell run again, meet the same
    sandbox as it then is (``client.sandbox.reset()`` makes it new). It ends with the process, or by
    ``client.sandbox.stop()``.

    Parameters
    ----------
    seed
        Which invented world: the same seed gives the same people, ids, times and bytes.
    users
        Size of the largest directory. Default: some hundreds.
    page_size, timeout, attempts, max_wait, max_rows, max_pages, pacer, scoped_lists
        As in :func:`connect`.
    people
        Your own people instead of invented ones: a file that an admin exported (Okta, Entra ID, Google
        Workspace, Workday, BambooHR, Active Directory, SCIM, LDIF, WorkOS's SFTP form), several, a DataFrame,
        or what ``dirsync_nb.sandbox.read_people`` made of them.
    groups
        Files of memberships to go with them.
    provider, company
        Type of the directory they come from (``okta``, ``entra``, ``google`` ... or in the API's words), and
        the name of their organization. Default: what the form of the file says, and the domain that most
        people have.
    snapshot
        A real environment instead: what :func:`take_snapshot` or :func:`take_fleet` gave, redacted or not, or
        its path. Ids, times, states, attributes, roles and memberships are those of the snapshot, the clock
        stands where it ends, and events go on from there.
    **options
        More options of :class:`dirsync_nb.sandbox.Sandbox`, such as ``inactive_policy="keep"``.

    Raises
    ------
    ArgumentError
        An option that there is not, a file that cannot be read, or two worlds at once.
    IncompleteError
        The fleet is not whole.

    Examples
    --------
    Invented people, always the same; ``world=`` names other ones, or a file (YAML, or of :func:`save_world`):

    >>> client = ds.connect_sandbox(seed=1)
    >>> ds.load_directories(client)["name"].iloc[0]
    'Harbourline Okta'

    Your own people, as an admin exported them:

    >>> people = pd.DataFrame({"email": ["ada@acme.test"], "first_name": ["Ada"], "last_name": ["Lind"]})
    >>> ada = ds.connect_sandbox(people=people, provider="okta scim v2.0", company="Acme")
    >>> ds.load_organizations(ada)["name"].tolist()
    ['Acme']

    An environment as it was, here redacted first:

    >>> moment = ds.redact(ds.take_snapshot(client, directories.index[0]))
    >>> copy = ds.connect_sandbox(snapshot=moment)
    >>> ds.load_users(copy, moment.directories.index[0]).index.equals(moment.users.index)
    True
    """
    settings = {name: one for name, one in locals().items() if name in SETTINGS}
    given = [name for name, one in (("people", people), ("snapshot", snapshot)) if one is not None]
    given += ["world"] * ("world" in options)
    if len(given) > 1:
        raise errors.ArgumentError(f"{' and '.join(given)} are two worlds: give one of them")
    for name, one in (("provider", provider), ("company", company), ("groups", tuple(groups))):
        if one and people is None:
            raise errors.ArgumentError(
                f"{name} goes with people of your own: connect_sandbox(people=..., {name}=...)"
            )
    if people is not None or snapshot is not None:
        from .sync import worlds  # and with it pandas

        if snapshot is not None:
            options["world"] = worlds.copy_of(snapshot)
        else:
            options["world"] = worlds.world_of_people(people, groups, provider, company)
    sandbox = _running_sandbox({"seed": seed, "users": users, **options})
    return _client(sandbox.url, sandbox.api_key, "the sandbox", sandbox=sandbox, **settings)


def _client(
    address: str,
    key: Secret | str,
    key_source: str,
    *,
    timeout: float | None,
    attempts: int,
    max_wait: float,
    pacer: Pacer | None,
    **settings: Any,
) -> DirectoryClient:
    for name, value, least in (("attempts", attempts, 1), ("max_wait", max_wait, 0)):
        if not _is_number(value) or not value >= least:
            raise errors.ArgumentError(f"{name} must be a number of {least} or more; got {value!r}")
    key = Secret.wrap(key)
    address = checked_base_url(address, key)
    transport = Transport(
        address,
        key,
        key_source=key_source,
        timeout=_timeout(timeout),
        retry=RetryPolicy(attempts=attempts, max_wait=max_wait),
        pacer=pacer or _budget(address, key),
    )
    return DirectoryClient(transport, **settings)


def _budget(address: str, key: Secret) -> Pacer:
    """Return the budget that all clients of one address and key share, for as long as one of them lives."""
    name = key.digest(_salt, address)
    with _lock:
        budget = _budgets.get(name)
        if budget is None:
            # WorkOS's limits are WorkOS's: a server on this machine has its own, and says so with a 429.
            budget = _budgets[name] = Pacer.unlimited() if is_loopback(address) else Pacer()
        return budget


def _shared_sandbox(address: str) -> Any:
    """Reach a sandbox that another process runs on this machine."""
    from .sandbox import RemoteSandbox

    if not is_loopback(address):
        raise errors.ConfigurationError(f"{SHARED_SANDBOX} must be an address of this machine; got {address}")
    return RemoteSandbox(address)


def _from_environment(name: str) -> tuple[Secret, str]:
    """Read a variable; blank counts as not set. A line end from a key file is no part of the value."""
    return Secret(os.environ.get(name, "").strip()), name


def _timeout(given: float | None) -> float:
    if given is None:
        text = _from_environment("WORKOS_REQUEST_TIMEOUT")[0].reveal()
        try:
            given = float(text or 60.0)
        except ValueError:
            given = 0.0
    if not _is_number(given) or not 0 < given < float("inf"):
        raise errors.ConfigurationError("timeout (WORKOS_REQUEST_TIMEOUT) must be a number of seconds above 0")
    return given


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _running_sandbox(options: dict[str, Any]) -> Any:
    """Return the running sandbox with these options, started when there is none."""
    from .sandbox import Sandbox

    unknown = [name for name in options if name not in inspect.signature(Sandbox).parameters]
    if unknown:
        ours = [name for name in inspect.signature(connect_sandbox).parameters if name != "options"]
        accepted = dict.fromkeys([*ours, *inspect.signature(Sandbox).parameters])
        raise errors.UnknownFilter(
            unknown_argument(unknown[0], "an argument of connect_sandbox", accepted, INSTEAD)
        )
    wanted = tuple(sorted(options.items(), key=lambda item: item[0]))
    with _lock:
        sandbox = _sandboxes.get(wanted)
        if sandbox is None or not sandbox.running:
            try:
                sandbox = Sandbox(**options).start()
            except ValueError as problem:  # the sandbox has no part in our errors
                raise errors.ArgumentError(str(problem)) from None
            _sandboxes[wanted] = sandbox
        return sandbox


def _stop_all() -> None:
    with _lock:
        while _sandboxes:
            _sandboxes.popitem()[1].stop()


atexit.register(_stop_all)
