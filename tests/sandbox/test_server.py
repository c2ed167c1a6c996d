"""A sandbox comes up at once, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.sandbox import Sandbox, storage


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "sandbox" in thread.name]


def test_nothing_is_left_after_stop() -> None:
    before = threads()
    sandbox = Sandbox().start()
    port = int(sandbox.url.rpartition(":")[2])
    assert sandbox.running
    sandbox.stop()
    sandbox.stop()
    assert not sandbox.running
    assert threads() == before
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as probe:
            assert probe.connect_ex((host, port)) != 0


def test_it_starts_again_from_the_seed() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            directory = sandbox.truth.directories()[0]["id"]
            assert len(sandbox.truth.users(directory)) == 260
            sandbox.add_user(directory, email="a@x.example")


def test_stop_does_not_wait_for_a_slow_answer_or_an_idle_connection() -> None:
    with Sandbox() as sandbox, requests.Session() as session:
        session.get(sandbox.url + "/_sandbox", timeout=5)
        sandbox.faults.add("slow", seconds=60)
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}

        def ask() -> None:
            with pytest.raises(requests.ConnectionError):
                requests.get(sandbox.url + "/directories", headers=headers, timeout=30)

        waiting = threading.Thread(target=ask)
        waiting.start()
        while not sandbox.requests:
            time.sleep(0.01)
        began = time.monotonic()
        sandbox.stop()
        waiting.join(5)
        assert time.monotonic() - began < 20
        assert not waiting.is_alive()


def test_who_went_away_during_a_slow_answer_is_no_trouble_at_the_stop(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with Sandbox() as sandbox:
        sandbox.faults.add("slow", seconds=60)
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        with pytest.raises(requests.Timeout):
            requests.get(sandbox.url + "/directories", headers=headers, timeout=0.2)
        time.sleep(0.2)  # until the server has seen it
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_two_sandboxes_do_not_know_each_other() -> None:
    with Sandbox() as one, Sandbox() as other:
        one.delete_directory(one.truth.directories()[0]["id"])
        assert len(other.truth.directories()) == 9
        assert one.url != other.url


def test_a_taken_port_is_an_error_at_start() -> None:
    with Sandbox() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"in use|Address"):
            Sandbox(port=port).start()


@pytest.mark.parametrize(
    "wrong", [{"team": "old"}, {"inactive_policy": "x"}, {"default_order": "up"}, {"users": -1}]
)
def test_settings_are_checked_where_they_are_given(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sandbox(**wrong)


def test_a_kept_file_is_reopened_where_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    with Sandbox(database=path) as sandbox:
        directory = sandbox.truth.directories()[0]["id"]
        user = sandbox.add_user(directory, email="a@x.example")
    with Sandbox(database=path) as sandbox:
        assert sandbox.truth.users(directory)[-1]["id"] == user
        assert sandbox.add_user(directory, email="b@x.example") != user
        sandbox.reset()
        assert len(sandbox.truth.users(directory)) == 260
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept.sqlite"]


def test_a_file_made_otherwise_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    Sandbox(database=path).start().stop()
    with pytest.raises(ValueError, match="seed=1, not 2"):
        Sandbox(seed=2, database=path).start()
    stranger = tmp_path / "notes.txt"
    stranger.write_text("not a database, and long enough to be mistaken for one " * 50)
    with pytest.raises(ValueError, match="not a sandbox database"):
        Sandbox(database=stranger).start()


def test_a_big_sandbox_lives_in_a_temporary_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(storage, "IN_MEMORY_UP_TO", 100)
    monkeypatch.setattr(storage, "CACHED_UP_TO", 100)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Sandbox(users=300) as sandbox:
        assert len(list(tmp_path.rglob("*.sqlite"))) == 1
        directory = sandbox.truth.directories()[0]["id"]
        sandbox.delete_directory(directory)
        sandbox.reset()
        assert len(sandbox.truth.users(directory)) == 300
    assert list(tmp_path.iterdir()) == []


def test_an_embedded_sandbox_ends_with_its_program() -> None:
    script = "from dirsync_nb.sandbox import Sandbox; Sandbox().start(); print('done')"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=20, check=True
    )
    assert (ended.stdout, ended.stderr) == ("done\n", "")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_prints_its_address_and_ends_clean(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", "0", "--users", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(4)]
        url = lines[0].split()[-1]
        info = requests.get(url + "/_sandbox", timeout=5).json()
        program.send_signal(number)
        _, errors = program.communicate(timeout=10)
    assert info["counts"]["users"] == 277
    assert lines[2:] == [f"export WORKOS_BASE_URL={url}\n", "export WORKOS_API_KEY=sk_test_dirsync_sandbox\n"]
    assert (program.returncode, errors) == (0, "")


def test_the_program_says_in_one_line_why_it_cannot_start() -> None:
    with Sandbox() as sandbox:
        port = sandbox.url.rpartition(":")[2]
        command = [sys.executable, "-m", "dirsync_nb.sandbox", "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("dirsync-nb sandbox: ")
    assert ended.stderr.count("\n") == 1


def test_places_snapshots_and_half_loads_go_on_after_a_restart(tmp_path):
    options = {"world": "okta", "users": 30, "database": tmp_path / "kept.sqlite"}
    client = ds.connect_sandbox(**options)
    home = ds.load_directories(client).index[0]
    follow(client, tmp_path)
    snapshot = ds.take_snapshot(client, path=tmp_path / "a.snapshot")
    client.sandbox.faults.add("status", path="/directory_users", skip=2, times=None, status=403)
    with pytest.raises(errors.LoadError):
        ds.take_snapshot(ds.connect_sandbox(**options, page_size=10), path=tmp_path / "b.snapshot")
    new = client.sandbox.add_user(home, email="new@acme.test")
    port, now = client.base_url, client.sandbox.info()["clock"]
    client.sandbox.stop()

    again = ds.connect_sandbox(**options, page_size=10)
    assert (again.base_url != port, again.server, again.sandbox.info()["clock"]) == (True, client.server, now)
    assert [batch["user_id"].tolist() for batch in follow(again, tmp_path)] == [[new]]
    assert ds.open_snapshot(tmp_path / "a.snapshot").refresh(again).users.index.difference(
        snapshot.users.index
    ).tolist() == [new]
    before = len(again.sandbox.requests)
    whole = ds.take_snapshot(again, path=tmp_path / "b.snapshot")
    assert new in whole.users.index
    listed = [one.query for one in again.sandbox.requests[before:] if one.path == "/directory_users"]
    assert all("after=" in query for query in listed)  # none begins anew
    again.sandbox.stop()


def follow(client, folder):
    """Follow events from the place that is kept, until there are no more."""
    follower = ds.follow_events(client, keep=folder / "place.json", sleep=lambda _: follower.stop())
    return list(follower)


def test_a_kept_file_is_one_process_s_alone_and_a_place_where_none_can_be_is_told(tmp_path):
    path = tmp_path / "kept.sqlite"
    with Sandbox(world="empty", database=path), pytest.raises(ValueError, match="kept by a sandbox that runs"):
        Sandbox(world="empty", database=path).start()
    with pytest.raises(ValueError, match="cannot be opened or written"):
        Sandbox(database=tmp_path / "none" / "kept.sqlite").start()
