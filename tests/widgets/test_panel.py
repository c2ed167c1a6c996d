from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import ipywidgets as w
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances

import dirsync_nb as ds
from dirsync_nb import widgets
from dirsync_nb.widgets._base import live as _live
from dirsync_nb.widgets._base.script import shared

from .conftest import family, state_size


class BoardedFleet:
    """What the board needs of a fleet, which has tests of its own."""

    folder = "fleet"

    def board(self, client, **options):
        listing = ds.load_directories(client)
        texts = {
            "customer": listing["name"],
            "name": listing["name"],
            "provider": listing["type"].astype("str"),
        }
        told = {"verdict": "ok", "problem": "", "remedy": "", "people": 1, "groups": 1, "change": 0}
        return pd.DataFrame({**texts, "state": listing["state"], **told, "age": pd.Timedelta(minutes=1)})

    def directory(self, directory_id):
        raise AssertionError("nobody opened one")


def console(client, okta):
    client.sandbox = ds.sandbox.RemoteSandbox(client.base_url)
    return widgets.DemoConsole(client, okta)


MAKE = {
    "DemoConsole": console,
    "Setup": lambda client, okta: widgets.Setup(client),
    "DirectoryExplorer": lambda client, okta: widgets.DirectoryExplorer(client, okta),
    "DetailCard": lambda client, okta: widgets.DetailCard(client),
    "MembershipExplorer": lambda client, okta: widgets.MembershipExplorer(client, okta),
    "Onboarding": lambda client, okta: widgets.Onboarding(client, okta),
    "EventFeed": lambda client, okta: widgets.EventFeed(client),
    "FleetBoard": lambda client, okta: widgets.FleetBoard(client, BoardedFleet()),
    "RoleMapper": lambda client, okta: widgets.RoleMapper(client, okta),
}


@pytest.fixture(params=MAKE)
def make(request, client, okta):
    return lambda: MAKE[request.param](client, okta)


@pytest.fixture
def cell(monkeypatch):
    """Pretend to be a cell; ``run`` it again by setting another run."""
    place = ["cell 1", "run 1"]
    monkeypatch.setattr(_live, "running_cell", lambda: tuple(place))
    monkeypatch.setattr(_live, "_live", {})
    return place


def test_the_package_shows_its_widgets_and_nothing_else():
    assert widgets.__all__ == [
        "DemoConsole",
        "DetailCard",
        "DirectoryExplorer",
        "EventFeed",
        "FleetBoard",
        "MembershipExplorer",
        "Onboarding",
        "RoleMapper",
        "Setup",
    ]
    assert set(MAKE) == set(widgets.__all__)


def test_running_a_cell_three_times_leaves_one_live_widget(cell, make):
    """WID-05."""
    made = []
    for run in ("run 1", "run 2", "run 3"):
        cell[1] = run
        made.append(make())
    assert [one.retired for one in made] == [True, True, False]
    assert all(one.comm is None for one in family(made[0]))
    assert all(one.comm is not None for one in shared())  # style and scripts: all widgets have the same
    assert sum(map(state_size, shared())) < 60_000
    assert made[2].comm is not None


def test_one_change_after_three_runs_is_one_redraw_and_no_request(cell, client, okta, sandbox, monkeypatch):
    """WID-05: handlers do not pile up, and the older widgets do nothing."""
    made = []
    for run in ("run 1", "run 2", "run 3"):
        cell[1] = run
        made.append(widgets.DirectoryExplorer(client, okta))
    drawn = []
    monkeypatch.setattr(widgets.DirectoryExplorer, "_draw", lambda self: drawn.append(self))
    before = len(sandbox.requests)
    for one in made:
        one.filters.search.value = "lee"
        one.table.page += 1
    assert drawn[:1] == [made[2]]
    assert set(map(id, drawn)) == {id(made[2])}
    assert len(sandbox.requests) == before


def test_two_widgets_of_one_run_and_those_of_other_cells_stay_live(cell, client):
    first, second = widgets.DirectoryExplorer(client), widgets.DirectoryExplorer(client)
    cell[0] = "cell 2"
    third = widgets.DirectoryExplorer(client)
    assert [one.retired for one in (first, second, third)] == [False, False, False]


def test_a_retired_widget_leaves_no_model_behind(cell, make):
    sizes = []
    for run in range(4):
        cell[1] = f"run {run}"
        make()
        sizes.append(len(_instances))
    assert sizes[1:] == sizes[:1] * 3


def test_a_retired_widget_is_let_go(cell, client):
    reference = weakref.ref(widgets.DirectoryExplorer(client))
    cell[1] = "run 2"
    widgets.DirectoryExplorer(client)
    gc.collect()
    assert reference() is None


def test_the_bundle_holds_widget_table_and_text(make):
    bundle = make()._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "<table" in bundle["text/html"]
    assert bundle["text/plain"].startswith("<")
    assert len(bundle["text/html"]) < 200_000


def test_the_text_form_is_the_same_in_every_run(client, okta, make):
    assert repr(make()) == repr(make())


def test_outside_a_kernel_the_text_form_is_shown(make):
    with pytest.raises(NotImplementedError):
        make()._ipython_display_()


def test_every_control_has_a_name(make):
    """Without one, a screen reader has nothing to say."""
    for one in family(make()):
        if isinstance(one, (w.Text, w.Dropdown, w.SelectMultiple, w.Button, w.ToggleButton)):
            assert one.description, type(one)
        if type(one).__name__ == "RowTable":
            assert one.label


def test_no_html_of_ours_is_typeset_or_has_a_description_from_a_directory(make):
    assert {"mathjax_ignore", "tex2jax_ignore"} <= set(make()._dom_classes)
    assert not [one for one in family(make()) if isinstance(one, (w.HTMLMath, w.Label))]


def test_importing_the_widgets_starts_nothing():
    code = (
        "import threading, dirsync_nb.widgets as x; "
        "import ipywidgets, sys; "
        "print(threading.active_count(), len(ipywidgets.widgets.widget._instances), "
        "'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1 0 False\n"


def test_the_static_table_is_the_same_in_every_run(cell, make):
    """No mark by chance: a strict comparison of two runs of a notebook holds."""
    texts = set()
    for run in ("run 1", "run 2"):
        cell[1] = run
        texts.add(make().static_html())
    assert len(texts) == 1


def test_two_widgets_shown_by_one_cell_have_marks_of_their_own(cell):
    assert [_live.next_mark() for _ in range(2)] == ["1", "2"]
    cell[1] = "run 2"
    assert _live.next_mark() == "1"


@pytest.mark.parametrize("name", sorted(MAKE.keys() - {"DemoConsole", "DetailCard"}))
def test_rows_that_could_not_be_read_are_refused_and_say_why(name, client, okta, sandbox):
    for path in ("/directories", "/organizations", "/events"):
        sandbox.faults.add("status", path=path, status=422, times=None)
    widget = MAKE[name](client, okta)
    for frame in ("rows", "picked"):
        with pytest.raises(ds.errors.IncompleteError, match=r"not read\. .* 422"):
            getattr(widget, frame)
