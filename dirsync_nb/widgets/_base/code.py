"""The code behind a widget, in three ways that give the same: dirsync_nb, the official SDK, cURL.

The key never stands in it: each way reads ``WORKOS_API_KEY``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from urllib.parse import quote, urlencode

from ...client import DSYNC_EVENTS, DirectoryClient

__all__ = ["Call", "snippets"]

PRODUCTION = "https://api.workos.com"

PATHS = {
    "organizations": "/organizations",
    "directories": "/directories",
    "users": "/directory_users",
    "groups": "/directory_groups",
    "events": "/events",
}
WIRE = {"directory_id": "directory", "group_id": "group", "user_id": "user"}
OWN = ("organizations", "events")  # kinds with a client of their own in the SDK

SANDBOX_KEY = "# The embedded sandbox: set WORKOS_API_KEY to client.sandbox.api_key."
WIDE = 88  # characters of a line; a longer call has an argument on each

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
    reach = f"ds.connect({_address(base_url)})" if client.sandbox is None else _sandbox(client.sandbox)
    ours = ["import dirsync_nb as ds", "", f"client = {reach}"]
    if client.sandbox is None:
        address = _address(base_url, ", ")
        sdk = ["import os", "", "from workos import WorkOSClient", ""]
        sdk.append(f'client = WorkOSClient(api_key=os.environ["WORKOS_API_KEY"]{address})')
    else:
        sdk = ["import dirsync_nb as ds", "from workos import WorkOSClient", "", f"sandbox = {reach}.sandbox"]
        sdk.append("client = WorkOSClient(api_key=sandbox.api_key, base_url=sandbox.url)")
    curl = [] if client.sandbox is None else [SANDBOX_KEY]
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


def _sandbox(sandbox: Any) -> str:
    """Return how to meet the same sandbox: by the settings it was made with."""
    from ...sandbox import Sandbox

    if not isinstance(sandbox, Sandbox):
        return "ds.connect()"  # one that several kernels share
    given = {
        one.name: value if isinstance(value, (str, bool, int, tuple)) else str(value)
        for one in fields(sandbox.settings)
        if (value := getattr(sandbox.settings, one.name)) != one.default
    }
    return _call("ds.connect_sandbox", [f"{name}={value!r}" for name, value in given.items()])


def _ours(kind: str, filters: Mapping[str, object]) -> str:
    if kind in PATHS:
        # All events of Directory Sync are what the loader reads anyway.
        asked = {n: v for n, v in filters.items() if not (n == "events" and _all_events(v))}
        return _call(f"ds.load_{kind}", ["client", *(f"{name}={v!r}" for name, v in asked.items())])
    return f"ds.load_{kind}(client, {next(iter(filters.values()))!r})"


def _sdk(kind: str, filters: Mapping[str, object]) -> str:
    if kind not in PATHS:
        return f"client.directory_sync.get_{kind}({next(iter(filters.values()))!r})"
    given = [f"{_wire(kind, name)}={_listed(value)}" for name, value in filters.items()]
    order = [] if kind == "events" else ['order="asc"']
    whose = kind if kind in OWN else "directory_sync"
    call = _call(f"client.{whose}.list_{kind}", [*given, "limit=100", *order])
    return f"list({call}.auto_paging_iter())"


def _curl(base_url: str, kind: str, filters: Mapping[str, object]) -> str:
    if kind in PATHS:
        wire = {_wire(kind, name): _joined(value) for name, value in filters.items()} | {"limit": "100"}
        if kind != "events":
            wire["order"] = "asc"
        place = f"{PATHS[kind]}?{urlencode(wire, safe=',:')}"
    else:
        wire = {}
        place = f"{PATHS[_plural(kind)]}/{quote(str(next(iter(filters.values()))), safe='')}"
    # Single quotes around the address: nothing in it is the shell's business.
    whole = f"'{base_url}{place}'"
    if len(whole) > 2 * WIDE:
        asked = "".join(f" \\\n  -d '{urlencode({name: v}, safe=',:[]')}'" for name, v in _each(wire))
        whole = f"-G '{base_url}{PATHS[kind]}'{asked}"
    return f'curl -sS -H "Authorization: Bearer $WORKOS_API_KEY" \\\n  {whole}'


def _each(wire: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each argument for a line of its own; of a list, each entry as one."""
    return [
        (f"{name}[]" if "," in value else name, one) for name, value in wire.items() for one in value.split(",")
    ]


def _call(function: str, arguments: Sequence[str]) -> str:
    """Write a call on one line, or an argument a line where that is too long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDE and "\n" not in line:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _listed(value: object) -> str:
    """Write a value; a long list with an entry on each line."""
    if not isinstance(value, (list, tuple)) or len(repr(value)) <= WIDE:
        return repr(value)
    return "[\n" + "".join(f"        {entry!r},\n" for entry in value) + "    ]"


def _all_events(value: object) -> bool:
    return isinstance(value, (list, tuple)) and set(value) == set(DSYNC_EVENTS)


def _wire(kind: str, name: str) -> str:
    return WIRE.get(name, name) if kind in ("users", "groups") else name


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _plural(kind: str) -> str:
    return "directories" if kind == "directory" else f"{kind}s"
