"""Signatures: ours, the official library's, and why one fails; and the receiver that takes deliveries."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from workos.webhooks._verification import verify_event, verify_header

import dirsync_nb as ds
from dirsync_nb import errors, webhooks
from dirsync_nb.sandbox.http import webhooks as deliveries
from dirsync_nb.sync import state as sync

SECRET = "whsec_fjord_demo"
BODY = b'{"id":"event_demo","event":"dsync.user.created"}'
AT = 1785403964.102
HEADER = "t=1785403964102, v1=dbe525edb99f6a2c1d2906950ccd98a62c76c5764165c3b7c564db0bf17a501f"


def now() -> float:
    return AT + 1


def verified(body: Any = BODY, header: str | None = HEADER, secret: str = SECRET, **settings: Any) -> Any:
    return webhooks.verify(body, header, secret, **{"clock": now, **settings})


def explained(body: Any = BODY, header: str | None = HEADER, secret: str = SECRET, **settings: Any) -> str:
    return webhooks.explain(body, header, secret, **{"clock": now, **settings})


def header_of(stamp: Any, body: bytes = BODY, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp}, v1={digest}"


def test_the_check_value_of_the_reference_holds():
    assert webhooks.sign(BODY, SECRET, at=AT) == HEADER
    assert verified() == {"id": "event_demo", "event": "dsync.user.created"}
    assert explained() == "The signature is right."


@settings(deadline=None)
@given(st.text(), st.text(min_size=1).map("whsec_".__add__))
def test_whatever_we_sign_the_official_library_takes(text, secret):
    body, secret = json.dumps({"id": text}).encode(), secret.encode("utf-8", "ignore").decode()
    verify_header(event_body=body, event_signature=webhooks.sign(body, secret), secret=secret)
    with pytest.raises(ValueError, match="does not match"):
        verify_header(event_body=body + b" ", event_signature=webhooks.sign(body, secret), secret=secret)


@settings(deadline=None)
@given(st.binary(min_size=1), st.integers(-250, 250))
def test_we_and_the_official_library_agree_on_what_to_refuse(noise, age):
    """The official library's verifier and ours see the same header, body and age."""
    seconds = time.time() - age
    if abs(abs(age) - 180) < 5:
        return
    tampered = noise[0] % 2 == 0
    header = webhooks.sign(BODY, SECRET, at=seconds)
    body = BODY.replace(b"demo", b"evil") if tampered else BODY
    ours = theirs = True
    try:
        webhooks.verify(body, header, SECRET)
    except webhooks.InvalidSignature:
        ours = False
    try:
        verify_header(event_body=body, event_signature=header, secret=SECRET)
    except ValueError:
        theirs = False
    assert ours == theirs == (abs(age) <= 180 and not tampered)


def test_what_the_sandbox_sends_the_official_library_takes_and_reads(sandbox, okta):
    bodies = []
    with webhooks.Receiver() as receiver:
        taken = receiver.take
        receiver.take = lambda body, header: bodies.append((body, header)) or taken(body, header)  # type: ignore[method-assign]
        receiver.secret = sandbox.add_webhook(receiver.url)["secret"]
        sandbox.add_user(okta, email="ada@x.example", first_name="Ada")
        assert receiver.wait(1)
        body, header = bodies[0]
        event: Any = verify_event(event_body=body, event_signature=header, secret=receiver.secret)
    assert event.event == "dsync.user.created"
    assert event.data.email == "ada@x.example"


def test_evt_09_a_time_in_another_unit_is_named():
    assert verified(header=header_of(1785403964102))
    for stamp, unit in (
        (1785403964, "seconds"),
        (1785403964102000, "microseconds"),
        (1785403964102000000, "nanoseconds"),
    ):
        with pytest.raises(webhooks.InvalidSignature, match=f"looks like {unit}; it must be milliseconds"):
            verified(header=header_of(stamp))


def test_evt_10_bytes_and_text_pass_and_a_parsed_object_is_refused():
    body = b'{"name":"\\u003cAnn\\u003e", "n": 1.0}'
    header = header_of(1785403964102, body)
    for raw in (body, body.decode(), bytearray(body), memoryview(body)):
        assert verified(raw, header) == {"name": "<Ann>", "n": 1.0}
    with pytest.raises(errors.ArgumentError, match="pass the raw body"):
        verified(json.loads(body), header)
    rewritten = json.dumps(json.loads(body))
    with pytest.raises(webhooks.InvalidSignature):
        verified(rewritten, header)


