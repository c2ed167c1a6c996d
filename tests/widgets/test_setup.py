from __future__ import annotations

import asyncio
import json
import pickle

import ipywidgets as w
import pytest
import traitlets as t

from dirsync_nb import widgets
from dirsync_nb.frames import DIRECTORY_STATES, DIRECTORY_TYPES
from dirsync_nb.widgets._setup.providers import FULL, OTHERS, STATES, state_of

from .conftest import HOSTILE, family, markup_of, state_size, until

CANARY = "sk_test_CANARYQzXwVkJyTrWq"  # no digits: a random id may hold some


@pytest.fixture
def setup(sandbox):
    return widgets.Setup(base_url=sandbox.url)


def enter(setup, key):
    """Do what the browser does when somebody presses the button."""
    setup.key_field.enter(key)


@pytest.mark.parametrize("provider", FULL, ids=lambda provider: provider.type)
def test_three_providers_have_numbered_steps_and_where_each_value_comes_from(setup, provider):
    setup.provider_buttons.value = provider.type
    markup = setup.steps_view.value
    assert markup.count("<li>") >= len(provider.steps) >= 5
    assert "Where each value comes from" in markup
    assert provider.arrives in markup


def test_every_type_the_api_knows_is_explained(setup):
    setup.provider_buttons.value = "another provider"
    listed = {name.strip() for row in OTHERS for name in row[1].split(",")} | {one.type for one in FULL}
    assert {name for name in DIRECTORY_TYPES if not name.endswith("v1.1")} <= listed
    for row in OTHERS:
        assert row[0] in setup.steps_view.value


def test_every_state_says_what_it_means_and_how_to_mend_it():
    assert set(STATES) == set(DIRECTORY_STATES)
    for state in (*STATES, "hibernating"):
        assert state_of(state).meaning
        assert state_of(state).mend


def test_without_a_key_only_provider_and_key_are_shown(setup):
    assert [step.layout.display for step in (setup.choose_step, setup.watch_step, setup.code)] == ["none"] * 3


def test_a_key_gives_a_client_and_shows_only_what_it_belongs_to(setup, sandbox):
    assert setup.client is None
    assert repr(setup) == "<Setup: no key yet>"
    enter(setup, f"  {sandbox.api_key}\n")
    assert setup.client is not None
    assert setup.status.text == "Key set, test environment. 9 directories in 8 organizations."
    assert repr(setup) == "<Setup: key set, test environment, no directory chosen>"


def test_a_key_is_nowhere_after_it_was_refused_or_used(setup, sandbox, caplog):
    """SEC-01, SEC-02, SEC-03: no four characters in a row of its secret part, in any state or message."""
    caplog.set_level("DEBUG")
    for key in (CANARY, sandbox.api_key, "not-a-key-CANARYQzXwVkJyTrWq"):
        enter(setup, key)
        # Of this widget alone: among the pictures of other tests, four characters turn up by chance.
        own = list(family(setup))
        state = json.dumps(w.Widget.get_manager_state(drop_defaults=False, widgets=own), default=str)
        said = [state, repr(setup), setup.status.text, markup_of(setup), setup.static_html(), caplog.text]
        said.append(json.dumps(setup.code.snippets))
        secret = "CANARYQzXwVkJyTrWq" if "CANARY" in key else key
        length = 4 if "CANARY" in key else len(key)  # the sandbox's key holds the word sandbox
        pieces = {secret[place : place + length] for place in range(len(secret) - length + 1)}
        assert not [piece for text in said for piece in pieces if piece in text]
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(setup)


def test_the_key_field_has_no_trait_for_what_is_typed(setup):
    assert set(setup.key_field.get_state()) & {"value", "key", "password"} == set()
    assert not [one for one in family(setup) if isinstance(one, w.Password)]


def test_a_refused_key_says_what_to_do_and_leaves_no_client(setup):
    enter(setup, CANARY)
    assert setup.client is None
    assert setup.status.kind == "error"
    assert "refused" in setup.status.text
    assert setup.status.text[0].isupper()
    enter(setup, "client_01ABC")
    assert "begins with client_" in setup.status.text


def test_a_refused_second_key_leaves_the_first_client_in_place(setup, sandbox):
    enter(setup, sandbox.api_key)
    first = setup.client
    enter(setup, CANARY)
    assert setup.client is first
    assert setup.status.kind == "error"


def test_a_key_in_the_environment_is_found_and_used(monkeypatch, sandbox):
    monkeypatch.setenv("WORKOS_API_KEY", sandbox.api_key)
    setup = widgets.Setup(base_url=sandbox.url)
    assert "is set where this kernel runs" in setup.key_view.value
    setup.environment_button.click()
    assert len(setup.directories) == 9


