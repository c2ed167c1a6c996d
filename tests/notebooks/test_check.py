"""Fit to commit? What is found, where, what is said of it, and what is mended; and what must not be found."""

from __future__ import annotations

import base64
import copy
import json
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat import v4

from dirsync_nb import errors
from dirsync_nb.cli import main
from dirsync_nb.notebooks import check as notebooks_check
from dirsync_nb.notebooks import secrets as sensitive
from dirsync_nb.notebooks.check import check, check_file, fix

from . import planted
from .books import SPEC, code, notebook, printed, prose, shown, state
from .planted import KEY, SECRET, SOMEBODY, png

ROOT = Path(__file__).parents[2]


@pytest.fixture
def save(tmp_path):
    def write(content, name="a.ipynb", **layout):
        path = tmp_path / name
        path.write_text(json.dumps(content, **{"indent": 1, "ensure_ascii": False, **layout}) + "\n", "utf-8")
        return path

    return write


def kinds(path, **settings):
    return [finding.kind for finding in check_file(path, **settings)]


# -- keys, wherever they hide --------------------------------------------------------------------------------

ZIPPED = b"Comment\0\0" + zlib.compress(KEY.encode())
HIDING_PLACES = {
    "source": (notebook(code(f'client = connect("{KEY}")')), "source"),
    "second line of a source": (notebook(code(f"import os\nkey = '{KEY}'")), "source"),
    "markdown": (notebook(prose(f"Our key is {KEY}.")), "source"),
    "raw cell": (notebook(prose(KEY, "raw")), "source"),
    "printed": (notebook(code(outputs=[printed(f"using {KEY}\n")])), "output 1"),
    "printed in pieces": (notebook(code(outputs=[printed([KEY[:12], KEY[12:]])])), "output 1"),
    "traceback in colour": (
        notebook(
            code(
                outputs=[
                    {
                        "output_type": "error",
                        "ename": "KeyError",
                        "evalue": "1",
                        "traceback": [f"\x1b[31m{KEY[:9]}\x1b[0m{KEY[9:]}"],
                    }
                ],
                tags=["raises-exception"],
            )
        ),
        "output 1",
    ),
    "page": (notebook(code(outputs=[shown({"text/html": f"<td>{KEY}</td>"})])), "output 1, text/html"),
    "page with marks": (
        notebook(code(outputs=[shown({"text/html": f"<b>{KEY[:8]}</b><span>{KEY[8:]}</span>"})])),
        "output 1, text/html",
    ),
    "page with entities": (
        notebook(code(outputs=[shown({"text/html": KEY.replace("_", "&#95;")})])),
        "output 1, text/html",
    ),
    "address of a page": (
        notebook(code(outputs=[shown({"text/plain": "?key=" + quote(KEY).replace("_", "%5F")})])),
        "output 1, text/plain",
    ),
    "JSON output": (
        notebook(code(outputs=[shown({"application/json": {"a": [{"b": KEY}]}})])),
        "output 1, application/json",
    ),
    "JSON in a string": (
        notebook(code(outputs=[printed(json.dumps(json.dumps({"k": KEY})).replace("_", "\\u005f"))])),
        "output 1",
    ),
    "name of a field": (
        notebook(code(outputs=[shown({"application/json": {KEY: 1}})])),
        "output 1, application/json",
    ),
    "metadata of an output": (notebook(code(outputs=[shown({"text/plain": "1"}, note=KEY)])), "output 1"),
    "metadata of a cell": (notebook(code(parameters={"api_key": KEY})), "cell metadata"),
    "metadata of a notebook": (
        notebook(papermill={"parameters": {"key": KEY}}),
        "notebook metadata",
    ),
    "widget state": (notebook(widgets=state("TextModel", KEY)), "widget state"),
    "password field": (notebook(widgets=state("PasswordModel", "hunter2")), "widget state"),
    "buffer of a widget": (
        notebook(widgets=state("ImageModel", "", buffers=[{"data": base64.b64encode(KEY.encode()).decode()}])),
        "widget state",
    ),
    "basic authentication": (
        notebook(code(outputs=[printed("Basic " + base64.b64encode(f"{KEY}:".encode()).decode())])),
        "output 1",
    ),
    "base64 in lines": (
        notebook(code(outputs=[printed(base64.encodebytes(b"-" * 48 + KEY.encode() + b"-" * 48).decode())])),
        "output 1",
    ),
    "base64 behind a path": (
        notebook(code(outputs=[printed("/a/" + base64.b64encode(KEY.encode()).decode() + "/bc")])),
        "output 1",
    ),
    "words of a picture": (
        notebook(
            code(outputs=[shown({"image/png": planted.b64(png((b"tEXt", b"Comment\0" + KEY.encode())))})])
        ),
        "output 1, image/png",
    ),
    "packed words of a picture": (
        notebook(code(outputs=[shown({"image/png": planted.b64(png((b"zTXt", ZIPPED)))})])),
        "output 1, image/png",
    ),
    "picture of markdown": (
        notebook(
            prose(
                "![](a.png)",
                attachments={"a.png": {"image/png": planted.b64(png((b"tEXt", b"Title\0" + KEY.encode())))}},
            )
        ),
        "attachments",
    ),
    "attached text": (
        notebook(prose("", attachments={"a.txt": {"text/plain": base64.b64encode(KEY.encode()).decode()}})),
        "attachments",
    ),
    "vector picture": (
        notebook(code(outputs=[shown({"image/svg+xml": f"<svg><text>{KEY}</text></svg>"})])),
        "output 1, image/svg+xml",
    ),
    "id of a cell": (notebook(code() | {"id": KEY}), "cell"),
    "number of a run": (notebook(code(count=KEY)), "cell"),
    "name of a kernel": (notebook(code(), kernelspec={"name": KEY}), "notebook metadata"),
    "tag": (notebook(code(tags=[KEY])), "cell metadata"),
    "name of an error": (
        notebook(code(outputs=[{"output_type": "error", "ename": KEY, "evalue": "", "traceback": []}])),
        "output 1",
    ),
}


