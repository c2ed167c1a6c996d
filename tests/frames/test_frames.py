from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dirsync_nb as ds
from dirsync_nb import errors, frames
from dirsync_nb.client.answers import parse_json
from dirsync_nb.client.endpoints import identifier
from dirsync_nb.frames import builder as packing

from ..foreign import paged, users

TABLES = {
    "organizations": (frames.organizations_frame, frames.ORGANIZATION_COLUMNS, frames.ORGANIZATIONS),
    "directories": (frames.directories_frame, frames.DIRECTORY_COLUMNS, frames.DIRECTORIES),
    "users": (frames.users_frame, frames.USER_COLUMNS, frames.USERS),
    "groups": (frames.groups_frame, frames.GROUP_COLUMNS, frames.GROUPS),
    "events": (frames.events_frame, frames.EVENT_COLUMNS, frames.EVENTS),
}


def dtypes(frame):
    return frame.dtypes.astype(str).to_dict()


def user(**fields):
    return {**users(1)[0], **fields}


# Declared columns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TABLES)
def test_no_rows_give_the_same_columns_and_dtypes_as_any(kind):
    """DF-02, DF-03."""
    make, columns, table = TABLES[kind]
    empty, one = make([]), make([{"id": "x1"}])
    assert dtypes(empty) == dtypes(one) == dict(columns)
    assert (empty.index.name, str(empty.index.dtype)) == (table.index, "str")
    assert one.index.tolist() == ["x1"]


def test_the_same_dtypes_hold_without_pyarrow():
    with pd.option_context("mode.string_storage", "python"):
        assert dtypes(frames.users_frame(users(3))) == dict(frames.USER_COLUMNS)
        assert dtypes(frames.users_frame([])) == dict(frames.USER_COLUMNS)


def test_a_column_of_objects_stays_one_when_it_happens_to_hold_text():
    frame = frames.users_frame([user(custom_attributes="x", raw_attributes="", groups="none", emails="a")])
    assert dtypes(frame) == dict(frames.USER_COLUMNS)
    assert frame["custom_attributes"].tolist() == ["x"]


def test_a_load_longer_than_one_fold_is_packed_without_a_seam(monkeypatch):
    monkeypatch.setattr(packing, "FOLD_AT", 7)
    columns = frames.FrameBuilder(frames.USERS)
    people = users(50)
    for start in range(0, 50, 5):
        columns.add(people[start : start + 5])
    pd.testing.assert_frame_equal(columns.frame(), frames.users_frame(people))
    pd.testing.assert_frame_equal(columns.frame(), frames.users_frame(people))  # and may be asked for again


def test_records_of_different_fields_in_any_order_fill_the_same_columns(monkeypatch):
    """A page of one layout is transposed in one go, any other record by record."""
    plain = [{**person, "new": n, "role": "odd"} for n, person in enumerate(users(4))]
    mixed = [dict(reversed(one.items())) if n % 2 else one for n, one in enumerate(plain)]
    pd.testing.assert_frame_equal(frames.users_frame(mixed), frames.users_frame(plain))
    fewer = [plain[0], {"id": "bare"}]
    frame = frames.users_frame(fewer)
    assert frame["extra"].tolist() == [{"new": 0, "role": "odd"}, None]
    assert frame.loc["bare"].drop(["roles"]).isna().all()


def test_rows_packed_apart_are_checked_for_repeated_ids_together(monkeypatch):
    monkeypatch.setattr(packing, "FOLD_AT", 2)
    columns = frames.FrameBuilder(frames.USERS)
    for state in ("active", "staged", "inactive"):
        columns.add([user(state=state), user(id=state, state="active")])
    frame = columns.frame()
    assert frame.index.tolist() == ["active", "staged", "u000", "inactive"]
    assert frame.loc["u000", "state"] == "inactive"
    assert frame["state"].cat.categories.tolist() == ["active", "inactive"]
    assert columns.duplicates == 2


