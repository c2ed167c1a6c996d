"""Whatever is misspelt, or of another kind, is refused in a sentence: it is never an empty answer."""

from __future__ import annotations

import inspect
import pickle
import sys
from types import FunctionType, ModuleType, SimpleNamespace

import pandas as pd
import pytest
import traitlets

import dirsync_nb as ds
from dirsync_nb import analysis, charts, errors, history, widgets
from dirsync_nb.analysis import what_if
from dirsync_nb.client import calls
from dirsync_nb.provisioning import audit, onboarding
from dirsync_nb.sync import follow, state

REFUSED = (errors.DirsyncError, traitlets.TraitError)


@pytest.fixture(scope="module")
def sandbox():
    with ds.sandbox.Sandbox(users=40) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def held(sandbox):
    """A directory as frames, an app's table, and a client."""
    client = ds.connect(api_key=sandbox.api_key, base_url=sandbox.url)
    directories = ds.load_directories(client)
    okta = directories.index[directories["name"].str.contains("Okta")][0]
    users, groups = ds.load_users(client, okta), ds.load_groups(client, okta)
    members = ds.load_memberships(client, okta, users=users, groups=groups)
    directory = SimpleNamespace(users=users, groups=groups, memberships=members)
    app = users[["email", "name"]].reset_index(drop=True).assign(on="active", dept="x")
    roles = what_if.Roles(users, members, {groups.index[0]: "admin"}, groups, priority=("admin",))
    return SimpleNamespace(
        client=client, okta=okta, directories=directories, users=users, groups=groups, members=members,
        app=app, roles=roles, directory=directory, events=ds.load_events(client),
    )  # fmt: skip


TYPO = "custom_attributes.departmnt_name"
MISSPELT = {
    "spread": lambda h: ds.spread_attributes(h.users, names=["departmnt_name"]),
    "group_by": lambda h: analysis.group_by_attribute(h.members, h.users, "departmnt_name"),
    "diff fields": lambda h: analysis.diff_users(h.users, h.users, fields=[TYPO]),
    "diff group fields": lambda h: analysis.diff_groups(h.groups, h.groups, fields=["nmae"]),
    "overlap by": lambda h: analysis.group_overlap(h.members, by="jacard"),
    "chart by": lambda h: charts.plot_group_overlap(h.members, by="jacard"),
    "chart tz": lambda h: charts.plot_events(h.events, tz="Europe/Pariss"),
    "timeline tz": lambda h: history.timeline(h.events, tz="Europe/Pariss"),
    "losing": lambda h: analysis.losing_access(h.members, "Evryone", groups=h.groups),
    "select attribute": lambda h: onboarding.select_users(h.users, attributes={"departmnt_name": "x"}),
    "select prefixed": lambda h: onboarding.select_users(h.users, attributes={TYPO: "x"}),
    "select state": lambda h: onboarding.select_users(h.users, state="Active"),
    "select group": lambda h: onboarding.select_users(h.users, None, h.members, in_groups=["Everyone"]),
    "leave out group": lambda h: onboarding.select_users(h.users, None, h.members, but_groups=["gone"]),
    "leave out user": lambda h: onboarding.select_users(h.users, but_users="gone"),
    "invite on": lambda h: onboarding.invite_list(h.users, app_users=h.app, on="emial"),
    "invite seats": lambda h: onboarding.invite_list(h.users, app_users=h.app, active="onn", seats=5),
    "invite one": lambda h: onboarding.invite_list(h.users, selected=["gone"]),
    "count seats": lambda h: onboarding.invite_counts(
        onboarding.invite_list(h.users), app_users=h.app, active="onn", seats=5
    ),
    "prefill": lambda h: onboarding.account_prefill(h.users, attributes=["departmnt_name"]),
    "compare on": lambda h: ds.compare(h.directory, h.app, on="emial"),
    "compare fields": lambda h: ds.compare(h.directory, h.app, on="email", fields={"dept": TYPO}),
    "compare column": lambda h: ds.compare(h.directory, h.app, on="email", fields={"dpet": "name"}),
    "compare active": lambda h: ds.compare(h.directory, h.app, on="email", active="onn"),
    "compare key": lambda h: ds.compare(h.directory, h.app, on="email", key="idd"),
    "audit provider": lambda h: audit.check_rows([{"userName": "a@b.test"}], provider="otka"),
    "role group": lambda h: h.roles.with_group("Everyoen", "admin"),
    "role user": lambda h: h.roles.moved("gone"),
    "email": lambda h: ds.load_users(h.client, h.okta, email="kim"),
    "idp_id": lambda h: ds.load_users(h.client, h.okta, idp_id=h.users.index[0]),
    "domains": lambda h: ds.load_organizations(h.client, domains="ann@acme.test"),
    "domain": lambda h: ds.load_directories(h.client, domain="https://acme.test/"),
    "organization name": lambda h: ds.load_directories(h.client, "Harbourline"),
    "organization": lambda h: ds.load_directories(
        h.client, f"{h.directories['organization_id'].iloc[0][:-2]}ZZ"
    ),
    "events of": lambda h: ds.load_events(
        h.client, organization_id=f"{h.directories['organization_id'].iloc[0][:-2]}ZZ"
    ),
    "follow of": lambda h: ds.follow_events(h.client, organization_id="Harbourline"),
    "since": lambda h: follow.load_since(h.client, h.users.index[0]),
    "user": lambda h: ds.load_user(h.client, h.groups.index[0]),
    "group": lambda h: ds.load_group(h.client, h.users.index[0]),
    "directory": lambda h: ds.load_directory(h.client, h.users.index[0]),
    "organization kind": lambda h: ds.load_organization(h.client, h.okta),
    "snapshot": lambda h: ds.take_snapshot(h.client, directory_id=h.groups.index[0]),
    "replay": lambda h: state.replay(h.events, directory_id="Harbourline Okta"),
    "describe": lambda h: ds.describe_columns("usrs"),
    "feed": lambda h: widgets.EventFeed(h.client, directory_id=h.users.index[0]),
    "feed organization": lambda h: widgets.EventFeed(h.client, organization_id="Harbourline"),
    "explorer state": lambda h: setattr(explorer(h), "state", "Active"),
    "explorer attribute": lambda h: setattr(explorer(h), "attribute", "departmnt_name"),
    "explorer group": lambda h: setattr(explorer(h), "group_id", "Everyone"),
    "picker state": lambda h: setattr(picker(h), "state", "Active"),
    "picker attribute": lambda h: setattr(picker(h), "attribute", "departmnt_name"),
    "picker domain": lambda h: setattr(picker(h), "domain", "acme.tset"),
    "a choice": lambda h: setattr(explorer(h), "serach", "lee"),
    "setup argument": lambda h: widgets.Setup(h.client, base_ulr="http://127.0.0.1:1"),
    "feed limit": lambda h: widgets.EventFeed(h.client, limit=0),
    "feed minutes": lambda h: widgets.EventFeed(h.client, minutes=-1),
    "no fleet": lambda h: widgets.FleetBoard(h.client, "my fleet"),
}


