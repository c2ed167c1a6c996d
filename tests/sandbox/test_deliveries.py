"""Events are pushed to addresses of this machine, signed, until they are taken."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dirsync_nb.sandbox import RemoteSandbox

from .conftest import Http


class Hook:
    """Take deliveries, and answer by script: the next status, then 200 for ever."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.changed = threading.Condition()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with hook.changed:
                    hook.taken.append((dict(self.headers), body))
                    status = hook.statuses.pop(0) if hook.statuses else 200
                    hook.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def wait(self, count: int) -> list[dict[str, Any]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= count, 10), (
                f"{len(self.taken)} of {count} came"
            )
            return [json.loads(body) for _, body in self.taken]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture
def okta(directories: dict[str, str]) -> str:
    return directories["okta"]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def joined(http: Http, directory: str, count: int) -> list[str]:
    return [http.sandbox.add_user(directory, email=f"{n}@x.example") for n in range(count)]


def test_an_event_is_pushed_signed_in_milliseconds_and_with_the_fields_of_the_wire(http, hook, okta):
    endpoint = http.sandbox.add_webhook(hook.url)
    joined(http, okta, 1)
    (event,) = hook.wait(1)
    headers, body = hook.taken[0]
    stamp, signed = (part.partition("=")[2] for part in headers["WorkOS-Signature"].split(", "))
    expected = hmac.new(endpoint["secret"].encode(), stamp.encode() + b"." + body, hashlib.sha256)
    assert signed == expected.hexdigest()
    assert abs(int(stamp) / 1000 - time.time()) < 30
    assert list(event) == ["id", "event", "data", "created_at"]
    assert event["data"]["email"] == "0@x.example"
    assert headers["Content-Type"] == "application/json"


def test_an_endpoint_is_what_the_real_service_would_call_one_and_its_secret_is_always_the_same(http, hook):
    endpoint = http.sandbox.add_webhook(hook.url, events=["dsync.user.created"])
    assert endpoint["object"] == "webhook_endpoint"
    assert endpoint["events"] == ["dsync.user.created"]
    assert endpoint["secret"].startswith("whsec_")
    http.sandbox.reset()
    assert http.sandbox.add_webhook(hook.url, events=["dsync.user.created"]) == endpoint


def test_only_events_from_now_on_and_of_the_kinds_asked_for_are_pushed(http, hook, okta):
    user = joined(http, okta, 1)[0]
    http.sandbox.add_webhook(hook.url, events=["dsync.user.updated", "dsync.group.created"])
    http.sandbox.update_user(user, last_name="B")
    http.sandbox.add_group(okta, name="G")
    assert [event["event"] for event in hook.wait(2)] == ["dsync.user.updated", "dsync.group.created"]


def test_a_change_that_was_undone_is_not_told(http, hook, okta):
    http.sandbox.add_webhook(hook.url)
    with suppress(ZeroDivisionError), http.sandbox.store.transaction():
        joined(http, okta, 1)
        raise ZeroDivisionError
    user = joined(http, okta, 1)[0]
    assert [event["data"]["id"] for event in hook.wait(1)] == [user]


def test_a_refused_delivery_comes_again_after_growing_pauses_signed_anew(http, hook, okta):
    hook.statuses = [500, 302, 404]
    http.sandbox.add_webhook(hook.url, pause=0.05)
    joined(http, okta, 1)
    hook.wait(4)
    until(lambda: len(http.sandbox.webhook_log()) == 4)
    log = http.sandbox.webhook_log()
    assert [line["status"] for line in log] == [500, 302, 404, 200]
    assert [line["next_in"] for line in log] == [0.05, 0.1, 0.2, None]
    assert [line["outcome"] for line in log] == ["again later"] * 3 + ["delivered"]
    assert len({headers["WorkOS-Signature"] for headers, _ in hook.taken}) == 4
    assert len({body for _, body in hook.taken}) == 1


