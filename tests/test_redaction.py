"""A notebook to share: pseudonyms that hold together, and nothing of the people left anywhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import re
import traceback
from typing import Any

import nbformat
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

import dirsync_nb as ds
from dirsync_nb import analysis, charts, comparison, errors, files, frames, history, widgets
from dirsync_nb.analysis import diff as diffs
from dirsync_nb.client.credentials import Secret
from dirsync_nb.client.pseudonyms import NUMBERS, TIMES, WORDS, Pseudonyms
from dirsync_nb.redaction import redact
from dirsync_nb.sync import state as sync
from dirsync_nb.sync import take_snapshot

from .foreign import Answer, listing, users
from .frame_zoo import company, partial, user, zoo
from .notebooks.test_notebooks import NOTEBOOKS

KEY = "an invented key, long enough"
OTHER = "another key of the same length"
NAMED = ("directories", "users", "groups", "memberships", "events")
ADDRESS = r"person-[0-9a-f]{16}@anon-[0-9a-f]{16}\.redacted\.test"


# What must not survive --------------------------------------------------------------------------------------


OURS = {"People", "member"}  # a group and a role of the sandbox, and words of our own


def personal_texts(value: Any, name: str = "") -> set[str]:
    """Return every text and longer number in a record about somebody: all but states, types and times."""
    if isinstance(value, dict):
        return {text for key, held in value.items() for text in personal_texts(held, key)}
    if isinstance(value, list | tuple):
        return {text for held in value for text in personal_texts(held, name)}
    if isinstance(value, str) and name not in (WORDS | TIMES):
        return {value.strip()} if len(value.strip()) > 3 else set()
    return set()


def survivors(originals: set[str], text: str) -> list[str]:
    """Return the originals that stand in a text as words of their own, in whatever case."""
    text = text.casefold()
    words = set(re.findall(r"\w+", text))
    found = []
    for original in originals:
        folded = original.casefold()
        if words.issuperset(re.findall(r"\w+", folded)):
            found += re.findall(rf"(?<!\w){re.escape(folded)}(?!\w)", text)
    return found


def everything(thing: Any) -> str:
    """Write a frame in all the ways it may leave the notebook."""
    frame = thing.to_frame() if isinstance(thing, pd.Series) else thing
    with pd.option_context("display.max_colwidth", None, "display.width", None):
        shown = frame.head(4).to_string() + frame.head(4).to_html() + repr(frame.head(4)) + str(frame.attrs)
    return shown + frame.to_csv() + str(frame.index.names) + str(frame.columns.names)


@pytest.fixture(scope="module")
def originals(shared_sandbox):
    """What the sandbox tells of people and companies, from its raw records."""
    with ds.connect(shared_sandbox.api_key, base_url=shared_sandbox.url) as client:
        found = personal_texts([list(client.organizations()), list(client.events())])
        for directory in client.directories():
            found |= personal_texts(directory)
            found |= personal_texts(list(client.users(directory_id=directory)))
            found |= personal_texts(list(client.groups(directory_id=directory)))
    assert len(found) > 3_000
    assert {"Harbourline Ferries", "harbourline.example", "Everyone", "cust-0417"} <= found
    return found - OURS


# Texts ------------------------------------------------------------------------------------------------------


def made_with(key=KEY, **options):
    return Pseudonyms(Secret(key), **options)


def test_a_pseudonym_shows_what_kind_of_text_it_was_and_none_of_it():
    names = made_with()
    assert re.fullmatch(r"anon-[0-9a-f]{16}", names.text("Ann Lee"))
    assert re.fullmatch(ADDRESS, names.text("ann.lee@acme.test"))
    assert re.fullmatch(r"directory_user_anon_[0-9a-f]{16}", names.text("directory_user_01K0GZQCG0PX8E97T6MG"))
    assert re.fullmatch(r"anon-[0-9a-f]{16}", names.text("u_17"))
    assert names.text("ann@acme.test").partition("@")[2] == names.domain("acme.test")
    assert names.text("bo@acme.test").partition("@")[2] == names.domain("ACME.test").casefold()
    assert names.text("ann@acme.test") != names.text("ann@other.test")


def test_pseudonyms_depend_on_the_key_and_on_nothing_else():
    assert made_with().text("Ann Lee") == made_with().text("Ann Lee")
    assert made_with().text("Ann Lee") != made_with(OTHER).text("Ann Lee")
    assert made_with().domain("acme.test") != made_with(OTHER).domain("acme.test")


def test_addresses_that_differ_in_case_or_spaces_only_still_do():
    names = made_with()
    given = ["ann@acme.test", "Ann@acme.test", "ANN@ACME.TEST", " ann@acme.test\n"]
    made = [names.text(address) for address in given]
    assert len(set(made)) == 4
    assert len({address.strip().casefold() for address in made}) == 1
    assert made[3] == f" {made[0]}\n"


ANY = made_with()


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.text(), st.emails(), st.just("\ud800 x"), st.from_regex(r"org_\w+", fullmatch=True)))
def test_any_text_is_redacted_once_and_keeps_the_spaces_around_it(text):
    names = ANY
    made = names.text(text)
    assert names.text(made) == made
    assert bool(made.strip()) == bool(text.strip())
    assert frames.looks_like_address(made.strip()) == frames.looks_like_address(text.strip())
    if len(text.strip()) > 20:
        assert text.strip().casefold() not in made.casefold()
    if text.strip():
        assert made.strip() != text.strip()
        assert made.index(made.strip()) == text.index(text.strip())


def test_a_million_people_stay_apart():
    """64 bits: two of n texts share a pseudonym with a chance of about n² / 2⁶⁵."""
    assert 1_000_000**2 / 2**65 < 1e-7
    names = made_with()
    assert len({names.text(f"person {number}") for number in range(20_000)}) == 20_000
    assert len({names.text(f"p{number}@acme.test") for number in range(20_000)}) == 20_000


@pytest.mark.parametrize("key", ["", "Quetzal", "a" * 40, b"brief", "ababababababababab"])
def test_a_key_that_can_be_guessed_is_refused_with_the_reason(key):
    with pytest.raises(
        errors.ArgumentError, match="at least 16 characters.*whoever guesses it finds"
    ) as caught:
        redact(company(3, 1).users, key=key)
    if len(key) > 4:
        assert str(key) not in "".join(traceback.TracebackException.from_exception(caught.value).format())


def test_the_key_is_in_no_repr_no_copy_no_pickle_and_no_traceback():
    names = made_with("QUETZALCOATLUS northropi 07")
    secret = names._key
    for shown in (repr(names), repr(secret), str(vars(names)), f"{secret}"):
        assert "QUETZAL" not in shown
        assert secret.reveal() not in shown
        assert secret.reveal().encode("latin-1").hex() not in shown
        assert str(secret.reveal().encode("latin-1")) not in shown
    for thing in (names, secret):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing)
        with pytest.raises(TypeError, match="cannot be pickled"):
            copy.deepcopy(thing)
    with pytest.raises(errors.ArgumentError) as caught:
        redact("no frame", key="QUETZALCOATLUS northropi 07")
    frames_shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    ours = [frame for frame in frames_shown if "/dirsync_nb/" in frame.filename]
    assert len(ours) >= 2
    assert not any("QUETZAL" in str(frame.locals) for frame in ours)


def test_without_a_key_frames_of_one_session_fit_together():
    here = company(10, 3)
    people, pairs = redact(here.users), redact(here.memberships)
    assert set(pairs["user_id"]) <= set(people.index)
    assert not set(people.index) & set(redact(here.users, key=KEY).index)


def test_text_and_bytes_of_the_same_key_are_the_same():
    here = company(5, 2).users
    pd.testing.assert_frame_equal(redact(here, key=KEY), redact(here, key=KEY.encode()))


# Frames -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(zoo()))
def test_a_redacted_frame_has_the_same_columns_dtypes_and_blanks(name):
    here = zoo()[name]
    for part in NAMED:
        frame = getattr(here, part)
        untouched = frame.copy()
        made = redact(frame, key=KEY)
        pd.testing.assert_frame_equal(frame, untouched)
        assert list(made.columns) == list(frame.columns)
        assert made.index.name == frame.index.name
        assert made.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
        pd.testing.assert_frame_equal(made.isna().reset_index(drop=True), frame.isna().reset_index(drop=True))
        pd.testing.assert_frame_equal(redact(made, key=OTHER), made)  # once redacted, it stays so


def test_states_types_counts_and_times_are_kept(client, okta):
    people, directories = ds.load_users(client, directory_id=okta), ds.load_directories(client)
    made = redact(people, key=KEY)
    for column in ("state", "address_source", "created_at", "updated_at"):
        pd.testing.assert_series_equal(
            made[column].reset_index(drop=True), people[column].reset_index(drop=True)
        )
    made = redact(directories, key=KEY)
    for column in ("type", "state", "active_users", "inactive_users", "groups", "created_at"):
        assert made[column].tolist() == directories[column].tolist()


def test_words_that_are_none_do_not_pass_for_a_state_or_a_type():
    odd = users(1, state='{"name": "Ann Lee"}', created_at="Ann Lee", email="ann@acme.test")
    odd[0]["custom_attributes"] = {"emails": [{"type": "Ann's own", "value": "ann@acme.test", "primary": True}]}
    odd[0]["unheard_of"] = {"ann.lee@acme.test": {"deep": ["Ann Lee", 417_417, True]}}
    frame = frames.users_frame(odd)
    made = redact(frame, key=KEY)
    assert (
        survivors({"Ann Lee", "ann@acme.test", "ann.lee@acme.test", "417417", "Ann's own"}, everything(made))
        == []
    )
    assert survivors({"Ann's own"}, everything(redact(frames.emails_frame(frame), key=KEY))) == []
    assert redact(frames.emails_frame(frame), key=KEY)["primary"].tolist() == [True]


def test_an_unknown_column_is_redacted_whatever_it_holds():
    app = pd.DataFrame(
        {
            "mail": ["ann@acme.test", None],
            "salary": [88_123, 91_457],
            "admin": [True, False],
            "born": pd.to_datetime(["1990-05-17", "1985-11-02"]),
            "rate": [0.75, float("nan")],
            "notes": pd.Series([{"said": "Ann is ill"}, ["x" * 30]], dtype=object),
            "ann@acme.test": [1, 2],
            "custom_attributes.desk": ["Oslo 4", "Oslo 5"],
        },
        index=pd.Index([100_417, 100_418], name="staff_number"),
    )
    made = redact(app, key=KEY)
    told = everything(made)
    gone = {"ann@acme.test", "88123", "91457", "1990-05-17", "0.75", "Ann is ill", "100417", "Oslo 4", "True"}
    assert survivors(gone, told) == []
    assert made["mail"].iloc[0] == redact(pd.Series(["ann@acme.test"]), key=KEY).iloc[0]
    assert made["mail"].isna().tolist() == [False, True]
    assert made["rate"].isna().tolist() == [False, True]
    kept = redact(app, key=KEY, keep_attributes=("salary", "desk"))
    assert kept["salary"].tolist() == [88_123, 91_457]
    assert kept["custom_attributes.desk"].tolist() == ["Oslo 4", "Oslo 5"]


OWN_WORDS = {
    "state": ["Bavaria", "Ohio"],
    "source": ["a friend of Ann", "walk-in"],
    "action": ["called Bob", "nothing said"],
    "type": ["vip", "work"],
    "event": ["wedding", "divorce"],
    "field": ["oncology", "law"],
    "change": ["got married", "moved"],
    "outcome": ["cured", "ill"],
    "verdict": ["guilty", "free"],
    "since": pd.to_datetime(["2019-04-05", "2020-01-02"]),
    "at": ["2019-04-05T10:11:12Z", "2020-01-02"],
    "created_at": pd.to_datetime(["2019-04-05", "2020-01-02"], utc=True),
    "count": [48_123, 51_457],
    "groups": [48_123, 51_457],
    "size": [48_123, 51_457],
    "rows": [0.7512, 0.3315],
    "primary": [True, False],
    "metadata": [{"active": 48_123, "type": "work", "primary": True}, ["Bavaria"]],
}


@pytest.mark.parametrize("index", [None, "staff_id", "user_id", "directory_id", "state"])
def test_an_apps_own_table_is_redacted_whatever_its_columns_are_called(index):
    """RED-01: together and each alone, also where the index has a name that we use."""
    app = pd.DataFrame(OWN_WORDS, index=pd.Index(["x1", "x2"], name=index))
    gone = {str(value) for values in OWN_WORDS.values() for value in values} | {"48123", "2019-04-05"}
    for table in (app, app.reset_index(drop=True), *(app[[name]] for name in app)):
        if index is not None and list(table.columns) in (["count"], ["groups"], ["created_at"]):
            continue  # nothing tells it from ours
        made = redact(table, key=KEY)
        assert survivors(gone, everything(made)) == [], list(table.columns)
        assert list(made.columns) == list(table.columns)
        row = redact(table.iloc[0], key=KEY)
        assert survivors(gone, row.to_csv()) == []
    kept = redact(app, key=KEY, keep_attributes=("state", "count"))
    assert (kept["state"].tolist(), kept["count"].tolist()) == (OWN_WORDS["state"], OWN_WORDS["count"])


def test_our_frames_are_known_whole_in_part_and_with_more_columns(client, okta):
    people = ds.load_users(client, directory_id=okta)
    own = people.assign(salary=range(len(people)), source="a friend of Ann")
    for frame in (people, people[["name", "state"]], people.reset_index(), own):
        made = redact(frame, key=KEY)
        assert made["state"].tolist() == frame["state"].tolist()
    assert not set(redact(own, key=KEY)["salary"]) & set(map(str, range(len(people))))
    assert redact(people["state"], key=KEY).tolist() == people["state"].tolist()
    assert redact(people["state"].value_counts(), key=KEY).to_dict() == people["state"].value_counts().to_dict()


def test_times_can_be_rounded_everywhere(client, okta):
    people, events = ds.load_users(client, directory_id=okta), ds.load_events(client)
    made, told = redact(people, key=KEY, round_times="day"), redact(events, key=KEY, round_times="hour")
    assert made["created_at"].equals(redact(people, key=KEY)["created_at"].dt.floor("D"))
    assert made["created_at"].dtype == people["created_at"].dtype
    assert (told["created_at"] == told["created_at"].dt.floor("h")).all()
    inner = [row["created_at"] for row in told["data"] if "created_at" in row]
    assert inner
    assert {text[13:] for text in inner} == {":00:00.000Z"}
    monthly = made_with(round_times="month")
    for text, wanted in {
        "2026-07-20": "2026-07-01",
        "2026-07-20T09:14:33.123+05:30": "2026-07-01T00:00:00.000+05:30",
        "2026-07-20 09:14Z": "2026-07-01 00:00Z",
    }.items():
        assert monthly.field("created_at", text) == wanted
    assert (
        str(monthly.field("created_at", pd.Timestamp("2026-07-20 09:14", tz="UTC")))
        == "2026-07-01 00:00:00+00:00"
    )
    with pytest.raises(errors.ArgumentError, match="hour, day, month or None; got 'minute'"):
        redact(people, key=KEY, round_times="minute")


def test_a_client_rounds_times_as_redact_does_and_what_needs_their_order_is_refused(client, okta):
    people, events = ds.load_users(client, directory_id=okta), ds.load_events(client)
    taken = take_snapshot(client, directory_id=okta)
    rounding = client.redacted(key=KEY, round_times="day")
    home = ds.load_directories(rounding).index[list(ds.load_directories(client).index).index(okta)]
    told = ds.load_users(rounding, directory_id=home)
    assert told["created_at"].tolist() == redact(people, key=KEY, round_times="day")["created_at"].tolist()
    assert rounding.redacted() is rounding
    with pytest.raises(errors.ArgumentError, match="redacted already"):
        rounding.redacted(round_times="day")
    batch = next(iter(ds.follow_events(rounding)))
    for frame in (redact(events, key=KEY, round_times="hour"), ds.load_events(rounding), batch):
        with pytest.raises(errors.ArgumentError, match="which event came first.*rounded to the (hour|day)"):
            sync.replay(frame)
        with pytest.raises(errors.ArgumentError, match="which event came first"):
            history.timeline(frame)
    for ask in (lambda: take_snapshot(rounding), lambda: redact(taken, key=KEY).refresh(rounding)):
        with pytest.raises(errors.ArgumentError, match="rounds times to the day|is of"):
            ask()
    made = redact(taken, key=KEY, round_times="day")
    assert made.as_of == taken.as_of.floor("D")
    assert made.users["created_at"].equals(redact(taken.users, key=KEY, round_times="day")["created_at"])


def test_named_attributes_are_kept_wherever_they_stand(client, okta):
    events = ds.load_events(client)
    people = ds.load_users(client, directory_id=okta)
    keep = ("department_name", "custom_attributes.fte", "role")
    made = redact(people, key=KEY, keep_attributes=keep)
    for name in ("department_name", "fte"):
        wanted = [row[name] for row in people["custom_attributes"]]
        assert [row[name] for row in made["custom_attributes"]] == wanted
    assert made["role"].tolist() == people["role"].tolist()
    spread = frames.spread_attributes(people, ["department_name"])
    pd.testing.assert_frame_equal(
        redact(spread, key=KEY, keep_attributes=keep), frames.spread_attributes(made, ["department_name"])
    )
    told = {row["custom_attributes"]["department_name"] for row in events["data"] if "custom_attributes" in row}
    mine = redact(events, key=KEY, keep_attributes="department_name")["data"]
    assert {row["custom_attributes"]["department_name"] for row in mine if "custom_attributes" in row} == told
    job = people["custom_attributes"].iloc[0]["job_title"]
    assert made["custom_attributes"].iloc[0]["job_title"] == made_with().text(job)


def test_redacting_and_deriving_may_come_in_either_order(client, okta):
    """What is derived from redacted frames is what redacting the derived ones gives."""
    people, groups = ds.load_users(client, directory_id=okta), ds.load_groups(client, directory_id=okta)
    pairs, events = ds.load_memberships(client, directory_id=okta), ds.load_events(client)
    p, g, m, e = (redact(frame, key=KEY) for frame in (people, groups, pairs, events))
    derived = {
        "sizes": (analysis.group_sizes(pairs, groups), analysis.group_sizes(m, g)),
        "per user": (analysis.groups_per_user(pairs, people), analysis.groups_per_user(m, p)),
        "none": (analysis.users_without_group(pairs, people), analysis.users_without_group(m, p)),
        "overlap": (analysis.group_overlap(pairs, groups, top=None), analysis.group_overlap(m, g, top=None)),
        "states": (analysis.state_by_group(pairs, people, groups), analysis.state_by_group(m, p, g)),
        "departments": (
            analysis.group_by_attribute(pairs, people, "department_name", groups, top=None),
            analysis.group_by_attribute(m, p, "department_name", g, top=None),
        ),
        "matrix": (analysis.overlap_matrix(pairs, groups), analysis.overlap_matrix(m, g)),
        "attributes": (frames.spread_attributes(people), frames.spread_attributes(p)),
        "emails": (frames.emails_frame(people), frames.emails_frame(p)),
        "status": (analysis.attribute_status(people), analysis.attribute_status(p)),
        "timeline": (history.timeline(events), history.timeline(e)),
        "changes": (history.changes(events), history.changes(e)),
        "people": (sync.replay(events).people(), sync.replay(e).people()),
        "diff": (diffs.diff_users(people[:200], people[40:]), diffs.diff_users(p[:200], p[40:])),
    }
    for what, (plain, made) in derived.items():
        wanted = redact(plain, key=KEY)
        assert len(wanted), what
        pd.testing.assert_frame_equal(in_any_order(made), in_any_order(wanted), obj=what)
    assert charts.plot_group_sizes(m, g).patches[0].get_width() == derived["sizes"][0]["members"].iloc[0]


def in_any_order(frame):
    """Sort rows and columns, since ties are broken by ids and names."""
    frame = frame[sorted(frame.columns)].reset_index(drop=frame.index.names == [None])
    rows = frame.map(lambda value: json.dumps(value, sort_keys=True, default=str))
    return frame.iloc[rows.sum(axis=1).argsort(kind="stable").to_numpy()].reset_index(drop=True)


def test_a_comparison_of_redacted_tables_makes_the_same_plan(client, okta):
    people = ds.load_users(client, directory_id=okta)
    app = pd.DataFrame(
        {"mail": people["email"][:200].str.upper(), "who": people["name"][:200], "on": True}
    ).reset_index(drop=True)
    app.loc[3, "who"] = "Somebody Else"
    on, fields = {"mail": "address"}, {"who": "name"}
    plain = comparison.compare(people, app, on=on, fields=fields, guard=None)
    made = comparison.compare(redact(people, key=KEY), redact(app, key=KEY), on=on, fields=fields, guard=None)
    assert made.counts == plain.counts
    assert made.counts["update"] == 1
    shared = redact(plain, key=KEY)
    assert shared.counts == plain.counts
    gone = set(people["name"].dropna()) | set(people["email"].dropna())
    assert survivors(gone, everything(shared.rows)) == []


def test_a_partial_frame_stays_partial_and_its_reason_tells_nothing():
    frame = partial(company(5, 2).users)
    frame.attrs = {"incomplete": "broke at Ann Lee", "read_by": "Ann Lee"}
    made = redact(frame, key=KEY)
    assert "Ann Lee" not in str(made.attrs)
    with pytest.raises(errors.IncompleteError):
        frames.require_complete(made, "a comparison")


def test_rows_columns_and_odd_indexes_are_redacted_too():
    people = company(5, 2).users
    row = redact(people.iloc[0], key=KEY)
    assert row.equals(redact(people, key=KEY).iloc[0])
    assert row.name == redact(people, key=KEY).index[0]
    column = redact(people["name"], key=KEY)
    pd.testing.assert_series_equal(column, redact(people, key=KEY)["name"])
    twice = pd.concat([people, people])
    assert redact(twice, key=KEY).index.tolist() == 2 * redact(people, key=KEY).index.tolist()
    levels = people.set_index(["name", "email"], append=True)
    assert survivors(set(people["name"]) | set(people["email"]), everything(redact(levels, key=KEY))) == []
    unnamed = pd.DataFrame({"n": [1]}, index=["Ann Lee"])
    assert "Ann" not in everything(redact(unnamed, key=KEY))
    counts = redact(people["name"].value_counts(), key=KEY)
    assert counts.tolist() == people["name"].value_counts().tolist()
    assert survivors(set(people["name"]), everything(counts)) == []
    wide = pd.crosstab(people["name"], [people["state"], people["email"]])
    assert survivors(set(people["name"]) | set(people["email"]), everything(redact(wide, key=KEY))) == []


def test_what_is_no_frame_is_refused_by_its_kind():
    with pytest.raises(errors.ArgumentError, match="a frame, a row or column of one, .* got a list"):
        redact([1, 2], key=KEY)


def test_a_redacted_snapshot_holds_no_person_and_cannot_be_brought_up_to_date(
    client, okta, originals, tmp_path
):
    plain = ds.take_snapshot(client, directory_id=okta)
    made = redact(plain, key=KEY)
    assert repr(made) == repr(plain)
    path = made.save(tmp_path / "shared.zip")
    opened = ds.open_snapshot(path)
    for name in ("organizations", *NAMED[:-1]):
        assert survivors(originals, everything(getattr(opened, name))) == []
    assert survivors(originals, json.dumps([opened.position, opened.scope, opened.server])) == []
    with pytest.raises(errors.ArgumentError, match="redacted"):
        opened.refresh(client)


def test_no_person_survives_in_any_file(client, okta, originals, tmp_path):
    people, events = ds.load_users(client, directory_id=okta), ds.load_events(client)
    for frame in (
        redact(people, key=KEY),
        redact(events, key=KEY),
        redact(ds.load_organizations(client), key=KEY),
    ):
        assert survivors(originals, everything(frame)) == []
        text = files.write_csv(frame, tmp_path / "f.csv").read_text("utf-8-sig")
        assert survivors(originals, text) == []
        stored = files.save_frame(frame, tmp_path / "f.parquet")
        assert survivors(originals, everything(files.open_frame(stored))) == []
        content = stored.read_bytes()
        assert not [name for name in ("harbourline", "Ferries", "Everyone") if name.encode() in content]
    assert len(survivors(set(people["name"].head(3)), people.to_csv())) > 6  # the search finds what is there


def test_receipts_tell_what_was_asked_for_by_pseudonym_only(client, okta):
    ds.load_users(client, directory_id=okta, email="tokonjo@harbourline.example")
    ds.load_organizations(client, domains=["harbourline.example", "nordlicht.example"])
    ds.load_events(client, range_start="2026-07-20")
    made = redact(ds.receipts_frame(client.receipts), key=KEY)
    assert survivors({okta, "tokonjo@harbourline.example", "harbourline.example"}, everything(made)) == []
    names = made_with()
    asked = made["filters"].tolist()
    assert {"directory": names.text(okta), "email": names.text("tokonjo@harbourline.example")} in asked
    assert {"domains": names.domain("harbourline.example,nordlicht.example")} in asked
    assert asked[-1]["range_start"].startswith("2026-07-20")
    assert asked[-1]["events"] == client.receipts[-1].filters["events"]
    assert made["rows"].tolist() == [receipt.rows for receipt in client.receipts]
    assert {"requests", "rows", "seconds"} <= NUMBERS


# A client ---------------------------------------------------------------------------------------------------


@pytest.fixture
def veiled(client):
    return client.redacted(key=KEY)


def test_every_loader_of_a_redacted_client_gives_what_redact_makes_of_the_plain_one(client, veiled, originals):
    plain, made = ds.load_directories(client), ds.load_directories(veiled)
    told = [(plain, made), (ds.load_organizations(client), ds.load_organizations(veiled))]
    told.append((ds.load_events(client), ds.load_events(veiled)))
    for real, name in zip(plain.index, made.index, strict=True):
        people = ds.load_users(client, directory_id=real), ds.load_users(veiled, directory_id=name)
        told += [people, (ds.load_groups(client, directory_id=real), ds.load_groups(veiled, directory_id=name))]
        pairs = (
            redact(ds.load_memberships(client, directory_id=real), key=KEY),
            ds.load_memberships(veiled, directory_id=name, users=people[1]),
        )
        pd.testing.assert_frame_equal(in_any_order(pairs[1]), in_any_order(pairs[0]))
    for one, other in told:
        pd.testing.assert_frame_equal(redact(one, key=KEY), other)
        assert survivors(originals, everything(other)) == []
    assert survivors(originals, repr(veiled.receipts) + everything(ds.receipts_frame(veiled.receipts))) == []
    assert survivors(originals, str([vars(receipt) for receipt in veiled.receipts])) == []


def test_pseudonyms_seen_in_frames_can_be_asked_for(client, veiled, sandbox):
    directories, organizations = ds.load_directories(veiled), ds.load_organizations(veiled)
    directory = directories["active_users"].idxmax()
    people = ds.load_users(veiled, directory_id=directory)
    somebody = people.iloc[7]
    assert ds.load_user(veiled, somebody.name).equals(somebody)
    assert veiled.user(somebody.name, directory_id=directory)["id"] == somebody.name
    for filters in ({"email": somebody["email"]}, {"idp_id": somebody["idp_id"]}):
        assert ds.load_users(veiled, directory_id=directory, **filters).index.tolist() == [somebody.name]
    theirs = ds.load_groups(veiled, user_id=somebody)
    assert somebody.name in ds.load_users(veiled, group_id=theirs.iloc[0]).index
    assert ds.load_group(veiled, theirs.index[0])["name"] == theirs["name"].iloc[0]
    assert ds.load_directory(veiled, directory)["name"] == directories.loc[directory, "name"]
    company_id = directories.loc[directory, "organization_id"]
    assert ds.load_organization(veiled, company_id).name == company_id
    external = organizations["external_id"].dropna()
    assert ds.load_organization(veiled, external_id=external.iloc[0]).name == external.index[0]
    domain = organizations["domains"].iloc[0][0]
    assert ds.load_organizations(veiled, domains=domain).index.tolist() == [organizations.index[0]]
    both = [organizations["domains"].iloc[place][0] for place in (0, 1)]
    assert len(ds.load_organizations(veiled, domains=both)) == 2
    assert directory in ds.load_directories(veiled, search=directories.loc[directory, "name"]).index
    assert directory in ds.load_directories(veiled, organization_id=company_id).index
    events = ds.load_events(veiled, organization_id=company_id)
    rest = ds.load_events(veiled, organization_id=company_id, after=events.index[4])
    assert rest.index.tolist() == events.index[5:].tolist()
    asked = "\n".join(str(line) for line in sandbox.requests)
    assert "anon" not in asked  # the service was asked with real ids only


def test_what_a_person_types_finds_and_is_noted_by_its_pseudonym_only(veiled):
    directories = ds.load_directories(veiled)
    directory = directories["active_users"].idxmax()
    found = ds.load_users(veiled, directory_id=directory, email="tokonjo@harbourline.example")
    assert len(found) == 1
    assert veiled.receipts[-1].filters["email"] == found["email"].iloc[0]
    assert len(ds.load_directories(veiled, search="harbour")) == 2
    assert len(ds.load_organizations(veiled, domains="harbourline.example, nordlicht.example")) == 2
    assert ds.load_organization(veiled, external_id="cust-0417")["external_id"].startswith("anon-")
    assert survivors({"tokonjo@harbourline.example", "harbour", "cust-0417"}, repr(veiled.receipts)) == []


def test_real_ids_and_pseudonyms_of_others_are_not_taken_and_nothing_is_asked(client, veiled, okta, sandbox):
    before = len(sandbox.requests)
    stranger = made_with(OTHER).text(okta)
    for name in (okta, stranger, "directory_user_01NOBODY"):
        with pytest.raises(errors.NotFound, match="gave out no such directory") as caught:
            ds.load_users(veiled, directory_id=name)
        assert caught.value.status_code == 404
        with pytest.raises(errors.NotFound, match="gave out no such user"):
            ds.load_user(veiled, name)
        with pytest.raises(errors.NotFound):
            ds.load_memberships(veiled, directory_id=name)
        assert name not in str(caught.value)
    with pytest.raises(errors.ArgumentError, match="after is not one of the pseudonyms"):
        ds.load_events(veiled, after="event_01ABC")
    with pytest.raises(errors.ArgumentError, match="email is not one of the pseudonyms"):
        veiled.context.open("users", {"directory_id": None, "email": made_with(OTHER).text("a@acme.test")})
    assert len(sandbox.requests) == before


def test_errors_of_the_service_name_pseudonyms_only(serve, caplog):
    """The service quotes what was asked for; its words are left out, its code and its pause are not."""
    people = users(3, email="ann.lee@acme.test", directory_id="directory_REAL1")
    script = [listing(people)]
    server, client = serve(lambda request: script.pop(0))
    veiled = client.redacted(key=KEY)
    shown = []
    with caplog.at_level(logging.DEBUG):
        alias = veiled.transport.names.answer({"object": "directory", "id": "directory_REAL1"})["id"]
        seen = ds.load_users(veiled, directory_id=alias)
        for status, kind in ((404, errors.NotFound), (403, errors.Forbidden), (422, errors.Unprocessable)):
            told = "Directory not found: 'directory_REAL1' of ann.lee@acme.test"
            body = {
                "message": told,
                "code": "entity_not_found",
                "errors": [{"field": "email", "message": told}],
            }
            script[:] = [Answer(body, status)]
            with pytest.raises(kind) as caught:
                veiled.user(seen.index[0])
            shown.append(caught.value)
        script[:] = [Answer({"message": "REAL1", "retry_after": 600}, 429)]
        with pytest.raises(errors.RateLimited, match="asks for 600 s") as caught:
            veiled.user(seen.index[0])
        shown.append(caught.value)
        script[:] = [Answer(b"<html>directory_REAL1", 503)] * 4
        with pytest.raises(errors.ServerFailure, match="Tried 4 times") as caught:
            ds.load_users(veiled, directory_id=alias)
        shown.append(caught.value)
        script[:] = [Answer(people[0], cut=5)] * 4
        with pytest.raises(errors.LoadError) as caught:
            veiled.user(seen.index[0])
        shown.append(caught.value)
    assert shown[0].code == "entity_not_found"
    assert str(shown[0]).startswith(
        f"reading directory user {seen.index[0]}: the API answered 404. It was deleted"
    )
    every = "".join(told_by(error) for error in shown)
    gone = {"directory_REAL1", "ann.lee@acme.test", "u000", "u001", "Person 0", "idp000"}
    assert survivors(gone, every + caplog.text + repr(veiled.receipts)) == []
    assert "directory_REAL1" in server.requests[0].query["directory"]


def told_by(error):
    """Return all that an error tells: words, fields, what led to it, and the variables of our own functions."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in told.stack if "/dirsync_nb/" in frame.filename]
    assert ours
    words = [repr(error), str(error.__context__), str(error.__cause__), str(vars(error))]
    return "\n".join(words + [str(frame.locals) for frame in ours])