@pytest.mark.parametrize(
    "written",
    [
        HEADER.replace(", ", ","),
        HEADER.replace(", ", " ,   "),
        ", ".join(HEADER.split(", ")[::-1]),
        HEADER + ", v0=abc",
        HEADER.replace("v1=", f"v1={'0' * 64}, v1="),
    ],
)
def test_the_header_is_read_leniently(written):
    assert verified(header=written)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "there is no WorkOS-Signature header"),
        ("", "there is no WorkOS-Signature header"),
        ("v1=abc", "must read t=<milliseconds>"),
        ("t=12", "must read t=<milliseconds>"),
        ("t=soon, v1=abc", "must read t=<milliseconds>"),
        ("t=-5, v1=abc", "must read t=<milliseconds>"),
        (f"t={'9' * 400}, v1=abc", "must read t=<milliseconds>"),
        ("t=١٢٣, v1=abc", "must read t=<milliseconds>"),
        (HEADER.replace("v1=d", "v1=e"), "does not fit this body and secret"),
        (HEADER.replace("v1=d", "v1=ä"), "does not fit this body and secret"),
    ],
)
def test_a_header_that_is_wrong_is_refused_with_the_reason(header, message):
    with pytest.raises(webhooks.InvalidSignature, match=message):
        verified(header=header)


def test_the_tolerance_holds_in_both_directions_and_can_be_changed():
    for off in (181, -181):
        with pytest.raises(webhooks.InvalidSignature, match=r"sent 181 seconds .*; 180 are allowed"):
            verified(clock=lambda off=off: AT + off)
        assert verified(clock=lambda off=off: AT + off, tolerance=300)
    assert verified(clock=lambda: AT + 179)


def test_a_signed_body_that_is_no_event_is_an_error_of_its_own():
    for body in (b"[]", b"not json", b"\xff"):
        with pytest.raises(errors.BadPayload, match="not a JSON object"):
            verified(body, header_of(1785403964102, body))


def test_without_a_secret_nothing_is_verified():
    for secret in ("", None):
        with pytest.raises(errors.ArgumentError, match="the endpoint's secret"):
            verified(secret=secret)


