"""The control door does over HTTP what the Python face does."""

from __future__ import annotations

import inspect
import socket
from contextlib import suppress
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb.client.credentials import SANDBOX_KEY
from dirsync_nb.sandbox import API_KEY, Sandbox
from dirsync_nb.sandbox.directory.changes import Changes
from dirsync_nb.sandbox.http import server
from dirsync_nb.sandbox.http.control import CHANGES

from .conftest import Http


def post(http: Http, path: str, body: Any) -> Any:
    return http.session.post(f"{http.sandbox.url}/_sandbox{path}", json=body)


def test_every_change_is_on_both_faces() -> None:
    public = {name for name, _ in inspect.getmembers(Changes, callable) if not name.startswith("_")}
    assert public - {"announce"} == set(CHANGES)
    assert all(callable(getattr(Sandbox, name)) for name in CHANGES)


def test_info_says_what_this_is(http: Http) -> None:
    info = http.session.get(http.sandbox.url + "/_sandbox", headers={"Authorization": ""}).json()
    assert info["seed"] == 1
    assert info["clock"] == "2026-08-03T09:00:00.000Z"
    assert info["counts"]["directories"] == 9


def test_a_user_joins_moves_and_leaves_over_http(http: Http, directories: dict[str, str]) -> None:
    add = {"do": "add_user", "directory_id": directories["okta"], "email": "a@x.example"}
    user = post(http, "/changes", add).json()["result"]
    change = {"do": "update_user", "user_id": user, "first_name": "A"}
    assert post(http, "/changes", change).json() == {"result": True}
    assert http.get(f"/directory_users/{user}").json()["name"] == "A"
    assert post(http, "/changes", {"do": "deactivate_user", "user_id": user}).json() == {"result": None}
    assert post(http, "/reset", {}).json()["counts"]["users"] == 534


def test_faults_are_added_listed_and_cleared(http: Http) -> None:
    url = http.sandbox.url + "/_sandbox/faults"
    assert post(http, "/faults", {"kind": "status", "status": 503, "path": "/directories"}).status_code == 200
    assert [fault["status"] for fault in http.session.get(url).json()] == [503]
    assert http.get("/directories").status_code == 503
    assert http.session.get(url).json()[0]["fired"] == 1
    assert http.session.delete(url).json() == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/changes", {"do": "explode"}, 422),
        ("/changes", {}, 422),
        ("/changes", {"do": "add_user"}, 422),
        ("/changes", {"do": "add_user", "directory_id": "x", "shoe": 1}, 422),
        ("/changes", {"do": "delete_user", "user_id": "x"}, 404),
        ("/changes", {"do": "delete_user", "user_id": ["x"]}, 422),
        ("/changes", {"do": "delete_user", "user_id": 2**70}, 422),
        ("/changes", {"do": ["add_user"]}, 422),
        ("/faults", {"kind": "nope"}, 422),
        ("/faults", {"kind": "status", "match": [1]}, 422),
        ("/faults", {}, 422),
        ("/faults", [1], 422),
        ("/nowhere", {}, 404),
    ],
)
def test_the_door_refuses_nonsense_with_a_message(http: Http, path: str, body: Any, status: int) -> None:
    response = post(http, path, body)
    assert response.status_code == status
    assert response.json()["message"]


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"do": "\\ud800"}', b'{"a": NaN}', b"[" * 100_000])
def test_the_door_refuses_bodies_that_are_no_json_to_keep(http: Http, raw: bytes) -> None:
    response = http.session.post(http.sandbox.url + "/_sandbox/changes", data=raw)
    assert response.status_code == 422


def test_another_verb_is_not_allowed(http: Http) -> None:
    assert http.session.put(http.sandbox.url + "/_sandbox/reset").status_code == 405


@pytest.mark.parametrize("path", ["reset", "changes", "faults", "play", "environments", "webhooks"])
def test_writing_needs_the_key_and_looking_does_not(http: Http, path: str) -> None:
    bare = {"Authorization": ""}
    assert http.session.post(f"{http.sandbox.url}/_sandbox/{path}", json={}, headers=bare).status_code == 401
    stranger = {"Authorization": "Bearer sk_test_other"}
    assert http.session.post(f"{http.sandbox.url}/_sandbox/{path}", headers=stranger).status_code == 401
    assert http.session.get(http.sandbox.url + "/_sandbox", headers=bare).status_code == 200


@pytest.mark.parametrize(
    "settings",
    [
        {"database": "/tmp/x.sqlite"},
        {"database": None},
        {"world": "/etc/world.yaml"},
        {"world": ["a"]},
        {"seed": "1"},
        {"users": -1},
        {"users": True},
        {"colour": "red"},
    ],
)
def test_no_path_and_no_nonsense_comes_in_over_http(
    http: Http, settings: dict[str, Any], tmp_path: Any
) -> None:
    answer = post(http, "/environments", {"name": "ci", **settings})
    assert answer.status_code == 422, answer.text
    assert http.sandbox.environments == {}


def test_a_bug_of_ours_is_a_500(http: Http, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(*_: Any) -> None:
        raise TypeError("ours")

    monkeypatch.setattr(http.sandbox.store, "tick", broken)
    assert post(http, "/changes", {"do": "wait", "minutes": 1}).status_code == 500
    assert "TypeError: ours" in caplog.text


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /directories HTTP/1.1\r\nHost: local",
        b"POST /_sandbox/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n"
        b"Authorization: Bearer sk_test_dirsync_sandbox\r\n\r\n{",
    ],
)
def test_a_request_that_does_not_come_in_whole_is_ended(
    make: Any, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "LONGEST_REQUEST", 0.2)
    port = int(make().sandbox.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer, suppress(ConnectionError):
        peer.sendall(begun)
        assert peer.recv(100) == b""


def test_a_slow_answer_is_not_a_slow_request(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LONGEST_REQUEST", 0.2)
    http = make()
    http.sandbox.faults.add("slow", seconds=0.5)
    assert http.get("/directories").status_code == 200


def test_a_client_meets_a_sandbox_in_another_container_by_its_name(make, monkeypatch):
    """As docker compose has it: http, a service's name, and the sandbox's key, which is no secret."""
    sandbox = make(allow_hosts=["sandbox"]).sandbox
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if host == "sandbox" else host, *a, **k)
    )
    address = f"http://sandbox:{sandbox.url.rpartition(':')[2]}"
    assert SANDBOX_KEY == API_KEY  # client and sandbox share no code
    client = ds.connect(API_KEY, base_url=address)
    assert len(ds.load_directories(client)) == len(sandbox.truth.directories())
    with pytest.raises(ds.errors.ConfigurationError, match="unencrypted"):
        ds.connect("sk_test_somebodys_own", base_url=address)


def test_a_host_can_be_allowed_by_name(make: Any) -> None:
    http = make(allow_hosts=["sandbox.internal"])
    for host, status in (("sandbox.internal:8787", 200), ("other.internal", 403), ("localhost", 200)):
        assert http.session.get(http.sandbox.url + "/directories", headers={"Host": host}).status_code == status
