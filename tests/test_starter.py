"""The starter as people get it: written, installed in a fresh environment, tested, and run for real."""

from __future__ import annotations

import os
import shutil
import site
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, starter
from dirsync_nb.cli import main
from dirsync_nb.client import Pacer
from dirsync_nb.provisioning import load_app_users
from dirsync_nb.sandbox import Sandbox
from dirsync_nb.sync import state as sync
from dirsync_nb.sync import take_snapshot

pytestmark = pytest.mark.timeout(900)  # an environment is installed, whoever asks for it first
FRESH = {name: value for name, value in os.environ.items() if not name.startswith(("WORKOS_", "PYTHON"))}


def run(*command: Any, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**FRESH, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)


# Writing it ---------------------------------------------------------------------------------------------


def test_it_writes_a_project_and_says_which_files(tmp_path):
    folder = tmp_path / "deep" / "worker"
    files = starter.write_starter(folder)
    assert {"README.md", "pyproject.toml", ".env.example", ".gitignore"} <= {str(one) for one in files}
    assert Path("directory_worker/worker.py") in files
    assert Path("tests/test_worker.py") in files
    assert all((folder / one).read_text() == (starter.FILES / one).read_text() for one in files)
    assert {path.suffix for path in files} <= {".py", ".md", ".toml", ".example", ""}


