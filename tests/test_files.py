from __future__ import annotations

import csv
import io
import json
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dirsync_nb as ds
from dirsync_nb import errors, files, frames

from .foreign import users

SIGNS = [
    "=1+1",
    "+44 20 0000 0000",
    "-x",
    "@cmd",
    "\tx",
    "\rx",
    "\x00=1",
    "\u2060\u202e=1",
    "\xad@x",
    "﹦1",
    "plain",
]


def named(*names):
    people = users(len(names))
    for record, name in zip(people, names, strict=True):
        record["name"] = name
    return frames.users_frame(people)


def test_csv_holds_text_times_and_no_formula(tmp_path):
    """DF-14, SEC-05: text neutralised, times in UTC with the zone in the heading."""
    path = files.write_csv(named(*SIGNS), tmp_path / "users.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert [row["name"] for row in rows] == ["'" + name for name in SIGNS[:-1]] + ["plain"]
    assert rows[0]["created_at (UTC)"] == "2026-05-11 06:42:19.305"
    assert rows[0]["user_id"] == "u000"


def test_xlsx_holds_text_times_and_no_formula(tmp_path):
    path = files.write_xlsx(named(*SIGNS), tmp_path / "users.xlsx")
    sheet = openpyxl.load_workbook(path).active
    heads = [cell.value for cell in sheet[1]]
    names = [cell for (cell,) in sheet.iter_rows(min_row=2, min_col=2, max_col=2)]
    assert heads[:2] == ["user_id", "name"]
    assert names[0].value == "'=1+1"
    assert {cell.data_type for cell in names} == {"s"}
    made = sheet.cell(2, heads.index("created_at (UTC)") + 1)
    assert made.is_date
    assert made.value == pd.Timestamp("2026-05-11 06:42:19.305").to_pydatetime()


def test_raw_files_keep_the_text_as_it_is(tmp_path):
    frame = named(*SIGNS)
    back = pd.read_csv(files.write_csv(frame, tmp_path / "raw.csv", raw=True), dtype="str", lineterminator="\n")
    assert back["name"].tolist()[0] == "=1+1"
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "raw.xlsx", raw=True)).active
    assert (sheet["B2"].value, sheet["B2"].data_type) == ("=1+1", "s")


def test_numbers_stay_numbers(tmp_path):
    """SEC-05: a negative number is no formula."""
    frame = pd.DataFrame({"balance": [-5, 3], "rate": [-0.5, 1.0]}, index=pd.Index(["a", "b"], name="id"))
    assert files.write_csv(frame, tmp_path / "n.csv").read_text("utf-8-sig").splitlines()[1] == "a,-5,-0.5"
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "n.xlsx")).active
    assert [cell.value for cell in sheet[2]] == ["a", -5, -0.5]


def test_saved_frames_come_back_exactly(tmp_path, client, okta):
    """DF-04: ids with leading zeros and number-like text among them."""
    odd = users(5)
    for record, name in zip(odd, ["00123", "72057594038135102", "1e5", "null-like", ""], strict=True):
        record["idp_id"] = name
        record["extra_field"] = {"nested": [1, None, "x"]}
    for frame in (
        ds.load_users(client, directory_id=okta),
        ds.load_organizations(client),
        ds.load_directories(client),
        ds.load_events(client),
        frames.users_frame(odd),
        frames.users_frame([]),
    ):
        back = files.open_frame(files.save_frame(frame, tmp_path / "frame.parquet"))
        pd.testing.assert_frame_equal(back, frame)
    assert files.open_frame(tmp_path / "frame.parquet").empty


def test_a_partial_frame_stays_partial_on_disk(tmp_path):
    frame = named("a")
    frame.attrs["incomplete"] = "broke off after 1 rows"
    with pytest.raises(errors.IncompleteError):
        frames.require_complete(files.open_frame(files.save_frame(frame, tmp_path / "p.parquet")), "comparison")