def test_a_refused_connection_does_not_quote_what_was_asked_for(serve):
    answers = [
        listing(users(2, directory_id="directory_REAL1")),
        Answer(reset=True),
        Answer(reset=True),
        Answer(reset=True),
        Answer(reset=True),
    ]
    _, client = serve(answers)
    veiled = client.redacted(key=KEY)
    alias = veiled.transport.names.answer({"object": "directory", "id": "directory_REAL1"})["id"]
    seen = ds.load_users(veiled, directory_id=alias)
    with pytest.raises(errors.ConnectionFailed) as caught:
        veiled.user(seen.index[1])
    assert seen.index[1] in str(caught.value)
    assert survivors({"u001", "directory_REAL1"}, told_by(caught.value)) == []
    words = veiled.transport._hidden("lost at /x?user=u001&d=directory_REAL1", f"/x/{seen.index[1]}", {})
    assert words == f"lost at /x?user={seen.index[1]}&d=directory_REAL1"


def test_an_address_with_spaces_around_it_can_be_asked_for_as_it_is_shown(serve):
    """The column ``address`` has no such spaces, and the service wants the address itself."""
    directory = {"object": "directory", "id": "d1", "name": "Acme"}
    people = users(1, email=" Ann@acme.test ")
    server, client = serve([listing([directory]), Answer(directory), listing(people), listing(people)])
    veiled = client.redacted(key=KEY)
    home = ds.load_directories(veiled).index[0]
    assert ds.load_directory(veiled, home).name == home
    shown = ds.load_users(veiled, directory_id=home)
    ds.load_users(veiled, directory_id=home, email=shown["address"].iloc[0])
    assert [request.query.get("email") for request in server.requests] == [None, None, None, "Ann@acme.test"]
    assert server.requests[1].path == "/directories/d1"


