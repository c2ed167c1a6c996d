"""explain_access: support's question, answered from what the directory and the app know."""

from __future__ import annotations

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors


@pytest.fixture(scope="module")
def world():
    with ds.sandbox.Sandbox(seed=3, inactive_policy="keep") as sandbox:
        client = ds.connect(api_key=sandbox.api_key, base_url=sandbox.url)
        directories = ds.load_directories(client)
        okta = directories.index[directories["name"] == "Harbourline Okta"][0]
        ada = sandbox.add_user(okta, email="ada@harbourline.example", first_name="Ada", last_name="Vale")
        crew = sandbox.add_group(okta, name="Night Crew")
        sandbox.add_member(crew, ada)
        yield client, sandbox, directories, ada


def verdicts(access):
    return dict(zip(access.checks["looked_at"], access.checks["verdict"], strict=True))


def test_somebody_whom_nothing_keeps_out(world):
    client, _, _, ada = world
    for who in (ada, "ada@harbourline.example", "Ada Vale"):
        access = ds.explain_access(client, who)
        assert access.user.name == ada
        assert access.allowed
        assert access.summary.startswith("Nothing in the directory keeps Ada Vale out. ")
    assert access.groups["name"].tolist() == ["Night Crew"]
    assert access.events["event"].iloc[-1] == "dsync.group.user_added"


def test_roles_and_the_apps_row_are_looked_at_where_given(world):
    client, _, _, ada = world
    assert verdicts(ds.explain_access(client, ada, roles={"Night Crew": "pilot"}))["role"] == "ok"
    without = ds.explain_access(client, ada, roles={"Engineering": "admin", "Elsewhere": "auditor"})
    assert not without.allowed
    assert "none of which has a role: put the person into Engineering, or map" in without.summary
    misspelt = ds.explain_access(client, ada, roles={"Enginering": "admin"})
    assert "has no group called Enginering; near it: 'Engineering'; map one that it has" in misspelt.summary
    app = pd.DataFrame({"email": ["ADA@harbourline.example ", "bo@x.example"], "active": [False, True]})
    assert verdicts(ds.explain_access(client, ada, app_users=app))["app"] == "problem"
    assert "no account" in ds.explain_access(client, ada, app_users=app.iloc[1:]).summary
    app["active"] = True
    assert ds.explain_access(client, ada, app_users=app).allowed
    mail = app.rename(columns={"email": "mail"})
    assert ds.explain_access(client, ada, app_users=mail, on="mail").allowed
    for asked, sentence in (
        ({}, "on must be a column of app_users"),
        ({"on": "mail", "active": "actve"}, "active"),
    ):
        with pytest.raises(errors.ArgumentError, match=sentence):
            ds.explain_access(client, ada, app_users=mail, **asked)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("inactive", "problem"), ("Blocked", "problem"), ("LOCKED_OUT", "ok"), ("1", "ok"), (0, "problem"),
     (None, "problem"), ("on leave", "unknown")],
)  # fmt: skip
def test_the_apps_words_are_read_as_in_a_comparison(world, said, verdict):
    """An account that is off in the app's own words is no open door."""
    client, _, _, ada = world
    app = pd.DataFrame({"email": ["ada@harbourline.example"], "status": [said]})
    access = ds.explain_access(client, ada, app_users=app, active="status")
    assert verdicts(access)["app"] == verdict
    words = {"on leave": False}
    assert access.allowed is (verdict == "ok")
    if verdict == "unknown":
        assert "Ada Vale may get in or not. The app has 1 account" in access.summary
        told = ds.explain_access(client, ada, app_users=app, active="status", status_words=words)
        assert verdicts(told)["app"] == "problem"


def test_who_may_be_a_row_and_a_nameless_person_is_called_by_the_address(world):
    client, sandbox, directories, ada = world
    users = ds.load_users(client, directories.index[directories["name"] == "Harbourline Okta"][0])
    for who in (users.loc[ada], users.loc[[ada]], ds.load_user(client, ada)):
        assert ds.explain_access(client, who).user.name == ada
    with pytest.raises(errors.ArgumentError, match="who must be an id"):
        ds.explain_access(client, users.head(3))
    kiosk = sandbox.add_user(users["directory_id"].iloc[0], email="kiosk@harbourline.example")
    assert "keeps kiosk@harbourline.example out" in ds.explain_access(client, kiosk).summary


def test_who_was_switched_off_and_whose_directory_is_broken(world):
    client, sandbox, directories, _ = world
    bo = sandbox.add_user(directories.index[0], email="bo@harbourline.example", first_name="Bo")
    sandbox.deactivate_user(bo)
    assert (
        "The user is inactive: the customer's admin assigns the app again"
        in ds.explain_access(client, bo).summary
    )
    refused = directories.index[directories["state"] == "invalid_credentials"][0]
    somebody = ds.load_users(client, directory_id=refused).index[0]
    assert "connects the provider again" in ds.explain_access(client, somebody).summary


def test_who_is_meant_must_be_one_person(world):
    client = world[0]
    with pytest.raises(errors.ArgumentError, match=r"may mean \d+ people: .*directory_user_"):
        ds.explain_access(client, "a")
    with pytest.raises(errors.ArgumentError, match=r"nobody is meant by .*; it is the directory 'Harb"):
        ds.explain_access(client, "Harbourline Okta")


def test_names_are_shown_as_text(world):
    client, sandbox, directories, _ = world
    odd = sandbox.add_user(directories.index[0], email="odd@x.example", first_name="<b>$x$</b>", last_name="y")
    html = ds.explain_access(client, odd)._repr_html_()
    assert "<b>$x$" not in html
    assert "mathjax_ignore" in html
