"""The rate limits: off unless asked for, per directory and per key."""

from __future__ import annotations

from collections.abc import Callable

from dirsync_nb.sandbox.http.rate_limits import Limits, Window

from .conftest import Http


def test_a_window_lets_through_so_many_in_any_stretch_of_time() -> None:
    window = Window(2, 1.0)
    for now in (0.0, 0.6):
        assert window.wait(now) == 0
        window.take(now)
    assert window.wait(0.8) > 0
    assert window.wait(1.0) == 0


def test_directories_are_counted_apart_and_refusals_not_at_all() -> None:
    now = [0.0]
    limits = Limits(clock=lambda: now[0])
    assert [limits.retry_after(1) for _ in range(6)] == [0, 0, 0, 0, 1, 1]
    assert limits.retry_after(2) == 0
    now[0] = 1.0
    assert limits.retry_after(1) == 0


def test_the_key_has_a_limit_over_everything() -> None:
    now = [0.0]
    limits = Limits(clock=lambda: now[0])
    assert not any(limits.retry_after(None) for _ in range(6_000))
    assert limits.retry_after(None) == 60
    now[0] = 59.5
    assert limits.retry_after(None) == 1


def test_the_fifth_request_is_answered_with_a_bare_json_string(make: Callable[..., Http]) -> None:
    http = make(limits=True)
    okta = http.walk("/directories")[0]["id"]
    user = http.sandbox.truth.users(okta)[0]["id"]
    group = http.sandbox.truth.groups(okta)[0]["id"]
    queries = [{"directory": okta}, {"group": group}, {"directory": okta, "group": group}]
    assert [http.get("/directory_users", **query).status_code for query in queries] == [200] * 3
    assert http.get(f"/directory_users/{user}").status_code == 200
    refused = http.get("/directory_users", group=group)
    assert refused.status_code == 429
    assert refused.json() == "Ratelimited"
    assert refused.headers["Retry-After"] == "1"
    assert http.get("/directory_groups", directory=okta).status_code == 200


def test_no_limits_by_default(http: Http, directories: dict[str, str]) -> None:
    answers = [http.get("/directory_users", directory=directories["okta"]).status_code for _ in range(10)]
    assert answers == [200] * 10