def explorer(h):
    return widgets.DirectoryExplorer(h.client, h.okta, users=h.users, groups=h.groups)


def picker(h):
    return widgets.Onboarding(h.client, users=h.users, groups=h.groups, memberships=h.members)


@pytest.mark.parametrize("call", MISSPELT.values(), ids=MISSPELT)
def test_what_is_misspelt_is_refused(held, call):
    with pytest.raises(REFUSED) as caught:
        call(held)
    assert len(str(caught.value)) > 20


# Each takes one id. A record or a row has one; an index, a column, a list and a frame have several.
ONE = {
    "user": ("users", lambda h, x: ds.load_user(h.client, x).name),
    "group": ("groups", lambda h, x: ds.load_group(h.client, x).name),
    "directory": ("directories", lambda h, x: ds.load_directory(h.client, x).name),
    "members": ("groups", lambda h, x: ds.load_users(h.client, h.okta, group_id=x)),
    "groups of": ("users", lambda h, x: ds.load_groups(h.client, user_id=x)),
    "after": ("users", lambda h, x: ds.load_users(h.client, h.okta, after=x)),
    "events after": ("events", lambda h, x: ds.load_events(h.client, after=x)),
    "follow after": ("events", lambda h, x: ds.follow_events(h.client, after=x)),
    "role without": ("users", lambda h, x: h.roles.without_user(x)),
    "role moved": ("users", lambda h, x: h.roles.moved(x, joins=h.groups.index[1])),
    "role group": ("groups", lambda h, x: h.roles.with_group(x, "admin")),
    "card": ("users", lambda h, x: widgets.DetailCard(h.client, user_id=x)),
    "explorer": ("directories", lambda h, x: widgets.DirectoryExplorer(h.client, x)),
    "feed": ("directories", lambda h, x: widgets.EventFeed(h.client, directory_id=x)),
    "feed after": ("events", lambda h, x: widgets.EventFeed(h.client, after=x)),
}


