"""The demo console: each button gives its four lanes, whatever the provider, and text stays text."""

from __future__ import annotations

import re

import pytest

import dirsync_nb as ds
from dirsync_nb import errors, widgets
from dirsync_nb.sandbox.providers.scenarios import WEEK
from dirsync_nb.widgets._demo.page import cells
from dirsync_nb.widgets._demo.worlds import connect_demo

from .conftest import MARKUP, markup_of, state_size

PUSHING = [f"{name} scim v2.0" for name in ("okta", "azure", "onelogin", "jump cloud", "generic")]
POLLED = ["gsuite directory", "workday"]


@pytest.fixture
def open_at(client, shared_sandbox, sandbox):
    """Make a console at the first directory of a type that holds somebody, or at a new one of two people."""
    made = []

    def open_(kind):
        client.sandbox = shared_sandbox
        listed = client.directories()
        there = {one["type"]: one["id"] for one in listed if one["metadata"]["users"]["active"] > 1}
        made.append(widgets.DemoConsole(client, there.get(kind) or new(sandbox, kind)))
        return made[-1]

    yield open_
    for one in made:
        one.close()


def new(sandbox, kind):
    home = sandbox.add_organization(name="Tern")
    directory = sandbox.add_directory(home, type=kind, name="Tern", state="linked")
    group = sandbox.add_group(directory, name="Crew")
    for number, name in enumerate(("Ada Hill", "Ben Moss")):
        names = dict(zip(("first_name", "last_name"), name.split(), strict=True))
        held = {"department_name": "Crew", "phone_numbers": [{"value": "+1", "type": "work"}]}
        user = sandbox.add_user(directory, email=f"p{number}@tern.test", **names, custom_attributes=held)
        sandbox.add_member(group, user)
    return directory


def complete(console, step):
    """Let a step at a polled provider be found."""
    if step.waiting:
        assert not step.events
        assert "Found at the next poll." in cells(step)
        assert console.poll() == [step]
    return step


def untouched_but_the_name(step):
    """Whoever was there before the console keeps everything else that they had."""
    (event,) = step.events
    changed = {**event.record["data"]["previous_attributes"]}
    assert set(changed.pop("custom_attributes", {})) <= {"display_name"}
    assert set(changed) <= {"first_name", "last_name", "name", "updated_at"}


@pytest.mark.parametrize("kind", [*PUSHING, *POLLED])
def test_each_button_gives_request_event_webhook_and_row(open_at, kind):
    console = open_at(kind)
    team = console.demo.groups[0]
    steps = [complete(console, console.hire("Kim Vale", team))]
    steps.append(complete(console, console.rename("Kim Vale", "Kim Lund")))
    colleague = next(one for one in console.demo.people.values() if one["name"] != "Kim Lund")
    untouched_but_the_name(complete(console, console.rename(colleague["id"], "Zoe Marsh")))
    steps.append(complete(console, console.move(colleague["id"], "Night Shift")))
    steps.append(complete(console, console.let_go("Kim Lund")))
    for step in steps:
        assert not step.problem
        if kind in POLLED:
            assert not step.requests
            assert "about every 30 minutes. It was found at the poll." in cells(step)[0]
        else:
            assert {one.status for one in step.requests} <= {200, 201, 204}
            assert all(one.milliseconds > 0 for one in step.requests)
        assert step.events
        assert [one.record["id"] for one in step.events] == [one.event_id for one in step.deliveries]
        assert all(re.match(r"t=\d+, v1=[0-9a-f]{64}$", one.signature) for one in step.deliveries)
        assert [one.event for one in step.rows] == [one.event for one in step.deliveries]
        assert 0 < step.events[0].milliseconds <= step.milliseconds
    hired, renamed, moved, left = ([one.change for one in step.rows if one.change.what] for step in steps)
    assert (hired[0].what, hired[0].row["name"]) == ("INSERT", "Kim Vale")
    assert renamed[0].before == {"name": "Kim Vale"}
    assert moved[0].row["department"] == "Night Shift"
    assert left[-1].row["active"] == 0


def test_the_story_plays_to_its_end_and_the_app_is_in_line(open_at, client):
    console = open_at("azure scim v2.0")
    console.next_button.click()
    assert [step.title for step in console.steps] == [WEEK[0].title.format(who="Eli Brandt")]
    console.play_button.click()
    assert [step.title.partition(":")[0] for step in console.steps] == [
        beat.title.partition(":")[0] for beat in WEEK
    ]
    assert console.steps[-1].title == WEEK[-1].title.format(who="Eli Lund")
    assert not [step.problem for step in console.steps if step.problem]
    console.next_button.click()
    assert "the story is over" in console.status.text
    users = ds.load_users(client, console.demo.directory["id"])
    app = ds.load_app_users(f"sqlite:///{console.demo.app.path}")
    plan = ds.compare(users, app, on=["idp_id", "email"], fields={"name": "name"}, active="active")
    assert plan.counts["create"] == plan.counts["update"] == plan.counts["deactivate"] == 0


