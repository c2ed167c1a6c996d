"""A probe finds what a service answers otherwise than believed, and its report shows nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import dirsync_nb as ds
from dirsync_nb import cli, errors
from dirsync_nb.client import DirectoryClient, Pacer, RetryPolicy, Transport
from dirsync_nb.provisioning.checklist.questions import QUESTIONS
from dirsync_nb.sandbox import Sandbox

from ..foreign import Answer, listing


def probed(**settings: Any) -> tuple[Sandbox, Any]:
    sandbox = Sandbox(world="okta", **settings).start()
    with sandbox:
        okta = sandbox.truth.directories()[0]["id"]
        user, group = sandbox.truth.users(okta)[5]["id"], sandbox.truth.groups(okta)[3]["id"]
        sandbox.delete_user(user)
        sandbox.delete_group(group)
        pacer = Pacer(per_directory=None, per_key=None)
        transport = Transport(sandbox.url, sandbox.api_key, retry=RetryPolicy(attempts=1), pacer=pacer)
        with DirectoryClient(transport) as client:
            return sandbox, ds.checklist.probe(client)


@pytest.fixture(scope="module")
def believed() -> tuple[Any, str]:
    """Probe a sandbox as it is, and everything that it holds, as one text."""
    with Sandbox(seed=3) as sandbox:
        with DirectoryClient(Transport(sandbox.url, sandbox.api_key, pacer=Pacer.unlimited())) as client:
            found = ds.checklist.probe(client)
        requests = list(sandbox.requests)
        truth = sandbox.truth
        people = [user for one in truth.directories() for user in truth.users(one["id"])]
        groups = [group for one in truth.directories() for group in truth.groups(one["id"])]
        records = [*truth.directories(), *people, *groups]
    return found, requests, records


def test_the_sandbox_answers_as_believed(believed) -> None:
    found, requests, _ = believed
    assert list(found.differences.index) == []
    asked = found.frame[found.frame["verdict"] != "not asked"]
    assert len(asked) >= len(QUESTIONS) - 3
    assert {one.method for one in requests} == {"GET"}
    assert len(requests) <= 100
    assert dict(found.frame.dtypes.astype(str)) == dict(ds.checklist.PROBE_COLUMNS)


def test_the_report_holds_no_key_name_address_or_id(believed, tmp_path: Path) -> None:
    found, _, records = believed
    files = found.write(tmp_path / "report")
    text = "".join(file.read_text("utf-8") for file in files) + repr(found) + found._repr_html_()
    assert not re.search(r"sk_|[a-z]+_01[0-9A-HJKMNP-TV-Z]{24}|@|127\.0\.0\.1|localhost", text)
    names = {str(one.get(name)) for one in records for name in ("name", "email", "idp_id", "external_key")}
    words = set(re.findall(r"[\w.@ -]+", text))
    assert not {name for name in names if len(name) > 4} & words
    whole = json.loads(files[1].read_text("utf-8"))
    assert {one["question"] for one in whole["questions"]} == {one.id for one in QUESTIONS}
    assert "What reading cannot find out" in files[0].read_text("utf-8")


PLANTED = {
    "order-users": "desc",
    "order-groups": "desc",
    "unknown-parameter": "422 {errors [{code, field}], message}",
    "user-groups": "filled: a team made before May 2026",
    "user-roles": "several",
    "events-after-and-range": "400 {code invalid_events_request, message}",
    "removals-with-deletions": "after",
}


def test_planted_differences_are_found_and_nothing_else() -> None:
    _, found = probed(default_order="desc", strict=True, team="legacy", roles="multiple", removals="after")
    assert found.differences["answer"].to_dict() == PLANTED


def test_in_another_setting_other_differences_are_found() -> None:
    _, found = probed(removals="doubled", default_order="asc")
    expected = {"order-users": "asc", "order-groups": "asc", "removals-with-deletions": "after"}
    assert found.differences["answer"].to_dict() == expected


def test_every_question_says_where_its_belief_stands() -> None:
    assert len({one.id for one in QUESTIONS}) == len(QUESTIONS) > 45
    for one in QUESTIONS:
        assert one.source.startswith(("workos-api ", "workos-2026 ", "nowhere"))
        assert one.concerns in ("client", "sandbox", "client and sandbox")
        assert one.asked.startswith(("/", "no"))


# Servers that are odd -----------------------------------------------------------------------------------

SECRET = "Ann Lee"
ODD = [
    lambda request: Answer({"Ann Lee": "Ann Lee", "code": SECRET, "data": [{"id": SECRET, "name": SECRET}]}),
    lambda request: Answer({"errors": [{SECRET: 1}], "code": SECRET, "message": SECRET}, 422),
    lambda request: listing(
        [{"id": SECRET, "state": "linked", "metadata": SECRET, "name": 7, "type": SECRET}] * 2
    ),
    lambda request: listing([{"id": None, "created_at": SECRET, "data": SECRET, "source": SECRET}]),
    lambda request: Answer("Ratelimited", 429, {"Retry-After": "0"}),
    lambda request: Answer(b"[" * 100_000),
]


@pytest.mark.parametrize("script", ODD)
def test_an_odd_server_is_told_without_its_words_and_asked_no_end(serve, script) -> None:
    server, client = serve(script)
    found = ds.checklist.probe(client)
    assert SECRET not in found.markdown() + found.json() + repr(found)
    assert len(server.requests) <= 130


def test_a_refused_key_ends_it_and_a_redacted_client_is_refused(serve, client) -> None:
    server, other = serve(lambda request: Answer({"message": "Unauthorized"}, 401))
    with pytest.raises(errors.NotAuthorized):
        ds.checklist.probe(other)
    assert len(server.requests) == 1
    with pytest.raises(errors.ArgumentError, match="plain client"):
        ds.checklist.probe(client.redacted())


def test_a_429_is_waited_for_once(serve, clock) -> None:
    answers = iter([Answer("Ratelimited", 429, {"Retry-After": "3"})])
    server, client = serve(lambda request: next(answers, listing([])))
    ds.checklist.probe(client)
    assert server.requests[0].path == server.requests[1].path
    assert sum(clock.sleeps) >= 3


def test_the_command_writes_the_report(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["probe"]) == 0
    assert "0 different" in capsys.readouterr().out
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dirsync-probe.json", "dirsync-probe.md"]
    assert cli.main(["probe", "--out", "nowhere/report"]) == 2
    monkeypatch.setenv("WORKOS_API_KEY", "client_1")
    assert cli.main(["probe"]) == 2