SIGNED = (b'{"alg":"HS256"}', b'{"sub":"1234"}', b"signed by nobody")


def pieces(secret, length=4):
    return [secret[start : start + length] for start in range(len(secret) - length + 1)]


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_a_planted_key_is_found_and_not_shown(save, capsys, place):
    """SEC-02, SEC-03: each place is named; no four characters of the secret appear."""
    content, where = HIDING_PLACES[place]
    path = save(content)
    assert main(["check", str(path)]) == 1
    assert main(["check", "--json", str(path)]) == 1
    said = capsys.readouterr().out
    assert where in {finding.place for finding in check_file(path) if finding.kind == "key"}
    assert [piece for piece in pieces(SECRET) if piece in said.replace(str(path), "")] == []
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        f"sk_test_{SECRET}",
        f"sk_{SECRET}",
        "sk_test_" + "PLANTED1234567890",
        "sk_live_" + "abcdefghij" * 2,
        f"whsec_{SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        "scim_" + "0123456789abcdef" * 2 + "01234567",
        f'"bearer_token": "{SECRET}"',
        f'client_secret="{SECRET}"',
        ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in SIGNED),
        f"-----BEGIN RSA {'PRIVATE'} KEY-----\nMIIEpAIBAAKCAQEA\n",
    ],
    ids=range(13),
)
def test_every_form_of_key_is_known(save, secret):
    assert kinds(save(notebook(code(outputs=[printed(f"it is {secret} here\n")])))) == ["key"]


@pytest.mark.parametrize(
    "text",
    [
        "directory_user_01HABCDEFGHJKMNPQRSTVWXYZ0",
        '"after": "directory_user_01HABCDEFGHJKMNPQRSTVWXYZ0"',
        '"token": "directory_token_01HABCDEFGHJKMNPQRSTVWXYZ0"',
        '"token_suffix": "9f2c"',
        "a staging key begins with `sk_test_`, one of production with `sk_live_`",
        "sk_test_… and sk_test_... and sk_live_<your key>",
        "sk_test_9f2c… and sk_live_9f2c... and whsec_9f2c…: the first four characters tell which key it is",
        "sk_test_your_key_here",
        "sk_example_123456789012345678",
        "sk_test_dirsync_sandbox, and Bearer sk_test_dirsync_sandbox: the sandbox's own key is public",
        "Authorization: Bearer <API key>",
        "Bearer tokens of a directory; bearer authentication_required_1",
        "whsec_fjord_demo and the prefix whsec_.",
        "sha256:" + "ab12" * 16,
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "sk_learn_model_selection_2024 and disk_test_abcdefghijklm and task_live_abcdefghijklm",
        "ann@acme.test, bo@example.com, cy@mail.example.org., di@x.example, ed@x.invalid, fi@a.localhost",
        "<td>ann@acme.test</td><td>Engineering</td>",
        "zbigniew@harbourline.exa…",
        "git@github.com:acme/repo.git and icon@2x.png and pytest.mark@3.1",
        "left@right.mean()",
        "GET /Users/usr-9901 and PATCH /Users/usr-9901/x and /scim/v2/Users/usr-1/x and '$ref': '/Users/usr-1'",
        "https://acme.test/home/kim/page and ~/notes and ./home/kim",
    ],
)
def test_what_is_no_secret_is_left_alone(save, text):
    content = notebook(
        prose(text), code("total = 1", outputs=[printed(text), shown({"text/html": f"<p>{text}</p>"})])
    )
    assert kinds(save(content)) == []


