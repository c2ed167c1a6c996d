"""A program that is the WorkOS Directory Sync API, over HTTP, on this machine.

It needs no account and imports nothing else of dirsync_nb, so that client and sandbox are each a second opinion
on the other. ``python -m dirsync_nb.sandbox`` runs it by itself; ``Sandbox`` runs it on a thread.

Reading order: ``clock``, ``ids``, ``objects`` (shapes), ``store`` (SQLite), ``attributes``, ``founding``,
``happenings`` (changes and their events), ``providers``, ``people``, ``worlds``, ``seed`` (who is there),
``api`` (answers), ``limits``, ``faults``, ``deliveries`` (webhooks), ``control``, ``app`` (HTTP), ``server``
(thread and port), ``sandbox`` (all of it as one object), ``environments``, ``remote`` (the same object for
another process's sandbox).

How providers write: ``scim`` (the doors of all directories), ``scim_door`` (one of them), ``scim_forms``,
``scim_paths`` (filters and PATCH), ``scim_mapping``, ``scim_rows``, ``scim_projection``. Who writes: ``idp``,
``idp_okta``, ``idp_entra``, ``idp_others``; who is pulled: ``pulled``; a whole day of them: ``plays``.

From any other language, for instance Node::

    python -m dirsync_nb.sandbox --port 8787

    import { WorkOS } from '@workos-inc/node';
    const options = { apiHostname: '127.0.0.1', port: 8787, https: false };
    const workos = new WorkOS('sk_test_dirsync_sandbox', options);
    console.log((await workos.directorySync.listDirectories()).data);

``GET /_sandbox/scim`` tells where the providers of all directories write, and with which token.
``POST /_sandbox/play`` lets a day pass at an invented company.
"""

from .http.app import API_KEY
from .remote import RemoteSandbox
from .sandbox import Sandbox, ScimAccess, Truth

__all__ = ["API_KEY", "RemoteSandbox", "Sandbox", "ScimAccess", "Truth"]