def test_plain_requests_are_still_logged_and_redacted_ones_are_not(client, veiled, caplog):
    with caplog.at_level(logging.DEBUG, logger="urllib3"):
        ds.load_directories(veiled)
        assert "/directories" not in caplog.text
        ds.load_directories(client)
        assert "/directories" in caplog.text


def test_broken_loads_are_resumed_by_pseudonym(client, okta):
    veiled = client.redacted(key=KEY)
    directory = ds.load_directories(veiled)["active_users"].idxmax()
    veiled.max_rows = 150
    with pytest.raises(errors.CapReached) as caught:
        ds.load_users(veiled, directory_id=directory)
    broken = veiled.receipts[-1]
    assert broken.cursor == broken.partial.index[-1]
    assert directory in str(caught.value)
    veiled.max_rows = None
    whole = ds.load_users(veiled, directory_id=directory, resume=broken)
    pd.testing.assert_frame_equal(whole, redact(ds.load_users(client, directory_id=okta), key=KEY))


def test_following_events_and_snapshots_work_on_pseudonyms(client, veiled, sandbox, okta, originals, tmp_path):
    directory = ds.load_directories(veiled)["active_users"].idxmax()
    path = tmp_path / "veiled.zip"
    snapshot = ds.take_snapshot(veiled, directory_id=directory, path=path)
    for name in ("organizations", *NAMED[:-1]):
        assert survivors(originals, everything(getattr(ds.open_snapshot(path), name))) == []
    follower = ds.follow_events(veiled, keep=tmp_path / "place.json", sleep=lambda seconds: follower.stop())
    last = [batch.index[-1] for batch in follower][-1]
    sandbox.add_user(okta, email="zoe.quark@acme.test", first_name="Zoe", last_name="Quark")
    fresh = snapshot.refresh(veiled)
    assert len(fresh.users) == len(snapshot.users) + 1
    new = fresh.users.loc[~fresh.users.index.isin(snapshot.users.index)].iloc[0]
    assert new["address"] == made_with().text("zoe.quark@acme.test")
    follower = ds.follow_events(veiled, keep=tmp_path / "place.json", sleep=lambda seconds: follower.stop())
    assert [batch["user"].iloc[-1] for batch in follower] == [new["address"]]
    kept = (tmp_path / "place.json").read_text()
    assert survivors(originals, kept + last + repr(follower)) == []
    again = redact(ds.take_snapshot(client, directory_id=okta), key=KEY)
    for name in ("users", "groups", "memberships"):
        both = [getattr(one, name).drop(columns="groups", errors="ignore") for one in (again, fresh)]
        pd.testing.assert_frame_equal(in_any_order(both[0]), in_any_order(both[1]))


