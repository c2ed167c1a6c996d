"""The SCIM 2.0 door of a directory: what identity providers write to, with the service's rules.

Every write becomes a change, so that the events come out right; what was sent is kept beside it, so that a
GET gives it back. Profiles differ in what they let pass:

=========== ===================================================================================================
workos      ``active`` is a boolean in POST and PUT, and may be text in PATCH, as Entra ID sends it
lenient     text is taken for a boolean everywhere
strict      text is refused everywhere, and ``op`` must be in lower case
naive-total as workos, but ``totalResults`` counts the page only, as some servers do
=========== ===================================================================================================
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from ..directory.ids import bearer_token
from .endpoint import Door, ScimAnswer, ScimRequest, resources_of
from .schemas import ScimRefused

if TYPE_CHECKING:
    from ..directory.changes import Changes
    from ..directory.objects import Object
    from ..directory.store.resources import Resources
    from .profiles import Profile

__all__ = ["CONTENT_TYPE", "MOST_BYTES", "ScimAnswer", "ScimDoors", "ScimRequest", "too_large", "unauthorized"]

MOST_BYTES = 2_000_000
CONTENT_TYPE = "application/scim+json; charset=utf-8"


class ScimDoors:
    """Answer SCIM requests for every directory of an environment, in which ``changes`` make things happen."""

    def __init__(self, changes: Changes, profile: Profile) -> None:
        self._changes, self._profile = changes, profile
        self._store, self._seed = changes.store, changes.seed

    def open(self, external_key: str, authorization: str) -> Object | None:
        """Return the directory a key and a token open together, or None."""
        directory = self._store.directories.with_door(external_key)
        if directory is None:
            return None
        kind, _, given = authorization.partition(" ")
        known = [bearer_token(token_id, self._seed) for token_id in self._store.tokens.of(directory["n"])]
        right = [hmac.compare_digest(token.encode(), given.strip().encode()) for token in known]
        return directory if kind.lower() == "bearer" and any(right) else None

    def answer(self, directory: Object, request: ScimRequest) -> ScimAnswer:
        """Answer one request: all of its changes are made, or none."""
        try:
            with self._store.transaction():
                return Door(self._changes, directory, self._profile).answer(request)
        except ScimRefused as refusal:
            return ScimAnswer(refusal.status, refusal.body)

    def resources(self, directory_id: str) -> Resources:
        """Return the SCIM resources of a directory."""
        with self._store.transaction():
            return resources_of(self._store, self._store.directories.get(directory_id))


def unauthorized() -> ScimAnswer:
    """Refuse a wrong key or token."""
    refusal = ScimRefused(401, "The bearer token is not one of this directory's.")
    return ScimAnswer(401, refusal.body, {"WWW-Authenticate": "Bearer"})


def too_large() -> ScimAnswer:
    """Refuse a body that is too large."""
    return ScimAnswer(413, ScimRefused(413, f"The body is larger than {MOST_BYTES // 1_000:,} KB.").body)