def test_a_foreign_parquet_file_is_refused_by_name(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(errors.ArgumentError, match="was not written by save_frame"):
        files.open_frame(tmp_path / "x.parquet")


CRAFTED = [
    "", "{", "null", "5", '"x"', "[99]", '["zz"]', "[null]", "[{}]", '{"0":1}', '{"99":[[],"object",false]}',
    '{"0":[[1],"zap",0]}', '{"x":[]}', '{"$date":"x"}', '{"$timestamp":["x",null,"s"]}', '{"$tuple":5}',
    '{"$datetime":["2020-01-01T00:00:00","Mars/Phobos"]}', '{"$dict":[]}', "[" * 100_000, "\udcff",
    '{"$datetime":["2020-01-01T00:00:00","../../etc/passwd"]}', '{"v":' + "9" * 5_000 + "}",
]  # fmt: skip


@pytest.mark.parametrize(
    "note", ["dirsync_json_columns", "dirsync_categories", "dirsync_attrs", "pandas", None]
)
def test_a_file_whose_notes_were_crafted_is_opened_or_refused_in_a_sentence(tmp_path, note):
    """A file may come from anybody."""
    path = files.save_frame(pd.DataFrame({"a": [{"x": 1}], "b": ["t"]}), tmp_path / "mine.parquet")
    table = pq.read_table(path)
    refused = []
    for text in CRAFTED:
        crafted = table
        if note is not None:
            notes = {**table.schema.metadata, note.encode(): text.encode(errors="surrogateescape")}
            crafted = table.replace_schema_metadata(notes)
        elif text.isprintable():
            crafted = table.set_column(0, "a", pa.array([text])).replace_schema_metadata(table.schema.metadata)
        pq.write_table(crafted, path)
        try:
            assert isinstance(files.open_frame(path).attrs, dict)
        except errors.ArgumentError as problem:
            refused.append(str(problem))
    assert all(str(path) in one for one in refused)
    assert refused or note == "pandas"


def test_what_is_no_parquet_file_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    for name, content in {
        "empty": b"",
        "text": b"hello",
        "marks": b"PAR1" * 4,
        "end": b"PAR1\xff\xffPAR1",
    }.items():
        (tmp_path / f"{name}.parquet").write_bytes(content)
    for path in tmp_path.iterdir():
        with pytest.raises(errors.ArgumentError, match=path.name):
            files.open_frame(path)


def test_a_file_of_more_cells_than_fit_into_memory_is_refused(tmp_path, monkeypatch):
    """A kilobyte of Parquet can say one value a billion times."""
    path = files.save_frame(named("a", "b"), tmp_path / "x.parquet")
    monkeypatch.setattr(files, "memory", lambda: 20)
    with pytest.raises(errors.FileTooLarge, match="x.parquet does not fit into memory: with its rows it makes"):
        files.open_frame(path)


NOTES = {"dirsync_json_columns": "[]", "dirsync_categories": "{}", "dirsync_attrs": "{}"}


def repeated(text, rows=100_000):
    return pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([text]))


def texts_from_here_on(rows):
    """Make short texts on pages of their own, and behind them what pages repeat: as no writer would begin."""
    return pa.array([str(one) for one in range(rows)] + ["x" * 10_000] * rows)


