"""Notebooks run without a browser, and the page that is written of them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbformat import v4

import dirsync_nb as ds
from dirsync_nb.cli import main
from dirsync_nb.notebooks import tour

ROOT = str(Path(ds.__file__).parent.parent)  # so that a kernel finds a checkout that nobody installed

FIRST = [
    "# A *first* look\n\nOn to [groups](02_groups.ipynb#x), down to [the end](#The-end), out to [WorkOS](https://workos.com).",
    ">>> import dirsync_nb as ds\nclient = ds.connect()\nds.load_directories(client)",
    "It costs $5 or $6.\n\n## The end",
    ">>> print('<b>& $x$'); 6 * 7",
]
GROUPS = [
    "# Who is in which group",
    ">>> from IPython.display import display\nimport base64\n"
    "png = base64.b64encode(b'\\x89PNG\\r\\n\\x1a\\n').decode()\n"
    "display({'image/png': png, 'text/plain': 'Bars: Crew 3, Office 2'}, raw=True)\n"
    "display({'image/png': png}, raw=True, metadata={'image/png': {'alt': 'mine'}})",
    ">>> import matplotlib.pyplot as plt\nplt.bar(['R&D'], [3]);",
    ">>> import ipywidgets\nipywidgets.HBox([])",
    ">>> from IPython.display import HTML, Javascript, display\n"
    'display(HTML(\'<link href="https://x.test/a.css"><SCRIPT src="https://x.test/a.js"></SCRIPT><i>kept</i>\'))\n'
    "Javascript('alert(1)')",
]


class Done(NamedTuple):
    code: int
    out: str
    err: str
    page: str
    summary: str


def write(path: Path, cells: list[str]) -> Path:
    """Write a notebook; a cell that begins with ``>>> `` is code."""
    made = [
        v4.new_code_cell(cell[4:]) if cell.startswith(">>> ") else v4.new_markdown_cell(cell) for cell in cells
    ]
    nbformat.write(v4.new_notebook(cells=made), path)
    return path


def run(folder: Path, *arguments: str, **notebooks: list[str]) -> Done:
    """Run a tour of these notebooks in this process, in an environment of its own."""
    paths = [write(folder / f"{name}.ipynb", cells) for name, cells in notebooks.items()]
    out, err = folder / "out.txt", folder / "err.txt"
    with pytest.MonkeyPatch.context() as patch, out.open("w") as stdout, err.open("w") as stderr:
        patch.setenv("PYTHONPATH", ROOT)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            page, summary = folder / "page.html", folder / "summary.md"
            summary.write_text("before\n")
            options = ["--out", str(page), "--summary", str(summary)]
            code = main(["tour", *options, *arguments, *map(str, paths)])
    return Done(code, out.read_text(), err.read_text(), page.read_text("utf-8"), summary.read_text("utf-8"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run(tmp_path_factory.mktemp("good"), **{"01_first": FIRST, "02_groups": GROUPS})


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return run(
        tmp_path_factory.mktemp("bad"),
        "--timeout",
        "2",
        wrong=[">>> x = 1", "words", ">>> y = x\ny.nothing", ">>> print('never ' + 'run')"],
        slow=[">>> import time\ntime.sleep(60)"],
        dead=[">>> import os\nos._exit(1)"],
        fine=[">>> 1 + 1"],
    )


# -- what it says --------------------------------------------------------------------------------------------


def test_a_tour_says_one_line_a_notebook_and_ends_with_0(good):
    server, first, groups, report = good.out.splitlines()
    assert good.code == 0
    assert re.fullmatch(r"Server: the embedded sandbox, .* \(seed 1\)", server)
    assert re.fullmatch(r"01_first +2 cells +\d+\.\d s  ok", first)
    assert re.fullmatch(r"02_groups +4 cells +\d+\.\d s  ok", groups)
    assert re.fullmatch(r"Report: /.*/page.html \(\d+ s\)", report)


def test_kernels_add_nothing_on_standard_error(good, bad):
    assert (good.err, bad.err) == ("", "")


@pytest.mark.parametrize(
    "words",
    [
        "wrong +3 cells .* failed: cell 2, 'y = x': AttributeError: 'int' object has no attribute 'nothing'",
        "slow +1 cells .* failed: cell 1, 'import time': the cell was not done within 2 s",
        r"dead +1 cells .* failed: cell 1, 'import os': the kernel died \(out of memory, or a crash\)",
        "fine +1 cells .* ok",
    ],
)
def test_a_failure_names_notebook_cell_first_line_and_error(bad, words):
    assert bad.code == 1
    assert len([line for line in bad.out.splitlines() if re.fullmatch(words, line)]) == 1


def test_the_report_of_a_failed_tour_is_written_and_shows_the_error(bad):
    assert "3 of 4 notebooks failed" in bad.page
    assert bad.page.count("This notebook stopped.") == 3
    assert "AttributeError" in bad.page
    assert "the cell was not done within 2 s" in bad.page
    assert "never run" not in bad.page


# -- the page ------------------------------------------------------------------------------------------------


def test_the_cover_names_server_date_versions_and_every_notebook(good):
    cover = good.page[: good.page.index("</header>")]
    assert "The embedded sandbox" in cover
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", cover)
    assert "pandas 3" in cover
    assert '<a href="#notebook-1">A first look</a>' in cover
    assert '<a href="#notebook-2">Who is in which group</a>' in cover
    assert all(f'<section id="notebook-{n}">' in good.page for n in (1, 2))


def test_the_page_holds_prose_code_tables_and_charts(good):
    assert "It costs $5 or $6." in good.page
    assert "load_directories" in good.page
    assert good.page.count('class="dataframe ') == 1
    assert good.page.count("directory_01") == 9
    assert re.search(r'<img alt="Chart drawn by cell 2"[^>]* src="data:image/png;base64,', good.page)
    assert "&lt;b&gt;&amp; $x$" in good.page


def test_what_a_picture_says_of_itself_is_its_text_alternative(good):
    assert '<img alt="Bars: Crew 3, Office 2"' in good.page
    assert '<img alt="mine"' in good.page


def test_a_summary_is_added_for_a_job(bad):
    said = bad.summary
    assert said.startswith("before\n### Notebooks on the embedded sandbox")
    assert re.search(r"\| wrong.ipynb \| 3 \| \d+\.\d \| \*\*failed\*\*: cell 2, 'y = x': AttributeError", said)
    assert re.search(r"\| fine.ipynb \| 1 \| \d+\.\d \| ok \|", said)


def test_the_page_loads_nothing_and_runs_nothing(good, bad):
    for page in (good.page, bad.page):
        assert "default-src 'none'" in page
        assert re.search(r"<(script|link|iframe|object|embed|base)\b", page, re.IGNORECASE) is None
        assert {s[:5] for s in re.findall(r"<[^>]*\bsrc=[\"']?([^\"'> ]+)", page)} <= {"data:"}
        assert re.search(r"@import|url\(", page) is None
        assert "mathjax.js" not in page.lower()
    assert "<i>kept</i>" in good.page


def test_a_widget_is_named_in_place_of_what_it_would_show(good):
    assert "An interactive <code>HBox</code>" in good.page


def test_links_between_and_within_notebooks_lead_to_their_place_on_the_page(good):
    assert '<a href="#notebook-2">groups</a>' in good.page
    assert '<a href="#notebook-1-The-end">the end</a>' in good.page
    assert 'id="notebook-1-The-end"' in good.page
    assert '<a href="https://workos.com">WorkOS</a>' in good.page


def test_chromium_opens_the_page_and_asks_the_network_for_nothing(good, tmp_path):
    if not Path("/usr/bin/chromium").exists() and not os.environ.get("CI"):
        pytest.skip("needs /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(good.page, "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 500, "height": 900})
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "page.html").as_uri())
        page.click("text=Who is in which group")
        width = page.evaluate("document.documentElement.scrollWidth")
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert width == 500  # wide tables scroll in their own place, not the page


# -- what the notebooks meet ---------------------------------------------------------------------------------


def test_notebooks_run_in_a_fresh_kernel_of_this_python_beside_their_data(tmp_path):
    (tmp_path / "people.csv").write_text("name\nAda\n")
    done = run(
        tmp_path,
        one=[">>> import sys; secret = 1; print('python', sys.executable)", ">>> open('people.csv').read()"],
        two=[">>> 'secret' in globals()"],
    )
    assert done.code == 0
    assert f"python {sys.executable}" in done.page
    assert "Ada" in done.page
    assert "False" in done.page


def test_notebook_files_stay_as_they_are_and_old_outputs_are_not_shown(tmp_path):
    old = [v4.new_output("stream", text="old news")]
    cells = [v4.new_code_cell("1 / 0", outputs=old), v4.new_code_cell("2", outputs=old)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    before = (tmp_path / "a.ipynb").read_bytes()
    done = run(tmp_path, str(tmp_path / "a.ipynb"))
    assert done.code == 1
    assert "old news" not in done.page
    assert (tmp_path / "a.ipynb").read_bytes() == before


def test_the_seed_makes_the_world_the_notebooks_meet(tmp_path, good):
    done = run(tmp_path, "--seed", "2", **{"01_first": FIRST})
    ids = re.compile(r"directory_01\w+")
    assert len(ids.findall(done.page)) == 9
    assert set(ids.findall(done.page)) != set(ids.findall(good.page))


def test_with_a_key_the_same_notebooks_meet_its_server_and_the_key_is_nowhere(tmp_path, monkeypatch, sandbox):
    monkeypatch.setenv("WORKOS_API_KEY", sandbox.api_key)
    monkeypatch.setenv("WORKOS_BASE_URL", sandbox.url)
    leak = ">>> import os\nkey = os.environ['WORKOS_API_KEY']\nprint(key)\nraise ValueError(key)"
    done = run(tmp_path, first=FIRST, leak=[leak])
    assert ("GET", "/directories") in {line[:2] for line in sandbox.requests}
    assert "Server: WorkOS at 127.0.0.1" in done.out
    assert "ValueError: (WORKOS_API_KEY)" in done.out
    assert "embedded sandbox" not in done.page
    assert sandbox.api_key not in done.out + done.err + done.page


def test_guided_notebooks_work_in_an_empty_folder(tmp_path, monkeypatch):
    path = write(
        tmp_path / "01_guided.ipynb", [">>> import os\nprint(os.listdir()); open('left.txt', 'w').close()"]
    )
    monkeypatch.setattr(tour, "guided_notebooks", lambda: [path])
    monkeypatch.setenv("PYTHONPATH", ROOT)
    (chapter,) = tour.tour(tour.guided_notebooks())
    assert chapter.problem is None
    assert chapter.notebook.cells[0].outputs[0].text == "[]\n"
    assert not (tmp_path / "left.txt").exists()


def test_a_kernel_that_cannot_start_is_a_problem_of_its_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    path = write(tmp_path / "a.ipynb", [">>> 1"])
    (chapter,) = tour.tour([path])
    assert chapter.problem.startswith("the kernel did not start (")


# -- what ends it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_tour_and_kernel_without_a_traceback(tmp_path, number):
    path = write(
        tmp_path / "a.ipynb", [">>> import os, time\nopen('pid', 'w').write(str(os.getpid())); time.sleep(60)"]
    )
    command = [sys.executable, "-m", "dirsync_nb.cli", "tour", "--out", str(tmp_path / "page.html"), str(path)]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "dirsync-nb tour: interrupted; no report written\n"
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


@pytest.fixture(autouse=True, scope="module")
def _no_key_for_the_shared_runs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("WORKOS_", "DIRSYNC_"))]:
            patch.delenv(name)
        yield
