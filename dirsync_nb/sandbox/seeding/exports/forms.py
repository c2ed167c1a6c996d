"""What columns mean, by their names and the form they stand in: see ``forms.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...directory.refusal import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_MEANS: dict[str, str] = {name: target for target, names in _KNOWN["columns"].items() for name in names}
_RANK: dict[str, int] = {name: rank for names in _KNOWN["columns"].values() for rank, name in enumerate(names)}
_WORDS: dict[str, str] = {word: kind for kind, words in _KNOWN["words"].items() for word in words}
_REPEATED = ("", "other_emails", "off", "secret")
MAPPED = "custom_attributes."


@dataclass(frozen=True)
class Form:
    """One kind of export: what its header has, and which of its columns mean something else than elsewhere."""

    name: str
    provider: str
    signature: list[str]
    means: Mapping[str, str] = field(default_factory=dict)


_FORMS = [Form(**form) for form in _KNOWN["form"]]


def folded(name: str) -> str:
    """Return a column name without case and signs; of a name in brackets behind a label, the name."""
    inside = re.search(r"\[(\w+)\]\s*(?:Required|\*)?\s*$", name)
    if inside and inside[1].casefold() != "required":
        name = inside[1]
    name = re.sub(r"\[[^\]]*\]|\([^)]*\)|\s(?:Required|\*)\s*$", "", name)
    return re.sub(r"[^\w]|(?<=\w)_", "", name.casefold())


def form_of(header: Sequence[str]) -> Form | None:
    """Return the form that a header is of, None for an unknown one."""
    names = {folded(cell) for cell in header}
    return next((form for form in _FORMS if names >= set(form.signature)), None)


def form_named(name: str) -> Form:
    """Return the form of a name."""
    return next(form for form in _FORMS if form.name == name)


def meaning_of(header: Sequence[str], form: Form | None, given: Mapping[str, str]) -> list[str]:
    """Return the field each column holds, "" where none is known; of two alike, the better known counts."""
    if unknown := [name for name in given if name not in header]:
        raise Invalid(
            f"columns= names {', '.join(map(repr, unknown))}, which the file has not: {', '.join(header[:12])}"
        )
    targets = sorted(_KNOWN["columns"])
    fields = {one for one in given.values() if not one.startswith(MAPPED)}
    if wrong := sorted(fields - {"", *targets}):
        raise Invalid(f"columns= knows no field {', '.join(wrong)}; there are {', '.join(targets)}")
    means = form.means if form else {}
    known = [(name in given, folded(name)) for name in header]
    meaning = [
        given[name] if by_hand else means.get(short, _MEANS.get(short, ""))
        for name, (by_hand, short) in zip(header, known, strict=True)
    ]
    taken = set(given.values())
    for place in sorted(
        range(len(header)), key=lambda n: -1 if known[n][1] in means else _RANK.get(known[n][1], 0)
    ):
        if not known[place][0] and meaning[place] in taken and meaning[place] not in _REPEATED:
            meaning[place] = ""
        taken.add(meaning[place])
    return meaning


_ACCOUNT_OFF, _LEAST_FLAGS = 2, 512  # of userAccountControl


@cache
def status_of(word: str) -> str:
    """Return what a word of a state column says: on, off, not_yet, or unknown."""
    if word.isdecimal() and int(word) >= _LEAST_FLAGS:
        return "off" if int(word) & _ACCOUNT_OFF else "on"
    said = _WORDS.get(re.sub(r"[\s_-]", "", word.casefold()), "unknown")
    return {"yes": "on", "no": "off"}.get(said, said)


@cache
def marked_of(word: str) -> str:
    """Return what a reversed column says of somebody: off by a yes or a date, on by a no."""
    said = _WORDS.get(word.casefold(), "")
    if said in ("yes", "no"):
        return "off" if said == "yes" else "on"
    if digits := re.sub(r"\D", "", word):
        return "off" if digits.strip("0") else "on"
    return status_of(word)


def is_known(name: str) -> bool:
    """Return whether a column of this name means something in any form."""
    return folded(name) in _MEANS
