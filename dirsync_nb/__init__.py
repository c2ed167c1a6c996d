"""Explore WorkOS Directory Sync in Jupyter.

Five lines to a first table:

    import dirsync_nb as ds
    client = ds.connect()  # WORKOS_API_KEY, or the embedded sandbox without one
    directories = ds.load_directories(client)
    users = ds.load_users(client, directory_id=directories.index[0])
    groups = ds.load_groups(client, directory_id=directories.index[0])

Words
-----
*directory*: a customer's own list of people, kept at a provider such as Okta, Entra ID or Google Workspace.
*directory user*, *directory group*: what it holds. *membership*: one user in one group. *event*: one change.
*provisioning*: bringing such changes into an app. *cursor*: where the next page begins. *record*: one API
object, parsed. *frame*: a DataFrame with declared columns. *idp_id*: the provider's own id of an object.
*sandbox*: a small program that speaks the same API on this machine.

Reading order
-------------
``errors``, ``pacing``, ``transport``, ``endpoints``, ``pseudonyms``, ``client`` (requests to records);
``columns``, ``tables``, ``json_column``, ``packing``, ``frames`` (records to frames); ``many``, ``pieces``,
``places``, ``walks``, ``load``, ``memberships``, ``connect`` (what a person calls): each imports only from
those before it. All other rooms load when they are named, and pandas with the first of them that needs it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .connect import connect, connect_sandbox
from .errors import DirsyncError

if TYPE_CHECKING:
    __version__: str
    from . import (
        analysis,
        audit,
        charts,
        checklist,
        comparison,
        database,
        errors,
        files,
        fleet,
        follow,
        history,
        onboarding,
        sandbox,
        snapshot,
        sync,
        webhooks,
        what_if,
        widgets,
    )
    from .comparison import compare
    from .database import load_app_users
    from .fleet import open_fleet
    from .fleet_take import take_fleet
    from .follow import follow_events
    from .frames import concat, emails_frame, receipts_frame, spread_attributes
    from .load import (
        load_directories,
        load_directory,
        load_events,
        load_group,
        load_groups,
        load_organization,
        load_organizations,
        load_user,
        load_users,
    )
    from .memberships import load_memberships
    from .redaction import redact
    from .snapshot import open_snapshot, take_snapshot
    from .starter import write_starter

__all__ = [
    "DirsyncError",
    "analysis",
    "audit",
    "charts",
    "checklist",
    "compare",
    "comparison",
    "concat",
    "connect",
    "connect_sandbox",
    "database",
    "emails_frame",
    "errors",
    "files",
    "fleet",
    "follow",
    "follow_events",
    "history",
    "load_app_users",
    "load_directories",
    "load_directory",
    "load_events",
    "load_group",
    "load_groups",
    "load_memberships",
    "load_organization",
    "load_organizations",
    "load_user",
    "load_users",
    "onboarding",
    "open_fleet",
    "open_snapshot",
    "receipts_frame",
    "redact",
    "sandbox",
    "snapshot",
    "spread_attributes",
    "sync",
    "take_fleet",
    "take_snapshot",
    "webhooks",
    "what_if",
    "widgets",
    "write_starter",
]

_ON_DEMAND = {
    "analysis": "",
    "audit": "",
    "charts": "",
    "checklist": "",
    "compare": "comparison",
    "comparison": "",
    "concat": "frames",
    "database": "",
    "emails_frame": "frames",
    "files": "",
    "fleet": "",
    "follow": "",
    "follow_events": "follow",
    "history": "",
    "load_app_users": "database",
    "load_directories": "load",
    "load_directory": "load",
    "load_events": "load",
    "load_group": "load",
    "load_groups": "load",
    "load_memberships": "memberships",
    "load_organization": "load",
    "load_organizations": "load",
    "load_user": "load",
    "load_users": "load",
    "onboarding": "",
    "open_fleet": "fleet",
    "open_snapshot": "snapshot",
    "receipts_frame": "frames",
    "redact": "redaction",
    "sandbox": "",
    "snapshot": "",
    "spread_attributes": "frames",
    "sync": "",
    "take_fleet": "fleet_take",
    "take_snapshot": "snapshot",
    "webhooks": "",
    "what_if": "",
    "widgets": "",
    "write_starter": "starter",
}


def __getattr__(name: str) -> Any:
    """Load what needs more than requests when it is first named."""
    if name == "__version__":
        return import_module(".extras", __name__).version()
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _ON_DEMAND[name]
    if home:
        return getattr(import_module(f".{home}", __name__), name)
    return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted(__all__)
