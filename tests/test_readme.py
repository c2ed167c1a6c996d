"""The README: what it promises is what runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import dirsync_nb as ds
from dirsync_nb import extras

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "dirsync_nb" / "site" / "pages"
README, CI_PAGE = (ROOT / "README.md").read_text(), (PAGES / "start" / "ci.md").read_text()


def blocks(language, text=README):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_ci_runs_the_very_test_command_of_the_readme():
    (command,) = [block.strip() for block in blocks("sh") if "pytest" in block and ".[test]" in block]
    assert "\n" not in command
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == command


def test_it_begins_with_the_line_that_needs_no_apt():
    line, windows = blocks("bash")[0].strip(), blocks("powershell")[0].strip()
    assert README.index(line) < README.index("apt-get")
    assert blocks("sh")[0].strip().endswith(line)
    for unix, there in (("python3", "py"), (" &&", ";"), (".venv/bin/", ".venv\\Scripts\\")):
        line = line.replace(unix, there)
    assert windows == line


def test_every_line_that_installs_the_package_works_although_it_is_on_no_index():
    """On the day of publishing `extras.SOURCE` changes, and this names all lines that follow it."""
    folders = [ROOT / name for name in ("dirsync_nb", "notebooks", "tests", ".github")]
    files = [*ROOT.glob("*.*"), *(path for folder in folders for path in folder.rglob("*.*"))]
    kinds = {".md", ".py", ".ipynb", ".yml", ".yaml", ".toml"}
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in files if path.suffix in kinds}
    address = extras.SOURCE.removeprefix("dirsync_nb")
    pattern = r"pip install \\?[\"']?dirsync_nb(?:\[\w+\])?([^\"'\n]*)"
    found = {
        name: set(re.findall(pattern, text)) - {address}
        for name, text in texts.items()
        if not name.startswith(("tests/test_", "dirsync_nb/extras.py"))
    }
    assert {name: rests for name, rests in found.items() if rests} == {}
    assert f"repo: {address.removeprefix(' @ git+')}" in CI_PAGE


def test_the_example_repository_has_the_workflow_of_the_page():
    example = ROOT / "tests" / "data" / "example_repository" / ".github" / "workflows" / "notebooks.yml"
    assert example.read_text() in blocks("yaml", CI_PAGE)


def test_the_push_run_has_an_empty_home_and_a_bare_environment(tmp_path):
    """What a machine has set and kept hides what a fresh one would show."""
    (tmp_path / ".ci").mkdir()
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    tell = 'env > "seen-$(basename "$HOME")"; ls -A "$HOME" >> "seen-$(basename "$HOME")"'
    (tmp_path / ".ci" / "run").write_text("\n".join([*script[:-1], tell, ""]))
    (tmp_path / ".ci" / "lowest").write_text(tell)
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_INDEX_URL": "x", "WORKOS_API_KEY": "y"}
    subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=given, check=True, timeout=20)
    for name in ("run", "lowest"):
        seen = dict(line.split("=", 1) for line in (tmp_path / f"seen-{name}").read_text().splitlines())
        assert seen.pop("HOME") != str(tmp_path)
        ours = {"PIP_INDEX_URL", "DEBIAN_FRONTEND", "DIRSYNC_NEED_POSTGRES", "DIRSYNC_FRESH"}
        assert set(seen) - {"PATH", "PWD", "SHLVL", "_", "OLDPWD"} == ours


def test_both_commands_make_their_own_environment():
    commands = [block for block in blocks("sh") if "pip install" in block and "-e" in block]
    assert len(commands) == 2
    for command in commands:
        assert "python3 -m venv .venv" in command
        assert shlex.split(command)


def test_the_first_example_runs_as_it_stands(capsys):
    example = blocks("python")[0]
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert len(names["members"]) > 0
    assert "embedded sandbox" in capsys.readouterr().err


def test_every_name_of_the_front_door_is_explained():
    page = (PAGES / "what_it_can_do.md").read_text()
    assert [name for name in ds.__all__ if name not in page] == []


def test_pictures_and_files_it_points_to_exist():
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)|src=\"(?!https?://)([^\"]+)\"", README)
    paths = [ROOT / (one or two) for one, two in targets]
    assert paths
    assert [path for path in paths if not path.exists()] == []
