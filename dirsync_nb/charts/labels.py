"""Words of a chart: lists, dates, and other people's text as labels.

Text of a directory is other people's typing. It is cleaned of control characters, cut to a width, and told
apart where two names are alike. How it is drawn is up to ``figure``.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import pandas as pd

from ..frames import latest
from ..text import NO_NAME, as_text, plural
from .style import STYLE

__all__ = [
    "LABEL_WIDTH",
    "clean",
    "day",
    "distinct_labels",
    "group_labels",
    "listed",
    "quoted",
    "shorten",
    "strangers",
    "text_inches",
    "wrap",
]

LABEL_NARROW = 18
LABEL_WIDTH = 34  # columns of text, a wide character counting two


# Sentences --------------------------------------------------------------------------------------------------


def quoted(name: str) -> str:
    """Set a name off from the sentence around it."""
    return f"“{name}”"


def strangers(count: int) -> list[str]:
    """Return no or one sentence: memberships name people whom the list of users does not hold."""
    return [f"{plural(count, 'member')} that the list of users does not hold left out."] if count else []


def listed(labels: Sequence[str], values: Iterable[Any]) -> str:
    """Return the first ten values in words."""
    pairs = [f"{label} {int(value):,}" for label, value in zip(labels, values, strict=True)]
    return ", ".join(pairs[:10]) + (f" and {len(pairs) - 10:,} more" if len(pairs) > 10 else "")


def day(time: Any) -> str:
    """Write a date: ``5 Mar 2026``."""
    return f"{time.day} {time:%b %Y}"


# Labels -----------------------------------------------------------------------------------------------------


def clean(text: object) -> str:
    """Make one line of a name: white space becomes a space; control and direction characters go."""
    if not isinstance(text, str):
        return ""
    # White space first: a line break is a control character too, and must leave a space behind.
    spaced = " ".join(text.split())
    kept = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(kept.split())


def shorten(text: str, width: int = LABEL_WIDTH) -> str:
    """Cut a text that is wider than this, and end it in "…"."""
    if len(text) <= width and _columns(text) <= width:
        return text
    ends = list(accumulate(map(_width, text[: width + 1])))  # however long the text, a label is short
    return text if ends[-1] <= width else text[: bisect_right(ends, width - 1)].rstrip() + "…"


def _columns(text: str) -> int:
    return sum(map(_width, text))


def _width(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def text_inches(labels: Iterable[str], fontsize: float) -> float:
    """Estimate the width of the widest of these labels."""
    return max((_columns(label) for label in labels), default=0) * fontsize * 0.6 / 72


def group_labels(groups: pd.DataFrame, directories: pd.DataFrame | None, width: int = LABEL_WIDTH) -> list[str]:
    """Make one label per group, with whose directory it is in where several have one name."""
    homes = None
    if directories is not None and "directory_id" in groups:
        known = latest(directories)
        whose = known["customer"].fillna(known["name"]) if "customer" in known else known["name"]
        homes = whose.reindex(groups["directory_id"])
    return distinct_labels(list(groups.index), groups["name"], width, homes)


def distinct_labels(
    ids: Sequence[str],
    names: Iterable[object],
    width: int = LABEL_WIDTH,
    homes: Iterable[object] | None = None,
) -> list[str]:
    """Make one label per object: its name, with its home and the end of its id where two would be alike.

    An object without a name is known by its id when nobody has a name, else as "(no name)".
    """
    width = min(width, LABEL_NARROW) if STYLE.narrow else width
    cleaned = [as_text(name) if name == NO_NAME else name for name in map(clean, names)]
    bare = not any(cleaned)
    labels = [_end(i, 12) if bare else shorten(n or NO_NAME, width) for i, n in zip(ids, cleaned, strict=True)]
    if homes is not None and not bare:
        whose = list(map(clean, homes))
        for place in filter(whose.__getitem__, _alike(labels)):
            cleaned[place] = f"{shorten(cleaned[place] or NO_NAME, width - 12)} · {whose[place]}"
            labels[place] = shorten(cleaned[place], width + 12)
    for length in (4, 8, 40):
        for place in _alike(labels):
            name = "" if bare else shorten(cleaned[place] or NO_NAME, width - 8) + " · "
            labels[place] = name + _end(ids[place], length)
    return labels


def _alike(labels: Sequence[str]) -> list[int]:
    """Return the places of labels that are there more than once."""
    counts = Counter(labels)
    return [place for place, label in enumerate(labels) if counts[label] > 1]


def _end(text: str, length: int) -> str:
    text = clean(text)
    return text if len(text) <= length + 1 else "…" + text[-length:]


def wrap(text: str, width: int) -> str:
    """Break a text into lines of at most this many columns, at spaces."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and _columns(lines[-1]) + 1 + _columns(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