@pytest.mark.parametrize("at", range(60))
def test_an_interrupt_while_a_page_is_added_leaves_columns_of_one_length(monkeypatch, at):
    """Ctrl-C may come between any two columns, while rows are kept or packed."""
    monkeypatch.setattr(packing, "FOLD_AT", 4)
    columns = frames.FrameBuilder(frames.USERS)
    people = users(12)
    columns.add(people[:3])
    steps = iter(range(at, -1, -1))

    class Interrupted(dict):
        def items(self):
            for pair in super().items():
                if next(steps, 1) == 0:
                    raise KeyboardInterrupt
                yield pair

        def __setitem__(self, name, value):
            if next(steps, 1) == 0:
                raise KeyboardInterrupt
            super().__setitem__(name, value)

    columns._waiting, columns._chunks = Interrupted(columns._waiting), Interrupted(columns._chunks)
    try:
        columns.add(people[3:6])
    except KeyboardInterrupt:
        columns.add(people[3:6])
    columns.add(people[6:])
    assert sorted(columns.frame().index) == [f"u{n:03}" for n in range(12)]
    pd.testing.assert_frame_equal(columns.frame().sort_index(), frames.users_frame(people))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.datetimes().map(lambda t: t.isoformat(timespec="milliseconds") + "Z")
        | st.sampled_from([None, "", "garbage", "2026-01-15T12:00:00Z", "2026-01-15T12:00:00.1234567Z", 5])
        | st.sampled_from(["2026-02-30T00:00:00Z", "2026-01-15T12:00:00+02:00", "2026-01-15Z", "20260115Z"])
        | st.sampled_from(
            ["2026-01-15T12:00:00z", "2026-01-15 12:00Z", "2026-01-15T12Z", "2026-01-15T12:00:00"]
        )
        | st.sampled_from(["2026-01-15T12:00:00-0130", "2026-01-15T12:00:00+02", " 2026-01-15T12:00:00Z "]),
        max_size=6,
    )
)
def test_times_and_texts_are_the_same_with_arrow_and_without(values):
    people = [user(id=f"u{n}", created_at=value, name=value) for n, value in enumerate(values)]
    quick = frames.users_frame(people)
    with pd.option_context("mode.string_storage", "python"):
        plain = frames.users_frame(people)
    assert quick["created_at"].tolist() == plain["created_at"].tolist()
    assert quick["extra"].tolist() == plain["extra"].tolist()
    assert quick["name"].astype(object).equals(plain["name"].astype(object))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
field_names = {
    kind: sorted(table.fields | {"metadata", "previous_attributes", "extra", "address"})
    for kind, (_, _, table) in TABLES.items()
}


def records_of(kind):
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(field_names[kind], json_values))
    return st.lists(
        st.builds(lambda a, b: {**b, **a}, known, st.dictionaries(st.text(), json_values, max_size=2)),
        max_size=4,
    )


@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_json_object_loads_with_the_declared_columns_and_loses_nothing(kind, data):
    """Unknown, missing, null and wrongly typed fields alike; as the wire would carry them."""
    records = [json.loads(json.dumps(record)) for record in data.draw(records_of(kind))]
    if data.draw(st.booleans()):  # half the time rows that are told apart, half the time ids of any kind
        records = [{**record, "id": f"x{row}"} for row, record in enumerate(records)]
    make, columns, table = TABLES[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = make(records)
    assert dtypes(frame) == dict(columns)
    if len(frame) == len(records):
        for record, extra in zip(records, frame["extra"], strict=True):
            unknown = record.keys() - table.fields
            assert {name: (extra or {}).get(name) for name in unknown} == {
                name: record[name] for name in unknown
            }


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(lambda t: user(email=t, name=t, first_name=t), st.text() | st.none()), max_size=5))
def test_text_comes_through_as_it_is(people):
    frame = frames.users_frame([{**person, "id": f"u{n}"} for n, person in enumerate(people)])
    shown = [None if pd.isna(value) else value for value in frame["name"]]
    assert shown == [person["name"] for person in people]


# Times --------------------------------------------------------------------------------------------------


