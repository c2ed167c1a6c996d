"""The API reference: one command, every public name, and docstrings that say what a reader needs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import dirsync_nb as ds
from dirsync_nb import extras

ROOMS = [name for name in ds.__all__ if inspect.ismodule(getattr(ds, name))]


def functions():
    """Give every public function of the package and of its public rooms, by its dotted name."""
    found = {f"ds.{name}": getattr(ds, name) for name in ds.__all__ if inspect.isfunction(getattr(ds, name))}
    for room in ROOMS:
        module = getattr(ds, room)
        for name in module.__all__:
            if inspect.isfunction(thing := getattr(module, name)):
                found[f"ds.{room}.{name}"] = thing
    return found


class Page(HTMLParser):
    """The anchors of a page and every address it points to."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.targets = set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag in ("script", "link", "img", "iframe"):
            self.targets.add(given.get("src") or given.get("href"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "-W", "error", "-m", "dirsync_nb.reference", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The reference begins at {folder / 'dirsync_nb.html'}\n"
    return folder


def test_every_public_name_has_its_place(reference):
    front = Page(reference / "dirsync_nb.html")
    assert [name for name in ds.__all__ if name not in front.ids | set(ROOMS)] == []
    for room in ROOMS:
        page = Page(reference / "dirsync_nb" / f"{room}.html")
        things = {name: getattr(getattr(ds, room), name) for name in getattr(ds, room).__all__}
        spoken_for = {
            name for name, thing in things.items() if inspect.isfunction(thing) or inspect.isclass(thing)
        }
        assert spoken_for - page.ids == set(), room


def test_the_pages_fetch_nothing_from_elsewhere(reference):
    for path in reference.rglob("*.html"):
        assert [to for to in Page(path).targets if to and re.match(r"(https?:)?//", to)] == [], path.name


@pytest.mark.parametrize("name", sorted(functions()))
def test_a_function_says_what_it_takes_and_gives(name):
    function = functions()[name]
    text = inspect.getdoc(function) or ""
    assert text
    parameters = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL) and each.name != "client"
    ]
    if "Parameters\n---" in text:
        section = text.split("Parameters\n")[1].split("\nReturns")[0]
        assert [each for each in parameters if not re.search(rf"\b{each}\b", section)] == []
    gives = inspect.signature(function, eval_str=False).return_annotation
    if "DataFrame" in str(gives) and "Returns\n---" in text:
        told = text.split("Returns\n")[1].lower()
        assert re.search(r"index|column|row|``\w+``", told), "the shape of the frame"


def test_without_pdoc_it_says_what_to_install(monkeypatch, capsys):
    from dirsync_nb import reference as room

    monkeypatch.setitem(sys.modules, "pdoc", None)
    assert room.main(["--out", "nowhere"]) == 2
    assert extras.install("docs") in capsys.readouterr().err


def test_traits_of_widgets_are_spoken_of_once_and_not_as_what_they_are_made_of(reference):
    page = (reference / "dirsync_nb" / "widgets.html").read_text()
    assert "A trait" not in page
    assert "How many rows the filters leave." in page
