"""The code behind a widget really runs, and gives the same ids three ways."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import widgets


def ids(value: Any) -> list[str]:
    """Return the ids in whatever a way of reading gives."""
    if hasattr(value, "index") and not isinstance(value, (list, tuple)):
        return [str(value.name)] if value.ndim == 1 else [str(one) for one in value.index]
    return [one.id for one in value] if isinstance(value, list) else [value.id]


@pytest.fixture
def widget(request: Any, client: Any, okta: str) -> tuple[Any, str]:
    groups = ds.load_groups(client, directory_id=okta)
    users = ds.load_users(client, directory_id=okta)
    small = groups.index[groups["name"] == "R&D"][0]
    made = {
        "directories": lambda: widgets.DirectoryExplorer(client),
        "users": lambda: widgets.DirectoryExplorer(client, okta),
        "groups": lambda: _with(widgets.DirectoryExplorer(client, okta), view="Groups"),
        "filtered": lambda: _with(widgets.DirectoryExplorer(client, okta), group_id=small, state="active"),
        "user": lambda: widgets.DetailCard(client, user_id=users.index[0]),
        "user's groups": lambda: _with(widgets.DetailCard(client, user_id=users.index[0]), section="Groups"),
        "group's members": lambda: _with(widgets.DetailCard(client, group_id=small), section="Members"),
        "memberships": lambda: widgets.MembershipExplorer(client, okta, group_ids=[small, groups.index[0]]),
        "events": lambda: widgets.EventFeed(client, after=_an_event(client)),
        "setup": lambda: _with(widgets.Setup(client), directory_id=okta),
    }
    return made[request.param](), request.param


def _an_event(client: Any) -> str:
    return str(ds.load_events(client).index[-5])


def _with(widget: Any, **choices: Any) -> Any:
    for name, value in choices.items():
        setattr(widget, name, value)
    return widget


@pytest.mark.parametrize(
    "widget",
    [
        "directories",
        "users",
        "groups",
        "filtered",
        "user",
        "user's groups",
        "group's members",
        "memberships",
        "events",
        "setup",
    ],
    indirect=True,
)
def test_three_ways_give_the_same_ids(widget, client, sandbox, monkeypatch):
    shown, case = widget
    monkeypatch.setenv("WORKOS_API_KEY", sandbox.api_key)
    ways = dict(shown.code.snippets)
    assert set(ways) == {"dirsync_nb", "workos SDK", "cURL"}
    assert not [text for text in ways.values() if sandbox.api_key in text]
    found = {}
    for way in ("dirsync_nb", "workos SDK"):
        room: dict[str, Any] = {}
        exec(ways[way], room)
        found[way] = {name: ids(room[name]) for name in _names(ways[way])}
        room["client"].close()
    assert {name: sorted(value) for name, value in found["dirsync_nb"].items()} == {
        name: sorted(value) for name, value in found["workos SDK"].items()
    }
    if shutil.which("curl"):
        answers = [json.loads(line) for line in _curled(ways["cURL"])]
        for (name, expected), answer in zip(found["dirsync_nb"].items(), answers, strict=True):
            got = [one["id"] for one in answer["data"]] if "data" in answer else [answer["id"]]
            if case == "filtered" or answer.get("list_metadata", {}).get("after"):
                assert set(got) & set(expected), name  # cURL gives one page, and no filter of ours
            else:
                assert sorted(got) == sorted(expected)


def _names(code: str) -> list[str]:
    """Name what a snippet reads from the service, in order."""
    lines = [
        line for line in code.splitlines() if " = " in line and not line.startswith(("client", "both", " "))
    ]
    return list(dict.fromkeys(line.split(" = ")[0] for line in lines))


def _curled(code: str) -> list[str]:
    answers = []
    for command in re.split(r"(?m)^curl ", code)[1:]:
        done = subprocess.run(
            ["sh", "-c", "curl " + command.split("\n#")[0]],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={"PATH": os.environ["PATH"], "WORKOS_API_KEY": os.environ["WORKOS_API_KEY"], "no_proxy": "*"},
        )
        answers.append(done.stdout)
    return answers


def test_production_is_not_named_and_needs_no_address(serve):
    from dirsync_nb.widgets._base.code import snippets

    client = ds.connect("sk_test_" + "x" * 20)
    ways = dict(snippets(client, ("users", "users", {"directory_id": "directory_1'; rm -rf /"})))
    assert "client = ds.connect()" in ways["dirsync_nb"]
    assert "base_url" not in ways["workos SDK"]
    assert "'https://api.workos.com/directory_users?directory=directory_1%27" in ways["cURL"]
    client.close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 7, "users": 20},
        {"world": "okta", "strict": True, "removals": "before", "clock": "now", "users": 9},
    ],
)
def test_the_code_of_the_embedded_sandbox_runs_as_it_is_copied(options, monkeypatch):
    monkeypatch.delenv("WORKOS_API_KEY", raising=False)
    client = ds.connect_sandbox(**options)
    directory = next(client.directories())["id"]
    explorer = widgets.DirectoryExplorer(client, directory)
    for way in ("dirsync_nb", "workos SDK"):
        room: dict[str, Any] = {}
        exec(dict(explorer.code.snippets)[way], room)
        assert sorted(ids(room["users"])) == sorted(explorer.users.index)
        room["client"].close()


def test_no_line_of_the_feeds_code_is_too_long_to_read(client):
    for way, text in widgets.EventFeed(client, after=_an_event(client)).code.snippets:
        assert max(map(len, text.splitlines())) <= 100, way
