"""The site: one command, every public name, no dead link, and docstrings that say what a reader needs."""

from __future__ import annotations

import inspect
import json
import posixpath
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from urllib.request import Request, urlopen

import pytest

import dirsync_nb as ds
from dirsync_nb.cli import parser
from dirsync_nb.site import main
from dirsync_nb.site.build import PAGES

TYPED = str.maketrans("’‘“”\n", "''\"\" ")
ROOMS = [name for name in ds.__all__ if inspect.ismodule(getattr(ds, name))]


def functions():
    """Return every public function of the package and of its public rooms, by its dotted name."""
    found = {f"ds.{name}": getattr(ds, name) for name in ds.__all__ if inspect.isfunction(getattr(ds, name))}
    for room in ROOMS:
        module = getattr(ds, room)
        for name in module.__all__:
            if inspect.isfunction(thing := getattr(module, name)):
                found[f"ds.{room}.{name}"] = thing
    return found


class Page(HTMLParser):
    """The anchors of a page, what it loads, and where its links lead."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.loaded, self.links = set(), set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag in ("script", "link", "img", "iframe"):
            self.loaded.add(given.get("src") or given.get("href"))
        if tag == "a":
            self.links.add(given.get("href"))


@pytest.fixture(scope="module")
def site_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(site_folder):
    """The whole site, built as a person builds it: a link within it that leads nowhere ends the build."""
    folder = site_folder
    command = [sys.executable, "-m", "dirsync_nb.site", "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The site begins at {folder / 'index.html'}\n"
    return {path.relative_to(folder).as_posix(): Page(path) for path in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def anchors(site):
    return {anchor for name, page in site.items() if name.startswith("reference/") for anchor in page.ids}


def test_every_public_name_has_its_place(site, anchors):
    for name in ds.__all__:
        thing = getattr(ds, name)
        if inspect.ismodule(thing):
            assert f"reference/{name}.html" in site
        else:
            assert any((anchor or "").endswith(f".{name}") for anchor in anchors), name


def test_it_opens_from_a_disk_without_a_network(site):
    for name, page in site.items():
        assert [to for to in page.loaded if to and re.match(r"(https?:)?//", to)] == [], name


def test_no_link_within_it_is_dead(site):
    dead = []
    for name, page in site.items():
        for link in page.links:
            if not link or re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if not target.endswith(".html"):
                continue
            if target not in site or (anchor and anchor not in site[target].ids):
                dead.append((name, link))
    assert dead == []


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


def test_every_column_stands_in_the_data_dictionary(site, site_folder):
    text = unescape((site_folder / "data_dictionary.html").read_text()).translate(TYPED)
    for (_, column), row in ds.describe_columns().iterrows():
        assert f">{column}<" in text
        assert row["meaning"].split("`")[0] in text


def test_each_route_of_the_control_door_has_an_example_that_runs():
    page = (PAGES / "control_door.md").read_text()
    calls = re.findall(r"""curl (?:-X (\w+) )?"\$SANDBOX([^"]*)"(?: -H "\$KEY")?(?: -d '([^']*)')?""", page)
    assert len(calls) == page.count("curl ")
    with ds.sandbox.Sandbox(seed=1, users=20) as sandbox:
        there = {
            (method, route.path.removeprefix("/_sandbox"))
            for route in sandbox.app.control_routes
            for method in route.methods - {"HEAD"}
        }
        assert {(method or "GET", path) for method, path, _ in calls} == there
        made = ""
        for method, path, body in calls:
            url = f"{sandbox.url}/_sandbox{path}"
            asked = {"Authorization": f"Bearer {sandbox.api_key}"}
            data = body.replace("ID_FROM_THE_ANSWER", made).encode() or None
            with urlopen(Request(url, data, asked, method=method or "GET"), timeout=60) as answer:
                given = json.load(answer)
            made = given["id"] if (method, path) == ("POST", "/webhooks") else made


def test_each_message_in_troubleshooting_is_really_raised():
    source = " ".join(path.read_text() for path in PAGES.parents[1].rglob("*.py") if "site" not in path.parts)
    source = re.sub(r'"\s+f?"', "", source)
    rows = re.findall(r"^\| (`.*?) \|", (PAGES / "troubleshooting.md").read_text(), re.MULTILINE)
    said = [one for row in rows for one in re.findall(r"`([^`]+)`", row)]
    assert len(said) > 25
    missing = [one for one in said if one.replace("answered 401", "answered {status}") not in source]
    assert missing == []


def test_without_sphinx_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sphinx", None)
    assert main(["--out", "nowhere"]) == 2
    assert "[docs]" in capsys.readouterr().err


def test_the_documented_commands_are_those_there_are(site):
    """What the pages tell people to type is in the help of the command."""
    told = {
        word
        for path in PAGES.rglob("*.md")
        for word in re.findall(r"dirsync-nb ([a-z][a-z-]+)", path.read_text())
    }
    commands = parser().format_help()
    assert told
    assert [word for word in sorted(told) if word not in commands] == []
