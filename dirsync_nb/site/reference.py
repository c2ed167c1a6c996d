"""Pages made from the code: the reference of every public name, and the data dictionary of every frame."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import dirsync_nb as ds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

__all__ = ["fill_control_door", "public_modules", "write_dictionary", "write_reference"]


def public_modules() -> dict[str, ModuleType]:
    """Return the modules at the front door by the name people type, such as ``ds.analysis``."""
    found = {f"ds.{name}": getattr(ds, name) for name in ds.__all__}
    return {name: thing for name, thing in found.items() if inspect.ismodule(thing)}


def write_reference(source: Path) -> None:
    """Write the pages below ``source/reference``; what several modules name stands where it is named first."""
    folder = source / "reference"
    folder.mkdir(exist_ok=True)
    shown: dict[int, str] = {}
    pages = {spoken.removeprefix("ds."): _page(spoken, module, shown) for spoken, module in _by_depth()}
    pages = {"front_door": _front_door(shown), **dict(sorted(pages.items()))}
    for page, text in pages.items():
        (folder / f"{page}.rst").write_text(text, encoding="utf-8")
    listed = "\n".join(f"   {page}" for page in pages)
    (folder / "index.rst").write_text(
        f"{_HEAD}\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n", encoding="utf-8"
    )


def _by_depth() -> list[tuple[str, ModuleType]]:
    """Return the modules with the packages first, so that a thing stands where people find it."""
    return sorted(public_modules().items(), key=lambda item: (item[1].__name__.count("."), item[0]))


def _front_door(shown: dict[int, str]) -> str:
    """Return the page that says of each public name what it gives, with a link to all of it."""
    lines = ["ds", "==", "", ".. list-table::", "   :widths: 30 70", ""]
    own: list[str] = []
    for name in ds.__all__:
        thing = getattr(ds, name)
        if id(thing) not in shown and not inspect.ismodule(thing):
            shown[id(thing)] = f"dirsync_nb.{name}"
            own += _documented(f"dirsync_nb.{name}", thing)
        first = (inspect.getdoc(thing) or "").partition("\n")[0]
        is_page = inspect.ismodule(thing)
        link = f":doc:`ds.{name} <{name}>`" if is_page else f":py:obj:`ds.{name} <{shown[id(thing)]}>`"
        lines += [f"   * - {link}", f"     - {first}"]
    return "\n".join([*lines, "", *own])


_HEAD = """Reference
=========

Every public name, by the module that holds it. ``ds`` is ``import dirsync_nb as ds``."""


def _page(spoken: str, module: ModuleType, shown: dict[int, str]) -> str:
    lines = [spoken, "=" * len(spoken), "", f".. automodule:: {module.__name__}", "   :no-members:", ""]
    for name in module.__all__:
        thing, path = getattr(module, name), f"{module.__name__}.{name}"
        if inspect.ismodule(thing):
            continue
        if not inspect.isfunction(thing) and not inspect.isclass(thing):
            lines += [f".. py:data:: {path}", "", f"   {_shortened(thing)}", ""]
        elif id(thing) in shown:
            lines += [f"``{name}``: see :py:obj:`{shown[id(thing)]}`.", ""]
        else:
            shown[id(thing)] = path
            lines += _documented(path, thing)
    return "\n".join(lines)


def _documented(path: str, thing: object) -> list[str]:
    if not inspect.isclass(thing):
        return [f".. autofunction:: {path}", ""]
    return [f".. autoclass:: {path}", "   :members:", ""] if thing.__module__.startswith("dirsync_nb") else []


def _shortened(value: object) -> str:
    text = " ".join(repr(value).split())
    return f"``{text if len(text) <= 200 else text[:199] + '…'}``"


# Data dictionary --------------------------------------------------------------------------------------------


def write_dictionary(source: Path) -> None:
    """Write the page of every column of every frame, from the one declaration."""
    columns = ds.describe_columns()
    lines = [_DICTIONARY]
    for kind in dict.fromkeys(columns.index.get_level_values("frame")):
        table = [".. list-table::", "   :header-rows: 1", "   :widths: auto", "   :class: columns"]
        lines += ["", kind, "-" * len(kind), "", *table, ""]
        lines += _cells("column", "meaning", "type", "source, example")
        for name, row in columns.xs(kind).iterrows():
            told = [f"``{row[one]!s}``" for one in ("source", "example") if _is_told(row[one])]
            lines += _cells(f"``{name}``", row["meaning"] or "", row["type"], ", ".join(told))
    (source / "data_dictionary.rst").write_text("\n".join([*lines, ""]), encoding="utf-8")


_DICTIONARY = """Data dictionary
===============

Every column of every frame: what it means, what it holds, the field of the API's record it comes from, and an
invented example. In a notebook, ``ds.describe_columns(users)`` is the same for the frame at hand."""


def _is_told(value: object) -> bool:
    return value is not None and value == value and str(value) != ""


def _cells(*texts: str) -> list[str]:
    return [f"   {'* -' if place == 0 else '  -'} {text}" for place, text in enumerate(texts)]


def fill_control_door(source: Path) -> None:
    """Write into the page of the control door which changes and which faults there are, with their fields."""
    from ..sandbox.directory.changes import Changes
    from ..sandbox.http.control import CHANGES
    from ..sandbox.http.faults import KINDS

    changes = {name: list(inspect.signature(getattr(Changes, name)).parameters)[1:] for name in CHANGES}
    page = source / "control_door.md"
    text = page.read_text(encoding="utf-8").replace("{{ changes }}", _fields("do", changes))
    page.write_text(text.replace("{{ faults }}", _fields("kind", KINDS)), encoding="utf-8")


def _fields(head: str, known: Mapping[str, Iterable[str]]) -> str:
    rows = [f"| `{name}` | {', '.join(f'`{field}`' for field in fields)} |" for name, fields in known.items()]
    return "\n".join([f"| {head} | fields |", "|---|---|", *rows])
