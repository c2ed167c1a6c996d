"""What people type first, as one table: it works, or one sentence says what to type instead."""

# ruff: noqa: E501
from __future__ import annotations

import re
import sqlite3

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import dirsync_nb as ds
from dirsync_nb import errors

# A call, and what its error says; ``None`` where it works.
CALLS = {
    "ds.load_users(client, d)": None,
    "ds.load_users(client, directory_id=d)": None,
    "ds.load_users(client, directory=d)": None,
    "ds.load_users(client, d, limit=5)": None,
    "ds.load_users(client, d, limit=1000)": None,
    "ds.load_users(client, directories)": None,
    "ds.load_users(client, directories.index)": None,
    "ds.load_users(client, directories.iloc[0])": None,
    "ds.load_users(client, list(directories.index))": None,
    "ds.load_users(client, set(directories.index))": None,
    "ds.load_users(client, directories.index[0:2])": None,
    "ds.load_users(client, directories.head(1))": None,
    "ds.load_users(client, group_id=group)": None,
    "ds.load_users(client, group_id=groups.iloc[0])": None,
    "ds.load_users(client, d, email=address)": None,
    "ds.load_users(client, directory_id=[])": None,
    'ds.load_users(client, {"id": d})': None,
    "ds.load_groups(client, d)": None,
    "ds.load_groups(client, user_id=user)": None,
    "ds.load_groups(client, user_id=users.iloc[0])": None,
    "ds.load_memberships(client, d)": None,
    "ds.load_directories(client)": None,
    "ds.load_directories(client, org)": None,
    "ds.load_directories(client, orgs.iloc[0])": None,
    'ds.load_directories(client, search="Okta")': None,
    "ds.load_directories(client, limit=2)": None,
    "ds.load_organizations(client)": None,
    'ds.load_organizations(client, "Harbourline")': None,
    'ds.load_organizations(client, "harbourline.example")': None,
    'ds.load_organizations(client, domains="harbourline.example")': None,
    'ds.load_organizations(client, search="Harbourline")': None,
    "ds.load_events(client)": None,
    'ds.load_events(client, "dsync.user.created")': None,
    'ds.load_events(client, ["dsync.user.created"])': None,
    'ds.load_events(client, "user.created")': None,
    "ds.load_events(client, organization_id=org)": None,
    'ds.load_events(client, events="dsync.user.created", limit=5)': None,
    'ds.load_events(client, range_start="2026-11-01")': None,
    "ds.load_events(client, range_start=pd.Timestamp.now())": None,
    "ds.load_user(client, user)": None,
    "ds.load_user(client, users.iloc[0])": None,
    "ds.load_group(client, group)": None,
    "ds.load_directory(client, d)": None,
    "ds.load_organization(client, org)": None,
    "ds.find(client, name)": None,
    "ds.find(client, address)": None,
    "ds.find(client, user)": None,
    'ds.find(client, "nobody at all")': None,
    "ds.find(client, users.iloc[0])": None,
    "ds.explain_access(client, address)": None,
    "ds.explain_access(client, name)": None,
    "ds.explain_access(client, user)": None,
    "ds.explain_access(client, users.iloc[0])": None,
    "client.users(d)": None,
    "ds.charts.plot_group_sizes(members, groups)": None,
    "ds.charts.plot_events(events)": None,
    'ds.compare(users, users, on="email")': None,
    "ds.show(users.head())": None,
    "ds.describe_columns(users)": None,
    'ds.describe_columns("users")': None,
    "ds.receipts_frame(client.receipts)": None,
    "ds.take_snapshot(client)": None,
    "ds.take_snapshot(client, d)": None,
    "ds.audit.check_directory(users)": None,
    'ds.onboarding.select_users(users, search="ada")': None,
    "ds.widgets.DirectoryExplorer(client, d)": None,
    "ds.widgets.DetailCard(client, user)": None,
    "ds.widgets.DetailCard(client)": None,
    "ds.widgets.EventFeed(client, d)": None,
    "ds.history.missed(events)": None,
    "ds.sync.replay(events)": None,
    'members.to_excel("m.xlsx")': None,
    'users.to_csv("u.csv")': None,
    'events.to_csv("e.csv")': None,
    "users.to_json()": None,
    'events.to_json(orient="records")': None,
    'users.to_parquet("u.parquet")': None,
    'events.to_parquet("e.parquet")': None,
    'users.reset_index().to_feather("g.feather")': None,
    "users.to_html()": None,
    'users.to_dict("records")': None,
    'users.to_pickle("u.pkl")': None,
    "users.to_string()": None,
    "users.to_records()": None,
    "users.to_numpy()": None,
    'members.merge(users, on="user_id")': None,
    'members.merge(users, left_on="user_id", right_index=True).merge(groups, left_on="group_id", right_index=True)': None,
    'members.join(users, on="user_id", rsuffix="_u")': None,
    'users.groupby("state").size()': None,
    'users.groupby("state", observed=True)["address"].count()': None,
    'users.groupby("custom_attributes").size()': None,
    'users.value_counts("state")': None,
    'users["custom_attributes"].value_counts()': None,
    "users.drop_duplicates()": None,
    'users.sort_values("custom_attributes")': None,
    "users.describe()": None,
    'users.describe(include="all")': None,
    "users.query(\"state == 'active'\")": None,
    "users.nunique()": None,
    'pd.crosstab(users["state"], users["directory_id"])': None,
    'users.pivot_table(index="state", columns="directory_id", values="idp_id", aggfunc="count", observed=True)': None,
    'users.created_at.dt.tz_convert("Europe/Berlin")': None,
    'users.resample("D", on="created_at").size()': None,
    'users.set_index("created_at").resample("ME").size()': None,
    "pd.concat([users, users])": None,
    "users == users": None,
    "users.equals(users.copy())": None,
    'users.fillna("")': None,
    "users.fillna(0)": None,
    "users.isna().sum()": None,
    "users.astype(str)": None,
    'users.explode("emails")': None,
    'users.apply(lambda r: r["name"], axis=1)': None,
    'users["custom_attributes"].apply(lambda a: a.get("department_name"))': None,
    'users["custom_attributes"].str.get("department_name")': None,
    'users["custom_attributes"].str["department_name"]': None,
    'pd.json_normalize(users["custom_attributes"])': None,
    'users["name"].str.upper()': None,
    'users["groups"].explode()': None,
    'users.melt(id_vars="name")': None,
    "users.T": None,
    "users.compare(users)": None,
    "users.duplicated()": None,
    "users.convert_dtypes()": None,
    "users.memory_usage(deep=True)": None,
    "users.sample(3)": None,
    "users.head()._repr_html_()": None,
    "ds.load_users()": "= ds.connect() and give it first: load_users(client, ...)",
    "ds.load_users(client)": "the ids; all of them at once load side by side) or group_id=",
    "ds.load_users(d)": "= ds.connect() and give it first: load_users(client, ...)",
    'ds.load_users("directory_x")': "= ds.connect() and give it first: load_users(client, ...)",
    "ds.load_users(ds.connect)": "= ds.connect() and give it first: load_users(client, ...)",
    "ds.load_users(ds.connect())": "the ids; all of them at once load side by side) or group_id=",
    'ds.load_users("sk_test_abc")': "= ds.connect() and give it first: load_users(client, ...)",
    "ds.load_users(None, d)": "= ds.connect() and give it first: load_users(client, ...)",
    "ds.load_users(client, d, 5)": "idp_id=, email=, limit=, before=, after=, order=, resume=",
    "ds.load_users(client, limit=5)": "the ids; all of them at once load side by side) or group_id=",
    'ds.load_users(client, d, limit="5")': "limit must be a number of rows, 1 or more; got '5'",
    "ds.load_users(client, d, limit=0)": "limit must be a number of rows, 1 or more; got 0",
    "ds.load_users(client, d, limit=5.0)": "limit must be a number of rows, 1 or more; got 5.0",
    'ds.load_users(client, d, order="newest")': "order must be one of 'asc', 'desc', 'normal'; got 'newest'",
    'ds.load_users(client, d, state="active")': "filter; of loaded rows: users[users['state'] == 'active']",
    "ds.load_users(client, d, name=name)": "resume. find(client, ...) looks for a name",
    'ds.load_users(client, directories["name"])': "that is a name. find(client, ...) looks for it",
    "ds.load_users(client, directories.reset_index())": "as its loader gives it; this one is indexed by None",
    'ds.load_users(client, "Harbourline Okta")': "that is a name. find(client, ...) looks for it",
    'ds.load_users(client, "harbourline okta")': "that is a name. find(client, ...) looks for it",
    'ds.load_users(client, "okta")': "that is a name. find(client, ...) looks for it",
    "ds.load_users(client, org)": "id: load_directories(client, organization_id=...)",
    "ds.load_users(client, orgs)": "its loader gives it; this one is indexed by 'organization_id'",
    "ds.load_users(client, user)": "and that is a directory user's id: load_user(client, ...)",
    "ds.load_users(client, group)": "is a directory group's id: load_users(client, group_id=...)",
    "ds.load_users(client, group=group)": "directory_id, group_id, idp_id, email, limit, before, after, order, resume. Did you mean group_id?",
    'ds.load_users(client, group_id="Engineering")': "A name is no id: find(client, ...)",
    "ds.load_users(client, group_id=groups)": "by 'group_id'; several are given to directory_id= alone",
    "ds.load_users(client, groups)": "as its loader gives it; this one is indexed by 'group_id'",
    "ds.load_users(client, address)": "that is an address. find(client, ...) looks for it",
    "ds.load_users(client, email=address)": "the ids; all of them at once load side by side) or group_id=",
    "ds.load_users(client, 0)": "directory_id must be an id, or a record with an id; got 0",
    'ds.load_users(client, "")': "directory_id must be an id, or a record with an id; got ''",
    'ds.load_users(client, "all")': "that is a name. find(client, ...) looks for it",
    'ds.load_users(client, "*")': "that is a name. find(client, ...) looks for it",
    "ds.load_groups(client)": "the ids; all of them at once load side by side) or user_id=",
    "ds.load_groups(client, user)": "and that is a directory user's id: load_user(client, ...)",
    "ds.load_groups(client, users.iloc[0])": "and that is a directory user's id: load_user(client, ...)",
    "ds.load_groups(client, user_id=address)": "that is an address. find(client, ...) looks for it",
    "ds.load_groups(client, directory_id=groups)": "as its loader gives it; this one is indexed by 'group_id'",
    "ds.load_memberships(client)": "has the ids; all of them at once load side by side)",
    "ds.load_memberships(client, group)": "is a directory group's id: load_users(client, group_id=...)",
    "ds.load_memberships(client, group_id=group)": "The members of one group: load_users(client, group_id=...)",
    "ds.load_memberships(client, user)": "and that is a directory user's id: load_user(client, ...)",
    "ds.load_memberships(client, users)": "as its loader gives it; this one is indexed by 'user_id'",
    "ds.load_memberships(client, users, groups)": "the rest by name: route=, users=, groups=, names=, resume=",
    "ds.load_memberships(client, d, users, groups)": "the rest by name: route=, users=, groups=, names=, resume=",
    "ds.load_memberships(client, d, limit=5)": "own: load_users(client, directory_id, limit=...) for a look",
    "ds.load_memberships(users, groups)": "ds.connect() and give it first: load_memberships(client, ...)",
    "ds.load_directories()": "ds.connect() and give it first: load_directories(client, ...)",
    "ds.load_directories(client, orgs)": "'organization_id'; several are given to directory_id= alone",
    'ds.load_directories(client, "Harbourline Ferries")': "as org_01...; that is a name. find(client, ...) looks for it",
    "ds.load_directories(client, d)": "is a directory's id: load_users(client, directory_id=...)",
    "ds.load_directories(client, organization=org)": "search, domain, limit, before, after, order, resume. Did you mean organization_id?",
    'ds.load_directories(client, state="linked")': "of loaded rows: directories[directories['state'] == 'linked']",
    'ds.load_organizations(client, ["harbourline.example"])': "search must be text; got ['harbourline.example']",
    "ds.load_organizations(client, org)": "id: load_directories(client, organization_id=...)",
    "ds.load_organizations(client, d)": "is a directory's id: load_users(client, directory_id=...)",
    "ds.load_organizations(client, 5)": "search must be text; got 5",
    'ds.load_organizations(client, domain="harbourline.example")': "accepted: domains, search, limit, before, after, order, resume. Did you mean domains?",
    'ds.load_events(client, "created")': "Check the filters",
    "ds.load_events(client, d)": "of loaded rows: events[events['directory_id'] == ...]",
    "ds.load_events(client, org)": "organization's id: load_events(client, organization_id=...)",
    "ds.load_events(client, user)": "of loaded rows: events[events['user_id'] == ...]",
    "ds.load_events(client, directory_id=d)": "rows: events[events['directory_id'] == 'directory_01...']",
    'ds.load_events(client, since="2026-01-01")': "range_start, range_end, after, limit, resume. Did you mean range_start?",
    'ds.load_events(client, range_start="yesterday")': "must be a datetime or ISO 8601 text; got 'yesterday'",
    'ds.load_events(client, before="event_x")': "onwards only: after= or range_start= says where to begin",
    'ds.load_events(client, order="desc")': "range_end, after, limit, resume. Events always come oldest first",
    "ds.load_user(client)": "load_user needs user_id too: load_user(client, user_id)",
    "ds.load_user(client, name)": "that is a name. find(client, ...) looks for it",
    "ds.load_user(client, address)": "that is an address. find(client, ...) looks for it",
    "ds.load_user(client, group)": "is a directory group's id: load_users(client, group_id=...)",
    'ds.load_user(client, "directory_user_01NOTTHERE")': "A name is no id: find(client, ...)",
    "ds.load_user(client, None)": "user_id must be an id, or a record with an id; got None",
    "ds.load_user(client, users)": "by 'user_id'; several are given to directory_id= alone",
    "ds.load_user(client, list(users.index[:2]))": "several are given to",
    "ds.load_group(client)": "load_group needs group_id too: load_group(client, group_id)",
    'ds.load_group(client, "Engineering")': "A name is no id: find(client, ...)",
    "ds.load_group(client, user)": "and that is a directory user's id: load_user(client, ...)",
    "ds.load_directory(client)": "needs directory_id too: load_directory(client, directory_id)",
    'ds.load_directory(client, "Harbourline Okta")': "that is a name. find(client, ...) looks for it",
    "ds.load_directory(client, org)": "id: load_directories(client, organization_id=...)",
    "ds.load_directory(client, directories)": "or a record with an id; got a frame indexed by 'directory_id'",
    "ds.load_organization(client)": "give either organization_id or external_id",
    'ds.load_organization(client, "Harbourline Ferries")': "as org_01...; that is a name. find(client, ...) looks for it",
    "ds.load_organization(client, d)": "is a directory's id: load_users(client, directory_id=...)",
    "ds.load_members(client, d)": "mean ds.load_memberships or ds.load_users or ds.load_events?",
    "ds.find(client)": "find needs what too: find(client, what)",
    "ds.find(name)": "client = ds.connect() and give it first: find(client, ...)",
    "ds.explain_access(client)": "explain_access needs who too: explain_access(client, who)",
    "ds.explain_access(client, group)": "it is the group",
    'ds.explain_access(client, "nobody@example.com")': "nobody is meant by 'nobody@example.com'.",
    "ds.explain_access(users, user)": "= ds.connect() and give it first: explain_access(client, ...)",
    'ds.connect("sk_")': "with client_ is the client id; an address is base_url=.)",
    'ds.connect("")': "is empty; leave it out to use WORKOS_API_KEY or the sandbox",
    'ds.connect(key="sk_test_abc")': "The key belongs into WORKOS_API_KEY, not into a notebook",
    'ds.connect(token="x")': "The key belongs into WORKOS_API_KEY, not into a notebook",
    'ds.connect(apikey="x")': "The key belongs into WORKOS_API_KEY, not into a notebook",
    "ds.connect(sandbox=True)": "connect_sandbox(seed=..., users=...) starts the sandbox",
    'ds.connect("http://127.0.0.1:8787")': "with client_ is the client id; an address is base_url=.)",
    'ds.connect("org_01ABC")': "with client_ is the client id; an address is base_url=.)",
    "ds.connect(require_key=True)": "wants one: set it to a key of the WorkOS dashboard, API Keys",
    'ds.connect(timeout="10")': "(WORKOS_REQUEST_TIMEOUT) must be a number of seconds above 0",
    "ds.connect(page_size=1000)": "page_size must be between 1 and 100; got 1000",
    'ds.connect_sandbox(seed="x")': "seed must be a whole number; got 'x'",
    'ds.connect_sandbox(users="many")': "users must be a whole number or None; got 'many'",
    "ds.connect_sandbox(user=5)": "default_mappings, clock, allow_hosts. Did you mean users?",
    'ds.connect_sandbox(people="nothere.csv")': "nothere.csv cannot be read: No such file or directory",
    "client.load_users(d)": "frames come from functions, ds.load_users(client, ...)",
    "client.list_users(d)": "frames come from functions, ds.load_users(client, ...)",
    "ds.charts.plot_group_sizes(groups, members)": "groups gives it; got a frame of memberships",
    "ds.charts.plot_group_sizes(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.charts.plot_group_sizes(members, users)": "gives it; got a frame of users, indexed by 'user_id'",
    'ds.charts.plot_group_sizes(members, top="all")': "top must be at least 1, or None for all; got 'all'",
    "ds.charts.plot_group_sizes(members, groups, n=5)": "accepted: memberships, groups, directories, top, color, ax.",
    "ds.charts.plot_groups_per_user(users, members)": "users must be indexed by user_id, as load_users gives it; got a frame of memberships",
    "ds.charts.plot_membership_matrix(members, groups, users)": "gives it; got a frame of groups, indexed by 'group_id'",
    "ds.charts.plot_user_states(members)": "user_id, as load_users gives it; got a frame of memberships",
    "ds.charts.plot_user_states(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.charts.plot_events(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.charts.plot_events(users)": "'first_name', 'last_name', 'role'; this is a frame of users",
    "ds.charts.plot_onboarding(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.charts.plot_onboarding(members)": "user_id, as load_users gives it; got a frame of memberships",
    "ds.analysis.group_sizes(users, groups)": "'first_name', 'last_name', 'role'; this is a frame of users",
    "ds.analysis.users_without_group(users, members)": "'first_name', 'last_name', 'role'; this is a frame of users",
    'ds.analysis.losing_access(members, "Engineering")': "a group without members is known only when groups= is given",
    "ds.analysis.losing_access(members, groups)": "among the 21 known",
    "ds.analysis.losing_access(group, members)": "as load_memberships gives it; got one of type str",
    "ds.analysis.diff_users(users, groups)": "gives it; got a frame of groups, indexed by 'group_id'",
    "ds.analysis.diff_users(users)": "diff_users needs after too: diff_users(before, after)",
    'ds.compare(users, [1,2], on="email")': "app_users must be a frame; got one of type list",
    'ds.compare(client, users, on="email")': "which ds.load_users(client, ...) and its like load frames",
    "ds.spread_attributes(members)": "user_id, as load_users gives it; got a frame of memberships",
    "ds.spread_attributes(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.emails_frame(groups)": "gives it; got a frame of groups, indexed by 'group_id'",
    "ds.redact(client)": "or column of one, a snapshot or a plan; got a DirectoryClient",
    'ds.redact("x")': "a row or column of one, a snapshot or a plan; got a str",
    "ds.show(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.show(users, groups)": "and the rest by name: users=, groups=, directories=, rows=",
    "ds.show(None)": "frame must be a frame; got None",
    "ds.describe_columns(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.concat(users, users)": "concat takes frames and nothing more",
    "ds.concat([users, groups])": "kind together; these are indexed by ['user_id', 'group_id']",
    "ds.receipts_frame(client)": "receipts must be a list of them, such as client.receipts",
    'ds.open_snapshot("nothere")': "there is no file nothere",
    "ds.take_snapshot()": "= ds.connect() and give it first: take_snapshot(client, ...)",
    'ds.follow_events(client, "dsync.user.created")': "range_start=, keep=, every=, slowest=, clock=, sleep=",
    'ds.open_fleet("nothere")': "holds no fleet",
    'ds.load_app_users("nothere.db", table="users")': "url is not a database address such as sqlite:///app.db",
    'ds.load_app_users("sqlite:///nothere.db", table="users")': "there is no database file nothere.db",
    "ds.audit.check_directory(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.audit.check_directory(groups, users)": "gives it; got a frame of groups, indexed by 'group_id'",
    "ds.checklist.to_production()": "= ds.connect() and give it first: to_production(client, ...)",
    "ds.checklist.to_production(users)": "= ds.connect() and give it first: to_production(client, ...)",
    "ds.onboarding.invite_list(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.onboarding.invite_list(members)": "user_id, as load_users gives it; got a frame of memberships",
    "ds.onboarding.invite_list(users, members, groups)": "group_id, as load_groups gives it; got a frame of memberships",
    'ds.onboarding.select_users(users, in_groups="Engineering")': "groups can only be asked for with memberships",
    "ds.onboarding.select_users(client)": "which ds.load_users(client, ...) and its like load frames",
    "ds.widgets.DirectoryExplorer()": "and give it first: DirectoryExplorer(client, ...)",
    "ds.widgets.DirectoryExplorer(users)": "and give it first: DirectoryExplorer(client, ...)",
    'ds.widgets.DirectoryExplorer(client, "Harbourline Okta")': "that is a name. find(client, ...) looks for it",
    "ds.widgets.MembershipExplorer(members, groups)": "and give it first: MembershipExplorer(client, ...)",
    "ds.history.timeline(client)": "be an events frame (load_events) or a list of event records",
    "ds.history.timeline(users)": "be an events frame (load_events) or a list of event records",
    "ds.sync.replay(client)": "be an events frame (load_events) or a list of event records",
    "ds.sync.replay(users)": "be an events frame (load_events) or a list of event records",
    'ds.find(client, "user_01JXAK96C00TQVVWS8Z49WM0BX")': "find looks for organizations, directories, users and groups, and that is an AuthKit user's id",
    'ds.find(client, "conn_01JXAK96C00TQVVWS8Z49WM0BX")': "an SSO connection's id, which is no matter of Directory Sync",
    'ds.find(client, "sk_test_dirsync_sandbox")': "that is a key: it belongs into WORKOS_API_KEY",
    'ds.find(client, "Ada", most_people="x")': "most_people of find must be a whole number; got one of type str",
    'ds.load_user(client, "user_01JXAK96C00TQVVWS8Z49WM0BX")': "Besides, that is an AuthKit user's id",
    'ds.load_events(client, after="yesterday")': "A time is range_start=",
    "ds.load_users(client, d, resume=3)": "resume of load_users must be a receipt, such as client.receipts[-1] or None",
    'ds.analysis.group_overlap(members, groups, top="x")': "top of group_overlap must be a whole number or None",
    "ds.analysis.group_by_attribute(members, users, None)": "attribute of group_by_attribute must be text",
    "ds.charts.plot_group_sizes(members, groups, ax=3)": "ax of plot_group_sizes must be Axes of matplotlib or None",
    "ds.charts.plot_strip(events)": "acts must have the columns at and who and events",
    "ds.files.write_csv(users, 3.5)": "path of write_csv must be a path, as text; got one of type float",
    "ds.open_snapshot(users)": "path of open_snapshot must be a path, as text; got one of type DataFrame",
    'ds.save_world("w.jsonl", users)': "path of save_world must be a path, as text",
    'ds.write_mapping("m.json", {group: "admin"})': "path of write_mapping must be a path, as text; got one of type dict. The call is write_mapping(mapping, path)",
    "ds.write_starter(3)": "folder of write_starter must be a path, as text",
    'ds.connect_sandbox(company="Acme")': "company goes with people of your own",
    "ds.connect_sandbox(1)": "connect_sandbox takes names only: seed=",
    'ds.audit.rules("error")': "rules takes no arguments",
    "ds.history.missed(events, 3)": "missed takes events and nothing more",
    "ds.redact(users, key=3)": "key must be text",
    'ds.show(users, rows="5")': "rows must be a whole number",
    'ds.webhooks.verify(b"{}", "t=1, v1=ab", "whsec_1")': "webhooks.explain(body, header, secret) looks for the cause",
    "ds.RoleMapping(groups)": "table must have the columns group and role",
    "ds.analysis.group_graph(groups, members)": "memberships must have the columns user_id and group_id",
}


