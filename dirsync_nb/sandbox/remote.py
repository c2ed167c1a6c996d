"""A sandbox that another process runs on this machine, as ``dirsync-nb lab`` does for all its kernels."""

from __future__ import annotations

import inspect
import json
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from .directory.changes import Changes
from .directory.refusal import Invalid, NotRunning
from .environment import ScimAccess
from .http.app import API_KEY
from .http.control import CHANGES

__all__ = ["RemoteSandbox"]

_MOST_BYTES = 2**28  # of an answer: all people of a directory
LISTS = ("/webhooks/log", "/scim", "/play")  # what they answer
HOLDS = {"": {"identity", "seed"}, "/reset": {"identity", "seed"}, "/changes": {"result"}}  # others


class RemoteSandbox:
    """Reach a running sandbox through its control door, with the methods of ``Sandbox``.

    Everything that can happen (``add_user``, ``remove_member`` ...) is a method with the same arguments.

    Parameters
    ----------
    url
        Where it answers.

    Examples
    --------
    >>> remote = ds.sandbox.RemoteSandbox(client.base_url)
    >>> remote.info()["seed"]
    1
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.api_key = API_KEY
        self.faults = RemoteFaults(self)

    def __repr__(self) -> str:
        return f"<RemoteSandbox {self.url}>"

    @property
    def running(self) -> bool:
        """Whether it answers."""
        try:
            self.info()
        except (Invalid, NotRunning):
            return False
        return True

    @property
    def identity(self) -> str:
        """The world this is, the same at any port and on any day."""
        return str(self.info()["identity"])

    @property
    def origin(self) -> str | None:
        """The server whose copy this is; None for a world of its own."""
        origin: str | None = self.info().get("origin")
        return origin

    def info(self) -> dict[str, Any]:
        """Return what this sandbox is and how much is in it."""
        return dict(self._ask("GET", ""))

    def reset(self) -> dict[str, Any]:
        """Go back to the seed, without faults."""
        return dict(self._ask("POST", "/reset"))

    def add_webhook(self, url: str, **options: Any) -> dict[str, Any]:
        """Push every event from now on to an address of this machine; return the endpoint with its secret."""
        return dict(self._ask("POST", "/webhooks", {"url": url, **options}))

    def remove_webhook(self, id: str) -> None:  # noqa: A002 (the API's own word)
        """Stop pushing to an endpoint."""
        self._ask("DELETE", "/webhooks", {"id": id})

    def webhook_log(self) -> list[dict[str, Any]]:
        """Return every try to deliver an event, oldest first."""
        return list(self._ask("GET", "/webhooks/log"))

    def scim(self, directory_id: str) -> ScimAccess:
        """Return what the provider of a directory is configured with: endpoint and token."""
        for door in self._ask("GET", "/scim"):
            if door["directory_id"] == directory_id:
                return ScimAccess(door["url"], door["token"])
        raise Invalid(f"no SCIM directory {directory_id!r} there")

    def play(self, name: str = "a day at Acme") -> list[dict[str, Any]]:
        """Play a scenario there; return its scenes."""
        return list(self._ask("POST", "/play", {"name": name}))

    def stop(self) -> None:
        """Do nothing: the process that runs it ends it, and other kernels may be using it."""

    def __getattr__(self, name: str) -> Any:
        if name not in CHANGES:
            raise AttributeError(f"a remote sandbox has no {name!r}")
        return partial(self._change, name)

    def _change(self, do: str, *args: Any, **kwargs: Any) -> Any:
        signature = inspect.signature(getattr(Changes, do))
        signature.bind(None, *args, **kwargs)  # a wrong call is a TypeError here, as with a sandbox at home
        named = dict(zip(list(signature.parameters)[1:], args, strict=False))
        return self._ask("POST", "/changes", {"do": do, **named, **kwargs})["result"]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what the door answers; Invalid where it refuses, NotRunning where it is no sandbox's."""
        sent = json.dumps(body or {})
        try:
            status, content = self._exchange(method, path, sent)
        except (OSError, HTTPException) as problem:
            raise NotRunning(f"nothing answers at {self.url} as a sandbox does: {problem}") from None
        except (ValueError, RecursionError):
            status, content = 0, None
        named = content if isinstance(content, dict) else {}
        fits = isinstance(content, list) if path in LISTS else named.keys() >= HOLDS.get(path, set())
        if status == 200 and fits:
            return content
        if status != 200 and "message" in named:
            raise Invalid(str(named["message"]))
        raise NotRunning(f"what answers at {self.url} is no sandbox")

    def _exchange(self, method: str, path: str, body: str) -> tuple[int, Any]:
        where = urlsplit(self.url)
        connection = HTTPConnection(where.hostname or "", where.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.api_key}"}
            connection.request(method, "/_sandbox" + path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read(_MOST_BYTES) or b"null")
        finally:
            connection.close()


class RemoteFaults:
    """Script the faults of a sandbox in another process."""

    def __init__(self, sandbox: RemoteSandbox) -> None:
        self._sandbox = sandbox

    def add(self, kind: str, **fields: Any) -> Any:
        """Add a fault; the fields are those of ``Faults.add``."""
        return self._sandbox._ask("POST", "/faults", {"kind": kind, **fields})

    def clear(self) -> None:
        """Remove all faults."""
        self._sandbox._ask("DELETE", "/faults")
