"""What a notebook says: its cells and outputs, and every text in them, taken from the JSON it is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

from . import secrets
from .readings import image_texts, unbase64

Cell = dict[str, Any]

ERROR_TAGS = {"raises-exception", "nbval-raises-exception"}
TIMING = ("execution", "ExecuteTime", "execution_time", "executionInfo")  # in the metadata of a cell
PAPERMILL_TIMES = ("duration", "start_time", "end_time")  # in what papermill notes of a cell and of a notebook
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

_OF_A_PERSON = {"displayName", "photoUrl", "userId", "authorship_tag"}  # the last one is of who wrote it, too
UNCOMPARED_TAGS = {"nbval-ignore-output"}  # cells whose outputs may differ from run to run
FREE_TAGS = {"nbval-skip", "skip-execution"}  # cells that are not meant to run
_MARKERS = re.compile(r"^\s*#\s*(NBVAL_SKIP|NBVAL_RAISES_EXCEPTION)\s*$", re.MULTILINE)
_LINE_WIDTH = 60
_READ = 10_000  # characters of a source in which its first line is looked for
_SHORT = 400  # characters of a value; up to here its field helps to tell what it is
_NAMED = ast.Name | ast.Subscript | ast.BinOp | ast.Constant | ast.Compare | ast.JoinedStr | ast.List | ast.Dict


# -- cells ---------------------------------------------------------------------------------------------------


def first_line(cell: Cell) -> str:
    """Return the first line of a cell with words in it, without what must not be shown, cut to a width."""
    text = _joined(cell.get("source"))[:_READ]
    lines = [line.strip() for line in secrets.hidden(text).splitlines() if line.strip()]
    line = secrets.hidden(lines[0]) if lines else ""
    return line if len(line) <= _LINE_WIDTH else line[: _LINE_WIDTH - 1] + "…"


def tags_of(cell: Cell) -> set[str]:
    """Return the tags of a cell, and what nbval reads from a comment as if it were one."""
    tags = cell.get("metadata", {}).get("tags")
    marked = {name.lower().replace("_", "-") for name in _MARKERS.findall(_joined(cell.get("source")))}
    return marked | ({tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set())


def has_code(cell: Cell) -> bool:
    """Return whether there is something to run in a cell."""
    return cell["cell_type"] == "code" and bool(_joined(cell.get("source")).strip())


def is_free(cell: Cell) -> bool:
    """Return whether a cell is not meant to run."""
    return bool(tags_of(cell) & FREE_TAGS)


def should_show(cell: Cell) -> bool:
    """Return whether a cell that was run ends in a value, or prints, and yet has no output."""
    if not has_code(cell) or cell.get("execution_count") is None or cell.get("outputs"):
        return False
    source = _joined(cell["source"]).rstrip()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):  # magics, shell commands, another language
        return False
    if not body:
        return False
    return (_is_value(body[-1]) and not source.endswith(";")) or any(map(_prints, body))


def _is_value(statement: ast.stmt) -> bool:
    """Whether an expression surely has a value to show; a call may return None, which is not shown."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, _NAMED):
        return False
    return not (isinstance(statement.value, ast.Constant) and statement.value.value is None)


def _prints(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        return False
    to = {keyword.arg for keyword in call.keywords}
    return call.func.id in ("print", "display") and not to & {"file", "end"}


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else source or ""


# -- outputs -------------------------------------------------------------------------------------------------


def by_mime(output: dict[str, Any]) -> dict[str, Any]:
    """Return what an output shows, by kind of content; nothing where it has no such thing."""
    data = output.get("data")
    return data if isinstance(data, dict) else {}


def size(output: dict[str, Any]) -> int:
    """Weigh an output; a picture as the bytes it is, not as the text it is written in."""
    pictures = {mime: content for mime, content in by_mime(output).items() if _is_picture(mime)}
    words = dict(output)
    if isinstance(output.get("data"), dict):
        words["data"] = {mime: content for mime, content in by_mime(output).items() if mime not in pictures}
    return _bytes_of(pictures) * 3 // 4 + _bytes_of(words)


def _bytes_of(thing: Any) -> int:
    return len(json.dumps(thing, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _is_picture(mime: str) -> bool:
    return mime.startswith("image/") and mime != "image/svg+xml"


# -- every text ----------------------------------------------------------------------------------------------


def found_in(thing: Any) -> Iterator[tuple[str, str]]:
    """Return what must not be shared in a piece of JSON, as :func:`dirsync_nb.notebooks.secrets.found` does."""
    for text in _texts(thing):
        yield from secrets.found(text)


def _texts(thing: Any, mime: str = "") -> Iterator[str]:
    """Return every text in a piece of JSON, names of fields as well; lines of one text together."""
    if isinstance(thing, str):
        yield from _of_mime(thing, mime)
    elif isinstance(thing, list):
        if thing and all(isinstance(item, str) for item in thing):
            yield from _of_mime("".join(thing), mime)
            yield from thing if not mime else ()
        else:
            for item in thing:
                yield from _texts(item)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield key
            yield from _texts(value, key if "/" in key else "")
            if isinstance(value, str) and len(value) < _SHORT:
                yield f'"{key}": "{value}"'  # so that the name of a field can tell what its value is
    elif thing is not None and not isinstance(thing, bool):
        yield str(thing)


def _of_mime(text: str, mime: str) -> Iterator[str]:
    yield from image_texts(unbase64(text)) if _is_picture(mime) else (text,)


def has_filled_password(thing: Any) -> bool:
    """Return whether there is a password field with something in it anywhere in a piece of JSON."""
    return any(map(_is_filled_password, _dicts(thing)))


def _is_filled_password(state: dict[str, Any]) -> bool:
    inner = state.get("state", state)
    names = (state.get("model_name"), inner.get("_model_name") if isinstance(inner, dict) else None)
    return "PasswordModel" in names and isinstance(inner, dict) and bool(inner.get("value"))


def has_times(metadata: dict[str, Any]) -> bool:
    """Return whether metadata of a cell or notebook holds the time of a run."""
    papermill = metadata.get("papermill")
    noted = any(name in papermill for name in PAPERMILL_TIMES) if isinstance(papermill, dict) else False
    return noted or any(name in metadata for name in TIMING)


def is_stateless(widgets: Any) -> bool:
    """Return whether widget state has Colab's form: models without ``state`` around them."""
    state = widgets.get(WIDGET_STATE) if isinstance(widgets, dict) else None
    if not isinstance(state, dict) or "state" in state:
        return False
    return any(isinstance(model, dict) and "model_name" in model for model in state.values())


def names_person(metadata: Any) -> bool:
    """Return whether metadata holds a person's name, picture or account id, as Colab and others store it."""
    return any(
        isinstance(value, str | int) and str(value).strip() not in ("", "0", "False")
        for part in _dicts(metadata)
        for name, value in part.items()
        if name in _OF_A_PERSON
    )


def _dicts(thing: Any) -> Iterator[dict[str, Any]]:
    if isinstance(thing, dict):
        yield thing
        for value in thing.values():
            yield from _dicts(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from _dicts(value)