@pytest.mark.parametrize(
    ("made", "options", "refused"),
    [
        (lambda: repeated("x" * 10_000), {"store_schema": False}, "with column 'a' it makes a table of 1,"),
        (lambda: repeated("x" * 10_000, 20_000), {"row_group_size": 100}, "with column 'a' it makes"),
        (lambda: texts_from_here_on(20_000), {"dictionary_pagesize_limit": 20_000}, "with column 'a' it makes"),
        (lambda: pa.array(["x" * 10_000] * 20_000), {"use_dictionary": False}, "with column 'a' it makes"),
        (lambda: pa.array([f"{n}{'x' * 100_000}" for n in range(3_000)]), {"use_dictionary": False},
         "with column 'a' it makes"),
        (lambda: repeated('{"v": [' + "[]," * 1000 + "0]}", 2_000), {"objects": True}, "column 'a' as objects"),
        (lambda: pa.array([7] * 20_000_000), {}, "with its rows"),
        (lambda: pa.nulls(20_000_000), {}, "with its rows"),
        (lambda: pa.array([["x" * 1_000] * 1_000] * 100), {}, "column 'a' is of type list"),
        (lambda: pa.array([{"a": "x" * 10_000}] * 10), {}, "column 'a' is of type struct"),
        (lambda: pa.array([b"x" * 1_000] * 10, pa.binary(1_000)), {}, "is of type fixed_size_binary"),
        (lambda: pa.array(["x" * n for n in range(99)]), {"column_encoding": {"a": "DELTA_BYTE_ARRAY"},
         "use_dictionary": False}, "is not what save_frame wrote"),
        (lambda: pa.array(["x"]), {"notes": '{"a": [' + "[]," * 2_000_000 + "0]}"}, "what is noted of"),
    ],
)  # fmt: skip
def test_a_small_file_that_grows_without_end_is_refused_by_its_column(
    tmp_path, monkeypatch, made, options, refused
):
    """SEC-04: whatever a file says of itself, what it decodes to is counted before it is there."""
    monkeypatch.setattr(files, "memory", lambda: 200_000_000)
    notes = {**NOTES, "dirsync_attrs": options.pop("notes", "{}")}
    notes["dirsync_json_columns"] = "[0]" if options.pop("objects", False) else "[]"
    table = pa.table({"a": made()}).replace_schema_metadata(notes)
    path = tmp_path / "small.parquet"
    pq.write_table(table, path, compression="zstd", **options)
    assert path.stat().st_size < 100_000 or "noted" in refused
    before = pa.total_allocated_bytes()
    with pytest.raises(errors.ArgumentError, match=f"small.parquet.*{refused}"):
        files.open_frame(path)
    assert pa.total_allocated_bytes() - before < 100_000_000


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.struct([("x", pa.int64())])])
def test_columns_that_would_not_be_opened_are_not_saved(tmp_path, kind):
    frame = pd.DataFrame({"a": pd.Series([None], dtype=pd.ArrowDtype(kind))})
    with pytest.raises(errors.ArgumentError, match="'a' is of Arrow's type (list|struct)<"):
        files.save_frame(frame, tmp_path / "x.parquet")
    assert not list(tmp_path.iterdir())


def test_frames_read_together_share_the_room(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "memory", lambda: 1_000_000)
    path, room = files.save_frame(named("a"), tmp_path / "x.parquet"), files.Room()
    room.take(499_000, path, "another file")
    assert len(files.open_frame(path)) == 1
    with pytest.raises(errors.FileTooLarge, match="save fewer directories in one"):
        files.open_within(path, room)


@pytest.mark.parametrize("write", [files.write_csv, files.write_xlsx, files.save_frame])
def test_a_broken_write_leaves_the_old_file_and_no_rubbish(tmp_path, write, monkeypatch):
    target = tmp_path / "users.dat"
    target.write_text("old")

    def broken(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(type(target), "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        write(named("a"), target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["users.dat"]


def test_text_a_workbook_cannot_hold_is_cleaned(tmp_path):
    path = files.write_xlsx(named("a\x00b"), tmp_path / "odd.xlsx")
    assert openpyxl.load_workbook(path).active["B2"].value == "ab"


def test_a_sign_behind_another_separator_begins_no_cell_either(tmp_path):
    """A spreadsheet set to semicolons or tabs cuts a text there, whatever quotes are around it."""
    texts = {
        "x;=1+1": "x;'=1+1",
        "a\t@cmd": "a\t'@cmd",
        "two\n-lines": "two\n'-lines",
        'q;"=1': "q;'\"=1",
        "  =1": "'  =1",
        "\ufeff=1": "'\ufeff=1",
        "＝1+1": "'＝1+1",
        "a = b; c": "a = b; c",
        "-;-": "'-;'-",
    }
    frame = pd.DataFrame({"text": list(texts)})
    path = files.write_csv(frame, tmp_path / "t.csv")
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert [row[0] for row in rows[1:]] == list(texts.values())
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "t.xlsx")).active
    assert [sheet.cell(row, 1).value for row in (2, 6, 8)] == ["x;=1+1", "'  =1", "'＝1+1"]
    plain = files.write_csv(frame, tmp_path / "raw.csv", raw=True).read_bytes().decode()
    assert [row[0] for row in csv.reader(io.StringIO(plain, newline=""))][1:] == list(texts)


