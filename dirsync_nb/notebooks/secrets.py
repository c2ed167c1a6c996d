"""Find what must not be shared in a piece of text: keys, people's addresses, paths of somebody's machine.

A text is looked at as it stands and as a reader would see it: without colour codes, markup and characters that
are not seen, with entities, percent signs and backslashes resolved, and with what is written in base64. What is
found is never handed out, only its kind; :func:`hidden` gives the text without it.

Looked for
----------
*Keys*: see :mod:`dirsync_nb.notebooks.key_forms`; also in pieces at the end of a line, and as the value of a
field called ``token``, ``password`` and the like. *Addresses*: anybody's at a domain with a dot, of any country
and in any script, except in the domains reserved for examples. *Paths*: home folders and temporary folders.
*In pictures*: the texts of PNG and JPEG (EXIF, XMP, comments), and what follows the end of the picture.

Not looked for
--------------
What the pixels of a picture show. Archives, spreadsheets, PDF and other files within files, except gzip
and zlib; what is in base64 more than twice; other encodings (quoted-printable, base32, hexadecimal, rot13,
escapes of CSS, names of characters). Keys of other
services than those listed, and passwords that look like words. Addresses at a host without a dot or with a
number for a name, with a domain that a table cut off ("ann@realcomp…"), over two lines, written with "at" and
"dot", or with letters of another script that only look alike. Names, telephone numbers, ids. An address right
before "(" or "_" counts only where its ending is no name of a method: ``left@right.mean()`` is a product of
matrices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..client.calls import every_call
from .key_forms import joined_keys, keys, word_set
from .readings import packed_texts, views

__all__ = ["ADDRESS", "KEY", "PATH", "found", "hidden"]

KEY, ADDRESS, PATH = "key", "address", "path"


_MARKS = "\u0300-\u036f\u0900-\u0dff\u0e30-\u0e4e"  # which belong to the letter before them
_LETTER = rf"(?:[^\W\d_]|[{_MARKS}])"
_DOMAIN = re.compile(
    rf"@((?:(?:[^\W_]|[{_MARKS}-]){{1,63}}+\.){{1,10}}(?:xn--[A-Za-z0-9-]{{2,59}}+|{_LETTER}{{2,63}}+))(?![^\W_])"
)
# Read backwards from the sign, so that a long text without one costs nothing.
_LOCAL = re.compile(rf"\"[^\"\n]{{1,64}}\"|[\w.!#$%'*+^~{_MARKS}-]{{1,64}}")
_AROUND = ".'*!#$%^~+-"
_RESERVED = {"test", "example", "invalid", "localhost"}  # RFC 2606 and 6761
_RESERVED_DOMAINS = {"example.com", "example.net", "example.org"}
# Endings of files and names of attributes that are no country's.
_NO_ENDINGS = word_set(
    "columns css csv gif git gz html index ipynb jpeg jpg js json pdf png shape svg tar toml txt "
    "values webp whl xlsx xml yaml yml "
)
# Of files and of a country: `pkg@1.2.py` is a file.
_FILES_TOO = word_set("md mov pl ps py rs sh zip")
_VERSION = re.compile(r"(?:v?\d{1,9}x?\.)+")
_METHODS = {"at", "eq", "ge", "gt", "le", "lt", "ne"}  # of pandas; all other names of two letters are countries
_COMMON = word_set("app biz cloud com dev edu gov info int io mil net org")

_START = r"(?:(?<=file://)|(?<![\w.~)/-]))"
_PATHS = [
    ("/home/", re.compile(_START + r"/home/(?!\.)[\w.-]+")),
    ("/root/", re.compile(_START + r"/root/[\w.-]+")),
    # `/Users/<id>` is also a SCIM resource: a home folder is one when something follows, or when quoted alone.
    ("/Users/", re.compile(
        _START + r"(?<!GET )(?<!PUT )(?<!POST )(?<!PATCH )(?<!DELETE )/Users/(?!Shared/)[\w.-]{1,200}+/[\w.-]+"
    )),
    ("/Users/", re.compile(r"(?<=[\"'])/Users/[a-z]{1,200}+(?=[\"'])")),
    ("/tmp/", re.compile(_START + r"(?:/private)?/tmp/[\w.-]+")),  # noqa: S108 (looked for, not used)
    ("/var/folders/", re.compile(_START + r"(?:/private)?/var/folders/[\w.-]+")),
    ("Users", re.compile(
        r"(?<![A-Za-z])[A-Za-z]:(?:\\{1,4}|/)Users(?:\\{1,4}|/)(?!Public\b)[^\\/\s\"'<>]+"
    )),
]  # fmt: skip


def found(text: str) -> set[tuple[str, str]]:
    """Return what must not be shared in this text: pairs of kind and very characters. Never print them."""
    seen = set(_in_text(text))
    for inner in packed_texts(text):
        seen.update(_in_text(inner))
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


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    for view in views(text):
        for kind, (start, stop) in _spans(view):
            yield kind, view[start:stop]
        for key in joined_keys(view):
            yield KEY, key


def _spans(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Return kind and place of everything in a plain text."""
    for span in keys(text):
        yield KEY, span
    for span in _addresses(text) if "@" in text else ():
        yield ADDRESS, span
    for sign, pattern in _PATHS:
        for match in pattern.finditer(text) if sign in text else ():
            yield PATH, match.span()


# -- addresses -----------------------------------------------------------------------------------------------


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _DOMAIN.finditer(text):
        at = match.start()
        before = _LOCAL.match(text[max(at - 66, 0) : at][::-1])
        local = before[0][::-1] if before else ""
        local = local if local.startswith('"') else local.lstrip(_AROUND)
        if local.strip('"' + _AROUND) and not _is_nobody(local, match[1], text[match.end() : match.end() + 3]):
            yield at - len(local), match.end()


def _is_nobody(local: str, domain: str, after: str) -> bool:
    """Whether an address is in a reserved domain, or only looks like one."""
    labels = domain.casefold().split(".")
    ending = labels[-1]
    if ending in _RESERVED or ".".join(labels[-2:]) in _RESERVED_DOMAINS:
        return True
    if local == "git" or ending in _NO_ENDINGS:
        return True
    if ending in _FILES_TOO and _VERSION.fullmatch(domain[: -len(ending)]):
        return True
    if after[:1] in ("(", "_"):
        return ending in _METHODS or not (len(ending) == 2 or ending in _COMMON)
    # A table cuts long texts: `ann@acme.exam…`.
    return after.startswith(("…", "...")) and any(name.startswith(ending) for name in _RESERVED)


every_call(__name__)
