"""Whether an app's own word for a user's status means on or off.

Two lists of words, those of the providers and those apps use, and a mapping of the caller's. A word in none of
them is told with its count: whoever guesses switches people on who left, or off who work here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ..analysis.identity import id_key, without_invisible
from ..errors import ArgumentError
from ..text import is_missing, some

ON_WORDS = frozenset(
    {
        # truth values
        "1", "true", "t", "yes", "y", "on", "ja", "oui", "wahr", "vrai", "verdadero",
        # apps
        "active", "activated", "enabled", "current", "live", "allowed", "approved", "valid",
        # Okta: on, though some cannot sign in at this moment
        "recovery", "password reset", "password expired", "locked out", "locked",
        # Slack, whose status is a role
        "member", "admin", "owner", "primary owner",
        # HR lists in other languages
        "employed", "aktiv", "actif", "active employee", "activo", "attivo",
    }
)  # fmt: skip
OFF_WORDS = frozenset(
    {
        # truth values
        "0", "false", "f", "no", "n", "off", "nein", "non", "falsch", "faux", "falso",
        # apps
        "inactive", "disabled", "deactivated", "suspended", "deleted", "removed", "revoked", "closed",
        "cancelled", "canceled", "archived", "blocked", "banned", "soft deleted",
        # Okta, JumpCloud, OneLogin, GitLab; staged and provisioned people are not on yet
        "deprovisioned", "staged", "provisioned", "pending user action", "unactivated", "unapproved",
        "rejected", "unlicensed", "ldap blocked", "blocked pending approval",
        # Workday, Rippling and other HR lists
        "terminated", "term", "separated", "retired", "resigned", "left", "laid off", "deceased",
        "not on payroll", "init", "hired", "onboarding",
        # HR lists in other languages
        "inaktiv", "deaktiviert", "gesperrt", "ausgetreten", "inactif", "désactivé", "sorti", "inactivo",
        "baja",
    }
)  # fmt: skip

BLANK = "(blank)"
_ENDED = re.compile(
    "(delet|deactivat|disabl|remov|archiv|suspend|terminat|revok|clos|bann|block|cancel|offboard|left|end)"
    "(ed|d)?_?(at|on|date|time|since)$",
    re.IGNORECASE,
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.,]+)?\s?(Z|UTC|[+-][\d:]+)?", re.ASCII)
MOST_TOLD = 6


def _folded(value: Any) -> str:
    """Return a word as the lists have it: ``LOCKED_OUT`` and "Locked out" are one."""
    text = str(value).lower() if isinstance(value, bool) else id_key(value) or ""
    return " ".join(without_invisible(text).replace("_", " ").casefold().split())


def is_on(value: Any, words: Mapping[Any, bool] | None = None) -> bool | None:
    """Return whether a mark of who is active means yes; None where nobody can tell.

    Truth values, 0 and 1, and the words of the two lists are known, whatever their case. A missing value means
    no, as it does in the app's own database; a blank text among words is nobody's answer.

    Examples
    --------
    >>> ds.comparison.is_on("DEPROVISIONED"), ds.comparison.is_on("on leave")
    (False, None)
    """
    return StatusWords(words).read(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, date) or (isinstance(value, str) and bool(_TIME.fullmatch(value.strip())))


def says_until(column: Any, values: Iterable[Any]) -> bool:
    """Return whether a column says who may not sign in by the time since when, as ``deleted_at`` does.

    Of one that is empty the type decides, which is not known here: it says so if its name does.
    """
    return _ENDED.search(str(column)) is not None and all(map(_is_time, _held(values)))


def _held(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if not is_missing(value) and value != ""]


class StatusWords:
    """Reads an app's status column, and keeps count of what it cannot read.

    Parameters
    ----------
    words
        What the caller says of words and numbers of their own: ``{"on leave": True, 512: True, 514: False}``.
        It goes before the lists.

    Attributes
    ----------
    unknown
        How often each value stood that is in no list.
    """

    def __init__(self, words: Mapping[Any, bool] | None = None, *, column: str = "") -> None:
        for word, means in (words or {}).items():
            if not isinstance(means, bool):
                raise ArgumentError(f"status_words: {word!r} must mean True or False; got {means!r}")
        self._words = {_folded(word): means for word, means in (words or {}).items()}
        self._column = column
        self._missing_is_off = True
        self.unknown: Counter[str] = Counter()

    def read(self, value: Any) -> bool | None:
        """Return whether a value means on; None, counted as unknown, where no list has it."""
        missing = is_missing(value)
        word = _folded(value)
        if word in self._words:
            return self._words[word]
        if missing and self._missing_is_off:
            return False
        if word in ON_WORDS or word in OFF_WORDS:
            return word in ON_WORDS
        self.unknown[str(value).strip() if word else BLANK] += 1
        return None

    def read_column(self, values: Iterable[Any]) -> list[bool | None]:
        """Return what each value of a column means; among words, a missing one is blank and not off.

        In a column named for an end, as ``deleted_at`` is, a time means off, and blank on. Other times are
        refused: ``activated_at`` means the opposite.
        """
        listed = list(values)
        if says_until(self._column, listed):
            return [is_missing(value) or value == "" for value in listed]
        if (held := _held(listed)) and all(map(_is_time, held)):
            column = self._column or "the status"
            raise ArgumentError(
                f"{column} holds times, which say neither on nor off: hand in a column that does, such as "
                f"app_users.assign(active=app_users[{column!r}].notna()) where a time means on"
            )
        self._missing_is_off = not any(isinstance(value, str) for value in listed)
        return [self.read(value) for value in listed]

    @property
    def sentence(self) -> str | None:
        """What could not be read, with its counts and what to do; None where everything was."""
        return unknown_sentence(self._column, self.unknown)


def unknown_sentence(column: str, unknown: Mapping[str, int]) -> str | None:
    """Return in words which values of a status column are in no list; None where all are."""
    if not unknown:
        return None
    ordered = Counter(unknown).most_common()
    told = some([f"{word!r} ({count:,})" for word, count in ordered], MOST_TOLD)
    key = "" if ordered[0][0] == BLANK else ordered[0][0]
    return (
        f"{column or 'The status'} holds what is known neither as on nor as off: {told}. Say "
        f"what it means: status_words={{{key!r}: True}} or False."
    )