@pytest.fixture(scope="module")
def at_hand(shared_sandbox, tmp_path_factory):
    """The names of a first notebook, in a folder of its own."""
    client = ds.connect_sandbox(seed=1)
    directories, orgs = ds.load_directories(client), ds.load_organizations(client)
    d = directories.index[0]
    users, groups = ds.load_users(client, d), ds.load_groups(client, d)
    members = ds.load_memberships(client, d, users=users, groups=groups)
    told = {"org": orgs.index[0], "user": users.index[0], "group": groups.index[0], "d": d}
    told |= {"name": users["name"].dropna().iloc[0], "address": users["address"].dropna().iloc[0]}
    frames = {"users": users, "groups": groups, "members": members, "directories": directories, "orgs": orgs}
    place = tmp_path_factory.mktemp("natural")
    yield {
        "ds": ds,
        "pd": pd,
        "client": client,
        "events": ds.load_events(client),
        **frames,
        **told,
        "place": place,
    }
    plt.close("all")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("call", CALLS)
def test_what_people_type_works_or_is_told_in_a_sentence(call, at_hand, monkeypatch):
    monkeypatch.chdir(at_hand["place"])
    if CALLS[call] is None:
        eval(call, dict(at_hand))
        return
    with pytest.raises((errors.DirsyncError, AttributeError)) as caught:
        eval(call, dict(at_hand))
    assert CALLS[call] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_table_is_long_enough():
    assert len(CALLS) >= 250


