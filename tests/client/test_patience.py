"""Patience in time: beside others, behind limits nobody announced, and with Ctrl-C heard in every wait."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import pytest

import dirsync_nb as ds
from dirsync_nb import errors
from dirsync_nb.client import DirectoryClient, Pacer, RetryPolicy, Transport
from dirsync_nb.client.transport import Traffic
from dirsync_nb.client.waiting import Stop, interruptible, wait
from dirsync_nb.sandbox.http.rate_limits import Limits

from ..foreign import Answer, paged, users

OK = Answer({"object": "directory", "id": "d1"})
REFUSED = Answer("Ratelimited", 429, {"Retry-After": "1"})


class Shared:
    """A server within a limit, beside somebody else who asks five times a second whatever happens."""

    def __init__(self, clock, script, seed):
        self.clock, self.script = clock, script
        self.at = self.turn = clock()
        self.limits = Limits(lambda: self.at)
        self.random = random.Random(seed)

    def __call__(self, request):
        while self.turn <= self.clock():
            self.at = self.turn
            self.limits.retry_after(1)
            self.turn += 0.2 + self.random.uniform(0, 0.05)
        self.at = self.clock()
        seconds = self.limits.retry_after(1)
        return Answer("Ratelimited", 429, {"Retry-After": str(seconds)}) if seconds else self.script(request)


@pytest.mark.parametrize(("per_directory", "count"), [(4.0, 5_000), (None, 1_500)], ids=["paced", "not"])
def test_a_load_beside_a_busy_program_completes(serve, clock, per_directory, count):
    people = users(count)
    for number, person in enumerate(people):
        person["id"] = f"u{number:05}"
    server, client = serve(Shared(clock, paged(people), seed=1))
    client.transport.pacer.per_directory = per_directory
    started = clock()
    frame = ds.load_users(client, directory_id="d1")
    assert list(frame.index) == [person["id"] for person in people]
    receipt = client.receipts[-1]
    assert receipt.complete
    assert len(server.requests) == receipt.requests > count / 100
    assert clock() - started < count * 0.03  # alone it takes 0.0025 a user
    assert {"429"} <= {pause.cause for pause in receipt.waits}


def test_a_sandbox_with_limits_is_read_at_its_pace(monkeypatch, clock):
    """On this machine nothing is paced until the first 429; that one teaches the pace."""
    monkeypatch.setattr("dirsync_nb.sandbox.environment.Limits", lambda: Limits(clock))
    with ds.sandbox.Sandbox(seed=1, users=300, limits=True) as sandbox:
        pacer = Pacer.unlimited()
        pacer.clock, pacer.sleep = clock, clock.sleep
        with DirectoryClient(Transport(sandbox.url, sandbox.api_key, pacer=pacer)) as client:
            directory = next(d["id"] for d in client.directories() if d["type"] == "okta scim v2.0")
            frame = ds.load_memberships(client, directory_id=directory, route="by_group")
            assert len(frame) > 100
            receipt = client.receipts[-1]
            assert receipt.complete
            assert receipt.requests > 10
            assert pacer.rate(directory) is not None
            assert pacer.rate(None) is None


def test_a_refusal_is_no_failure_while_patience_lasts(serve, clock):
    _, client = serve([*[REFUSED] * 40, OK], retry=RetryPolicy(spread=lambda: 1.0))
    traffic = Traffic()
    assert client.transport.get("/directories/d1", traffic=traffic)["id"] == "d1"
    assert traffic.requests == 41
    assert 40 <= sum(pause.seconds for pause in traffic.waits) < 50


def test_patience_is_the_sum_of_all_pauses_of_one_request(serve, clock):
    _, client = serve(lambda request: REFUSED, retry=RetryPolicy(max_wait=10, spread=lambda: 1.0))
    started = clock()
    words = r"asks for 1 s, after \d+ s of waiting, more than max_wait=10.*connect\(max_wait=\d\d\)"
    with pytest.raises(errors.RateLimited, match=words):
        client.transport.get("/directories/d1")
    assert 8 <= clock() - started <= 10.2


def test_a_refusal_without_a_pause_is_waited_out_as_long(serve, clock):
    _, client = serve(lambda request: Answer(b"", 429), retry=RetryPolicy(max_wait=10, spread=lambda: 1.0))
    started = clock()
    with pytest.raises(errors.RateLimited, match="Tried 5 times"):
        client.transport.get("/directories/d1")
    assert 10 <= clock() - started <= 10.5


def test_one_try_means_one(serve):
    server, client = serve([REFUSED])
    with pytest.raises(errors.RateLimited):
        client.transport.get("/directories/d1", retry=RetryPolicy(attempts=1))
    assert len(server.requests) == 1


def test_a_quota_of_the_day_is_not_waited_for(serve, clock):
    _, client = serve([Answer({"code": "daily_quota_exceeded", "message": "Quota"}, 429)])
    with pytest.raises(errors.RateLimited, match="Quota") as caught:
        client.transport.get("/directories/d1")
    assert caught.value.code == "daily_quota_exceeded"
    assert clock.sleeps == []


def test_what_is_waited_for_is_told_when_it_begins_and_when_it_is_over(serve, clock):
    said = []
    _, client = serve([Answer(b"", 429, {"Retry-After": "7"}), Answer(b"", 503, {"Retry-After": "3"}), OK])
    client.transport.get("/directories/d1", traffic=Traffic(tell=lambda words: said.append((clock(), words))))
    start = said[0][0]
    assert [(round(when - start), words) for when, words in said] == [
        (0, "the rate limit is used up: waiting 7 s"),
        (7, ""),
        (7, "no answer yet (503): waiting 3 s"),
        (10, ""),
    ]


# The pace -----------------------------------------------------------------------------------------------


def test_a_budget_slows_down_when_refused_and_speeds_up_again_to_its_limit(clock):
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    pacer.hold("d", 1.0)
    assert pacer.rate("d") == 4.0  # once may be chance
    pacer.wait("d")
    pacer.answered("d")
    pacer.hold("d", 1.0)
    assert 2 < pacer.rate("d") < 3
    assert pacer.rate("other") == 4.0
    for _ in range(150):
        pacer.wait("d")
        pacer.answered("d")
    assert pacer.rate("d") == 4.0


def test_refusals_of_requests_under_way_together_count_once(clock):
    one, many = (Pacer(clock=clock, sleep=clock.sleep) for _ in range(2))
    for _ in range(2):
        clock.now += 5
        one.hold("d", 1.0)
        for _ in range(30):
            many.hold("d", 1.0)
    assert many.rate("d") == one.rate("d") < 1


def test_a_refusal_after_the_whole_pause_slows_down_to_one_turn_a_pause(clock):
    pacer = Pacer.unlimited()
    pacer.clock, pacer.sleep = clock, clock.sleep
    for _ in range(3):
        pacer.wait("d")
        pacer.hold("d", 1.0)
    assert 0.95 < pacer.rate("d") < 1.0


def test_a_server_without_limits_stays_unpaced(serve, clock):
    _, client = serve(lambda request: OK)
    for _ in range(20):
        client.directory("d1")
    assert clock.sleeps == []


# Waits --------------------------------------------------------------------------------------------------


def test_ctrl_c_is_heard_in_a_wait_at_once():
    for stop in (None, Stop()):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            wait(30, stop)
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("threaded", [False, True])
def test_a_stop_is_heard_in_a_wait(threaded):
    stop = Stop()
    threading.Timer(0.05, stop.set).start()
    heard = []
    started = time.monotonic()
    waiting = threading.Thread(target=lambda: heard.append(wait(30, stop)))
    if threaded:
        waiting.start()
        waiting.join()
    else:
        waiting.run()
    assert heard == [True]
    assert time.monotonic() - started < 10
    assert wait(0.01, Stop()) is False


def test_an_interrupt_inside_a_lock_is_an_interrupt():
    torn = RuntimeError("release unlocked lock")
    torn.__context__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise torn
    with pytest.raises(RuntimeError, match="mine"), interruptible():
        raise RuntimeError("mine")


def test_an_interrupt_during_a_pause_ends_the_request(serve):
    _, client = serve([Answer(b"", 429, {"Retry-After": "30"})])
    client.transport.pacer.clock, client.transport.pacer.sleep = time.monotonic, wait
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        client.directory("d1")
