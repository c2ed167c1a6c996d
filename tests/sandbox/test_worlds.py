"""Seeds by name and by YAML file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.__main__ import main
from dirsync_nb.sandbox.directory.refusal import Invalid

from .conftest import Http

ACME = """
organizations:
  - name: Acme
    domains: [acme.test]
    external_id: cust-1
    metadata: {tier: gold}
    directories:
      - name: Acme Okta
        type: okta scim v2.0
        groups: [Crew, {name: Admins, role: admin}]
        users:
          - {email: ann@acme.test, first_name: Ann, last_name: Lee, groups: [Crew, Admins]}
          - {email: bob@acme.test, first_name: Bob, custom_attributes: {job_title: Lead, since: 2024-02-01}}
      - {name: Acme HR, type: workday, people: 25, age: 300, state: linked, domain: acme.test}
      - {name: Acme Entra, type: azure scim v2.0, state: validating, age: 2}
  - name: Empty Handed
"""


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(ACME)
    return path


def test_a_file_says_who_is_there(make: Callable[..., Http], acme: Path) -> None:
    http = make(world=acme)
    directories = http.walk("/directories")
    assert [one["name"] for one in directories] == ["Acme HR", "Acme Okta", "Acme Entra"]
    hr, okta, entra = directories
    assert (hr["metadata"]["users"]["active"], entra["state"], hr["domain"]) == (25, "validating", "acme.test")
    ann, bob = http.walk("/directory_users", directory=okta["id"])
    assert (ann["name"], ann["role"]) == ("Ann Lee", {"slug": "admin"})
    assert bob["custom_attributes"] == {"job_title": "Lead", "since": "2024-02-01"}
    groups = {one["name"]: one["id"] for one in http.walk("/directory_groups", directory=okta["id"])}
    assert http.ids("/directory_users", group=groups["Crew"]) == [ann["id"]]
    (found,) = http.data("/organizations", search="acme")
    assert (found["external_id"], found["metadata"]) == ("cust-1", {"tier": "gold"})


def test_the_same_file_gives_the_same_bytes_and_reset_comes_back_to_it(make, acme: Path) -> None:
    first, second = make(world=acme), make(world=str(acme))

    def pages(http: Http) -> list[bytes]:
        found = [http.get("/directories", limit=100).content]
        ids = http.ids("/directories", limit=100)
        return found + [http.get("/directory_users", directory=one, limit=100).content for one in ids]

    assert pages(first) == pages(second)
    before = pages(first)
    first.sandbox.add_user(first.ids("/directories")[0], email="x@acme.test")
    first.sandbox.reset()
    assert pages(first) == before


def test_worlds_have_names(make: Callable[..., Http]) -> None:
    assert make(world="empty").data("/directories") == []
    assert [one["type"] for one in make(world="okta").data("/directories")] == ["okta scim v2.0"]
    with pytest.raises(ValueError, match="harbour, okta, empty, or a .yaml or .jsonl file; got 'acme'"):
        Sandbox(world="acme")


WRONG = {
    "- a": "must be a mapping",
    "organizations: 7": "organizations must be a list",
    "organization: []": "has no 'organization'; known are organizations",
    "organizations: [{name: ''}]": r"organizations\[0\].name must be text",
    "organizations: [{name: A, directories: [{name: B, type: okta}]}]": "type must be one of",
    "organizations: [{name: A, directories: [{name: B, type: workday, people: -1}]}]": "whole number",
    "organizations: [{name: A, directories: [{name: B, type: workday, state: x}]}]": "state must be one of",
    "organizations: [{name: A, directories: [{name: B, type: s3, users: [{groups: [x]}]}]}]": "no such group",
    "organizations: [": "is not YAML",
    "x: !!python/object:os.system y": "is not YAML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, capsys) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(text)
    with pytest.raises(ValueError, match=WRONG[text]):
        Sandbox(world=path)
    assert main(["--world", str(path), "--port", "0"]) == 2
    assert "wrong.yml" in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.yaml cannot be read"):
        Sandbox(world=tmp_path / "none.yaml")


def test_a_kept_file_remembers_its_world(tmp_path: Path, acme: Path) -> None:
    kept = tmp_path / "kept.sqlite"
    with Sandbox(world=acme, database=kept) as sandbox:
        name = sandbox.truth.directories()[0]["name"]
    with Sandbox(world=acme, database=kept) as sandbox:
        assert sandbox.truth.directories()[0]["name"] == name
    with pytest.raises(ValueError, match="was made with world"):
        Sandbox(database=kept).start()


WHOLE: dict[str, Any] = {
    "organizations": [
        {
            "name": "Acme", "domains": ["acme.test", "ACME.test"], "external_id": "cust-1",
            "metadata": {"tier": "gold"},
            "directories": [
                {
                    "name": "Acme Okta", "type": "okta scim v2.0", "state": "linked", "people": 2, "age": 30,
                    "domain": "acme.test", "departments": 1, "locations": 1,
                    "groups": ["Crew", {"name": "Admins", "role": "admin"}],
                    "users": [
                        {"email": "ann@acme.test", "first_name": "Ann", "last_name": "Lee", "name": "Ann",
                         "idp_id": "7", "custom_attributes": {"desk": 3}, "groups": ["Crew"]},
                    ],
                }
            ],
        }
    ]
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None, 0, -1, 7, 10**9, 1.5, float("nan"), True, "", "x", [], [7], {}, {"a": {"b": []}},
)  # fmt: skip


def places(given: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a world, by keys and numbers."""
    for key, value in given.items() if isinstance(given, dict) else enumerate(given):
        yield (*path, key)
        if isinstance(value, dict | list) and key not in ("metadata", "custom_attributes"):
            yield from places(value, (*path, key))


def refusal(file: Path) -> str | None:
    """What is wrong with a world, None where there is one."""
    try:
        sandbox = Sandbox(world=file)
    except Invalid as problem:
        return str(problem)
    assert isinstance(sandbox.truth.directories(), list)
    sandbox.close()
    return None


@pytest.mark.parametrize("path", list(places(WHOLE)), ids=lambda path: ".".join(map(str, path)))
def test_any_odd_value_at_any_key_makes_a_world_or_is_refused_by_its_key(path, tmp_path: Path) -> None:
    key = next(one for one in reversed(path) if isinstance(one, str))
    for odd in ODD:
        given = copy.deepcopy(WHOLE)
        home: Any = given
        for step in path[:-1]:
            home = home[step]
        home[path[-1]] = odd
        file = tmp_path / "world.yaml"
        file.write_text(yaml.safe_dump(given))
        told = refusal(file)
        assert told is None or key in told or "JSON has no word for" in told, odd
        assert len(told or "") < 700


TOO_MUCH = {
    "a: &a [1]\nb: *a": "line 2: no aliases",
    "[" * 80: "nothing nested 50 deep",
    "organizations: []\norganizations: []": "line 2: 'organizations' stands twice",
    "organizations: 2024-13-45": "month must be",
    'organizations: "\\ud800"': "is not YAML|JSON has no word",
    "organizations: [{name: A, external_id: 1}, {name: B, external_id: '1'}]": "that of another",
    "# " + "x" * 5_100_000: "has more than 5 MB.*Put the people into a CSV",
}


@pytest.mark.parametrize("text", TOO_MUCH, ids=lambda text: text[:20])
def test_a_file_that_would_grow_or_clash_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "world.yaml"
    path.write_text(text)
    with pytest.raises(Invalid, match=f"{path}:? (?!.*{path}).*({TOO_MUCH[text]})"):
        Sandbox(world=path)