WRITERS = {
    "users.to_excel('u.xlsx')": "ds.files.write_xlsx(frame, path)",
    "events.to_excel('e.xlsx')": "ds.files.write_xlsx(frame, path)",
    "users.to_sql('users', database)": "ds.files.flat(frame).to_sql(...)",
    "events.to_sql('events', database)": "ds.files.flat(frame).to_sql(...)",
    "orgs.to_sql('orgs', database)": "ds.files.flat(frame).to_sql(...)",
}


@pytest.mark.parametrize("call", WRITERS)
def test_a_writer_that_cannot_take_a_column_says_what_to_call(call, at_hand, monkeypatch):
    monkeypatch.chdir(at_hand["place"])
    database = sqlite3.connect(":memory:")
    with pytest.raises(Exception, match="Excel|Execution failed") as caught:
        eval(call, {**at_hand, "database": database})
    assert WRITERS[call] in "".join(caught.value.__notes__)
    database.close()
    frame, _, rest = call.partition(".")
    again = sqlite3.connect(":memory:")
    eval(f"ds.files.flat({frame}).{rest}", {**at_hand, "database": again})
    again.close()


# Every function that takes frames, given each of the others in each place: no bare error of pandas -----------


def of_frames(f):
    """Calls with right frames, by the name people type; what is not a frame stays."""
    members, users, groups, events, directories = (
        f[n] for n in ["members", "users", "groups", "events", "directories"]
    )
    invites = ds.onboarding.invite_list(users, groups, members)
    both, people = {"memberships": members, "groups": groups}, {"memberships": members, "users": users}
    three = {"users": users, "groups": groups, "memberships": members}
    return {
        "analysis.attribute_coverage": {"users": users},
        "analysis.attribute_status": {"users": users},
        "analysis.diff_groups": {"before": groups, "after": groups},
        "analysis.diff_memberships": {"before": members, "after": members},
        "analysis.diff_users": {"before": users, "after": users},
        "analysis.group_by_attribute": {**people, "attribute": "state", "groups": groups},
        "analysis.group_overlap": both,
        "analysis.group_sizes": both,
        "analysis.groups_per_user": people,
        "analysis.losing_access": {"group_id": groups.index[0], **three},
        "analysis.membership_matrix": three,
        "analysis.overlap_matrix": both,
        "analysis.state_by_group": three,
        "analysis.users_without_group": people,
        "charts.plot_events": {"events": events},
        "charts.plot_group_overlap": both,
        "charts.plot_group_sizes": both,
        "charts.plot_groups_per_user": people,
        "charts.plot_membership_matrix": three,
        "charts.plot_onboarding": {"frame": users},
        "charts.plot_user_states": {"users": users, "directories": directories},
        "what_if.Roles": {**three, "table": {groups.index[0]: "admin"}, "directories": directories},
        "onboarding.select_users": three,
        "onboarding.invite_list": {**three, "app_users": users},
        "onboarding.account_prefill": {"users": users, "invites": invites},
        "onboarding.team_prefill": {"groups": groups, "memberships": members, "invites": invites},
        "onboarding.team_members": {"groups": groups, "memberships": members, "invites": invites},
        "onboarding.invite_counts": {"invites": invites},
        "audit.check_directory": three,
        "audit.check_rows": {"users": [], "groups": []},
        "compare": {"directory": users, "app_users": users, "on": "email"},
        "spread_attributes": {"users": users},
        "emails_frame": {"users": users},
        "describe_columns": {"frame": users},
        "show": {"frame": members, "users": users, "groups": groups},
        "redact": {"frame": users},
        "concat": {"frames": [users, users]},
        "receipts_frame": {"receipts": f["client"].receipts},
        "history.timeline": {"events": events},
        "history.changes": {"events": events},
        "history.missed": {"events": events},
        "sync.replay": {"events": events},
        "files.flat": {"frame": users},
        "write_sample_app": {"users": users, "path": "app.db", "replace": True},
    }


