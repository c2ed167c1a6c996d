"""The command line: what each command needs, hands on, says, and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import nbformat
import pytest
from nbformat import v4
from nbformat.sign import NotebookNotary

import dirsync_nb as ds
from dirsync_nb import cli, extras
from dirsync_nb.cli import main
from dirsync_nb.notebooks import tour

KEY = "sk_test_PLANTED1234567890"  # its own: the stand-in for Jupyter writes it down
ROOT = str(Path(ds.__file__).parent.parent)

# Stands in for JupyterLab: notes what it was given, says where it serves, and waits for its end.
STAND_IN = """
import json, os, pathlib, sys, time
files = pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"])
pathlib.Path("seen.json").write_text(json.dumps({"pid": os.getpid(), **os.environ}))
server = {"url": "http://localhost:4711/", "token": os.environ["JUPYTER_TOKEN"]}
(files / "jpserver-1.json").write_text(json.dumps(server))
if len(sys.argv) > 1:
    time.sleep(1)
    sys.exit(int(sys.argv[1]))
time.sleep(60)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with two guided notebooks."""
    guided = tmp_path / "guided"
    guided.mkdir()
    for name in ("01_first_look.ipynb", "02_groups.ipynb"):
        nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# A notebook")]), guided / name)
    monkeypatch.setattr(tour, "guided_notebooks", lambda: sorted(guided.glob("*.ipynb")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def lab(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Run ``dirsync-nb lab`` with the stand-in, and give what the stand-in saw."""

    def run(
        *arguments: str, stop: int | None = signal.SIGINT, stand_in: tuple[str, ...] = ()
    ) -> dict[str, str]:
        monkeypatch.setattr(cli, "_jupyter", lambda *_: [sys.executable, "-c", STAND_IN, *stand_in])
        said, say = threading.Event(), cli._say
        monkeypatch.setattr(cli, "_say", lambda line: (say(line), line.startswith("JupyterLab") and said.set()))
        if stop is not None:
            threading.Thread(target=lambda: said.wait(30) and os.kill(os.getpid(), stop)).start()
        seen = {"code": main(["lab", *arguments])}
        return seen | json.loads((here / "seen.json").read_text())

    return run


# -- the command itself --------------------------------------------------------------------------------------


def test_alone_it_prints_its_help_and_ends_with_0(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(command in said for command in ("lab", "sandbox", "tour", "check", "WORKOS_API_KEY"))


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.startswith("dirsync-nb ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["lab", "--nonsense"],
        ["tour", "--nonsense"],
        ["sandbox", "--nonsense"],
        ["tour", "--timeout", "0"],
        ["tour", "--timeout", "soon"],
        ["check"],
        ["check", "--max-output", "0", "."],
    ],
)
def test_what_it_does_not_know_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["lab", "demo", "tour", "check .", "init-ci", "drift", "probe", "starter x"]
)
def test_whatever_the_toolkit_refuses_a_command_ends_with_its_sentence(command, monkeypatch, capsys):
    def refuse(_):
        raise ds.errors.ConfigurationError("no usable key")

    name = command.partition(" ")[0].replace("-", "_")
    monkeypatch.setattr(cli, f"run_{name}", refuse)
    assert main(command.split()) == 2
    assert capsys.readouterr().err == f"dirsync-nb {command.partition(' ')[0]}: no usable key\n"


