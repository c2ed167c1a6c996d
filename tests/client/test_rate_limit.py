from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from dirsync_nb.client import Pacer, RetryPolicy
from dirsync_nb.client.retry import parse_retry_after
from dirsync_nb.client.waiting import Stop

NOW = datetime(2026, 8, 3, 9, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("Mon, 03 Aug 2026 09:00:02 GMT", 2.0),  # HTTP-07: a date two seconds ahead
        ("Mon, 03 Aug 2026 08:59:00 GMT", 0.0),  # HTTP-07: a date in the past
        ("Mon, 03 Aug 2026 09:00:02 -0000", 2.0),  # a date without a known zone is UTC
        ("0", 1.0),  # seen in the wild with a limit still in force
        ("-5", 1.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


def test_pauses_double_up_to_a_ceiling_and_end_after_the_last_attempt():
    policy = RetryPolicy(attempts=4, base=1.0, ceiling=3.0, spread=lambda: 1.0)
    assert [policy.pause(tries, None) for tries in (1, 2, 3, 4)] == [1.0, 2.0, 3.0, None]


def test_pauses_are_spread_by_half():
    policy = RetryPolicy()
    assert all(0.5 <= policy.pause(1, None) <= 1.5 for _ in range(100))


def test_a_service_asking_for_more_than_we_wait_gets_no_early_retry():
    policy = RetryPolicy(max_wait=30)
    assert policy.pause(1, 30.0) == 30.0
    assert policy.pause(1, 31.0) is None


def test_one_directory_is_asked_four_times_a_second_evenly_and_a_hair_less(clock):
    """Exactly on the limit, requests that travel unevenly are too many in some second: the service says 429."""
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    started = clock.now
    for _ in range(9):
        pacer.wait("directory_1")
    assert 8 / 4 < clock.now - started <= 8 / 4 / 0.98
    assert clock.sleeps == [0.2525] * 8


def test_what_leaves_late_is_not_followed_too_closely(clock):
    """A machine that wakes up late, or a queue on the key: any four requests still span a second."""
    pacer = Pacer(clock=clock)
    left = []

    def overslept(seconds, stop):
        clock.now += seconds + (0.2 if len(left) == 3 else 0.0)

    pacer.sleep = overslept
    for _ in range(20):
        pacer.wait("directory_1")
        left.append(clock.now)
    assert min(b - a for a, b in zip(left, left[4:], strict=False)) >= 1.0
    assert left[-1] - left[0] < 19 * 0.2525 + 0.201


def test_the_rate_of_a_budget_is_the_lower_of_its_limits():
    assert Pacer().rate("d") == 4.0
    assert Pacer().rate(None) == 100.0
    assert Pacer(per_directory=None).rate("d") == 100.0
    assert Pacer(per_key=2.0).rate("d") == 2.0
    assert Pacer.unlimited().rate("d") is None


def test_the_parts_of_a_work_end_with_it_and_not_the_other_way():
    whole = Stop()
    part, other = Stop(whole), Stop(whole)
    part.set()
    assert part.is_set()
    assert not whole.is_set()
    assert not other.is_set()
    whole.set()
    assert other.is_set()
    assert Stop(whole).is_set()
    assert not Stop(None).is_set()


def test_directories_do_not_wait_for_each_other_but_share_the_key(clock):
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    started = clock.now
    for number in range(101):
        pacer.wait(f"directory_{number}")
    assert clock.now - started == pytest.approx(1.01)


def test_paths_without_a_budget_of_their_own_count_on_the_key_alone(clock):
    pacer = Pacer(per_key=None, clock=clock, sleep=clock.sleep)
    for _ in range(50):
        pacer.wait(None)
    assert clock.sleeps == []


def test_one_callers_429_holds_everybody_on_that_budget(clock):
    pacer = Pacer.unlimited()
    pacer.clock, pacer.sleep = clock, clock.sleep
    pacer.hold("directory_1", 5.0)
    assert pacer.wait("directory_2") == 0.0
    assert pacer.wait("directory_1") == pytest.approx(5.0)


def test_threads_share_one_budget():
    slept = []
    pacer = Pacer(
        per_directory=4.0, per_key=None, clock=lambda: 0.0, sleep=lambda seconds, stop: slept.append(seconds)
    )
    threads = [threading.Thread(target=pacer.wait, args=("d",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == pytest.approx([number * 0.2525 for number in range(1, 20)])


def test_a_queue_on_one_directory_holds_back_neither_another_nor_the_key(clock):
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    pacer.hold("crowded", 60.0)
    leaving, gone = threading.Event(), threading.Event()
    pacer.sleep = lambda seconds, stop: (leaving.set(), gone.wait(10))
    crowd = threading.Thread(target=pacer.wait, args=("crowded",))
    crowd.start()
    leaving.wait(10)
    pacer.sleep = clock.sleep
    assert pacer.wait("quiet") < 0.1
    assert pacer.wait(None) < 0.1
    gone.set()
    crowd.join()


def test_waiting_ends_at_once_when_it_is_stopped():
    stop = threading.Event()
    pacer = Pacer()
    pacer.hold("d", 60.0)
    threading.Timer(0.05, stop.set).start()
    started = time.monotonic()
    pacer.wait("d", stop)
    assert time.monotonic() - started < 5