def test_what_tools_leave_behind_is_not_copied(tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(starter.FILES, source)
    for name in ("directory_worker/__pycache__/x.pyc", ".mypy_cache/x.json", "tests/.pytest_cache/v"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("left behind")
    monkeypatch.setattr(starter.write, "FILES", source)
    files = starter.write_starter(tmp_path / "worker")
    assert not [one for one in files if "cache" in str(one)]


def test_files_from_a_read_only_installation_can_be_changed(tmp_path, monkeypatch):
    source = tmp_path / "source"
    shutil.copytree(starter.FILES, source)
    for path in [*source.rglob("*"), source]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setattr(starter.write, "FILES", source)
    folder = tmp_path / "worker"
    starter.write_starter(folder)
    assert all(path.stat().st_mode & stat.S_IWUSR for path in [folder, *folder.rglob("*")])
    for path in [source, *source.rglob("*")]:
        path.chmod(0o755)


def test_nothing_is_overwritten(tmp_path):
    mine = tmp_path / "worker.py"
    mine.write_text("mine")
    with pytest.raises(errors.ArgumentError, match="not empty"):
        starter.write_starter(tmp_path)
    with pytest.raises(errors.ArgumentError, match="is a file"):
        starter.write_starter(mine)
    with pytest.raises(errors.ArgumentError, match="cannot write"):
        starter.write_starter(mine / "inside")
    assert [path.name for path in tmp_path.iterdir()] == ["worker.py"]
    assert mine.read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    assert starter.write_starter(tmp_path)
    assert (tmp_path / "pyproject.toml").is_file()


def test_the_command_writes_it_and_refuses_what_is_not_empty(tmp_path, capsys):
    folder = tmp_path / "worker"
    assert main(["starter", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "python -m directory_worker --once" in told
    assert "&&" not in told  # PowerShell before 7 knows no such sign
    assert main(["starter", str(folder)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_it_holds_no_key_and_nobody_from_outside_reserved_domains():
    for path in starter.FILES.rglob("*.py"):
        text = path.read_text()
        assert "sk_live" not in text
        assert "—" not in text


# In a fresh environment ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter") / "worker"
    starter.write_starter(folder)
    return folder


@pytest.fixture(scope="module")
def python(project: Path) -> Path:
    """A fresh environment with the starter installed; it sees our libraries, since nothing may be fetched."""
    home = project.parent / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home, cwd=project.parent).check_returncode()
    (packages,) = home.glob("lib/python*/site-packages")
    ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})\n" for path in ours]
    (packages / "ours.pth").write_text("".join(lines))
    fresh = home / "bin" / "python"
    assert run(fresh, "-c", "import directory_worker", cwd=project.parent).returncode == 1
    install = (fresh, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation")
    done = run(*install, "--disable-pip-version-check", project, cwd=project.parent)
    assert done.returncode == 0, done.stderr
    return fresh


def test_it_installs_with_all_it_needs(python, project):
    where = run(python, "-c", "import directory_worker; print(directory_worker.__file__)", cwd=project.parent)
    assert where.stdout.startswith(str(python.parents[1]))
    done = run(python, "-m", "pip", "check", "--disable-pip-version-check", cwd=project.parent)
    assert "directory-worker" not in done.stdout
    listed = run(python, "-m", "pip", "show", "directory-worker", cwd=project.parent).stdout
    assert "Requires: httpx2, sqlalchemy, workos" in listed


def test_its_own_tests_pass(python, project):
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # not with the plugins of our own tests
    done = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project, **alone)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = int(done.stdout.split(" passed")[0].split()[-1])
    assert passed >= 60


def test_its_code_is_clean_by_its_own_strict_settings(python, project):
    for command in (
        ("mypy", "--cache-dir", project.parent / "mypy"),
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
    ):
        done = run(python, "-m", *command, *(["."] if command[0] == "ruff" else []), cwd=project)
        assert done.returncode == 0, done.stdout + done.stderr


# For real -----------------------------------------------------------------------------------------------


class Desk:
    """The installed worker beside a sandbox, and what we ourselves know of the same sandbox."""

    def __init__(self, python: Path, sandbox: Sandbox, folder: Path) -> None:
        self.python, self.sandbox, self.folder = python, sandbox, folder
        self.url = f"sqlite:///{folder / 'directory.db'}"
        transport = ds.connect(sandbox.api_key, base_url=sandbox.url, pacer=Pacer.unlimited())
        self.client = transport
        self.home = str(sandbox.truth.directories()[0]["id"])
        self.variables = {
            "WORKOS_API_KEY": sandbox.api_key,
            "WORKOS_BASE_URL": sandbox.url,
            "DATABASE_URL": self.url,
            "USERS_PER_SECOND": "100000",
            "INACTIVE_USERS": sandbox.inactive_policy,
            "POLL_SECONDS": "0.02",
        }

    def once(self) -> None:
        done = run(self.python, "-m", "directory_worker", "--once", cwd=self.folder, **self.variables)
        assert done.returncode == 0, done.stderr

    def start(self) -> subprocess.Popen[bytes]:
        command, environment = [self.python, "-m", "directory_worker"], {**FRESH, **self.variables}
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.DEVNULL)

    def table(self, name: str) -> pd.DataFrame:
        return load_app_users(self.url, table=name)

    def check(self) -> None:
        """Hold every table against what our own loaders say."""
        people, now = self.table("users").set_index("id"), take_snapshot(self.client)
        here = people[people["present"]].sort_index()
        theirs = now.users.sort_index()
        assert list(here.index) == list(theirs.index)
        for column in ("email", "name", "first_name", "last_name", "idp_id", "directory_id", "organization_id"):
            assert _plain(here[column]) == _plain(theirs[column])
        assert _plain(here["status"]) == _plain(theirs["state"].astype(object))
        assert list(here["roles"]) == [list(roles) for roles in theirs["roles"]]
        for ours, record in zip(here["custom_attributes"], theirs["custom_attributes"], strict=True):
            assert _filled(ours) == _filled(record)
        groups = self.table("groups")
        names = groups[groups["present"]].set_index("id")["name"]
        assert names.sort_index().to_dict() == now.groups["name"].sort_index().to_dict()
        pairs = self.table("memberships").query("present")
        assert _pairs(pairs) == _pairs(now.memberships)
        homes = self.table("directories").query("present").set_index("id")["state"]
        assert homes.to_dict() == now.directories["state"].astype(object).to_dict()


def _plain(column: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in column]


def _filled(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes without those that are null: between null and absent no event is sent."""
    return {name: value for name, value in attributes.items() if value is not None}


def _pairs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["user_id"], frame["group_id"], strict=True))


@pytest.fixture
def desk(python: Path, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(**settings: Any) -> Desk:
        desks.append(Desk(python, Sandbox(**settings).start(), tmp_path))
        return desks[-1]

    yield make
    for one in desks:
        one.client.close()
        one.sandbox.stop()


def _until(true: Callable[[], Any], seconds: float = 60) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        pause.wait(0.02)
    pytest.fail("it has not come to pass")


def _a_day(sandbox: Sandbox, home: str, number: int) -> None:
    """Let people join, leave, move and return, and groups begin and end: events of every kind."""
    users = [one["id"] for one in sandbox.truth.users(home) if one["state"] == "active"]
    groups = [one["id"] for one in sandbox.truth.groups(home)]
    crew = sandbox.add_group(home, name=f"Crew {number}", role="admin")
    joiner = sandbox.add_user(home, email=f"j{number}@acme.test", first_name="Jo", last_name=f"Nr {number}")
    for user in (joiner, *users[:4]):
        sandbox.add_member(crew, user)
    sandbox.update_user(users[0], last_name=f"N{number}", custom_attributes={"department_name": f"D{number}"})
    sandbox.deactivate_user(users[1])
    sandbox.reactivate_user(users[1])
    sandbox.deactivate_user(users[2])
    sandbox.delete_user(users[3])
    sandbox.remove_member(crew, users[0])
    sandbox.rename_group(groups[0], f"Renamed {number}")
    sandbox.delete_group(groups[1])


@pytest.mark.parametrize("policy", ["delete", "keep"])
def test_its_tables_are_what_our_own_loaders_say_run_after_run(desk, policy):
    one = desk(users=60, inactive_policy=policy)
    one.once()
    one.check()
    before = take_snapshot(one.client, inactive_policy=policy)
    for number in range(2):
        _a_day(one.sandbox, one.home, number)
    one.sandbox.delete_directory(one.sandbox.truth.directories()[1]["id"])
    asked = len(one.sandbox.requests)
    one.once()
    assert {path for _, path, _ in one.sandbox.requests[asked:]} == {"/events"}
    one.check()
    state = sync.replay(ds.load_events(one.client), base=before, inactive_policy=policy)
    lifecycles = state.people()["lifecycle"].astype(object)
    statuses = one.table("users").set_index("id")["status"]
    # Whoever is here again under a new id, our own replay calls removed; the worker leaves them retained.
    returned = lifecycles[(lifecycles == "removed") & (statuses.reindex(lifecycles.index) == "retained")]
    assert len(returned) == (2 if policy == "delete" else 0)
    assert statuses.drop(returned.index).to_dict() == lifecycles.drop(returned.index).to_dict()


def test_killed_in_the_middle_rows_and_place_agree_and_nothing_is_lost(desk):
    one = desk(world="okta", users=60)
    one.once()
    for number in range(250):
        one.sandbox.add_user(one.home, email=f"p{number}@acme.test")
    fault = one.sandbox.faults.add("slow", path="/events", skip=2, seconds=60)
    worker = one.start()
    _until(lambda: fault.fired)  # two pages are in; it waits for the third
    worker.kill()
    worker.wait(60)
    one.sandbox.faults.clear()
    here = one.table("users").query("present")
    assert len(here) == 260
    events = ds.load_events(one.client, events="dsync.user.created")
    assert here["id"].iloc[-1] in set(events["user_id"])
    place = one.table("place")["cursor"].iloc[0]
    assert events.loc[place, "user_id"] in set(here["id"])
    assert set(events["user_id"][list(events.index).index(place) + 1 :]).isdisjoint(here["id"])
    one.once()
    one.check()


def test_killed_again_and_again_while_things_happen_it_ends_right(desk):
    one = desk(world="okta", users=60)
    for number in range(3):
        worker = one.start()
        asked = len(one.sandbox.requests)
        _until(lambda before=asked + 3 * number: len(one.sandbox.requests) > before)
        _a_day(one.sandbox, one.home, number)
        worker.kill()
        worker.wait(60)
    one.once()
    one.check()
