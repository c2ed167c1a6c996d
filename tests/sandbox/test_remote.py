from __future__ import annotations

from collections.abc import Iterator

import pytest

from dirsync_nb.sandbox import RemoteSandbox, Sandbox
from dirsync_nb.sandbox.directory.refusal import NotRunning
from dirsync_nb.sandbox.http.control import CHANGES

from ..foreign import Answer, ForeignServer


@pytest.fixture
def pair() -> Iterator[tuple[Sandbox, RemoteSandbox]]:
    with Sandbox(seed=2) as sandbox:
        yield sandbox, RemoteSandbox(sandbox.url + "/")


def test_what_happens_through_the_door_is_so_in_the_sandbox(pair: tuple[Sandbox, RemoteSandbox]) -> None:
    sandbox, remote = pair
    directory = sandbox.truth.directories()[0]["id"]
    user = remote.add_user(directory, email="new@acme.test", first_name="New")
    group = remote.add_group(directory, name="Door Crew")
    remote.add_member(group, user)
    assert (user, group) in sandbox.truth.memberships(directory)
    remote.update_user(user, last_name="Person")
    assert next(one for one in sandbox.truth.users(directory) if one["id"] == user)["last_name"] == "Person"
    remote.reset()
    assert remote.info() == sandbox.info()
    assert user not in {one["id"] for one in sandbox.truth.users(directory)}


def test_faults_are_scripted_through_the_door(pair: tuple[Sandbox, RemoteSandbox]) -> None:
    sandbox, remote = pair
    remote.faults.add("status", path="/directories", status=500, times=3)
    assert len(sandbox.faults.describe()) == 1
    remote.faults.clear()
    assert sandbox.faults.describe() == []


def test_both_have_the_same_methods(pair: tuple[Sandbox, RemoteSandbox]) -> None:
    sandbox, remote = pair
    assert all(callable(getattr(remote, name)) and callable(getattr(sandbox, name)) for name in CHANGES)
    with pytest.raises(AttributeError, match="no 'truth'"):
        remote.truth  # noqa: B018
    with pytest.raises(TypeError):
        remote.add_member("group")
    with pytest.raises(ValueError, match="directory_nobody"):
        remote.add_user("directory_nobody", email="a@acme.test")


def test_it_knows_whether_anybody_answers(pair: tuple[Sandbox, RemoteSandbox]) -> None:
    sandbox, remote = pair
    assert (remote.url, remote.api_key, remote.running) == (sandbox.url, sandbox.api_key, True)
    remote.stop()
    assert sandbox.running
    sandbox.stop()
    assert not remote.running


@pytest.mark.parametrize(
    "answer",
    [Answer(b"<html>"), Answer([1]), Answer({}), Answer(b"[" * 10_000), Answer(b"no", 502), Answer(reset=True)],
)
def test_what_answers_and_is_no_sandbox_is_a_sentence(answer: Answer) -> None:
    with ForeignServer(lambda _: answer) as server:
        remote = RemoteSandbox(server.url)
        assert not remote.running
        for act in (remote.info, remote.reset, lambda: remote.add_member("group_1", "user_1")):
            with pytest.raises(NotRunning, match=f"at {server.url}"):
                act()
