"""A day at Acme: providers play it over HTTP, and the same day leaves the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dirsync_nb.sandbox import RemoteSandbox, Sandbox
from dirsync_nb.sandbox.directory import clock
from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

from .conftest import Http


def acme(http: Http) -> dict[str, dict[str, Any]]:
    found = http.sandbox.truth.directories()
    return {one["name"].removeprefix("Acme "): one for one in found if one["name"].startswith("Acme ")}


def served(http: Http) -> list[bytes]:
    """Return everything the API says, as bytes."""
    pages = [http.get("/events", events=",".join(DSYNC_EVENTS), limit=100).content]
    for directory in http.walk("/directories"):
        query = {"directory": directory["id"], "limit": 100, "order": "asc"}
        pages += [http.get(path, **query).content for path in ("/directory_users", "/directory_groups")]
    return [*pages, http.get("/directories", limit=100).content]


def test_a_day_brings_every_kind_of_event_a_directory_can_send(http: Http) -> None:
    scenes = http.sandbox.play("a day at Acme")
    told: Counter[str] = sum((Counter(scene["events"]) for scene in scenes), Counter())
    assert set(DSYNC_EVENTS) - set(told) == {"dsync.deleted", "dsync.token.revoked"}
    assert set(acme(http)) == {"Okta", "Entra ID", "OneLogin", "JumpCloud", "Google", "Workday"}
    assert {one["state"] for one in acme(http).values()} == {"linked"}


def test_the_evening_is_as_the_providers_left_it(http: Http) -> None:
    http.sandbox.play()
    truth, directories, play = http.sandbox.truth, acme(http), http.sandbox.scenario
    assert play is not None
    for name in ("Okta", "Entra ID", "JumpCloud"):
        persona, directory = play.personas[name], directories[name]["id"]
        groups = {one["id"]: one["name"] for one in truth.groups(directory)}
        assert sorted(groups.values()) == sorted(persona.groups)
        people = {one["id"]: one["idp_id"] for one in truth.users(directory)}
        found = {(people[user], groups[group]) for user, group in truth.memberships(directory)}
        alive = set(people.values())
        expected = {(one, name) for name, members in persona.groups.items() for one in members if one in alive}
        assert found == expected
    counted = {name: one["metadata"]["users"]["active"] for name, one in directories.items()}
    assert counted == {"Okta": 9, "Entra ID": 7, "OneLogin": 4, "JumpCloud": 6, "Google": 7, "Workday": 6}


def test_the_same_history_twice_gives_the_same_bytes(make: Callable[..., Http]) -> None:
    first, second = make(), make()
    assert first.sandbox.play() == second.sandbox.play()
    assert served(first) == served(second)
    first.sandbox.reset()
    first.sandbox.play()
    assert served(first) == served(second)


def test_inactive_people_stay_where_they_are_kept(make: Callable[..., Http]) -> None:
    http = make(inactive_policy="keep")
    http.sandbox.play()
    states = Counter(u["state"] for d in acme(http).values() for u in http.sandbox.truth.users(d["id"]))
    assert states["inactive"] == 3  # one blocked at Entra ID, two of OneLogin's group


def test_thirty_days_later_the_blocked_are_deleted(make: Callable[..., Http]) -> None:
    http = make(inactive_policy="keep")
    http.sandbox.play()
    entra = acme(http)["Entra ID"]["id"]
    assert http.sandbox.purge() == 1
    assert "inactive" not in {one["state"] for one in http.sandbox.truth.users(entra)}
    (event,) = http.walk("/events", events="dsync.user.deleted", range_start="2026-09-01T00:00:00.000Z")
    assert event["data"]["directory_id"] == entra
    with pytest.raises(ValueError, match="play"):
        Sandbox().purge()


def test_pulled_sources_are_noticed_on_the_half_hour(http: Http) -> None:
    http.sandbox.play()
    directory = acme(http)["Google"]
    events = http.walk("/events", events="dsync.user.deleted", range_start="2026-08-03T09:00:00.000Z")
    mine = [one["created_at"] for one in events if one["data"]["directory_id"] == directory["id"]]
    late = [(clock.parse(at) - clock.parse(directory["created_at"])) % (30 * clock.MINUTE) for at in mine]
    assert len(late) == 5
    assert max(late) < 30 * clock.SECOND  # one burst, at the half hour counted from the first sync


def test_a_play_is_for_once_and_its_name_is_checked(http: Http) -> None:
    with pytest.raises(ValueError, match="must be one of 'a day at Acme'"):
        http.sandbox.play("Hamlet")
    http.sandbox.play()
    with pytest.raises(ValueError, match="reset"):
        http.sandbox.play()


def test_another_process_can_ask_for_it_by_http(http: Http) -> None:
    scenes = RemoteSandbox(http.sandbox.url).play()
    assert sum(scene["requests"] for scene in scenes) > 100
    again = http.session.post(http.sandbox.url + "/_sandbox/play", json={"name": "x"}, timeout=30)
    assert again.status_code == 422


def test_one_command_plays_it() -> None:
    command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", "0", "--clock", "fixed", "--play"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Workday: a promotion and a leaver" in line:
                break
        process.terminate()
        process.stdout.close()
        assert process.wait(20) == 0
    assert any(line.startswith("14:02  Entra ID: sign-in is blocked") for line in lines)


def test_everything_the_day_leaves_is_valid(http: Http, schema: Callable[[str], Any]) -> None:
    http.sandbox.play()
    http.sandbox.switch_attribute("username", on=False)
    events = http.walk("/events", events=",".join(DSYNC_EVENTS), range_start="2026-08-03T09:00:00.000Z")
    page = {"object": "list", "data": events, "list_metadata": {"after": None}}
    schema("EventList").validate(page)
    for directory in http.walk("/directories"):
        schema("Directory").validate(directory)
        for user in http.walk("/directory_users", directory=directory["id"]):
            schema("DirectoryUserWithGroups").validate(user)
        for group in http.walk("/directory_groups", directory=directory["id"]):
            schema("DirectoryGroup").validate(group)


HISTORY = """
import hashlib, json, urllib.request
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.http.api import DSYNC_EVENTS
with Sandbox() as sandbox:
    sandbox.play()
    sandbox.switch_attribute("emails", on=False)
    said = hashlib.sha256()
    def get(path):
        headers = {"Authorization": "Bearer " + sandbox.api_key}
        request = urllib.request.Request(sandbox.url + path, headers=headers)
        body = urllib.request.urlopen(request).read()
        said.update(body)
        return json.loads(body)
    after = ""
    while after is not None:
        page = get("/events?limit=100&events=" + ",".join(DSYNC_EVENTS) + (after and "&after=" + after))
        after = page["list_metadata"]["after"]
    for one in get("/directories?limit=100")["data"]:
        get("/directory_users?limit=100&directory=" + one["id"])
        get("/directory_groups?limit=100&directory=" + one["id"])
    print(said.hexdigest())
"""


def test_other_processes_come_to_the_same_bytes() -> None:
    found = set()
    for hashes in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        done = subprocess.run(
            [sys.executable, "-c", HISTORY],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        found.add(done.stdout)
    assert len(found) == 1