def test_sandbox_is_handed_its_arguments(monkeypatch):
    from dirsync_nb.sandbox import __main__

    given: list[Any] = []
    monkeypatch.setattr(__main__, "main", lambda argv, world_asked_for: given.append(argv) or 5)
    assert main(["sandbox", "--port", "0", "--strict"]) == 5
    assert given == [["--port", "0", "--strict"]]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Files of each kind that a sandbox can be made of."""
    folder = tmp_path_factory.mktemp("worlds")
    (folder / "people.csv").write_text("User Id,Username,Primary email\n00u1,ada,ada@acme.test\n")
    (folder / "Crew.csv").write_text("id,login,firstName,lastName,status\n00u1,ada,Ada,Lind,ACTIVE\n")
    client = ds.connect_sandbox(world="okta", users=3)
    ds.take_snapshot(client, path=folder / "a.snapshot")
    ds.take_fleet(client, folder / "fleet")
    ds.save_world(ds.open_snapshot(folder / "a.snapshot"), folder / "a.jsonl")
    client.sandbox.stop()
    return folder


OKTA_PEOPLE = ["--people", "people.csv", "--groups", "Crew.csv", "--provider", "jumpcloud", "--company", "Acme"]


@pytest.mark.parametrize(
    ("asked", "users", "kind"),
    [
        (["--world", "people.csv"], 1, "okta scim v2.0"),
        (OKTA_PEOPLE, 1, "jump cloud scim v2.0"),
        (["--world", "a.snapshot"], 3, "okta scim v2.0"),
        (["--world", "fleet"], 3, "okta scim v2.0"),
        (["--world", "a.jsonl"], 3, "okta scim v2.0"),
        (["--world", "okta", "--users", "3"], 3, "okta scim v2.0"),
    ],
)
def test_the_sandbox_serves_whatever_connect_sandbox_takes(worlds, monkeypatch, asked, users, kind):
    from dirsync_nb.sandbox import __main__

    class Told(ds.sandbox.Sandbox):
        def start(self):
            with ds.connect_sandbox(world=self.settings.world, users=self.users) as client:
                seen.append((self.info()["counts"]["users"], ds.load_directories(client)["type"].tolist()))
            raise OSError("seen")

    seen = []
    monkeypatch.chdir(worlds)
    monkeypatch.setattr(__main__, "Sandbox", Told)
    assert main(["sandbox", "--port", "0", *asked]) == 2
    assert seen == [(users, [kind])]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--world", "none.csv"], "cannot be read"),
        (["--world", "a.jsonl", "--people", "people.csv"], "are two worlds"),
        (["--provider", "okta"], "go with --people"),
        (["--people", "people.csv", "--provider", "octa"], "provider must be one of okta, entra"),
    ],
)
@pytest.mark.parametrize("command", ["sandbox", "lab"])
def test_a_world_that_cannot_be_is_told_in_a_line(worlds, monkeypatch, capsys, command, asked, words):
    monkeypatch.chdir(worlds)
    assert main([command, *asked]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"dirsync-nb {command}: ")
    assert (words in told, told.count("\n")) == (True, 1)


def test_as_a_process_the_sandbox_serves_until_it_is_asked_to_end():
    command = [sys.executable, "-m", "dirsync_nb.cli", "sandbox", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Sandbox of WorkOS Directory Sync")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


# -- lab -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_lab_ends_on_a_signal_and_leaves_no_process_no_port_and_no_handler(lab, number):
    before = signal.getsignal(number)
    seen = lab(stop=number)
    assert seen["code"] == 0
    with pytest.raises(ProcessLookupError):
        os.kill(seen["pid"], 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(seen["DIRSYNC_SANDBOX_URL"]).port), 5)
    assert not Path(seen["JUPYTER_RUNTIME_DIR"]).exists()
    assert signal.getsignal(number) is before


def test_lab_says_server_notebooks_and_address(lab, here, capsys):
    seen = lab("--dir", "work", "--seed", "2", "--users", "10")
    out, err = capsys.readouterr()
    server, notebooks, address, end = out.splitlines()
    assert server.startswith("Server:     the embedded sandbox")
    assert seen["DIRSYNC_SANDBOX_URL"] in server
    assert notebooks == f"Notebooks:  {here / 'work'} (new: 01_first_look.ipynb, 02_groups.ipynb)"
    assert (
        address
        == f"JupyterLab: http://localhost:4711/lab/tree/01_first_look.ipynb?token={seen['JUPYTER_TOKEN']}"
    )
    assert end == "Ctrl-C ends it."
    assert err == ""


def test_lab_keeps_its_sandbox_in_a_file_and_takes_a_world_from_another(lab, here, capsys):
    (here / "people.csv").write_text("User Id,Username,Primary email\n00u1,ada,ada@acme.test\n")
    for _ in range(2):
        assert lab("--world", "people.csv", "--database", "kept.sqlite")["code"] == 0
    assert main(["lab", "--world", "okta", "--database", "kept.sqlite"]) == 2
    assert "kept.sqlite was made with world=" in capsys.readouterr().err
    assert main(["lab", "--world", "none.csv"]) == 2
    assert capsys.readouterr().err.startswith("dirsync-nb lab: none.csv cannot be read")


@pytest.mark.parametrize(("asked", "clock"), [((), "now"), (("--clock", "fixed"), "fixed")])
def test_the_sandbox_of_lab_lives_today_unless_told_otherwise(lab, monkeypatch, asked, clock):
    clocks = []

    class Told(ds.sandbox.Sandbox):
        def __init__(self, **settings):
            clocks.append(settings["clock"])
            super().__init__(**settings)

    monkeypatch.setattr(ds.sandbox, "Sandbox", Told)
    assert lab("--users", "10", *asked)["code"] == 0
    assert clocks == [clock]


def test_lab_with_a_key_starts_no_sandbox_and_never_shows_the_key(lab, monkeypatch, capsys):
    monkeypatch.setenv("WORKOS_API_KEY", KEY)
    seen = lab()
    out, err = capsys.readouterr()
    assert "DIRSYNC_SANDBOX_URL" not in seen
    assert seen["WORKOS_API_KEY"] == KEY
    assert out.startswith("Server:     WorkOS at api.workos.com\n")
    assert KEY not in out + err


def test_lab_gives_the_code_of_a_jupyterlab_that_ends_by_itself(lab):
    assert lab(stop=None, stand_in=("0",))["code"] == 0
    assert lab(stop=None, stand_in=("3",))["code"] == 3


def test_lab_never_overwrites_a_notebook_and_says_which_are_new(here):
    folder = here / "mine"
    folder.mkdir()
    (folder / "01_first_look.ipynb").write_text("my edits")
    assert cli._copy_notebooks(folder) == "new: 02_groups.ipynb; 1 there already, left as they are"
    assert cli._copy_notebooks(folder) == "all there already, left as they are"
    assert (folder / "01_first_look.ipynb").read_text() == "my edits"
    assert (folder / "02_groups.ipynb").exists()


def test_a_notebook_that_lab_copied_is_trusted_until_somebody_changes_it(here, monkeypatch):
    data = here / "data"
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(data))
    cli._copy_notebooks(here / "work")
    notary = NotebookNotary(data_dir=str(data))
    first, second = (nbformat.read(path, 4) for path in sorted((here / "work").glob("*.ipynb")))
    assert notary.check_signature(first)
    second.cells[0].source = "<b>mine</b>"
    assert not notary.check_signature(second)


def command_of(*arguments: str) -> list[str]:
    return cli._jupyter(cli.parser().parse_args(["lab", *arguments]), Path("/work"))


def test_lab_hands_more_arguments_to_jupyterlab_after_its_own():
    assert command_of("--port", "9", "--", "--debug", "--ip=0.0.0.0")[-2:] == ["--debug", "--ip=0.0.0.0"]
    assert "--ServerApp.port=9" in command_of("--port", "9")
    assert command_of()[:3] == [sys.executable, "-m", "jupyterlab"]


def test_lab_opens_a_browser_unless_told_not_to():
    assert "--no-browser" in command_of("--no-browser")
    assert "--no-browser" not in command_of()


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_lab_allows_root_only_when_it_is_root(monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in command_of()) == allowed


# -- demo ----------------------------------------------------------------------------------------------------


def test_demo_serves_the_console_behind_a_token_until_it_is_told_to_end(here, monkeypatch, capsys):
    monkeypatch.setenv("WORKOS_API_KEY", KEY)  # the page is for the sandbox, whatever key is set
    seen: dict[str, Any] = {}
    say, settle, start = cli._say, cli._voila, subprocess.Popen

    def settle_noted(arguments, place, port, token):
        seen.update(port=port, token=token)
        return settle(arguments, place, port, token)

    def start_noted(command, **given):
        seen.update(command=command, environment=given["env"])
        return start(command, **given)

    def look(line):
        say(line)
        if line.startswith("Console"):
            with urlopen(f"http://127.0.0.1:{seen['port']}/", timeout=20) as answer:
                seen["page"] = answer.url
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(cli, "_voila", settle_noted)
    monkeypatch.setattr(subprocess, "Popen", start_noted)
    monkeypatch.setattr(cli, "_say", look)
    arguments = ["--company", "Acme & Söhne", "--provider", "google", "--users", "20", "--no-browser"]
    assert main(["demo", *arguments]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Sandbox:    http://127.0.0.1:")
    assert f"Console:    http://127.0.0.1:{seen['port']}/?token={seen['token']}" in out
    assert "/login?next=" in seen["page"]  # nobody without the token
    assert seen["token"] not in " ".join(seen["command"])
    assert KEY not in seen["environment"].values()
    assert seen["environment"]["DIRSYNC_SANDBOX_URL"] in out
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", seen["port"]), 5)


def test_a_demo_of_somebodys_people_takes_their_export_and_a_taken_port_is_passed_over(here, monkeypatch):
    (here / "people.csv").write_text("email,first_name,last_name\nada@tern.test,Ada,Lee\n")
    seen: dict[str, Any] = {}

    def begin(arguments, place, port, token):
        seen["port"] = port
        os.kill(os.getpid(), signal.SIGINT)
        return [sys.executable, "-c", "pass"]

    def say(line):
        with ds.connect(ds.sandbox.API_KEY, base_url=line.split()[1]) as client:
            seen["users"] = ds.load_users(client, ds.load_directories(client).index[0])

    monkeypatch.setattr(cli, "_say", say)
    monkeypatch.setattr(cli, "_voila", begin)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["demo", "--people", "people.csv", "--provider", "entra", "--port", str(port)]) in (0, 2)
    assert seen["users"]["email"].tolist() == ["ada@tern.test"]
    assert seen["port"] > port


# -- what has to be changed first ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "module"),
    [(["lab"], "jupyterlab"), (["tour"], "nbclient"), (["tour"], "nbconvert"), (["demo"], "voila")],
)
def test_a_missing_extra_is_one_sentence_with_the_command_that_brings_it(
    here, monkeypatch, capsys, arguments, module
):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        f"dirsync-nb {arguments[0]}: this needs {module}, which is not installed; the extra 'lab' brings it: "
        f"{extras.install('lab')}\n"
    )


@pytest.mark.parametrize("command", ["lab", "tour"])
def test_an_address_without_a_key_is_refused_before_anything_starts(here, monkeypatch, capsys, command):
    monkeypatch.setenv("WORKOS_BASE_URL", "https://api.workos.com")
    assert main([command]) == 2
    assert "WORKOS_BASE_URL names a server but there is no key" in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["guided"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lab", "--dir", "a-file"], "cannot write notebooks to"),
        (["lab", "--users", "-1"], "users must be 0 or more; got -1"),
        (["demo", "--users", "0"], "users must be a number from 1"),
        (["demo", "--provider", "octa"], "provider must be one of okta, entra"),
        (["demo", "--people", "missing.csv"], "missing.csv cannot be read"),
        (["tour", "--out", "nowhere/page.html"], "no such folder"),
        (["tour", "--out", "guided"], "it is a folder"),
        (["tour", "missing.ipynb"], "there is no notebook missing.ipynb"),
        (["tour", "a-file"], "a-file is not a notebook"),
        (["tour"], "01_first_look.ipynb is not a notebook"),
    ],
)
def test_what_cannot_begin_is_one_sentence_and_2(here, capsys, arguments, words):
    (here / "a-file").write_text("text")
    (here / "guided" / "01_first_look.ipynb").write_text("{}")
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_a_tour_of_nothing_says_so(here, monkeypatch, capsys):
    monkeypatch.setattr(tour, "guided_notebooks", list)
    assert main(["tour"]) == 2
    assert "no guided notebooks beside the package" in capsys.readouterr().err


def test_guided_notebooks_are_found_in_a_checkout_and_in_a_wheel(tmp_path, monkeypatch):
    package = tmp_path / "dirsync_nb"
    monkeypatch.setattr(tour, "__file__", str(package / "notebooks" / "tour.py"))
    assert tour.guided_notebooks() == []
    for folder in (tmp_path / "notebooks", package / "_notebooks"):
        folder.mkdir(parents=True)
        (folder / "01_a.ipynb").touch()
        (folder / "other.txt").touch()
        assert tour.guided_notebooks() == [folder / "01_a.ipynb"]


# -- streams -------------------------------------------------------------------------------------------------


def test_a_console_of_another_encoding_breaks_neither_check_nor_its_report(tmp_path):
    path = tmp_path / "Žofie 🙂.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1")]), path)
    command = [sys.executable, "-m", "dirsync_nb.cli", "check", str(path)]
    environment = {**os.environ, "PYTHONPATH": ROOT, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"ofie ?.ipynb: not-run" in done.stdout


NOTICES = """
import sys
from dirsync_nb.load import progress
class Watched:
    encoding = "cp1252"
    def isatty(self): return True
    def flush(self): pass
    def write(self, text): text.encode("cp1252"); open("said", "a").write(text)
