"""Keep tables of directory users, groups and memberships in step with WorkOS Directory Sync.

Read it in this order: ``config``, ``tables``, ``mirror`` (events and lists to rows), ``mapping`` and
``accounts`` (your own table), ``transport``, ``source`` (what is asked of WorkOS), ``worker`` (when), ``wake``
(webhooks), ``health``, ``logs``, ``__main__``.
"""
