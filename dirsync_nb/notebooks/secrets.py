"""Find what must not be shared in a piece of text: keys, people's addresses, paths of somebody's machine.

A text is looked at as it stands and as a reader would see it: without colour codes and markup, with entities,
percent signs and backslashes resolved, and with what is written in base64. What is found is never handed out,
only its kind; :func:`hidden` gives the text without it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import os
import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

__all__ = ["ADDRESS", "KEY", "PATH", "found", "hidden", "image_texts"]

KEY, ADDRESS, PATH = "key", "address", "path"

_TAIL = r"[^\s\"'`<>()\[\]{},;&\\…]*"  # all that belongs to a secret, so that no end of it is left standing
_KEYS = [
    # WorkOS promises `sk_` only. With `live` or `test` it is one; without, it must look like chance.
    re.compile(r"(?<![A-Za-z0-9])sk_(?:live|test)_(?=[A-Za-z0-9_+/=.-]{8})" + _TAIL),
    re.compile(r"(?<![A-Za-z0-9])sk_(?!example_)(?=\w*\d)(?:[a-z]+_)?(?=[A-Za-z0-9]{16})" + _TAIL),
    re.compile(r"(?<![A-Za-z0-9])whsec_(?=[A-Za-z0-9_+/=.-]{8})" + _TAIL),
    re.compile(r"(?<![A-Za-z0-9])scim_(?=[A-Za-z0-9]{20})" + _TAIL),
    re.compile(r"(?<![A-Za-z0-9_-])eyJ[\w-]{10,}\.[\w-]{10,}" + _TAIL),  # a signed token (JWT)
    re.compile(r"\b[Bb](?i:earer)[\s:]+[\"']?(?=[\w.~+/=-]{16})(?=(?:[A-Za-z_.~+/=-]*\d){2})" + _TAIL),
    re.compile(
        r"\b(?i:api_?key|access_?token|auth_?token|bearer_?token|client_?secret|secret|password|token)"
        r"[\"']?\s*[:=]\s*[\"'](?![a-z]+(?:_[a-z]+)*_[0-9A-HJKMNP-TV-Z]{26}\b)"  # an id of WorkOS is no secret
        r"(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])(?=[\w.~+/=-]{20})" + _TAIL
    ),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]*"),
]
_KEY_SIGNS = (b"sk_", b"whsec_", b"scim_", b"earer ", b"PRIVATE KEY", b"eyJ")
_NO_KEY = re.compile(
    r"(?:(?:sk_(?:live|test)|whsec)_|[Bb](?i:earer)[\s:]+[\"']?sk_(?:live|test)_)[_-]?[A-Za-z]{1,12}"
    r"(?:[_-][A-Za-z]{1,12}){0,5}[.:/]*"
)
_NO_KEY_WORDS = {
    "changeme",
    "demo",
    "dummy",
    "example",
    "fake",
    "here",
    "notebook",
    "placeholder",
    "redacted",
    "sandbox",
    "your",
}

_ADDRESS = re.compile(
    r"(?<![\w.%+'/@-])[\w%+-](?:[\w.%+'-]{0,62}[\w%+-])?@((?:[\w](?:[\w-]*\w)?\.)+[^\W\d_]{2,})(?![\w(@-])"
)
_RESERVED = {"test", "example", "invalid", "localhost"}  # RFC 2606 and 6761
_RESERVED_DOMAINS = {"example.com", "example.net", "example.org"}
_ENDINGS_OF_FILES = {
    "css",
    "gif",
    "git",
    "html",
    "ipynb",
    "jpeg",
    "jpg",
    "js",
    "json",
    "png",
    "py",
    "svg",
    "webp",
    "whl",
}

_START = r"(?:(?<=file://)|(?<![\w.~)/-]))"
_PATHS = [
    re.compile(_START + r"/home/(?!\.)[\w.-]+"),
    re.compile(_START + r"/root/[\w.-]+"),
    # `/Users/<id>` is also a SCIM resource: a home folder is one when something follows, or when quoted alone.
    re.compile(
        _START + r"(?<!GET )(?<!PUT )(?<!POST )(?<!PATCH )(?<!DELETE )/Users/(?!Shared/)[\w.-]+/[\w.-]+"
    ),
    re.compile(r"(?<=[\"'])/Users/[a-z]+(?=[\"'])"),
    re.compile(_START + r"(?:/private)?/(?:tmp|var/folders)/[\w.-]+"),
    re.compile(r"(?<![A-Za-z])[A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/)(?!Public\b)[^\\/\s\"'<>]+"),
]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_INLINE_TAG = re.compile(
    r"</?(?:a|b|code|em|font|i|mark|s|small|span|strong|sub|sup|tt|u|wbr)\b[^>]*>", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([/\"'@]))")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_WRAPPED = re.compile(r"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{1,76}={0,2}")  # base64 in lines, as in mail
_SHORT = 4_000  # characters; in words of up to this length base64 may begin at any place, as in a web address
_PNG = b"\x89PNG\r\n\x1a\n"


def found(text: str) -> set[tuple[str, str]]:
    """Return what must not be shared in this text: pairs of kind and very characters. Never print them."""
    seen = {pair for view in _views(text) for pair in _in_plain(view)}
    for inner in _decoded(text):
        seen |= {(KEY, match) for match in _keys_in(inner)}
    return seen


def hidden(text: str) -> str:
    """Return the text with "…" in place of what must not be shared; "(not shown)" if that would not do."""
    spans = sorted(span for _, span in _spans(text))
    pieces, end = [], 0
    for start, stop in spans:
        if stop <= end:
            continue
        pieces += [text[end:start], "…"] if start >= end else []
        end = stop
    left = "".join([*pieces, text[end:]])
    return "(not shown)" if found(left) else left


def image_texts(data: bytes) -> Iterator[str]:
    """Return the words in an image file: the text chunks of a PNG; of others all, if a key may be there."""
    if not data.startswith(_PNG):
        if any(sign in data for sign in _KEY_SIGNS):
            yield data.decode("latin-1")
        return
    place = len(_PNG)
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        chunk = data[place + 8 : place + 8 + length]
        if name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            yield from _chunk_texts(name, chunk)
        place += 12 + length
    if any(sign in data[place:] for sign in _KEY_SIGNS):
        yield data[place:].decode("latin-1")


def unbase64(text: str) -> bytes:
    """Decode base64 with or without line ends and padding, and a letter too many; b"" if it is none."""
    compact = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    compact = compact[:-1] if len(compact) % 4 == 1 else compact
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


# -- how a text may be read ----------------------------------------------------------------------------------


def _views(text: str) -> Iterator[str]:
    """Return the text as it stands, and once as a reader of a page, a log or a JSON string would see it."""
    yield text
    plain = _ANSI.sub("", text) if "\x1b" in text else text
    if "<" in plain:
        yield _resolved(_TAG.sub(" ", _INLINE_TAG.sub("", plain)))
    resolved = _resolved(plain)
    if resolved != text:
        yield resolved


def _resolved(text: str) -> str:
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = unquote(text)
    for _ in range(3):  # JSON within a JSON string within another
        if "\\" not in text:
            break
        text = _ESCAPE.sub(lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3], text)
    return text


def _decoded(text: str) -> Iterator[str]:
    for pattern in (_BASE64, _WRAPPED):
        for match in pattern.finditer(text):
            for start in range(4 if len(match[0]) <= _SHORT else 1):
                data = unbase64(match[0][start:])
                if data.startswith(_PNG) or any(sign in data for sign in _KEY_SIGNS):
                    yield from image_texts(data)


def _chunk_texts(name: bytes, chunk: bytes) -> Iterator[str]:
    yield chunk.decode("utf-8", "replace")
    if name in (b"zTXt", b"iTXt"):
        for start in (place + 1 for place, byte in enumerate(chunk[:400]) if byte == 0):
            with contextlib.suppress(zlib.error):
                yield _inflated(chunk[start:]).decode("utf-8", "replace")


def _inflated(data: bytes, most: int = 1_000_000) -> bytes:
    return zlib.decompressobj().decompress(data, most)


# -- what is looked for --------------------------------------------------------------------------------------


def _in_plain(text: str) -> Iterator[tuple[str, str]]:
    for kind, (start, stop) in _spans(text):
        yield kind, text[start:stop]


def _spans(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Return kind and place of everything in a plain text."""
    for pattern in _KEYS:
        for match in pattern.finditer(text):
            if not _is_no_key(match[0]):
                yield KEY, match.span()
    yield from _own_key(text)
    if "@" in text:
        for match in _ADDRESS.finditer(text):
            if not _is_nobody(match, text[match.end() : match.end() + 3]):
                yield ADDRESS, match.span()
    for pattern in _PATHS:
        for match in pattern.finditer(text):
            yield PATH, match.span()


def _keys_in(text: str) -> Iterator[str]:
    return (match for kind, match in _in_plain(text) if kind == KEY)


def _is_no_key(text: str) -> bool:
    """Tell the sandbox's public key, and what stands for a key in prose (``sk_test_your_key_here``)."""
    words = re.split(r"[^a-z]+", text.casefold())
    return bool(_NO_KEY.fullmatch(text)) and not _NO_KEY_WORDS.isdisjoint(words)


def _own_key(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Find the very key in ``WORKOS_API_KEY``, whatever it looks like."""
    key = os.environ.get("WORKOS_API_KEY", "").strip()
    if len(key) >= 8 and not _is_no_key(key):
        for match in re.finditer(re.escape(key), text):
            yield KEY, match.span()


def _is_nobody(match: re.Match[str], after: str) -> bool:
    """Tell an address in a reserved domain, and what only looks like one."""
    labels = match[1].casefold().split(".")
    if labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED_DOMAINS:
        return True
    if match[0].startswith("git@") or labels[-1] in _ENDINGS_OF_FILES:
        return True
    # A table cuts long texts: `ann@acme.exam…`.
    return after.startswith(("…", "...")) and any(name.startswith(labels[-1]) for name in _RESERVED)