def test_a_delivery_is_given_up_after_its_last_repetition_and_the_next_goes_on(http, hook, okta):
    hook.statuses = [500] * 3
    http.sandbox.add_webhook(hook.url, pause=0.01, retries=2)
    joined(http, okta, 1)
    until(lambda: len(http.sandbox.webhook_log()) == 3)
    assert http.sandbox.webhook_log()[-1]["outcome"] == "given up"
    joined(http, okta, 1)
    until(lambda: len(http.sandbox.webhook_log()) == 4)
    assert http.sandbox.webhook_log()[-1]["outcome"] == "delivered"


def test_nobody_at_the_address_is_a_failed_try(http, hook, okta):
    hook.close()
    http.sandbox.add_webhook(hook.url, pause=0.01, retries=1)
    joined(http, okta, 1)
    until(lambda: len(http.sandbox.webhook_log()) == 2)
    assert {line["problem"] for line in http.sandbox.webhook_log()} == {"ConnectionRefusedError"}


def test_disorder_shuffles_always_alike_and_loses_nothing(http, hook, okta):
    http.sandbox.add_webhook(hook.url, disorder=5)
    users = joined(http, okta, 7)
    first = [event["data"]["id"] for event in hook.wait(7)]
    assert sorted(first) == users
    assert first != users
    assert set(first[:5]) == set(users[:5])
    http.sandbox.reset()
    hook.taken.clear()
    http.sandbox.add_webhook(hook.url, disorder=5)
    assert joined(http, okta, 7) == users
    assert [event["data"]["id"] for event in hook.wait(7)] == first


def test_every_nth_event_can_come_twice(http, hook, okta):
    http.sandbox.add_webhook(hook.url, doubled=2)
    users = joined(http, okta, 4)
    found = [event["data"]["id"] for event in hook.wait(6)]
    assert found == [users[0], users[1], users[1], users[2], users[3], users[3]]


def test_a_removed_endpoint_gets_nothing_more(http, hook, okta):
    endpoint = http.sandbox.add_webhook(hook.url)
    assert http.sandbox.deliveries.describe() == [endpoint]
    http.sandbox.remove_webhook(endpoint["id"])
    joined(http, okta, 1)
    time.sleep(0.1)
    assert hook.taken == []
    assert http.sandbox.deliveries.describe() == []


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("http://example.com/hook", {}, "address of this machine"),
        ("https://127.0.0.1/hook", {}, "address of this machine"),
        ("file:///etc/passwd", {}, "address of this machine"),
        ("", {}, "address of this machine"),
        ("http://localhost:1/h\u00f6ok", {}, "printable ASCII"),
        ("http://localhost:1/a b", {}, "printable ASCII"),
        ("http://localhost:1/a\r\nX: y", {}, "printable ASCII"),
        ("http://localhost:99999/", {}, "cannot be read"),
        ("http://[::1", {}, "cannot be read"),
        ("http://me@localhost:1/", {}, "address of this machine"),
        ("http://localhost:1/", {"events": ["dsync.token.created"]}, "events must be of"),
        ("http://localhost:1/", {"disorder": 0}, "disorder must be a whole number of 1 or more"),
        ("http://localhost:1/", {"retries": -1}, "retries must be"),
        ("http://localhost:1/", {"pause": -1}, "pause must be between"),
    ],
)
def test_what_cannot_be_delivered_is_refused(http, url, options, message):
    with pytest.raises(ValueError, match=message):
        http.sandbox.add_webhook(url, **options)


def test_webhooks_can_be_had_through_the_control_door(http, hook, okta):
    remote = RemoteSandbox(http.sandbox.url)
    endpoint = remote.add_webhook(hook.url, pause=0.01)
    joined(http, okta, 1)
    hook.wait(1)
    until(lambda: len(remote.webhook_log()) == 1)
    assert remote.webhook_log()[0]["outcome"] == "delivered"
    assert http.session.get(http.sandbox.url + "/_sandbox/webhooks").json() == [endpoint]
    remote.remove_webhook(endpoint["id"])
    with pytest.raises(ValueError, match="no webhook endpoint"):
        remote.remove_webhook(endpoint["id"])
    with pytest.raises(ValueError, match="address of this machine"):
        remote.add_webhook("http://10.0.0.1/")