def test_every_spelling_of_a_time_becomes_utc_and_a_missing_zone_is_noted_once():
    """DF-01."""
    spellings = [
        "2026-01-15T12:00:00.000Z",
        "2026-01-15T12:00:00Z",
        "2026-01-15 12:00:00.093",
        "2026-01-15T14:00:00+02:00",
        "2026-01-15T12:00:00.000+0000",
        "2026-01-15 12:00:00.500",
    ]
    columns = frames.FrameBuilder(frames.USERS)
    columns.add([user(id=f"u{n}", created_at=text) for n, text in enumerate(spellings)])
    times = columns.frame()["created_at"]
    noon = pd.Timestamp("2026-01-15 12:00", tz="UTC")
    assert [(time - noon).total_seconds() for time in times] == [0, 0, 0.093, 0, 0, 0.5]
    assert columns.notices == ["created_at: some times came without a zone and were read as UTC."]


def test_a_column_of_missing_times_can_be_compared():
    """DF-02."""
    frame = frames.users_frame([user(updated_at=None)])
    later = frame[frame["updated_at"] > pd.Timestamp.now(tz="UTC")]
    assert later.empty
    assert str(frame["updated_at"].dtype) == frames.TIME


@pytest.mark.parametrize("value", ["garbage", "2026-13-45T00:00:00Z", 1754300000, {"a": 1}, ""])
def test_a_time_that_is_none_is_missing_and_the_original_kept(value):
    columns = frames.FrameBuilder(frames.USERS)
    columns.add([user(created_at=value)])
    row = columns.frame().iloc[0]
    assert pd.isna(row["created_at"])
    assert row["extra"] == {"created_at": value}
    assert "created_at: 1 values of an unexpected kind" in columns.notices[0]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_one_fine_time_loses_no_far_year(text):
    fine = user(id="fine", created_at="2026-01-15T12:00:00.123456789Z")
    times = frames.users_frame([fine, user(id="far", created_at=text)])["created_at"]
    assert times["far"].isoformat().startswith(text[:10])
    assert times["fine"] == pd.Timestamp("2026-01-15T12:00:00.123456Z")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_any_year_the_format_has_is_held(text):
    assert frames.users_frame([user(created_at=text)])["created_at"].iloc[0].isoformat().startswith(text[:10])


# Identity and text --------------------------------------------------------------------------------------


def test_number_like_ids_stay_exact_text():
    """DF-04."""
    names = ["00123", "72057594038135102", "1e5", "null-like", "", "NaN", "NA", "None"]
    frame = frames.users_frame([user(id=f"u{n}", idp_id=name) for n, name in enumerate(names)])
    assert frame["idp_id"].tolist() == names
    assert not frame["idp_id"].isna().any()


def test_a_value_of_the_wrong_kind_is_shown_as_text_and_kept_as_it_was():
    row = frames.users_frame([user(first_name=5, last_name=["a"], name=True)]).iloc[0]
    assert (row["first_name"], row["last_name"], row["name"]) == ("5", '["a"]', "true")
    assert row["extra"] == {"first_name": 5, "last_name": ["a"], "name": True}


def test_half_a_surrogate_pair_breaks_nothing():
    columns = frames.FrameBuilder(frames.USERS)
    columns.add([json.loads('{"id": "u1", "name": "a\\ud800b"}')])
    assert columns.frame()["name"].tolist() == ["a\\ud800b"]
    assert "broken characters" in columns.notices[0]


def test_a_row_read_twice_is_kept_once_in_its_later_reading():
    frame = frames.users_frame([user(name="old"), user(id="u2"), user(name="new")])
    assert frame.index.tolist() == ["u2", "u000"]
    assert frame.loc["u000", "name"] == "new"


def test_rows_without_an_id_are_all_kept():
    assert len(frames.users_frame([{"name": "a"}, {"name": "b"}, {"id": None}])) == 3


# Unknown things -----------------------------------------------------------------------------------------