def test_every_signature_is_compared_in_constant_time(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(webhooks.hmac, "compare_digest", lambda a, b: compared.append(len(b)) or real(a, b))
    assert verified(header=HEADER + f", v1={'0' * 64}")
    assert compared == [64, 64]


@pytest.mark.parametrize(
    ("body", "header", "secret", "cause"),
    [
        (json.dumps(json.loads(BODY)), HEADER, SECRET, "as compact JSON, so something changed the body"),
        (BODY + b"\n", HEADER, SECRET, "without its last line end"),
        (b"\xef\xbb\xbf" + BODY, HEADER, SECRET, "without a byte order mark"),
        (BODY, HEADER, SECRET + "\n", "without the spaces or quotes around it"),
        (BODY, HEADER, f'"{SECRET}"', "without the spaces or quotes around it"),
        (BODY, HEADER, "fjord_demo", "with the prefix whsec_"),
        (BODY, header_of(1785403964102, secret="fjord_demo"), SECRET, "the prefix is part of the key"),
        (BODY, HEADER.replace(HEADER[22:], HEADER[22:].upper()), SECRET, "must be lower case"),
        (BODY, HEADER, "whsec_other", "none of the usual mishaps explains it"),
        (BODY, "t=1785403964, v1=abc", SECRET, "looks like seconds; it must be milliseconds since 1970."),
        (BODY, header_of(1785403964), SECRET, "Apart from that the signature is right."),
        (BODY, None, SECRET, "There is no WorkOS-Signature header."),
        (base64.b64encode(BODY), HEADER, SECRET, "decoded from base64, as a gateway hands it on"),
        (base64.b64encode(BODY).decode(), HEADER, SECRET, "decoded from base64, as a gateway hands it on"),
        (b'"' + base64.urlsafe_b64encode(BODY) + b'"\n', HEADER, SECRET, "decoded from base64"),
        (gzip.compress(BODY, mtime=0), HEADER, SECRET, "unpacked from gzip"),
        (
            base64.b64encode(gzip.compress(BODY, mtime=0)),
            HEADER,
            SECRET,
            "hands it on, then unpacked",
        ),
        (BODY, HEADER, "sk_test_1234567890", "begin with whsec_, and this is an API key of WorkOS"),
        (BODY, HEADER, "client_01H", "this is a client id of WorkOS"),
        (BODY, HEADER, "we_01H", "this is the id of the endpoint, not its secret"),
        (BODY, HEADER, "https://app.example/hooks", "this is an address"),
        (BODY, HEADER, "correct horse", "this is something else"),
    ],
)
def test_the_cause_of_a_failing_signature_is_found(body, header, secret, cause):
    assert cause in explained(body, header, secret)


def test_a_signature_of_the_body_alone_or_in_base64_is_recognised():
    alone = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert "signed alone" in explained(header=f"t=1785403964102, v1={alone}")
    digest = bytes.fromhex(HEADER.rpartition("=")[2])
    assert "base64" in explained(header=f"t=1785403964102, v1={base64.b64encode(digest).decode()}")
    key = base64.b64encode(b"a secret key").decode()
    assert "decoded from base64" in explained(
        header=webhooks.sign(BODY, "a secret key", at=AT), secret=f"whsec_{key}"
    )


def test_a_wrong_secret_is_named_by_its_kind_and_never_repeated():
    assert "sk_test_1234567890" not in explained(secret="sk_test_1234567890")


NESTED = b"[" * 100_000
BOMB = gzip.compress(b"0" * 50_000_000, mtime=0)


@pytest.mark.parametrize(
    "header",
    [
        "", "t=", "t=1,v1=", "=,=,=", "t=1,t=2,v1=a", "v1=" * 3000, "," * 100_000, "t=" + "9" * 5000 + ", v1=a",
        "t=1785403964102, v1=\ud800", "t=1785403964102, v1=\0", "t=²³, v1=a", "t=-1, v1=a", "t=1e3, v1=a",
        "t=1785403964102, v1=" + "a" * 100_000, b"t=1785403964102, v1=a", 7, ["t=1"],
    ],
    ids=lambda header: repr(header)[:24],
)  # fmt: skip
@pytest.mark.parametrize(
    "body", [b"", BODY, NESTED, BOMB, "\ud800", b"\xff\xfe"], ids=lambda body: repr(body)[:12]
)
def test_a_crafted_delivery_ends_in_a_typed_error(body, header):
    with pytest.raises(webhooks.InvalidSignature):
        verified(body, header)
    assert explained(body, header)


@pytest.mark.parametrize("body", [NESTED, BOMB, b"\xff\xfe", b"", b"7", b"null", "\ud800"])
def test_what_is_signed_and_no_event_is_a_bad_payload(body):
    header = webhooks.sign(body, SECRET, at=AT)
    with pytest.raises(errors.BadPayload, match="not a JSON object"):
        verified(body, header)


@pytest.mark.parametrize("secret", ["", None, 7, b"whsec_x"])
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(errors.ArgumentError, match="whsec_"):
        verified(secret=secret)


@pytest.mark.parametrize("secret", ["whsec_\ud800", "whsec_\0", "whsec_ß", "ключ"])
def test_a_secret_of_any_text_is_only_wrong(secret):
    with pytest.raises(webhooks.InvalidSignature):
        verified(secret=secret)
    assert explained(secret=secret)


def test_sandbox_and_client_sign_alike_without_sharing_code():
    assert deliveries.signature(BODY, SECRET, 1785403964102) == HEADER


# The receiver -------------------------------------------------------------------------------------------


@pytest.fixture
def receiver():
    with webhooks.Receiver(SECRET) as receiver:
        yield receiver


def post(receiver: webhooks.Receiver, body: bytes, header: str | None) -> int:
    headers = {webhooks.SIGNATURE_HEADER: header} if header else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(receiver.url, data=body, headers=headers, timeout=5).status_code


def test_a_receiver_takes_what_is_signed_and_keeps_each_event_once(receiver):
    for _ in range(2):
        assert post(receiver, BODY, webhooks.sign(BODY, SECRET)) == 200
    assert [event["id"] for event in receiver.events] == ["event_demo"]
    assert receiver.deliveries["repeated"].tolist() == [False, True]


def test_a_receiver_refuses_what_is_not(receiver):
    assert post(receiver, BODY, None) == 400
    assert post(receiver, BODY, webhooks.sign(BODY, "whsec_other")) == 400
    assert receiver.events == []
    assert "does not fit" in receiver.deliveries["verdict"].iloc[1]
    assert SECRET not in repr(receiver)


def test_a_receiver_without_its_secret_asks_for_a_repetition(receiver):
    receiver.secret = None
    assert post(receiver, BODY, webhooks.sign(BODY, SECRET)) == 503


def test_a_receiver_reads_no_body_without_end(receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "MAX_BODY", 10)
    assert post(receiver, BODY, webhooks.sign(BODY, SECRET)) == 413
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(receiver.url, data=iter([b"x"]), timeout=5).status_code == 411
    assert receiver.deliveries.empty


def test_an_empty_receiver_has_all_its_columns_and_waits_no_longer_than_told(receiver):
    assert receiver.deliveries.dtypes.astype(str).to_dict() == webhooks.DELIVERY_COLUMNS
    assert not receiver.wait(1, timeout=0.01)


def test_a_receiver_can_be_closed_twice():
    receiver = webhooks.Receiver(SECRET)
    receiver.close()
    receiver.close()


def test_deliveries_shuffled_doubled_and_repeated_lead_to_the_state_of_the_service(sandbox, client, okta):
    before = ds.load_users(client, directory_id=okta)
    with webhooks.Receiver() as receiver:
        endpoint = sandbox.add_webhook(receiver.url, disorder=6, doubled=3, pause=0.01)
        receiver.fail(3)
        receiver.secret = endpoint["secret"]
        user = sandbox.add_user(okta, email="ada@x.example")
        group = sandbox.add_group(okta, name="New")
        sandbox.add_member(group, user)
        sandbox.update_user(before.index[0], last_name="Quay")
        sandbox.delete_user(before.index[1])
        sandbox.remove_member(group, user)
        assert receiver.wait(6)
        events = list(receiver.events)
    assert [e["id"] for e in events] != sorted(e["id"] for e in events)
    state = sync.replay(events)
    after = ds.load_users(client, directory_id=okta)
    assert state.users.index.tolist() == [before.index[0], user]
    assert state.users["last_name"].iloc[0] == after.loc[before.index[0], "last_name"]
    assert state.memberships.empty
