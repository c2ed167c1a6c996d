"""JavaScript and style of the widgets' parts, sent once for all widgets of a kernel.

A widget has several tables; their script, sent with each, would be most of what a saved notebook holds. So one
invisible part carries all scripts, another one the style, both stand in every widget, and every other part asks
the page for its own script.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w

__all__ = ["script_of", "shared"]

HERE = Path(__file__).parent
PARTS = ("card", "choice", "code", "facets", "frame", "key", "picture", "pulse", "save", "table")
EXPORT = "export default { render };"

# Two versions of the package may meet on one page: each keeps its scripts under a name of its own.
ASK = """const render = async (given) => {
for (let n = 0; !globalThis[%(name)r] && n < 400; n += 1) await new Promise((wait) => setTimeout(wait, 25));
return globalThis[%(name)r].%(part)s(given);
};
export default { render };"""


@functools.cache
def _sources() -> dict[str, str]:
    """Return each script, and what they have in common, without comments and indentation."""
    found = {}
    for part in ("kit", *PARTS):
        text = (HERE / f"{part}.js").read_text(encoding="utf-8")
        lines = [line.partition(" // ")[0].strip() for line in text.splitlines()]
        found[part] = "\n".join(line for line in lines if line and not line.startswith("//") and line != EXPORT)
    return found


@functools.cache
def _name() -> str:
    return "dirsync_nb_" + hashlib.sha256(repr(_sources()).encode()).hexdigest()[:12]


def script_of(part: str) -> str:
    """Return the script that asks the page for that of a part."""
    return ASK % {"name": _name(), "part": part}


def _all() -> str:
    made = ",\n".join(f"{part}: (() => {{\n{_sources()[part]}\nreturn render;\n}})()" for part in PARTS)
    hidden = "export default { render: ({ el }) => { el.hidden = true; } };"
    body = f"{_sources()['kit']}\nreturn {{\n{made}\n}};"
    return f"globalThis[{_name()!r}] ??= (() => {{\n{body}\n}})();\n{hidden}"


class Scripts(anywidget.AnyWidget):
    """Shows nothing: brings the scripts of all parts."""

    _esm = _all()


_shared: list[Any] = []


def shared() -> tuple[Any, ...]:
    """Return the parts that bring style and scripts: the same for every widget, unless somebody closed them."""
    if not _shared or any(one.comm is None for one in _shared):
        style = (HERE / "widgets.css").read_text(encoding="utf-8")
        style = re.sub(r"\s*([{};])\s*|([:,])\s+", r"\1\2", style)  # each saved notebook holds it
        _shared[:] = [w.HTML(f"<style>{style}</style>", layout=w.Layout(display="none")), Scripts()]
    return tuple(_shared)