@given(st.text("BCDFGHJKLMNPQRSTVWXZbcdfghjkmnpqrstvwxz23456789", min_size=20, max_size=40), st.randoms())
@settings(max_examples=40, deadline=None)
def test_no_four_characters_of_a_secret_are_ever_said(tmp_path_factory, secret, random):
    """SEC-02, at random places of random cells."""
    path = tmp_path_factory.mktemp("random") / "a.ipynb"
    key = random.choice(["sk_live_", "sk_test_", "whsec_"]) + secret
    line = random.choice([f'c = connect("{key}")', f"{key}", f"# {key} {key}", f"x={quote(key)}&y", f"<{key}>"])
    content = notebook(code(line, [printed(line)], note=line), prose(line))
    path.write_text(json.dumps(content))
    found = check_file(path)
    said = "\n".join(map(str, found)).replace(str(path), "")
    assert "key" in {finding.kind for finding in found}
    assert [piece for piece in pieces(secret) if piece in said] == []


def test_the_very_key_of_the_environment_is_found_whatever_its_form(save, monkeypatch):
    path = save(notebook(code(outputs=[printed("a key: correct-horse-battery")])))
    assert kinds(path) == []
    monkeypatch.setenv("WORKOS_API_KEY", "correct-horse-battery")
    assert kinds(path) == ["key"]


# -- all that is promised -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", planted.FORMS)
def test_every_planted_form_is_found_in_every_carrier(save, name):
    kind, text = planted.FORMS[name]
    missed = [
        carrier for carrier, make in planted.CARRIERS.items() if kind not in kinds(save(make(text), "p.ipynb"))
    ]
    assert missed == []


@pytest.mark.parametrize("name", planted.pictures(""))
def test_what_stands_beside_or_behind_a_picture_is_found(save, name):
    for kind, text in (("key", KEY), ("address", SOMEBODY)):
        mime, data = planted.pictures(text)[name]
        assert kinds(save(notebook(code(outputs=[shown({mime: planted.b64(data)})])))) == [kind]


HOSTILE = (
    '<b |<|sk_|sk_live_|eyJ|eyJaaaaaaaaaa.|a|A1|@|a@|a@a.|a.a@|a@b.cc |a@b.cc(|"|"a"@|\\|\\u00|&|&#|&amp;|%|%25'
    "|\x1b|\x1b[|\x1b]| |\n| \n|token|token='|password='a1|bearer |://|://a:bbb@|/home/|/Users/a|/tmp/|C:\\Users\\|YW5u"
    "|-----BEGIN |-----BEGIN AA|AAAA\n|sk_live_\n|\u200b|\u0301|sk-|SG.|hooks.slack.com/services/T|H4sIAAAA"
)


@pytest.mark.parametrize("piece", HOSTILE.split("|"), ids=range(HOSTILE.count("|") + 1))
def test_no_text_takes_long(piece):
    """Four times the text may take four times as long, and not sixteen times."""
    small, large = (time_of(piece * (size // len(piece))) for size in (40_000, 160_000))
    assert large < 1
    assert large < 9 * small + 0.05


def time_of(text):
    def once():
        started = time.process_time()
        sensitive.found(text)
        return time.process_time() - started

    return min(once(), once())


# -- people and machines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ann@acme.test", None),
        ("ann@realcompany.com", "address"),
        ("mailto:Ann.Lee+x@mail.realcompany.co.uk", "address"),
        ("ann%40realcompany.com", "address"),
        ("ann@bücher.de", "address"),
        ("ann@realcompany.com…", "address"),
        ("/home/ann/data.csv", "path"),
        ("file:///home/ann/data.csv", "path"),
        ("/Users/ann/Documents", "path"),
        ("PosixPath('/Users/ann')", "path"),
        ("C:\\Users\\ann\\data.csv", "path"),
        ("'C:\\\\Users\\\\ann'", "path"),
        ("/tmp/ipykernel_22/1234.py:3: UserWarning", "path"),
        ("/root/data", "path"),
        ("sk_live_" + "a1" * 10, "key"),
    ],
)
def test_addresses_paths_and_keys_in_outputs_are_told_apart(save, text, kind):
    """SEC-07."""
    path = save(notebook(code("import this\nshow()", outputs=[printed(text + "\n")])))
    found = check_file(path)
    assert [finding.kind for finding in found] == ([kind] if kind else [])
    for finding in found:
        assert (finding.cell, finding.first_line, finding.place) == (1, "import this", "output 1")
        assert finding.fixable
        assert text not in str(finding)


def test_addresses_are_counted_once_each(save):
    page = "".join(f"<td>u{n % 3}@realcompany.com</td>" for n in range(9))
    (finding,) = check_file(save(notebook(code(outputs=[shown({"text/html": page})]))))
    assert finding.problem == "3 people's addresses in the output 1, text/html"


def test_the_first_line_is_shown_without_what_must_not_be_seen(save):
    path = save(notebook(code(f'c = connect("{KEY}")  # of ann@realcompany.com in /home/ann')))
    lines = {finding.first_line for finding in check_file(path)}
    assert lines == {'c = connect("…")  # of … in …'}


def test_a_first_line_in_which_a_secret_is_disguised_is_not_shown(save):
    path = save(notebook(code(f"url = '?key={KEY.replace('_', '%5F')}'")))
    assert {finding.first_line for finding in check_file(path)} == {"(not shown)"}


# -- stale ----------------------------------------------------------------------------------------------------


def test_a_clean_notebook_has_no_findings(save):
    assert check_file(save(notebook(prose("# Title"), code(), code("total", [printed("1")], 2)))) == []


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"name": "ann-venv", "display_name": "ann", "language": "python"}, ["kernel"]),
        ({}, ["kernel"]),
        (None, ["kernel"]),
        ({"name": "ir", "display_name": "R", "language": "R"}, []),
    ],
)
def test_a_kernel_of_ones_own_is_found(save, spec, found):
    """NBC-03."""
    path = save(notebook(code()) | {"metadata": {"kernelspec": spec}})
    assert kinds(path) == found
    for finding in check_file(path):
        assert finding.file == str(path)
        assert "python3" in finding.advice


