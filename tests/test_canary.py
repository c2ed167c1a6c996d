"""The key of this very run is found wherever it gets out; the proof is a run in which it does."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import dirsync_nb as ds

from . import canary
from .canary import KEY, Canary
from .foreign import KEY as SERVED

INNER = "CANARYXqzVkJwTrWqXqzVkJwTrWq"  # the key of the inner runs; theirs is looked for, not ours
CONFTEST = """
    from tests.canary import Canary

    KEY = "sk_test_CANARY" + "XqzVkJwTrWq" * 2

    def pytest_configure(config):
        config.pluginmanager.register(Canary(KEY), "canary")
"""


def run(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run tests of their own in a process of their own, watched for the inner key."""
    for name, text in (("conftest.py", CONFTEST), ("test_inner.py", tests)):
        lines = text.splitlines()
        (folder / name).write_text("\n".join(line.removeprefix("    ") for line in lines))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:nbval", *options]
    command += [f"--basetemp={folder / 'inner'}", "test_inner.py"]
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


LEAKS = """
    import base64, logging, urllib.parse, warnings, zipfile
    import pytest
    from conftest import KEY

    def test_that_prints():
        print("the key is", KEY)

    def test_that_logs_at_debug():
        logging.getLogger("urllib3.connectionpool").debug("GET /?key=%s", KEY)

    def test_that_logs_a_warning():
        logging.getLogger("anything").warning(KEY)

    def test_that_warns():
        warnings.warn(KEY)

    def test_that_fails_with_a_variable():
        key = KEY
        assert 1 == 2

    @pytest.fixture
    def broken():
        raise ValueError(KEY)

    def test_that_cannot_begin(broken):
        pass

    @pytest.mark.parametrize("key", [KEY])
    def test_that_names_it(key):
        pass

    def test_that_writes(tmp_path):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "plain.txt").write_text("x" * 5000 + KEY)
        (tmp_path / "wide.txt").write_text(KEY, encoding="utf-16")
        (tmp_path / "packed.txt").write_bytes(base64.b64encode(b"Bearer " + KEY.encode()))
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.json", KEY * 9)
        (tmp_path / "cut.zip").write_bytes(b"PK" + b"x" * 50)
        (tmp_path / KEY).touch()
"""


def test_every_way_out_is_found_and_named_without_the_key(tmp_path):
    done = run(tmp_path, LEAKS, "--showlocals")
    found = [line.removeprefix("CANARY in ") for line in done.stdout.splitlines() if line.startswith("CANARY")]
    told = "\n".join(found)
    for place in (
        "captured stdout call of test_inner.py::test_that_prints",
        "a message of urllib3.connectionpool during test_inner.py::test_that_logs_at_debug",
        "captured log call of test_inner.py::test_that_logs_a_warning",
        "a warning of test_inner.py::test_that_warns",
        "the traceback of test_inner.py::test_that_fails_with_a_variable",
        "the traceback of test_inner.py::test_that_cannot_begin",
        "the name of test_inner.py::test_that_names_it[sk_test_<canary>]",
        "plain.txt",
        "wide.txt",
        "packed.txt",
        "a.zip, in inside.json",
        "the name of a file in test_that_writes0",
    ):
        assert place in told, told
    assert "cut.zip" not in told
    assert done.returncode == 1
    failures = done.stdout.split("warnings summary")[0]
    assert "ValueError: sk_test_<canary>" in failures
    assert INNER not in failures
    assert INNER not in told


CLEAN = """
    import logging
    from conftest import KEY

    def test_that_uses_it(tmp_path, capsys, caplog):
        logging.getLogger("urllib3.connectionpool").debug("GET /")
        assert not caplog.records  # listening changes nothing for others
        (tmp_path / "length.txt").write_text(str(len(KEY)))
"""


def test_a_run_that_keeps_its_key_passes(tmp_path):
    done = run(tmp_path, CLEAN)
    assert done.returncode == 0, done.stdout
    assert "CANARY" not in done.stdout


ONE_LEAK = """
    from conftest import KEY

    def test_that_passes():
        pass

    def test_that_passes_too(tmp_path):
        (tmp_path / "left.txt").write_text(KEY)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_leak_fails_a_run_in_which_every_test_passes(tmp_path, workers):
    done = run(tmp_path, ONE_LEAK, *workers)
    assert "2 passed" in done.stdout
    assert done.returncode == 1
    assert "CANARY in the file " in done.stdout
    assert "left.txt" in done.stdout
    assert bool(workers) == ("left.txt (gw" in done.stdout)  # it was the worker that told
    assert INNER not in done.stdout + done.stderr


def test_this_run_is_watched_and_its_fixtures_use_the_canary(request, client, serve):
    watching = request.config.pluginmanager.get_plugin("canary")
    assert isinstance(watching, Canary)
    assert KEY.endswith(watching.secret)
    assert len(watching.secret) == 30
    _, scripted = serve([])
    assert client.transport._key.reveal() == scripted.transport._key.reveal() == KEY == SERVED
    assert len(ds.load_directories(client)) == 9


def test_each_run_has_a_key_of_its_own():
    assert canary.new_key() != canary.new_key() != KEY


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("behind", range(4))
def test_base64_is_found_at_any_offset(before, behind):
    packed = base64.b64encode(b"x" * before + INNER.encode() + b"y" * behind)
    assert any(spelling in packed for spelling in canary.spellings(INNER))
    assert not any(spelling in base64.b64encode(b"CANARY" * 20) for spelling in canary.spellings(INNER))


def test_archives_within_the_run_are_looked_into(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.txt", INNER * 3)
    watching = Canary(f"sk_test_{INNER}")
    watching.search(tmp_path)
    assert watching.finds == ["the file a.zip, in b.txt"]
