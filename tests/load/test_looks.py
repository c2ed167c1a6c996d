"""A quick look: some rows of a list, by request, which nothing takes for the whole."""

from __future__ import annotations

import pytest

import dirsync_nb as ds
from dirsync_nb import errors, frames

from ..foreign import listing, paged, users


def test_five_rows_cost_one_request_and_say_that_they_are_a_part(serve):
    server, client = serve(paged(users(27)))
    frame = ds.load_users(client, "d1", limit=5)
    receipt = client.receipts[-1]
    assert frame.index.tolist() == [row["id"] for row in users(5)]
    assert [request.query["limit"] for request in server.requests] == ["5"]
    assert frame.attrs["incomplete"] == "5 rows, by request"
    assert "5 rows, by request" in repr(receipt)
    assert "'after': 'u004'" in repr(receipt)
    assert receipt.details["list_metadata"] == {"before": None, "after": "u004"}
    assert not receipt.complete


@pytest.mark.parametrize("kind", ["organizations", "directories", "events"])
def test_every_list_can_be_looked_at(client, kind):
    frame = getattr(ds, f"load_{kind}")(client, limit=2)
    assert len(frame) == 2
    assert client.receipts[-1].requests == 1
    assert frame.attrs["incomplete"] == "2 rows, by request"


def test_groups_and_long_spans_of_events_too(client, okta):
    assert len(ds.load_groups(client, okta, limit=3)) == client.receipts[-1].rows == 3
    assert len(ds.load_events(client, range_start="2020-01-01", limit=3)) == 3
    assert "list_metadata" in client.receipts[-1].details


@pytest.mark.parametrize("order", ["asc", "desc", "normal"])
def test_cursors_cut_the_list_where_the_api_does(client, okta, order):
    whole = ds.load_users(client, okta, order=order).index.tolist()
    after, before = ("before", "after") if order == "normal" else ("after", "before")
    for part, wanted, requests in (
        ({"limit": 130}, whole[:130], 2),
        ({after: whole[10], "limit": 5}, whole[11:16], 1),
        ({before: whole[10], "limit": 5}, whole[5:10], 1),
        ({before: whole[120], "limit": 110}, whole[10:120], 2),
        ({after: whole[250]}, whole[251:], 1),
    ):
        frame = ds.load_users(client, okta, order=order, **part)
        assert frame.index.tolist() == wanted
        assert client.receipts[-1].requests == requests
        assert frame.attrs["incomplete"] == f"{len(wanted)} rows, by request"


def test_the_cursors_on_the_receipt_lead_on(client, okta):
    ds.load_users(client, okta, limit=5)
    after = client.receipts[-1].details["list_metadata"]["after"]
    second = ds.load_users(client, okta, limit=5, after=after)
    before = client.receipts[-1].details["list_metadata"]["before"]
    first = ds.load_users(client, okta, limit=5, before=before)
    assert [*first.index, *second.index] == ds.load_users(client, okta, limit=10).index.tolist()


def test_a_list_that_is_shorter_than_the_limit_is_whole(serve):
    _, client = serve(paged(users(3)))
    frame = ds.load_users(client, "d1", limit=5)
    assert "incomplete" not in frame.attrs
    assert client.receipts[-1].complete
    assert frames.require_complete(frame, "a comparison") is frame


def test_a_service_that_gives_more_than_was_asked_for_is_cut(serve):
    _, client = serve([listing(users(10), after="u009")])
    assert len(ds.load_users(client, "d1", limit=4)) == 4
    assert client.receipts[-1].details["list_metadata"]["after"] == "u003"


def test_a_look_can_be_gone_on_from(client, okta):
    ds.load_users(client, okta, limit=5)
    frame = ds.load_users(client, okta, resume=client.receipts[-1])
    assert frame.index.tolist() == ds.load_users(client, okta).index.tolist()
    assert "incomplete" not in frame.attrs


def test_of_several_directories_so_many_of_each(client):
    directories = ds.load_directories(client)
    frame = ds.load_users(client, directories, limit=2)
    assert frame.groupby("directory_id").size().max() == 2
    receipt = client.receipts[-1]
    assert frame.attrs["incomplete"] == receipt.part == f"{len(frame)} rows, by request"
    whole = ds.load_users(client, directories, resume=receipt)
    assert "incomplete" not in whole.attrs
    assert len(whole) == directories[["active_users", "inactive_users"]].sum().sum()
    with pytest.raises(errors.ArgumentError, match="one directory, not several"):
        ds.load_users(client, directories, after=frame.index[0])
    with pytest.raises(errors.ArgumentError, match="give one directory"):
        ds.load_users(client, directories, after=frame.iloc[0])


def test_a_part_is_refused_where_only_the_whole_is_true(client, okta):
    people, groups = ds.load_users(client, okta, limit=5), ds.load_groups(client, okta)
    members = ds.load_memberships(client, okta)
    for ask in (
        lambda: ds.compare(people, people, on="address"),
        lambda: ds.audit.check_directory(people, groups, members),
        lambda: ds.load_memberships(client, okta, users=people),
        lambda: ds.analysis.users_without_group(members, people),
    ):
        with pytest.raises(errors.IncompleteError, match=r"5 rows, by request\)\. Load it without limit="):
            ask()


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"limit": 0}, "1 or more; got 0"),
        ({"limit": True}, "got True"),
        ({"limit": "5"}, "got '5'"),
        ({"before": "u1", "after": "u2"}, "give one of them"),
        ({"after": 7}, "after must be an id"),
    ],
)
def test_a_part_that_cannot_be_is_refused_before_any_request(serve, part, sentence):
    server, client = serve(paged(users(3)))
    with pytest.raises(errors.ArgumentError, match=sentence):
        ds.load_users(client, "d1", **part)
    assert not server.requests


def test_a_place_that_the_service_does_not_know_is_its_error_and_not_the_start(client, okta):
    with pytest.raises(errors.Unprocessable, match="nobody"):
        ds.load_users(client, okta, after="nobody")


def test_a_redacted_look_shows_pseudonyms_alone(client, okta):
    hidden = client.redacted()
    directory = ds.load_directories(hidden).index[0]
    frame = ds.load_users(hidden, directory, limit=2)
    after = hidden.receipts[-1].details["list_metadata"]["after"]
    assert after == frame.index[-1]
    assert "_anon_" in after
    assert len(ds.load_users(hidden, directory, limit=2, after=after)) == 2
