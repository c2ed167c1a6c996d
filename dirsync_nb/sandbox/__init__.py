"""A program that is the WorkOS Directory Sync API, over HTTP, on this machine.

It needs no account and imports nothing else of dirsync_nb, so that client and sandbox are each a second opinion
on the other. ``python -m dirsync_nb.sandbox`` runs it by itself; ``Sandbox`` runs it on a thread.

Reading order: ``directory`` (what there is, and what can happen: ``clock``, ``ids``, ``objects``, ``store``,
``attributes``, ``create``, ``recorder``, ``changes``), ``seeding`` (who is there at first), ``http`` (``api``
answers; ``faults``, ``webhooks``, ``control``, ``app``, ``server``), ``scim`` (how providers write),
``providers`` (who writes, who is polled, and ``scenarios`` in which they do), then ``settings``, ``storage``,
``environment`` (all of it behind one key), ``sandbox`` (environments behind one port) and ``remote`` (the same
object for another process's sandbox).

From any other language, for instance Node::

    python -m dirsync_nb.sandbox --port 8787

    import { WorkOS } from '@workos-inc/node';
    const options = { apiHostname: '127.0.0.1', port: 8787, https: false };
    const workos = new WorkOS('sk_test_dirsync_sandbox', options);
    console.log((await workos.directorySync.listDirectories()).data);

``GET /_sandbox/scim`` tells where the providers of all directories write, and with which token.
``POST /_sandbox/play`` plays a scenario: a day at an invented company.
"""

from .http.app import API_KEY
from .remote import RemoteSandbox
from .sandbox import Sandbox, ScimAccess, Truth
from .seeding.exports import People, read_people

__all__ = ["API_KEY", "People", "RemoteSandbox", "Sandbox", "ScimAccess", "Truth", "read_people"]