def test_a_snapshot_of_pseudonyms_is_brought_up_to_date_by_its_own_client_alone(client, veiled, sandbox, okta):
    """No other client knows whom they stand for, and none loads the people themselves in their place."""
    snapshot = ds.take_snapshot(veiled, directory_id=ds.load_directories(veiled)["active_users"].idxmax())
    sandbox.add_user(okta, email="zoe.quark@acme.test", first_name="Zoe", last_name="Quark")
    for other in (client, client.redacted(key="another-key-of-thirty-two-letters")):
        with pytest.raises(errors.NotFound) as found:
            snapshot.refresh(other)
        assert "Quark" not in str(found.value)
    assert len(snapshot.refresh(veiled).users) == len(snapshot.users) + 1


def test_a_redacted_client_says_so_and_gives_nothing_away(client, veiled):
    assert repr(veiled).endswith(", redacted>")
    assert repr(client) + repr(veiled) + repr(veiled.transport) == (
        f"<DirectoryClient {client.base_url}, key set, test environment>"
        f"<DirectoryClient {client.base_url}, key set, test environment, redacted>"
        f"<Transport {client.base_url}, key set, test environment, redacted>"
    )
    ds.load_directories(veiled)
    shown = repr(vars(veiled)) + repr(vars(veiled.transport.names)["_key"]) + repr(veiled.transport.names)
    assert "hidden" in shown
    assert KEY not in shown
    for thing in (veiled, veiled.transport):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing)
    assert veiled.redacted() is veiled
    with pytest.raises(errors.ArgumentError, match="redacted already"):
        veiled.redacted(key=OTHER)


