"""The files that a repository's host reads fit their public schemas, which check-jsonschema brings along."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner
from pre_commit.clientlib import InvalidManifestError, load_manifest

from . import conftest

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*"))
CONFIG = GITHUB / "ISSUE_TEMPLATE" / "config.yml"
ISSUE_FORMS = sorted(set(GITHUB.glob("ISSUE_TEMPLATE/*")) - {CONFIG})
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-issue-forms": ISSUE_FORMS,
    "vendor.github-issue-config": [CONFIG],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def check(schema, *paths):
    """Return the exit code and what was said; a built-in schema is a file of the package, no address."""
    done = CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", schema, *map(str, paths)])
    return done.exit_code, done.output


def jobs():
    return {
        (path.stem, name): job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    }


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_file_fits_its_schema(schema):
    assert SCHEMAS[schema]
    assert check(schema, *SCHEMAS[schema]) == (0, "ok -- validation done\n")


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ("vendor.github-workflows", "runs-on:", "run-on:"),
        ("custom.github-workflows-require-timeout", "timeout-minutes:", "continue-on-error:"),
        ("vendor.github-issue-forms", "type: textarea", "type: textfield"),
        ("vendor.github-issue-config", "about:", "description:"),
        ("vendor.dependabot", "interval: monthly", "interval: sometimes"),
    ],
)
def test_a_slip_in_such_a_file_is_found(schema, right, wrong, tmp_path):
    text = SCHEMAS[schema][0].read_text()
    assert right in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(right, wrong, 1))
    code, said = check(schema, broken)
    assert code == 1
    assert "broken.yml" in said


def test_no_form_goes_without_a_schema():
    forms = {path for path in GITHUB.rglob("*") if path.is_file() and path.suffix != ".md"}
    assert forms == {path for paths in SCHEMAS.values() for path in paths}


def test_the_hook_is_one_that_pre_commit_takes(tmp_path):
    (hook,) = load_manifest(str(ROOT / ".pre-commit-hooks.yaml"))
    assert os.access(ROOT / hook["entry"], os.X_OK)  # of the clone that pre-commit makes, nothing installed
    broken = tmp_path / "hooks.yaml"
    broken.write_text((ROOT / ".pre-commit-hooks.yaml").read_text().replace("[jupyter]", "[jupiter]"))
    with pytest.raises(InvalidManifestError, match="jupiter"):
        load_manifest(str(broken))


def test_only_the_job_that_publishes_may_do_more_than_read():
    granted = {name: job.get("permissions", {}) for name, job in jobs().items()}
    assert granted.pop(("release", "publish")) == {"id-token": "write"}
    assert {right for rights in granted.values() for right in rights.values()} <= {"read"}
    tops = [yaml.safe_load(path.read_text())["permissions"] for path in WORKFLOWS]
    assert all(set(top.values()) <= {"read"} for top in tops)
    assert "secrets." not in "".join(path.read_text() for path in WORKFLOWS)


def test_the_ci_meets_every_python_the_package_names():
    classifiers = (line.rpartition(":: ")[2] for line in PROJECT["classifiers"])
    named = [python for python in classifiers if python.startswith("3.")]
    assert jobs()["ci", "whole"]["strategy"]["matrix"]["python"] == named


def test_the_small_loop_of_the_guide_is_the_one_the_ci_runs():
    (block,) = [b for b in re.findall(r"```sh\n(.*?)```", CONTRIBUTING, re.DOTALL) if "not slow" in b]
    commands = [command.strip().removeprefix(".venv/bin/") for command in block.split("&&")]
    assert commands == [step["run"] for step in jobs()["ci", "small"]["steps"][3:]]


def test_the_glossary_is_short_and_each_word_stands_in_it_once():
    glossary = CONTRIBUTING.partition("## Words")[2].partition("\n## ")[0]
    words = re.findall(r"^\| ([^|]+) \|", glossary, re.MULTILINE)[1:]
    assert 20 <= len(words) <= 30
    assert len(set(words)) == len(words)


def test_the_changelog_keeps_its_form():
    """Keep a Changelog: newest first, dates in ISO form, its six headings only."""
    versions = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", version) for version in versions[1:])
    headings = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_what_the_small_loop_leaves_out_is_there():
    names = {path.name for path in (ROOT / "tests").rglob("*")} | {"notebooks"}
    assert names >= conftest.SLOW_PLACES