def test_states_and_types_nobody_knew_are_kept_and_named_in_one_notice(serve):
    """DF-08."""
    states = ["active", "inactive", "suspended", "staged"]
    people = [user(id=f"u{n}", state=state) for n, state in enumerate(states)]
    _, client = serve(paged(people))
    frame = ds.load_users(client, directory_id="d1")
    assert frame["state"].tolist() == states
    assert frame["state"].cat.categories.tolist() == sorted(states)
    assert client.receipts[-1].notices == ["state: unknown to this version and kept as they are: 'staged'."]
    made = frames.directories_frame([{"id": "d1", "type": "acme people v9", "state": "linked"}])
    assert made["type"].tolist() == ["acme people v9"]


def test_deprecated_fields_may_be_absent():
    """DF-12."""
    gone = ("raw_attributes", "emails", "job_title", "username", "groups")
    frame = frames.users_frame([{name: value for name, value in user().items() if name not in gone}])
    assert dtypes(frame) == dict(frames.USER_COLUMNS)
    assert frame[list(gone)].isna().all(axis=None)


def test_both_vocabularies_of_directory_states_end_in_one_column():
    words = ["linked", "active", "unlinked", "inactive", "validating", "brand new", None]
    frame = frames.directories_frame([{"id": f"d{n}", "state": word} for n, word in enumerate(words)])
    said = [None if pd.isna(value) else value for value in frame["state"]]
    assert said == ["linked", "linked", "unlinked", "unlinked", "validating", "brand new", None]
    assert frame["state_reported"].dropna().tolist() == words[:-1]


@pytest.mark.parametrize(
    "metadata",
    [
        {"users": {"active": "4", "inactive": 0}, "groups": 1},
        {"users": 5, "groups": 1},
        {"users": {"active": 1, "inactive": 0}, "groups": 1, "new": True},
        {"users": {"active": 10**30, "inactive": 0}, "groups": True},
        [],
    ],
)
def test_counts_of_another_shape_are_missing_or_partly_read_and_kept_whole(metadata):
    frame = frames.directories_frame([{"id": "d1", "metadata": metadata}])
    assert dtypes(frame) == dict(frames.DIRECTORY_COLUMNS)
    assert frame["extra"].iloc[0] == {"metadata": metadata}


def test_counts_of_the_documented_shape_fill_three_columns():
    metadata = {"users": {"active": 412, "inactive": 3}, "groups": 19}
    row = frames.directories_frame([{"id": "d1", "metadata": metadata}]).iloc[0]
    assert (row["active_users"], row["inactive_users"], row["groups"], row["extra"]) == (412, 3, 19, None)


def test_organizations_show_their_domains_and_keep_the_whole_records():
    domains = [{"domain": "acme.test", "state": "verified"}, {"domain": None}, "plain.test"]
    row = frames.organizations_frame([{"id": "o1", "domains": domains}]).iloc[0]
    assert row["domains"] == ("acme.test", "plain.test")
    assert row["domain_records"] == domains


def test_roles_are_slugs_and_odd_ones_are_kept():
    row = frames.users_frame(
        [user(role={"slug": "admin"}, roles=[{"slug": "admin"}, {"slug": "auditor"}])]
    ).iloc[0]
    assert (row["role"], row["roles"], row["extra"]) == ("admin", ("admin", "auditor"), None)
    odd = frames.users_frame([user(role={"slug": "admin", "name": "Admin"}, roles="admin")]).iloc[0]
    assert odd["role"] == "admin"
    assert odd["extra"] == {"role": {"slug": "admin", "name": "Admin"}, "roles": "admin"}


# Joining frames -----------------------------------------------------------------------------------------


def test_an_empty_frame_and_a_full_one_join_without_a_word():
    """DF-03."""
    empty, two = frames.users_frame([]), frames.users_frame(users(2))
    joined = ds.concat([empty, two])
    assert len(joined) == 2
    assert dtypes(joined) == dict(frames.USER_COLUMNS)
    assert joined.index.name == "user_id"
    assert len(pd.concat([empty, two])) == 2  # nor does pandas' own have anything to warn about