def test_a_redacted_client_keeps_the_budgets_caps_and_attributes_of_the_plain_one(client, okta):
    client.max_rows, client.page_size = 40, 20
    veiled = client.redacted(key=KEY, keep_attributes="department_name")
    assert veiled.transport.pacer is client.transport.pacer
    assert (veiled.max_rows, veiled.page_size) == (40, 20)
    veiled.max_rows = None
    directory = ds.load_directories(veiled)["active_users"].idxmax()
    people = ds.load_users(veiled, directory_id=directory)
    departments = {row["department_name"] for row in people["custom_attributes"]}
    assert {"Finance", "Legal", "Operations"} <= departments


def test_widgets_of_a_redacted_client_show_and_store_no_person(veiled, originals):
    directory = ds.load_directories(veiled)["active_users"].idxmax()
    people = ds.load_users(veiled, directory_id=directory)
    groups = ds.load_groups(veiled, directory_id=directory)
    made = [widgets.DirectoryExplorer(veiled, directory), widgets.EventFeed(veiled)]
    made[0].selected = people.index[0]
    made.append(widgets.MembershipExplorer(veiled, directory))
    made.append(widgets.DetailCard(veiled, user_id=people.index[1]))
    made.append(widgets.DetailCard(veiled, group_id=groups.index[1]))
    try:
        stored = "".join(json.dumps(one.get_state(), default=str) for top in made for one in family(top))
        shown = "".join(str(top._repr_mimebundle_()) for top in made)
        assert people.index[0] in stored
        assert "person-" in stored
        assert survivors(originals, stored + shown) == []
        assert KEY not in stored + shown
    finally:
        for one in made:
            one.close()


