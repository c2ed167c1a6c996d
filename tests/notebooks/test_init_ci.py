"""A repository of somebody else: what ``init-ci`` writes into it, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from dirsync_nb import extras
from dirsync_nb.cli import main

WORKFLOW, HOOKS, FIRST = (
    ".github/workflows/notebooks.yml",
    ".pre-commit-config.yaml",
    "notebooks/first_look.ipynb",
)
WRITTEN = [WORKFLOW, HOOKS, "pytest.ini", FIRST, "README.md"]
MINE = "repos:\n- repo: local\n  hooks: [{id: mine}]\nci: {skip: [mine]}\n"


@pytest.fixture
def init(tmp_path, capsys):
    """Run it; give the exit code and what was said."""

    def run(*arguments):
        code = main(["init-ci", *arguments, str(tmp_path)])
        return code, "".join(capsys.readouterr())

    return run


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ids(folder):
    """Return the ids of the hooks, in order; the file is YAML."""
    repos = yaml.safe_load((folder / HOOKS).read_text())["repos"]
    return [hook["id"] for repo in repos for hook in repo["hooks"]]


def test_an_empty_folder_gets_all_of_it_once_and_the_workflow_is_one(tmp_path, init):
    code, said = init()
    assert code == 0
    assert [line.partition(":")[0] for line in said.splitlines()[:5]] == WRITTEN
    assert "this is no git repository yet" in said
    assert "GIT_ADDRESS stands for where dirsync_nb is had from" in said
    assert sorted(files(tmp_path)) == sorted(WRITTEN)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, str(tmp_path / WORKFLOW)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert ids(tmp_path) == ["dirsync-nb-check"]
    before = files(tmp_path)
    (tmp_path / ".git").mkdir()
    for options in ([], ["--force"]):
        code, said = init(*options)
        assert (code, said.count("has it already")) == (0, 5)
        assert "no git repository" not in said
    assert files(tmp_path) == before


def test_a_copy_that_came_by_git_is_named_by_its_address_and_commit(tmp_path, init, monkeypatch):
    there = '"dirsync_nb[lab] @ git+https://git.example.com/dirsync@abc123"'
    monkeypatch.setattr(extras, "requirement", lambda _: there)
    assert "GIT_ADDRESS" not in init()[1]
    assert f"pip install {there} pytest" in (tmp_path / WORKFLOW).read_text()
    (repo,) = yaml.safe_load((tmp_path / HOOKS).read_text())["repos"]
    assert (repo["repo"], repo["rev"]) == ("https://git.example.com/dirsync", "abc123")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_nothing_is_overwritten_without_being_asked(tmp_path, init, end):
    own = {WORKFLOW: "name: mine\n", HOOKS: MINE, FIRST: "{}\n", "README.md": "# Mine\n\nž\n"}
    for name, text in own.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.replace("\n", end).encode())
    before = files(tmp_path)
    code, said = init()
    assert (code, said.count("is there already and stays as it is")) == (0, 4)
    assert "README.md: is there already and stays as it is; it is for you to add:\n\n## Notebooks" in said
    assert files(tmp_path) == before | {"pytest.ini": (tmp_path / "pytest.ini").read_bytes()}

    assert init("--force")[0] == 0
    after = files(tmp_path)
    assert after["README.md"].startswith(f"# Mine{end}{end}ž{end}{end}## Notebooks{end}".encode())
    assert b"dirsync-nb check notebooks" in after[WORKFLOW]
    assert ids(tmp_path) == ["dirsync-nb-check", "mine"]
    assert yaml.safe_load(after[HOOKS])["ci"] == {"skip": ["mine"]}
    assert after[HOOKS].count(b"\r\n") == (after[HOOKS].count(b"\n") if end == "\r\n" else 0)
    assert init("--force")[1].count("has it already") == 5
    assert files(tmp_path) == after


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("repos: []\n", ["dirsync-nb-check"]),
        (
            "ci: {}\nrepos:  # mine\n\n    - repo: local\n      hooks: [{id: mine}]",
            ["dirsync-nb-check", "mine"],
        ),
        ("repos: [{repo: local, hooks: [{id: mine}]}]\n", ["mine"]),  # on one line: for its owner
    ],
)
def test_hooks_in_any_layout_stay_yaml(tmp_path, init, text, wanted):
    (tmp_path / HOOKS).write_text(text)
    said = init("--force")[1]
    assert ids(tmp_path) == wanted
    assert ("pre-commit-config.yaml: is there already" in said) == (wanted == ["mine"])


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-q'\n", 'addopts = "--nbval-current-env"'),
        ("setup.cfg", "[tool:pytest]\naddopts = -q\n", "[tool:pytest]\naddopts = --nbval-current-env"),
        ("tox.ini", "[pytest]\n", "[pytest]\naddopts = --nbval-current-env"),
        (".pytest.ini", "", "[pytest]\n"),
        ("pytest.toml", "[pytest]\n", '[pytest]\naddopts = "--nbval-current-env"'),
    ],
)
def test_options_of_pytest_stay_where_they_are_and_no_second_file_hides_them(tmp_path, init, name, text, shown):
    (tmp_path / name).write_text(text)
    for options in ([], ["--force"]):
        code, said = init(*options)
        assert code == 0
        assert f"{name}: is there already and stays" in said
        assert shown in said
    assert (tmp_path / name).read_text() == text
    assert not (tmp_path / "pytest.ini").exists()


def test_tables_of_others_are_no_options_of_pytest(tmp_path, init):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    (tmp_path / "tox.ini").write_text("[tox]\n")
    assert "pytest.ini: written" in init()[1]


def test_a_readme_of_another_kind_or_in_other_letters_stays_and_gets_no_second_one(tmp_path, init):
    (tmp_path / "README.rst").write_bytes(b"Mine\n\xe9\n")  # not even UTF-8
    assert "README.rst: is there already and stays as it is; it is for you to add" in init("--force")[1]
    assert (tmp_path / "README.rst").read_bytes() == b"Mine\n\xe9\n"
    (tmp_path / "readme.md").write_bytes(b"# Mine \xe9\n")
    assert "readme.md: changed" in init("--force")[1]
    assert (tmp_path / "readme.md").read_bytes().startswith(b"# Mine \xe9\n\n## Notebooks")
    assert not (tmp_path / "README.md").exists()


@pytest.mark.parametrize(
    ("name", "is_folder", "words"),
    [
        (".github", False, ".github is a file, and .github/workflows/notebooks.yml needs a folder there"),
        ("notebooks", False, "notebooks is a file"),
        (".pre-commit-config.yaml", True, ".pre-commit-config.yaml is a folder, and a file is to be there"),
    ],
)
def test_what_stands_in_the_way_is_said_before_anything_is_written(tmp_path, init, name, is_folder, words):
    (tmp_path / name).mkdir() if is_folder else (tmp_path / name).write_text(json.dumps("mine"))
    before = files(tmp_path)
    code, said = init("--force")
    assert code == 2
    assert words in said
    assert files(tmp_path) == before


def test_a_folder_that_is_not_there_or_a_file_is_said(tmp_path, capsys):
    assert main(["init-ci", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