def test_joining_unites_categories_and_stays_partial_if_a_part_is():
    one, other = frames.users_frame([user(state="active")]), frames.users_frame([user(id="u9", state="staged")])
    other.attrs["incomplete"] = "broke off"
    joined = ds.concat([one, other])
    assert joined["state"].cat.categories.tolist() == ["active", "staged"]
    with pytest.raises(errors.IncompleteError, match="audit needs whole frames"):
        frames.require_complete(joined, "audit")
    with pytest.raises(errors.ArgumentError):
        ds.concat([])


def test_joining_keeps_every_column_of_every_part():
    one = ds.spread_attributes(attributed({"dept": "A"}))
    other = ds.spread_attributes(attributed({"team": 1}))
    joined = ds.concat([one, other])
    assert {"custom_attributes.dept", "custom_attributes.team"} <= set(joined.columns)
    later = one.assign(kind=pd.Categorical(["x"]))
    assert str(ds.concat([one, later])["kind"].dtype) == "category"


def test_only_frames_of_one_kind_are_joined():
    with pytest.raises(errors.ArgumentError, match="one kind"):
        ds.concat([frames.users_frame([]), frames.groups_frame([])])


def test_memberships_of_several_directories_are_joined_under_one_numbering():
    part = pd.DataFrame({"user_id": ["u1"], "group_id": ["g1"], "directory_id": ["d1"]})
    assert ds.concat([part, part.assign(directory_id="d2")]).index.tolist() == [0, 1]


# Attributes ---------------------------------------------------------------------------------------------


def attributed(*values):
    return frames.users_frame([user(id=f"u{n}", custom_attributes=value) for n, value in enumerate(values)])


def test_attributes_null_empty_and_filled_spread_to_one_column():
    """DF-05."""
    spread = ds.spread_attributes(attributed(None, {}, {"department": "Eng"}))
    assert "custom_attributes" not in spread
    assert [name for name in spread if name.startswith("custom_attributes.")] == [
        "custom_attributes.department"
    ]
    assert spread["custom_attributes.department"].isna().tolist() == [True, True, False]


def test_the_one_column_tells_null_from_absent():
    column = attributed({"a": None}, {})["custom_attributes"]
    assert column.tolist() == [{"a": None}, {}]


def test_spreading_loses_no_value_and_clashes_with_no_column():
    values = {
        "name": "n",
        "x.y": 1,
        "flag": True,
        "big": 2**70,
        "half": 0.5,
        "list": [1],
        "nested": {"a": {"b": None}},
        "": "blank",
    }
    frame = attributed(values, {"flag": False, "half": 3})
    spread = ds.spread_attributes(frame)
    for name, value in values.items():
        assert spread[f"custom_attributes.{name}"].iloc[0] == value
    assert spread["name"].equals(frame["name"])
    kinds = spread.dtypes.astype(str)
    assert kinds["custom_attributes.x.y"] == "Int64"
    assert kinds["custom_attributes.flag"] == "boolean"
    assert kinds["custom_attributes.half"] == "Float64"
    assert kinds["custom_attributes.big"] == kinds["custom_attributes.list"] == "json"
    assert "custom_attributes" in frame  # the argument is as it was


def test_only_named_attributes_are_spread_when_asked():
    frame = attributed({"a": 1, "b": 2}, {"c": None})
    for people in (frame, frame.iloc[:0]):
        spread = ds.spread_attributes(people, names=["b", "c"])
        assert [n for n in spread if "." in n] == ["custom_attributes.b", "custom_attributes.c"]
        assert spread["custom_attributes.c"].isna().all()


def test_a_name_that_no_user_has_is_refused_with_those_near_it():
    people = attributed({"department_name": "A", "job_title": "B"}, {})
    for typo in ("departmnt_name", ["job_title", "custom_attributes.Department_Nam"]):
        with pytest.raises(errors.ArgumentError, match="Did you mean 'department_name'?"):
            ds.spread_attributes(people, typo)
    with pytest.raises(errors.ArgumentError, match=r"\(none\); got 'dept'"):
        ds.spread_attributes(attributed({}), "dept")