sys.stderr = None if sys.argv[1:] else Watched()
progress.tell(["a note on \u017dofie"], set())
print("id,name")
"""


def test_notices_go_to_standard_error_and_survive_an_encoding_and_no_stream_at_all(tmp_path):
    for arguments, wanted in (((), "Note: a note on Žofie\n"), (("none",), "")):
        command = [sys.executable, "-X", "utf8", "-c", NOTICES, *arguments]
        environment = {**os.environ, "PYTHONPATH": ROOT}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, timeout=60, text=True
        )
        assert (done.stdout, done.stderr, done.returncode) == ("id,name\n", "", 0)
        said = tmp_path / "said"
        assert (said.read_text("utf-8") if said.exists() else "") == wanted
        said.unlink(missing_ok=True)


def test_tour_takes_a_guided_notebook_by_its_name_and_refuses_another_at_once(here, capsys):
    assert cli._notebook(Path("01_first_look.ipynb")) == here / "guided" / "01_first_look.ipynb"
    assert main(["tour", "03_nowhere.ipynb", "--out", str(here / "page.html")]) == 2
    assert (
        "there is no notebook 03_nowhere.ipynb; the guided ones are 01_first_look.ipynb"
        in capsys.readouterr().err
    )
    assert not (here / "page.html").exists()
