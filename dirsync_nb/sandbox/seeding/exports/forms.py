"""What columns mean, by their names and the form they stand in: see ``forms.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...directory.refusal import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KNOWN = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_MEANS: dict[str, str] = {name: target for target, names in _KNOWN["columns"].items() for name in names}
_WORDS: dict[str, str] = {word: kind for kind, words in _KNOWN["words"].items() for word in words}
_REPEATED = ("other_emails", "off", "secret")
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


def meaning_of(header: Sequence[str], form: Form | None, given: Mapping[str, str]) -> list[str]:
    """Return the field each column holds, "" where none is known; of two with one meaning, the first counts."""
    if unknown := [name for name in given if name not in header]:
        raise Invalid(
            f"columns= names {', '.join(map(repr, unknown))}, which the file has not: {', '.join(header[:12])}"
        )
    targets = sorted(_KNOWN["columns"])
    fields = {one for one in given.values() if not one.startswith(MAPPED)}
    if wrong := sorted(fields - {"", *targets}):
        raise Invalid(f"columns= knows no field {', '.join(wrong)}; there are {', '.join(targets)}")
    means = {**_MEANS, **(form.means if form else {})}
    taken = set(given.values())
    meaning = []
    for name in header:
        target = given.get(name, "") if name in given else means.get(folded(name), "")
        if name not in given and target in taken and target not in _REPEATED:
            target = ""
        taken.add(target)
        meaning.append(target)
    return meaning


def status_of(word: str) -> str:
    """Return what a word of a state column says: on, off, not_yet, or unknown."""
    return _WORDS.get(re.sub(r"[\s_-]", "", word.casefold()), "unknown")


def is_known(name: str) -> bool:
    """Return whether a column of this name means something in any form."""
    return folded(name) in _MEANS
