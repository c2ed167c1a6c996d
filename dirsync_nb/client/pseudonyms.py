"""Pseudonyms: the same text gives the same pseudonym, and nobody without the key finds the way back.

A pseudonym depends on the text and the key and on nothing else: not on the column, the frame or the call. So
equal texts stay equal everywhere, and joins, counts and charts hold. What a text looks like stays visible: an
address stays an address (in a reserved domain, and people of one domain stay in one), an id keeps the word
before it (``directory_user_anon_…``), anything else becomes ``anon-…``.

What is kept is listed here; what is not listed is redacted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from .. import errors
from .answers import is_page, json_or
from .connections import Answer
from .credentials import Secret
from .endpoints import ENDPOINTS
from .transport import Params, Transport

SHORTEST_KEY = 16
DIGITS = 16  # hexadecimal, 64 bits: among 1,000,000 texts two share a pseudonym once in 37 million times
REMEMBERED = 200_000  # pseudonyms kept at hand, so that a text that comes again is not hashed again
RESERVED = "redacted.test"

PREFIXES = ("directory_user", "directory_group", "directory_token", "directory", "org_domain", "org", "event")
TOKEN = rf"[0-9a-f]{{{DIGITS}}}"
PSEUDONYM = re.compile(
    rf"anon-{TOKEN}|({'|'.join(PREFIXES)})_anon_{TOKEN}|(person-{TOKEN}@)?anon-{TOKEN}\.redacted\.test",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What may stay. Words must look like words, so that nothing else hides in their place.
WORDS = _set(
    "object state state_reported type event events order endpoint address_source source change manner outcome "
    "lifecycle action matched_by field fields attribute types verification_strategy route verdict status"
)
WORD = re.compile(r"[\w/][\w .:,/(){}-]{0,400}")
TIMES = _set("created_at updated_at at since range_start range_end")
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:?\d\d)?)?")
ZONE = re.compile(r"[Zz]|[+-]\d\d:?\d\d")
ROUNDED = {"hour": 13, "day": 10, "month": 7}  # characters of a time that stay
NUMBERS = _set(
    "active_users inactive_users groups members users shared jaccard share_of_a share_of_b lost_groups "
    "remaining_groups left_without_group in_users listed filled null blank absent filled_share distinct "
    "requests pages rows duplicates seconds seconds_waited complete answered repeated primary "
    "allow_profiles_outside_organization directory_managed count size proportion"
)
COUNTS = _set("active inactive groups")  # inside a directory's metadata
FLAGS = _set("primary active complete allow_profiles_outside_organization directory_managed")
ENTRY_TYPES = _set("work home other mobile fax pager main personal")  # of an address or number
PARTS = _set(
    "type value primary display formatted street_address locality region postal_code country raw_address "
    "users active inactive groups"
)
FIELD = re.compile(r"(custom_attributes\.)?[A-Za-z]\w{0,63}", re.ASCII)
DOMAINS = _set("domain domains")
RECORDS = _set(
    "data user group context previous_attributes extra filters domains domain_records groups role roles "
    "before after source"
)
EMPTIED = _set("raw_attributes")  # whatever a provider sent; no policy can know what is in it

# What a redacted client may be asked for again, and the filters in which that is done.
FINDABLE = _set("id directory_id organization_id user_id group_id idp_id email domain external_id after before")
ID_FILTERS = _set(
    "directory directory_id group group_id user user_id organization_id organization after before "
    "organization_membership_id workos_group_id authkit_user_id"
)
CURSORS = _set("after before")
FIXED = {"", "external_id"}.union(  # the parts of a path that are no ids
    *(f"{endpoint.path}{endpoint.scoped or ''}".split("/") for endpoint in ENDPOINTS.values())
)
KEPT_HEADERS = ("X-Request-Id", "Retry-After", "Content-Type")  # of an error
TEXT_FILTERS = _set("idp_id email search domain domains external_id")


def _rounded(text: str, kept: int) -> str:
    """Put zeros (and the first day) in place of all of a time but its first characters and its zone."""
    rest = text[kept:]
    zone = ZONE.search(rest, min(len(rest), max(0, len("2026-01-01") - kept)))
    body = rest[: zone.start()] if zone else rest
    zeros = re.sub(r"\d", "0", body)
    zeros = zeros.replace("-00", "-01", 1) if kept == ROUNDED["month"] else zeros
    return text[:kept] + zeros + (zone[0] if zone else "")


def wrapped_key(key: str | bytes | None) -> Secret | None:
    """Wrap a key at once, so that no traceback shows it; bytes count as the text of those code points."""
    if not isinstance(key, str | bytes | None):
        raise errors.ArgumentError("key must be text, such as secrets.token_hex(32) makes")
    return None if key is None else Secret(key if isinstance(key, str) else key.decode("latin-1"))


_session_key: list[Secret] = []


def _made_key(given: Secret | None) -> Secret:
    """Make the working key: from the one given, else one of this process that nobody is shown."""
    if given is None:
        if not _session_key:
            _session_key.append(Secret(secrets.token_bytes(32).decode("latin-1")))
        return _session_key[0]
    if len(given.reveal()) < SHORTEST_KEY or len(set(given.reveal())) < 6:
        raise errors.ArgumentError(
            f"key must have at least {SHORTEST_KEY} characters, not a few repeated: whoever guesses it finds "
            "the people by hashing lists of names. Make one with secrets.token_hex(32), and keep it out of the "
            "notebook"
        )
    # Slow on purpose, should somebody choose a passphrase all the same: 50 ms for each guess instead of 1 µs.
    text = given.reveal().encode("utf-8", "surrogatepass")
    return Secret(
        hashlib.scrypt(text, salt=b"dirsync_nb pseudonyms", n=2**14, r=8, p=1, dklen=32).decode("latin-1")
    )


class Pseudonyms:
    """Make pseudonyms with one key.

    Parameters
    ----------
    key
        At least 16 characters; better 32 random bytes (``secrets.token_hex(32)``). None: a key of this process,
        which nobody is shown and which is gone when the process ends.
    keep
        Names of fields, columns and custom attributes that stay as they are.
    round_times
        ``hour``, ``day`` or ``month``: times go back to its beginning. None: they stay.

    Raises
    ------
    ArgumentError
        The key is too short to keep anything secret, or no such unit.

    Notes
    -----
    Each is the first 64 bits of an HMAC-SHA256 in hexadecimal. Names and addresses are few enough to try them
    all, so a plain hash of them is no secret; without the key there is nothing to try against. With n texts
    the chance that any two share a pseudonym is about n²/2⁶⁵: 3 in 100 million for a million.

    Equal texts stay equal, so how often each one occurs stays visible: the largest group is the largest group.
    """

    def __init__(
        self, key: Secret | None = None, keep: Iterable[str] = (), *, round_times: str | None = None
    ) -> None:
        self._key = _made_key(key)
        if round_times not in (None, *ROUNDED):
            raise errors.ArgumentError(f"round_times is hour, day, month or None; got {round_times!r}")
        self.round_times = round_times
        names = [keep] if isinstance(keep, str) else list(keep)
        self.keep = frozenset(name.removeprefix("custom_attributes.") for name in names)
        self.found: dict[str, str] | None = None
        """Pseudonym to the text itself, for ids that may be asked for again; None: not remembered."""
        self._made: dict[str, str] = {}

    def __repr__(self) -> str:
        return "<Pseudonyms, key hidden>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the key and the texts would land in a file."""
        raise TypeError("pseudonyms cannot be pickled, since their key would be")

    # Texts ----------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return the pseudonym of a text. Spaces around it stay, blank text stays, and so do pseudonyms."""
        made = self._made.get(text)
        if made is None:
            if len(self._made) >= REMEMBERED:
                self._made = {}
            made = self._made[text] = self._around(text, self._of)
        return made

    def domain(self, text: str) -> str:
        """Return the pseudonym of a domain, as inside addresses; of several, with commas between."""
        return ",".join(self._around(one, self._of_domain) for one in text.split(","))

    def _around(self, text: str, make: Any) -> str:
        core = text.strip()
        if not core or ("anon" in core.lower() and PSEUDONYM.fullmatch(core)):
            return text
        made: str = make(core)
        if len(core) == len(text):
            return made
        before = len(text) - len(text.lstrip())
        return text[:before] + made + text[before + len(core) :]

    def _of(self, core: str) -> str:
        if "@" in core and ADDRESS.fullmatch(core):
            folded = core.casefold()
            domain = self._of_domain(folded.rpartition("@")[2])
            return self._cased(core, folded, f"person-{self._token('address', folded)}@{domain}")
        head = core.rpartition("_")[0]
        token = self._token("text", core)
        return f"{head}_anon_{token}" if head in PREFIXES else f"anon-{token}"

    def _of_domain(self, core: str) -> str:
        folded = core.casefold()
        made = self._made.get("\0" + folded)
        if made is None:
            made = self._made["\0" + folded] = f"anon-{self._token('domain', folded)}.{RESERVED}"
        return self._cased(core, folded, made)

    def _cased(self, core: str, folded: str, made: str) -> str:
        """Write the pseudonym of an address in capitals here and there if the address was: alike, not equal."""
        if core == folded:
            return made
        bits = int(self._token("case", core), 16)
        letters = (letter.upper() if bits >> place % 64 & 1 else letter for place, letter in enumerate(made))
        return made[0].upper() + "".join(letters)[1:]

    def _token(self, kind: str, text: str) -> str:
        content = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key.reveal().encode("latin-1"), content, "sha256").hex()[:DIGITS]

    # Fields and records ---------------------------------------------------------------------------------

    def record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record of the API, or a part of one, with pseudonyms in it."""
        made = {
            name if FIELD.fullmatch(name) else self.text(name): self.field(name, value)
            for name, value in record.items()
        }
        if self.found is not None and record.get("object") in ("organization", "directory"):
            self._find(made.get("name"), record.get("name"))
        return made

    def keeps(self, name: str) -> bool:
        """Return whether the values of a field stay as they are."""
        return name.removeprefix("custom_attributes.") in self.keep

    def field(self, name: str, value: Any) -> Any:
        """Return the value of a field, or of a cell in the column of that name, with pseudonyms in it."""
        if value is None or self.keeps(name):
            return value
        if name.startswith("custom_attributes.") or name == "emails":
            return self.attribute(value)
        if isinstance(value, str):
            return self._text_field(name, value)
        if isinstance(value, bool):
            return value if name in FLAGS or name in NUMBERS else self._other(value)
        if isinstance(value, int | float):
            return value if name in NUMBERS else self._other(value)
        if isinstance(value, list | tuple):
            return type(value)([self.field(name, item) for item in value])
        if isinstance(value, dict):
            return self._dict_field(name, value)
        if isinstance(value, date):
            return self.time(value) if name in TIMES else self._other(value)
        return self._other(value)

    def time(self, value: Any) -> Any:
        """Return a time, a date or the text of one, rounded down if that is asked for."""
        if self.round_times is None or value != value:  # nothing is there
            return value
        if isinstance(value, str):
            return _rounded(value, ROUNDED[self.round_times])
        parts: dict[str, int] = {"day": 1} if self.round_times == "month" else {}
        if isinstance(value, datetime):
            parts |= {"minute": 0, "second": 0, "microsecond": 0}
            parts |= {} if self.round_times == "hour" else {"hour": 0}
        return value.replace(**parts)

    def _text_field(self, name: str, value: str) -> str:
        if name in TIMES and TIME.fullmatch(value):
            return str(self.time(value))
        if (name in WORDS and WORD.fullmatch(value)) or (name == "entry_type" and value in ENTRY_TYPES):
            return value
        made = self.domain(value) if name in DOMAINS else self.text(value)
        if name in FINDABLE and self.found is not None:
            self._find(made, value)
        return made

    def _dict_field(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        if name in EMPTIED:
            return {}
        if name in RECORDS:
            return self.record(value)
        if name == "custom_attributes":
            return {
                key if FIELD.fullmatch(key) else self.text(key): item
                if key in self.keep
                else self.attribute(item)
                for key, item in value.items()
            }
        return dict(self._entry(key, item) for key, item in value.items())

    def attribute(self, value: Any) -> Any:
        """Return the value of a custom attribute, of which nothing is known, each text and number redacted.

        What lists and objects are made of stays visible, since frames are derived from it: ``primary`` and
        ``type`` of an address, and the names of the parts that SCIM knows.
        """
        if isinstance(value, str):
            return self.text(value)
        if value is None:
            return None
        if isinstance(value, list | tuple):
            return type(value)([self.attribute(item) for item in value])
        if isinstance(value, dict):
            return dict(self._entry(key, item) for key, item in value.items())
        return self._other(value)

    def _entry(self, key: Any, item: Any) -> tuple[str, Any]:
        name = key if key in PARTS else self.text(str(key))
        stays = (
            (key == "primary" and isinstance(item, bool))
            or (key == "type" and item in ENTRY_TYPES)
            or (key in COUNTS and isinstance(item, int))
        )
        return name, item if stays else self.attribute(item)

    def _other(self, value: Any) -> Any:
        """Return the pseudonym of a number, a flag or a time: that of the text it is written as."""
        if isinstance(value, float):
            if value != value:  # nothing is there
                return value
            value = int(value) if value.is_integer() else value  # 1 and 1.0 are one number
        if isinstance(value, bool | int | float):
            return self.text(json.dumps(value))
        return self.text(str(value))

    def answer(self, payload: Any) -> Any:
        """Return an answer of the API, a list or a single object, with pseudonyms in it."""
        if not isinstance(payload, dict):
            return self.attribute(payload)
        data, metadata = payload.get("data"), payload.get("list_metadata")
        if not isinstance(data, list) or not isinstance(metadata, dict):
            return self.record(payload)
        rows = [self.record(row) if isinstance(row, dict) else self.attribute(row) for row in data]
        return {"data": rows, "list_metadata": self.record(metadata)}

    # The way back, for a client ---------------------------------------------------------------------------

    def _find(self, made: Any, value: Any) -> None:
        if self.found is not None and isinstance(made, str) and isinstance(value, str):
            self.found[made] = value
            if made != made.strip():
                self.found[made.strip()] = value.strip()

    def disguise(self, name: str, value: str) -> str:
        """Return the pseudonym of a filter's value, whether it is one already or a person typed the text.

        Raises
        ------
        NotFound
            An id that this client did not give out.
        ArgumentError
            A cursor or another pseudonym that it did not give out.
        """
        if self.found is None or value in self.found:
            return value
        if name in ID_FILTERS and name not in CURSORS:
            # As the service answers to an id of another environment; nothing is asked.
            raise errors.NotFound(
                f"this redacted client gave out no such {name.removesuffix('_id')}. It takes the pseudonyms of "
                "what it has read itself: load the list that shows it first. Real ids are not taken, so that "
                "none ends in a frame or receipt",
                status_code=404,
            )
        if name in CURSORS or PSEUDONYM.fullmatch(value.strip()):
            raise errors.ArgumentError(
                f"{name} is not one of the pseudonyms that this redacted client gave out, and it knows no "
                "others: load the list that shows it first"
            )
        made = self.domain(value) if name in DOMAINS else self.text(value)
        self._find(made, value)
        return made


# Requests ---------------------------------------------------------------------------------------------------

_asking: ContextVar[bool] = ContextVar("dirsync_nb_redacted", default=False)


def _names_nobody(_: logging.LogRecord) -> bool:
    """Drop what the HTTP library logs about redacted requests: their paths and queries hold real ids."""
    return not _asking.get()


class _Real(str):
    """A text that a traceback, which shows local variables, does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


