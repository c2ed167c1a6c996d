"""The command as it is run: settings, exit codes, what it logs, and being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from directory_worker.__main__ import main
from directory_worker.config import Config, ConfigError
from directory_worker.tables import User

from .conftest import Desk

KEY = "sk_test_CANARY1234567890"

Start = Callable[..., "subprocess.Popen[str]"]
Once = Callable[..., tuple[int, str]]


@pytest.fixture
def variables(desk: Desk, engine: Engine, own_url: str) -> dict[str, str]:
    """What the worker is told by its environment."""
    return {
        "WORKOS_API_KEY": desk.sandbox.api_key,
        "WORKOS_BASE_URL": desk.sandbox.url,
        "DATABASE_URL": str(engine.url),
        "USERS_PER_SECOND": "100000",
        "APP_DATABASE_URL": own_url,
    }


@pytest.fixture
def start(variables: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the worker as a process of its own."""
    started = []

    def run(*arguments: str, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "directory_worker", *arguments]
        environment = {**os.environ, **variables, **more}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def once(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Once:
    """Run the command to its end in this process; give its exit code and what it wrote."""

    def run(**more: str) -> tuple[int, str]:
        for name, value in {**variables, **more}.items():
            monkeypatch.setenv(name, value)
        code = main(["--once"])
        return code, capfd.readouterr().err

    return run


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_log_holds_no_key_and_nobody(desk: Desk, once: Once) -> None:
    code, said = once()
    told = [line["what"] for line in lines(said) if line["what"] != "accounts_kept"]
    assert (code, told) == (0, ["directory_loaded", "loaded", "turn"])
    desk.sandbox.add_user(desk.home, email="ada@acme.test", first_name="Ada", last_name="Quay")
    more = once()[1]
    assert lines(more)[0]["what"] == "events_applied"
    turn = lines(more)[-1]
    assert (turn["what"], turn["events"], turn["failed"], turn["lag"] > 0) == ("turn", 1, 0, True)
    code, last = once(WORKOS_API_KEY=KEY)
    problem = {name: lines(last)[-1][name] for name in ("what", "problem", "status")}
    assert (code, problem) == (1, {"what": "ended", "problem": "AuthenticationError", "status": 401})
    written = said + more + last
    assert not [word for word in ("CANARY", "ada", "Quay", "@", desk.sandbox.api_key) if word in written]


def test_a_worker_killed_in_the_middle_goes_on_as_if_nothing_had_been(desk: Desk, start: Start) -> None:
    for skip in (1, 3):  # while it lists people, and while it asks for the members of a group
        desk.sandbox.faults.add("slow", path="/directory_users", skip=skip, seconds=20)
        process = start()
        _until(lambda: desk.sandbox.faults.describe()[0]["fired"])  # it waits for an answer
        process.kill()
        process.communicate(timeout=60)
        desk.sandbox.faults.clear()
    assert desk.everything()["users"] == []
    start("--once").communicate(timeout=60)
    desk.check()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM: a process is ended there, not told")
def test_it_follows_until_it_is_told_to_stop(desk: Desk, start: Start) -> None:
    process = start(POLL_SECONDS="0.05")
    _until(lambda: desk.everything()["place"] and desk.place().cursor)
    ada = desk.sandbox.add_user(desk.home, email="ada@acme.test")
    _until(lambda: ada in desk.ids(User))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
    desk.check()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "WORKOS_API_KEY is not set"),
        ({"WORKOS_API_KEY": KEY, "INACTIVE_USERS": "maybe"}, "INACTIVE_USERS must be"),
        ({"WORKOS_API_KEY": KEY, "POLL_SECONDS": "-1"}, "POLL_SECONDS must be"),
        ({"WORKOS_API_KEY": KEY, "WEBHOOK_PORT": "http"}, "WEBHOOK_PORT must be"),
        ({"WORKOS_API_KEY": KEY, "GRACE_DAYS": "-1"}, "GRACE_DAYS must be"),
        ({"WORKOS_API_KEY": KEY, "GUARD_SHARE": "50"}, "GUARD_SHARE must be"),
        ({"WORKOS_API_KEY": KEY, "CONFIRM_OFF": "all"}, "CONFIRM_OFF must be"),
        ({"WORKOS_API_KEY": KEY, "LOCAL_ACCOUNTS": "gone"}, "LOCAL_ACCOUNTS must be"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named(variables: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        Config.from_environment(variables)
    assert "CANARY" not in str(refusal.value)


def test_secrets_are_not_shown(once: Once) -> None:
    variables = {"WORKOS_API_KEY": KEY, "WEBHOOK_SECRET": "whsec_CANARY", "DATABASE_URL": "x://u:CANARY@h/d"}
    config = Config.from_environment(variables)
    assert config.webhook_secret == "whsec_CANARY"
    assert "CANARY" not in repr(config)
    code, said = once(DATABASE_URL="sqlite:////nowhere/CANARY.db")
    assert (code, "CANARY" in said) == (1, False)


def _until(true: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until something is so."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        pause.wait(0.02)
    pytest.fail("it has not come to pass")
