"""Our loaders against captured payload shapes, and the shapes against the official schema."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import dirsync_nb as ds
from dirsync_nb import frames
from dirsync_nb.client import DSYNC_EVENTS

from ..foreign import Answer

DATA = Path(__file__).parents[1] / "data"
SAMPLES = json.loads((DATA / "samples.json").read_text())
SLICE = json.loads((DATA / "workos-openapi-dirsync.json").read_text())
LISTS = {
    "/organizations": "OrganizationList",
    "/directories": "DirectoryList",
    "/directory_users": "DirectoryUserList",
    "/directory_groups": "DirectoryGroupList",
    "/events": "EventList",
}


DIRECTORY = "directory_01JV3HA7C9D1E3F5G7H9J1K3M5"  # of all rows of the samples

for samples in SAMPLES.values():
    if "/events" in samples:  # gathered by kind; the service lists them oldest first
        samples["/events"]["data"].sort(key=lambda event: event["created_at"])


@pytest.fixture
def load(serve):
    """Load everything from a server that answers with one set of samples."""

    def everything(name):
        _, client = serve(lambda request: Answer(SAMPLES[name].get(request.path, {"message": "no"})))
        loaders = {
            "/organizations": lambda: ds.load_organizations(client),
            "/directories": lambda: ds.load_directories(client),
            "/directory_users": lambda: ds.load_users(client, DIRECTORY),
            "/directory_groups": lambda: ds.load_groups(client, DIRECTORY),
            "/events": lambda: ds.load_events(client),
        }
        return client, {path: loaders[path]() for path in SAMPLES[name]}

    return everything


@pytest.mark.parametrize("path", LISTS)
def test_the_samples_of_a_new_team_follow_the_official_schema(path):
    """So that what the loaders are fed is what the service promises to send."""
    registry = Registry().with_resource("api", Resource(SLICE, DRAFT202012))
    schema = {"$ref": f"api#/components/schemas/{LISTS[path]}"}
    Draft202012Validator(schema, registry=registry).validate(SAMPLES["new_team"][path])


def test_a_new_team_loads_without_anything_left_over(load):
    client, loaded = load("new_team")
    assert all(len(frame) > 0 for frame in loaded.values())
    assert all(frame["extra"].isna().all() for frame in loaded.values())
    assert [notice for receipt in client.receipts for notice in receipt.notices] == []
    user = loaded["/directory_users"].iloc[0]
    assert (user["name"], user["role"], user["address"]) == (
        "Ines Okafor",
        "dispatcher",
        "ines.okafor@fjordlight.example",
    )
    assert user["created_at"] == pd.Timestamp("2026-05-11 06:42:19.305", tz="UTC")
    assert loaded["/organizations"].iloc[0]["domains"] == ("fjordlight.example",)
    assert loaded["/directories"].iloc[0][["active_users", "groups"]].tolist() == [2, 1]
    events = loaded["/events"]
    assert events["previous_attributes"].dropna().iloc[0]["role"] == {"slug": "member"}
    assert len(set(events["directory_id"])) == 1
    assert set(events["group"].dropna()) == {"Night Crew"}


def test_an_old_team_loads_into_the_same_columns(load):
    """Ids without a prefix, words of the event vocabulary, filled deprecated fields, a role on a group."""
    client, loaded = load("old_team")
    _, new = load("new_team")
    for path, frame in loaded.items():
        assert frame.dtypes.astype(str).equals(new[path].dtypes.astype(str))
    user = loaded["/directory_users"].iloc[0]
    assert (user.name, user["job_title"], user["username"]) == ("usr-5512", "Dispatcher", "ines.okafor")
    directory = loaded["/directories"].iloc[0]
    assert (directory["state"], directory["state_reported"], directory["domain"]) == (
        "linked",
        "active",
        "fjordlight.example",
    )
    assert loaded["/directory_groups"].iloc[0]["extra"] == {"role": {"slug": "dispatcher"}}
    assert loaded["/events"]["created_at"].iloc[0] == pd.Timestamp("2026-07-01 10:00:00.093", tz="UTC")
    assert "created_at: some times came without a zone and were read as UTC." in client.receipts[-1].notices


def test_a_user_of_tomorrow_loads_and_loses_nothing(load):
    _, loaded = load("odd")
    user = loaded["/directory_users"].iloc[0]
    assert user["state"] == "staged"
    assert pd.isna(user["address"])
    assert user["extra"] == {"a_field_of_tomorrow": {"x": 1}}
    assert loaded["/directory_users"].dtypes.astype(str).to_dict() == frames.USER_COLUMNS


def test_the_events_we_name_and_the_states_we_know_are_those_of_the_specification():
    text = json.dumps(SLICE)
    assert all(f'"{name}"' in text for name in DSYNC_EVENTS)
    schemas = SLICE["components"]["schemas"]
    assert set(schemas["Directory"]["properties"]["state"]["enum"]) == set(frames.DIRECTORY_STATES)
    assert set(schemas["Directory"]["properties"]["type"]["enum"]) <= set(frames.DIRECTORY_TYPES)
    assert set(schemas["DirectoryUser"]["properties"]["state"]["enum"]) == set(frames.USER_STATES)