def test_a_stripped_cell_is_found_and_a_stripped_notebook_is_one_finding(save):
    one = check_file(save(notebook(code("a = 1"), code("b = 2", count=None), code("c = 3", count=3))))
    assert [(finding.kind, finding.cell, finding.first_line) for finding in one] == [("not-run", 2, "b = 2")]
    every = check_file(save(notebook(code("a = 1", count=None), code("b = 2", count=None))))
    assert [(finding.kind, finding.cell) for finding in every] == [("not-run", None)]


@pytest.mark.parametrize("cell", [code("", count=None), code("x = 1", count=None, tags=["nbval-skip"])])
def test_empty_cells_and_cells_that_are_skipped_need_no_run(save, cell):
    assert kinds(save(notebook(cell, code()))) == []


def test_a_notebook_without_names_of_kernel_and_language_is_looked_at_all_the_same(save):
    path = save(notebook(code()) | {"metadata": {"kernelspec": None, "language_info": None}})
    assert kinds(path) == ["kernel"]


def test_cells_run_out_of_order_are_found_at_the_first_one(save):
    (finding,) = check_file(save(notebook(code(count=1), code("b = 2", count=5), code(count=3))))
    assert (finding.kind, finding.cell) == ("order", 2)
    assert "as number 5, not 2" in finding.problem


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("users", ["missing-output"]),
        ("users['name']", ["missing-output"]),
        ("1 + 1", ["missing-output"]),
        ("print('hello')\nx = 1", ["missing-output"]),
        ("users;", []),
        ("x = 1", []),
        ("load(client)", []),
        ("print('x', file=f)", []),
        ("%matplotlib inline", []),
        ("None", []),
    ],
)
def test_a_cell_that_shows_something_has_an_output(save, source, found):
    assert kinds(save(notebook(code(source)))) == found


def test_an_error_is_found_unless_it_is_meant(save):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    (finding,) = check_file(save(notebook(code(outputs=[error]))))
    assert (finding.kind, finding.problem) == ("error", "ended in an error (ValueError)")
    assert kinds(save(notebook(code(outputs=[error], tags=["raises-exception"])))) == []
    assert kinds(save(notebook(code("# NBVAL_RAISES_EXCEPTION\nf()", [error])))) == []


def test_a_large_output_is_found_and_a_picture_weighs_what_it_is(save):
    """SCL-03: 200 kB."""
    (finding,) = check_file(save(notebook(code(outputs=[shown({"text/html": "x" * 200_001})]))))
    assert finding.kind == "large"
    assert "200 kB" in finding.problem
    picture = base64.b64encode(bytes(199_000)).decode()
    assert kinds(save(notebook(code(outputs=[shown({"image/png": picture})])))) == []
    assert kinds(save(notebook(code(outputs=[printed("x" * 2000)]))), large=1000) == ["large"]


@pytest.mark.parametrize("content", [5, [5], {"a": [KEY]}, None, "not base64 at all"])
def test_a_picture_that_is_none_is_no_reason_to_stop(save, content):
    found = kinds(save(notebook(code(outputs=[shown({"image/png": content})]))))
    assert found == (["key"] if isinstance(content, dict) else [])


TIMED = [
    notebook(*[code("x = 1", count=n, execution={"iopub.execute_input": "2026-01-01T10"}) for n in (1, 2, 3)]),
    notebook(code(ExecuteTime={"end_time": "2026"}), papermill={"duration": 3.1, "parameters": {"a": 1}}),
    notebook(code(papermill={"duration": 0.1, "start_time": "2026", "exception": False}, tags=[])),
    notebook(code(executionInfo={"elapsed": 12, "timestamp": 1, "user": {"displayName": "", "userId": ""}})),
]