def test_signs_are_disarmed_in_indexes_categories_and_nested_values_too(tmp_path):
    people = users(1)
    people[0]["custom_attributes"] = {"note": "x;=1+1"}
    frame = frames.users_frame(people).assign(kind=pd.Categorical(["=2"]), tags=pd.Series([["-3"]], ["u000"]))
    frame.index = pd.Index(["@id"], name="user_id")
    row = next(csv.DictReader(io.StringIO(files.write_csv(frame, tmp_path / "t.csv").read_text("utf-8-sig"))))
    assert (row["user_id"], row["kind"], row["tags"]) == ("'@id", "'=2", '["-3"]')
    assert row["custom_attributes"] == '{"note": "x;\'=1+1"}'
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "t.xlsx")).active
    cells = dict(zip([cell.value for cell in sheet[1]], sheet[2], strict=True))
    assert (cells["user_id"].value, cells["kind"].value) == ("'@id", "'=2")
    assert json.loads(cells["custom_attributes"].value) == {"note": "x;=1+1"}


def test_a_workbook_makes_no_links_and_no_numbers_of_text(tmp_path):
    """DF-04: ids that look like numbers stay text; an address or URL is nothing to click."""
    texts = ["00123", "72057594038135102", "1e5", "http://acme.test/x", "mailto:ann@acme.test", "TRUE", "#REF!"]
    frame = pd.DataFrame({"text": texts})
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "t.xlsx")).active
    cells = [cell for (cell,) in sheet.iter_rows(min_row=2)]
    assert [(cell.value, cell.data_type, cell.hyperlink) for cell in cells] == [(t, "s", None) for t in texts]
    path = files.write_csv(frame, tmp_path / "t.csv")
    assert pd.read_csv(path, dtype="str")["text"].tolist() == texts


@pytest.mark.parametrize("name", ["", "x" * 32, "a/b", "a[1]", "History", "'quoted'"])
def test_a_name_that_no_sheet_can_have_is_refused(tmp_path, name):
    with pytest.raises(errors.ArgumentError, match="1 to 31 characters"):
        files.write_xlsx(named("a"), tmp_path / "t.xlsx", sheet=name)
    assert list(tmp_path.iterdir()) == []
    path = files.write_xlsx(named("a"), tmp_path / "t.xlsx", sheet="It's ours")
    assert openpyxl.load_workbook(path).sheetnames == ["It's ours"]


# Headings and shapes ----------------------------------------------------------------------------------------


def headings(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


def test_headings_are_disarmed_whatever_their_column_holds(tmp_path):
    """SEC-05: names of custom attributes are other people's typing, and become headings."""
    people = users(1)
    people[0]["custom_attributes"] = {"=1+1": "x"}
    spread = frames.spread_attributes(frames.users_frame(people))
    spread = spread.assign(**{"=n": 1, "@t": pd.Timestamp("2026-01-01", tz="UTC"), "-o": [["x"]], "+b": True})
    spread.index.name = "\tuser"
    wanted = ["'\tuser", "custom_attributes.=1+1", "'=n", "'@t (UTC)", "'-o", "'+b"]
    heads = headings(files.write_csv(spread, tmp_path / "u.csv"))
    assert [heads[0], *heads[-5:]] == wanted
    row = openpyxl.load_workbook(files.write_xlsx(spread, tmp_path / "u.xlsx")).active[1]
    assert [row[0].value, *(cell.value for cell in row[-5:])] == wanted
    assert {cell.data_type for cell in row} == {"s"}
    assert headings(files.write_csv(spread, tmp_path / "u.csv", raw=True))[-4:] == ["=n", "@t", "-o", "+b"]
    row = openpyxl.load_workbook(files.write_xlsx(spread, tmp_path / "u.xlsx", raw=True)).active[1]
    assert (row[-4].value, row[-4].data_type) == ("=n", "s")


@pytest.mark.parametrize("raw", [False, True])
def test_columns_of_equal_headings_are_all_kept(tmp_path, raw):
    time = pd.Timestamp("2026-01-01", tz="UTC")
    frame = pd.DataFrame([[time, "mine", 1, 2]], columns=["created_at", "created_at (UTC)", "n", "n"])
    first = "created_at" if raw else "created_at (UTC)"
    second = "created_at (UTC)" if raw else "created_at (UTC) (2)"
    path = files.write_csv(frame, tmp_path / "t.csv", raw=raw)
    assert headings(path) == [first, second, "n", "n (2)"]
    assert path.read_text("utf-8-sig").splitlines()[1].endswith(",mine,1,2")
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "t.xlsx", raw=raw)).active
    assert [cell.value for cell in sheet[2]][1:] == ["mine", 1, 2]


