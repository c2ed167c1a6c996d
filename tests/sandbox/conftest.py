"""What the sandbox's own tests share: sandboxes with any settings, and a plain HTTP session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from dirsync_nb.sandbox import Sandbox

SLICE = Path(__file__).parents[1] / "data" / "workos-openapi-dirsync.json"


class Http:
    """Ask one sandbox with its key."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {sandbox.api_key}"

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(self.sandbox.url + path, params=query, timeout=10)

    def ids(self, path: str, **query: Any) -> list[str]:
        return [item["id"] for item in self.data(path, **query)]

    def data(self, path: str, **query: Any) -> list[dict[str, Any]]:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        data: list[dict[str, Any]] = response.json()["data"]
        return data

    def walk(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Follow ``after`` to the end."""
        found: list[dict[str, Any]] = []
        query = {"limit": 100, "order": "asc", **query}
        while True:
            page = self.get(path, **query).json()
            found += page["data"]
            query["after"] = page["list_metadata"]["after"]
            if query["after"] is None:
                return found


def closing(stack: ExitStack) -> Callable[..., Http]:
    def make(**settings: Any) -> Http:
        sandbox = stack.enter_context(Sandbox(**settings))
        http = Http(sandbox)
        stack.callback(http.session.close)
        return http

    return make


@pytest.fixture
def make() -> Iterator[Callable[..., Http]]:
    """Start sandboxes with any settings; all are stopped at the end."""
    with ExitStack() as stack:
        yield closing(stack)


@pytest.fixture(scope="module")
def _shared() -> Iterator[Http]:
    with ExitStack() as stack:
        yield closing(stack)()


@pytest.fixture
def http(_shared: Http) -> Http:
    """The module's sandbox, as its seed made it."""
    _shared.sandbox.reset()
    return _shared


@pytest.fixture
def sandbox(http: Http) -> Sandbox:
    return http.sandbox


@pytest.fixture
def directories(http: Http) -> dict[str, str]:
    """Directory ids by the first word of their type."""
    return {one["type"].split()[0]: one["id"] for one in http.data("/directories", limit=100)}


@pytest.fixture(scope="session")
def schema() -> Callable[[str], Draft202012Validator]:
    """Validators for the shapes in the published specification."""
    uri = "urn:workos"
    resource = Resource.from_contents(json.loads(SLICE.read_text()), default_specification=DRAFT202012)
    registry: Any = Registry().with_resource(uri, resource)

    def named(name: str) -> Draft202012Validator:
        reference = {"$ref": f"{uri}#/components/schemas/{name}"}
        return Draft202012Validator(
            reference, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )

    return named
