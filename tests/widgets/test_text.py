from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest

from dirsync_nb.widgets._base import text

from .conftest import DOLLARS, HOSTILE, LONG, MARKUP, RIGHT_TO_LEFT


class Seen(HTMLParser):
    """Which elements a browser would make, and which text it would show."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.classes = ""
        self.shown = ""
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.classes += " " + (dict(attrs).get("class") or "")

    def handle_data(self, data):
        self.shown += data


@pytest.mark.parametrize("name", HOSTILE)
def test_every_place_shows_a_hostile_name_as_its_characters(name):
    for markup in (
        text.shown(name),
        text.html_table(("A", "B"), [(name, name)]),
        text.facts([(name, name)]),
        text.json_block({name: name}),
    ):
        seen = Seen(markup)
        assert set(seen.tags) <= {"bdi", "table", "thead", "tbody", "tr", "th", "td", "pre"}
        assert text.plain(name)[:40].replace('"', "") in seen.shown.replace('\\"', "").replace('"', "")


@pytest.mark.parametrize("markup", [text.html_table(("A",), [(DOLLARS,)]), text.facts([("A", DOLLARS)])])
def test_dollars_stand_where_mathjax_does_not_look(markup):
    seen = Seen(markup)
    assert "mathjax_ignore" in seen.classes
    assert "tex2jax_ignore" in seen.classes
    assert DOLLARS in seen.shown


def test_a_label_is_one_short_line_without_direction_overrides():
    assert text.label("two\nlines\tand a tab") == "two lines and a tab"
    assert "\u202e" not in text.label(RIGHT_TO_LEFT)
    assert len(text.label(LONG, 60)) == 60
    assert text.label(f"{LONG}A", 60) != text.label(f"{LONG}B", 60)  # names of one beginning
    assert text.label("a b c d e f", 8) == "a b c d…"


def test_a_long_value_is_cut_and_keeps_its_beginning_as_a_title():
    markup = text.shown(LONG, 50)
    assert f'title="{LONG[:300]}"' in markup
    assert Seen(markup).shown == LONG[:49] + "…"


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA])
def test_a_missing_value_is_no_text(missing):
    assert text.plain(missing) == ""


def test_half_a_character_and_control_characters_can_be_sent():
    assert text.plain("a\ud800b\x07c").encode() == b"a?b c"


def test_searching_forgets_case_and_accents():
    assert text.fold("Tomé ŁĄCKA Straße") == "tome łacka strasse"


def test_entries_that_read_alike_are_told_apart():
    entries = text.distinct([("Sales", "group_000001"), ("Sales", "group_000002"), ("R&D", "group_000003")])
    assert [label for label, _ in entries] == ["Sales · …000001", "Sales · …000002", "R&D"]


def test_markup_in_a_caption_is_text():
    assert MARKUP in Seen(text.html_table(("A",), [], caption=MARKUP)).shown


def test_counts_read_right_for_one():
    assert text.count_of(50, 260, "user") == "50 of 260 users"
    assert text.count_of(1, 1, "user") == "1 of 1 user"
    assert text.count_of(0, 0, "person", "people") == "0 of 0 people"
    assert text.none_of(2, "person", "people") == "None of the 2 people fits."
    assert text.none_of(1, "person", "people") == "The only person does not fit."