@pytest.mark.parametrize("content", TIMED)
def test_times_of_runs_are_one_line_and_go_without_an_output(save, content):
    content["cells"][0]["outputs"] = [printed("kept")]
    path = save(content)
    (finding,) = check_file(path)
    assert (finding.kind, finding.cell) == ("timing", None)
    assert main(["check", "--fix", str(path)]) == 0
    mended = json.loads(path.read_text())
    assert mended["cells"][0]["outputs"] == [printed("kept")]
    assert [cell["execution_count"] for cell in mended["cells"]] == list(range(1, len(mended["cells"]) + 1))
    assert mended["metadata"].get("papermill", {}).get("parameters") == content["metadata"].get(
        "papermill", {}
    ).get("parameters")


def test_what_colab_stores_is_found_and_mended(save):
    """CHK-01: the person's name and account, the author's mark, and widget state that others refuse."""
    who = {"displayName": "Ann Lee", "userId": "1234567890"}
    widgets = state("TextModel", "hello")
    model = next(iter(widgets.values()))["state"]
    content = notebook(
        code("x = 1", [printed("kept")], executionInfo={"elapsed": 1, "user": who}),
        widgets={"application/vnd.jupyter.widget-state+json": model},
        colab={"provenance": [], "authorship_tag": "ABX9TyPQ"},
    )
    path = save(content)
    assert kinds(path) == ["timing", "person", "widgets"]
    assert "Ann" not in str(check_file(path))
    assert main(["check", "--fix", str(path)]) == 0
    mended = json.loads(path.read_text())
    assert mended["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"] == model
    assert mended["cells"][0]["outputs"] == [printed("kept")]
    assert not [word for word in ("Ann Lee", "1234567890", "ABX9TyPQ") if word in path.read_text()]
    nbformat.validate(nbformat.read(path, 4))


# -- mending --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout", [{}, {"indent": 4}, {"indent": None}, {"ensure_ascii": True}, {"indent": "\t"}]
)
def test_a_clean_notebook_stays_as_it_is_to_the_byte(save, layout):
    path = save(notebook(prose("Žofie 🙂"), code()), **layout)
    before, when = path.read_bytes(), path.stat().st_mtime_ns
    assert main(["check", "--fix", str(path)]) == 0
    assert not fix(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, when)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("layout", [{}, {"indent": 4}, {"indent": None}, {"ensure_ascii": True}])
def test_mending_changes_nothing_but_what_was_found(save, layout, ends):
    spoiled = notebook(prose("Žofie 🙂"), code(), widgets=state("TextModel", KEY))
    mended = copy.deepcopy(spoiled)
    del mended["metadata"]["widgets"]
    path, wanted = save(spoiled, **layout), save(mended, "b.ipynb", **layout)
    for one in (path, wanted):
        one.write_bytes(one.read_bytes().replace(b"\n", ends.encode()))
    path.chmod(0o640)
    assert main(["check", "--fix", str(path)]) == 0
    assert path.read_bytes() == wanted.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in path.parent.iterdir() if file.suffix == ".tmp"] == []


FIXABLE = [name for name, (_, place) in HIDING_PLACES.items() if place not in ("source", "attachments", "cell")]


@pytest.mark.parametrize("place", FIXABLE)
def test_mending_takes_a_key_out_of_everything_that_a_run_makes_again(save, place):
    path = save(HIDING_PLACES[place][0])
    assert fix(path)
    assert "key" not in kinds(path)
    nbformat.validate(nbformat.read(path, 4))