@pytest.mark.parametrize("raw", [False, True])
def test_a_column_that_repeats_the_index_is_written_once_and_another_one_of_its_name_is_kept(tmp_path, raw):
    frame = pd.DataFrame({"name": ["x"]}, index=pd.Index(["u1"], name="user_id"))
    path = tmp_path / "t.csv"
    files.write_csv(frame.assign(user_id=frame.index), path, raw=raw)
    assert headings(path) == ["user_id", "name"]
    files.write_csv(frame.assign(user_id="other"), path, raw=raw)
    assert path.read_text("utf-8-sig").splitlines() == ["user_id,name,user_id (2)", "u1,x,other"]
    files.write_xlsx(frame.assign(user_id="other"), tmp_path / "t.xlsx", raw=raw)


@pytest.mark.parametrize("raw", [False, True])
def test_row_numbers_without_a_name_are_not_written(tmp_path, raw):
    pairs = pd.DataFrame({"user_id": ["u1", "u2"], "group_id": ["g1", "g1"]})
    for frame in (pairs, pairs.iloc[1:], pairs.iloc[[1, 0]]):
        heads = headings(files.write_csv(frame, tmp_path / "m.csv", raw=raw))
        assert heads == ["user_id", "group_id"]
        sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "m.xlsx", raw=raw)).active
        assert [cell.value for cell in sheet[1]] == ["user_id", "group_id"]
        assert sheet["A2"].value == frame["user_id"].iloc[0]
    named_rows = pairs.set_index(pd.Index(["a", "b"]))
    assert headings(files.write_csv(named_rows, tmp_path / "m.csv", raw=raw))[0] == "index"
    assert headings(files.write_csv(pairs.rename_axis("row"), tmp_path / "m.csv", raw=raw))[0] == "row"


def test_an_index_of_several_levels_becomes_columns(tmp_path):
    index = pd.MultiIndex.from_tuples([("g1", "Sales")], names=["group_id", None])
    frame = pd.DataFrame({"active": [3]}, index=index)
    path = files.write_csv(frame, tmp_path / "t.csv")
    assert path.read_text("utf-8-sig").splitlines() == ["group_id,level_1,active", "g1,Sales,3"]


