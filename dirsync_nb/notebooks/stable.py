"""What differs from run to run and means nothing: marks made at random, seconds, places in memory, ports."""

from __future__ import annotations

import re
from typing import Any

from .cells import by_mime

__all__ = ["ENVIRONMENT", "keep_same", "steadied", "without_cell_file"]

ENVIRONMENT = {"PYTHONHASHSEED": "0"}
"""Of a kernel whose outputs are compared: sets of text are in one order in every run."""

CELL_FILE = "ipykernel.py"

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VARYING = [
    # Of this package: a table left by a widget of an earlier version, and the seconds of a receipt, with the
    # pauses that only a busy machine makes.
    (r"\bdsn-static-[0-9a-f]{8,}", "dsn-static"),
    (r"(?<=<Receipt )([^\n]*?requests?, )\d+\.\d\d s(?=, )", r"\1… s"),
    (r"(?<=<Receipt )([^\n]*?), waited \d+\.\d s \([^)]*\)", r"\1"),
    (r"(?<=nothing leaves this machine\.) Its clock [^.\n]*\.", ""),  # of a lab, it is the present
    # Of Jupyter, IPython and tqdm: ids of models, times.
    (r"\bIPY_MODEL_[0-9a-f]{32}", "IPY_MODEL"),
    (r"(?m)^(CPU times: user|Wall time:|Compiler :) .*$", r"\1 …"),
    (r"(?m)^.{1,30} ± .{1,30} per loop \(mean ± [^)\n]*\)", "… per loop"),
    (r"(\| *[^\s|]{1,40} )\[\d+:\d\d(?::\d\d)?<[^,\]\n]*,[^,\]\n]*", r"\1[…"),
    (r"(\b\d{1,15}[^\W\d]{0,20} )\[\d+:\d\d(?::\d\d)?,[^,\]\n]*", r"\1[…"),
    # Of Python and the machine: places in memory, folders and files of an hour, ports.
    (r" at 0x[0-9a-fA-F]{6,}", " at 0x…"),
    (r"\bname='Task-\d+'", "name='Task'"),
    (r"\btmp[a-z0-9_]{8}\b", "tmp…"),
    (r"(\b127\.0\.0\.1|\blocalhost|\[::1\]):\d{4,5}\b", r"\1:…"),
    # Of pandas: its style sheet, another one in another version; what its option for formulas adds; ids.
    (r"(?s)<style scoped>.*?</style>\s*", ""),
    (r" tex2jax_ignore mathjax_ignore", ""),
    (r"(?<=[#\"'])T_[0-9a-f]{5}(?=[_\"'\s])", "T_…"),
]
_PATTERNS = [(re.compile(pattern), instead) for pattern, instead in _VARYING]
_RANDOM_ID = re.compile(rf"\bid=[\"'][\w-]{{0,60}}?({_UUID}|[0-9a-f]{{32}})\b")  # plotly's, folium's
_CELL_FILE = re.compile(r"\S{0,200}\bipykernel_\d+[/\\]\d+\.py")  # as a warning names the cell it comes from
_IDS = "application/vnd.jupyter.widget-view+json"  # the ids of models are new in every run


def steadied(text: str) -> str:
    """Return a text without what differs from run to run."""
    for place, random in enumerate(dict.fromkeys(_RANDOM_ID.findall(text)), 1):
        text = text.replace(random, f"id-{place}")
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return str(without_cell_file(text))


def without_cell_file(thing: Any) -> Any:
    """Return a piece of JSON in which no warning names the folder and the process that its cell had."""
    if isinstance(thing, str):
        return _CELL_FILE.sub(CELL_FILE, thing) if "ipykernel_" in thing else thing
    if isinstance(thing, list):
        return [without_cell_file(one) for one in thing]
    if isinstance(thing, dict):
        return {name: without_cell_file(one) for name, one in thing.items()}
    return thing


def keep_same(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the new outputs of a cell, or the old ones where they say the same, so that no file changes."""
    return old if list(map(_said, old)) == list(map(_said, new)) else new


def _said(output: dict[str, Any]) -> dict[str, Any]:
    shown = {mime: content for mime, content in by_mime(output).items() if mime != _IDS}
    rest = {
        name: value for name, value in output.items() if name not in ("data", "metadata", "execution_count")
    }
    return {name: _steadied(value) for name, value in (rest | shown).items()}


def _steadied(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return steadied(value) if isinstance(value, str) else value