def test_a_cell_that_lost_an_output_counts_as_not_run(save, capsys):
    path = save(notebook(code("total = 1"), code("show()", [printed(KEY), printed("fine")], 2)))
    assert main(["check", "--fix", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{path}, cell 2 ('show()'): not-run" in out
    assert f"{path}: mended" in out
    cell = json.loads(path.read_text())["cells"][1]
    assert (cell["execution_count"], cell["outputs"]) == (None, [printed("fine")])


def test_mending_never_touches_what_somebody_wrote(save, capsys):
    content = notebook(code(f"key = '{KEY}'", [printed("1")]), prose("ask ann@realcompany.com"))
    path = save(content)
    before = path.read_bytes()
    assert main(["check", "--fix", str(path)]) == 1
    assert path.read_bytes() == before
    assert "mended" not in capsys.readouterr().out
    assert not any(finding.fixable for finding in check_file(path))


def test_mending_gives_the_kernel_its_standard_name_and_takes_times_away(save):
    path = save(notebook(code(execution={"shell.execute_reply": "2026"}), kernelspec={"name": "ann-venv"}))
    assert main(["check", "--fix", str(path)]) == 0
    content = json.loads(path.read_text())
    assert content["metadata"]["kernelspec"] == SPEC["kernelspec"]
    assert content["cells"][0]["metadata"] == {}


def test_mending_leaves_alone_what_is_skipped(save):
    path = save(notebook(code(execution={"a": "b"}), kernelspec={"name": "ann-venv"}))
    assert main(["check", "--fix", "--skip", "kernel", str(path)]) == 0
    assert json.loads(path.read_text())["metadata"]["kernelspec"] == {"name": "ann-venv"}
    assert kinds(path) == ["kernel"]


def test_mending_follows_a_link_and_survives_a_disk_that_fails(save, tmp_path, monkeypatch):
    path = save(notebook(code(), widgets=state("TextModel", KEY)))
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        assert main(["check", "--fix", str(link)]) == 2
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.ipynb", "link.ipynb"]
    assert fix(link)
    assert link.is_symlink()
    assert KEY not in path.read_text()


# -- the command ----------------------------------------------------------------------------------------------


def test_the_notebooks_of_this_repository_pass(capsys):
    assert main(["check", str(ROOT / "notebooks"), str(ROOT / "tests" / "data" / "example_repository")]) == 0
    assert "nothing to change" in capsys.readouterr().out


def test_json_has_one_shape(save, capsys):
    path = save(notebook(code(outputs=[printed("/home/ann")])))
    assert main(["check", "--json", str(path), "missing.ipynb"]) == 2
    assert json.loads(capsys.readouterr().out) == {
        "version": 2,
        "notebooks": 1,
        "findings": [
            {
                "file": str(path),
                "cell": 1,
                "first_line": "total = 1",
                "kind": "path",
                "place": "output 1",
                "problem": "a path of somebody's machine in the output 1",
                "advice": notebooks_check.KINDS["path"],
                "fixable": True,
            }
        ],
        "unreadable": [{"file": "missing.ipynb", "problem": "No such file or directory"}],
        "fixed": [],
        "saved": [],
    }


DAMAGED = {
    "empty": "",
    "text": "hello",
    "JSON of another kind": "[1]",
    "an object of another kind": '{"a": 1}',
    "an old format": '{"nbformat": 3, "worksheets": []}',
    "no cells": '{"nbformat": 4, "metadata": {}}',
    "a cell that is a number": '{"nbformat": 4, "cells": [1]}',
    "a source that is a number": '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 1}]}',
    "outputs that are none": '{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": null}]}',
    "metadata that is text": '{"nbformat": 4, "cells": [], "metadata": "x"}',
    "deep": "[" * 100_000,
    "bytes": b"\xff\xfe\x00",
}
NAMED = {
    "a merge conflict, from line 2 on": '{"nbformat": 4,\n<<<<<<< HEAD\n "cells": []\n=======\n>>>>>>> b\n}',
    "it begins with a byte order mark": b"\xef\xbb\xbf{}",
    "it is written in UTF-16": '{"nbformat": 4}'.encode("utf-16"),
    "it is written in UTF-16, which": '{"nbformat": 4}'.encode("utf-16-be"),
    "it is not written in UTF-8 (see line 2)": b'{"nbformat": 4,\n"a": "\xe9"}',
}


@pytest.mark.parametrize("words", NAMED)
def test_why_a_notebook_cannot_be_read_is_named(tmp_path, capsys, words):
    path, content = tmp_path / "a.ipynb", NAMED[words]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["check", str(path)]) == 2
    assert f"a.ipynb: could not be read: {words}" in capsys.readouterr().out


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_notebook_is_said_and_ends_with_2(tmp_path, capsys, content):
    path = tmp_path / "a.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["check", "--fix", str(path)]) == 2
    out, err = capsys.readouterr()
    assert f"{path}: could not be read: " in out
    assert err == ""
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


def test_a_deep_notebook_is_read_or_said_to_be_too_deep(tmp_path, capsys):
    """Where "too deep" begins hangs on the stack of whoever calls, so every depth around it is tried."""
    whole = json.dumps(notebook(code(), widgets={"deep": "@", "key": KEY}), indent=1)
    path, codes = tmp_path / "a.ipynb", []
    for depth in [50, 400, *range(sys.getrecursionlimit() - 160, sys.getrecursionlimit())]:
        path.write_text(whole.replace('"@"', f'{"[" * depth}"{KEY}"{"]" * depth}'))
        before = path.read_text()
        codes.append(main(["check", "--fix", str(path)]))
        out = capsys.readouterr().out
        assert ("mended" in out) == (codes[-1] == 0) == (path.read_text() != before)
        assert ("could not be read: " in out) == (codes[-1] == 2)
        assert SECRET not in out
    assert codes[:2] == [0, 0]
    assert codes[-1] == 2


def test_one_that_cannot_be_read_hides_no_finding_of_the_others(save, tmp_path, capsys):
    save(notebook(code(count=None)), "b.ipynb")
    (tmp_path / "a.ipynb").write_text("no")
    assert main(["check", str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert "a.ipynb: could not be read" in out
    assert "b.ipynb: not-run" in out


def test_folders_are_searched_and_hidden_ones_are_not(save, tmp_path, capsys):
    for folder in ("x/y", ".ipynb_checkpoints", ".venv/lib", "node_modules/m"):
        (tmp_path / folder).mkdir(parents=True)
        save(notebook(code(count=None)), f"{folder}/a.ipynb")
    assert [finding.file for finding in check([tmp_path]).findings] == [str(tmp_path / "x" / "y" / "a.ipynb")]
    (tmp_path / "nothing").mkdir()
    assert main(["check", str(tmp_path / "nothing")]) == 2
    assert "no notebook in this folder" in capsys.readouterr().out


def test_one_path_is_a_path_and_what_is_none_is_a_sentence(save):
    path = save(notebook(code()))
    assert check(path).notebooks == check(str(path)).notebooks == check([str(path)]).notebooks == 1
    for odd in (3, None, [3], b"x"):
        with pytest.raises(errors.ArgumentError, match="a path is text such as"):
            check(odd)


def test_its_help_lists_the_kinds(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["check", "--help"])
    said = "".join(capsys.readouterr().out.split())  # lines may break at a hyphen
    assert all(kind in said for kind in notebooks_check.KINDS)


def test_a_kind_that_does_not_exist_cannot_be_skipped(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["check", "--skip", "keys", "."])
    assert "invalid choice" in capsys.readouterr().err


def test_as_a_hook_it_is_handed_names_of_files_and_needs_nothing_but_python(save):
    """As pre-commit calls it: the entry of the hook in its clone, then a list of files; no package is found."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["types"], hook["language"]) == ("dirsync-nb-check", ["jupyter"], "script")
    files = [str(save(notebook(code()), "fine.ipynb")), str(save(notebook(code(count=None)), "stale.ipynb"))]
    command = [sys.executable, "-I", "-S", str(ROOT / hook["entry"]), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "stale.ipynb: not-run" in done.stdout
    assert os.access(ROOT / hook["entry"], os.X_OK)


# -- running as well ------------------------------------------------------------------------------------------


def test_run_tells_what_hangs_what_dies_what_fails_and_what_reaches_out(save, monkeypatch):
    """NBC-08: file, cell, first line, cause; and the key of the environment is not there."""
    monkeypatch.setenv("WORKOS_API_KEY", "sk_test_" + "NEVERSEEN1234567")
    fine = "import os\nassert 'WORKOS_API_KEY' not in os.environ\nimport dirsync_nb\nc = dirsync_nb.connect()"
    swallowed = (
        "import socket\ntry:\n    socket.getaddrinfo('people.example.com', 443)\nexcept OSError:\n    pass"
    )
    cases = {
        "fine": (fine, None, ""),
        "hangs": ("# wait\nwhile True: pass", "hangs", "was not done within 3 s"),
        "dies": ("import os\nos._exit(3)", "dies", "the kernel died"),
        "fails": (f"raise ValueError('{KEY}')", "fails", "ValueError: …"),
        "out": (swallowed, "fails", "asked for people.example.com:443"),
    }
    for name, (source, kind, words) in cases.items():
        cell = code(source, count=2, outputs=[printed("")] if name == "fine" else [])
        path = save(notebook(code("first = 1"), prose("text"), cell), f"{name}.ipynb")
        found = check([path], timeout=3 if name == "hangs" else 60, skip=["error", "key", "stale"]).findings
        assert [finding.kind for finding in found] == ([kind] if kind else []), name
        for finding in found:
            assert words in finding.problem
            assert SECRET not in str(finding)
            if name != "out":
                assert (finding.cell, finding.file) == (3, str(path))


def test_the_command_runs_only_when_asked_and_hands_on_the_time_a_cell_may_take(save, monkeypatch, capsys):
    path, asked = save(notebook(code("import time\ntime.sleep(9)"))), []

    def run(file, *, timeout, save):
        assert not save
        asked.append((file, timeout))
        return [notebooks_check.Finding(str(file), 1, "import time", "hangs", "run", "too slow", "", False)]

    monkeypatch.setattr(notebooks_check, "run", run)
    assert main(["check", str(path)]) == 0
    assert asked == []
    assert main(["check", "--run", "--timeout", "3", str(path)]) == 1
    assert main(["check", "--run", str(path), "--skip", "hangs"]) == 0
    assert asked == [(path, 3), (path, 120)]
    assert f"{path}, cell 1 ('import time'): hangs: too slow" in capsys.readouterr().out


SHOWS = (
    "import datetime, dirsync_nb as ds, ipywidgets\nclient = ds.connect()\nprint('a', flush=True)\nprint('b')\n"
    "users = ds.load_users(client, directory_id=ds.load_directories(client).index[0])\nclient.receipts[-1]"
)


def test_a_saved_run_is_clean_and_a_second_one_changes_not_a_byte(save, monkeypatch, tmp_path):
    """Also receipts with their seconds, ids of widgets, places in memory; and no time of the run is stored."""
    cells = [
        prose("# Žofie 🙂"),
        code(SHOWS, count=None),
        code("import ipywidgets\nipywidgets.IntSlider()", count=None),
        code("object()", count=None, note="kept", execution={"iopub.execute_input": "2026"}),
        code("1 / 0", count=None, tags=["nbval-raises-exception"]),
        code("import time\ntime.sleep(999)", count=None, tags=["nbval-skip"]),
        code("shown = display('a', display_id=True)\nshown.update('b')\nprint({*'abcdefgh'})", count=None),
        code("shown.update('c')\nimport warnings\nwarnings.warn('look here')", count=None),
        code("out = ipywidgets.Output()\nwith out:\n    print('in it')", count=None),
    ]
    cells = [cell | {"id": f"c{place}"} for place, cell in enumerate(cells)]
    path = save(notebook(*cells, mine={"a": 1}), indent=2)
    assert main(["check", "--run", "--save", "--fix", str(path)]) == 0
    saved = json.loads(path.read_text("utf-8"))
    assert [cell.get("execution_count") for cell in saved["cells"]] == [None, 1, 2, 3, 4, None, 5, 6, 7]
    assert [output["output_type"] for output in saved["cells"][1]["outputs"]] == ["stream", "execute_result"]
    assert saved["cells"][1]["outputs"][0]["text"][-2:] == ["a\n", "b\n"]
    assert saved["cells"][3]["metadata"] == {"note": "kept"}
    assert saved["cells"][6]["outputs"][0]["data"]["text/plain"] == ["'b'"]  # as it was when its cell ended
    assert saved["cells"][7]["outputs"][0]["text"][0].startswith("ipykernel.py:3: UserWarning: look here")
    assert saved["metadata"] == {**SPEC, "mine": {"a": 1}}
    before = path.read_bytes()
    assert main(["check", "--run", "--save", str(path)]) == 0
    assert path.read_bytes() == before


def test_a_file_that_changes_while_it_runs_is_not_written_over(save, capsys):
    here = "here = __import__('pathlib').Path('book.ipynb')"
    path = save(notebook(code(f"{here}\nhere.write_text(here.read_text() + ' ')")), "book.ipynb")
    assert main(["check", "--run", "--save", str(path)]) == 1
    assert "changed while it ran, so nothing was saved" in capsys.readouterr().out
    assert path.read_text().endswith(" ")


def test_a_run_that_breaks_saves_nothing_and_saving_needs_a_run(save, capsys):
    path = save(notebook(code("print('new')\nraise ValueError(1)", [printed("old")])))
    before = path.read_bytes()
    assert main(["check", "--run", "--save", str(path)]) == 1
    assert path.read_bytes() == before
    assert main(["check", "--save", str(path)]) == 2
    assert "say --run as well" in capsys.readouterr().err


def test_what_nbclient_executed_passes_after_mending_and_keeps_its_outputs(save):
    path = save(notebook(code("print('hello')", count=None), code("6 * 7", count=None) | {"id": "c2"}))
    book = nbformat.read(path, 4)
    book.cells.append(v4.new_code_cell("import warnings\nwarnings.warn('look here')"))
    NotebookClient(book, kernel_name="python3").execute()
    nbformat.write(book, path)
    assert main(["check", str(path)]) == 1
    assert main(["check", "--fix", str(path)]) == 0
    assert [len(cell.outputs) for cell in nbformat.read(path, 4).cells] == [1, 1, 1]


def test_hidden_text_holds_nothing_and_the_rest_of_it_stays():
    assert sensitive.hidden("no secret here") == "no secret here"
    assert sensitive.hidden(f"a {KEY} b ann@realcompany.com c") == "a … b … c"


def test_an_output_that_the_run_does_not_show_is_stale(save, capsys):
    cells = [
        code("print('260 people')", [printed("261 people\n")]),
        code("print('the same')", [printed("the same\n")]) | {"id": "c2"},
        code("import random\nrandom.random()", [shown({"text/plain": "0.5"})], tags=["nbval-ignore-output"])
        | {"id": "c3"},
        code("print('nothing stored')") | {"id": "c4"},
    ]
    path = save(notebook(*cells))
    assert main(["check", "--run", "--skip", "missing-output", "--skip", "order", str(path)]) == 1
    told = capsys.readouterr().out
    assert "cell 1" in told
    assert "shows '260 people', and stored is '261 people'" in told
    assert "1 thing to change" in told
    assert main(["check", "--run", "--save", "--skip", "order", str(path)]) == 0
    assert "what it shows now is stored" in capsys.readouterr().out
    assert main(["check", "--run", "--skip", "order", str(path)]) == 0
    assert main(["check", "--run", "--save", "--skip", "order", str(path)]) == 0
    assert "stored" not in capsys.readouterr().out
