"""The checklist finds each kind of trouble in an environment that has it, and only there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import checklist, webhooks
from dirsync_nb.client import DirectoryClient, Pacer, Transport
from dirsync_nb.frames import directories_frame
from dirsync_nb.provisioning.checklist import CHECK_COLUMNS, items, to_production
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sync import latest_event

from ..foreign import Answer

SECRET = "whsec_invented"
AT = 1_785_403_964.0


@contextmanager
def client_of(sandbox: Any, key: str | None = None) -> Iterator[DirectoryClient]:
    transport = Transport(sandbox.url, key or sandbox.api_key, pacer=Pacer.unlimited())
    with DirectoryClient(transport) as client:
        yield client


@pytest.fixture(scope="module")
def _calm() -> Iterator[Sandbox]:
    with Sandbox(world="okta", users=60) as sandbox:
        yield sandbox


@pytest.fixture
def calm(_calm: Sandbox) -> Sandbox:
    """One linked directory of 60 people and nothing special."""
    _calm.reset()
    return _calm


@pytest.fixture
def look(calm: Sandbox) -> Callable[..., tuple[str, str, str]]:
    """Check the calm environment; give one item's state, finding and advice."""

    def at(item: str, **more: Any) -> tuple[str, str, str]:
        with client_of(calm) as client:
            row = to_production(client, **more).frame.loc[item]
        return str(row["state"]), row["finding"], row["what_to_do"]

    return at


def home(sandbox: Sandbox) -> str:
    return str(sandbox.truth.directories()[0]["id"])


# The whole ----------------------------------------------------------------------------------------------


def test_it_is_a_frame_with_declared_columns_whatever_is_found(client, calm):
    for one in (client, None):
        with client_of(calm) as other:
            frame = to_production(one or other).frame
        assert frame.dtypes.astype(str).to_dict() == CHECK_COLUMNS
        assert list(frame["state"].cat.categories) == list(checklist.STATES)
        assert frame.index.name == "item"
        assert len(frame) == 14
        assert frame["finding"].str.len().gt(0).all()
        assert frame["what_to_do"][frame["state"] != "ok"].str.len().gt(0).all()


def test_an_empty_environment_is_told_and_breaks_nothing():
    with Sandbox(world="empty") as sandbox, client_of(sandbox) as client:
        frame = to_production(client).frame
    assert frame.loc["directory states", "finding"] == "There is no directory."
    assert set(frame["state"].drop("refusals")) == {"attention", "not checked"}


def test_it_only_reads_and_asks_little(calm):
    with client_of(calm) as client:
        to_production(client)
    asked = [(method, path) for method, path, _ in calm.requests]
    assert {method for method, _ in asked} == {"GET"}
    assert len(asked) <= 8


def test_a_key_that_is_refused_is_the_first_item_and_stops_no_other(calm):
    with client_of(calm, "sk_live_CANARY1234") as client:
        found = to_production(client, webhook_secret=SECRET)
    assert found.frame.loc["API key", "state"] == "attention"
    assert "401" in found.frame.loc["API key", "finding"]
    assert found.frame.loc["first load", "finding"] == "It could not be read: NotAuthorized."
    assert "signs and verifies" in found.frame.loc["webhooks", "finding"]
    assert "CANARY" not in repr(found) + found._repr_html_()


def test_it_reads_as_text_and_as_a_table_and_names_are_shown_as_text(calm):
    organization = calm.add_organization(name="Odd")
    calm.add_directory(organization, type="okta scim v2.0", name="<img src=x onerror=alert(1)>")
    with client_of(calm) as client:
        found = to_production(client)
    assert repr(found).splitlines()[0] == "8 ok, 4 attention, 2 not checked"
    assert "[attention] directory states: 1 of 2" in repr(found)
    assert "<img" not in found._repr_html_()
    assert found._repr_html_().count("<tr") == 15
    assert list(found.open.index) == [item for item, s in found.frame["state"].items() if s != "ok"]


def test_what_contradicts_itself_is_refused(client):
    with pytest.raises(ds.errors.ArgumentError, match="inactive_policy must be 'delete' or 'keep'"):
        to_production(client, inactive_policy="maybe")
    with pytest.raises(ds.errors.ArgumentError, match="keep and after"):
        to_production(client, keep="place.json", after="event_1")
    partial = ds.load_events(client).iloc[:3]
    partial.attrs["incomplete"] = True
    with pytest.raises(ds.errors.IncompleteError):
        to_production(client, events=partial)


