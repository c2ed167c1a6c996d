"""Whether what was given as a client is one; and if not, what was meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import ParamSpec, TypeVar

from .. import errors
from .calls import call_name, fit
from .client import DirectoryClient

FOUND = "find(client, ...) looks for a name or an address"
INSTEAD = {
    "load_user": {
        "email": FOUND,
        "name": FOUND,
        "idp_id": "load_users(client, directory_id, idp_id=...) looks it up",
    },
    "load_group": {"name": FOUND},
    "load_directory": {"name": FOUND},
    "load_memberships": {
        "group_id": "The members of one group: load_users(client, group_id=...)",
        "user_id": "The groups of one user: load_groups(client, user_id=...)",
        "limit": "The pairs have no list of their own: load_users(client, directory_id, limit=...) for a look",
    },
}

P = ParamSpec("P")
R = TypeVar("R")


def needs_client(call: Callable[P, R]) -> Callable[P, R]:
    """Let a call refuse whatever stands in place of its client, and then arguments that do not fit it.

    Examples
    --------
    >>> @ds.client.needs_client
    ... def count(client):
    ...     return len(ds.load_directories(client))
    >>> count(client) == len(directories)
    True
    """
    signature, name = inspect.signature(call), call_name(call)
    place = list(signature.parameters).index("client")

    @functools.wraps(call)
    def checked(*args: P.args, **given: P.kwargs) -> R:
        client = require_client(args[place] if len(args) > place else given.get("client"), name)
        fit(name, signature, args, given, INSTEAD.get(name))
        before = len(client.receipts)
        result = call(*args, **given)
        for receipt in client.receipts[before:]:
            receipt.whole = None  # it is on its way to whoever asked
        return result

    return checked


def require_client(client: object, name: str = "load_users") -> DirectoryClient:
    """Return a client as it was given; ``name`` is the call it was given to.

    Raises
    ------
    ArgumentError
        It is something else, such as the package, None, an id or a key; the message says how to get one and
        repeats no text that was given.

    Examples
    --------
    >>> ds.client.require_client(client) is client
    True
    """
    if isinstance(client, DirectoryClient):
        return client
    raise errors.ArgumentError(
        f"the first argument must be a client, and {_what(client)}. Make one with client = ds.connect() and "
        f"give it first: {name}(client, ...)"
    )


def _what(given: object) -> str:
    if given is None:
        return "None was given"
    if isinstance(given, ModuleType):
        return f"the module {given.__name__} was given"
    if isinstance(given, str) and given.startswith("sk_"):
        return "a key was given: it belongs into WORKOS_API_KEY, not into a notebook"
    if isinstance(given, str):
        return "a text was given: an id comes after the client"
    if isinstance(given, type):
        return f"the class {given.__name__} was given"
    if callable(given):
        return f"the function {getattr(given, '__name__', '')} was given: call it, with ()"
    return f"one of type {type(given).__name__} was given"
