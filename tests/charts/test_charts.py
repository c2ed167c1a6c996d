from __future__ import annotations

import subprocess
import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.colors import to_hex
from matplotlib.dates import num2date
from matplotlib.figure import Figure
from matplotlib.text import Text

from dirsync_nb import analysis, charts, errors, what_if
from dirsync_nb.charts import figure as drawing
from dirsync_nb.charts import labels as chart_text
from dirsync_nb.charts import palette
from dirsync_nb.charts import states as chart_states
from dirsync_nb.charts import time as chart_time
from dirsync_nb.frames import directories_frame, events_frame, groups_frame, users_frame
from dirsync_nb.sync import history

from ..frame_zoo import HOSTILE_NAMES, Company, company, group, memberships, partial, user, zoo
from ..notebooks import runs as notebook_runs

ZOO = zoo()


def role_changes(c):
    """Return the changes if a company's second group went, with a role named after each group."""
    users, groups, edges = (frame.copy() for frame in (c.users, c.groups, c.memberships))
    for frame in (users, groups, edges):
        frame.attrs = {}
    named = groups["name"].fillna("").str.strip().mask(lambda names: names == "", "nameless")
    table = dict(zip(groups.index, named, strict=True))
    now = what_if.Roles(users, edges, table, groups, mode="multiple", inactive_policy="keep")
    then = now.without_group(groups.index[1]) if len(groups) > 1 else now
    changes = what_if.role_changes(now, then)
    return partial(changes) if "incomplete" in c.users.attrs else changes


CHARTS = {
    "group_sizes": lambda c, **kw: charts.plot_group_sizes(c.memberships, c.groups, **kw),
    "groups_per_user": lambda c, **kw: charts.plot_groups_per_user(c.memberships, c.users, **kw),
    "group_overlap": lambda c, **kw: charts.plot_group_overlap(c.memberships, c.groups, **kw),
    "overlap_count": lambda c, **kw: charts.plot_group_overlap(c.memberships, c.groups, by="count", **kw),
    "group_graph": lambda c, **kw: charts.plot_group_graph(c.memberships, c.groups, **kw),
    "membership_matrix": lambda c, **kw: charts.plot_membership_matrix(c.memberships, c.users, c.groups, **kw),
    "user_states": lambda c, **kw: charts.plot_user_states(c.users, c.directories, **kw),
    "events": lambda c, **kw: charts.plot_events(c.events, **kw),
    "comings": lambda c, **kw: charts.plot_comings_and_goings(c.events, **kw),
    "life_line": lambda c, **kw: charts.plot_life_line(c.events, _somebody(c), **kw),
    "arrival": lambda c, **kw: charts.plot_arrival_order(c.events, **kw),
    "onboarding": lambda c, **kw: charts.plot_onboarding(c.users, **kw),
    "onboarding_events": lambda c, **kw: charts.plot_onboarding(c.events, **kw),
    "role_changes": lambda c, **kw: charts.plot_role_changes(role_changes(c), **kw),
}


def _somebody(c):
    told = c.events["user_id"].dropna()
    return told.iloc[0] if len(told) else "directory_user_01"


@pytest.fixture(params=list(CHARTS))
def draw(request):
    return CHARTS[request.param]


def widths(ax):
    return [bar.get_width() for bar in ax.patches]


def y_labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def texts_of(ax):
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_text()]


def named_groups(*names):
    groups = groups_frame([group(f"group_{n:04d}", name) for n, name in enumerate(names)])
    pairs = [(f"u{k}", g) for n, g in enumerate(groups.index) for k in range(n + 1)]
    return memberships(*pairs), groups


# All charts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ZOO))
def test_every_chart_draws_every_animal_as_png_and_svg_and_says_what_it_shows(draw, name, tmp_path):
    ax = draw(ZOO[name])
    for kind in ("png", "svg") if name in ("a small company", "hostile names") else ("svg",):
        ax.figure.savefig(tmp_path / f"chart.{kind}")
        assert (tmp_path / f"chart.{kind}").stat().st_size > 2_000
    assert charts.alt_text(ax)
    assert ax.get_title().replace("\n", " ") in charts.alt_text(ax)


def test_charts_draw_on_the_axes_they_are_given_and_give_them_back(draw):
    figure = Figure(layout="constrained")
    left, right = figure.subplots(1, 2)
    assert draw(ZOO["a small company"], ax=right) is right
    assert not left.has_data()
    figure.savefig("/dev/null", format="png")