def test_a_spread_column_of_several_kinds_is_sorted_grouped_and_counted():
    """PDS-01."""
    values = ["Sales", 7, None, ["b"], "Sales", True, {"x": 1}, 7.0, 10, "Art"]
    spread = ds.spread_attributes(attributed(*[{"level": value} for value in values]))
    column = spread["custom_attributes.level"]
    assert column.dtype == "json"
    assert column.tolist() == values
    ordered = spread.sort_values("custom_attributes.level")["custom_attributes.level"].tolist()
    assert ordered == [True, 7, 7.0, 10, "Art", "Sales", "Sales", ["b"], {"x": 1}, None]
    assert spread.groupby("custom_attributes.level").size().tolist() == [1, 2, 1, 1, 2, 1, 1]
    assert column.value_counts().iloc[0] == column.nunique() - 5 == 2
    assert column.astype("str").tolist()[:2] == ["Sales", "7"]


def test_attributes_are_a_column_like_any_other():
    """PDS-01."""
    people = attributed({"dept": "A", "n": 1}, {"n": 1, "dept": "A"}, {"dept": "B", "tags": ["x"]}, None)
    column = people["custom_attributes"]
    dept = column.map(lambda held: held.get("dept"), na_action="ignore")
    assert dept.dtype == "str"
    assert people.groupby(dept).size().to_dict() == {"A": 2, "B": 1}
    assert pd.crosstab(dept, people["state"]).loc["A"].sum() == 2
    assert people.assign(dept=dept, n=1).pivot_table(index="dept", values="n", aggfunc="sum")["n"].tolist() == [
        2,
        1,
    ]
    assert column.str["dept"].tolist()[:3] == column.str.get("dept").tolist()[:3] == ["A", "A", "B"]
    assert column.map(len, na_action="ignore").sum() == 6
    assert (column.nunique(), len(column.drop_duplicates()), column.duplicated().sum()) == (2, 3, 1)
    assert len(people.drop_duplicates("custom_attributes")) == 3
    assert len(pd.concat([people, people]).drop_duplicates()) == 3
    assert people.groupby("custom_attributes").size().tolist() == [2, 1]
    assert column.isin([{"n": 1, "dept": "A"}]).tolist() == [True, True, False, False]
    assert len(people.merge(people, on="custom_attributes")) == 6
    assert pd.json_normalize(column.dropna().tolist())["dept"].tolist() == ["A", "A", "B"]
    assert people.describe(include="all").loc["unique", "custom_attributes"] == 2


@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")
def test_what_is_missing_stays_missing_where_pandas_infers_no_text():
    people = [*users(3), user(id="none", email=None, custom_attributes={"a": "x", "b": None})]
    with pd.option_context("future.infer_string", False, "mode.string_storage", "python"):
        frame = ds.spread_attributes(ds.concat([frames.users_frame(people), frames.users_frame(people[:1])]))
        assert pd.isna(frame.loc["none", ["address", "address_source", "custom_attributes.b"]]).all()
        assert set(frame["state"].cat.categories) <= {"active", "inactive", "suspended"}
        assert ds.emails_frame(frames.users_frame(people)).map(str).ne("None").all(axis=None)


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_beyond_a_float_is_infinite_and_not_missing(number):
    held = f'{{"x": {number}, "list": [{number}], "none": null}}'
    wire = parse_json(f'{{"custom_attributes": {held}, "id": "u1", "new": {number}}}'.encode())
    builder = frames.FrameBuilder(frames.USERS)
    builder.add([wire])
    for frame in (builder.frame(), frames.users_frame([{"id": "u1", "custom_attributes": json.loads(held)}])):
        attributes = frame["custom_attributes"].iloc[0]
        assert attributes == {"x": float(number), "list": [float(number)], "none": None}
        assert ds.spread_attributes(frame)["custom_attributes.x"].tolist() == [float(number)]
    assert builder.frame()["extra"].tolist() == [{"new": float(number)}]


def test_one_name_is_one_attribute():
    assert "custom_attributes.dept" in ds.spread_attributes(attributed({"dept": "A"}), "dept")


