"""Whether what was given as a client is one; and if not, what was meant."""

from __future__ import annotations

from types import ModuleType

from .. import errors
from .client import DirectoryClient

__all__ = ["require_client"]


def require_client(client: object) -> DirectoryClient:
    """Return a client as it was given.

    Raises
    ------
    ArgumentError
        It is something else, such as the package, None, an id or a key; the message says how to get one and
        repeats no text that was given.
    """
    if isinstance(client, DirectoryClient):
        return client
    raise errors.ArgumentError(
        f"the first argument must be a client, and {_what(client)}. Make one with client = ds.connect() and "
        "give it first: ds.load_users(client, directory_id=...)"
    )


def _what(given: object) -> str:
    if given is None:
        return "None was given"
    if isinstance(given, ModuleType):
        return f"the module {given.__name__} was given"
    if isinstance(given, str) and given.startswith("sk_"):
        return "a key was given: it belongs into WORKOS_API_KEY, not into a notebook"
    if isinstance(given, str):
        return "a text was given: an id goes by its name, directory_id="
    if isinstance(given, type):
        return f"the class {given.__name__} was given"
    if callable(given):
        return f"the function {getattr(given, '__name__', '')} was given: call it, with ()"
    return f"one of type {type(given).__name__} was given"