def test_a_legacy_team_gets_its_own_form(make, hook):
    http = make(team="legacy")
    okta = next(d["id"] for d in http.sandbox.truth.directories() if d["type"] == "okta scim v2.0")
    http.sandbox.add_webhook(hook.url)
    joined(http, okta, 1)
    assert hook.wait(1)[0]["data"]["raw_attributes"]


def test_a_kept_sandbox_goes_on_delivering_where_it_ended_and_all_that_is_read_is_the_same(
    make, hook, tmp_path
):
    kept = {"world": "okta", "users": 20, "database": tmp_path / "kept.sqlite", "webhook_writes": True}
    first = make(**kept)
    home = first.sandbox.truth.directories()[0]["id"]
    asked = "/events?events=dsync.user.created&order=desc&limit=100"
    gone = first.sandbox.add_webhook("http://127.0.0.1:9/gone")
    first.sandbox.remove_webhook(gone["id"])
    endpoint = first.sandbox.add_webhook(hook.url, disorder=2, pause=60)
    joined(first, home, 2)
    hook.wait(2)
    hook.statuses = [503, 503]  # and now they are busy
    missed = joined(first, home, 2)
    hook.wait(4)
    until(lambda: len(first.sandbox.webhook_log()) == 4)
    paths = ("/webhook_endpoints", f"/directory_users?directory={home}", "/directories", asked)
    before = {path: first.get(path).json() for path in paths}
    first.sandbox.stop()

    again = make(**kept)
    assert {path: again.get(path).json() for path in paths} == before
    assert before["/webhook_endpoints"]["data"] == [endpoint]
    taken = [event["data"]["id"] for event in hook.wait(6)]
    assert sorted(taken[4:]) == sorted(missed)  # again, since they were not taken
    new = joined(again, home, 2)
    assert sorted(event["data"]["id"] for event in hook.wait(8)[6:]) == sorted(new)
    other = again.sandbox.add_webhook(hook.url + "2")
    assert other["id"] not in (gone["id"], endpoint["id"])
    again.sandbox.reset()
    assert again.get("/webhook_endpoints").json()["data"] == []


def test_a_sandbox_that_stops_leaves_no_thread(make, hook):
    http = make()
    http.sandbox.add_webhook(hook.url)
    http.sandbox.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dirsync-we_")]


def test_endpoints_are_read_by_api_and_written_where_that_is_allowed(http, make, hook):
    made = http.sandbox.add_webhook(hook.url)
    assert http.data("/webhook_endpoints") == [made]
    body = {"endpoint_url": hook.url, "events": ["dsync.user.created", "user.created"]}
    assert http.session.post(http.sandbox.url + "/webhook_endpoints", json=body).status_code == 403
    other = make(webhook_writes=True)
    okta = other.ids("/directories", order="asc", limit=1)[0]
    url = other.sandbox.url + "/webhook_endpoints"
    answer = other.session.post(url, json=body)
    assert (answer.status_code, answer.json()["events"]) == (201, ["dsync.user.created"])
    joined(other, okta, 1)
    hook.wait(1)
    assert other.session.post(url, json=body).json()["code"] == "duplicate_endpoint"
    wrong = {"endpoint_url": "http://localhost:1/\u00f6", "events": []}
    assert other.session.post(url, json=wrong).json()["code"] == "invalid_url"
    assert other.session.post(url, json={"events": 5}).json()["code"] == "invalid_request_parameters"
    one = f"{url}/{answer.json()['id']}"
    assert other.session.patch(one, json={"status": "disabled"}).json()["status"] == "disabled"
    joined(other, okta, 1)
    assert other.session.delete(one).status_code == 204
    assert other.session.delete(one).status_code == 404
    assert len(hook.taken) == 1
