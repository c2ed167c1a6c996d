"""Pages made from the code: the reference of every public name, and the data dictionary of every frame."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import dirsync_nb as ds

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

__all__ = ["public_modules", "write_reference"]


def public_modules() -> dict[str, ModuleType]:
    """Return the modules at the front door by the name people type, such as ``ds.analysis``."""
    found = {f"ds.{name}": getattr(ds, name) for name in ds.__all__}
    return {name: thing for name, thing in found.items() if inspect.ismodule(thing)}


def write_reference(source: Path) -> None:
    """Write the pages below ``source/reference``; what several modules name stands where it is named first."""
    folder = source / "reference"
    folder.mkdir(exist_ok=True)
    shown: dict[int, str] = {}
    pages = {"front_door": _page("ds", ds, shown)}
    for spoken, module in public_modules().items():
        pages[spoken.removeprefix("ds.")] = _page(spoken, module, shown)
    for page, text in pages.items():
        (folder / f"{page}.rst").write_text(text, encoding="utf-8")
    listed = "\n".join(f"   {page}" for page in pages)
    (folder / "index.rst").write_text(f"{_HEAD}\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n", encoding="utf-8")


_HEAD = """Reference
=========

Every public name, by the module that holds it. ``ds`` is ``import dirsync_nb as ds``."""


def _page(spoken: str, module: ModuleType, shown: dict[int, str]) -> str:
    lines = [spoken, "=" * len(spoken), ""]
    if module is not ds:
        lines += [f".. automodule:: {module.__name__}", "   :no-members:", ""]
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
