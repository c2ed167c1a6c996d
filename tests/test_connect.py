from __future__ import annotations

import gc
import inspect
import subprocess
import sys
import threading
import weakref

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer, require_client

from .foreign import KEY, Answer, ForeignServer, listing


def test_without_a_key_the_embedded_sandbox_answers_and_says_so_in_one_line(capsys):
    client = ds.connect()
    assert len(ds.load_directories(client)) == 9
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "embedded sandbox" in said
    assert client.sandbox.url == client.base_url
    assert repr(client) == "<DirectoryClient embedded sandbox, key set, test environment>"


def test_a_cell_run_again_meets_the_same_sandbox_with_what_happened_in_it():
    client = ds.connect_sandbox(seed=3)
    directory = ds.load_directories(client).index[0]
    client.sandbox.add_user(directory, email="new.person@acme.test", first_name="New", last_name="Person")
    again = ds.connect_sandbox(seed=3)
    assert again.sandbox is client.sandbox
    assert len(ds.load_users(again, directory_id=directory, email="new.person@acme.test")) == 1
    client.sandbox.stop()
    fresh = ds.connect_sandbox(seed=3)
    assert fresh.sandbox is not client.sandbox
    assert ds.load_users(fresh, directory_id=directory, email="new.person@acme.test").empty
    fresh.sandbox.stop()


def test_stopping_the_sandbox_leaves_no_thread_and_no_port():
    before = threading.active_count()
    client = ds.connect_sandbox(seed=4)
    url = client.base_url
    client.sandbox.stop()
    client.close()
    assert threading.active_count() <= before  # one of an earlier test may have ended meanwhile
    with pytest.raises(errors.ConnectionFailed):
        ds.load_directories(ds.connect(KEY, base_url=url, attempts=1))


@pytest.mark.slow
def test_a_process_that_forgets_to_stop_the_sandbox_still_ends_at_once():
    code = "import dirsync_nb as ds; print(len(ds.load_directories(ds.connect())))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "9\n")  # which may go into a file, and nothing else with it
    assert done.stderr.count("\n") == 1
    assert "embedded sandbox" in done.stderr


def test_the_key_and_address_come_from_the_variables_of_the_official_library(monkeypatch):
    with ForeignServer(lambda request: listing([])) as server:
        monkeypatch.setenv("WORKOS_API_KEY", f" {KEY}\n")
        monkeypatch.setenv("WORKOS_BASE_URL", server.url + "/")
        monkeypatch.setenv("WORKOS_REQUEST_TIMEOUT", "7")
        client = ds.connect()
        assert ds.load_directories(client).empty
        assert client.sandbox is None
        assert client.transport.timeout == 7.0
        assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
        assert server.requests[0].path == "/directories"


def test_an_argument_wins_over_its_variable(monkeypatch):
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_other")
    with ForeignServer(lambda request: listing([])) as server:
        ds.load_directories(ds.connect(KEY, base_url=server.url))
        assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"


def test_a_401_names_the_variable_that_was_read(monkeypatch):
    with ForeignServer(lambda request: Answer({"message": "Unauthorized"}, 401)) as server:
        monkeypatch.setenv("WORKOS_API_KEY", KEY)
        with pytest.raises(errors.NotAuthorized, match="read from WORKOS_API_KEY"):
            ds.load_directories(ds.connect(base_url=server.url))


def test_with_a_key_and_no_address_it_is_the_real_service_within_its_limits():
    client = ds.connect(KEY)
    assert client.base_url == "https://api.workos.com"
    assert (client.transport.pacer.per_directory, client.transport.pacer.per_key) == (4.0, 100.0)


