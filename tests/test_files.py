from __future__ import annotations

import csv
import io

import openpyxl
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors, files, frames

from .foreign import users

SIGNS = ["=1+1", "+44 20 0000 0000", "-x", "@cmd", "\tx", "\rx", "plain"]


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
    path = files.write_xlsx(named("a\x00b", "x" * 40_000), tmp_path / "odd.xlsx")
    sheet = openpyxl.load_workbook(path).active
    assert sheet["B2"].value == "ab"
    assert len(sheet["B3"].value) == 32_767