@pytest.mark.parametrize(("frame", "call"), ONE.values(), ids=ONE)
def test_where_one_id_belongs_several_are_refused(held, frame, call):
    rows = getattr(held, frame)
    call(held, rows.iloc[0])
    heading = pd.Series([rows.index[0]], name=rows.index[0])  # a column whose heading is an id
    for several in (rows.index, rows.index[:1], rows[rows.columns[0]], list(rows.index[:2]), rows, heading):
        with pytest.raises(errors.ArgumentError):
            call(held, several)


SEVERAL = {
    "groups": ("directories", lambda h, x: ds.load_groups(h.client, x).index.tolist()),
    "losing": ("groups", lambda h, x: len(analysis.losing_access(h.members, x, groups=h.groups))),
    "explorer": ("groups", lambda h, x: widgets.MembershipExplorer(h.client, h.okta, group_ids=x).group_ids),
    "picker": ("directories", lambda h, x: widgets.Onboarding(h.client, x).directory_ids),
    "replay": ("directories", lambda h, x: state.replay(h.events, directory_id=x).notices),
}


@pytest.mark.parametrize(("frame", "call"), SEVERAL.values(), ids=SEVERAL)
def test_where_several_belong_each_form_gives_the_same(held, frame, call):
    rows = getattr(held, frame).iloc[:1]
    forms = (rows.index[0], rows.iloc[0], list(rows.index), rows.index.to_series(), rows.index.to_numpy(), rows)
    answer = call(held, rows.index)
    assert all(call(held, form) == answer for form in forms)
    with pytest.raises(REFUSED):
        call(held, pd.Series(["All of them", "Night Crew"]))


# Every public function and class, found by looking: arguments that do not fit are told in a sentence ----------

ALONE = "dirsync_nb.notebooks.network_guard"  # one file, which children of a process load by itself


def shown(door=ds, path="ds", seen=None):
    """Everything callable that a door shows, and the doors behind it, by the name people type."""
    seen = {} if seen is None else seen
    for name in door.__all__:
        thing = getattr(door, name)
        if isinstance(thing, ModuleType) and thing.__name__.startswith("dirsync_nb") and thing not in seen:
            seen[thing] = ""
            shown(thing, f"{path}.{name}", seen)
        elif isinstance(thing, type | FunctionType) and thing.__module__.startswith("dirsync_nb"):
            seen.setdefault(thing, f"{path}.{name}")
    return seen


SHOWN = {path: thing for thing, path in shown().items() if path and thing.__module__ != ALONE}
PLAIN = {
    path: thing
    for path, thing in SHOWN.items()
    if not (isinstance(thing, type) and (issubclass(thing, BaseException) or getattr(thing, "_is_protocol", 0)))
    and inspect.Parameter.VAR_KEYWORD
    not in {each.kind for each in inspect.signature(thing).parameters.values()}
}


def test_an_argument_that_no_public_call_has_is_told_in_a_sentence():
    assert len(PLAIN) > 200
    for path, thing in PLAIN.items():
        name = path.rpartition(".")[2]
        first = list(inspect.signature(thing).parameters)[:1]
        client = (
            {"client": ds.connect("sk_test_none", base_url="http://127.0.0.1:9")} if first == ["client"] else {}
        )
        with pytest.raises(errors.UnknownFilter, match="'bogus' is not a.*; accepted: ") as caught:
            thing(**client, bogus=1)
        assert name in str(caught.value) or "a filter of" in str(caught.value), path
        assert "\n" not in str(caught.value)


def test_an_argument_too_many_is_told_in_a_sentence():
    for path, thing in PLAIN.items():
        if {each.kind for each in inspect.signature(thing).parameters.values()} & {
            inspect.Parameter.VAR_POSITIONAL
        }:
            continue
        with pytest.raises(errors.ArgumentError):
            thing(*[object()] * 40)
        assert path


def test_every_public_method_tells_what_it_does_not_take():
    looked_at = 0
    for thing in PLAIN.values():
        for name, held in vars(thing).items() if isinstance(thing, type) else ():
            if name.startswith("_") or not isinstance(held, FunctionType):
                continue
            if inspect.Parameter.VAR_KEYWORD in {e.kind for e in inspect.signature(held).parameters.values()}:
                continue
            looked_at += 1
            with pytest.raises(errors.UnknownFilter, match="'bogus' is not a"):
                held(object(), bogus=1)
    assert looked_at > 100


