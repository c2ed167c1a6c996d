"""What the API answers: paging, filters, refusals, events."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

from .conftest import Http


@pytest.fixture
def ten(http: Http, directories: dict[str, str]) -> dict[str, str]:
    """Ten users of an empty directory, oldest "1", newest "10", as number -> id."""
    directory = directories["jump"]
    users = {
        str(n): http.sandbox.add_user(directory, email=f"{n}@quince.example", first_name=str(n))
        for n in range(1, 11)
    }
    return {**users, "directory": directory}


PAGES = [  # the table of section 2.2, row by row, and the ends of the list
    ("desc", "", "10 9 8", None, "8"),
    ("desc", "after=8", "7 6 5", "7", "5"),
    ("desc", "after=2", "1", "1", None),
    ("desc", "after=1", "", None, None),
    ("desc", "before=4", "7 6 5", "7", "5"),
    ("desc", "before=9", "10", None, "10"),
    ("desc", "before=7", "10 9 8", None, "8"),
    ("asc", "", "1 2 3", None, "3"),
    ("asc", "after=3", "4 5 6", "4", "6"),
    ("asc", "after=7", "8 9 10", "8", None),
    ("asc", "before=6", "3 4 5", "3", "5"),
    ("asc", "before=1", "", None, None),
    ("normal", "", "10 9 8", "8", None),
    ("normal", "before=8", "7 6 5", "5", "7"),
    ("normal", "after=5", "8 7 6", "6", "8"),
    ("normal", "before=3", "2 1", None, "2"),
]


@pytest.mark.parametrize(("order", "cursor", "data", "before", "after"), PAGES)
def test_each_order_pages_as_the_table_says(
    http: Http,
    ten: dict[str, str],
    order: str,
    cursor: str,
    data: str,
    before: str | None,
    after: str | None,
) -> None:
    name, _, number = cursor.partition("=")
    query = {name: ten[number]} if number else {}
    page = http.get("/directory_users", directory=ten["directory"], order=order, limit=3, **query).json()
    assert [user["first_name"] for user in page["data"]] == data.split()
    expected = {"before": before and ten[before], "after": after and ten[after]}
    assert page["list_metadata"] == expected


def test_normal_is_the_order_when_none_is_asked_for(http: Http, ten: dict[str, str]) -> None:
    page = http.get("/directory_users", directory=ten["directory"], limit=2).json()
    assert [user["first_name"] for user in page["data"]] == ["10", "9"]
    assert page["list_metadata"] == {"before": ten["9"], "after": None}


def test_another_default_order_can_be_chosen(make: Callable[..., Http]) -> None:
    http = make(default_order="desc")
    metadata = http.get("/directories", limit=3).json()["list_metadata"]
    assert metadata["before"] is None
    assert metadata["after"] is not None


def test_ten_is_the_limit_when_none_is_asked_for(http: Http, directories: dict[str, str]) -> None:
    assert len(http.data("/directory_users", directory=directories["okta"])) == 10


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_walk_meets_everybody_once_in_order_of_creation_and_id(
    http: Http, directories: dict[str, str], order: str
) -> None:
    users = http.walk("/directory_users", directory=directories["okta"], limit=7, order=order)
    keys = [(user["created_at"], user["id"]) for user in users]
    assert len(set(keys)) == 260
    assert keys == sorted(keys, reverse=order == "desc")


def test_a_walk_survives_the_deletion_of_its_cursor(http: Http, ten: dict[str, str]) -> None:
    http.sandbox.delete_user(ten["5"])
    users = http.data("/directory_users", directory=ten["directory"], order="asc", after=ten["5"], limit=2)
    assert [user["first_name"] for user in users] == ["6", "7"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1e1", "٣", "9" * 50, " 5"])
def test_a_limit_out_of_range_is_refused(http: Http, limit: str) -> None:
    response = http.get("/directories", limit=limit)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    "query",
    [
        {"order": "up"},
        {"after": "directory_unknown"},
        {"before": "directory_unknown"},
        {"before": "a", "after": "b"},
    ],
)
def test_bad_paging_is_refused_with_a_validation_error(http: Http, query: dict[str, str]) -> None:
    response = http.get("/directories", **query)
    assert response.status_code == 422
    assert response.json()["message"] == "Validation failed"


def test_a_cursor_of_another_directory_is_refused(http: Http, directories: dict[str, str]) -> None:
    foreign = http.ids("/directory_users", directory=directories["azure"], limit=1)[0]
    response = http.get("/directory_users", directory=directories["okta"], after=foreign)
    assert response.status_code == 422


@pytest.mark.parametrize(("path", "other"), [("/directory_users", "group"), ("/directory_groups", "user")])
def test_a_list_without_filter_is_refused_in_the_recorded_words(http: Http, path: str, other: str) -> None:
    response = http.get(path, directory_id="ignored")
    sentence = f'Please provide either "directory" or "{other}" parameters.'
    assert response.status_code == 422
    assert response.json() == {
        "message": "Validation failed",
        "errors": [{"field": "directory", "code": sentence}, {"field": other, "code": sentence}],
    }


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/directories/", "Directory"),
        ("/directory_users/", "Directory User"),
        ("/directory_groups/", "Directory Group"),
        ("/organizations/", "Organization"),
        ("/organizations/external_id/", "Organization"),
    ],
)
def test_an_unknown_id_is_not_found_in_the_recorded_words(http: Http, path: str, kind: str) -> None:
    response = http.get(path + "nobody")
    assert response.status_code == 404
    assert response.json() == {
        "message": f"{kind} not found: 'nobody'.",
        "code": "entity_not_found",
        "entity_id": "nobody",
    }


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/directory_users", {"directory": "x"}),
        ("/directory_users", {"group": "x"}),
        ("/directory_groups", {"directory": "x"}),
        ("/directory_groups", {"user": "x"}),
    ],
)
def test_a_filter_that_names_nothing_is_not_found(http: Http, path: str, query: dict[str, str]) -> None:
    assert http.get(path, **query).status_code == 404


def test_members_of_a_group_are_the_same_with_and_without_its_directory(
    http: Http, directories: dict[str, str]
) -> None:
    okta = directories["okta"]
    group = next(g for g in http.walk("/directory_groups", directory=okta) if g["name"] == "Everyone")
    alone = http.walk("/directory_users", group=group["id"])
    both = http.walk("/directory_users", group=group["id"], directory=okta)
    assert alone == both
    assert len(alone) > 200
    assert {(u["id"], group["id"]) for u in alone} <= http.sandbox.truth.memberships(okta)


def test_a_group_of_another_directory_has_no_members_here(http: Http, directories: dict[str, str]) -> None:
    group = http.ids("/directory_groups", directory=directories["azure"], limit=1)[0]
    assert http.data("/directory_users", directory=directories["okta"], group=group) == []


def test_groups_by_user_and_users_by_group_agree(http: Http, directories: dict[str, str]) -> None:
    azure = directories["azure"]
    by_user = {
        (user["id"], group["id"])
        for user in http.walk("/directory_users", directory=azure)
        for group in http.walk("/directory_groups", user=user["id"])
    }
    by_group = {
        (user["id"], group["id"])
        for group in http.walk("/directory_groups", directory=azure)
        for user in http.walk("/directory_users", group=group["id"])
    }
    assert by_user == by_group == http.sandbox.truth.memberships(azure)


def test_email_and_idp_id_find_one_user_of_a_directory(http: Http, directories: dict[str, str]) -> None:
    okta = directories["okta"]
    user = http.data("/directory_users", directory=okta, limit=1)[0]
    found = http.ids("/directory_users", directory=okta, email=user["email"].upper())
    assert found == http.ids("/directory_users", directory=okta, idp_id=user["idp_id"]) == [user["id"]]
    assert http.data("/directory_users", directory=okta, idp_id=user["idp_id"].swapcase()) == []
    assert http.get("/directory_users", email=user["email"], group="x").status_code == 422


def test_email_and_group_must_both_hold(http: Http, directories: dict[str, str]) -> None:
    okta = directories["okta"]
    empty = next(g for g in http.walk("/directory_groups", directory=okta) if g["name"] == "Alumni")
    user = http.data("/directory_users", directory=okta, limit=1)[0]
    filters = {"directory": okta, "group": empty["id"], "email": user["email"]}
    assert http.data("/directory_users", **filters) == []


def test_directories_filter_by_organization_domain_and_text(http: Http) -> None:
    every = http.walk("/directories")
    ferry = every[0]["organization_id"]
    assert len(http.data("/directories", organization_id=ferry)) == 2
    assert len(http.data("/directories", domain="NORDLICHT.example")) == 1
    assert [d["type"] for d in http.data("/directories", search="OKTA")] == ["okta scim v2.0"]
    assert http.data("/directories", organization_id="org_none") == []


def test_organizations_filter_by_domains_text_and_external_id(http: Http) -> None:
    names = [
        o["name"] for o in http.data("/organizations", domains="quince.example,nordlicht.test", order="asc")
    ]
    assert names == ["Nordlicht Energie", "Quince Robotics"]
    assert len(http.data("/organizations", search="ferries")) == 1
    assert http.get("/organizations/external_id/cust-0417").json()["name"] == "Harbourline Ferries"


def test_unknown_parameters_are_ignored_unless_strict(make: Callable[..., Http], http: Http) -> None:
    assert http.get("/directories", colour="amber").status_code == 200
    refused = make(strict=True).get("/directories", colour="amber", limit=5)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["colour"]


# -- events ------------------------------------------------------------------------------------------------

ALL = ",".join(DSYNC_EVENTS)


@pytest.mark.parametrize("query", [{}, {"events": ""}, {"events": "dsync.*"}, {"events": "dsync.user.craeted"}])
def test_events_need_names_and_know_no_wildcards(http: Http, query: dict[str, str]) -> None:
    response = http.get("/events", **query)
    assert response.status_code == 400
    assert response.json()["code"] == "invalid_events_request"


def test_event_names_come_in_three_spellings(http: Http) -> None:
    names = ["dsync.user.created", "dsync.user.deleted"]
    joined = http.ids("/events", events=",".join(names), limit=50)
    assert joined == http.ids("/events", events=names, limit=50)
    assert joined == http.ids("/events", **{"events[]": names}, limit=50)
    assert len(joined) > 10


@pytest.mark.parametrize("order", ["desc", "asc", "normal", "nonsense"])
def test_events_are_oldest_first_whatever_order_says(http: Http, order: str) -> None:
    times = [event["created_at"] for event in http.data("/events", events=ALL, order=order, limit=100)]
    assert times == sorted(times)
    assert times[0] >= "2026-07-04T09:00:00.000Z"


def test_events_of_ninety_days_come_in_windows_of_thirty(http: Http) -> None:
    ends = ["2026-05-05", "2026-06-04", "2026-07-04", "2026-08-03"]
    windows = [(f"{a}T09:00:00.000Z", f"{b}T09:00:00.001Z") for a, b in pairwise(ends)]
    found = [
        event["id"]
        for start, end in windows
        for event in http.walk("/events", events=ALL, range_start=start, range_end=end)
    ]
    assert len(found) == len(set(found)) == http.sandbox.info()["counts"]["events"]


@pytest.mark.parametrize(
    "query",
    [
        {"range_start": "2026-07-30T00:00:00+00:00"},
        {"range_start": "2026-07-30"},
        {"range_start": "2026-13-30T00:00:00Z"},
        {"range_start": "0000-00-00T00:00:00Z"},
        {"range_end": "yesterday"},
        {"range_start": "2026-05-30T00:00:00Z"},
        {"range_start": "2026-06-01T00:00:00Z", "range_end": "2026-07-02T00:00:00Z"},
        {"range_start": "2026-07-02T00:00:00Z", "range_end": "2026-07-01T00:00:00Z"},
        {"after": "event_unknown"},
    ],
)
def test_bad_ranges_and_cursors_of_events_are_refused(http: Http, query: dict[str, str]) -> None:
    response = http.get("/events", events=ALL, **query)
    assert response.status_code == 400
    assert set(response.json()) == {"message", "code"}


def test_an_event_list_has_only_an_after_cursor_and_ends_with_null(http: Http) -> None:
    page = http.get("/events", events="dsync.group.deleted", limit=100).json()
    assert page["list_metadata"] == {"after": None}
    first = http.get("/events", events=ALL, limit=5).json()
    assert first["list_metadata"] == {"after": first["data"][-1]["id"]}


def test_a_cursor_is_a_place_in_one_sequence_whatever_the_names(http: Http) -> None:
    everything = http.walk("/events", events=ALL)
    place = len(everything) // 2
    wanted = [e["id"] for e in everything[place + 1 :] if e["event"] == "dsync.user.deleted"]
    cursor = everything[place]["id"]
    assert [e["id"] for e in http.walk("/events", events="dsync.user.deleted", after=cursor)] == wanted


def test_after_decides_over_range_start_and_strict_refuses_both(make: Callable[..., Http], http: Http) -> None:
    everything = http.walk("/events", events=ALL)
    both = {"after": everything[-3]["id"], "range_start": "2026-07-10T00:00:00.000Z"}
    assert http.ids("/events", events=ALL, **both) == [event["id"] for event in everything[-2:]]
    assert make(strict=True).get("/events", events=ALL, **both).status_code == 400


def test_events_of_one_organization_only(http: Http, directories: dict[str, str]) -> None:
    organization = http.get(f"/directories/{directories['generic']}").json()["organization_id"]
    mine = http.walk("/events", events=ALL, organization_id=organization)
    kept = [e for e in http.walk("/events", events=ALL) if _organization(e["data"]) == organization]
    assert mine == kept
    assert http.data("/events", events=ALL, organization_id="org_none") == []


def _organization(data: dict[str, Any]) -> str:
    found: str = data["organization_id"] if "organization_id" in data else data["user"]["organization_id"]
    return found


def test_a_range_in_the_future_is_an_empty_page(http: Http) -> None:
    for more in ({}, {"range_end": "2027-06-01T00:00:00Z"}):
        query = {"events": "dsync.user.created", "range_start": "2027-01-01T00:00:00Z", **more}
        response = http.get("/events", **query)
        assert (response.status_code, response.json()["data"]) == (200, [])
    backwards = {"range_start": "2027-01-01T00:00:00Z", "range_end": "2026-12-01T00:00:00Z"}
    assert http.get("/events", events="dsync.user.created", **backwards).status_code == 400