def test_attributes_of_nobody_spread_to_nothing():
    spread = ds.spread_attributes(frames.users_frame([]))
    assert not any(name.startswith("custom_attributes") for name in spread)


def test_the_heading_of_a_column_or_an_index_is_no_id():
    people = frames.users_frame(users(2))
    assert identifier(people.iloc[0], "user_id") == identifier(people.iloc[0][["name"]], "user_id") == "u000"
    for many in (people.index, people["directory_id"], people["directory_id"].reset_index(drop=True)):
        with pytest.raises(errors.ArgumentError, match="directory_id must be an id"):
            identifier(many, "directory_id")


# Addresses ----------------------------------------------------------------------------------------------


def entry(value, kind=None, primary=None):
    return {"value": value, "type": kind, "primary": primary}


@pytest.mark.parametrize(
    ("fields", "address", "source"),
    [
        # DF-11
        ({"email": "a@acme.test"}, "a@acme.test", "email"),
        ({"emails": [entry("w@acme.test", "work")]}, "w@acme.test", "emails (work)"),
        (
            {"emails": [entry("1@acme.test", primary=True), entry("2@acme.test", primary=True)]},
            "1@acme.test",
            "emails (primary)",
        ),
        ({"emails": [entry("  ", primary=True), entry("h@acme.test", "home")]}, "h@acme.test", "emails (home)"),
        ({}, None, None),
        (
            {"emails": [entry("h@acme.test", "home"), entry("w@acme.test", "work")]},
            "w@acme.test",
            "emails (work)",
        ),
        (
            {"custom_attributes": {"username": "new@acme.test"}, "username": "old@acme.test"},
            "new@acme.test",
            "custom_attributes.username",
        ),
        # the newer place first, and every list item on its merits
        (
            {"custom_attributes": {"emails": [entry("n@acme.test")]}, "emails": [entry("o@acme.test", "work")]},
            "n@acme.test",
            "custom_attributes.emails (first)",
        ),
        ({"email": "  ", "custom_attributes": {"emails": None}}, None, None),
        ({"emails": [None, "x", entry(None), entry(5), entry("z@acme.test")]}, "z@acme.test", "emails (first)"),
        # SCIM-17: an empty address, and an address for a user name
        ({"email": "", "username": " Ann@Acme.test "}, "Ann@Acme.test", "username"),
        ({"custom_attributes": {"username": "ann@acme.test"}}, "ann@acme.test", "custom_attributes.username"),
        ({"username": "svc-backup"}, None, None),
        ({"username": "a@b@acme.test"}, None, None),
    ],
)
def test_the_address_is_chosen_in_a_stated_order_and_never_blank(fields, address, source):
    row = frames.users_frame([user(**{"email": None, "emails": [], **fields})]).iloc[0]
    found = [None if pd.isna(row[name]) else row[name] for name in ("address", "address_source")]
    assert found == [address, source]


def test_not_primary_and_unknown_are_different_answers():
    """DF-07."""
    listed = [entry("a@acme.test", primary=True), entry("b@acme.test", primary=False), entry("c@acme.test")]
    table = ds.emails_frame(frames.users_frame([user(emails=listed)]))
    assert str(table["primary"].dtype) == "boolean"
    assert table.loc[(~table["primary"]).fillna(False), "value"].tolist() == ["b@acme.test"]
    assert table.loc[table["primary"].isna(), "value"].tolist() == ["c@acme.test"]
    assert dtypes(ds.emails_frame(frames.users_frame([]))) == dtypes(table)


# Events -------------------------------------------------------------------------------------------------


