"""Reads inside one directory, at WorkOS and at servers that do not have their paths."""

from __future__ import annotations

import pytest

import dirsync_nb as ds
from dirsync_nb import errors

from ..foreign import Answer, Request, listing, users

HOME, AWAY = "directory_01JV3HA7C9D1E3F5G7H9J1K3M5", "directory_01JV3HA7C9D1E3F5G7H9J1K3M6"
PEOPLE = users(3, directory_id=HOME)


def of_object(object_id: str, noun: str = "Directory User") -> Answer:
    body = {"message": f"{noun} not found: '{object_id}'.", "code": "entity_not_found", "entity_id": object_id}
    return Answer(body, 404)


# What servers say where there is no such path: ours, Express, NestJS, FastAPI, a bare one, and one that takes
# the rest of the path for an id.
NO_PATH = {
    "old": lambda path: {"message": "Not Found"},
    "express": lambda path: f"<!DOCTYPE html><pre>Cannot GET {path}</pre>".encode(),
    "nest": lambda path: {"message": f"Cannot GET {path}", "error": "Not Found", "statusCode": 404},
    "fastapi": lambda path: {"detail": "Not Found"},
    "bare": lambda path: b"",
    "greedy": lambda path: of_object(path.removeprefix("/directories/"), "Directory").body,
    "coded": lambda path: {"message": "no such route", "code": "not_found"},
}


def flat_server(words):
    """Script a server that has the flat paths alone."""

    def script(request: Request) -> Answer:
        path = request.path
        if path == "/directory_users":
            if request.query["directory"] != HOME:
                return of_object(request.query["directory"], "Directory")
            return listing(PEOPLE)
        if path.startswith("/directory_users/"):
            found = [one for one in PEOPLE if path.endswith(one["id"])]
            return Answer(found[0]) if found else of_object(path.rpartition("/")[2])
        return Answer(NO_PATH[words](path), 404)

    return script


def scoped_server(request: Request) -> Answer:
    """Answer as a server that has the paths inside a directory alone, and says of no 404 whose it is."""
    if request.path == f"/directories/{HOME}/users":
        return listing(PEOPLE)
    found = [one for one in PEOPLE if request.path == f"/directories/{HOME}/users/{one['id']}"]
    return Answer(found[0]) if found else Answer({"message": "Not Found"}, 404)


def paths(server):
    return [request.path for request in server.requests]


@pytest.mark.parametrize("redacted", [False, True])
@pytest.mark.parametrize("words", NO_PATH)
def test_a_server_without_the_paths_is_read_at_the_flat_ones_and_asked_once(serve, words, redacted):
    server, plain = serve(flat_server(words), scoped_lists=True)
    client, home, *names = plain, HOME, "u000", "u001"
    if redacted:  # it takes the pseudonyms of what it has given out
        client = plain.redacted()
        pseudonyms = client.transport.names
        pseudonyms.found.update({pseudonyms.text(one): one for one in [home, *names]})
        home, *names = map(pseudonyms.text, [home, *names])
    assert client.user(names[0], directory_id=home)["id"] == names[0]
    assert client.user(names[1], directory_id=home)["id"] == names[1]
    assert len(list(client.users(directory_id=home))) == 3
    tried = [path for path in paths(server) if path.startswith("/directories/")]
    assert tried == [f"/directories/{HOME}/users/u000"]


@pytest.mark.parametrize("words", NO_PATH)
def test_a_list_decides_it_too(serve, words):
    server, client = serve(flat_server(words), scoped_lists=True)
    for _ in range(2):
        assert len(ds.load_users(client, HOME)) == 3
    assert [path.startswith("/directories/") for path in paths(server)] == [True, False, False]


def test_the_404_of_an_object_is_its_own_and_nothing_else_is_asked(serve):
    """Whether it names the user or the directory, and whatever is known of the server."""
    server, client = serve(lambda request: of_object(request.path.split("/")[asked]), scoped_lists=True)
    for asked in (4, 2, 4):  # noqa: B007 (the script reads it)
        with pytest.raises(errors.NotFound, match="not found"):
            client.user("u9", directory_id=HOME)
    asked = 2
    with pytest.raises(errors.NotFound):
        ds.load_users(client, HOME)
    assert all(path.startswith("/directories/") for path in paths(server))


@pytest.mark.parametrize("words", NO_PATH)
def test_an_object_that_is_nowhere_leaves_the_question_open(serve, words):
    """The flat path's 404 is the answer, and says nothing about the other path."""
    server, client = serve(flat_server(words))
    with pytest.raises(errors.NotFound, match=r"u9.* not found"):
        client.user("u9", directory_id=HOME)
    assert client.transport.routes.scoped is None
    assert client.user("u000", directory_id=HOME)["id"] == "u000"
    assert client.transport.routes.scoped is False


def test_a_server_that_has_the_paths_is_never_asked_at_the_flat_ones_again(serve):
    server, client = serve(scoped_server, scoped_lists=True)
    assert len(list(client.users(directory_id=HOME))) == 3
    with pytest.raises(errors.NotFound):
        client.user("u9", directory_id=HOME)  # a vague 404, from a server that is known to have the path
    assert all(path.startswith("/directories/") for path in paths(server))


@pytest.mark.parametrize("words", NO_PATH)
def test_a_user_of_another_directory_is_not_found_at_the_flat_path_either(serve, words):
    _, client = serve(flat_server(words))
    with pytest.raises(errors.NotFound, match="another directory") as problem:
        ds.load_user(client, "u000", directory_id=AWAY)
    assert problem.value.status_code == 404
    assert client.transport.routes.scoped is None  # a vague 404 for another reason is no evidence


def test_rows_of_another_directory_are_refused_there_too(serve):
    _, client = serve(lambda request: listing(PEOPLE), scoped_lists=True)
    with pytest.raises(errors.FilterIgnored):
        ds.load_users(client, AWAY)


def test_lists_are_read_flat_unless_asked_and_wherever_a_filter_stands(serve):
    server, client = serve(lambda request: listing(PEOPLE))
    list(client.users(directory_id=HOME))
    client.scoped_lists = True
    list(client.users(directory_id=HOME, group_id="g1"))
    list(client.users(group_id="g1"))
    assert set(paths(server)) == {"/directory_users"}
    list(client.users(directory_id=HOME))
    last = server.requests[-1]
    assert last.path == f"/directories/{HOME}/users"
    assert last.query == {"limit": "100", "order": "asc"}


@pytest.mark.parametrize("kind", ["users", "groups"])
def test_the_sandbox_gives_the_same_inside_a_directory(client, okta, kind):
    flat, load = getattr(ds, f"load_{kind}")(client, okta), getattr(ds, f"load_{kind}")
    client.scoped_lists = True
    assert load(client, okta).equals(flat)
    assert client.transport.routes.scoped is True
    other = next(one["id"] for one in client.directories() if one["id"] != okta)
    single = {"users": ds.load_user, "groups": ds.load_group}[kind]
    assert single(client, flat.index[0], directory_id=okta)["name"] == flat["name"].iloc[0]
    with pytest.raises(errors.NotFound):
        single(client, flat.index[0], directory_id=other)


def test_connect_takes_the_switch():
    client = ds.connect_sandbox(scoped_lists=True)
    directory = next(client.directories())["id"]
    assert len(ds.load_groups(client, directory)) > 0
    assert client.sandbox.requests[-1].path == f"/directories/{directory}/groups"
