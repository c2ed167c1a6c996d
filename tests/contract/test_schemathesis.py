"""The published specification against the sandbox: schemathesis invents the requests, and judges the answers.

A few hundred calls in every run; ``DIRSYNC_SCHEMATHESIS_CALLS=10000`` asks for more. The operations are those
that read, and those that write and list 403: a sandbox is read-only through the API, and answers that.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sandbox.http.api import DSYNC_EVENTS

SLICE = Path(__file__).parents[1] / "data" / "workos-openapi-dirsync.json"
CALLS = int(os.environ.get("DIRSYNC_SCHEMATHESIS_CALLS", "600"))
CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
)


def specification() -> dict[str, Any]:
    """Return the slice without the one operation that exists, cannot be refused, and is not offered here."""
    slice_: dict[str, Any] = json.loads(SLICE.read_text())
    del slice_["paths"]["/organizations"]["post"]
    return slice_


SCHEMA = schemathesis.openapi.from_dict(specification())
OPERATIONS = {one.ok().label: one.ok() for one in SCHEMA.get_all_operations()}
ANSWERED: Counter[tuple[str, int]] = Counter()


@pytest.fixture(scope="module", params=["new", "legacy"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(team=request.param) as sandbox:
        yield sandbox


def known_ids(sandbox: Sandbox) -> dict[str, list[str]]:
    """Return ids that exist, by the word before the underscore of the parameter they fit."""
    truth = sandbox.truth
    directories = [one["id"] for one in truth.directories()]
    return {
        "directories": directories,
        "directory": directories,
        "organizations": [one["organization_id"] for one in truth.directories()],
        "organization_id": [one["organization_id"] for one in truth.directories()],
        "directory_users": [one["id"] for one in truth.users(directories[0])[:5]],
        "user": [one["id"] for one in truth.users(directories[0])[:5]],
        "directory_groups": [one["id"] for one in truth.groups(directories[0])[:5]],
        "group": [one["id"] for one in truth.groups(directories[0])[:5]],
        "events": list(DSYNC_EVENTS),
    }


def _calls_for(label: str) -> int:
    """Share the calls out: nine in ten go to what reads, for each of the two teams."""
    reading = [one for one in OPERATIONS if one.startswith("GET ")]
    if label in reading:
        return max(1, CALLS * 9 // 10 // (2 * len(reading)) + 1)
    return max(1, CALLS // 10 // (2 * (len(OPERATIONS) - len(reading))) + 1)


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_conforms(sandbox: Sandbox, label: str) -> None:
    operation, ids = OPERATIONS[label], known_ids(sandbox)
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    word = operation.path.split("/")[1]

    @settings(
        max_examples=_calls_for(label),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), data=st.data())
    def call(case: Any, data: st.DataObject) -> None:
        if "id" in (case.path_parameters or {}) and data.draw(st.booleans()):
            case.path_parameters["id"] = data.draw(st.sampled_from(ids[word]))
        for name in sorted(set(case.query or {}) & {"before", "after", "range_start", "range_end"}):
            if data.draw(st.booleans()):  # invented cursors and ranges are nearly always refused
                del case.query[name]
        for name in sorted(set(case.query or {}) & set(ids)):
            if data.draw(st.booleans()):
                chosen = data.draw(st.sampled_from(ids[name]))
                case.query[name] = [chosen] if name == "events" else chosen
        response = case.call(base_url=sandbox.url, headers=headers)
        ANSWERED[label, response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    call()


def test_enough_was_asked_and_much_of_it_was_answered() -> None:
    if not ANSWERED:
        pytest.skip("the other tests of this file did not run in this process")
    total = sum(ANSWERED.values())
    print(f"schemathesis: {total} calls, {dict(Counter(code for _, code in ANSWERED.elements()))}")
    assert total >= CALLS
    answered = {label for label, code in ANSWERED if code == 200}
    assert answered == {label for label in OPERATIONS if label.startswith("GET ")}
