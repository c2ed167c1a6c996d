"""Several environments at one address: one key each, and nothing shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from dirsync_nb.sandbox import Sandbox

from .conftest import Http
from .idp import Idp


@pytest.fixture
def pair(make) -> Iterator[tuple[Http, Http]]:
    first = make()
    second = Http(first.sandbox.add_environment("staging", inactive_policy="keep"))
    yield first, second
    second.session.close()


def test_each_key_opens_its_own_environment(pair: tuple[Http, Http]) -> None:
    first, second = pair
    assert second.sandbox.url == first.sandbox.url
    assert second.sandbox.api_key == "sk_test_staging"
    one, two = first.ids("/directories", limit=100), second.ids("/directories", limit=100)
    assert len(one) == len(two) == 9
    assert not set(one) & set(two)
    assert second.get(f"/directories/{one[0]}").status_code == 404
    stranger = {"Authorization": "Bearer sk_test_other"}
    assert requests.get(first.sandbox.url + "/directories", headers=stranger, timeout=5).status_code == 401


def test_what_happens_in_one_stays_in_it(pair: tuple[Http, Http]) -> None:
    first, second = pair
    before = first.get("/directories", limit=100).content
    directory = second.ids("/directories")[0]
    second.sandbox.add_user(directory, email="new@acme.test")
    second.sandbox.switch_attribute("emails", on=False)
    second.sandbox.faults.add("status", status=503, times=None)
    assert second.get("/directories").status_code == 503
    assert first.get("/directories", limit=100).content == before
    first.sandbox.reset()
    assert second.get("/directories").status_code == 503
    second.sandbox.reset()
    assert second.get("/directories").status_code == 200


def test_a_scim_token_leads_to_its_environment(pair: tuple[Http, Http]) -> None:
    first, second = (Idp(http) for http in pair)
    first.new_user("ann@acme.test")
    second.new_user("bob@acme.test")
    assert [one["email"] for one in first.users()] == ["ann@acme.test"]
    assert [one["email"] for one in second.users()] == ["bob@acme.test"]
    headers = {"Authorization": f"Bearer {first.token}"}
    assert requests.get(second.url + "/Users", headers=headers, timeout=5).status_code == 401


def test_the_control_door_follows_the_key(pair: tuple[Http, Http]) -> None:
    first, second = pair
    assert second.get("/_sandbox").json()["inactive_policy"] == "keep"
    assert first.get("/_sandbox").json()["inactive_policy"] == "delete"
    assert requests.get(first.sandbox.url + "/_sandbox", timeout=5).json()["inactive_policy"] == "delete"
    names = [one["name"] for one in first.get("/_sandbox/environments").json()]
    assert names == ["", "staging"]


def test_an_environment_can_be_asked_for_over_http(make) -> None:
    http = make()
    url = http.sandbox.url + "/_sandbox/environments"
    made = http.session.post(url, json={"name": "ci_7", "world": "empty"}, timeout=20).json()
    headers = {"Authorization": "Bearer " + made["api_key"]}
    found = requests.get(http.sandbox.url + "/directories", headers=headers, timeout=5)
    assert found.json()["data"] == []
    for wrong in ({"name": "ci_7"}, {"name": "a b"}, {}, {"name": "x", "seed": 1}, {"name": "x", "port": 1}):
        assert http.session.post(url, json=wrong, timeout=20).status_code == 422


def test_stopping_one_leaves_the_other_and_stopping_the_sandbox_stops_all() -> None:
    with Sandbox() as sandbox:
        staging, third = sandbox.add_environment("staging"), sandbox.add_environment("third")
        assert [staging.seed, third.seed] == [2, 3]
        staging.stop()
        assert not staging.running
        headers = {"Authorization": f"Bearer {staging.api_key}"}
        assert requests.get(sandbox.url + "/directories", headers=headers, timeout=5).status_code == 401
        assert third.running
        with pytest.raises(ValueError, match="seed 3 is in use"):
            sandbox.add_environment("again", seed=3)
        sandbox.add_environment("staging")
    assert not third.running
    with pytest.raises(RuntimeError, match="running sandbox"):
        sandbox.add_environment("late")