# Each item ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "state", "words"),
    [
        ("sk_live_invented", "ok", "of a live environment"),
        ("sk_test_invented", "attention", "of a test environment"),
        ("sk_invented", "not checked", "does not tell"),
    ],
)
def test_the_kind_of_key_is_told_by_its_beginning_and_never_shown(serve, key, state, words):
    server, _ = serve(lambda _: Answer({"object": "list", "data": [], "list_metadata": {"after": None}}))
    with client_of(server, key) as client:
        verdict = to_production(client).frame.loc["API key"]
    assert (verdict["state"], words in verdict["finding"]) == (state, True)
    assert "invented" not in verdict["finding"] + verdict["what_to_do"]


@pytest.mark.parametrize("trouble", ["invalid_credentials", "validating", "unlinked", "deleting"])
def test_a_directory_that_is_not_linked_is_named_with_what_to_do(calm, look, trouble):
    assert look("directory states") == ("ok", "All 1 are linked.", "")
    calm.set_directory_state(home(calm), trouble)
    state, finding, advice = look("directory states")
    assert state == "attention"
    assert f"Harbourline Okta is {trouble}" in finding
    assert advice == f"{trouble}: {items.STATE_ADVICE[trouble]}."


def test_a_linked_directory_without_users_is_noticed(calm, look):
    assert look("empty directories")[0] == "ok"
    organization = calm.add_organization(name="Bright")
    calm.add_directory(organization, type="okta scim v2.0", name="Bright Okta", state="linked")
    state, finding, _ = look("empty directories")
    assert (state, finding) == ("attention", "Linked, but without users: Bright Okta.")


def directories(*sizes: tuple[int, int] | None) -> pd.DataFrame:
    def counts(size: tuple[int, int] | None) -> dict[str, Any]:
        return {"metadata": {"users": {"active": size[0], "inactive": 0}, "groups": size[1]}} if size else {}

    return directories_frame(
        [{"id": f"directory_{n}", "name": f"D{n}", "state": "linked", **counts(s)} for n, s in enumerate(sizes)]
    )


def test_the_first_load_is_reckoned_from_the_directories_own_counts():
    verdict = items.first_load(directories((100_000, 500), (300, 2)))
    # 1,000 pages of users; 5 of groups; 500 groups and 3,000 pages of members; then 3 + 1 + 2 + 9.
    assert "About 4,520 requests and 19 min for 100,300 users" in verdict.finding
    assert verdict.state == "ok"
    assert "2 directories" in verdict.finding
    assert "1 without counts are left out" in items.first_load(directories((10, 1), None)).finding
    assert items.first_load(directories(None)).state == "not checked"


def test_a_first_load_of_hours_wants_attention():
    verdict = items.first_load(directories((2_000_000, 50_000)))
    assert verdict.state == "attention"
    assert "Load once" in verdict.what_to_do


def test_the_dearest_directory_is_named_with_its_route_and_cost():
    small, tiny_groups, huge = (500, 40), (50, 4_000), (1_000_000, 20_000)
    assert items.memberships(directories(small)).finding == (
        "The dearest is D0: by group, about 56 requests, 14 s."
    )
    assert "by user" in items.memberships(directories(tiny_groups)).finding
    assert items.memberships(directories(small, huge)).state == "attention"
    assert "D1" in items.memberships(directories(small, huge)).finding
    assert items.memberships(directories(None)).state == "not checked"


def test_events_are_reckoned_and_their_absence_noticed(calm, look, monkeypatch):
    with client_of(calm) as client:
        events = ds.load_events(client)
    state, finding, _ = look("following events")
    assert (state, finding.split(" events")[0]) == ("ok", f"{len(events):,}")
    assert look("following events", events=events.iloc[:0])[0] == "attention"
    busy = pd.DataFrame({"created_at": events["created_at"].iloc[:1].repeat(220_001)})
    assert "Asking every 30 s is 2,880 requests a day, and 2,201 more" in items.following(busy).finding
    monkeypatch.setattr(items, "PER_KEY", 0.1)
    assert items.following(busy).state == "attention"


def test_a_429_of_this_client_is_counted(calm):
    with client_of(calm) as client:
        calm.faults.add("status", path="/directories", status=429, retry_after=0)
        client.transport.pacer.sleep = lambda *_: None
        found = to_production(client).frame.loc["refusals"]
    assert found["state"] == "attention"
    assert "1 requests met a 429" in found["finding"]


def test_a_kept_place_is_asked_of_the_service(calm, look, tmp_path):
    keep = tmp_path / "place.json"
    assert look("events cursor")[0] == "not checked"
    assert look("events cursor", keep=keep)[0] == "attention"
    calm.add_user(home(calm), email="bob@acme.test")
    with client_of(calm) as client:
        place = latest_event(client)["id"]
    keep.write_text(json.dumps({"server": calm.url, "after": place}))
    calm.wait(180)
    calm.add_user(home(calm), email="ada@acme.test")
    for given in ({"keep": keep}, {"after": place}):
        state, finding, _ = look("events cursor", **given)
        assert (state, "3 h behind the newest event" in finding) == ("ok", True)


