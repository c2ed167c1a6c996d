"""Write into somebody's repository what keeps its notebooks sound: nothing that is there is changed unasked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import errors, extras

__all__ = ["write"]

_FILES = Path(__file__).parent / "ci_files"
_MARKS = ("dirsync-nb check", "dirsync-nb-check", "--nbval-current-env")  # one stands where a part is already

# What pytest looks for, in its order: file, table in it ("" for any), and how its options are written there.
_PYTEST_FILES = [
    ("pytest.toml", "", "pytest", '"'),
    (".pytest.toml", "", "pytest", '"'),
    ("pytest.ini", "", "pytest", ""),
    (".pytest.ini", "", "pytest", ""),
    ("pyproject.toml", "[tool.pytest", "tool.pytest.ini_options", '"'),
    ("tox.ini", "[pytest]", "pytest", ""),
    ("setup.cfg", "[tool:pytest]", "tool:pytest", ""),
]


@dataclass(frozen=True)
class _Part:
    """One file, what belongs into it, and how a file that is there is completed; None where it never is."""

    name: str
    text: str
    complete: Callable[[str, str], str | None] | None


def write(folder: Path, *, force: bool = False) -> Iterator[str]:
    """Write workflow, hook, pytest options, a first notebook and a paragraph of README; say so, a line each.

    Parameters
    ----------
    folder
        The repository.
    force
        Also replace a workflow and notebook that are there, and complete the hooks and the README. Default:
        they stay, and what belongs into them is shown. Options of pytest that are there always stay.

    Raises
    ------
    ArgumentError
        Something stands in the way; nothing was written.
    """
    parts = _parts(folder)
    for part in parts:
        _refuse_obstacle(folder, part.name)
    for part in parts:
        yield _write_one(folder / part.name, part, force=force)
    if not any((place / ".git").exists() for place in (folder.resolve(), *folder.resolve().parents)):
        yield "this is no git repository yet: the hook and the workflow wait for `git init`"
    if "GIT_ADDRESS" in parts[0].text:
        yield "GIT_ADDRESS stands for where dirsync_nb is had from: put it in before you commit"


def _parts(folder: Path) -> list[_Part]:
    requirement, address, rev = _origin()
    options, section, quote = _pytest_file(folder)
    readme = _readme(folder)
    text = {path.name: path.read_text("utf-8") for path in _FILES.iterdir() if path.is_file()}
    workflow, about = (text[name].format(requirement=requirement) for name in ("workflow.yml", "README.md"))
    return [
        _Part(".github/workflows/notebooks.yml", workflow, _replaced),
        _Part(".pre-commit-config.yaml", text["hook.yaml"].format(address=address, rev=rev), _hook_added),
        _Part(options, text["pytest.ini"].format(section=section, quote=quote), None),
        _Part("notebooks/first_look.ipynb", text["first_look.ipynb"], _replaced),
        _Part(readme, about, _added if readme.lower().endswith(".md") else None),
    ]


def _origin() -> tuple[str, str, str]:
    """Return what pip takes, where git finds it and at which commit: as this copy was had, if by git."""
    given = extras.requirement("lab").strip('"')
    if found := re.fullmatch(r"\S+ @ git\+(.+)@(\w+)", given):
        return given, found[1], found[2]
    source = extras.SOURCE
    return (
        source.replace("dirsync_nb @", "dirsync_nb[lab] @"),
        source.partition("git+")[2],
        "main  # better a commit: pre-commit never updates a branch",
    )


def _refuse_obstacle(folder: Path, name: str) -> None:
    path = folder / name
    for above in path.relative_to(folder).parents:
        if (folder / above).exists() and not (folder / above).is_dir():
            raise errors.ArgumentError(
                f"{above} is a file, and {name} needs a folder there; nothing was written"
            )
    if path.is_dir():
        raise errors.ArgumentError(f"{name} is a folder, and a file is to be there; nothing was written")


def _write_one(path: Path, part: _Part, *, force: bool) -> str:
    old = _text(path)
    if old is not None and (old.replace("\r\n", "\n") == part.text or any(mark in old for mark in _MARKS)):
        return f"{part.name}: has it already"
    made = part.text if old is None else part.complete(old, part.text) if force and part.complete else None
    if made is None:
        shown = "" if part.name.endswith(".ipynb") else f"; it is for you to add:\n\n{part.text}"
        return f"{part.name}: is there already and stays as it is{shown}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if old is not None and "\r\n" in old:
        made = made.replace("\r\n", "\n").replace("\n", "\r\n")
    path.write_bytes(made.encode("utf-8", "surrogateescape"))
    return f"{part.name}: {'written' if old is None else 'changed'}"


def _text(path: Path) -> str | None:
    """Return a file as it is, whatever its line ends and letters; None where there is none."""
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else None


def _replaced(_old: str, text: str) -> str:
    return text


def _added(old: str, text: str) -> str:
    return f"{old.rstrip()}\n\n{text}"


def _hook_added(old: str, text: str) -> str | None:
    """Put the hook first under the ``repos:`` that is there, as deep as the others; None without it."""
    found = re.search(r"^repos:[ \t]*(\[[ \t]*\])?[ \t]*(#.*)?\r?$", old, re.MULTILINE)
    if found is None:
        return None
    entry, rest = text.partition("\n")[2], old[found.end() :]
    others = re.match(r"(?:\s*(?:#.*)?\n)*([ \t]*)-", rest)
    if others is not None:
        entry = re.sub(r"(?m)^  ", others[1], entry)
    line = "repos:" if found[1] else found[0].rstrip()
    return f"{old[: found.start()]}{line}\n{entry.rstrip()}{rest or chr(10)}"


def _pytest_file(folder: Path) -> tuple[str, str, str]:
    """Return the file that pytest reads, which is the only one it reads, its table, and its quotation mark."""
    for name, sign, section, quote in _PYTEST_FILES:
        if (folder / name).is_file() and sign in str(_text(folder / name)):
            return name, section, quote
    return "pytest.ini", "pytest", ""


def _readme(folder: Path) -> str:
    """Name the README that is there; what is not Markdown is never completed."""
    there = sorted(path.name for path in folder.iterdir() if path.name.lower().partition(".")[0] == "readme")
    return next((name for name in there if name.lower().endswith(".md")), there[0] if there else "README.md")
