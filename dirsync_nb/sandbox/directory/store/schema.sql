-- The tables. After a change, FORMAT in database.py goes up: a file of another version is not reopened.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;

CREATE TABLE organizations (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, created_at INTEGER, external_id TEXT UNIQUE, folded_name TEXT,
    json BLOB);
CREATE TABLE domains (
    domain TEXT, organization INTEGER, id TEXT, PRIMARY KEY (domain, organization)) WITHOUT ROWID;

CREATE TABLE directories (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, organization_id TEXT, created_at INTEGER, updated_at INTEGER,
    name TEXT, folded_name TEXT, type TEXT, state TEXT, domain TEXT, external_key TEXT, has_roles INTEGER,
    active INTEGER DEFAULT 0, inactive INTEGER DEFAULT 0, groups INTEGER DEFAULT 0, more TEXT);
CREATE INDEX directories_of_organization ON directories (organization_id);

CREATE TABLE users (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, idp_id TEXT, folded_email TEXT, json BLOB);
CREATE INDEX users_of_directory ON users (directory);
CREATE INDEX users_by_idp_id ON users (directory, idp_id);
CREATE INDEX users_by_email ON users (directory, folded_email);

CREATE TABLE groups (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, role TEXT, json BLOB);
CREATE INDEX groups_of_directory ON groups (directory);

CREATE TABLE memberships (
    group_n INTEGER, user_n INTEGER, PRIMARY KEY (group_n, user_n)) WITHOUT ROWID;
CREATE INDEX memberships_of_user ON memberships (user_n, group_n);

CREATE TABLE roles (
    organization_id TEXT, slug TEXT, json BLOB, PRIMARY KEY (organization_id, slug)) WITHOUT ROWID;

CREATE TABLE gone (id TEXT PRIMARY KEY, n INTEGER, directory INTEGER, json BLOB) WITHOUT ROWID;
CREATE TABLE tokens (id TEXT PRIMARY KEY, directory INTEGER, json BLOB) WITHOUT ROWID;
CREATE TABLE hidden (user_n INTEGER, name TEXT, json BLOB, PRIMARY KEY (user_n, name)) WITHOUT ROWID;

CREATE TABLE scim (
    place INTEGER PRIMARY KEY, id TEXT UNIQUE, directory INTEGER, kind TEXT, target TEXT, state TEXT,
    folded TEXT, external TEXT, note TEXT, created INTEGER, changed INTEGER, json BLOB);
CREATE INDEX scim_in_order ON scim (directory, kind);
CREATE INDEX scim_by_name ON scim (directory, kind, folded);
CREATE INDEX scim_by_external_id ON scim (directory, kind, external);
CREATE INDEX scim_by_target ON scim (target);
CREATE TABLE scim_former (
    directory INTEGER, identity TEXT, id TEXT, PRIMARY KEY (directory, identity, id)) WITHOUT ROWID;

CREATE TABLE events (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, organization_id TEXT, created_at INTEGER, json BLOB);
CREATE INDEX events_by_name ON events (name);
CREATE INDEX events_by_organization ON events (organization_id, name);
CREATE INDEX events_by_time ON events (created_at);