def test_choosing_an_organization_narrows_the_directories(client):
    setup = widgets.Setup(client)
    organization = setup.directories["organization_id"].value_counts().index[0]
    setup.organization_menu.value = organization
    expected = setup.directories.index[setup.directories["organization_id"] == organization]
    assert set(setup.table.ids) == set(expected)
    setup.organization_menu.value = ""
    setup.find_field.value = "okta"
    assert setup.table.column("name") == ["Harbourline Okta"]


def test_a_linked_directory_with_people_is_ready_at_once(client, okta):
    setup = widgets.Setup(client)
    setup.table.picked = okta
    assert setup.ready
    assert not setup.watching
    assert (setup.directory_id, setup.state, setup.users, setup.groups) == (okta, "linked", 260, 24)
    assert "Ready: linked, and the first people are there." in setup.seen.value


@pytest.mark.parametrize("state", ["validating", "invalid_credentials", "unlinked"])
def test_a_directory_that_is_not_ready_says_how_to_mend_it_and_is_watched(client, state):
    setup = widgets.Setup(client)
    setup.directory_id = setup.directories.index[setup.directories["state"] == state][0]
    assert not setup.ready
    assert setup.watching
    assert state_of(state).mend.split(":")[0] in setup.seen.value.replace("&#x27;", "'")


def test_watching_sees_the_directory_link_and_the_first_people_arrive(client, sandbox):
    async def person():
        setup = widgets.Setup(client)
        setup.directory_id = setup.directories.index[setup.directories["state"] == "validating"][0]
        setup.watch_pause = 0.05
        await until(lambda: setup.state)
        assert setup.state == "validating"
        sandbox.set_directory_state(setup.directory_id, "linked")
        sandbox.add_user(setup.directory_id, name="First Person")
        setup.look()
        await until(lambda: setup.ready)
        assert (setup.ready, setup.users, setup.watching) == (True, 1, False)
        setup.retire()

    asyncio.run(person())


def test_linked_without_anybody_is_not_ready(client, sandbox):
    setup = widgets.Setup(client)
    directory = setup.directories.index[setup.directories["state"] == "validating"][0]
    sandbox.set_directory_state(directory, "linked")
    setup.directory_id = directory
    assert not setup.ready
    assert "nobody has arrived yet" in setup.seen.value


def test_watching_needs_a_directory(client):
    setup = widgets.Setup(client)
    setup.watch_button.value = True
    assert setup.watching is False
    assert setup.watch_button.value is False
    assert setup.status.text == "Choose a directory before watching it."
    with pytest.raises(t.TraitError, match="no directory"):
        setup.directory_id = "directory_none"


def test_many_directories_send_fifty(client, sandbox, monkeypatch):
    setup = widgets.Setup(client)
    assert len(setup.table.rows) == 9
    assert state_size(setup) < 100_000


def test_hostile_names_are_text(client, serve):
    from ..foreign import listing

    directories = [
        {
            "object": "directory",
            "id": f"d{n}",
            "name": name,
            "type": name,
            "state": name,
            "organization_id": f"o{n}",
        }
        for n, name in enumerate(HOSTILE)
    ]
    organizations = [{"object": "organization", "id": f"o{n}", "name": name} for n, name in enumerate(HOSTILE)]

    def script(request):
        if request.path == "/organizations":
            return listing(organizations)
        if request.path == "/directories":
            return listing(directories)
        answer = listing([])
        answer.body = next(d for d in directories if request.path.endswith("/" + d["id"]))
        return answer

    _, foreign = serve(script)
    setup = widgets.Setup(foreign)
    for directory in directories:
        setup.directory_id = directory["id"]
        seen = markup_of(setup) + setup.static_html()
        assert "<img" not in seen
        assert "<b>Co</b>" not in seen
        assert not setup.ready


def test_who_stopped_watching_is_told_of_no_next_look(client):
    setup = widgets.Setup(client)
    setup.directory_id = setup.directories.index[setup.directories["state"] == "validating"][0]
    assert "Next look in" in setup.seen.value
    setup.watch_button.value = False
    assert "Next look in" not in setup.seen.value
    assert "validating" in setup.seen.value


def test_it_says_at_once_what_the_official_quick_start_leaves_out(client):
    shown = widgets.Setup(client).watch_step.children[-1].value
    before, _, folded = shown.partition("<details>")
    for word in ("order", "whole list", "limits", "inactive users", "memberships"):
        assert f"<b>{word}</b>" in before
    assert [f"{number}. " in folded for number in range(1, 7)] == [True] * 6
