"""More environments in one sandbox: same address, another key, nothing shared."""

from __future__ import annotations

from typing import Any, Self

from .sandbox import Sandbox


class Environment(Sandbox):
    """Be one more environment of a running sandbox, behind a key of its own.

    Parameters
    ----------
    host_sandbox
        Whose address it shares.
    settings
        Those of ``Sandbox``, but for host and port.
    """

    def __init__(self, host_sandbox: Sandbox, name: str, **settings: Any) -> None:
        for fixed in ("host", "port"):
            if fixed in settings:
                raise ValueError(f"an environment has the {fixed} of its sandbox")
        super().__init__(**settings)
        self.name, self.api_key, self._parent = name, f"sk_test_{name}", host_sandbox

    def start(self) -> Self:
        """Answer at the address of the sandbox."""
        shared = self._parent._app
        if self._app is None and shared is not None:
            self._app = self._make_app()
            shared.environments.append(self._app)
        return self

    def stop(self) -> None:
        """Answer no more; the sandbox goes on."""
        app, self._app = self._app, None
        self._parent.environments.pop(self.name, None)
        if app is not None and self._parent._app is not None:
            self._parent._app.environments.remove(app)
        self._close()

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self._app is not None and self._parent.running

    @property
    def url(self) -> str:
        """The base URL, that of the sandbox."""
        return self._parent.url