def test_a_partial_frame_says_so_in_files_for_people(tmp_path):
    frame = named("a", "b")
    frame.attrs["incomplete"] = "=broke off after 2 rows"
    path = files.write_csv(frame, tmp_path / "p.csv")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert [row["incomplete"] for row in rows] == ["'=broke off after 2 rows"] * 2
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "p.xlsx")).active
    assert (sheet[1][-1].value, sheet[2][-1].value) == ("incomplete", "'=broke off after 2 rows")
    assert "incomplete" not in headings(files.write_csv(named("a"), tmp_path / "p.csv"))


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 1), (1, 16_385)])
def test_more_than_a_sheet_holds_is_refused_before_anything_is_written(tmp_path, rows, columns):
    frame = pd.DataFrame(0, index=range(rows), columns=range(columns), dtype="int8")
    said = (
        rf"1,048,576 rows.*16,384 columns; got {rows:,} rows and {columns:,} columns.*write_csv and save_frame"
    )
    with pytest.raises(errors.ArgumentError, match=said):
        files.write_xlsx(frame, tmp_path / "big.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_the_largest_table_a_sheet_holds_is_not_refused():
    files._check_fits(1_048_575, 16_384)


def test_a_workbook_takes_whatever_a_cell_of_objects_holds(tmp_path):
    time = pd.Timestamp("2026-01-01 10:00", tz="Europe/Oslo")
    values = [time, {"at": time}, {1: {2}}, {(1, 2): 3}, float("inf"), pd.NaT, pd.NA, {"=x"}, "\ud800", 7, True]
    frame = pd.DataFrame({"odd": pd.Series(values, dtype=object)})
    sheet = openpyxl.load_workbook(files.write_xlsx(frame, tmp_path / "o.xlsx")).active
    assert [cell.value for (cell,) in sheet.iter_rows(min_row=2)] == [
        "2026-01-01 10:00:00+01:00",
        '{"at": "2026-01-01 10:00:00+01:00"}',
        '{"1": "{2}"}',
        "{(1, 2): 3}",
        "inf",
        None,
        None,
        "{'=x'}",
        "?",
        7,
        True,
    ]
    assert "2026-01-01 10:00:00+01:00" in files.write_csv(frame, tmp_path / "o.csv").read_text("utf-8-sig")


def test_times_a_workbook_has_no_number_for_become_text(tmp_path):
    times = pd.to_datetime(["0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z"], format="ISO8601")
    sheet = openpyxl.load_workbook(files.write_xlsx(pd.DataFrame({"t": times}), tmp_path / "t.xlsx")).active
    assert sheet["A2"].value == "0001-01-01 00:00:00"
    assert sheet["A3"].is_date


def test_a_text_too_long_for_a_cell_says_that_it_was_cut(tmp_path):
    frame = pd.DataFrame({"text": ["x" * 40_000, "😀" * 20_000, "y" * 32_767, "a\ufffeb"]})
    path = files.write_xlsx(frame, tmp_path / "long.xlsx")
    texts = [cell.value for (cell,) in openpyxl.load_workbook(path).active.iter_rows(min_row=2)]
    assert texts[0].endswith("x… (cut; 40,000 characters)")
    assert texts[1].endswith("😀… (cut; 20,000 characters)")
    assert all(len(text.encode("utf-16-le")) <= 2 * 32_767 for text in texts)
    assert texts[2:] == ["y" * 32_767, "ab"]


# Exactly back -----------------------------------------------------------------------------------------------


def times():
    return st.one_of(
        st.datetimes(timezones=st.one_of(st.none(), st.just(UTC), st.timezones())),
        st.dates(),
        st.datetimes(min_value=datetime(1800, 1, 1), max_value=datetime(2200, 1, 1)).map(
            lambda time: pd.Timestamp(time, tz="Europe/Oslo")
        ),
        st.just(pd.Timestamp("2026-01-01T00:00:00.123456789Z")),
    )


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.just("\ud800"), times()
)
names_of_fields = st.one_of(st.text(max_size=3), st.sampled_from(["$tuple", "$dict", "$date", "$", "t", "v"]))
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(names_of_fields, inner, max_size=3),
    ),
    max_leaves=12,
)


