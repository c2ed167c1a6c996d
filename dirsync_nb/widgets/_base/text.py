"""Other people's text on its way to a screen: shown as text, never read as markup or as a formula."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from ...text import NO_NAME, SPECIAL, fold, name_label, plain, plural, value_labels

__all__ = [
    "LITERAL",
    "NO_NAME",
    "SPECIAL",
    "count_of",
    "distinct",
    "facts",
    "fold",
    "html_table",
    "json_block",
    "label",
    "name_label",
    "none_of",
    "plain",
    "plural",
    "shown",
    "value_labels",
    "when",
]

LITERAL = "mathjax_ignore tex2jax_ignore"
"""Classes that keep MathJax, old and new, from typesetting what stands between two dollars."""

SHOWN = 80  # characters of a name in a table; cards show more
END = 8  # characters of the end of what is cut
LONGEST = 2_000  # characters of one value in a card


def label(value: object, width: int = SHOWN) -> str:
    """Write a value for a narrow place: one line, direction overrides removed, cut with an ellipsis.

    Where there is room for it the end stays: names of one beginning are told apart by it.
    """
    text = plain(value)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf" or c in "\u200c\u200d")
    text = " ".join(text.split())
    if len(text) <= width:
        return text
    end = text[-END:].lstrip() if width > 3 * END else ""
    return text[: width - len(end) - 1].rstrip() + "…" + end


def shown(value: object, width: int = LONGEST) -> str:
    """Return HTML that shows a value as text, whatever its direction; a cut one has its start as a title."""
    text = plain(value)
    if len(text) <= width:
        return f"<bdi>{escape(text)}</bdi>"
    return f'<bdi title="{escape(text[:300])}">{escape(text[: width - 1])}…</bdi>'


def html_table(
    titles: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "", width: int = SHOWN
) -> str:
    """Return a plain HTML table, for a reader without a kernel and for cards."""
    # Jupyter sets tables of numbers: to the right.
    start = 'style="text-align: start"'
    head = "".join(f'<th scope="col" {start}>{escape(title)}</th>' for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td {start}>{shown(v, width)}</td>" for v in row) + "</tr>" for row in rows
    )
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<table class="dsn-plain {LITERAL}">{top}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Return a list of names with their values; a missing value is a dash."""
    items = "".join(
        f'<tr><th scope="row">{shown(name, SHOWN)}</th><td>{shown(value) if plain(value) else "–"}</td></tr>'
        for name, value in pairs
    )
    return f'<table class="dsn-facts {LITERAL}"><tbody>{items}</tbody></table>'


def json_block(record: Mapping[str, Any], longest: int = 20_000) -> str:
    """Show a record as it came, as JSON."""
    text = json.dumps(record, indent=2, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    more = f"\n… {plural(len(text) - longest, 'more character')}" if len(text) > longest else ""
    return f'<pre class="dsn-pre {LITERAL}" tabindex="0">{escape(text[:longest])}{more}</pre>'


def when(value: object) -> str:
    """Write a moment to the minute, in UTC; nothing for a missing one."""
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) and value == value else ""


def count_of(shown_rows: int, total: int, noun: str, many: str = "") -> str:
    """Return how many of how many are shown: ``50 of 260 users``, ``1 of 1 user``."""
    return f"{shown_rows:,} of {plural(total, noun, many)}"


def none_of(total: int, noun: str, many: str = "") -> str:
    """Return the sentence that filters leave nothing of what there is."""
    return f"The only {noun} does not fit." if total == 1 else f"None of the {plural(total, noun, many)} fits."


def distinct(entries: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return menu entries told apart where they read alike: ipywidgets would take them for one."""
    texts = Counter(text for text, _ in entries)
    return [(f"{text} · …{value[-6:]}" if texts[text] > 1 else text, value) for text, value in entries]