def test_drawing_changes_no_argument(draw):
    c = company(40, 9)
    before = [frame.copy(deep=True) for frame in vars(c).values()]
    draw(c)
    for frame, copy in zip(vars(c).values(), before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_of_many_drawings_the_last_alone_stays_open_for_savefig(draw, tmp_path):  # CHT-05
    plt.close("all")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(6):
            ax = draw(ZOO["one user in one group"])
    assert plt.get_fignums() == [ax.figure.number]
    ax.figure.draw_without_rendering()  # where labels stand is found in the first drawing
    plt.savefig(tmp_path / "as_people_type_it.png")
    ax.figure.savefig(tmp_path / "chart.png")
    assert (tmp_path / "as_people_type_it.png").read_bytes() == (tmp_path / "chart.png").read_bytes()
    plt.close("all")


def test_drawing_changes_no_setting_of_matplotlib_or_pandas(draw):  # CHT-06
    options = pd.describe_option(_print_desc=False)
    settings, filters = dict(mpl.rcParams), list(warnings.filters)
    draw(ZOO["hostile names"]).figure.savefig("/dev/null", format="png")
    assert dict(mpl.rcParams) == settings
    assert pd.describe_option(_print_desc=False) == options
    assert warnings.filters == filters


@pytest.mark.slow
def test_importing_charts_loads_no_pyplot_and_changes_no_setting():  # CHT-06
    code = (
        "import matplotlib as mpl, sys; before = mpl.rcParams.copy();"
        "import dirsync_nb.charts;"
        "assert 'matplotlib.pyplot' not in sys.modules and 'IPython' not in sys.modules;"
        # Reading "backend" is what would load pyplot and choose one.
        "assert all(mpl.rcParams[name] == before[name] for name in before if name != 'backend')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("name", ["nothing at all", "groups that are all empty"])
def test_nothing_to_show_is_said_on_the_chart(draw, name):  # CHT-04
    animal = ZOO[name]
    ax = draw(animal)
    of_users = ("user_states", "onboarding", "role_changes")
    shows_users = draw in [CHARTS[one] for one in of_users] and len(animal.users)
    said = any(text.startswith("Nothing to show") for text in texts_of(ax))
    assert said != bool(shows_users)
    assert ax.has_data() == bool(shows_users)


def test_charts_of_partial_frames_say_partial(draw):  # HTTP-10
    c = ZOO["a small company"]
    cut = Company(c.directories, *(partial(frame) for frame in (c.users, c.groups, c.memberships, c.events)))
    ax = draw(cut)
    assert ax.get_title().startswith("Partial data:")
    assert "broke off after 200 rows" in charts.alt_text(ax)


def test_dark_styles_keep_the_text_legible(draw):
    with mpl.rc_context({"text.color": "white", "axes.labelcolor": "white", "axes.titlecolor": "auto"}):
        assert draw(ZOO["a small company"]).title.get_color() == "white"


# Other people's text ----------------------------------------------------------------------------------------


def test_dollars_and_other_signs_are_drawn_literally(tmp_path):  # CHT-01
    names = ["$$", "US$ & CA$", "R&D \\$", "50% ^_"]
    ax = charts.plot_group_sizes(*named_groups(*names))
    assert y_labels(ax) == names[::-1]
    ax.figure.savefig(tmp_path / "chart.png")
    with mpl.rc_context({"svg.fonttype": "none"}):
        ax.figure.savefig(tmp_path / "chart.svg")
    assert "US$ &amp; CA$" in (tmp_path / "chart.svg").read_text()


def test_no_text_on_any_chart_is_read_as_a_formula(draw):  # CHT-01
    c = ZOO["hostile names"]
    ax = draw(c)
    ax.figure.savefig("/dev/null", format="png")
    ours = [text for text in ax.figure.findobj(Text) if "$" in text.get_text()]
    assert not any(text.get_parse_math() for text in ours)


def test_states_directories_and_event_kinds_may_hold_formulas_too():  # CHT-01
    users = users_frame([user("u1", None, state="_$x$"), user("u2", None, state="$\\frac$")])
    directories = directories_frame([{"id": "directory_1", "name": "$\\bad{$", "state": "linked"}])
    ax = charts.plot_user_states(users, directories)
    ax.figure.savefig("/dev/null", format="png")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["$\\frac$", "_$x$"]
    events = events_frame([{"id": "e1", "event": "$\\x$", "created_at": "2026-01-01T00:00:00Z", "data": {}}])
    charts.plot_events(events).figure.savefig("/dev/null", format="png")


def test_line_breaks_and_control_characters_leave_one_clean_line():
    assert chart_text.clean("two\nlines\tand\x00 \u202eoverride \ud800") == "two lines and override"


def test_long_names_are_cut_and_wide_characters_count_double():
    assert chart_text.shorten("a" * 40, 10) == "a" * 9 + "…"
    assert chart_text.shorten("営" * 10, 9) == "営" * 4 + "…"
    ax = charts.plot_group_sizes(*named_groups(HOSTILE_NAMES[-1]))
    assert y_labels(ax)[0].endswith("…")
    assert len(y_labels(ax)[0]) <= chart_text.LABEL_WIDTH


def test_two_groups_of_one_name_are_told_apart():  # MEM-08
    c = ZOO["two groups of one name"]
    for ax in (
        charts.plot_group_sizes(c.memberships, c.groups),
        charts.plot_group_overlap(c.memberships, c.groups),
        charts.plot_membership_matrix(c.memberships, c.users, c.groups),
    ):
        assert sorted(y_labels(ax)) == ["Sales · …aaaa", "Sales · …bbbb"]


def test_groups_of_one_name_are_told_apart_by_their_customer_and_then_by_their_id():
    ids = ["group_1aaaa", "group_2bbbb", "group_3cccc", "group_4dddd", "group_5eeee"]
    groups = pd.DataFrame({"name": ["Sales"] * 4 + ["Legal"], "directory_id": list("abbcc")}, index=ids)
    groups.index.name = "group_id"
    pairs = [(f"user_{n}", one) for n, one in enumerate(ids)]
    memberships = pd.DataFrame(pairs, columns=["user_id", "group_id"])
    memberships["directory_id"] = groups["directory_id"].loc[memberships["group_id"]].to_numpy()
    homes = pd.Index(["a", "b"], name="directory_id")
    directories = pd.DataFrame({"name": ["Acme Okta", "Bell Entra"]}, index=homes)
    told = ["Legal", "Sales · Acme Okta", "Sales · Bell Entra · …bbbb", "Sales · Bell Entra · …cccc", "Sales"]
    for draw in (charts.plot_group_sizes, charts.plot_group_overlap, charts.plot_membership_matrix):
        ax = draw(memberships, groups=groups, directories=directories)
        assert sorted(y_labels(ax)) == sorted(told)
    board = directories.assign(customer=["Acme", None])
    graph = charts.plot_group_graph(memberships, groups, directories=board)
    assert {label.rpartition("  ")[0] for label in y_labels(graph)} >= {"Legal", "Sales · Acme"}


def test_labels_stay_distinct_when_ids_end_alike():
    labels = chart_text.distinct_labels(["group_1_same", "group_2_same"], ["Sales", "Sales"])
    assert labels == ["Sales · …p_1_same", "Sales · …p_2_same"]
    assert len(set(chart_text.distinct_labels(["a", "b"], [None, None]))) == 2


def test_scripts_that_an_installed_font_has_are_drawn_in_it():  # CHT-02
    look = drawing.lettering(["قسم", "😀 team"])
    assert drawing.missing_glyphs(["قسم😀"]) == []
    assert look["fontfamily"][0] == mpl.rcParams["font.family"][0]


def test_a_font_is_looked_for_among_those_installed(monkeypatch):  # CHT-02
    base = drawing.font_manager.findfont(drawing.font_manager.FontProperties())
    held = {base: "a"}
    monkeypatch.setattr(
        drawing, "_glyphs", lambda path, wanted: wanted & set(held.get(path, "営" if "Mono" in path else ""))
    )
    drawing._covering.cache_clear()
    try:
        families, missing = drawing._families("営業")
    finally:
        drawing._covering.cache_clear()
    assert [family for family in families if "Mono" in family] == list(families) != []
    assert missing == {"業"}


def test_characters_without_a_font_make_one_message_and_no_warning(tmp_path):  # CHT-02
    # Never assigned, so no font can have it, whatever this machine has installed.
    names = [
        "\U0005fffe\U0005ffff",
        "販売" if drawing.missing_glyphs(["販"]) else "\U0005fffd",
        "قسم",
        "😀 team",
    ]
    missing = drawing.missing_glyphs(names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ax = charts.plot_group_sizes(*named_groups(*names))
        ax.figure.savefig(tmp_path / "chart.png")
        ax.figure.savefig(tmp_path / "chart.svg")
    assert [str(warning.message) for warning in caught] == []
    said = [text for text in texts_of(ax) if "No installed font has" in text]
    assert len(said) == 1
    assert all(f"U+{ord(character):04X}" in said[0].replace("\n", " ") for character in missing)


@pytest.fixture
def other_font(tmp_path):
    """A font with the characters that matplotlib's own lack, as an emoji font has them."""
    glyphs = {"\U0001f9e9": "piece", "販": "sell", "\U0005fffe": "unknown"}
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", *glyphs.values()])
    font.setupCharacterMap({ord(character): name for character, name in glyphs.items()})
    font.setupGlyf(dict.fromkeys(font.font.getGlyphOrder(), TTGlyphPen(None).glyph()))
    font.setupHorizontalMetrics(dict.fromkeys(font.font.getGlyphOrder(), (600, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Everything", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "everything.ttf")
    return str(tmp_path / "everything.ttf")


def test_what_is_compared_is_the_same_whatever_fonts_a_machine_has(monkeypatch, other_font):  # NBS-02
    manager = drawing.font_manager.fontManager
    own = [font for font in manager.ttflist if font.fname.startswith(mpl.get_data_path())]
    said, below = [], []
    for fonts in (own, [font for font in own if "Last Resort" not in font.name], own):
        monkeypatch.setattr(manager, "ttflist", list(fonts))
        if len(said) == 2:
            manager.addfont(other_font)
        drawing._covering.cache_clear()
        drawing._installed.cache_clear()
        ax = charts.plot_group_sizes(*named_groups("\U0001f9e9 team", "販\U0005fffe", "Café"))
        said.append((charts.alt_text(ax), notebook_runs.describe(ax.figure)))
        below.append(ax.figure.get_supxlabel())
    drawing._covering.cache_clear()
    drawing._installed.cache_clear()
    assert said == [said[0]] * 3
    assert "\U0001f9e9 team" in said[0][0]
    assert ["No installed font" in words for words in below] == [True, True, False]


def test_without_a_font_of_last_resort_a_box_stands_for_each_character(
    monkeypatch,
):  # CHT-02, matplotlib < 3.11
    monkeypatch.setattr(drawing, "_installed", lambda family: False)
    assert drawing.drawable("a\U0005fffeb") == "a□b"
    ax = charts.plot_group_sizes(*named_groups("a\U0005fffeb"))
    ax.figure.savefig("/dev/null", format="png")
    assert y_labels(ax) == ["a□b"]
    assert "a\U0005fffeb" in charts.alt_text(ax)


# Sizes ------------------------------------------------------------------------------------------------------


def test_group_sizes_draws_the_largest_on_top_with_its_number():
    c = company(260, 25)
    sizes = analysis.group_sizes(c.memberships, c.groups)
    ax = charts.plot_group_sizes(c.memberships, c.groups, top=None)
    assert widths(ax) == sizes["members"].tolist()
    assert y_labels(ax)[0] == "Everyone"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert f"{sizes['members'].iloc[0]:,}" in texts_of(ax)
    empty = int((sizes["members"] == 0).sum())
    assert ax.get_title() == f"“Everyone” holds 212 of the 234 people in 25 groups; {empty} groups are empty"


def test_three_thousand_groups_fold_into_one_line_that_says_how_many():
    pairs = [(f"u{n % 50}", f"g{n % 3000:04d}") for n in range(6000)]
    ax = charts.plot_group_sizes(memberships(*pairs), top=20)
    assert len(ax.patches) == 20
    assert y_labels(ax)[-1] == "… and 2,980 more groups"
    assert ax.figure.get_figheight() < 9


def test_top_must_be_sensible():
    with pytest.raises(errors.ArgumentError, match="top must be at least 1, or None for all; got 0"):
        charts.plot_group_sizes(memberships(), top=0)


def test_groups_per_user_counts_those_in_none_when_it_knows_them():
    users = users_frame([user(f"u{n}", None) for n in range(4)])
    frame = memberships(("u0", "g1"), ("u0", "g2"), ("u1", "g1"))
    ax = charts.plot_groups_per_user(frame, users)
    assert [bar.get_height() for bar in ax.patches] == [2, 1, 1]
    assert "2 are in none" in ax.get_title()
    assert [bar.get_height() for bar in charts.plot_groups_per_user(frame).patches] == [1, 1]


def test_a_wide_range_of_groups_per_user_is_drawn_in_equal_steps():
    pairs = [(f"u{n}", f"g{k}") for n in range(1, 61) for k in range(n)]
    ax = charts.plot_groups_per_user(memberships(*pairs))
    assert [text.get_text() for text in ax.get_xticklabels()][:2] == ["1–5", "6–10"]
    assert [bar.get_height() for bar in ax.patches] == [5] * 12


def test_half_of_the_users_are_told_by_the_middle_one():
    pairs = [("u0", f"g{n}") for n in range(30)] + [("u1", "g1"), ("u2", "g1"), ("u2", "g2")]
    ax = charts.plot_groups_per_user(memberships(*pairs))
    assert ax.get_title() == "Half of the 3 users are in 2 groups or fewer"


@pytest.mark.parametrize(
    ("rest", "said"),
    [([2, 2], " 2 each"), ([1, 3], " 1 to 3 members each"), ([0, 0], " all empty"), ([0], " empty")],
)
def test_the_folded_groups_are_told_by_their_sizes(rest, said):
    sizes = [9, *rest]
    groups = groups_frame([group(f"g{n}", f"Group {n}") for n in range(len(sizes))])
    pairs = [(f"u{k}", f"g{n}") for n, size in enumerate(sizes) for k in range(size)]
    ax = charts.plot_group_sizes(memberships(*pairs), groups, top=1)
    assert said in [text.get_text() for text in ax.texts]
    assert ax.get_xlim()[1] > 9


# Overlap ----------------------------------------------------------------------------------------------------


def test_overlap_draws_the_matrix_with_a_colour_bar_and_leaves_the_diagonal_out():
    c = company(260, 25)
    ax = charts.plot_group_overlap(c.memberships, c.groups, top=8)
    square = analysis.overlap_matrix(c.memberships, c.groups, top=8)
    held = analysis.group_sizes(c.memberships)["members"].loc[square.index] > 0.8 * 260
    order = [*square.index[~held], *square.index[held]]  # who holds nearly everybody comes last
    square = square.loc[order, order]
    drawn = ax.images[0].get_array()
    assert drawn.mask.tolist() == np.eye(8, dtype=bool).tolist()
    np.testing.assert_allclose(drawn.data, square.to_numpy())
    assert len(ax.figure.axes) == 2
    names = dict(zip(c.groups.index, c.groups["name"], strict=True))
    assert y_labels(ax) == [names[group_id] for group_id in square.index]
    assert "14 more groups" in charts.alt_text(ax)


def test_overlap_names_the_most_similar_pair():
    frame = memberships(*[(f"u{n}", g) for n in range(4) for g in ("a", "b")], ("u0", "c"))
    groups = groups_frame([group("a", "Sales"), group("b", "Sales EMEA"), group("c", "Legal")])
    ax = charts.plot_group_overlap(frame, groups)
    assert (
        "“Sales” and “Sales EMEA” are the most alike: they share 4 members (jaccard 1.00)"
        in charts.alt_text(ax)
    )


def test_membership_matrix_shows_each_user_while_they_fit():
    frame = memberships(("u1", "a"), ("u2", "a"), ("u2", "b"))
    ax = charts.plot_membership_matrix(
        frame, users_frame([user("u1", "x@acme.test"), user("u2", "y@acme.test")])
    )
    drawn = dict(zip(y_labels(ax), np.asarray(ax.images[0].get_array()).tolist(), strict=True))
    columns = [text.get_text() for text in ax.get_xticklabels()]
    assert dict(zip(columns, drawn["b"], strict=True)) == {"x@acme.test": 0, "y@acme.test": 1}
    assert drawn["a"] == [1, 1]


def test_membership_matrix_folds_many_users_and_says_so():
    pairs = [(f"u{n:05d}", "all") for n in range(5_000)] + [(f"u{n:05d}", "half") for n in range(2_500)]
    ax = charts.plot_membership_matrix(memberships(*pairs))
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == (2, 500)
    np.testing.assert_allclose(sorted(image.mean(axis=1)), [0.5, 1.0])
    assert "Each column stands for 10 users." in charts.alt_text(ax)


def test_membership_matrix_never_draws_more_columns_than_it_may():
    pairs = [(f"u{n:05d}", "all") for n in range(750)]
    ax = charts.plot_membership_matrix(memberships(*pairs))
    assert np.asarray(ax.images[0].get_array()).shape == (1, 375)


def test_membership_matrix_says_who_is_left_out():
    users = users_frame([user(f"u{n}", None) for n in range(5)])
    ax = charts.plot_membership_matrix(memberships(("u1", "a"), ("u2", "a")), users)
    assert "3 users in none of these groups left out." in charts.alt_text(ax)


@pytest.mark.parametrize(("by", "written"), [("count", ["2", "2"]), ("jaccard", ["0.50", "0.50"])])
def test_cells_hold_their_numbers_in_a_colour_that_can_be_read_on_them(by, written):
    pairs = [("u1", "a"), ("u2", "a"), ("u3", "a"), ("u1", "b"), ("u2", "b"), ("u4", "b")]
    ax = charts.plot_group_overlap(memberships(*pairs), by=by)
    assert [text.get_text() for text in ax.texts] == written
    assert {text.get_color() for text in ax.texts} == {"white"}  # on a strong blue
    weak = [("u1", "c"), *((f"v{n}", "c") for n in range(5))]
    ax = charts.plot_group_overlap(memberships(*pairs, *weak), by=by)
    colors = {text.get_text(): text.get_color() for text in ax.texts}
    assert colors[written[0]] == "white"
    weak = "1" if by == "count" else "0.12"
    assert (colors[weak] == "white") is (by == "count")  # half of the most members is strong already


# States, events, growth -------------------------------------------------------------------------------------


def test_an_unknown_state_gets_its_own_bar_and_colour():  # DF-08
    users = users_frame(
        [user(f"u{n}", None, state=s) for n, s in enumerate(["active", "inactive", "suspended", "staged"])]
    )
    directories = directories_frame(
        [{"id": "directory_1", "name": "Acme", "type": "acme people v9", "state": "linked"}]
    )
    ax = charts.plot_user_states(users, directories)
    assert widths(ax) == [1, 1, 1, 1]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 4
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "active",
        "inactive",
        "suspended",
        "staged",
    ]
    assert "1 staged" in ax.get_title()


def test_user_states_stack_by_directory_and_keep_empty_directories():
    c = company(100, 3, directories=2)
    more = pd.concat(
        [c.directories, directories_frame([{"id": "directory_9", "name": "Empty", "state": "linked"}])]
    )
    ax = charts.plot_user_states(c.users, more)
    ends = {}
    for bar in ax.patches:
        ends[bar.get_y()] = max(ends.get(bar.get_y(), 0), bar.get_x() + bar.get_width())
    totals = c.users["directory_id"].value_counts()
    assert [ends[y] for y in sorted(ends)] == [*sorted(totals, reverse=True), 0]
    assert y_labels(ax)[-1] == "Empty"


def test_directories_whose_users_were_not_loaded_are_not_drawn_as_empty():
    counts = [(2, 0), (40, 2), (0, 0), (None, None)]
    homes = directories_frame(
        [
            {
                "id": f"d{n}",
                "name": f"Home {n}",
                "metadata": {"users": {"active": a, "inactive": i}, "groups": 0},
            }
            for n, (a, i) in enumerate(counts)
        ]
    )
    users = users_frame([user("u1", None, directory_id="d0"), user("u2", None, directory_id="d0")])
    ax = charts.plot_user_states(users, homes)
    assert y_labels(ax) == ["Home 0", "Home 2", "Home 3"]
    note = "1 directory whose users are not in the frame left out: the service counts 42."
    assert note in charts.alt_text(ax)
    assert ax.get_title() == "2 users in 3 directories: 2 active"
    assert "the service counts 44" in charts.alt_text(charts.plot_user_states(users.iloc[:0], homes))


def test_people_whom_the_list_does_not_hold_are_no_users_on_any_chart():  # MEM-09
    users = users_frame([user("u1", "a@acme.test"), user("u2", "b@acme.test")])
    edges = memberships(("u1", "g1"), ("stranger", "g1"), ("stranger", "g2"), ("other", "g2"))
    per_user = charts.plot_groups_per_user(edges, users)
    matrix = charts.plot_membership_matrix(edges, users)
    for ax in (per_user, matrix):
        assert "2 members that the list of users does not hold left out." in charts.alt_text(ax)
    assert [bar.get_height() for bar in per_user.patches] == [1, 1]
    assert matrix.get_title() == "One user, in 1 group"


PARIS_AUTUMN = [
    f"2026-10-{day}T{hour:02}:30:00Z" for day, hour in ((24, 23), (25, 0), (25, 1), (25, 1), (25, 23))
]


def test_hours_are_counted_in_one_zone_that_the_axis_names_and_the_autumn_hour_is_two():  # TIM-01
    events = events_frame(
        [
            {
                "id": f"e{n}",
                "event": "dsync.user.created",
                "created_at": time,
                "data": {"id": f"u{n}", "state": "active"},
            }
            for n, time in enumerate(PARIS_AUTUMN)
        ]
    )
    local = events.assign(created_at=events["created_at"].dt.tz_convert("Europe/Paris"))
    for ax in (charts.plot_events(events, freq="h", tz="Europe/Paris"), charts.plot_events(local, freq="h")):
        assert ax.get_xlabel() == "time (Europe/Paris)"
        (stack,) = ax.patches
        values, edges, _ = stack.get_data()
        assert list(values[:3]) == [1, 1, 2]  # 01:30, 02:30 and 02:30 again
        assert set(np.diff(edges * 24).round(6)) == {1}
    days = charts.plot_events(local, freq="D").patches[0].get_data()
    assert list(days[0]) == [4, 1]
    assert np.diff(days[1] * 24).round(6).tolist() == [25, 24]
    assert list(charts.plot_events(local, freq="D", tz="UTC").patches[0].get_data()[0]) == [1, 4]
    growth = charts.plot_onboarding(events, tz="Europe/Paris")
    assert growth.get_xlabel() == "time (Europe/Paris)"
    assert "+5 users since 25 Oct 2026; the largest day brought 4" in growth.get_title()
    with pytest.raises(errors.ArgumentError, match="Did you mean 'Europe/Paris'"):
        charts.plot_events(events, tz="Europe/Pariss")


@pytest.mark.parametrize("zone", ["Africa/Cairo", "Australia/Lord_Howe"])
@pytest.mark.parametrize("freq", ["h", "6h", "D", "W", "MS", "ME"])
def test_periods_hold_every_event_in_zones_whose_clocks_change_at_midnight(zone, freq):
    times = pd.date_range("2026-02-27", "2026-11-03", freq="31h", tz="UTC")
    events = events_frame(
        [{"id": f"e{n}", "event": "dsync.deleted", "created_at": t.isoformat()} for n, t in enumerate(times)]
    )
    values, edges, _ = charts.plot_events(events, freq=freq, tz=zone).patches[0].get_data()
    assert values.sum() == len(times)
    assert (np.diff(edges) > 0).all()


def test_the_month_under_the_axis_is_that_of_its_first_tick():
    events = events_frame(
        [
            {"id": str(n), "event": "x", "created_at": f"2026-0{m}-{d}T12:00:00Z"}
            for n, (m, d) in enumerate([(1, 29), (2, 12)])
        ]
    )
    ax = charts.plot_events(events, freq="D")
    ax.figure.draw_without_rendering()
    assert ax.get_xticklabels()[0].get_text() in ("29", "30", "31")
    assert ax.xaxis.get_offset_text().get_text() == "2026-Jan"
    assert ax.xaxis.get_offset_text().get_ha() == "left"


def test_labels_of_any_length_are_cut_in_linear_time():
    start = time.perf_counter()
    assert chart_text.shorten("営a" * 1_000_000, 10) == "営a営a営a…"
    assert len(set(chart_text.distinct_labels([f"id{n}" for n in range(20_000)], ["same"] * 20_000))) == 20_000
    charts.plot_group_sizes(*named_groups("x" * 16_000, "y" * 16_000)).figure.draw_without_rendering()
    assert time.perf_counter() - start < 10


def test_directories_beyond_top_are_counted_in_a_note():
    users = users_frame([user(f"u{n}", None, directory_id=f"directory_{n // 2}") for n in range(5)])
    assert "… and 1 smaller directory, not drawn." in charts.alt_text(charts.plot_user_states(users, top=2))
    assert "… and 2 smaller directories, not drawn." in charts.alt_text(charts.plot_user_states(users, top=1))
    assert "not drawn" not in charts.alt_text(charts.plot_user_states(users))


def test_events_stack_up_to_the_number_of_each_day():
    events = company(120, 12).events
    ax = charts.plot_events(events, freq="D")
    stacks = [patch.get_data() for patch in ax.patches]
    assert len(stacks) == events["event"].nunique()
    per_day = events.groupby(events["created_at"].dt.floor("D")).size()
    assert stacks[-1][0].sum() == len(events)
    assert stacks[-1][0].max() == per_day.max()
    looks = {(patch.get_facecolor(), patch.get_hatch()) for patch in ax.patches}
    assert len(looks) == len(stacks)


def test_every_known_event_has_a_look_and_words_of_its_own():
    from dirsync_nb.client import DSYNC_EVENTS

    assert set(chart_time.EVENT_LOOKS) == set(chart_time.EVENT_WORDS) == set(DSYNC_EVENTS)
    assert len({str(look) for look in chart_time.EVENT_LOOKS.values()}) == len(DSYNC_EVENTS)


@pytest.mark.parametrize("freq", ["h", "D", "W", "MS", None])
def test_events_of_any_period_are_all_counted(freq):
    events = company(60, 6).events
    ax = charts.plot_events(events, freq=freq)
    assert ax.patches[-1].get_data()[0].sum() == len(events)


def test_a_mistyped_frequency_is_refused():
    with pytest.raises(errors.ArgumentError, match="freq must be a pandas frequency"):
        charts.plot_events(company(60, 6).events, freq="daily")


def test_events_without_a_time_are_left_out_and_said():
    events = events_frame(
        [
            {"id": "e1", "event": "dsync.user.created", "created_at": "2026-01-01T00:00:00Z", "data": {}},
            {"id": "e2", "event": "dsync.user.created", "created_at": None, "data": {}},
        ]
    )
    assert "1 event without a time left out" in charts.alt_text(charts.plot_events(events))


def test_onboarding_rises_to_the_number_of_users():
    c = company(120, 6)
    ax = charts.plot_onboarding(c.users)
    heights = ax.lines[0].get_ydata()
    assert heights[-1] == len(c.users)
    assert (np.diff(heights) >= 0).all()


def test_onboarding_from_events_takes_leavers_off():
    kinds = ["dsync.user.created", "dsync.user.created", "dsync.group.created", "dsync.user.deleted"]
    events = events_frame(
        [
            {
                "id": f"e{n}",
                "event": kind,
                "created_at": f"2026-01-0{n + 1}T00:00:00Z",
                "data": {"id": who, "state": "active"},
            }
            for n, (kind, who) in enumerate(zip(kinds, ["u1", "u2", "g1", "u1"], strict=True))
        ]
    )
    ax = charts.plot_onboarding(events)
    assert list(ax.lines[0].get_ydata()) == [1, 2, 1, 1]
    assert ax.get_title().startswith("+1 user since 1 Jan 2026")


def dated(*times, kinds=("dsync.user.created",)):
    records = [
        {
            "id": f"e{n}",
            "event": kinds[n % len(kinds)],
            "created_at": time,
            "data": {"id": f"u{n}", "state": "active"},
        }
        for n, time in enumerate(times)
    ]
    return events_frame(records)


def test_the_onboarding_chart_counts_who_left_as_the_timeline_does():
    """HIS-02: who is switched off by an update has left as well, and who is switched on again is back."""

    def event(n, kind, who, state, before=None):
        data = {"id": who, "directory_id": "d1", "state": state}
        if before:
            data["previous_attributes"] = {"state": before}
        return {"id": f"event_{n}", "event": kind, "created_at": f"2026-01-0{n}T00:00:00Z", "data": data}

    events = events_frame(
        [
            event(1, "dsync.user.created", "u1", "active"),
            event(2, "dsync.user.created", "u2", "active"),
            event(3, "dsync.user.created", "u3", "active"),
            event(4, "dsync.user.deleted", "u1", "active"),
            event(5, "dsync.user.updated", "u2", "inactive", "active"),
            event(6, "dsync.user.updated", "u2", "active", "inactive"),
        ]
    )
    steps = history.arrivals(events)
    ax = charts.plot_onboarding(events)
    assert list(ax.lines[0].get_ydata())[:-1] == steps.cumsum().tolist() == [1, 2, 3, 2, 1, 2]


def borders_of(ax):
    return pd.DatetimeIndex(num2date(ax.patches[-1].get_data()[1])).round("s")


@pytest.mark.parametrize(
    ("freq", "same"), [("ME", "MS"), ("QE", "QS"), ("YE", "YS"), ("2ME", "2MS"), ("W-SUN", None), ("W", None)]
)
def test_periods_named_after_their_end_are_drawn_from_their_start(freq, same):
    times = [
        "2026-01-01T00:00:00Z",
        "2026-01-31T23:59:59.999Z",
        "2026-02-01T00:00:00Z",
        "2026-04-01T12:00:00Z",
    ]
    ax = charts.plot_events(dated(*times), freq=freq)
    assert ax.patches[-1].get_data()[0].sum() == 4
    if same is None:  # weeks ending on Sunday begin on Monday
        assert borders_of(ax)[0] == pd.Timestamp("2025-12-29", tz="UTC")
        assert set(borders_of(ax).day_of_week) == {0}
        return
    first, *_ = borders_of(ax)
    assert first.is_month_start
    assert first <= pd.Timestamp("2026-01-01", tz="UTC")
    if not freq[0].isdigit():
        alike = charts.plot_events(dated(*times), freq=same)
        assert borders_of(ax).equals(borders_of(alike))
        assert ax.patches[-1].get_data()[0].tolist() == alike.patches[-1].get_data()[0].tolist()


def test_events_of_january_are_told_as_january():
    ax = charts.plot_events(dated("2026-01-05T00:00:00Z", "2026-01-31T23:00:00Z"), freq="ME")
    assert ax.get_title().replace("\n", " ").endswith("the most a month: 2 (1 Jan 2026)")


@pytest.mark.parametrize("freq", ["7h", "3D", "B", "SME", "SMS", "BME", "BYE", "WOM-1MON", "W-WED", "2W", "bh"])
def test_uncommon_periods_count_every_event_between_their_borders(freq):
    times = pd.date_range("2026-01-30T22:15:00Z", periods=40, freq="31h")
    events = dated(*[time.isoformat() for time in times])
    ax = charts.plot_events(events, freq=freq)
    counts = ax.patches[-1].get_data()[0]
    assert counts.tolist() == [int(((times >= a) & (times < b)).sum()) for a, b in pairwise(borders_of(ax))]
    assert counts.sum() == 40
    assert counts[0] > 0
    assert counts[-1] > 0


@pytest.mark.parametrize("freq", ["-1D", "0D", 5.5, "daily"])
def test_a_frequency_that_is_no_length_of_time_is_refused(freq):
    for events in (dated("2026-01-01T00:00:00Z"), events_frame([])):
        with pytest.raises(errors.ArgumentError, match="freq must be a"):
            charts.plot_events(events, freq=freq)


@pytest.mark.parametrize("freq", ["ms", "min", "bh"])
def test_more_periods_than_a_chart_can_show_are_refused_by_number(freq):
    with pytest.raises(errors.ArgumentError, match="periods, more than the 20,000 a chart can show"):
        charts.plot_events(dated("1990-01-01T00:00:00Z", "2026-02-01T00:00:00Z"), freq=freq)


def test_kinds_beyond_what_a_legend_can_hold_share_one_entry(tmp_path):
    kinds = [f"dsync.novelty.{n:02d}" for n in range(40)] + ["dsync.user.created"] * 3
    events = dated(*["2026-01-01T00:00:00Z"] * len(kinds), kinds=kinds)
    ax = charts.plot_events(events)
    ax.figure.savefig(tmp_path / "chart.png")  # warnings are errors: the layout does not collapse
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(entries) == chart_time.MOST_KINDS
    assert (entries[0], entries[-1]) == ("other (26 kinds)", "user joined")
    assert ax.patches[-1].get_data()[0].sum() == len(kinds)
    assert "other (26 kinds) 26" in charts.alt_text(ax)
    looks = {(str(patch.get_facecolor()), patch.get_hatch()) for patch in ax.patches}
    assert len(looks) == chart_time.MOST_KINDS


def test_the_kinds_that_share_an_entry_are_the_rare_ones():
    kinds = [f"kind {n:02d}" for n in range(20) for _ in range(n + 1)]
    ax = charts.plot_events(dated(*["2026-01-01T00:00:00Z"] * len(kinds), kinds=kinds))
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert entries == ["other (5 kinds)", *[f"kind {n:02d}" for n in range(19, 4, -1)]]
    assert ax.patches[-1].get_label() == "other (5 kinds)"
    assert (ax.patches[-1].get_data()[0] - ax.patches[-1].get_data()[2]).tolist() == [15]


def test_long_names_of_kinds_are_cut_and_stay_distinct():
    ax = charts.plot_events(
        dated(*["2026-01-01T00:00:00Z"] * 2, kinds=["x" * 200 + "1234a", "x" * 200 + "1234b"])
    )
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(set(entries)) == 2
    assert all(len(entry) <= chart_text.LABEL_WIDTH for entry in entries)


def test_forty_unknown_states_are_drawn_without_crushing_the_bar(tmp_path):
    users = users_frame([user(f"u{n}", None, state=f"state {n:02d}") for n in range(40)])
    ax = charts.plot_user_states(users)
    ax.figure.savefig(tmp_path / "chart.png")
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(entries) == chart_states.MOST_STATES
    assert entries[-1] == "other (31 states)"
    assert sum(widths(ax)) == 40
    assert ax.get_window_extent().height > 60


PLACEHOLDERS = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "1899-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
)


@pytest.mark.parametrize(
    "plot", [charts.plot_events, lambda events: charts.plot_onboarding(events)], ids=["events", "onboarding"]
)
def test_placeholder_times_are_left_out_and_said(plot, tmp_path):
    ax = plot(dated(*PLACEHOLDERS, "1900-01-01T00:00:00Z", "2199-12-31T23:00:00Z"))
    ax.figure.savefig(tmp_path / "chart.png")
    assert "4 " in charts.alt_text(ax)
    assert "s dated before 1900 or after 2199 left out." in charts.alt_text(ax)
    assert "1 Jan 1900" in ax.get_title()
    nobody = plot(dated(*PLACEHOLDERS))
    assert "Nothing to show" in charts.alt_text(nobody)


def test_onboarding_of_users_leaves_placeholder_times_out(tmp_path):
    times = [*PLACEHOLDERS, None, "2026-01-01T00:00:00Z"]
    users = users_frame([user(f"u{n}", None, created_at=time) for n, time in enumerate(times)])
    ax = charts.plot_onboarding(users)
    ax.figure.savefig(tmp_path / "chart.png")
    assert ax.lines[0].get_ydata()[-1] == 1
    assert "1 user without a time left out. 4 users dated before" in charts.alt_text(ax)


def test_users_without_a_directory_are_told_in_full():
    users = users_frame([user("u1", None), user("u2", None, directory_id=None)])
    named = directories_frame([{"id": "directory_1", "name": "Acme", "state": "linked"}])
    ax = charts.plot_user_states(users, named)
    assert sorted(y_labels(ax)) == ["(no directory)", "Acme"]
    assert ax.get_title().startswith("2 users, 1 in 1 directory and 1 in none:")
    assert sorted(y_labels(charts.plot_user_states(users))) == ["(no directory)", "directory_1"]
    alone = charts.plot_user_states(users.loc[["u2"]])
    assert y_labels(alone) == ["(no directory)"]
    assert alone.get_title() == "1 user in no directory: 1 active"


def test_rows_loaded_twice_count_once():
    c = ZOO["a small company"]
    for plot, frames in (
        (charts.plot_user_states, (c.users, c.directories)),
        (charts.plot_onboarding, (c.users,)),
        (charts.plot_onboarding, (c.events,)),
        (charts.plot_events, (c.events,)),
    ):
        doubled = [pd.concat([frame, frame]) for frame in frames]
        assert charts.alt_text(plot(*doubled)) == charts.alt_text(plot(*frames))


def test_frames_without_their_ids_are_refused_by_charts_too():
    c = ZOO["a small company"]
    for question, said in (
        (
            lambda: charts.plot_user_states(c.users, c.directories.reset_index()),
            "directories must be indexed by",
        ),
        (lambda: charts.plot_user_states(c.users.reset_index()), "users must be indexed by user_id"),
        (lambda: charts.plot_onboarding(c.groups), "frame must be indexed by user_id"),
        (lambda: charts.plot_group_sizes(c.memberships, c.groups.reset_index()), "groups must be indexed by"),
        (lambda: charts.plot_membership_matrix(c.memberships, c.groups), "users must be indexed by user_id"),
    ):
        with pytest.raises(errors.ArgumentError, match=said):
            question()


def test_numbered_events_are_drawn_as_they_are():
    events = ZOO["a small company"].events
    ax = charts.plot_events(events.reset_index())
    assert charts.alt_text(ax) == charts.alt_text(charts.plot_events(events))


def test_onboarding_names_the_largest_day_and_shows_a_fall_below_the_start():
    kinds = ["dsync.user.created", "dsync.user.created", *["dsync.user.deleted"] * 4]
    days = [2, 2, 1, 3, 3, 3]
    ax = charts.plot_onboarding(dated(*[f"2026-01-0{day}T00:00:00Z" for day in days], kinds=kinds))
    assert ax.get_title() == "-2 users since 1 Jan 2026; the largest day brought 2 (2 Jan 2026)"
    assert ax.get_ylim()[0] < -2


# Notebooks --------------------------------------------------------------------------------------------------

# What warns of a chart is an error, but not what warns inside the kernel: there, a message would get lost.
CELLS = {
    "setup": """
import warnings; warnings.filterwarnings("error", module="__main__|dirsync_nb|matplotlib|pandas|numpy|tests")
import ipywidgets, matplotlib.pyplot as plt
from IPython.display import display
from dirsync_nb import charts
from tests.frame_zoo import company
c = company(30, 6)
""",
    "last line": "charts.plot_group_sizes(c.memberships, c.groups)",
    "with a semicolon": "charts.plot_group_sizes(c.memberships, c.groups);",
    "kept in a name": "ax = charts.plot_group_sizes(c.memberships, c.groups)",
    "a name as the last line": "ax",
    "changed afterwards": "ax = charts.plot_group_sizes(c.memberships, c.groups)\n_ = ax.set_xlabel('people')",
    "two in a cell": "charts.plot_group_sizes(c.memberships)\ncharts.plot_groups_per_user(c.memberships)",
    "on pyplot's axes": "charts.plot_group_sizes(c.memberships, c.groups, ax=plt.subplots()[1]);",
    "in an output": "with ipywidgets.Output():\n    charts.plot_group_sizes(c.memberships)",
    "displayed in an output": "with ipywidgets.Output():\n    display(charts.plot_group_sizes(c.memberships))",
    "shown in an output": "with ipywidgets.Output():\n    charts.plot_group_sizes(c.memberships); plt.show()",
    "left open": "print(plt.get_fignums())",
}


@pytest.fixture(scope="module")
def executed():
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    root = str(Path(__file__).parents[2])
    # Where nbclient answers an Output widget, it can miss that the cell's reply is there, and finds it only
    # when its time is up (0.11, one run in twenty on a busy machine). So the time is short.
    client = nbclient.NotebookClient(
        notebook, timeout=25, kernel_name="python3", resources={"metadata": {"path": root}}
    )
    client.execute()
    return notebook


def pictures(outputs):
    return [output for output in outputs if "image/png" in output.get("data", {})]


def test_a_chart_is_one_picture_however_a_cell_calls_it(executed):  # CHT-08
    counts = {name: len(pictures(cell.outputs)) for name, cell in zip(CELLS, executed.cells, strict=True)}
    once = ("last line", "with a semicolon", "kept in a name", "a name as the last line", "changed afterwards")
    assert {name: counts[name] for name in once} == dict.fromkeys(once, 1)
    assert counts["two in a cell"] == 2
    assert counts["on pyplot's axes"] == 1


def test_a_chart_inside_an_output_is_one_picture_there_and_none_in_the_cell(executed):  # CHT-08
    states = executed.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    outputs = [state["state"]["outputs"] for state in states if state["model_name"] == "OutputModel"]
    assert [len(pictures(output)) for output in outputs] == [1, 1, 1]
    cells = [cell for name, cell in zip(CELLS, executed.cells, strict=True) if "output" in name]
    assert [pictures(cell.outputs) for cell in cells] == [[], [], []]


def test_a_change_in_the_same_cell_reaches_the_picture(executed):  # CHT-08
    cells = dict(zip(CELLS, executed.cells, strict=True))
    before, after = (pictures(cells[name].outputs)[0] for name in ("last line", "changed afterwards"))
    assert before["data"]["image/png"] != after["data"]["image/png"]


def test_the_figure_of_a_chart_shows_itself_again_when_it_is_named():
    assert charts.plot_group_sizes(memberships(("u1", "g1"))).figure._repr_png_().startswith(b"\x89PNG")


def test_pictures_in_a_notebook_carry_their_text_and_are_small(executed):
    picture = pictures(executed.cells[1].outputs)[0]
    assert picture["data"]["text/plain"].startswith("“Everyone” holds 27 of the 28 people")
    assert picture["metadata"]["image/png"]["alt"] == picture["data"]["text/plain"]
    assert len(picture["data"]["image/png"]) < 200_000


def test_no_figure_stays_open_in_the_kernel(executed):  # CHT-05
    assert executed.cells[-1].outputs[0]["text"] == "[]\n"


# Roles ------------------------------------------------------------------------------------------------------


def three_roles(**settings):
    users = users_frame([user(f"u{n}", f"u{n}@acme.test") for n in range(10)])
    groups = groups_frame([group("g1", "Admins"), group("g2", "Editors")])
    edges = memberships(*[(f"u{n}", "g1") for n in range(3)], *[(f"u{n}", "g2") for n in range(1, 8)])
    return what_if.Roles(users, edges, {"g1": "admin", "g2": "editor"}, groups, **settings)


def test_roles_lost_lie_to_the_left_and_what_is_there_afterwards_to_the_right():
    now = three_roles()
    ax = charts.plot_role_changes(what_if.role_changes(now, now.without_group("Admins")))
    assert y_labels(ax) == ["admin", "editor", "member"]
    spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    lost, kept, gained = spans[:3], spans[3:6], spans[6:]
    assert lost == [(-3, 0), (0, 0), (0, 0)]
    assert kept == [(0, 0), (0, 5), (0, 2)]
    assert gained == [(0, 0), (5, 7), (2, 3)]
    assert ax.get_title() == "The roles of 3 of 10 users change: 3 roles gained, 3 roles lost"
    labels = [text.get_text() for text in ax.texts]
    assert labels == ["3 → 0 (−3)", "5 → 7 (+2)", "2 → 3 (+1)"]
    assert "admin 3 → 0 (−3); editor 5 → 7 (+2)" in charts.alt_text(ax)
    ax.figure.canvas.draw()
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    assert not any("-" in tick or "−" in tick for tick in ticks)


def test_where_no_role_changes_the_chart_says_so_and_shows_what_there_is():
    ax = charts.plot_role_changes(what_if.role_changes(three_roles(), three_roles()))
    assert ax.get_title() == "Nothing changes for 10 users with 3 roles"
    assert [text.get_text() for text in ax.texts] == ["3", "5", "2"]


def test_of_many_roles_those_that_change_are_drawn():
    users = users_frame([user(f"u{n}", None) for n in range(40)])
    groups = groups_frame([group(f"g{n:02d}", f"Team {n}") for n in range(40)])
    edges = memberships(*[(f"u{n}", f"g{n:02d}") for n in range(40)])
    now = what_if.Roles(users, edges, {f"g{n:02d}": f"role-{n}" for n in range(40)}, groups)
    then = now.without_group("g39")
    ax = charts.plot_role_changes(what_if.role_changes(now, then), top=5)
    assert y_labels(ax) == ["role-0", "role-1", "role-2", "role-39", "member"]
    assert "… and 36 more roles, not drawn: nothing changes among them." in charts.alt_text(ax)


def test_the_label_of_a_role_that_all_lose_stays_on_the_chart():
    now = three_roles(default=None)
    ax = charts.plot_role_changes(what_if.role_changes(now, now.with_table({})))
    ax.figure.savefig("/dev/null", format="png")
    right = ax.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= right for text in ax.texts)


# Groups as a graph, and who holds nearly everybody -----------------------------------------------------------


def twins_and_everyone():
    pairs = [(f"u{n}", "all") for n in range(10)]
    pairs += [(f"u{n}", one) for n in range(4) for one in ("a", "b")]
    return memberships(*pairs, ("u3", "c"), ("u5", "c"), ("u9", "d"))


def test_the_graph_links_twins_in_orange_and_sets_everybody_apart():
    ax = charts.plot_group_graph(twins_and_everyone())
    curves = [one for one in ax.patches if type(one).__name__ == "Arc"]
    assert len(curves) == 3  # a to b; c to both
    assert [to_hex(one.get_edgecolor()) for one in curves].count(palette.ORANGE.lower()) == 1
    assert len(y_labels(ax)) == 4
    assert "Set apart, nearly everybody is in it: “all” (10)." in charts.alt_text(ax)


def test_groups_that_hold_nearly_everybody_come_last_below_a_line():
    for ax in (
        charts.plot_group_overlap(twins_and_everyone()),
        charts.plot_membership_matrix(twins_and_everyone()),
    ):
        assert y_labels(ax)[-1] == "all"
        assert "Set apart below the line, since nearly everybody is in it: “all”." in charts.alt_text(ax)
        assert ax.lines


def test_shares_have_the_same_scale_in_every_picture():
    ax = charts.plot_group_overlap(memberships(("u1", "a"), ("u2", "a"), ("u1", "b"), ("u3", "b")))
    assert ax.images[0].get_clim() == (0, 1)


# Light, dark, narrow -----------------------------------------------------------------------------------------


@pytest.fixture
def styled():
    yield charts.style
    charts.style()


def test_a_picture_has_no_ground_and_letters_for_both_pages(draw):
    ax = draw(ZOO["a small company"])
    assert ax.figure.get_facecolor()[3] == ax.get_facecolor()[3] == 0
    inks = {to_hex(text.get_color()) for text in ax.figure.findobj(Text) if text.get_text()}
    assert "#000000" not in inks
    for ground in ("#ffffff", "#111111"):
        assert contrast(to_hex(ax.title.get_color()), ground) > 4.25


def contrast(one, other):
    def light(color):
        parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_style_sets_ground_ink_and_width(styled):
    c = ZOO["a small company"]
    styled("dark", width=4)
    ax = charts.plot_user_states(c.users, c.directories)
    assert ax.figure.get_figwidth() == 4
    assert contrast(to_hex(ax.title.get_color()), to_hex(ax.figure.get_facecolor())) > 10
    ax.figure.draw_without_rendering()
    box, page = ax.get_legend().get_window_extent(), ax.figure.bbox
    assert page.x0 <= box.x0
    assert box.x1 <= page.x1
    assert box.y1 < ax.get_window_extent().y0  # underneath
    with pytest.raises(errors.ArgumentError, match="theme must be"):
        styled("drak")
    with pytest.raises(errors.ArgumentError, match="width must be"):
        styled(width=0.5)


# Stories -----------------------------------------------------------------------------------------------------


def test_a_life_line_tells_one_persons_events_in_order():
    c = ZOO["a small company"]
    who = _somebody(c)
    ax = charts.plot_life_line(c.events, who)
    mine = c.events[c.events["user_id"] == who].sort_values("created_at")
    assert y_labels(ax) == [f"{at:%Y-%m-%d %H:%M}" for at in mine["created_at"]]
    assert len(ax.texts) == len(mine)


def test_what_came_late_or_twice_is_told(monkeypatch):
    events = ZOO["a small company"].events.sort_values("created_at").head(4)
    arrived = pd.concat([events.iloc[[1, 0, 2]], events.iloc[[1]], events.iloc[[3]]])
    ax = charts.plot_arrival_order(arrived)
    assert "2 of 5 deliveries came after something newer; 1 came again" in charts.alt_text(ax)
    assert len(ax.lines) == 5
    in_order = charts.plot_arrival_order(events)
    assert "0 of 4 deliveries came after" in charts.alt_text(in_order)


def test_a_picture_of_many_deliveries_or_lanes_shows_the_first_and_counts_all():
    events = ZOO["a small company"].events.head(60)
    ax = charts.plot_arrival_order(events.iloc[::-1])
    assert len(ax.lines) == 40
    assert "59 of 60 deliveries came after something newer" in charts.alt_text(ax)
    assert "… and 20 later deliveries." in charts.alt_text(ax)
    acts = pd.DataFrame({"at": "2026-08-03T09:00Z", "who": [f"w{n}" for n in range(60)], "events": 1})
    ax = charts.plot_strip(acts)
    assert y_labels(ax) == [f"w{n}" for n in range(40)]
    assert "60 in turn: 60 acts, 60 events" in charts.alt_text(ax)


def test_a_strip_has_a_lane_for_each_and_its_dots_count():
    acts = pd.DataFrame({"at": ["2026-08-03T09:00Z"] * 2, "who": ["$a$", "b"], "events": [4, 1]})
    ax = charts.plot_strip(acts)
    assert y_labels(ax) == ["$a$", "b"]
    sizes = ax.collections[0].get_sizes()
    assert sizes[0] > sizes[1]
    assert "2 in turn: 2 acts, 5 events" in charts.alt_text(ax)
