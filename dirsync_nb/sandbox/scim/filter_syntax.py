"""The grammar of SCIM filters (RFC 7644, section 3.4.2.2): from text to a tree.

As Entra ID writes it, a sub-attribute may follow the brackets: ``emails[type eq "work"].value eq "x"``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import isfinite
from typing import Any

MOST_NESTED = 32  # parentheses and brackets inside each other; no client sends more

_NAME = r"\$?[A-Za-z][A-Za-z0-9$_-]*"
_URN = r"urn:[A-Za-z0-9][A-Za-z0-9._-]*(?::[A-Za-z0-9][A-Za-z0-9._-]*)*"
_END = r"(?![A-Za-z0-9$_-])"
_TOKENS = {
    name: re.compile(rf"[ \t\f\r\n]*({pattern})", re.IGNORECASE)
    for name, pattern in {
        "path": rf"(?:{_URN}:)?{_NAME}(?:\.{_NAME})?",
        "sub": rf"\.[ \t\f\r\n]*{_NAME}",
        "op": rf"(?:eq|ne|co|sw|ew|gt|lt|ge|le){_END}",
        "pr": rf"pr{_END}",
        "and": rf"and{_END}",
        "or": rf"or{_END}",
        "not": rf"not{_END}",
        "word": rf"(?:true|false|null){_END}",
        "text": r'"(?:[^"\\\x00-\x1F]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"',
        "number": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?",
        "(": r"\(",
        ")": r"\)",
        "[": r"\[",
        "]": r"\]",
        "end": r"\Z",
    }.items()
}


class InvalidFilter(ValueError):
    """Say where a filter cannot be read."""


@dataclass(frozen=True, slots=True)
class AttrPath:
    """Hold what is compared: ``attr`` or ``attr.sub_attr``, of the schema ``uri`` if one is named."""

    attr: str
    sub_attr: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold ``path op value``."""

    attr_path: AttrPath
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Present:
    """Hold ``path pr``."""

    attr_path: AttrPath


@dataclass(frozen=True, slots=True)
class Not:
    """Hold ``not (expr)``."""

    expr: FilterNode


@dataclass(frozen=True, slots=True)
class LogicalExpr:
    """Hold terms joined by ``and`` or ``or``."""

    op: str
    terms: tuple[FilterNode, ...]


@dataclass(frozen=True, slots=True)
class ValuePath:
    """Hold ``path[filter]``."""

    attr_path: AttrPath
    val_filter: FilterNode


FilterNode = Comparison | Present | Not | LogicalExpr | ValuePath


def parse(written: str) -> FilterNode:
    """Return the tree of a filter, or raise InvalidFilter."""
    reader = _Reader(written)
    node = reader.either(inside=False)
    reader.need("end")
    return node


class _Reader:
    """Read one filter from left to right."""

    def __init__(self, written: str) -> None:
        self._written, self._at, self._nested = written, 0, 0

    def take(self, token: str) -> str | None:
        """Return the next token if it is this one, and go on behind it."""
        match = _TOKENS[token].match(self._written, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[1]

    def need(self, token: str) -> str:
        """Return the next token, which must be this one."""
        found = self.take(token)
        if found is None:
            raise self._unexpected()
        return found

    def _unexpected(self) -> InvalidFilter:
        rest = self._written[self._at :].strip()
        return InvalidFilter(f"unexpected {rest[:20]!r} at {self._at}" if rest else "it ends too early")

    def either(self, *, inside: bool) -> FilterNode:
        """Read terms joined by ``or``; ``inside`` brackets there are no further brackets."""
        return self._joined("or", lambda: self._joined("and", lambda: self._term(inside=inside)))

    def _joined(self, word: str, read: Any) -> FilterNode:
        terms = [read()]
        while self.take(word):
            terms.append(read())
        return terms[0] if len(terms) == 1 else LogicalExpr(word, tuple(terms))

    def _term(self, *, inside: bool) -> FilterNode:
        if self.take("not"):
            self.need("(")
            return Not(self._nested_filter(")", inside=inside))
        if self.take("("):
            return self._nested_filter(")", inside=inside)
        path = _path_of(self.need("path"))
        if not inside and self.take("["):
            return self._selection(path)
        return self._expression(path)

    def _nested_filter(self, end: str, *, inside: bool) -> FilterNode:
        self._nested += 1
        if self._nested > MOST_NESTED:
            raise InvalidFilter(f"it nests more than {MOST_NESTED} expressions")
        node = self.either(inside=inside)
        self.need(end)
        self._nested -= 1
        return node

    def _selection(self, path: AttrPath) -> ValuePath:
        if path.sub_attr is not None:
            raise InvalidFilter(f"brackets cannot follow the sub-attribute {path.attr}.{path.sub_attr}")
        node = self._nested_filter("]", inside=True)
        if sub := self.take("sub"):
            terms = node.terms if isinstance(node, LogicalExpr) and node.op == "and" else (node,)
            node = LogicalExpr("and", (*terms, self._expression(AttrPath(sub[1:].strip()))))
        return ValuePath(path, node)

    def _expression(self, path: AttrPath) -> FilterNode:
        if self.take("pr"):
            return Present(path)
        return Comparison(path, self.need("op").lower(), self._value())

    def _value(self) -> Any:
        if word := self.take("word"):
            return json.loads(word.lower())
        if text := self.take("text"):
            return self._decoded(text)
        value = self._decoded(self.need("number"))
        if isinstance(value, float) and not isfinite(value):
            raise InvalidFilter("a number is out of range")
        return value

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:  # an escape in capitals
            raise self._unexpected() from None


def _path_of(written: str) -> AttrPath:
    uri, _, rest = written.rpartition(":") if written[:4].lower() == "urn:" else ("", "", written)
    attr, _, sub = rest.partition(".")
    return AttrPath(attr, sub or None, uri or None)