def test_a_server_on_this_machine_is_not_held_to_workos_limits_unless_asked():
    assert ds.connect(KEY, base_url="http://127.0.0.1:1").transport.pacer.per_directory is None
    pacer = Pacer()
    assert ds.connect(KEY, base_url="http://127.0.0.1:1", pacer=pacer).transport.pacer is pacer


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        (
            {"WORKOS_BASE_URL": "https://api.workos.com"},
            {},
            "WORKOS_BASE_URL names a server but there is no key",
        ),
        ({}, {"api_key": ""}, "api_key is empty"),
        ({"WORKOS_API_KEY": "client_01ABC"}, {}, "WORKOS_API_KEY does not hold an API key"),
        ({"WORKOS_API_KEY": KEY, "WORKOS_REQUEST_TIMEOUT": "soon"}, {}, "must be a number of seconds"),
        ({"WORKOS_API_KEY": KEY}, {"timeout": 0}, "must be a number of seconds"),
        ({"WORKOS_API_KEY": KEY}, {"timeout": "5"}, "must be a number of seconds"),
        ({"WORKOS_API_KEY": KEY}, {"base_url": 5}, "base_url must look like"),
        ({}, {"api_key": 5}, "api_key does not hold an API key"),
        ({"DIRSYNC_SANDBOX_URL": "https://elsewhere.test"}, {}, "must be an address of this machine"),
    ],
)
def test_settings_that_cannot_be_right_are_refused_by_name(monkeypatch, environment, arguments, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.ConfigurationError, match=words) as caught:
        ds.connect(**arguments)
    assert "client_01ABC" not in str(caught.value)


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_key_counts_as_none_and_is_told(monkeypatch, capsys, blank):
    monkeypatch.setenv("WORKOS_API_KEY", blank)
    assert ds.connect().sandbox is not None
    assert "WORKOS_API_KEY is set but empty: this is the embedded sandbox" in capsys.readouterr().err
    with pytest.raises(errors.ConfigurationError, match="is set but empty, and this call wants one"):
        ds.connect(require_key=True)


def test_a_script_can_insist_on_a_key(capsys):
    with pytest.raises(errors.ConfigurationError, match="No WORKOS_API_KEY, and this call wants one"):
        ds.connect(require_key=True)
    assert ds.connect(KEY, require_key=True).sandbox is None
    assert capsys.readouterr().err == ""


def test_both_ways_to_connect_take_the_same_settings():
    own = {"api_key", "base_url", "require_key"}
    settings = [name for name in inspect.signature(ds.connect).parameters if name not in own]
    world = {"seed", "users", "people", "groups", "provider", "company", "snapshot", "options"}
    other = [name for name in inspect.signature(ds.connect_sandbox).parameters if name not in world]
    assert settings == other
    client = ds.connect_sandbox(timeout=7, attempts=2, max_wait=3)
    policy = client.transport.retry
    assert (client.transport.timeout, policy.attempts, policy.max_wait) == (7, 2, 3)


def test_clients_of_one_address_and_key_share_one_budget_while_they_live():
    """NET-03: two cells that connect, on one key."""
    here = ds.connect(KEY)
    assert ds.connect(KEY, base_url="https://api.workos.com/").transport.pacer is here.transport.pacer
    assert here.redacted().transport.pacer is here.transport.pacer
    assert ds.connect(KEY + "x").transport.pacer is not here.transport.pacer
    assert ds.connect(KEY, base_url="https://eu.workos.test").transport.pacer is not here.transport.pacer
    budget = weakref.ref(here.transport.pacer)
    del here
    gc.collect()
    assert budget() is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ds, "the module dirsync_nb was given"),
        (None, "None was given"),
        (KEY, "a key was given: it belongs into WORKOS_API_KEY"),
        ("directory_01", "a text was given: an id comes after the client"),
        (ds.connect, r"the function connect was given: call it, with \(\)"),
        (DirectoryClient, "the class DirectoryClient was given"),
        ({}, "one of type dict was given"),
    ],
    ids=["module", "None", "key", "id", "function", "class", "dict"],
)
def test_what_is_no_client_is_told_as_what_it_is(given, words):
    with pytest.raises(errors.ArgumentError, match=words) as caught:
        require_client(given)
    assert "ds.connect()" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_client_is_given_back(client):
    assert require_client(client) is client
    assert require_client(client.redacted())


def test_kernels_share_the_sandbox_that_the_lab_announces(monkeypatch, shared_sandbox, capsys):
    monkeypatch.setenv("DIRSYNC_SANDBOX_URL", shared_sandbox.url)
    client = ds.connect()
    assert client.base_url == shared_sandbox.url
    assert repr(client) == "<DirectoryClient embedded sandbox, key set, test environment>"
    assert len(ds.load_directories(client)) == 9
    assert "embedded sandbox" in capsys.readouterr().err


def test_a_failing_client_can_be_used_again_after_close(client):
    client.close()
    assert len(ds.load_directories(client)) == 9


@pytest.mark.parametrize(
    ("clock", "words"),
    [("now", "Its clock is the present."), ("fixed", "Its clock stands still on 3 August 2026.")],
)
def test_it_says_which_clock_the_sandbox_has(monkeypatch, capsys, clock, words):
    with ds.sandbox.Sandbox(world="empty", clock=clock) as sandbox:
        monkeypatch.setenv("DIRSYNC_SANDBOX_URL", sandbox.url)
        ds.connect()
        assert capsys.readouterr().err.strip().endswith(words)
    ds.connect()  # of one that answers no more, nothing is said
    assert "clock" not in capsys.readouterr().err
