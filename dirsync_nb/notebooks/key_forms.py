"""What keys look like: WorkOS's, those of a stated list of other services, and what code calls a secret.

Each form has a sign that must stand in a text before its pattern is tried, at that place alone; every
repetition has an end. So the time grows with the text and with nothing else, whoever wrote it.

``detect-secrets`` would know more services; it has had no release since 2024, and brings two libraries into a
hook that has none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

__all__ = ["joined_keys", "keys"]

Span = tuple[int, int]


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


_TAIL = r"[^\s\"'`<>()\[\]{},;&\\…]*+"  # all that belongs to a secret, so that no end of it is left standing
_ALONE = r"(?<![A-Za-z0-9])"


def _form(sign: str, rest: str, alone: str = _ALONE, tail: str = _TAIL) -> tuple[str, re.Pattern[str]]:
    return sign, re.compile(alone + re.escape(sign) + rest + tail)


_FORMS = [
    # WorkOS promises `sk_` only. With `live` or `test` it is one; without, it must look like chance.
    _form("sk_", r"(?:live|test)_(?=[A-Za-z0-9_+/=.-]{8})"),
    _form("sk_", r"(?!example_)(?=\w{0,60}\d)(?:[a-z]{1,20}_)?(?=[A-Za-z0-9]{16})"),
    _form("whsec_", r"(?=[A-Za-z0-9_+/=.-]{8})"),
    _form("scim_", r"(?=[A-Za-z0-9]{20})"),
    _form("eyJ", r"[\w-]{10,4000}+\.[\w-]{10,}+", alone=r"(?<![A-Za-z0-9_-])"),  # a signed token (JWT)
    _form("-----BEGIN ", r"[A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----", alone="", tail=r"[A-Za-z0-9+/=\s]*+"),
    # Other services, in the order of their names.
    _form("AGE-SECRET-KEY-1", r"[A-Z0-9]{40}"),
    _form("sk-ant-", r"(?=[\w-]{20})"),  # Anthropic
    _form("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])", tail=""),  # AWS
    _form("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])", tail=""),
    _form("AccountKey=", r"[A-Za-z0-9+/]{40}"),  # Azure storage
    _form("SharedAccessKey=", r"[A-Za-z0-9+/]{30}"),
    _form("dapi", r"[0-9a-f]{32}"),  # Databricks
    _form("dop_v1_", r"[0-9a-f]{40}"),  # DigitalOcean
    *(_form(f"gh{one}_", r"[A-Za-z0-9]{30}") for one in "pousr"),  # GitHub
    _form("github_pat_", r"\w{40}"),
    _form("glpat-", r"[\w-]{20}"),  # GitLab
    _form("AIza", r"[\w-]{35}"),  # Google
    _form("GOCSPX-", r"[\w-]{20}"),
    _form("ya29.", r"[\w-]{20}"),
    _form("hf_", r"[A-Za-z0-9]{30}"),  # Hugging Face
    _form("lin_api_", r"[A-Za-z0-9]{30}"),  # Linear
    _form("npm_", r"[A-Za-z0-9]{36}"),
    _form("ntn_", r"[A-Za-z0-9]{40}"),  # Notion
    _form("SSWS ", r"[\w-]{30}"),  # Okta
    _form("sk-", r"(?:proj-|svcacct-)?(?=[\w-]{0,30}\d)(?=[\w-]{0,30}[A-Z])[A-Za-z0-9][\w-]{31}"),  # OpenAI
    _form("PMAK-", r"[0-9a-f]{24}-[0-9a-f]{20}"),  # Postman
    _form("pypi-AgE", r"[\w-]{40}"),
    _form("SG.", r"[\w-]{16,32}\.[\w-]{30}"),  # SendGrid
    _form("sntrys_", r"[\w=+/-]{40}"),  # Sentry
    _form("shpat_", r"[0-9a-fA-F]{32}"),  # Shopify
    _form("hooks.slack.com/services/", r"T\w{6,14}/B\w{6,14}/\w{16}"),
    _form("xapp-", r"[\w-]{20}"),
    _form("xoxe.", r"[\w.-]{16}"),
    *(_form(f"xox{one}-", r"[\w-]{16}") for one in "abps"),
    _form("rk_", r"(?:live|test)_[A-Za-z0-9]{16}"),  # Stripe, whose `sk_` keys have the form of WorkOS's
    _form("SK", r"[0-9a-f]{32}(?![A-Za-z0-9])", tail=""),  # Twilio
    _form("hvs.", r"[\w-]{24}"),  # Vault
]
_NAMED = [  # by what stands before them
    ("earer", re.compile(
        r"(?<=\b[Bb])earer[\s:]{1,4}[\"']?(?=[\w.~+/=-]{16})(?=(?:[A-Za-z_.~+/=-]{0,40}+\d){2})" + _TAIL
    )),
    ("EARER", re.compile(r"(?<=\bB)EARER[\s:]{1,4}[\"']?(?=[\w.~+/=-]{16})" + _TAIL)),
    # A password in the address of a server or a database.
    ("://", re.compile(r"://[^\s/@:\"'<>]{0,80}:(?!//)(?P<word>[^\s/@\"'<>{}$*…]{3,200})@(?=[\w\[.-])")),
]  # fmt: skip
# The value of a field; an id of WorkOS is no secret.
_FIELD = re.compile(
    r"(?<![A-Za-z0-9])(?<!page_)(?<!delta_)(?i:api[_-]?key|access[_-]?token|auth[_-]?token|bearer[_-]?token|secret[_-]?access[_-]?key|client[_-]?secret"
    r"|secret|password|token)"
    r"[\"']?\s{0,4}[:=]\s{0,4}[\"'](?![a-z]{1,30}(?:_[a-z]{1,30}){0,4}_[0-9A-HJKMNP-TV-Z]{26}\b)"
    r"(?=[^\s\"']{0,200}?\d)(?=[^\s\"']{0,200}?[A-Za-z])(?=[\w.~+/=-]{20})" + _TAIL
)

_NO_KEY = re.compile(
    r"(?:(?:[sr]k_(?:live|test)|whsec)_|[Bb](?i:earer)[\s:]+[\"']?sk_(?:live|test)_)[_-]?[A-Za-z]{1,12}"
    r"(?:[_-][A-Za-z]{1,12}){0,5}[.:/]*"
)
_NO_KEY_WORDS = word_set("changeme demo dummy example fake here notebook placeholder redacted sandbox your")
_NO_PASSWORDS = word_set(
    "changeme dirsync example guest pass passwd password postgres pwd repo root secret test tiger token user "
)

# Of a key in pieces: what is joined may be two words of prose, so this looks like chance for sure.
_JOINED = re.compile(
    r"(?<![A-Za-z0-9])(?:sk_(?:live|test)|whsec|gh[pousr]|scim)_"
    r"(?=[A-Za-z0-9]{16})(?=[A-Za-z0-9]{0,15}\d)(?=[A-Za-z0-9]{0,24}[A-Za-z])[A-Za-z0-9]{16,}+"
)


def keys(text: str) -> Iterator[Span]:
    """Return where keys stand in a text, as it is."""
    for sign, pattern in _FORMS + _NAMED:
        place = text.find(sign)
        while place >= 0:
            match = pattern.match(text, place)
            if match and not _is_none(match):
                yield _span(match)
            place = text.find(sign, max(match.end() if match else 0, place + 1))
    for match in _FIELD.finditer(text) if "=" in text or ":" in text else ():
        yield match.span()
    yield from _own_key(text)


def joined_keys(text: str) -> Iterator[str]:
    """Return keys that stand in a text in pieces, at the end of one line and the beginning of the next."""
    if "\n" not in text or not any(sign in text for sign in ("sk", "whsec", "gh", "scim")):
        return
    lines = [line.strip(" \t\r\"'\\+>|#()") for line in text.split("\n")]
    standing = {text[start:stop] for start, stop in keys(text)}
    for match in _JOINED.finditer("".join(lines)):
        if not any(match[0].startswith(one) for one in standing):
            yield match[0]


def _span(match: re.Match[str]) -> Span:
    return match.span("word") if "word" in match.re.groupindex else match.span()


def _is_none(match: re.Match[str]) -> bool:
    """Whether it is the sandbox's public key, or what stands for a key in prose (``sk_test_your_key_here``)."""
    if "word" in match.re.groupindex:
        return match["word"].casefold() in _NO_PASSWORDS
    return is_placeholder(match[0])


def is_placeholder(text: str) -> bool:
    """Return whether a text stands for a key and is none."""
    words = re.split(r"[^a-z]+", text.casefold())
    return bool(_NO_KEY.fullmatch(text)) and not _NO_KEY_WORDS.isdisjoint(words)


def _own_key(text: str) -> Iterator[Span]:
    """Find the very key in ``WORKOS_API_KEY``, whatever it looks like."""
    key = os.environ.get("WORKOS_API_KEY", "").strip()
    if len(key) >= 8 and not is_placeholder(key):
        for match in re.finditer(re.escape(key), text):
            yield match.span()
