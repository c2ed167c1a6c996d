"""The key: who may see it (one server, and over an encrypted line), and what keeps it from everybody else."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn
from urllib.parse import quote, urlsplit

from .. import errors

HIDDEN = "<key hidden>"


SANDBOX_KEY = "sk_test_dirsync_sandbox"  # the same for everybody: it opens nothing but invented people


class Secret:
    """Hold a key that shows itself only on demand: not in a repr, a traceback, a copy or a file."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def wrap(cls, value: str | Secret) -> Secret:
        """Make a secret of a text; leave one as it is."""
        return value if isinstance(value, Secret) else cls(value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a key must not land in a file."""
        raise TypeError("a client cannot be pickled, since its key would be; connect again instead")

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def digest(self, salt: bytes, where: str) -> bytes:
        """Return what tells this key at one place from others, and nothing else about it."""
        return hashlib.blake2b(f"{where}\0{self._value}".encode(), key=salt).digest()

    def hidden_in(self, text: str) -> str:
        """Return a text without the key, should somebody have quoted it there, in one of its spellings."""
        if self._value:
            for spelling in (self._value, quote(self._value, safe="")):
                text = text.replace(spelling, HIDDEN)
        return text

    def hidden_in_bytes(self, content: bytes) -> bytes:
        """Return the content of an answer without the key."""
        return content.replace(self._value.encode(), HIDDEN.encode()) if self._value else content


class Login(Secret):
    """The user and password of a proxy, as they stand in its address: ``user:password``."""

    __slots__ = ()

    def header(self) -> str:
        """Return the header that shows them to the proxy."""
        return "Basic " + base64.b64encode(self._value.encode()).decode()

    def hidden_in(self, text: str) -> str:
        """Return a text without them: the password alone counts as well, and the header's form."""
        password = Secret(self._value.partition(":")[2])
        return password.hidden_in(Secret(self.header()[6:]).hidden_in(super().hidden_in(text)))


def cleaned(text: object, secrets: Sequence[Secret], most: int) -> str:
    """Return somebody else's words for a message: without secrets, in one printable line, and not too long.

    Hidden before it is cut, since a cut may leave most of a key standing; and once more when invisible
    characters are gone, which may have stood inside of it.
    """
    hidden = _hidden(str(text), secrets)
    printable = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in hidden)
    line = _hidden(" ".join(printable.split()), secrets)
    return line if len(line) <= most else line[: most - 1] + "…"


def _hidden(text: str, secrets: Iterable[Secret]) -> str:
    for secret in secrets:
        text = secret.hidden_in(text)
    return text


def key_environment(key: Secret) -> str | None:
    """Return the environment a key belongs to, by its form; None when it cannot be a key."""
    if not isinstance(key.reveal(), str) or not re.fullmatch(r"sk_[!-~]+", key.reveal()):
        return None
    for prefix, name in (("sk_test_", "test environment"), ("sk_live_", "live environment")):
        if key.reveal().startswith(prefix):
            return name
    return "environment unknown"


def is_loopback(url: str) -> bool:
    """Return whether an address is this very machine: localhost, 127.0.0.0/8 or ::1."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_base_url(base_url: str, key: Secret) -> str:
    """Return an address without a trailing slash; refuse what would send the key in the clear or nowhere.

    The sandbox's own key is public: it may go to another container in the clear.
    """
    try:
        parts = urlsplit(base_url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, TypeError, AttributeError):
        valid = False
    if not valid or parts.query or parts.fragment or parts.username or parts.password:
        raise errors.ConfigurationError(
            "base_url must look like https://api.workos.com, with no user, query or fragment"
        )
    if parts.scheme == "http" and not is_loopback(base_url) and key.reveal() != SANDBOX_KEY:
        raise errors.ConfigurationError(
            f"base_url {base_url} would send the key unencrypted; use https (http is for this machine only)"
        )
    return base_url.rstrip("/")