def test_buttons_take_what_is_chosen_and_say_what_is_missing(open_at):
    console = open_at("okta scim v2.0")
    console.let_go_button.click()
    assert "Choose somebody" in console.status.text
    console.find = "zz-nobody"
    assert len(console.person_menu.options) == 1
    console.find = ""
    console.person_menu.value = console.person_menu.options[1][1]
    console.team_menu.value = console.team_menu.options[1][1]
    name = console.demo.people[console.person]["name"]
    console.move_button.click()
    assert name in console.steps[-1].title
    assert console.status.kind == "ready"
    console.let_go_button.click()
    assert console.steps[-1].events[-1].line.what == "Left"
    assert console.person is None
    console.hire_button.click()
    assert len(console.steps_box.children) == 3


def test_other_peoples_text_is_text_in_page_table_and_file(open_at, hostile, client, shared_sandbox, tmp_path):
    client.sandbox = shared_sandbox
    console = widgets.DemoConsole(client, hostile["directory"])
    try:
        console.hire(f"Kim {MARKUP}", MARKUP)
        for who in hostile["users"]:
            person = shared_sandbox.store.users.get(who).parsed()["idp_id"]
            console.rename(person, f"{MARKUP} & Co")
            console.let_go(person)
        page = console.save(tmp_path / "demo.html").read_text(encoding="utf-8")
        for html in (markup_of(console), console.static_html(), page):
            assert "&lt;img" in html
            assert "<img" not in html
        assert state_size(console) < 400_000
    finally:
        console.close()


def test_the_file_tells_every_step_and_needs_nothing_else(open_at, tmp_path):
    console = open_at("workday")
    console.hire("Kim Vale")
    console.play()
    page = console.save(tmp_path / "demo.html").read_text(encoding="utf-8")
    assert page.count("<section") == 1 + len(WEEK)
    assert "prefers-color-scheme: dark" in page
    assert not re.findall(r"(?:src|href)=", page)
    sent = []
    console.save_button.send = lambda content, buffers=(): sent.append((content, buffers))
    console.save_button._received(None, {"save": True}, ())
    assert sent[0][0]["saved"].endswith(".html")
    assert sent[0][1][0].startswith(b"<!DOCTYPE html>")


def test_what_the_service_refuses_is_told_and_the_console_goes_on(open_at, sandbox):
    console = open_at("azure scim v2.0")
    taken = next(iter(console.demo.people.values()))
    console.demo._free_address = lambda name: taken["address"]
    assert "409" in console.hire("Kim Vale").problem or console.steps[-1].requests
    sandbox.faults.add("status", path="/scim", status=500)
    assert "500" in console.hire("Kim Moss").problem
    assert console.status.kind == "error"
    sandbox.faults.clear()
    assert not console.let_go(taken["id"]).problem


def test_a_console_is_for_a_sandbox_alone(client, okta):
    client.sandbox = None
    with pytest.raises(errors.ArgumentError, match="needs the client of a sandbox"):
        widgets.DemoConsole(client, okta)


def test_a_closed_console_leaves_no_webhook_and_no_file(open_at, shared_sandbox):
    console = open_at("okta scim v2.0")
    path = console.demo.app.path
    assert len(shared_sandbox.deliveries.describe()) == 1
    console.close()
    assert not shared_sandbox.deliveries.describe()
    assert not path.exists()


def test_a_company_gets_its_provider_its_size_and_the_present(tmp_path):
    console = widgets.DemoConsole.of_company("Acme & Söhne", "entra", users=30)
    sandbox = console.client.sandbox
    try:
        assert console.demo.directory["name"] == "Acme & Söhne Entra ID"
        assert console.demo.directory["type"] == "azure scim v2.0"
        assert len(console.demo.people) == 30
        assert sandbox.info()["clock_runs"]
    finally:
        console.close()
        sandbox.stop()
    (tmp_path / "people.csv").write_text("email,first_name,last_name\nada@tern.test,Ada,Lee\n")
    for word, kind in (
        (" Google ", "gsuite directory"),
        ("Entra ID", "azure scim v2.0"),
        (None, "okta scim v2.0"),
    ):
        client = connect_demo("Tern", word, people=tmp_path / "people.csv")
        assert ds.load_directories(client)["type"].tolist() == [kind]
        client.sandbox.stop()
    (tmp_path / "people.csv").write_text(
        "userPrincipalName,displayName,userType\nada@tern.test,Ada Lee,Member\n"
    )
    client = connect_demo("Tern", people=tmp_path / "people.csv")  # whose form is Entra ID's
    assert ds.load_directories(client)["type"].tolist() == ["azure scim v2.0"]
    client.sandbox.stop()
    for wrong in ({"provider": "octa"}, {"users": 0}):
        with pytest.raises(errors.ArgumentError, match=r"provider must be one of okta, entra|users must be"):
            connect_demo("Acme", **wrong)
