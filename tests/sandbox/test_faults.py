"""Scripted faults: each kind as a client sees it."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from .conftest import Http


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