def test_events_tell_whom_they_are_about_wherever_the_payload_keeps_it():
    person = {
        "id": "u1",
        "directory_id": "d1",
        "organization_id": "o1",
        "email": "a@acme.test",
        "object": "directory_user",
    }
    group = {
        "id": "g1",
        "directory_id": "d1",
        "organization_id": "o1",
        "name": "Crew",
        "object": "directory_group",
    }
    directory = {"id": "d1", "organization_id": "o1", "object": "directory"}
    changed = {**person, "previous_attributes": {"email": "old@acme.test"}}
    payloads = {
        "dsync.user.updated": changed,
        "dsync.group.created": group,
        "dsync.group.user_added": {"directory_id": "d1", "user": person, "group": group},
        "dsync.activated": directory,
        "dsync.token.created": {"id": "t1", "directory_id": "d1", "organization_id": "o1"},
        "dsync.user.merged": person,
    }
    rows = frames.events_frame(
        {"id": f"e{n}", "event": name, "data": data} for n, (name, data) in enumerate(payloads.items())
    )
    told = rows[["directory_id", "organization_id", "user_id", "user", "group_id", "group"]]
    told = told.astype(object).where(told.notna(), None)
    assert told.to_numpy().tolist() == [
        ["d1", "o1", "u1", "a@acme.test", None, None],
        ["d1", "o1", None, None, "g1", "Crew"],
        ["d1", "o1", "u1", "a@acme.test", "g1", "Crew"],
        ["d1", "o1", None, None, None, None],
        ["d1", "o1", None, None, None, None],
        ["d1", "o1", "u1", "a@acme.test", None, None],
    ]
    assert rows["previous_attributes"].iloc[0] == {"email": "old@acme.test"}


def test_receipts_make_a_table(client, okta):
    ds.load_users(client, directory_id=okta)
    table = ds.receipts_frame(client.receipts)
    assert table.iloc[-1][["endpoint", "pages", "rows", "complete"]].tolist() == [
        "/directory_users",
        3,
        260,
        True,
    ]
    assert dtypes(ds.receipts_frame([])) == dtypes(table)


def test_nothing_global_is_changed_by_making_frames():
    before = pd.get_option("display.max_columns"), np.geterr()
    frames.users_frame(users(3))
    assert (pd.get_option("display.max_columns"), np.geterr()) == before


def test_a_frame_of_another_library_is_named_with_the_way_to_one_of_pandas():
    import dask.dataframe
    import pyarrow as pa

    table = pa.table({"user_id": ["u"], "group_id": ["g"]})
    with pytest.raises(errors.ArgumentError, match=r"a frame of Arrow: .to_pandas\(\)"):
        ds.analysis.group_sizes(table)
    lying = dask.dataframe.from_pandas(table.to_pandas(), npartitions=1)
    with pytest.raises(errors.ArgumentError, match=r"a frame of Dask, which lies in parts: .compute\(\)"):
        ds.charts.plot_group_sizes(lying)


@pytest.mark.parametrize("nothing", [None, ""])
def test_rows_without_an_id_are_kept_each_and_told(serve, nothing):
    """Two people who both have none are two people."""
    _, client = serve(paged([{**user, "id": nothing} for user in users(3)]))
    frame = ds.load_users(client, "d1")
    assert len(frame) == 3
    assert client.receipts[-1].duplicates == 0
    assert "id: 3 rows came without one" in client.receipts[-1].notices[0]


def test_rows_of_another_kind_are_told():
    frame = packing.FrameBuilder(frames.USERS)
    frame.add([{"object": "directory_group", "id": "g", "name": "Crew"}])
    assert frame.frame()["extra"].iloc[0] == {"object": "directory_group"}
    assert frame.notices == ["object: some rows are of the kind 'directory_group', and not 'directory_user'."]


@pytest.mark.parametrize("odd", ["0000-01-01T00:00:00Z", "-0001-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"])
@pytest.mark.parametrize("beside", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789Z"])
def test_a_time_that_python_cannot_hold_is_missing_and_its_original_is_kept(odd, beside):
    """pandas reads the year 0, and can then show the frame no more."""
    frame = packing.FrameBuilder(frames.USERS)
    frame.add([{"id": "u", "created_at": odd}, {"id": "v", "created_at": beside}])
    read = frame.frame()
    assert read["created_at"].isna().tolist() == [True, False]
    assert read["extra"].iloc[0] == {"created_at": odd}
    assert "NaT" in repr(read)
