"""The README: what it promises is what runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import dirsync_nb as ds

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_ci_runs_the_very_test_command_of_the_readme():
    (command,) = [block.strip() for block in blocks("sh") if "pytest" in block and ".[test]" in block]
    assert "\n" not in command
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == command


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
    assert "embedded sandbox" in capsys.readouterr().out


def test_every_name_of_the_front_door_is_explained():
    assert [name for name in ds.__all__ if name not in README] == []


def test_pictures_and_files_it_points_to_exist():
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)|src=\"(?!https?://)([^\"]+)\"", README)
    paths = [ROOT / (one or two) for one, two in targets]
    assert paths
    assert [path for path in paths if not path.exists()] == []
