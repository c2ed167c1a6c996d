"""Which predefined attributes are switched on, and what becomes of the values of those that are not.

A value that is switched off is not lost: the provider still has it. It waits in the table ``hidden``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import objects
from .provider_traits import FACTS
from .refusal import require_one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .objects import Object
    from .store import Row, Store

PREDEFINED: tuple[str, ...] = tuple(FACTS["attributes"])


def switched_off(store: Store, directory: int) -> frozenset[str]:
    """Name what is off: in the environment, and in one directory of the seed for itself."""
    found = [store.meta("switched_off"), store.meta(f"switched_off/{directory}")]
    return frozenset(name for text in found if text for name in text.split())


def switch_off_for(store: Store, directory: int, names: Iterable[str]) -> None:
    """Switch attributes off for one directory, as some seeds have it."""
    store.set_meta(f"switched_off/{directory}", " ".join(names))


def switch(store: Store, name: str, *, on: bool) -> None:
    """Note that an attribute is on or off from now on."""
    require_one_of("name", name, PREDEFINED)
    off = set((store.meta("switched_off") or "").split())
    store.set_meta("switched_off", " ".join(sorted(off - {name} if on else off | {name})))


def split(store: Store, directory: int, values: Mapping[str, Any]) -> tuple[Object, Object]:
    """Part attributes into those that show and those that do not."""
    off = switched_off(store, directory)
    shown = {name: value for name, value in values.items() if name not in off}
    return shown, {name: value for name, value in values.items() if name in off}


def hide(store: Store, user_n: int, values: Mapping[str, Any]) -> None:
    """Keep what does not show."""
    for name, value in values.items():
        store.users.hide(user_n, name, objects.text(value))


def switched(store: Store, row: Row, user: Object, name: str, *, on: bool) -> Object | None:
    """Return a user as it is to be saved after an attribute was switched; None if nothing is different."""
    values = user["custom_attributes"]
    if not on:  # saving hides it
        return {**user} if name in values else None
    if name in switched_off(store, row.directory) or name in values:
        return None
    found = store.users.unhide(row.n, name)
    return {**user, "custom_attributes": {**values, name: json.loads(found) if found else None}}
