"""The code behind the onboarding widget: lines that select the same people and write the same lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...client import DirectoryClient
from .._base.code import Call, snippets

__all__ = ["onboarding_snippets"]

FRAMES = ("users", "groups")


def onboarding_snippets(
    client: DirectoryClient,
    directory_ids: Sequence[str],
    chosen: Sequence[str],
    app: Mapping[str, Any],
    attributes: Sequence[str],
    folder: str,
    kind: str,
) -> list[list[str]]:
    """Write the whole way from reading to files, for dirsync_nb, the SDK and cURL.

    Parameters
    ----------
    client, directory_ids
        What is read, and where.
    chosen
        Lines that give the index ``chosen``.
    app
        ``app_users``, ``on``, ``active``, ``status_words`` and ``seats``, as an invite list takes them.
    attributes
        Custom attributes that accounts get besides the usual ones.
    folder, kind
        Where files are written, and of which kind.
    """
    if not directory_ids:
        return snippets(client, ("directories", "directories", {}))
    ours = [*_joined(directory_ids), "", "from dirsync_nb import onboarding", "", *chosen]
    ours += _lists(app, attributes, folder, kind)
    sdk = _of_the_sdk(len(directory_ids))
    return snippets(client, *_reads(directory_ids), then="\n".join(ours), sdk_then="\n".join(sdk))


def _reads(directory_ids: Sequence[str]) -> list[Call]:
    """Read users and groups of each directory; of several, into variables with a number."""
    names = {kind: _numbered(kind, len(directory_ids)) for kind in FRAMES}
    return [
        (name, kind, {"directory_id": home})
        for kind in FRAMES
        for name, home in zip(names[kind], directory_ids, strict=True)
    ]


def _numbered(kind: str, count: int) -> list[str]:
    return [kind] if count == 1 else [f"{kind}_{number}" for number in range(1, count + 1)]


def _joined(directory_ids: Sequence[str]) -> list[str]:
    """Put what was read of several directories together, and read the memberships."""
    loads = [f"ds.load_memberships(client, directory_id={home!r})" for home in directory_ids]
    if len(loads) == 1:
        return [f"memberships = {loads[0]}"]
    lines = [f"{kind} = ds.concat([{', '.join(_numbered(kind, len(loads)))}])" for kind in FRAMES]
    return [*lines, f"memberships = ds.concat([{', '.join(loads)}])"]


def _lists(app: Mapping[str, Any], attributes: Sequence[str], folder: str, kind: str) -> list[str]:
    """Make the four lists of the people chosen, and write them."""
    lines, given = [], []
    if app["app_users"] is not None:
        lines.append("# app_users is your app's table, such as ds.load_app_users(url, table=...) gives it.")
        given += ["app_users=app_users", f"on={app['on']!r}"]
    given += [f"{name}={app[name]!r}" for name in ("active", "status_words", "seats") if app[name] is not None]
    more = "".join(f", {one}" for one in given)
    extra = f", attributes={list(attributes)!r}" if attributes else ""
    return [
        *lines,
        f"invites = onboarding.invite_list(users, groups, memberships, selected=chosen{more})",
        f"accounts = onboarding.account_prefill(users, invites{extra})",
        "teams = onboarding.team_prefill(groups, memberships, invites)",
        "team_members = onboarding.team_members(groups, memberships, invites)",
        'lists = {"invites": invites, "accounts": accounts, "teams": teams, "team_members": team_members}',
        f"onboarding.save_lists({folder!r}, lists, kind={kind!r})  # writes files, sends nothing",
    ]


def _of_the_sdk(count: int) -> list[str]:
    """Read members, and find each address once: as far as an SDK goes without frames."""
    sums = [f"{kind} = {' + '.join(_numbered(kind, count))}" for kind in FRAMES if count > 1]
    return [
        *sums,
        "members = {",
        "    group.id: client.directory_sync.list_users(group=group.id, limit=100).auto_paging_iter()",
        "    for group in groups",
        "}",
        'active = [user for user in users if user.state == "active" and user.email]',
        "addresses = {user.email.strip().casefold(): user for user in reversed(active)}  # each once",
    ]
