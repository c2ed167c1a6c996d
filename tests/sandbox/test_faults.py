"""Scripted faults: each kind as a client sees it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from .conftest import Http
from .idp import Idp


@pytest.fixture
def users(http: Http, directories: dict[str, str]) -> Any:
    """Ask for a page of 50 of the 260 users, oldest first."""

    def page(after: str | None = None, **more: Any) -> requests.Response:
        query = {"directory": directories["okta"], "limit": 50, "order": "asc", "after": after, **more}
        return http.get("/directory_users", **query)

    return page


def after(response: requests.Response) -> Any:
    return response.json()["list_metadata"]["after"]


def ids(response: requests.Response) -> list[str]:
    return [user["id"] for user in response.json()["data"]]


def test_a_status_fires_after_skip_and_so_many_times(http: Http, users: Any) -> None:
    http.sandbox.faults.add("status", path="/directory_users", skip=1, times=2, status=503)
    assert [users().status_code for _ in range(4)] == [200, 503, 503, 200]
    assert http.get("/directories").status_code == 200


def test_a_429_is_the_bare_string_with_retry_after(http: Http, users: Any) -> None:
    http.sandbox.faults.add("status", status=429, retry_after=0)
    response = users()
    assert response.json() == "Ratelimited"
    assert response.headers["Retry-After"] == "0"


def test_a_status_takes_any_body_and_headers(http: Http, users: Any) -> None:
    http.sandbox.faults.add("status", status=500, body=[1, None], headers={"X-Fault": "yes"})
    http.sandbox.faults.add("status", status=418, text="teapot", skip=1)
    first, second = users(), users()
    assert (first.json(), first.headers["X-Fault"]) == ([1, None], "yes")
    assert (second.status_code, second.text) == (418, "teapot")


def test_match_narrows_a_fault_to_query_parameters(http: Http, users: Any) -> None:
    http.sandbox.faults.add("status", match={"limit": "50"}, times=None)
    assert users().status_code == 500
    assert users(limit=49).status_code == 200


def test_html_is_what_a_proxy_would_say(http: Http, users: Any) -> None:
    http.sandbox.faults.add("html")
    response = users()
    assert response.status_code == 502
    assert response.text.startswith("<html>")


def test_slow_is_late_and_right(http: Http, users: Any) -> None:
    http.sandbox.faults.add("slow", seconds=0.2)
    began = time.monotonic()
    assert users().status_code == 200
    assert time.monotonic() - began >= 0.2


def test_reset_cuts_the_connection_and_the_next_request_is_served(http: Http, users: Any) -> None:
    http.sandbox.faults.add("reset")
    with pytest.raises(requests.ConnectionError):
        users()
    assert users().status_code == 200


def test_truncate_breaks_off_in_the_body(http: Http, users: Any) -> None:
    http.sandbox.faults.add("truncate")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        users()
    assert users().status_code == 200


def test_truncated_json_is_whole_to_http_only(http: Http, users: Any) -> None:
    http.sandbox.faults.add("truncated_json")
    response = users()
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        response.json()


def test_a_stuck_cursor_brings_the_same_page_for_ever(http: Http, users: Any) -> None:
    http.sandbox.faults.add("stuck_cursor", path="/directory_users", skip=1)
    first = users()
    second = users(after(first))
    third = users(after(second))
    fourth = users(after(third))
    assert ids(first) != ids(second) == ids(third) == ids(fourth)
    assert after(second) == after(third) == after(fourth)


def test_a_backward_cursor_makes_a_cycle(http: Http, users: Any) -> None:
    http.sandbox.faults.add("backward_cursor", path="/directory_users", skip=2)
    pages = [users()]
    for _ in range(5):
        pages.append(users(after(pages[-1])))
    assert [ids(page) for page in pages[3:]] == [ids(page) for page in (pages[1], pages[2], pages[1])]


def test_overlap_brings_the_last_rows_of_the_page_before_again(http: Http, users: Any) -> None:
    http.sandbox.faults.add("overlap", path="/directory_users", rows=3)
    first = users()
    second = users(after(first))
    third = users(after(second))
    assert ids(second)[:3] == ids(first)[-3:]
    assert len(ids(second)) == 53
    assert len(ids(third)) == 50


def test_an_empty_page_comes_between_and_nothing_is_lost(
    http: Http, directories: dict[str, str], users: Any
) -> None:
    okta = directories["okta"]
    everybody = [user["id"] for user in http.walk("/directory_users", directory=okta)]
    http.sandbox.faults.add("empty_page", path="/directory_users")
    http.sandbox.faults.add("empty_page", path="/directory_users", skip=3)
    empty = users()
    assert ids(empty) == []
    assert after(empty) is not None
    http.sandbox.faults.clear()
    for skip in (0, 1):
        http.sandbox.faults.add("empty_page", path="/directory_users", skip=skip)
        found = [user["id"] for user in http.walk("/directory_users", directory=okta, limit=50)]
        assert found == everybody
        http.sandbox.faults.clear()


def test_faults_leave_single_objects_and_other_lists_alone(http: Http, directories: dict[str, str]) -> None:
    http.sandbox.faults.add("stuck_cursor", path="/directory_users")
    user = http.sandbox.truth.users(directories["okta"])[0]
    assert http.get(f"/directory_users/{user['id']}").json() == user


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("earthquake", {}),
        ("status", {"colour": 1}),
        ("status", {"status": 99}),
        ("reset", {"skip": -1}),
        ("reset", {"times": "two"}),
        ("overlap", {"rows": 1.5}),
        ("slow", {"seconds": "long"}),
        ("slow", {"seconds": -1}),
        ("status", {"headers": ["a"]}),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(http: Http, kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|takes"):
        http.sandbox.faults.add(kind, **options)


# -- at the SCIM door -----------------------------------------------------------------------------------


@pytest.fixture
def idp(http: Http) -> Idp:
    return Idp(http)


def path_of(idp: Idp, what: str) -> str:
    return urlsplit(idp.url).path + what


def test_faults_at_the_scim_door_are_scripted_per_directory_and_resource(http: Http, idp: Idp) -> None:
    other = Idp(http, "okta scim v2.0")
    http.sandbox.faults.add("status", status=429, retry_after=7, path=path_of(idp, "/Users"))
    assert other.send("GET", "/Users?count=1").status_code == 200
    assert idp.send("GET", "/Groups").status_code == 200
    refused = idp.send("GET", "/Users")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert idp.send("GET", "/Users").status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_scim_door_changes_nothing(http: Http, idp: Idp, status: int) -> None:
    http.sandbox.faults.add("status", status=status, path=path_of(idp, "/Users"), skip=1)
    assert idp.post_user("ann@acme.test").status_code == 201
    assert idp.post_user("bo@acme.test").status_code == status
    assert [one["email"] for one in idp.users()] == ["ann@acme.test"]


def test_a_cut_connection_at_the_scim_door_changes_nothing(http: Http, idp: Idp) -> None:
    http.sandbox.faults.add("reset", path=path_of(idp, "/Users"))
    with pytest.raises(requests.ConnectionError):
        idp.post_user()
    assert idp.users() == []
    assert idp.post_user().status_code == 201


@pytest.mark.parametrize("kind", ["truncate", "truncated_json"])
def test_an_answer_that_breaks_off_leaves_the_provider_not_knowing_what_was_done(
    http: Http, idp: Idp, kind: str
) -> None:
    http.sandbox.faults.add(kind, path=path_of(idp, "/Users"))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ValueError)):
        idp.post_user("ann@acme.test").json()
    assert [one["email"] for one in idp.users()] == ["ann@acme.test"]
    assert idp.post_user("ann@acme.test").status_code == 409


def test_truncated_json_at_the_scim_door_keeps_status_and_type(http: Http, idp: Idp) -> None:
    http.sandbox.faults.add("truncated_json", path=path_of(idp, "/Users"))
    answer = idp.post_user()
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/scim+json; charset=utf-8")
    with pytest.raises(ValueError, match=r"."):
        answer.json()


def test_slow_at_the_scim_door_is_late_and_right(http: Http, idp: Idp) -> None:
    http.sandbox.faults.add("slow", seconds=0.2, path=path_of(idp, "/Users"))
    began = time.monotonic()
    assert idp.post_user().status_code == 201
    assert time.monotonic() - began >= 0.2


def test_html_at_the_scim_door_is_what_a_proxy_would_say(http: Http, idp: Idp) -> None:
    http.sandbox.faults.add("html", path="/scim/")
    assert idp.send("GET", "/Users").text.startswith("<html>")


def test_a_fault_may_break_off_an_answer_without_a_body(http: Http, idp: Idp) -> None:
    one = idp.new_user()
    http.sandbox.faults.add("truncate", path="/scim/")
    assert idp.send("DELETE", f"/Users/{one}").status_code == 204


@pytest.mark.parametrize("kind", ["stuck_cursor", "backward_cursor", "overlap", "empty_page"])
def test_faults_of_cursors_are_refused_where_there_are_none(http: Http, kind: str) -> None:
    with pytest.raises(ValueError, match="SCIM pages have none"):
        http.sandbox.faults.add(kind, path="/scim/v2.0/")


def test_faults_at_the_scim_door_can_be_scripted_over_http(http: Http, idp: Idp) -> None:
    rule = {"kind": "status", "status": 503, "path": path_of(idp, "/Users"), "times": None}
    assert http.session.post(http.sandbox.url + "/_sandbox/faults", json=rule, timeout=5).status_code == 200
    assert {idp.post_user().status_code for _ in range(3)} == {503}
    (shown,) = http.session.get(http.sandbox.url + "/_sandbox/faults", timeout=5).json()
    assert shown["fired"] == 3


# -- what clients are taught to notice -----------------------------------------------------------------


def test_the_same_rows_come_under_ever_new_cursors(http: Http, users: Any) -> None:
    http.sandbox.faults.add("repeated_rows", path="/directory_users", skip=1)
    first = users()
    pages = [users(after(first))]
    for _ in range(3):
        pages.append(users(after(pages[-1])))
    assert len({after(page) for page in pages}) == 4
    assert {tuple(ids(page)) for page in pages} == {tuple(ids(pages[0]))}
    http.sandbox.faults.clear()
    http.sandbox.faults.add("repeated_rows", path="/directory_users", empty=True, times=2)
    empty = users()
    again = users(after(empty))
    assert (ids(empty), ids(again)) == ([], [])
    assert ids(users(after(again))) == ids(first)


@pytest.mark.parametrize("path", ["/directory_users", "/directory_groups"])
def test_a_server_may_ignore_its_filters(http: Http, directories: dict[str, str], path: str) -> None:
    http.sandbox.faults.add("ignore_filter")
    found = http.walk(path, directory=directories["generic"])
    assert len({one["id"] for one in found}) == len(found)
    assert len({one["directory_id"] for one in found}) > 4
    kind = path.removeprefix("/directory_")
    assert http.walk(f"/directories/{directories['generic']}/{kind}") == found


def test_one_filter_alone_may_be_ignored(http: Http, directories: dict[str, str]) -> None:
    okta = directories["okta"]
    group = http.ids("/directory_groups", directory=okta, limit=1)[0]
    http.sandbox.faults.add("ignore_filter", names=["group"], path="/directory_users")
    assert len(http.walk("/directory_users", directory=okta, group=group)) == 260
    with pytest.raises(ValueError, match="names must be a list"):
        http.sandbox.faults.add("ignore_filter", names=["colour"])


def test_events_may_come_newest_first(http: Http) -> None:
    query = {"events": "dsync.user.created,dsync.user.updated", "limit": 100}
    right = [event["id"] for event in http.walk("/events", **query)]
    http.sandbox.faults.add("newest_first", path="/events")
    assert [event["id"] for event in http.walk("/events", **query)] == right[::-1]