FUNCTIONS = [
    "analysis.attribute_coverage",
    "analysis.attribute_status",
    "analysis.diff_groups",
    "analysis.diff_memberships",
    "analysis.diff_users",
    "analysis.group_by_attribute",
    "analysis.group_overlap",
    "analysis.group_sizes",
    "analysis.groups_per_user",
    "analysis.losing_access",
    "analysis.membership_matrix",
    "analysis.overlap_matrix",
    "analysis.state_by_group",
    "analysis.users_without_group",
    "charts.plot_events",
    "charts.plot_group_overlap",
    "charts.plot_group_sizes",
    "charts.plot_groups_per_user",
    "charts.plot_membership_matrix",
    "charts.plot_onboarding",
    "charts.plot_user_states",
    "what_if.Roles",
    "onboarding.select_users",
    "onboarding.invite_list",
    "onboarding.account_prefill",
    "onboarding.team_prefill",
    "onboarding.team_members",
    "onboarding.invite_counts",
    "audit.check_directory",
    "audit.check_rows",
    "compare",
    "spread_attributes",
    "emails_frame",
    "describe_columns",
    "show",
    "redact",
    "concat",
    "receipts_frame",
    "history.timeline",
    "history.changes",
    "history.missed",
    "sync.replay",
    "files.flat",
    "write_sample_app",
]
KEPT = {"group_id", "attribute", "on", "table", "path", "replace"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_frames_of_another_kind_are_named(name, at_hand, monkeypatch):
    monkeypatch.chdir(at_hand["place"])
    wrong = [at_hand[one] for one in ("users", "groups", "members", "client")]
    wrong += [[1, 2], "text", wrong[0]["name"]]
    right = of_frames(at_hand)[name]
    call = ds
    for part in name.split("."):
        call = getattr(call, part)
    told = []
    for place in right.keys() - KEPT:
        for given in wrong:
            try:
                call(**{**right, place: given})
            except errors.DirsyncError as problem:
                told.append(str(problem))
    assert told
    assert [one for one in told if "\n" in one] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ds.plot_group_sizes", "ds.charts.plot_group_sizes"),
        ("ds.write_csv", "ds.files.write_csv"),
        ("ds.DirectoryExplorer", "ds.widgets.DirectoryExplorer"),
        ("ds.load_usrs", "ds.load_users"),
        ("ds.charts.plot_states", "ds.charts.plot_user_states"),
        ("ds.charts.group_sizes", "ds.analysis.group_sizes"),
        ("ds.files.read_csv", "ds.files.write_csv"),
        ("ds.widgets.Explorer", "ds.widgets.DirectoryExplorer"),
        ("ds.webhooks.verif", "ds.webhooks.verify"),
        ("ds.onboarding.invite", "ds.onboarding.invite_list"),
    ],
)
def test_a_name_that_is_elsewhere_or_nearly_right_is_told(typed, meant):
    with pytest.raises(AttributeError, match=rf"did you mean {re.escape(meant)}\b"):
        eval(typed)
    name = typed.removeprefix("ds.")
    assert not hasattr(ds, "_" + name)  # what tools probe loads nothing
