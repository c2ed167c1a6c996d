"""Organizations, directories and time are there for the asking."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dirsync_nb.sandbox.__main__ import main

from .conftest import Http


def test_an_organization_and_its_directory_are_founded(make: Callable[..., Http]) -> None:
    http = make(world="empty")
    organization = http.sandbox.add_organization(
        name="Acme", domains=["acme.test"], external_id="c-1", metadata={"tier": "gold"}
    )
    directory = http.sandbox.add_directory(
        organization, type="okta scim v2.0", name="Acme Okta", domain="acme.test"
    )
    found = http.get("/organizations/external_id/c-1").json()
    assert (found["id"], found["metadata"]) == (organization, {"tier": "gold"})
    assert [one["domain"] for one in found["domains"]] == ["acme.test"]
    assert http.ids("/organizations", domains="acme.test") == [organization]
    (listed,) = http.data("/directories", organization_id=organization)
    assert (listed["id"], listed["state"]) == (directory, "unlinked")
    http.sandbox.set_directory_state(directory, "linked")
    (event,) = http.walk("/events", events="dsync.activated")
    assert [one["domain"] for one in event["data"]["domains"]] == ["acme.test"]


def test_what_cannot_be_founded_is_refused(http: Http) -> None:
    organization = http.sandbox.truth.directories()[0]["organization_id"]
    with pytest.raises(ValueError, match="type must be one of"):
        http.sandbox.add_directory(organization, type="okta", name="x")
    with pytest.raises(ValueError, match="state must be one of"):
        http.sandbox.add_directory(organization, type="workday", name="x", state="x")
    with pytest.raises(LookupError):
        http.sandbox.add_directory("org_none", type="workday", name="x")
    with pytest.raises(ValueError, match="name must be text"):
        http.sandbox.add_organization(name=7)  # type: ignore[arg-type]


def test_time_passes_only_forward(http: Http) -> None:
    before = http.sandbox.info()["clock"]
    assert http.sandbox.wait(0) == before
    assert http.sandbox.wait(90) == "2026-08-03T10:30:00.000Z"
    for wrong in (-1, float("nan"), float("inf"), True, "5", 10**9):
        with pytest.raises(ValueError, match="minutes must be a number"):
            http.sandbox.wait(wrong)  # type: ignore[arg-type]


def test_a_control_body_of_any_size_does_no_harm(http: Http) -> None:
    url = http.sandbox.url + "/_sandbox/changes"
    response = http.session.post(url, data=b"[" * 20_000_001, timeout=30)
    assert response.status_code == 413
    assert http.get("/directories").status_code == 200


def test_the_command_adds_environments_and_refuses_wrong_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--environment", "a b"]) == 2
    assert "name of an environment" in capsys.readouterr().err
    assert main(["--port", "0", "--environment", "staging", "--play", "Hamlet"]) == 2
    said = capsys.readouterr()
    assert "environment staging: sk_test_staging (seed 2)" in said.out
    assert "a scenario must be one of 'a day at Acme'" in said.err
