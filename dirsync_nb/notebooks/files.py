"""Notebooks on disk: which there are, read as the JSON they are, and written back in the layout they had."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .. import errors
from ..guard import bytes_within

__all__ = ["MOST_BYTES", "notebooks_in", "read", "write"]

MOST_BYTES = 256_000_000  # with the pictures in its outputs

_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7}) ", re.MULTILINE)
_HIDDEN = {"node_modules", "__pycache__"}  # passed by like what begins with a dot


def notebooks_in(path: Path) -> list[Path]:
    """Return the notebook itself, or those in a folder and below.

    Raises
    ------
    OSError
        There is no such file or folder, or no notebook in the folder.
    """
    if not path.is_dir():
        path.stat()
        return [path]
    files = sorted(file for file in path.rglob("*.ipynb") if not _is_hidden(file.relative_to(path)))
    if not files:
        raise OSError(0, "no notebook in this folder")
    return files


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") or part in _HIDDEN for part in file.parts)


def read(path: Path) -> tuple[dict[str, Any], str]:
    """Read a notebook as the JSON it is, and its text.

    Raises
    ------
    ValueError
        It is no notebook, or of a format from before 2015.
    """
    raw = _decoded(bytes_within(path, MOST_BYTES))
    try:
        notebook = json.loads(raw)
    except MemoryError:
        raise errors.FileTooLarge("its cells do not fit into memory: clear its outputs, then save") from None
    except (ValueError, RecursionError):
        if conflict := _CONFLICT.search(raw):
            line = raw.count("\n", 0, conflict.start()) + 1
            raise errors.ArgumentError(f"a merge conflict, from line {line} on: settle it, then save") from None
        raise errors.ArgumentError("this is not a notebook: not JSON") from None
    if not isinstance(notebook, dict) or "nbformat" not in notebook:
        raise errors.ArgumentError("this is not a notebook: JSON, but of another kind")
    if notebook["nbformat"] != 4:
        raise errors.ArgumentError("a notebook of another format than 4; open it in JupyterLab and save it")
    if not _is_whole(notebook):
        raise errors.ArgumentError(
            "this notebook is damaged: cells, sources or outputs are not where they belong"
        )
    return notebook, raw


def _decoded(content: bytes) -> str:
    """Return the text of a notebook, which is UTF-8 and nothing else; name what it is instead."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise errors.ArgumentError("it is written in UTF-16, which Jupyter cannot read: save it as UTF-8")
    if content.startswith(codecs.BOM_UTF8):
        raise errors.ArgumentError(
            "it begins with a byte order mark, which Jupyter cannot read: save it without"
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise errors.ArgumentError(f"it is not written in UTF-8 (see line {line}): save it as UTF-8") from None


def _is_whole(notebook: dict[str, Any]) -> bool:
    """Return whether what is read later has the form it should have."""
    cells, metadata = notebook.get("cells"), notebook.get("metadata", {})
    if not isinstance(cells, list) or not isinstance(metadata, dict):
        return False
    parts = (metadata.get("kernelspec"), metadata.get("language_info"))
    return all(part is None or isinstance(part, dict) for part in parts) and all(map(_is_whole_cell, cells))


def _is_whole_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
        return False
    source, outputs = cell.get("source", ""), cell.get("outputs", [])
    lines = [source] if isinstance(source, str) else source
    return (
        isinstance(lines, list)
        and all(isinstance(line, str) for line in lines)
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in outputs)
        and isinstance(cell.get("metadata", {}), dict)
    )


def write(path: Path, notebook: dict[str, Any], *, like: str) -> None:
    """Put a notebook in place of a file, in one step and in the layout of the text it had."""
    _replace(path, _written_like(like, notebook))


def _written_like(raw: str, notebook: dict[str, Any]) -> str:
    """Write a notebook as it was written: indent, kind of line end, last line end, escapes."""
    indent = re.match(r"\s*\{\r?\n([ \t]*)", raw)
    text = json.dumps(
        notebook,
        indent=indent[1] if indent else None,
        ensure_ascii=raw.isascii(),
        separators=None if indent or '": ' in raw[:400] else (",", ":"),
    )
    text += raw[len(raw.rstrip()) :].replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in raw else text


def _replace(path: Path, text: str) -> None:
    """Put a new text in place of a file, in one step, following a link to the file itself."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