def family(widget):
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in family(child))]


def test_shipped_notebooks_run_unchanged_on_a_redacted_client(shared_sandbox, originals, monkeypatch, tmp_path):
    """All but their first line: what they store then holds no person."""
    monkeypatch.setenv("DIRSYNC_SANDBOX_URL", shared_sandbox.url)
    shipped = {path.stem[:2]: nbformat.read(path, as_version=4) for path in NOTEBOOKS}
    book = shipped["03"]
    book.cells += shipped["04"].cells
    for cell in book.cells:
        for client in ("ds.connect()", "ds.connect_sandbox(max_rows=100)"):
            cell.source = cell.source.replace(client, f"{client}.redacted()")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(book, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    told = json.dumps(outputs, ensure_ascii=False)
    assert told.count("directory_user_anon_") > 5
    assert "the API answered" in told or "gave out no such user" in told
    text = json.dumps([[o for o in some if "image/png" not in str(o)] for some in outputs], ensure_ascii=False)
    assert survivors(originals, text) == []


def test_invented_records_of_any_shape_are_redacted_without_a_word_left():
    """What the API may send tomorrow."""
    odd: list[Any] = [
        user(
            "directory_user_1", "ann@acme.test", roles=[{"slug": "lead", "scope": {"Ann Lee": [1, "Ann Lee"]}}]
        ),
        user("directory_user_2", groups=[{"id": "g-417-x", "name": "Night shift", "members": ["Ann Lee"]}]),
        user("directory_user_3", raw_attributes={"Ann Lee": {"nick": "Annie-Lee-9"}}, emails=["ann@acme.test"]),
        user("directory_user_4", custom_attributes={"Ann Lee": "Ann Lee", "manager": {"id": "idp-9-ann"}}),
        user("directory_user_5", first_name=["Ann Lee"], state={"Ann Lee": "x"}, created_at={"by": "Ann Lee"}),
    ]
    names = made_with()
    gone = {
        "Ann Lee",
        "ann@acme.test",
        "Annie-Lee-9",
        "Night shift",
        "g-417-x",
        "idp-9-ann",
        "directory_user_2",
    }
    records = names.answer({"data": odd, "list_metadata": {"before": None, "after": "directory_user_5"}})
    assert survivors(gone, json.dumps(records)) == []
    pd.testing.assert_frame_equal(
        frames.users_frame(records["data"][:4]), redact(frames.users_frame(odd[:4]), key=KEY)
    )
    assert survivors(gone, everything(redact(frames.users_frame(odd), key=KEY))) == []
    assert survivors(gone, json.dumps(names.answer(["Ann Lee", {"Ann Lee": 4}]))) == []