class RedactedTransport(Transport):
    """Perform the requests of another transport: pseudonyms go in and come out, the service sees real ids.

    The service's own words in an error are left out, since they may name what was asked for.
    """

    def __init__(self, plain: Transport, names: Pseudonyms) -> None:
        vars(self).update(vars(plain))  # the same connections, key and budgets
        names.found = {}
        self.names = names
        logging.getLogger("urllib3.connectionpool").addFilter(_names_nobody)

    def __repr__(self) -> str:
        return super().__repr__()[:-1] + ", redacted>"

    def get(self, path: str, params: Params = None, *, scope: str | None = None, **options: Any) -> Any:
        """Perform one GET, see :meth:`Transport.get`; in all that is given and answered, pseudonyms."""
        if scope is not None:  # the budget is that of the real directory, for both clients
            scope = _Real(self._found.get(scope, scope))
        return super().get(path, params, scope=scope, **options)

    def answer(self, *_: Any, **__: Any) -> Answer:
        """Refuse to give an answer as it came."""
        raise errors.ArgumentError("a redacted client gives no answer as it came: give the plain client")

    @property
    def _found(self) -> dict[str, str]:
        assert self.names.found is not None
        return self.names.found

    def _try_once(self, path: str, params: Params, doing: str, stop: threading.Event | None = None) -> Any:
        try:
            real_path, real_params = self._real(path, params or {})
        except errors.DirsyncError as problem:
            return problem.with_traceback(None)
        token = _asking.set(True)
        try:
            answer = super()._try_once(real_path, real_params, doing, stop)
        finally:
            _asking.reset(token)
        if isinstance(answer, BaseException):
            answer.args = tuple(self._hidden(arg, path, params or {}) for arg in answer.args)
            return answer
        try:
            return self.names.answer(answer)
        except RecursionError:
            return errors.BadPayload(f"{doing}: the answer is nested too deep to be redacted")

    def _real(self, path: str, params: Mapping[str, str | int]) -> tuple[str, dict[str, str | int]]:
        """Put the real texts where pseudonyms stand in a request."""
        real_params = {name: self._real_value(name, value) for name, value in params.items()}
        name = "external_id" if "/external_id/" in path else "user_id"
        parts = [
            part if part in FIXED else quote(str(self._real_value(name, unquote(part))), safe="")
            for part in path.split("/")
        ]
        return "/".join(parts), real_params

    def _real_value(self, name: str, value: str | int) -> str | int:
        if isinstance(value, int) or name not in ID_FILTERS | TEXT_FILTERS:
            return value
        several = value.split(",") if name == "domains" else [value]
        return _Real(",".join(self._found[self.names.disguise(name, one)] for one in several))

    def _hidden(self, words: Any, path: str, params: Mapping[str, str | int]) -> Any:
        """Put pseudonyms back where the words of a library quote a request."""
        if not isinstance(words, str):
            return words
        for asked in (*map(unquote, path.split("/")), *params.values()):
            real = self._found.get(str(asked))
            if real:
                for spelling in (real, quote(real, safe="")):
                    words = words.replace(spelling, str(asked))
        return words

    def _read(self, answer: Answer, doing: str) -> Any:
        return super()._read(_without_words(answer, self.names), doing)


def _without_words(answer: Answer, names: Pseudonyms) -> Answer:
    """Return an error's answer without the service's own words, with its code and the pause it asks for."""
    if answer.status == 200 and not is_page(answer):
        return answer
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    if is_page(answer):
        return Answer(answer.status, headers, b"<")
    body, kept = json_or(answer.content, None), {}
    if isinstance(body, dict):
        pauses = ("retry_after", "retry_after_seconds")
        kept = {name: body[name] for name in pauses if isinstance(body.get(name), int | float)}
        if re.fullmatch(r"[a-z_]{1,60}", str(body.get("code"))):
            kept["code"] = body["code"]
        if isinstance(body.get("entity_id"), str):
            kept["entity_id"] = names.text(body["entity_id"])
    return Answer(answer.status, headers, json.dumps(kept).encode())