CLASSES = {path: thing for path, thing in SHOWN.items() if isinstance(thing, type)}


def test_an_attribute_that_no_public_object_has_is_told_and_python_still_finds_none():
    """Also of an object that is not filled yet, as ``copy`` and ``pickle`` ask it."""
    told = 0
    for path, thing in CLASSES.items():
        if (
            issubclass(thing, BaseException)
            or getattr(thing, "_is_protocol", 0)
            or path.endswith("RemoteSandbox")
        ):
            continue
        empty = thing.__new__(thing) if not issubclass(thing, tuple) else tuple.__new__(thing, ())
        assert not hasattr(empty, "_repr_bogus_")
        assert getattr(empty, "bogus", 3) == 3
        with pytest.raises(AttributeError, match=f"{thing.__name__} has no 'bogus'; ") as caught:
            empty.bogus  # noqa: B018
        assert caught.value.name == "bogus"
        told += 1
    assert told > 40


SLIPS = {
    "snapshot.user": "Snapshot has no 'user'; did you mean .users?",
    "snapshot['users']": "Snapshot is no table and no list; did you mean .users?",
    "snapshot.head()": "which is a frame's; its frames: .directories, .groups, .memberships",
    "snapshot.load_users": "frames come from functions, ds.load_users(client, ...)",
    "h.roles.df": "which is a frame's; its frames: .",
    "h.client['users']": "DirectoryClient is no table and no list; did you mean .users?",
    "h.client.receipts[-1].row": "Receipt has no 'row'; did you mean .rows?",
    "sandbox.client": "ds.connect() gives a client",
    "audit.check_directory(h.users).problems": "Audit has no 'problems'; it has columns, counts, findings,",
}


def test_attributes_as_people_guess_them_lead_to_what_there_is(sandbox, held):
    snapshot = ds.take_snapshot(held.client, directory_id=held.okta)
    for slip, told in SLIPS.items():
        with pytest.raises((AttributeError, TypeError)) as caught:
            eval(slip, globals(), {"h": held, "snapshot": snapshot, "sandbox": sandbox})
        assert told in str(caught.value), slip
    assert pickle.loads(pickle.dumps(snapshot)).users.equals(snapshot.users)
    with pytest.raises(TypeError, match="is no table and no list; it has "):
        list(snapshot)
    assert not pd.api.types.is_list_like(snapshot)
    assert pd.Series([snapshot]).iloc[0] is snapshot


@pytest.mark.parametrize("word", ["to", "file", "filename", "output"])
def test_a_path_by_another_word_is_named(held, word):
    for call in (ds.files.write_csv, ds.files.write_xlsx, ds.save_world, ds.write_mapping, ds.open_snapshot):
        with pytest.raises(errors.UnknownFilter, match=r"Did you mean path\?"):
            call(**{word: "x"})


def test_a_property_that_fails_says_its_own_error():
    class Odd:
        @property
        def frame(self):
            return {}.no_such_thing

    calls._tell_what_there_is(Odd)
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'no_such_thing'"):
        Odd().frame  # noqa: B018


def test_a_public_function_is_one_thing_by_every_way_to_it():
    for path, thing in SHOWN.items():
        home = getattr(sys.modules[thing.__module__], thing.__name__, thing)
        assert home is thing, path
        assert pickle.loads(pickle.dumps(thing)) is thing
        assert thing.__doc__


def test_what_a_function_does_wrong_inside_is_not_taken_for_a_wrong_call():
    @calls.named_arguments
    def length(of, secret=""):
        return len(of)

    with pytest.raises(TypeError, match="has no len") as caught:
        length(3, secret="sk_test_hidden")
    assert not isinstance(caught.value, errors.UnknownFilter)
    wrapper = caught.value.__traceback__.tb_next
    assert wrapper.tb_frame.f_code.co_name == "checked"
    assert "sk_test_hidden" not in repr(wrapper.tb_frame.f_locals)


def test_a_near_argument_is_named_and_so_is_the_call():
    for call, told in {
        "analysis.group_sizes(memberships=1, grops=2)": "Did you mean groups?",
        "charts.plot_strip([], hieght=3)": "is not an argument of plot_strip; accepted: ",
        "widgets.Setup(clint=1)": "is not an argument of Setup; accepted: ",
        "audit.check_rows()": "check_rows needs users too: check_rows(users)",
        "ds.sandbox.Sandbox(usres=3)": "Did you mean users?",
    }.items():
        with pytest.raises(errors.UnknownFilter) as caught:
            eval(call)
        assert told in str(caught.value)