def shape(value):
    """Spell a value with its kinds, since True == 1 and a Timestamp equals a datetime."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [shape(item) for item in value]
    if isinstance(value, datetime):
        return type(value), value.isoformat(), str(value.tzinfo), getattr(value, "unit", "")
    return type(value), value


@settings(max_examples=300, deadline=None)
@given(value=nested)
@example(value=datetime(1920, 4, 25, tzinfo=ZoneInfo("Africa/Lubumbashi")))  # skipped by a change of clocks
@example(value=datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Oslo"), fold=1))  # there twice
def test_nested_objects_come_back_with_their_kinds(value):
    """DF-04: tuples inside dicts, times inside tuples, dicts that look like our own marks."""
    assert shape(files._from_json(json.dumps({"v": files._packed(value, "column 'x'")}))) == shape(value)


def test_a_saved_column_of_objects_keeps_tuples_and_times(tmp_path):
    time = pd.Timestamp("2026-01-01 10:00", tz="Europe/Oslo")
    values = [
        {"a": (1, [2, ("x",)])},
        (time, time.to_pydatetime()),
        date(2026, 1, 1),
        {"$tuple": [1]},
        None,
        "x",
    ]
    frame = pd.DataFrame({"odd": pd.Series(values, dtype=object), "n": range(6)})
    frame.attrs = {"seen": ("a", time)}
    back = files.open_frame(files.save_frame(frame, tmp_path / "o.parquet"))
    pd.testing.assert_frame_equal(back, frame)
    assert shape(back["odd"].tolist()) == shape(values)
    assert back.attrs == frame.attrs


def test_missing_values_among_objects_keep_their_kind(tmp_path):
    frame = pd.DataFrame({"odd": pd.Series([None, pd.NA, pd.NaT, float("nan"), "x"], dtype=object)})
    back = files.open_frame(files.save_frame(frame, tmp_path / "o.parquet"))["odd"]
    assert [type(value) for value in back] == [type(value) for value in frame["odd"]]


@pytest.mark.parametrize(
    ("value", "named"), [({1, 2}, "a set"), ({1: 2}, "keys are not all text"), ([b"x"], "a bytes")]
)
def test_what_would_not_come_back_is_refused_by_the_name_of_its_column(tmp_path, value, named):
    frame = pd.DataFrame({"fine": ["x"], "odd": pd.Series([value], dtype=object)})
    with pytest.raises(errors.ArgumentError, match=f"column 'odd' holds .*{named}"):
        files.save_frame(frame, tmp_path / "o.parquet")
    assert list(tmp_path.iterdir()) == []


def test_frames_of_any_shape_come_back_exactly(tmp_path):
    kinds = pd.Categorical([2, None], categories=[3, 2, 1], ordered=True)
    by_id = pd.DataFrame({"user_id": ["u2", "u1"], "kind": kinds}, index=pd.Index(["u1", "u2"], name="user_id"))
    numbered = pd.DataFrame({0: ["x"], 1: pd.Series([("a",)], dtype=object)})
    paired = by_id[["kind"]].set_index(pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]))
    for frame in (by_id, numbered, paired, by_id[["kind"]].iloc[1:], by_id[:0]):
        back = files.open_frame(files.save_frame(frame, tmp_path / "f.parquet"))
        pd.testing.assert_frame_equal(back, frame)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (files.save_frame, "x.csv"),
        (files.save_frame, "x.XLSX"),
        (files.save_frame, "x.json"),
        (files.write_csv, "x.parquet"),
        (files.write_csv, "x.xlsx"),
        (files.write_xlsx, "x.csv"),
        (files.write_xlsx, "x.xls"),
    ],
)
def test_no_file_is_named_like_another_kind(tmp_path, write, name):
    with pytest.raises(errors.ArgumentError, match=f"writes a .* file; got '{name}'"):
        write(pd.DataFrame({"a": [1]}), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_frames_go_into_databases_workbooks_and_plots_when_flat(tmp_path):
    person = {"id": "u1", "email": "a@acme.test", "roles": [{"slug": "x"}], "custom_attributes": {"team": "A"}}
    frame = frames.users_frame([{**users(1)[0], **person}, {"id": "u2"}])
    flat = files.flat(frame)
    with closing(sqlite3.connect(tmp_path / "people.db")) as database:
        flat.to_sql("users", database)
        back = pd.read_sql("select * from users", database, index_col="user_id")
    assert json.loads(back.loc["u1", "custom_attributes"]) == {"team": "A"}
    assert back["roles"].tolist() == ['["x"]', "[]"]
    flat.to_excel(tmp_path / "people.xlsx")
    assert pd.read_excel(tmp_path / "people.xlsx", index_col=0)["address"].tolist()[0] == "a@acme.test"
    assert flat["created_at"].dt.tz is None
    assert list(flat) == list(frame)
    assert frame["custom_attributes"].dtype == "json"


def test_columns_of_one_name_are_refused_by_save_frame(tmp_path):
    with pytest.raises(errors.ArgumentError, match="different names; got 'n' more than once"):
        files.save_frame(pd.DataFrame([[1, 2]], columns=["n", "n"]), tmp_path / "f.parquet")


def test_files_of_the_first_version_are_still_read():
    assert files._from_json('{"t": ["a", {"b": 1}]}') == ("a", {"b": 1})
    assert files._from_json('{"v": {"b": [1]}}') == {"b": [1]}


# Replacing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [files.write_csv, files.write_xlsx, files.save_frame])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_replaced_file_keeps_its_permissions(tmp_path, write, mode):
    target = tmp_path / "users.dat"
    target.write_text("old")
    target.chmod(mode)
    write(named("a"), target)
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert target.read_bytes() != b"old"


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "ordinary").touch()
    path = files.write_csv(named("a"), tmp_path / "users.csv")
    assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_what_is_written_over_a_private_file_is_private_all_along(tmp_path):
    target = tmp_path / "users.csv"
    target.touch(mode=0o600)
    with files.replacing(target) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600


def held_open(monkeypatch, method: str, times: int) -> list[Path]:
    """Let a method of paths be refused so often, as on Windows while Excel has the file open."""
    tries: list[Path] = []
    real = getattr(Path, method)

    def act(self, *args, **kwargs):
        tries.append(self)
        if len(tries) <= times:
            raise PermissionError(13, "The process cannot access the file")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, method, act)
    monkeypatch.setattr(files, "wait", lambda seconds: None)
    return tries


def test_a_file_that_is_open_elsewhere_for_a_moment_is_written_all_the_same(tmp_path, monkeypatch):
    tries = held_open(monkeypatch, "replace", 3)
    path = files.write_csv(named("a"), tmp_path / "users.csv")
    assert (len(tries), path.exists()) == (4, True)


def test_a_file_that_stays_open_elsewhere_is_told_and_the_old_one_stays(tmp_path, monkeypatch):
    target = tmp_path / "users.csv"
    target.write_text("old")
    held_open(monkeypatch, "replace", 99)
    with pytest.raises(errors.FileInUse, match="users.csv cannot be replaced or removed.*Excel") as refused:
        files.write_csv(named("a"), target)
    assert isinstance(refused.value, OSError)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["users.csv"]


def test_a_folder_goes_with_the_file_first_that_says_it_is_whole(tmp_path, monkeypatch):
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "about.json").write_text("{}")
    (folder / "rows").write_text("1")

    def held(*_):
        raise PermissionError(13, "in use")

    with monkeypatch.context() as patch:
        patch.setattr(files, "wait", lambda seconds: None)
        patch.setattr(files.shutil, "rmtree", held)
        with pytest.raises(errors.FileInUse, match="half cannot be replaced or removed"):
            files.remove_folder(folder, "about.json")
    assert [path.name for path in folder.iterdir()] == ["rows"]
    files.remove_folder(folder, "about.json")
    files.remove_folder(folder, "about.json")
    assert not folder.exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path, exists):
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "link.csv"
    real.parent.mkdir()
    if exists:
        real.write_text("old")
    link.symlink_to(real)
    assert files.write_csv(named("a"), link) == link
    assert link.is_symlink()
    assert "u000" in real.read_text("utf-8-sig")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "link.csv"]
    assert [path.name for path in real.parent.iterdir()] == ["real.csv"]


def test_a_time_by_other_rules_for_its_zone_keeps_its_moment():
    """A file that comes from a machine whose rules for a zone differ from ours."""
    back = files._from_json(json.dumps({"v": {"$datetime": ["2026-07-01T12:00:00+05:00", "Europe/Oslo"]}}))
    assert back == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert str(back.tzinfo) == "Europe/Oslo"


def test_several_frames_become_sheets_of_one_workbook(tmp_path):
    people, crew = named("a", "b"), named("=1+1").rename_axis("group_id")
    path = files.write_xlsx({"users": people, "crew": crew}, tmp_path / "both.xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["users", "crew"]
    assert [book["users"].max_row, book["crew"].max_row] == [3, 2]
    for wrong, sentence in (
        ({}, "at least one sheet"),
        ({"a": people, "A": crew}, "different names"),
        ({"a/b": people}, "sheet"),
        ({"a": "b"}, "must be a frame"),
        ("users", "must be a frame"),
    ):
        with pytest.raises(errors.ArgumentError, match=sentence):
            files.write_xlsx(wrong, tmp_path / "wrong.xlsx")
    assert not (tmp_path / "wrong.xlsx").exists()