def test_a_place_that_is_lost_old_or_of_another_server_is_noticed(calm, look, tmp_path):
    keep = tmp_path / "place.json"
    keep.write_text(json.dumps({"server": "https://elsewhere.example", "after": "event_1"}))
    assert "of this server" in look("events cursor", keep=keep)[1]
    state, finding, advice = look("events cursor", after="event_01HZZZZZZZZZZZZZZZZZZZZZZZ")
    assert (state, "does not know" in finding, "take_snapshot" in advice) == ("attention", True, True)
    with client_of(calm) as client:
        place = latest_event(client)["id"]
    calm.wait(40 * 24 * 60)
    calm.add_user(home(calm), email="ada@acme.test")
    state, finding, _ = look("events cursor", after=place)
    assert (state, "older than the last 30 days" in finding) == ("attention", True)


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_the_inactive_policy_is_found_from_what_it_leaves_behind(policy):
    with Sandbox(world="okta", users=0, inactive_policy=policy) as sandbox, client_of(sandbox) as client:
        ann, bob = (sandbox.add_user(home(sandbox), email=f"{name}@acme.test") for name in ("ann", "bob"))
        verdict = to_production(client).frame.loc["inactive users"]
        assert (verdict["state"], "deletion may mean either" in verdict["what_to_do"]) == ("not checked", True)
        sandbox.delete_user(bob)  # while active: no sign of either
        assert to_production(client).frame.loc["inactive users", "state"] == "not checked"
        sandbox.deactivate_user(ann)
        found = to_production(client).frame.loc["inactive users"]
        assert (found["state"], f"looks like '{policy}'" in found["finding"]) == ("ok", True)
        other = {"delete": "keep", "keep": "delete"}[policy]
        wrong = to_production(client, inactive_policy=other).frame.loc["inactive users"]
        assert (wrong["state"], f"takes it to be '{other}'" in wrong["finding"]) == ("attention", True)
        assert to_production(client, inactive_policy=policy).frame.loc["inactive users", "state"] == "ok"


def test_somebody_kept_and_then_deleted_is_no_sign_of_deleting():
    with Sandbox(world="okta", users=0, inactive_policy="keep") as sandbox, client_of(sandbox) as client:
        ann = sandbox.add_user(home(sandbox), email="ann@acme.test")
        sandbox.deactivate_user(ann)
        sandbox.delete_user(ann)
        found = to_production(client).frame.loc["inactive users"]
    assert (found["state"], "looks like 'keep': 1 update to inactive" in found["finding"]) == ("ok", True)


def test_a_return_under_a_new_id_and_inactive_users_are_signs_of_both(calm, look):
    ann = calm.add_user(home(calm), email="ann@acme.test")
    calm.deactivate_user(ann)
    calm.reactivate_user(ann)
    assert "1 came back under a new id" in look("inactive users")[1]
    with client_of(calm) as client:
        events = ds.load_events(client)
    off = {**events["data"].iloc[0], "state": "inactive"}
    update = events.iloc[[0]].assign(event="dsync.user.updated", data=[off], user_id="somebody")
    state, finding, _ = look("inactive users", events=pd.concat([events, update]))
    assert (state, finding.startswith("Signs of both")) == ("attention", True)


def test_a_delivery_is_verified_with_its_age_in_milliseconds(look):
    header = webhooks.sign(b'{"id": "event_1"}', SECRET, at=AT)
    given = {"webhook_secret": SECRET, "delivery": (b'{"id": "event_1"}', header)}
    state, finding, _ = look("webhooks", **given, clock=lambda: AT + 1.5)
    assert (state, "came 1,500 ms after its time" in finding) == ("ok", True)
    state, finding, _ = look("webhooks", **given, clock=lambda: AT - 20)
    assert (state, "20.0 s ahead of this clock" in finding) == ("attention", True)
    state, finding, _ = look("webhooks", **given, clock=lambda: AT + 600)
    assert (state, "600 seconds ago" in finding) == ("attention", True)
    parsed = (b'{"id":"event_1"}', header)
    state, finding, _ = look("webhooks", webhook_secret=SECRET, delivery=parsed, clock=lambda: AT)
    assert (state, "something changed the body" in finding) == ("attention", True)


def test_the_time_of_a_delivery_is_found_wherever_it_stands_in_the_header(look):
    header = ", ".join(reversed(webhooks.sign(b"{}", SECRET, at=AT).split(", ")))
    state, finding, _ = look("webhooks", webhook_secret=SECRET, delivery=(b"{}", header), clock=lambda: AT + 1)
    assert (state, "came 1,000 ms after its time" in finding) == ("ok", True)


