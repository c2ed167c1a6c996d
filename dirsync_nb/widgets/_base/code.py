"""The code behind a widget, in three ways that give the same: dirsync_nb, the official SDK, cURL.

The key never stands in it: each way reads ``WORKOS_API_KEY``.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from ...client import DirectoryClient

__all__ = ["Call", "snippets"]

PRODUCTION = "https://api.workos.com"

LOADERS = {
    "organizations": "load_organizations",
    "directories": "load_directories",
    "users": "load_users",
    "groups": "load_groups",
    "events": "load_events",
}
PATHS = {
    "organizations": "/organizations",
    "directories": "/directories",
    "users": "/directory_users",
    "groups": "/directory_groups",
    "events": "/events",
}
WIRE = {"directory_id": "directory", "group_id": "group", "user_id": "user"}
SDK = {
    "organizations": "organizations.list_organizations",
    "directories": "directory_sync.list_directories",
    "users": "directory_sync.list_users",
    "groups": "directory_sync.list_groups",
    "events": "events.list_events",
    "user": "directory_sync.get_user",
    "group": "directory_sync.get_group",
    "directory": "directory_sync.get_directory",
}

SANDBOX_KEY = "# The embedded sandbox. Set WORKOS_API_KEY to client.sandbox.api_key."

Call = tuple[str, str, Mapping[str, object]]
"""Name of the variable, kind of list or object, filters."""


def snippets(client: DirectoryClient, *calls: Call, then: str = "", sdk_then: str = "") -> list[list[str]]:
    """Write calls in three ways.

    Parameters
    ----------
    client
        Its server is named in the code, unless it is WorkOS's own; its key never is.
    calls
        What is read.
    then, sdk_then
        Further lines for dirsync_nb and for the SDK.
    """
    base_url = client.base_url
    hint = [] if client.sandbox is None else [SANDBOX_KEY]
    ours = [*hint, "import dirsync_nb as ds", "", f"client = ds.connect({_address(base_url)})"]
    sdk = [*hint, "import os", "", "from workos import WorkOSClient", ""]
    address = _address(base_url, ", ")
    sdk.append(f'client = WorkOSClient(api_key=os.environ["WORKOS_API_KEY"]{address})')
    curl = [*hint]
    for name, kind, filters in calls:
        ours.append(f"{name} = {_ours(kind, filters)}")
        sdk.append(f"{name} = {_sdk(kind, filters)}")
        curl.append(_curl(base_url, kind, filters))
    ours += then.splitlines()
    sdk += sdk_then.splitlines()
    several = any(kind in PATHS for _, kind, _ in calls)
    if several:
        curl.append('# More rows? Repeat with &after=<list_metadata.after> until "after" is null.')
    return [["dirsync_nb", "\n".join(ours)], ["workos SDK", "\n".join(sdk)], ["cURL", "\n".join(curl)]]


def _address(base_url: str, before: str = "") -> str:
    return "" if base_url == PRODUCTION else f'{before}base_url="{base_url}"'


def _ours(kind: str, filters: Mapping[str, object]) -> str:
    if kind in LOADERS:
        given = "".join(f", {name}={value!r}" for name, value in filters.items())
        return f"ds.{LOADERS[kind]}(client{given})"
    return f"ds.load_{kind}(client, {next(iter(filters.values()))!r})"


def _sdk(kind: str, filters: Mapping[str, object]) -> str:
    if kind not in PATHS:
        return f"client.{SDK[kind]}({next(iter(filters.values()))!r})"
    wire = {_wire(kind, name): value for name, value in filters.items()}
    given = "".join(f"{name}={value!r}, " for name, value in wire.items())
    order = "" if kind == "events" else ', order="asc"'
    return f"list(client.{SDK[kind]}({given}limit=100{order}).auto_paging_iter())"


def _curl(base_url: str, kind: str, filters: Mapping[str, object]) -> str:
    if kind in PATHS:
        wire = {_wire(kind, name): _joined(value) for name, value in filters.items()} | {"limit": "100"}
        if kind != "events":
            wire["order"] = "asc"
        place = f"{PATHS[kind]}?{urlencode(wire, safe=',:')}"
    else:
        place = f"{PATHS[_plural(kind)]}/{quote(str(next(iter(filters.values()))), safe='')}"
    # Single quotes around the address: nothing in it is the shell's business.
    return f"curl -sS -H \"Authorization: Bearer $WORKOS_API_KEY\" \\\n  '{base_url}{place}'"


def _wire(kind: str, name: str) -> str:
    return WIRE.get(name, name) if kind in ("users", "groups") else name


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _plural(kind: str) -> str:
    return "directories" if kind == "directory" else f"{kind}s"