def test_a_secret_alone_is_tried_and_never_shown(look):
    assert look("webhooks")[0] == "not checked"
    assert look("webhooks", webhook_secret=SECRET)[:2] == (
        "not checked",
        "The secret signs and verifies here; no delivery shows that it is the endpoint's.",
    )
    for wrong in ("invented", f"{SECRET} "):
        told = look("webhooks", webhook_secret=wrong)
        assert told[0] == "attention"
        assert "invented" not in " ".join(told)


def test_a_delivery_of_the_sandbox_itself_passes(calm, look):
    with webhooks.Receiver(SECRET) as receiver:
        taken: list[tuple[bytes, str]] = []
        take = receiver.take
        receiver.take = lambda body, header: (taken.append((body, header)), take(body, header))[1]
        secret = calm.add_webhook(receiver.url)["secret"]
        calm.add_user(home(calm), email="ada@acme.test")
        assert receiver.wait(deliveries=1)
    assert look("webhooks", webhook_secret=secret, delivery=taken[0])[0] == "ok"
    assert look("webhooks", webhook_secret=SECRET, delivery=taken[0])[0] == "attention"


def people(*attributes: dict[str, Any], **fields: Any) -> pd.DataFrame:
    return ds.frames.users_frame(
        [
            {
                "id": f"user_{n}",
                "email": f"p{n}@acme.test",
                "state": "active",
                "custom_attributes": one,
                **fields,
            }
            for n, one in enumerate(attributes)
        ]
    )


def test_attributes_that_are_absent_null_or_partial_are_told_apart(look):
    same = people({"title": "Cook", "team": None}, {"title": "Mate", "team": None})
    assert look("attributes", users=same)[:2] == (
        "ok",
        "2 come, for 2 users: title, team. Null for everybody: team.",
    )
    state, finding, _ = look("attributes", users=people({"title": "Cook", "team": None}, {"title": "Mate"}))
    assert (state, "Absent for some: team" in finding) == ("attention", True)
    state, finding, _ = look("attributes", users=same, attributes=["title", "badge"])
    assert (state, "Absent for all 2 users looked at: badge" in finding) == ("attention", True)
    assert look("attributes", users=people({}, {}))[:2] == ("attention", "None comes, for 2 users.")
    assert look("attributes", users=same.iloc[:0])[0] == "not checked"


def test_an_attribute_switched_off_in_the_environment_is_missed(calm, look):
    assert "Absent for all" not in look("attributes", attributes=["job_title"])[1]
    calm.switch_attribute("job_title", on=False)
    state, finding, _ = look("attributes", attributes=["job_title"])
    assert (state, "looked at: job_title" in finding) == ("attention", True)


def test_people_without_an_address_or_with_a_shared_one_are_counted(calm, look):
    assert look("addresses", users=people({}, {})) == (
        "ok",
        "Each of 2 users has an address of their own in email.",
        "",
    )
    where = calm.add_directory(calm.add_organization(name="B"), type="okta scim v2.0", name="B", state="linked")
    calm.add_user(where, first_name="Noah", last_name="Dress")
    calm.add_user(where, email="TWIN@acme.test")
    calm.add_user(where, email="twin@acme.test")
    before = look("addresses")[1]
    assert "have no address" in before
    with client_of(calm) as client:
        only_here = ds.load_users(client, directory_id=where)
    state, finding, _ = look("addresses", users=only_here)
    told = "Of 3 users, 1 have no address, 2 share theirs with another user."
    assert (state, finding) == ("attention", told)


def test_a_team_from_before_may_2026_is_told_from_a_newer_one(calm, look):
    assert look("deprecated fields")[0] == "ok"
    with Sandbox(world="okta", users=60, team="legacy") as old, client_of(old) as client:
        found = to_production(client).frame.loc["deprecated fields"]
    assert found["state"] == "attention"
    assert "groups, emails, raw_attributes, job_title, username" in found["finding"]
    with Sandbox(world="okta", users=0) as nobody, client_of(nobody) as client:
        assert to_production(client).frame.loc["deprecated fields", "state"] == "not checked"


@pytest.mark.parametrize(
    ("order", "state", "words"),
    [("normal", "attention", "who follows after stops there"), ("desc", "ok", "followed by after")],
)
def test_it_asks_for_a_list_without_an_order(order, state, words):
    with Sandbox(default_order=order) as sandbox, client_of(sandbox) as client:
        for one in (client, client.redacted()):
            verdict = items.order(one)
            assert verdict.state == state
            assert words in verdict.finding
            assert "Send order=asc" in verdict.what_to_do
